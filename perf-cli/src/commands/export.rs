//! `export`: everything that is known of a range of time, for others.

use super::{FINE, Parameters};
use crate::args::Export;
use crate::choice::{ExportFormat, word};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::show;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

pub(super) fn export(client: &Client, args: &Export, output: &mut Output<'_>) -> Result<u8, Failure> {
    let is_dashboard = args.format == ExportFormat::Grafana;
    let (path, parameters) = if is_dashboard {
        let name: String = form_urlencoded::byte_serialize(args.dashboard.as_bytes()).collect();
        (format!("/api/v1/grafana/{}", name.replace('+', "%20")), Parameters::default())
    } else {
        let format = Parameters::default().with("format", Some(word(args.format)));
        ("/api/v1/export".to_owned(), format.within(&args.range).with("step", args.step.as_ref()))
    };
    save(&path, &parameters, args.output.as_deref(), client, output)
}

/// Writes the answer to a file that was named, or to the standard output.
pub(super) fn save(
    path: &str,
    parameters: &Parameters,
    file: Option<&Path>,
    client: &Client,
    output: &mut Output<'_>,
) -> Result<u8, Failure> {
    let Some(file) = file else {
        client.download(path, &parameters.pairs(), output.writer())?;
        return Ok(FINE);
    };
    let written =
        whole(file, |out| client.download(path, &parameters.pairs(), &mut Followed { out, output, bytes: 0 }));
    output.progress("")?;
    let bytes = written?;
    output.say(Look::Good, &format!("{}: {}", file.display(), show::bytes(bytes as f64)))?;
    Ok(FINE)
}

/// Says of each MiB that it is written.
struct Followed<'a, 'b> {
    out: &'a mut dyn Write,
    output: &'a mut Output<'b>,
    bytes: u64,
}

impl Write for Followed<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        let before = self.bytes >> 20;
        self.bytes += written as u64;
        if self.bytes >> 20 > before {
            // A person who is gone keeps nothing from being written.
            let _ = self.output.progress(&format!("{} so far", show::bytes(self.bytes as f64)));
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes a file beside its place, and moves it there when it is whole: half of one is never taken for all of it.
pub(super) fn whole(file: &Path, write: impl FnOnce(&mut dyn Write) -> Result<u64, Failure>) -> Result<u64, Failure> {
    let wrong = |error: io::Error| Failure::Unreachable(format!("{}: {error}", file.display()));
    let mut beside = file.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = PathBuf::from(beside);
    let mut out = BufWriter::new(File::create_new(&beside).map_err(wrong)?);
    let written = write(&mut out).and_then(|bytes| {
        out.flush().map_err(wrong)?;
        fs::rename(&beside, file).map_err(wrong)?;
        Ok(bytes)
    });
    if written.is_err() {
        // It is of no use; where it cannot be removed, the reason why it was not written is the one to tell.
        let _ = fs::remove_file(&beside);
    }
    written
}
