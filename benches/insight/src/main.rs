//! Findings beside the field's own benchmarks.
//!
//! `nab DIR`, `m4 DIR`, `petshop DIR`; the last line is JSON, and `--out FILE` writes what was found, for another scorer.

mod files;
mod m4;
mod nab;
mod petshop;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "insight nab DIR | m4 DIR | petshop DIR  [--out FILE]";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let (mut plain, mut out) = (Vec::new(), None);
    while let Some(word) = words.next() {
        if word == "--out" {
            out = words.next().map(PathBuf::from);
        } else {
            plain.push(word);
        }
    }
    let [command, folder] = plain.as_slice() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let folder = Path::new(folder);
    let done = match command.as_str() {
        "nab" => nab::run(folder),
        "m4" => m4::run(folder),
        "petshop" => petshop::run(folder),
        _ => Err(USAGE.to_owned()),
    };
    let written = done.and_then(|(found, line)| {
        if let Some(path) = out {
            std::fs::write(&path, found).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        println!("{line}");
        Ok(())
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
