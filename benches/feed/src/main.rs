//! The cost to a service of people who look at its dashboard: 500 series that all change each second, and 50 clients.
//!
//! The clients are processes' worth of their own: this program again, with the server's address. Both halves of a run
//! record the same calls, so what the second has more is what the clients cost.

use kit::cost::Cpu;
use perf_runtime::Monitor;
use std::cell::Cell;
use std::future::pending;
use std::net::SocketAddr;
use std::process::{Child, Command};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

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
    let server = perf_server::Server::builder(&monitor).bind("127.0.0.1:0").await.expect("a port");
    let address = server.local_addr();
    println!("http://{address}");
    tokio::spawn(server.run());
    let alone = measured().await;
    println!("{} series, {CALLS} calls a second each", SERVERS * CAPABILITIES);
    println!("nobody looks: {} of a core", percent(alone));
    for (window, clients) in [("1m", 1), ("1m", CLIENTS), ("1h", CLIENTS)] {
        let mut child = clients_of(address, window, clients);
        let watched = measured().await;
        let more = watched.saturating_sub(alone);
        println!("{clients} look at {window}: {} of a core, {} more", percent(watched), percent(more));
        child.kill().expect("it runs");
        child.wait().expect("it ends");
    }
}

fn clients_of(address: SocketAddr, window: &str, clients: usize) -> Child {
    let program = std::env::current_exe().expect("a path");
    let wanted = format!("{clients}x{window}");
    Command::new(program).args([address.to_string(), wanted]).spawn().expect("clients")
}

/// The processor's time that this process takes in the time that is measured.
async fn measured() -> Duration {
    tokio::time::sleep(WARM_UP).await;
    let before = Cpu::of_process();
    tokio::time::sleep(MEASURED).await;
    let after = Cpu::of_process();
    (after.user + after.system).saturating_sub(before.user + before.system)
}

fn percent(time: Duration) -> String {
    format!("{:.2} %", 100.0 * time.as_secs_f64() / MEASURED.as_secs_f64())
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
    let clients: u64 = clients.parse().expect("a number");
    let bytes = Rc::new(Cell::new(0));
    let local = LocalSet::new();
    for _ in 0..clients {
        local.spawn_local(listen(address, window.to_owned(), Rc::clone(&bytes)));
    }
    let report = async {
        tokio::time::sleep(WARM_UP).await;
        let before = bytes.get();
        tokio::time::sleep(MEASURED / 2).await;
        let each = (bytes.get() - before) / clients / (MEASURED / 2).as_secs();
        println!("  each of {clients} at {window} is sent {each} bytes a second");
        pending::<()>().await;
    };
    local.run_until(report).await;
}

async fn listen(address: SocketAddr, window: String, read: Rc<Cell<u64>>) {
    let mut stream = TcpStream::connect(address).await.expect("the server");
    let request = format!(
        "GET /ws?window={window} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut bytes = vec![0; 1 << 16];
    while let Ok(1..) = stream.read(&mut bytes).await.inspect(|count| read.set(read.get() + *count as u64)) {}
}
