//! Secrets as settings write them: as they are, by the name of a variable, or by the path of a file.

use super::secret::Secret;
use super::settings::ChannelError;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// One of the three ways in which a secret is written.
pub(super) struct Written<'a> {
    pub(super) key: &'static str,
    pub(super) value: &'a Option<Secret>,
    pub(super) variable: &'a Option<String>,
    pub(super) file: &'a Option<PathBuf>,
}

impl Written<'_> {
    /// The secret, `None` where it is not set.
    pub(super) fn read(&self, variable_of: &dyn Fn(&str) -> Option<String>) -> Result<Option<Secret>, ChannelError> {
        let key = self.key;
        let value = match (self.value, self.variable, self.file) {
            (None, None, None) => return Ok(None),
            (Some(value), None, None) => value.expose().to_owned(),
            (None, Some(variable), None) => variable_of(variable).ok_or_else(|| {
                let allowed = "the name of an environment variable that is set, in Unicode";
                ChannelError::new(format!("{key}_env"), variable, allowed)
            })?,
            (None, None, Some(file)) => read_file(&format!("{key}_file"), file)?,
            _ => {
                return Err(ChannelError::of_secret(
                    key,
                    format!("one of {key}, {key}_env and {key}_file, not several"),
                ));
            }
        };
        let value = value.trim_end_matches(['\r', '\n']);
        if value.is_empty() || value.contains(char::is_control) {
            return Err(ChannelError::of_secret(key, "one line that is not empty"));
        }
        Ok(Some(Secret::new(value)))
    }

    /// The secret, which must be set.
    pub(super) fn required(&self, variable_of: &dyn Fn(&str) -> Option<String>) -> Result<Secret, ChannelError> {
        let key = self.key;
        let missing =
            || ChannelError::missing(key, &format!("a value: one of {key}, {key}_env and {key}_file must be set"));
        self.read(variable_of)?.ok_or_else(missing)
    }
}

/// The text of a file of at most 1 MiB.
pub(super) fn read_file(field: &str, path: &Path) -> Result<String, ChannelError> {
    const MOST: u64 = 1 << 20;
    let refused =
        |why: String| ChannelError::new(field, path.display().to_string(), format!("a file that can be read: {why}"));
    let file = File::open(path).map_err(|error| refused(error.to_string()))?;
    let mut text = String::new();
    file.take(MOST + 1).read_to_string(&mut text).map_err(|error| refused(error.to_string()))?;
    if text.len() as u64 > MOST { Err(refused("it has more than 1 MiB".to_owned())) } else { Ok(text) }
}
