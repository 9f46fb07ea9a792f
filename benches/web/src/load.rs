//! Load: by `wrk` where it is installed, else by some connections of our own.

use kit::cores::pin;
use std::io::ErrorKind;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Each sends its next request when the last one is answered.
pub(crate) const CONNECTIONS: usize = 32;
const REQUEST: &[u8] = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// The maker of the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loader {
    Wrk,
    Own,
}

/// The answers that came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) requests: f64,
    pub(crate) seconds: f64,
}

impl Loader {
    pub(crate) fn new(own: bool) -> Self {
        let missing =
            || Command::new("wrk").arg("--version").output().is_err_and(|error| error.kind() == ErrorKind::NotFound);
        if own || missing() { Self::Own } else { Self::Wrk }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Wrk => "wrk",
            Self::Own => "own load",
        }
    }

    /// Asks for as many greetings as are to be had, from a core that is not the server's.
    pub(crate) fn run(self, port: u16, duration: Duration) -> Result<Load, String> {
        thread::scope(|scope| {
            let loading = scope.spawn(|| {
                pin(0);
                match self {
                    Self::Wrk => wrk(port, duration),
                    Self::Own => own(port, duration).map_err(|error| error.to_string()),
                }
            });
            loading.join().map_err(|_| "the load has panicked".to_owned())?
        })
    }
}

fn wrk(port: u16, duration: Duration) -> Result<Load, String> {
    // A child is on the core of the thread that started it.
    let mut command = Command::new("wrk");
    command.args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{}s", duration.as_secs().max(1))]);
    let output = command.arg(format!("http://127.0.0.1:{port}/hello")).output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let wrong = ["Non-2xx", "Socket errors"].into_iter().any(|fault| text.contains(fault));
    said_by_wrk(&text).filter(|load| load.requests > 0.0 && !wrong).ok_or_else(|| format!("wrk says: {text}"))
}

/// From lines as `  87201 requests in 2.00s, 10.39MB read` and `Requests/sec:  43584.72`. The seconds in the first are not
/// exact enough.
fn said_by_wrk(text: &str) -> Option<Load> {
    let mut lines = text.lines().map(str::trim);
    let requests: f64 = lines.clone().find_map(|line| line.split_once(" requests in "))?.0.parse().ok()?;
    let rate: f64 = lines.find_map(|line| line.strip_prefix("Requests/sec:"))?.trim().parse().ok()?;
    Some(Load { requests, seconds: requests / rate })
}

fn own(port: u16, duration: Duration) -> std::io::Result<Load> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let started = Instant::now();
        let connections: Vec<_> =
            (0..CONNECTIONS).map(|_| tokio::task::spawn(connection(port, started + duration))).collect::<Vec<_>>();
        let mut requests = 0.0;
        for connection in connections {
            requests += connection.await??;
        }
        Ok(Load { requests, seconds: started.elapsed().as_secs_f64() })
    })
}

/// Requests that were answered before the deadline.
async fn connection(port: u16, deadline: Instant) -> std::io::Result<f64> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 4_096];
    // The first answer comes alone, and all are as long as it: only the date in them changes.
    stream.write_all(REQUEST).await?;
    let length = stream.read(&mut buffer).await?;
    let mut requests = 1.0;
    while Instant::now() < deadline {
        stream.write_all(REQUEST).await?;
        stream.read_exact(&mut buffer[..length]).await?;
        if !buffer.starts_with(b"HTTP/1.1 200") {
            return Err(std::io::Error::other("an answer is not as it should be"));
        }
        requests += 1.0;
    }
    Ok(requests)
}
