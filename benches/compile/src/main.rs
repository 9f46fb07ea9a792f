//! The cost of a thousand annotated functions to the compiler, beside a peer: writes one crate a kind, checks each in turn.

mod generate;
mod timing;

use generate::{FUNCTIONS, KINDS, Kind};
use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use timing::{Cost, measure, median};

const ROUNDS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = match env::args().nth(1) {
        Some(quick) if quick == "--quick" => 1,
        Some(rounds) => rounds.parse().map_err(|_| "usage: compile [ROUNDS | --quick]")?,
        None => ROUNDS,
    };
    let crates = crates_folder()?;
    generate::write(&crates)?;
    // The versions of the dependencies are those of the other benchmark: cargo takes them from the lock file it finds.
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock"), crates.join("Cargo.lock"))?;
    eprintln!("checking all kinds once, with what they depend on");
    for kind in &KINDS {
        // One by one: together they would share the features of what they depend on, and each would build it anew
        // alone.
        check(&crates, kind)?;
    }

    let mut costs: [Vec<Cost>; KINDS.len()] = Default::default();
    for round in 1..=rounds {
        // Every kind once a round, so that a slow minute of the machine meets all of them.
        for (kind, costs) in KINDS.iter().zip(&mut costs) {
            eprintln!("round {round} of {rounds}: {}", kind.name);
            generate::touch(&crates, kind)?;
            costs.push(measure(|| check(&crates, kind))?);
        }
    }
    print!("{}", table(&costs));
    Ok(())
}

/// A folder beside the build's own, which everybody's ignore list has already.
fn crates_folder() -> Result<PathBuf, Box<dyn Error>> {
    let program = env::current_exe()?;
    let target = program.ancestors().nth(2).ok_or("the program does not lie in a target folder")?;
    Ok(target.join("compile-crates"))
}

fn check(crates: &Path, kind: &Kind) -> Result<(), Box<dyn Error>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(cargo)
        .args(["check", "--quiet", "--target-dir", "target", "-p", kind.name])
        .current_dir(crates)
        // An incremental check would only compare fingerprints.
        .env("CARGO_INCREMENTAL", "0")
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("`cargo check -p {}`: {status}", kind.name).into()) }
}

fn table(costs: &[Vec<Cost>]) -> String {
    let mut text = format!(
        "| {FUNCTIONS} functions, `cargo check` | wall s: min | median | max | × plain | processor s: median | × plain |\n\
         |---|--:|--:|--:|--:|--:|--:|\n"
    );
    let all = |costs: &[Cost], what: fn(&Cost) -> f64| costs.iter().map(what).collect::<Vec<f64>>();
    let wall = |costs: &[Cost]| all(costs, |cost| cost.wall);
    let processor = |costs: &[Cost]| all(costs, |cost| cost.processor.unwrap_or(f64::NAN));
    let Some(plain) = costs.first() else { return text };
    for (Kind { attribute, .. }, costs) in KINDS.iter().zip(costs) {
        let (wall_median, processor_median) = (median(wall(costs)), median(processor(costs)));
        let min = wall(costs).into_iter().fold(f64::INFINITY, f64::min);
        let max = wall(costs).into_iter().fold(0.0, f64::max);
        let _ = writeln!(
            text,
            "| {} | {min:.2} | {wall_median:.2} | {max:.2} | {:.1} | {processor_median:.2} | {:.1} |",
            if attribute.is_empty() { "plain".to_owned() } else { format!("`{attribute}`") },
            wall_median / median(wall(plain)),
            processor_median / median(processor(plain)),
        );
    }
    text
}
