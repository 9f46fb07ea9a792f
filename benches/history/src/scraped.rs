//! Calls against a real Prometheus that scrapes them.

use crate::life::Life;
use crate::prometheus::{Functions, bytes_in, tell};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const SCRAPES: u64 = 720;
/// The time between two scrapes of Prometheus, in each of which five seconds pass here.
const INTERVAL: &str = "200ms";

/// A Prometheus that is ended with its guard.
struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lets a Prometheus scrape an hour of calls, which pass as fast as it scrapes: each scrape finds five seconds more. Then the
/// snapshot that it makes of itself, a compacted block, is compared with the compacted file. The folder keeps the snapshot.
pub(crate) fn compare(arguments: &[String]) {
    let folder = Path::new(arguments.first().expect("a folder"));
    fs::create_dir_all(folder).expect("a folder");
    let empty = Life::begin(|_| ()).bytes_when_compact();
    let mut functions = Functions::begin();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let target = listener.local_addr().expect("an address");
    let api = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
    let (config, data) = (folder.join("prometheus.yml"), folder.join("data"));
    let _ = fs::remove_dir_all(&data);
    let text = format!(
        "global: {{ scrape_interval: {INTERVAL}, scrape_timeout: {INTERVAL} }}\nscrape_configs:\n  - job_name: example\n    static_configs: [{{ targets: ['{target}'] }}]\n"
    );
    fs::write(&config, text).expect("room");
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", data.display()))
        .arg(format!("--web.listen-address={api}"))
        .arg("--web.enable-admin-api")
        .stderr(Stdio::null())
        .spawn();
    let prometheus = Prometheus(child.expect("prometheus"));
    let mut scraped = 0;
    for _ in 0..SCRAPES {
        let (text, samples) = functions.step();
        scraped += samples;
        // A scrape that gave up before it was answered comes again.
        while !is_taken(&listener, &text) {}
    }
    // The last scrape is written by then.
    std::thread::sleep(Duration::from_secs(1));
    let mut stream = TcpStream::connect(api).expect("its API");
    let request = format!(
        "POST /api/v1/admin/tsdb/snapshot HTTP/1.1\r\nHost: {api}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains("\"success\""), "{answer}");
    drop(prometheus);
    println!("scraped by a Prometheus every {INTERVAL}, {SCRAPES} times, five seconds each; its snapshot:");
    tell(scraped, functions.bytes_when_compact(), empty, bytes_in(&data.join("snapshots")));
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
