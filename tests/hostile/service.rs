//! The service that hostile clients ask: a route of its own on one port, and what is measured on another, in a process of its
//! own. For the test and for the bench `soak`.

use super::clients::Service;
use axum::Router;
use axum::routing::get;
use perf_runtime::Monitor;
use perf_server::{HttpLayer, Server};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

const TOKEN: &str = "a-token-for-readers";

/// Serves until the process is killed.
pub(crate) async fn serve() {
    let monitor = Monitor::builder().install().expect("a monitor");
    for operation in 0..100 {
        monitor.record_response_time(&format!("operation-{operation}"), Duration::from_millis(operation));
    }
    let body = "a part of an answer ".repeat(100);
    let app = Router::new().route("/own", get(move || std::future::ready(body.clone())));
    let app = app.layer(HttpLayer::new(&monitor));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let own = listener.local_addr().expect("an address");
    let server = Server::builder(&monitor).read_token(TOKEN).bind("127.0.0.1:0").await.expect("a port");
    println!("\nlistening {own} {}", server.local_addr());
    tokio::spawn(server.run());
    axum::serve(listener, app).await.expect("it serves");
}

/// The service in its process, which is ended in any case.
pub(crate) struct Started {
    child: Child,
    /// Kept, so that whatever the process prints goes somewhere.
    said: Option<BufReader<ChildStdout>>,
}

impl Started {
    /// `command` starts a process that does nothing but to [`serve`].
    pub(crate) fn new(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        let said = child.stdout.take().map(BufReader::new);
        Self { child, said }
    }

    /// Waits until it listens.
    pub(crate) fn service(&mut self) -> Service {
        let mut lines = self.said.as_mut().expect("piped").lines().map_while(Result::ok);
        let line = lines.find(|line| line.starts_with("listening ")).expect("it listens");
        let mut addresses = line.split(' ').skip(1).map(|address| address.parse().expect("an address"));
        let mut next = || addresses.next().expect("two addresses");
        Service { process: self.child.id(), own: next(), shown: next(), token: TOKEN }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
