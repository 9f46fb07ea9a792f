//! `top`: a screen that keeps up.

mod draw;
mod feed;
#[cfg(unix)]
mod hang_up;
mod state;

use crate::client::Client;
use crate::failure::Failure;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use state::{Screen, Todo};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::TryRecvError;
use std::time::Duration;

/// How long a key may wait, and the age of figures stands still.
const BEAT: Duration = Duration::from_millis(250);

/// Shows the screen until it is left, or the terminal has gone. The terminal is restored then, after a panic, and where the process is asked to
/// end.
pub(crate) fn top(client: Client, interval: Duration, coloured: bool) -> Result<(), Failure> {
    if !io::stdout().is_terminal() {
        let text = "top needs a terminal: `perf-cli status` and `perf-cli query` answer scripts";
        return Err(Failure::Usage(text.to_owned()));
    }
    // The first look is taken before the screen: what is wrong then is told as by every command.
    let first = feed::look(&client, &state::Order::default().parameter())?;
    let mut screen = Screen::new(client.url().to_owned(), first, coloured, interval);
    let feed = feed::start(client, interval, screen.order().parameter());
    let is_ending = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&is_ending))?;
    }
    #[cfg(unix)]
    hang_up::watch()?;
    let mut terminal = ratatui::try_init()?;
    let left = keep_up(&mut terminal, &mut screen, &feed, &is_ending);
    ratatui::try_restore()?;
    left
}

fn keep_up(
    terminal: &mut ratatui::DefaultTerminal,
    screen: &mut Screen,
    feed: &feed::Feed,
    is_ending: &AtomicBool,
) -> Result<(), Failure> {
    let mut is_stale = true;
    while !is_ending.load(Ordering::Relaxed) {
        match feed.looks.try_recv() {
            Ok(look) => {
                screen.take(look);
                is_stale = true;
            }
            Err(TryRecvError::Disconnected) => {
                return Err(Failure::Unreachable("the thread that asks the service has ended".to_owned()));
            }
            Err(TryRecvError::Empty) => {}
        }
        if is_stale {
            terminal.draw(|frame| draw::draw(frame, screen))?;
            is_stale = false;
        }
        if !event::poll(BEAT)? {
            // An age goes on though nothing comes.
            is_stale = screen.is_late();
            continue;
        }
        match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => match screen.key(key) {
                Todo::Leave => return Ok(()),
                Todo::Ask => feed.sort(screen.order().parameter()),
                Todo::Nothing => {}
            },
            Event::Resize(..) => {}
            _ => continue,
        }
        is_stale = true;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::{Command, Stdio};

    /// Set in the process that panics.
    const CHILD: &str = "PERF_CLI_TOP_PANICS";

    /// In a process of its own, on a terminal that `script` makes.
    #[test]
    fn the_terminal_is_restored_after_a_panic() {
        if env::var_os(CHILD).is_some() {
            let mut terminal = ratatui::try_init().unwrap();
            terminal.draw(|_| panic!("in the middle of a screen")).unwrap();
        }
        let this = env::current_exe().unwrap();
        let name = "top::tests::the_terminal_is_restored_after_a_panic";
        let child = format!("{CHILD}=1 '{}' --exact {name} --nocapture; stty -a", this.display());
        let mut script = Command::new("script");
        let output = match script.args(["-qc", &child, "/dev/null"]).stdin(Stdio::null()).output() {
            Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
            Err(error) => {
                assert!(env::var_os("PERF_REQUIRE_SERVERS").is_none(), "script: {error}");
                return println!("skipped: script: {error}");
            }
        };
        let entered = output.find("\u{1b}[?1049h").unwrap_or_else(|| panic!("the screen was shown: {output:?}"));
        let left = output.find("\u{1b}[?1049l").unwrap_or_else(|| panic!("and left: {output:?}"));
        let after = &output[left..];
        assert!(entered < left && after.contains("in the middle of a screen"), "the reason can be read: {output:?}");
        assert!(after.contains(" icanon") && after.contains(" echo "), "the terminal reads lines again: {after:?}");
    }
}
