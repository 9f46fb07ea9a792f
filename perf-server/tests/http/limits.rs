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
async fn a_body_whose_chunks_are_malformed_is_a_bad_request() {
    let running = Running::start(with_tokens(&monitor()).bind("127.0.0.1:0").await.unwrap());
    let head = format!(
        "POST /api/v1/alerts/1/acknowledge HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {ADMIN}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    for chunks in ["ZZ\r\n", "5\r\n{\"by\"XX", "fffffffffffffffff\r\n"] {
        let answer = running.say(&format!("{head}{chunks}")).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{chunks:?}: {answer}");
    }
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

/// Asks without a runtime.
fn asked_by_a_thread(address: SocketAddr) -> std::io::Result<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[tokio::test]
async fn a_server_answers_while_the_runtime_of_its_caller_is_blocked() {
    let running = Running::start(Server::builder(&monitor()).bind("127.0.0.1:0").await.unwrap());
    tokio::task::yield_now().await;
    // On the only thread that this runtime has.
    let answer = asked_by_a_thread(running.address).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    #[cfg(target_os = "linux")]
    assert!(nice_of_servers().iter().all(|(server, own)| *server == (own + 10).min(19)), "{:?}", nice_of_servers());
    running.shut_down().await;
}

/// How nice each thread of a server is, and this one.
#[cfg(target_os = "linux")]
fn nice_of_servers() -> Vec<(i32, i32)> {
    let nice = |stat: &str| stat.rsplit_once(") ")?.1.split(' ').nth(16)?.parse::<i32>().ok();
    let own = nice(&std::fs::read_to_string("/proc/thread-self/stat").unwrap()).unwrap();
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    // A thread may end meanwhile.
    let stats = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("stat")).ok());
    stats.filter(|stat| stat.contains("(perf-server)")).filter_map(|stat| Some((nice(&stat)?, own))).collect()
}

#[tokio::test]
async fn a_server_whose_future_is_dropped_takes_nobody_any_more() {
    let running = Running::start(Server::builder(&monitor()).bind("127.0.0.1:0").await.unwrap());
    assert!(running.get("/health/live").await.starts_with("HTTP/1.1 200 OK"));
    running.task.abort();
    timeout(PATIENCE, async {
        while TcpStream::connect(running.address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the port is given up");
}

#[test]
fn a_server_needs_no_runtime_and_gives_its_port_up_where_it_does_not_begin() {
    let builder = || Server::builder(&monitor());
    let waits = builder().listen("127.0.0.1:0").unwrap().thread().unwrap();
    let address = waits.local_addr();
    let taken = builder().listen(address).unwrap_err();
    assert!(taken.to_string().contains(&address.to_string()), "{taken}");
    drop(waits);
    let server = || builder().listen(address).ok();
    let deadline = std::time::Instant::now() + PATIENCE;
    let server = loop {
        match server() {
            Some(server) => break server,
            None => assert!(std::time::Instant::now() < deadline, "the port is free again"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let ((stop, stopped), (ending, ended)) = (oneshot::channel::<()>(), std::sync::mpsc::channel::<()>());
    server.thread().unwrap().begin(async { drop(stopped.await) }, ending);
    assert!(asked_by_a_thread(address).unwrap().starts_with("HTTP/1.1 200 OK"));
    drop(stop);
    let told = ended.recv_timeout(PATIENCE).unwrap_err();
    assert_eq!(told, std::sync::mpsc::RecvTimeoutError::Disconnected);
}
