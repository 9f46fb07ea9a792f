//! Findings beside the field's own benchmarks.
//!
//! `nab DIR`, `m4 DIR`, `petshop DIR`, and `faults`, `cost` and `unusual`, which need no data; the last line is JSON, and `--out FILE` writes what was found, for another scorer.

mod cost;
mod faults;
mod files;
mod m4;
mod nab;
mod petshop;
mod unusual;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "insight nab DIR | m4 DIR | petshop DIR | faults | cost | unusual  [--out FILE]";

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
    let words: Vec<&str> = plain.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["nab", folder] => nab::run(Path::new(folder)),
        ["m4", folder] => m4::run(Path::new(folder)),
        ["petshop", folder] => petshop::run(Path::new(folder)),
        ["cost"] => cost::run(),
        ["unusual"] => unusual::run(0),
        ["unusual", "told"] => unusual::told(0),
        ["unusual", "seeds", from] => match from.parse() {
            Ok(from) => unusual::run(from),
            Err(error) => Err(format!("seeds: {error}")),
        },
        ["faults"] => faults::run(None, 0),
        // Other seeds than those that the rules were looked at with.
        ["faults", "seeds", from] => match from.parse() {
            Ok(from) => faults::run(None, from),
            Err(error) => Err(format!("seeds: {error}")),
        },
        // One fault alone, or `quiet`.
        ["fault-row", fault, load, seed] => faults::row(fault, load, seed),
        ["faults", only] => faults::run(Some(only), 0),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
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
