//! `export`: everything that is known of a range of time, for others.

use super::{FINE, Parameters};
use crate::args::Export;
use crate::choice::{ExportFormat, word};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::show;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
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
    let download = |out: &mut dyn Write| client.download(path, &parameters.pairs(), out);
    let Some(file) = file else {
        download(output.writer())?;
        return Ok(FINE);
    };
    let bytes = whole(file, download)?;
    output.say(Look::Good, &format!("{}: {}", file.display(), show::bytes(bytes as f64)))?;
    Ok(FINE)
}

/// Writes a file beside its place, and moves it there when it is whole: half of one is never taken for all of it.
pub(super) fn whole(file: &Path, write: impl Fn(&mut dyn Write) -> Result<u64, Failure>) -> Result<u64, Failure> {
    let wrong = |error: std::io::Error| Failure::Unreachable(format!("{}: {error}", file.display()));
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
