//! What it costs a service that people look at its dashboard: 500 series that all change each second, and 50 clients.
//!
//! The clients are processes' worth of their own: this program again, with the server's address. Both halves of a run
//! record the same calls, so what the second has more is what the clients cost.

use perf_runtime::Monitor;
use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CLIENTS: usize = 50;
const SERVERS: usize = 25;
const CAPABILITIES: usize = 20;
/// Each series is called so often a second.
const CALLS: u64 = 4;
const WARM_UP: Duration = Duration::from_secs(3);
const MEASURED: Duration = Duration::from_secs(20);

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut arguments = std::env::args().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(address), Some(window)) => runtime.block_on(listen_all(address.parse().expect("an address"), &window)),
        _ => runtime.block_on(serve()),
    }
}

async fn serve() {
    let monitor = Monitor::builder().install().expect("the first monitor");
    let recorded = monitor.clone();
    std::thread::spawn(move || record(&recorded));
    let server = perf_server::Server::builder(monitor).bind("127.0.0.1:0").await.expect("a port");
    let address = server.local_addr();
    println!("http://{address}");
    tokio::spawn(server.run());
    let alone = measured().await;
    println!("{} series, {CALLS} calls a second each", SERVERS * CAPABILITIES);
    println!("nobody looks: {:.2} % of a core", 100.0 * alone);
    for (window, clients) in [("1m", 1), ("1m", CLIENTS), ("1h", CLIENTS)] {
        let mut child = clients_of(address, window, clients);
        let watched = measured().await;
        let bytes = bytes_written();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let each = (bytes_written() - bytes) / 5 / clients as u64;
        println!(
            "{clients} look at {window}: {:.2} % of a core, {:.2} % more; {each} bytes a second each",
            100.0 * watched,
            100.0 * (watched - alone)
        );
        child.kill().expect("it runs");
        child.wait().expect("it ends");
    }
}

fn clients_of(address: SocketAddr, window: &str, clients: usize) -> Child {
    let program = std::env::current_exe().expect("a path");
    let wanted = format!("{clients}x{window}");
    Command::new(program).args([address.to_string(), wanted]).stdout(Stdio::null()).spawn().expect("clients")
}

/// The share of one core that this process takes.
async fn measured() -> f64 {
    tokio::time::sleep(WARM_UP).await;
    let (before, started) = (cpu_time(), Instant::now());
    tokio::time::sleep(MEASURED).await;
    (cpu_time() - before).as_secs_f64() / started.elapsed().as_secs_f64()
}

/// The processor's time of all threads, in steps of nanoseconds.
fn cpu_time() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").expect("procfs").flatten();
    let nanos = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// Bytes that went to sockets and files.
fn bytes_written() -> u64 {
    let text = fs::read_to_string("/proc/self/io").expect("procfs");
    let line = text.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.and_then(|count| count.parse().ok()).expect("a count")
}

fn record(monitor: &Monitor) {
    let servers: Vec<String> = (0..SERVERS).map(|number| format!("server-{number}")).collect();
    let capabilities: Vec<String> = (0..CAPABILITIES).map(|number| format!("capability-{number}")).collect();
    let mut round = 0_u64;
    loop {
        for (place, server) in servers.iter().enumerate() {
            for capability in &capabilities {
                let micros = 300 + (round * 37 + place as u64 * 911) % 9_000;
                monitor.record_mcp_call(server, capability, Duration::from_micros(micros), !round.is_multiple_of(50));
                round += 1;
            }
        }
        std::thread::sleep(Duration::from_millis(1_000 / CALLS));
    }
}

/// Reads what is sent, and throws it away.
async fn listen_all(address: SocketAddr, wanted: &str) {
    let (clients, window) = wanted.split_once('x').expect("clients x window");
    let tasks: Vec<_> = (0..clients.parse().expect("a number"))
        .map(|_: usize| tokio::spawn(listen(address, window.to_owned())))
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
}

async fn listen(address: SocketAddr, window: String) {
    let mut stream = TcpStream::connect(address).await.expect("the server");
    let request = format!(
        "GET /ws?window={window} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut bytes = vec![0; 1 << 16];
    while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
}
