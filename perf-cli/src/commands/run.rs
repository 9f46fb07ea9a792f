//! `run`: a program several times, and the version before in turn.

use super::FINE;
use super::diff::{check, told};
use crate::args::Run;
use crate::diff::{USAGE, USAGE_SCHEMA, Usage, side_of};
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::session::{Ended, Stop, Tree, here, run as run_command, why_no_instructions};
use crate::show;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf, absolute};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The variable that has a program write its report at its end.
const AT_SHUTDOWN: &str = "PERF_REPORT_AT_SHUTDOWN";
/// The variable that names the folder for what a program keeps, as systemd sets it: a history on disk would hand the calls of one run on to the
/// report of the next.
const STATE: &str = "STATE_DIRECTORY";
/// The variable by which cargo is told where to build.
const TARGET: &str = "CARGO_TARGET_DIR";
/// The same as a setting of its file; it gives way to the other.
const TARGET_AS_CONFIGURED: &str = "CARGO_BUILD_TARGET_DIR";
/// How much of the end of what a command wrote is looked through for its last words.
const LAST_WORDS: u64 = 4_096;
/// The most characters of them that are told.
const MOST_WORDS: usize = 200;

/// A version of the program, and the folder of its reports.
struct Version<'a> {
    name: &'static str,
    folder: PathBuf,
    /// Where it is the version before.
    tree: Option<&'a Tree>,
    reports: PathBuf,
}

pub(super) fn run(args: &Run, output: &mut Output<'_>) -> Result<u8, Failure> {
    check(&args.judging, output)?;
    if args.judging.markdown && args.base.is_none() {
        return Err(Failure::Usage("--markdown needs --base: one side is not judged".to_owned()));
    }
    let room = TempDir::with_prefix("perf-cli-").map_err(|error| cannot("a temporary folder", &error))?;
    let reports = match &args.output {
        Some(path) => empty_folder(path)?,
        None => room.path().to_owned(),
    };
    if let Some(why) = why_no_instructions() {
        output.note(&format!("Instructions are not counted: {why}."))?;
    }
    let stop = Stop::new()?;
    let tree = args.base.as_deref().map(Tree::of).transpose()?;
    let ran = in_turn(args, tree.as_ref(), &reports, &stop, output);
    output.progress("")?;
    let versions = ran?;
    drop(tree);
    if let [base, head] = versions.as_slice() {
        return told(&given(base)?, &given(head)?, &args.judging, output);
    }
    let shown = reports.display().to_string();
    let text = format!("{} reports are in {shown}: `perf-cli diff` compares them with others.", args.runs);
    if !output.document(&serde_json::json!({"runs": args.runs, "reports": shown}).to_string())? {
        output.told(Look::Good, &text, [shown.as_str()].map(Into::into))?;
    }
    Ok(FINE)
}

/// Runs each version in turn, so that what the machine does meanwhile hits both alike, and gives the folders of their reports.
fn in_turn(
    args: &Run,
    tree: Option<&Tree>,
    reports: &Path,
    stop: &Stop,
    output: &mut Output<'_>,
) -> Result<Vec<PathBuf>, Failure> {
    let head = |reports| Ok::<_, Failure>(Version { name: "head", folder: here()?, tree: None, reports });
    let versions = match tree {
        None => vec![head(reports.to_owned())?],
        Some(tree) => {
            let folder = tree.folder().to_owned();
            let base = Version { name: "base", folder, tree: Some(tree), reports: reports.join("base") };
            vec![base, head(reports.join("head"))?]
        }
    };
    // Each version is built, where it is, and run once more than is counted.
    let of = versions.len() as u64 * (u64::from(args.runs) + 1 + u64::from(args.build.is_some()));
    let mut done = 0..;
    let mut next = || done.next().unwrap_or(of);
    for version in &versions {
        fs::create_dir_all(&version.reports).map_err(|error| cannot(&version.reports.display().to_string(), &error))?;
        if let Some(build) = &args.build {
            output.bar(next(), of, &format!("{}: it is built", version.name))?;
            let mut command = Command::new("sh");
            command.arg("-c").arg(build);
            version.carry_out(&mut command, &Label::Build, stop)?;
        }
        output.bar(next(), of, &format!("{}: a run that does not count", version.name))?;
        version.run(&args.command, &Label::WarmUp, stop)?;
    }
    for round in 1..=args.runs {
        let turned: Vec<&Version<'_>> =
            if round % 2 == 1 { versions.iter().collect() } else { versions.iter().rev().collect() };
        for version in turned {
            output.bar(next(), of, &format!("{}: run {round} of {}", version.name, args.runs))?;
            version.run(&args.command, &Label::Run(round), stop)?;
        }
    }
    Ok(versions.into_iter().map(|version| version.reports).collect())
}

/// The command and its program.
enum Label {
    Build,
    WarmUp,
    Run(u32),
}

impl Label {
    /// The name of its files, in the order of the runs.
    fn stem(&self) -> String {
        match self {
            Self::Build => "build".to_owned(),
            Self::WarmUp => "warm-up".to_owned(),
            Self::Run(number) => format!("{number:03}"),
        }
    }
}

