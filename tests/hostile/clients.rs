//! Clients with the read token who take all that they can, and a look at the service meanwhile. Of the standard library alone,
//! for the test and for the bench `soak`, which runs the same for ten minutes.

use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at the service.
const PAUSE: Duration = Duration::from_millis(20);
const LIVE_EVERY: u32 = 10;

/// How long memory may take to return: the feed keeps what was watched for ten seconds.
const RETURN: Duration = Duration::from_secs(20);
/// The most that is allowed.
const MEMORY: u64 = 64 << 20;
/// And afterwards: two hundred pages that were told of are measured over an hour, and an allocator keeps some of what was freed.
const MEMORY_LEFT: u64 = 48 << 20;
const LIVE: Duration = Duration::from_secs(1);
/// Below this no slowness is told from that of a machine on which the clients run as well, and in a debug build from the
/// build's.
const OWN: Duration = if cfg!(debug_assertions) { Duration::from_millis(250) } else { Duration::from_millis(20) };
const OWN_RATIO: f64 = 2.0;

/// A service in a process of its own.
pub(crate) struct Service {
    pub(crate) process: u32,
    /// Where its own route `/own` is.
    pub(crate) own: SocketAddr,
    /// Where what is measured is shown, to whoever has the token.
    pub(crate) shown: SocketAddr,
    pub(crate) token: &'static str,
}

/// How it fared.
#[derive(Debug)]
pub(crate) struct Finding {
    clients: usize,
    requests: u64,
    memory_before: u64,
    memory_most: u64,
    memory_after: u64,
    live: Duration,
    among_peers: Duration,
    among_hostile: Duration,
}

impl Finding {
    /// The bounds that do not hold, in words, however busy the machine is with other things.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.memory_most > self.memory_before + MEMORY {
            faults.push("the memory grew by more than 64 MiB".to_owned());
        }
        if self.memory_after > self.memory_before + MEMORY_LEFT {
            faults.push("the memory did not return".to_owned());
        }
        if self.live >= PATIENCE {
            faults.push("/health/live did not answer".to_owned());
        }
        faults
    }

    /// The bounds of time that do not hold, in words: what they say holds of a machine that does nothing else.
    pub(crate) fn slow(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.live > LIVE {
            faults.push("/health/live took more than a second".to_owned());
        }
        if self.among_hostile > self.among_peers.mul_f64(OWN_RATIO).max(OWN) {
            faults.push("the service's own route was more than twice as slow as among its own clients".to_owned());
        }
        faults
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        writeln!(f, "| {} hostile clients, {} requests | |", self.clients, self.requests)?;
        writeln!(f, "|---|--:|")?;
        writeln!(f, "| memory before, MiB | {:.1} |", mib(self.memory_before))?;
        writeln!(f, "| at most | {:.1} |", mib(self.memory_most))?;
        writeln!(f, "| after they left | {:.1} |", mib(self.memory_after))?;
        writeln!(f, "| the slowest answer of /health/live, ms | {:.1} |", 1e3 * self.live.as_secs_f64())?;
        writeln!(
            f,
            "| p99 of the own route among as many of its own clients, ms | {:.2} |",
            1e3 * self.among_peers.as_secs_f64()
        )?;
        write!(f, "| among the hostile | {:.2} |", 1e3 * self.among_hostile.as_secs_f64())
    }
}

