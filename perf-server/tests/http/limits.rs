//! The limits of one client, on real sockets: it can take nothing that another would miss.

use crate::common::{ADMIN, monitor, with_tokens};
use perf_runtime::Monitor;
use perf_server::Server;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything takes that does end.
const PATIENCE: Duration = Duration::from_secs(60);

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(server: Server) -> Self {
        let (stop, stopped) = oneshot::channel();
        let address = server.local_addr();
        let task = tokio::spawn(server.run_until(async {
            _ = stopped.await;
        }));
        Self { address, stop, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a text and returns the whole answer, up to the end of the connection.
    async fn say(&self, text: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        rest_of(&mut stream).await
    }

    async fn get(&self, path: &str) -> String {
        self.say(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")).await
    }

    async fn shut_down(self) {
        self.stop.send(()).unwrap();
        timeout(PATIENCE, self.task).await.expect("it ends").unwrap();
    }
}

async fn rest_of(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is cut has said what it said.
    _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("it is closed");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_server_answers_until_it_is_stopped() {
    let running = Running::start(Server::builder(&monitor()).bind("127.0.0.1:0").await.unwrap());
    assert!(running.get("/health/live").await.starts_with("HTTP/1.1 200 OK"));
    let missing = running.get("/no/such/page").await;
    assert!(missing.starts_with("HTTP/1.1 404") && missing.contains("application/problem+json"), "{missing}");
    assert!(missing.contains("content-security-policy"), "{missing}");
    running.shut_down().await;
}

#[tokio::test]
async fn those_who_are_slow_to_ask_keep_nobody_from_an_answer() {
    let builder = Server::builder(&monitor()).max_connections(16).header_timeout(Duration::from_secs(600));
    let running = Running::start(builder.bind("127.0.0.1:0").await.unwrap());
    let mut slow = Vec::new();
    for _ in 0..64 {
        let mut stream = running.connect().await;
        _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nx-more: ").await;
        slow.push(stream);
        if slow.len() % 16 == 0 {
            assert!(running.get("/health/live").await.starts_with("HTTP/1.1 200 OK"), "after {}", slow.len());
        }
    }
    assert_eq!(rest_of(&mut slow[0]).await, "", "the longest idle made room");
    running.shut_down().await;
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let builder = Server::builder(&monitor()).header_timeout(Duration::from_millis(300));
    let running = Running::start(builder.bind("127.0.0.1:0").await.unwrap());
    for start in ["", "GET /metrics HTTP/1.1\r\nhost: local"] {
        let answer = running.say(start).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    let huge = format!("GET /metrics HTTP/1.1\r\nx-huge: {}\r\n\r\n", "x".repeat(1 << 20));
    let mut stream = running.connect().await;
    // It is cut before all of it was written.
    _ = stream.write_all(huge.as_bytes()).await;
    let answer = rest_of(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    running.shut_down().await;
}

#[tokio::test]
async fn a_body_of_a_gigabyte_is_refused_before_it_comes() {
    let running = Running::start(with_tokens(&monitor()).bind("127.0.0.1:0").await.unwrap());
    let head = |framing: &str| {
        format!(
            "POST /api/v1/alerts/1/acknowledge HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {ADMIN}\r\n\
             content-type: application/json\r\n{framing}\r\n\r\n"
        )
    };
    let answer = running.say(&format!("{}x", head("content-length: 1073741824"))).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("problem+json"), "{answer}");
    // In chunks, so that nobody says how much will come: it is read up to the limit.
    let mut stream = running.connect().await;
    stream.write_all(head("transfer-encoding: chunked").as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let (mut reader, mut writer) = stream.into_split();
    let flood = tokio::spawn(async move {
        // A gigabyte, or until it is cut.
        for _ in 0..16_384 {
            if writer.write_all(chunk.as_bytes()).await.is_err() {
                return false;
            }
        }
        true
    });
    let mut answer = vec![0; 12];
    timeout(PATIENCE, reader.read_exact(&mut answer)).await.expect("an answer").unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
    assert!(running.get("/health/live").await.starts_with("HTTP/1.1 200 OK"));
    drop(reader);
    assert!(!timeout(PATIENCE, flood).await.expect("it is cut").unwrap(), "all of it was read");
    running.shut_down().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for_by_others() {
    let running = Running::start(
        with_tokens(&monitor()).body_timeout(Duration::from_millis(500)).bind("127.0.0.1:0").await.unwrap(),
    );
    let head = format!(
        "POST /api/v1/alerts/1/acknowledge HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {ADMIN}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    );
    let mut slow = running.connect().await;
    slow.write_all(head.as_bytes()).await.unwrap();
    assert!(running.get("/health/live").await.starts_with("HTTP/1.1 200 OK"));
    let mut answer = [0; 12];
    timeout(PATIENCE, slow.read_exact(&mut answer)).await.expect("an answer").unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    running.shut_down().await;
}

#[tokio::test]
async fn who_does_not_read_the_answer_is_let_go() {
    // More than sockets hold, in few lines: each of them is read by what merges them.
    let (begin, end) = ("filler_of_", format!("{{value=\"{}\"}} 1\n", "x".repeat(300)));
    let filler = (0..25_000).fold(String::new(), |text, line| text + begin + &line.to_string() + &end);
    let monitor = Monitor::builder().merge_prometheus(move || filler.clone()).build().unwrap();
    let builder = Server::builder(&monitor).stall_timeout(Duration::from_millis(200));
    let running = Running::start(builder.bind("127.0.0.1:0").await.unwrap());
    let whole = running.get("/metrics").await.len();
    let mut stalled = running.connect().await;
    stalled.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    stalled.readable().await.unwrap();
    assert!(running.get("/health/live").await.starts_with("HTTP/1.1 200 OK"));
    // It is let go, and with it the server is free to stop.
    running.shut_down().await;
    assert!(rest_of(&mut stalled).await.len() < whole);
}

#[tokio::test]
async fn without_tokens_only_names_of_this_machine_are_answered() {
    let running =
        Running::start(Server::builder(&monitor()).allow_host("perf.internal").bind("127.0.0.1:0").await.unwrap());
    for (host, code) in
        [("localhost:1", 200), ("127.0.0.1", 200), ("[::1]", 200), ("perf.internal", 200), ("evil.example", 421)]
    {
        let answer = running.say(&format!("GET /metrics HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {code}")), "{host}: {answer}");
    }
    running.shut_down().await;
}

#[tokio::test]
async fn those_who_send_no_body_keep_no_probe_from_an_answer() {
    let builder = with_tokens(&monitor()).max_connections(16).body_timeout(Duration::from_secs(600));
    let running = Running::start(builder.bind("127.0.0.1:0").await.unwrap());
    let head = "POST /login HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer x\r\n\
                content-type: application/x-www-form-urlencoded\r\ncontent-length: 60000\r\n\r\nt";
    let mut slow = Vec::new();
    for _ in 0..64 {
        let mut stream = running.connect().await;
        _ = stream.write_all(head.as_bytes()).await;
        slow.push(stream);
        if slow.len() % 16 == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert!(running.get("/health/live").await.starts_with("HTTP/1.1 200 OK"), "after {}", slow.len());
        }
    }
    drop(slow);
    running.shut_down().await;
}