impl Version<'_> {
    /// Runs the program, which is to write a report.
    fn run(&self, words: &[OsString], label: &Label, stop: &Stop) -> Result<(), Failure> {
        let Some((program, rest)) = words.split_first() else { return Ok(()) };
        let report = self.reports.join(format!("{}.json", label.stem()));
        let state = TempDir::with_prefix("perf-cli-").map_err(|error| cannot("a temporary folder", &error))?;
        let mut command = Command::new(self.program(program)?);
        command.args(rest).env(AT_SHUTDOWN, &report).env(STATE, state.path());
        let ended = self.carry_out(&mut command, label, stop)?;
        if !report.is_file() {
            return Err(Failure::Usage(format!(
                "{}, {}: it wrote no report. The program is to end with Perf::shutdown, and to have the feature `report`",
                self.name,
                label.stem()
            )));
        }
        if matches!(label, Label::WarmUp) {
            return fs::remove_file(&report).map_err(|error| cannot(&report.display().to_string(), &error));
        }
        let Ended { cpu_seconds, peak_bytes, instructions, .. } = ended;
        let (instructions, why_no_instructions) = match instructions {
            Ok(count) => (Some(count), None),
            Err(why) => (None, Some(why)),
        };
        let schema = USAGE_SCHEMA.to_owned();
        let usage = Usage { schema, cpu_seconds, peak_bytes, instructions, why_no_instructions };
        let text = serde_json::to_string(&usage).map_err(|error| Failure::Usage(error.to_string()))?;
        let path = report.with_extension(USAGE);
        fs::write(&path, text).map_err(|error| cannot(&path.display().to_string(), &error))
    }

    /// The path of a program: one with a folder in it is looked for in this version, wherever it is named from.
    fn program(&self, program: &OsStr) -> Result<PathBuf, Failure> {
        let path = Path::new(program);
        // A name alone is looked for in PATH; `./name` is in this folder.
        if !program.to_string_lossy().contains(std::path::is_separator) {
            return Ok(path.to_owned());
        }
        let Some(tree) = self.tree else { return Ok(self.folder.join(path)) };
        let target = std::env::var_os(TARGET).or_else(|| std::env::var_os(TARGET_AS_CONFIGURED)).map(PathBuf::from);
        match tree.place_of(path, target.as_deref()) {
            Some(place) => Ok(place),
            // An interpreter, and the like.
            None if path.is_absolute() => Ok(path.to_owned()),
            None => Err(Failure::Usage(format!(
                "{}: it is outside of the repository, so that both versions would be the same program",
                path.display()
            ))),
        }
    }

    /// Runs a command in the folder of this version, to a good end. What it writes goes to a file beside the reports.
    fn carry_out(&self, command: &mut Command, label: &Label, stop: &Stop) -> Result<Ended, Failure> {
        stop.check()?;
        let path = self.reports.join(format!("{}.log", label.stem()));
        let open = || {
            let log = File::options().create(true).truncate(true).read(true).write(true).open(&path)?;
            Ok((log.try_clone()?, log.try_clone()?, log))
        };
        let (out, err, log) = open().map_err(|error| cannot(&path.display().to_string(), &error))?;
        command.current_dir(&self.folder).stdin(Stdio::null()).stdout(out).stderr(err);
        // In one folder each version would build anew at each turn, or take the other's program for its own.
        for name in [TARGET, TARGET_AS_CONFIGURED] {
            if let (Some(tree), Some(target)) = (self.tree, std::env::var_os(name)) {
                command.env(name, tree.target(Path::new(&target)));
            }
        }
        let told = |text: &str| Failure::Usage(format!("{}, {}: {text}", self.name, label.stem()));
        let program = command.get_program().to_string_lossy().into_owned();
        let ended = run_command(command, stop).map_err(|error| told(&format!("{program}: {error}")))?;
        stop.check()?;
        if ended.status.success() {
            return Ok(ended);
        }
        let words = last_words(log).map(|words| format!(": {words}")).unwrap_or_default();
        Err(told(&format!("it ended with {}{words}", ended.status)))
    }
}

/// The last line that a command wrote, if there is one.
fn last_words(mut log: File) -> Option<String> {
    let length = log.metadata().ok()?.len();
    log.seek(SeekFrom::Start(length.saturating_sub(LAST_WORDS))).ok()?;
    let mut bytes = Vec::new();
    log.take(LAST_WORDS).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(show::clean(line.trim()).chars().take(MOST_WORDS).collect())
}

/// The folder for reports, which none of before are in.
fn empty_folder(path: &Path) -> Result<PathBuf, Failure> {
    let shown = path.display().to_string();
    fs::create_dir_all(path).map_err(|error| cannot(&shown, &error))?;
    let mut entries = fs::read_dir(path).map_err(|error| cannot(&shown, &error))?;
    if entries.next().is_some() {
        return Err(Failure::Usage(format!("--output {shown}: it should be a new or an empty folder")));
    }
    absolute(path).map_err(|error| cannot(&shown, &error))
}

fn given(folder: &Path) -> Result<crate::diff::Side, Failure> {
    side_of(&folder.to_string_lossy())
}

fn cannot(what: &str, error: &std::io::Error) -> Failure {
    Failure::Unreachable(format!("{what}: {error}"))
}
