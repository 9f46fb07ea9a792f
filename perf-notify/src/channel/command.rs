//! A program that is run for each message, with the webhook's JSON on its standard input.

use super::http::MOST_READ;
use super::notice;
use super::secret::Scrub;
use super::settings::{ChannelError, ChannelSettings};
use super::{Accepted, Again, Channel, Opening, Refused};
use crate::message::Message;
use crate::words::clean::line;
use crate::words::{Count, Style};
use std::io::{self, Read, Write};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// The longest that the program may run.
const PATIENCE: Duration = Duration::from_secs(10);

/// A program and its arguments.
pub(super) struct Command {
    name: String,
    program: String,
    arguments: Vec<String>,
    patience: Duration,
}

impl Command {
    pub(super) fn open(name: &str, settings: &ChannelSettings, opening: &Opening<'_>) -> Result<Self, ChannelError> {
        let refused = |allowed| ChannelError::new("command", line(&settings.command.join(" ")), allowed);
        if !opening.allow_commands {
            return Err(ChannelError::new("type", "command", "another type, unless notify.allow_commands = true"));
        }
        let Some((program, arguments)) = settings.command.split_first().filter(|(program, _)| !program.is_empty())
        else {
            return Err(refused(
                "a program and its arguments, such as [\"/usr/local/bin/page\", \"--team\", \"shop\"]",
            ));
        };
        if settings.command.iter().any(|part| part.contains('\0')) {
            return Err(refused("a program and its arguments, without zero bytes"));
        }
        Ok(Self { name: name.to_owned(), program: program.clone(), arguments: arguments.to_vec(), patience: PATIENCE })
    }

    fn run(&self, input: Vec<u8>) -> io::Result<(Option<ExitStatus>, String)> {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.arguments).env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, so that all that it starts can be ended with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let deadline = Instant::now() + self.patience;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that reads nothing must not hold us up. One that closes its input does no wrong.
            thread::Builder::new()
                .spawn(move || stdin.write_all(&input))
                .map_err(|error| stopped(&mut child, error))?;
        }
        let said = [child.stdout.take().map(beginning), child.stderr.take().map(beginning)];
        let said: Vec<Receiver<String>> =
            said.into_iter().flatten().collect::<io::Result<_>>().map_err(|error| stopped(&mut child, error))?;
        let status = wait(&mut child, deadline)?;
        if status.is_none() {
            end(&mut child);
        }
        let said = said.into_iter().map(|said| {
            // Something that the program left behind may hold its output open.
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(200));
            said.recv_timeout(left).unwrap_or_default()
        });
        let said: Vec<String> = said.filter(|said| !said.is_empty()).collect();
        Ok((status, said.join(" ")))
    }
}

/// The beginning of an output. It is read to its end, so that the program is not held up.
fn beginning(mut output: impl Read + Send + 'static) -> io::Result<Receiver<String>> {
    let (sender, receiver) = sync_channel(1);
    let read = move || {
        let mut kept = Vec::new();
        let _ = output.by_ref().take(MOST_READ as u64).read_to_end(&mut kept);
        // A program may repeat the message, with the links that acknowledge.
        let kept = Scrub::default().clean(&line(String::from_utf8_lossy(&kept).trim()));
        let _ = sender.send(Style::Plain.fitted(&kept, MOST_READ / 2, Count::Bytes));
        let _ = io::copy(&mut output, &mut io::sink());
    };
    thread::Builder::new().spawn(read).map(|_| receiver)
}

/// Waits for a program to end; `None` where it does not.
fn wait(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The error, after the program that it left behind has ended.
fn stopped(child: &mut Child, error: io::Error) -> io::Error {
    end(child);
    error
}

/// Ends a program and all that it started.
fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Ok(group) = i32::try_from(child.id()) {
        let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(group), nix::sys::signal::Signal::SIGKILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

impl Channel for Command {
    fn send(&mut self, message: &Message) -> Result<Accepted, Refused> {
        let refused = |reason: String, again| Refused { reason: format!("the program {reason}"), status: None, again };
        let input = notice::body(&self.name, message)
            .map_err(|error| refused(format!("was given nothing: {error}"), Again::Never))?;
        match self.run(input) {
            Ok((Some(status), said)) if status.success() => Ok(Accepted { status: None, body: said }),
            Ok((Some(status), said)) => Err(refused(format!("failed ({status}): {said}"), Again::Later)),
            Ok((None, said)) => Err(refused(format!("was ended after {:?}: {said}", self.patience), Again::Later)),
            Err(error) => {
                let is_there = !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied);
                let again = if is_there { Again::Later } else { Again::Never };
                Err(refused(format!("does not start: {error}"), again))
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::words::tests::{alert, hostile, message, notice};
    use serde_json::{Value, json};

    fn shell(script: &str) -> Command {
        Command {
            name: "page".to_owned(),
            program: "/bin/sh".to_owned(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            patience: Duration::from_secs(5),
        }
    }

    #[test]
    fn a_program_reads_the_message_and_little_of_the_environment() {
        let answer = shell("cat").send(&message(vec![alert(&json!({}))])).unwrap();
        assert!(answer.body.starts_with(r#"{"version":"4","groupKey":"shop""#), "{}", answer.body);
        assert!(answer.body.len() <= 1_024);
        let answer = shell("cat").send(&notice("The week", "12 deploys")).unwrap();
        assert!(answer.body.starts_with(r#"{"type":"notice","version":"1","receiver":"page","#), "{}", answer.body);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("message.json");
        shell(&format!("cat > {}", file.display())).send(&hostile("$(touch /tmp/x); `id`")).unwrap();
        let read: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(read["alerts"].as_array().unwrap().len(), crate::words::tests::HOSTILE);
        let answer = shell("env | cut -d= -f1 | sort | tr '\\n' ' '").send(&message(vec![])).unwrap();
        // `PWD`, `_` and the like are the shell's own.
        assert!(!answer.body.contains("CARGO") && !answer.body.contains("HOME"), "{}", answer.body);
    }

    #[test]
    fn a_program_that_fails_or_is_missing_did_not_take_it() {
        let refused = shell("echo no >&2; exit 3").send(&message(vec![])).unwrap_err();
        assert_eq!(refused.reason, "the program failed (exit status: 3): no");
        assert_eq!(refused.again, Again::Later);
        let missing =
            Command { program: "/nowhere/at/all".to_owned(), ..shell("") }.send(&message(vec![])).unwrap_err();
        assert_eq!(missing.again, Again::Never, "{}", missing.reason);
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("late");
        let script = format!("(sleep 1; touch {}) & sleep 60", file.display());
        let begun = Instant::now();
        let hangs = Command { patience: Duration::from_millis(300), ..shell(&script) }.send(&hostile("x"));
        assert!(hangs.unwrap_err().reason.contains("was ended after 300ms"));
        assert!(begun.elapsed() < Duration::from_secs(5));
        thread::sleep(Duration::from_millis(1_500));
        assert!(!file.exists(), "what it started went on");
    }
}
