//! Channels against sinks on loopback and real receivers.

mod alertmanager;
mod limits;
mod notices;
mod over_http;
mod secrets;
mod settings;
#[cfg(feature = "email")]
mod smtp;

use super::*;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

pub(super) fn settings(fields: Value) -> ChannelSettings {
    serde_json::from_value(fields).unwrap()
}

pub(super) fn opened(fields: Value) -> Box<dyn Channel> {
    try_open(fields).unwrap()
}

pub(super) fn try_open(fields: Value) -> Result<Box<dyn Channel>, ChannelError> {
    let variable = |name: &str| (name == "PERF_TEST_SECRET").then(|| "of-the-environment".to_owned());
    open("ops", &settings(fields), &Opening { allow_commands: false, variable: &variable })
}

/// A request as it came.
pub(super) struct Received {
    /// The first line and the headers.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let of = |line: &'_ str| {
            line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(found, _)| found.len())
        };
        let line = self.head.lines().find(|line| of(line).is_some())?;
        Some(&line[name.len() + 2..])
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A receiver on loopback that answers every request in one way.
pub(super) struct Sink {
    pub(super) port: u16,
    requests: Receiver<Received>,
}

impl Sink {
    /// A sink with this answer: the status line after the version, headers and body.
    pub(super) fn answering(answer: impl Fn(&Received) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(received) = read_request(&stream) else { continue };
                let _ = (&stream).write_all(answer(&received).as_bytes());
                if sender.send(received).is_err() {
                    return;
                }
            }
        });
        Self { port, requests }
    }

    pub(super) fn ok() -> Self {
        Self::answering(|_| with_status("200 OK", "", "ok"))
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    pub(super) fn next(&self) -> Received {
        self.requests.recv_timeout(Duration::from_secs(60)).expect("a request")
    }

    pub(super) fn has_none(&self) -> bool {
        self.requests.try_recv().is_err()
    }
}

pub(super) fn with_status(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}", body.len())
}

pub(super) fn read_request(stream: impl Read) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut received = Received { head: String::new(), body: Vec::new() };
    loop {
        let before = received.head.len();
        if reader.read_line(&mut received.head).ok()? == 0 {
            return None;
        }
        if received.head[before..].trim().is_empty() {
            break;
        }
    }
    let length = received.header("content-length")?.trim().parse().ok()?;
    received.body.resize(length, 0);
    reader.read_exact(&mut received.body).ok()?;
    Some(received)
}

/// A program or library from outside that a test needs, or nothing where it is not installed: then the test is skipped and says
/// so. With `PERF_REQUIRE_SERVERS` set it fails instead.
pub(super) fn or_skip<T>(needed: Result<T, String>) -> Option<T> {
    if let Err(reason) = &needed {
        assert!(std::env::var_os("PERF_REQUIRE_SERVERS").is_none(), "{reason}");
        println!("skipped: {reason}");
    }
    needed.ok()
}

/// A child process that ends with the test.
#[cfg(feature = "email")]
pub(super) struct Server(pub(super) std::process::Child);

#[cfg(feature = "email")]
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Has `openssl` make a key and a certificate for `localhost` in a folder: `key.pem` and `cert.pem`.
pub(super) fn certificate(folder: &std::path::Path) -> Result<(), String> {
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(folder)
        .output()
        .map_err(|error| format!("openssl: {error}"))?;
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}
