//! Calls against a real Prometheus that scrapes them.

use crate::life::Life;
use crate::prometheus::{Functions, SERIES, tell};
use crate::scraper::Prometheus;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

const SCRAPES: u64 = 720;
/// The time between two scrapes of Prometheus, in each of which five seconds pass here.
const INTERVAL: &str = "200ms";

/// Lets a Prometheus scrape an hour of calls, which pass as fast as it scrapes: each scrape finds five seconds more. Then the
/// snapshot that it makes of itself, a compacted block, is compared with the compacted file. The folder keeps the snapshot.
pub(crate) fn compare(arguments: &[String]) {
    let folder = Path::new(arguments.first().expect("a folder"));
    fs::create_dir_all(folder).expect("a folder");
    let empty = Life::begin(|_| ()).bytes_when_compact();
    let mut functions = Functions::begin();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let target = listener.local_addr().expect("an address");
    let prometheus = Prometheus::start(folder, &target.to_string(), INTERVAL);
    let mut scraped = 0;
    for _ in 0..SCRAPES {
        let (text, samples) = functions.step();
        scraped += samples;
        // A scrape that gave up before it was answered comes again.
        while !is_taken(&listener, &text) {}
    }
    // The last scrape is written by then.
    std::thread::sleep(Duration::from_secs(1));
    let theirs = prometheus.bytes_of_snapshot();
    println!(
        "{SERIES} functions scraped by a Prometheus every {INTERVAL}, {SCRAPES} times, five seconds each; its snapshot:"
    );
    println!("{scraped} samples");
    tell(functions.bytes_when_compact(), empty, theirs);
}

/// Answers the next scrape, and says whether it took the answer.
fn is_taken(listener: &TcpListener, text: &str) -> bool {
    let (mut stream, _) = listener.accept().expect("a scrape");
    let lines = BufReader::new(&stream).lines().map_while(Result::ok);
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(text.as_bytes())).is_ok()
}