/// Has a service asked by so many clients, first by its own for a third of this time and then by the hostile for the rest.
pub(crate) fn attack(service: &Service, clients: usize, span: Duration) -> Finding {
    let peer = |_: usize, asked: &AtomicU64| {
        let mut stream = connect(service.own)?;
        for _ in 0..100 {
            ask(&mut stream, "GET /own HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
            asked.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    let seen = among(service, clients, span / 3, peer);
    let memory_before = memory(service.process);
    let hostile = |client: usize, asked: &AtomicU64| {
        let behave = WAYS[client % WAYS.len()];
        behave(service, asked)
    };
    let seen_then = among(service, clients, 2 * span / 3, hostile);
    // For who lets go of a connection, and what was made for it.
    let deadline = Instant::now() + RETURN;
    let mut memory_after = memory(service.process);
    while Instant::now() < deadline && memory_after > memory_before + MEMORY_LEFT {
        thread::sleep(Duration::from_millis(100));
        memory_after = memory(service.process);
    }
    Finding {
        clients,
        requests: seen_then.requests,
        memory_before,
        memory_most: seen_then.memory,
        memory_after,
        live: seen_then.live,
        among_peers: seen.own,
        among_hostile: seen_then.own,
    }
}

/// The measurements of the service while clients did what they do.
struct Seen {
    requests: u64,
    memory: u64,
    live: Duration,
    /// The 99th percentile.
    own: Duration,
}

fn among(
    service: &Service,
    clients: usize,
    span: Duration,
    behave: impl Fn(usize, &AtomicU64) -> io::Result<()> + Sync,
) -> Seen {
    let (is_over, asked, behave) = (AtomicBool::new(false), AtomicU64::new(0), &behave);
    thread::scope(|scope| {
        for client in 0..clients {
            let (is_over, asked) = (&is_over, &asked);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    // A client that is refused comes back, at once or nearly so.
                    if behave(client, asked).is_err() {
                        thread::sleep(Duration::from_millis(1));
                    }
                }
            });
        }
        let (start, mut own, mut live, mut most) = (Instant::now(), Vec::new(), Duration::ZERO, 0);
        let mut stream = connect(service.own).expect("the service's own port is open");
        for round in 0.. {
            if start.elapsed() >= span {
                break;
            }
            let asked_at = Instant::now();
            ask(&mut stream, "GET /own HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("the service's own route answers");
            own.push(asked_at.elapsed());
            if round % LIVE_EVERY == 0 {
                live = live.max(is_alive(service.shown));
                most = most.max(memory(service.process));
            }
            thread::sleep(PAUSE);
        }
        is_over.store(true, Ordering::Relaxed);
        own.sort_unstable();
        let own = own[(own.len() * 99 / 100).min(own.len() - 1)];
        Seen { requests: asked.load(Ordering::Relaxed), memory: most, live, own }
    })
}

/// How long a new connection waits for `/health/live`.
fn is_alive(address: SocketAddr) -> Duration {
    let start = Instant::now();
    let answer = connect(address).and_then(|mut stream| {
        stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    });
    match answer {
        Ok(answer) if answer.starts_with("HTTP/1.1 200") => start.elapsed(),
        _ => PATIENCE,
    }
}

type Way = fn(&Service, &AtomicU64) -> io::Result<()>;

const WAYS: [Way; 10] = [
    change_what_is_watched,
    listen_and_read_nothing,
    flood_with_questions,
    try_rules,
    ask_and_read_nothing,
    begin_a_body,
    log_in_wrongly,
    log_in_rightly,
    tell_of_pages,
    ask_for_what_there_is_not,
];

/// A number that is another each time.
fn other() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

/// Asks a socket for other series each time, with long labels, as fast as it can.
fn change_what_is_watched(service: &Service, asked: &AtomicU64) -> io::Result<()> {
    let mut stream = listen(service)?;
    // Made once: it is the service's time that is to be spent, and not that of the machine.
    let more = format!(",\"{:0>230}\"", 0).repeat(29);
    loop {
        let text = format!(r#"{{"window":"1h","kind":"http_request","labels":["{:0>230}"{more}]}}"#, other());
        let length = u16::try_from(text.len()).expect("a short text").to_be_bytes();
        // A mask of zeros leaves the text as it is.
        stream.write_all(&[&[0x81, 0xfe], &length[..], &[0; 4], text.as_bytes()].concat())?;
        asked.fetch_add(1, Ordering::Relaxed);
    }
}

fn listen_and_read_nothing(service: &Service, asked: &AtomicU64) -> io::Result<()> {
    let _stream = listen(service)?;
    asked.fetch_add(1, Ordering::Relaxed);
    thread::sleep(Duration::from_secs(1));
    Ok(())
}

fn flood_with_questions(service: &Service, asked: &AtomicU64) -> io::Result<()> {
    let mut stream = connect(service.shown)?;
    for path in ["/api/v1/series", "/metrics", "/api/v1/query?kind=operation&window=1h", "/api/v1/openapi.json"] {
        ask(&mut stream, &request(service, "GET", path, ""))?;
        asked.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn try_rules(service: &Service, asked: &AtomicU64) -> io::Result<()> {
    let values = "1,2,".repeat(15_000);
    let body = format!(r#"{{"rule":"new","settings":{{"metric":"depth","warning":1.5}},"values":[{values}1]}}"#);
    let (mut stream, request) = (connect(service.shown)?, request(service, "POST", "/api/v1/alerts/dry-run", &body));
    for _ in 0..3 {
        ask(&mut stream, &request)?;
        asked.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn ask_and_read_nothing(service: &Service, asked: &AtomicU64) -> io::Result<()> {
    let mut stream = connect(service.shown)?;
    for _ in 0..50 {
        stream.write_all(request(service, "GET", "/metrics", "").as_bytes())?;
        asked.fetch_add(1, Ordering::Relaxed);
    }
    thread::sleep(Duration::from_secs(1));
    Ok(())
}

fn begin_a_body(service: &Service, asked: &AtomicU64) -> io::Result<()> {
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = connect(service.shown)?;
        let form = "content-type: application/x-www-form-urlencoded\r\ncontent-length: 60000";
        stream.write_all(format!("POST /login HTTP/1.1\r\nhost: localhost\r\n{form}\r\n\r\nt").as_bytes())?;
        asked.fetch_add(1, Ordering::Relaxed);
        streams.push(stream);
    }
    thread::sleep(Duration::from_secs(1));
    Ok(())
}

fn log_in(service: &Service, token: &str) -> io::Result<()> {
    let body = format!("token={token}");
    let form = format!("content-type: application/x-www-form-urlencoded\r\ncontent-length: {}", body.len());
    let mut stream = connect(service.shown)?;
    ask(&mut stream, &format!("POST /login HTTP/1.1\r\nhost: localhost\r\n{form}\r\n\r\n{body}")).map(drop)
}

fn log_in_wrongly(service: &Service, asked: &AtomicU64) -> io::Result<()> {
    asked.fetch_add(1, Ordering::Relaxed);
    log_in(service, "a-token-of-nobody")
}

fn log_in_rightly(service: &Service, asked: &AtomicU64) -> io::Result<()> {
    asked.fetch_add(1, Ordering::Relaxed);
    log_in(service, service.token)
}

fn tell_of_pages(service: &Service, asked: &AtomicU64) -> io::Result<()> {
    let mut stream = connect(service.shown)?;
    for _ in 0..100 {
        let body = format!(r#"{{"page":"/{:0>100}","render_seconds":[0.1],"frame_rate_hertz":[60]}}"#, other());
        ask(&mut stream, &request(service, "POST", "/api/v1/ui", &body))?;
        asked.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn ask_for_what_there_is_not(service: &Service, asked: &AtomicU64) -> io::Result<()> {
    let mut stream = connect(service.shown)?;
    for _ in 0..100 {
        ask(&mut stream, &request(service, "GET", &format!("/{:0>2000}?label={}", other(), other()), ""))?;
        asked.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(Duration::from_secs(1)))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A socket of the live feed.
fn listen(service: &Service) -> io::Result<TcpStream> {
    let mut stream = connect(service.shown)?;
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    let token = service.token;
    let head = format!("GET /ws HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n{upgrade}\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    if answer == *b"HTTP/1.1 101" { Ok(stream) } else { Err(io::ErrorKind::ConnectionRefused.into()) }
}

fn request(service: &Service, method: &str, path: &str, body: &str) -> String {
    let (token, length) = (service.token, body.len());
    let json = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n{json}content-length: {length}\r\n\r\n{body}"
    )
}

/// Asks, and reads all of an answer that says how long it is, or comes in chunks.
fn ask(stream: &mut TcpStream, request: &str) -> io::Result<()> {
    stream.write_all(request.as_bytes())?;
    let (mut read, mut part) = (Vec::new(), [0; 16 << 10]);
    loop {
        let count = stream.read(&mut part)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        read.extend_from_slice(&part[..count]);
        let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
        let length: Option<usize> =
            head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
        let is_whole = match length {
            Some(length) => read.len() >= end + 4 + length,
            None if head.contains("transfer-encoding: chunked") => read.ends_with(b"0\r\n\r\n"),
            None => true,
        };
        if is_whole {
            return Ok(());
        }
    }
}

/// The resident memory of a process, in bytes.
fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    1_024 * kib.unwrap_or(0_u64)
}
