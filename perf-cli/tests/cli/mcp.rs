//! Tools for a coding agent, by the command as a client starts it.

use crate::service::{ADMIN, service};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

#[test]
fn an_agent_asks_line_by_line() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_perf-cli"))
        .arg("mcp")
        .env("PERF_URL", service().url())
        .env("PERF_TOKEN", ADMIN)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut input = child.stdin.take().expect("piped");
    let long = "x".repeat((64 << 10) + 10);
    for line in [
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        "",
        "{",
        &long,
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"overview"}}"#,
    ] {
        input.write_all(line.as_bytes()).and_then(|()| input.write_all(b"\n")).expect("it reads");
    }
    drop(input);
    let ended = child.wait_with_output().expect("it ends with its input");
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
    let answers: Vec<Value> =
        String::from_utf8(ended.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 4, "{answers:?}");
    assert_eq!(answers[0]["result"]["serverInfo"]["name"], "perf");
    assert_eq!((&answers[1]["error"]["code"], &answers[2]["error"]["code"]), (&(-32_700).into(), &(-32_600).into()));
    let overview: Value =
        serde_json::from_str(answers[3]["result"]["content"][0]["text"].as_str().expect("text")).expect("JSON");
    assert_eq!(overview["health"]["status"], "unhealthy", "{overview}");
    assert_eq!(overview["process"]["service"]["name"], "shop");
}

/// A service that answers nothing before it is let go, and how often it was asked.
fn slow() -> (String, Sender<()>, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let ((let_go, is_let_go), (asked, is_asked)) = (channel::<()>(), channel());
    thread::spawn(move || {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept() {
            if asked.send(()).is_err() {
                return;
            }
            open.push(stream);
            if open.len() == 4 {
                break;
            }
        }
        // Until then the four are open, and nobody answers.
        let _ = is_let_go.recv();
    });
    (url, let_go, is_asked)
}

#[test]
fn what_is_cancelled_asks_no_further_question() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let ((path, paths), (let_go, is_let_go)) = (channel(), channel::<()>());
    thread::spawn(move || {
        let mut open = Vec::new();
        let next = || {
            let (stream, _) = listener.accept().expect("a question");
            let mut first = String::new();
            BufReader::new(&stream).read_line(&mut first).expect("a request");
            let _ = path.send(first.split(['?', ' ']).nth(1).unwrap_or_default().to_owned());
            stream
        };
        for _ in 0..4 {
            open.push(next());
        }
        let _ = is_let_go.recv();
        loop {
            for mut stream in open.drain(..) {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}");
            }
            open.push(next());
        }
    });
    let mut child = Command::new(env!("CARGO_BIN_EXE_perf-cli"))
        .args(["--url", &url, "--timeout", "60", "mcp"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut input = child.stdin.take().expect("piped");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut send =
        |line: &str| input.write_all(line.as_bytes()).and_then(|()| input.write_all(b"\n")).expect("it reads");
    let call = |id: u32, tool: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}"}}}}"#)
    };
    for id in 1..=4 {
        send(&call(id, "overview"));
        assert_eq!(paths.recv().expect("it is asked"), "/health/performance");
    }
    // Waits until one of the four asks no more.
    send(&call(5, "statements"));
    for id in 1..=4 {
        send(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#));
    }
    send(r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#);
    assert!(lines.next().expect("a line").expect("text").contains(r#""id":"p""#), "they are cancelled");
    drop(let_go);
    assert_eq!(paths.recv().expect("it is asked"), "/api/v1/statements", "ten questions of each are not asked");
    let answer: Value = serde_json::from_str(&lines.next().expect("a line").expect("text")).expect("JSON");
    assert_eq!(answer["id"], 5, "{answer}");
    drop(input);
    assert!(lines.next().is_none() && child.wait().expect("it ends").success());
    assert!(paths.try_recv().is_err());
}

#[test]
fn the_command_ends_with_its_client_though_the_service_does_not_answer() {
    let (url, let_go, is_asked) = slow();
    let mut child = Command::new(env!("CARGO_BIN_EXE_perf-cli"))
        .args(["--url", &url, "--timeout", "20", "mcp"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut input = child.stdin.take().expect("piped");
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"overview"}}"#;
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    writeln!(input, "{call}").expect("it reads");
    is_asked.recv().expect("it is asked");
    writeln!(input, "{cancel}").expect("it reads");
    drop(input);
    assert!(child.wait().expect("it ends").success());
    assert!(is_asked.try_recv().is_err(), "the question that is not answered is the only one");
    drop(let_go);
}

#[test]
fn a_slow_answer_holds_up_neither_a_ping_nor_a_cancellation() {
    let (url, let_go, is_asked) = slow();
    let mut child = Command::new(env!("CARGO_BIN_EXE_perf-cli"))
        .args(["--url", &url, "--timeout", "60", "mcp"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut input = child.stdin.take().expect("piped");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut send =
        |line: &str| input.write_all(line.as_bytes()).and_then(|()| input.write_all(b"\n")).expect("it reads");
    let call = |id: u32| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"statements","arguments":{{}}}}}}"#
        )
    };
    // Four ask, 32 wait, and one is too many.
    for id in 1..=4 {
        send(&call(id));
        is_asked.recv().expect("it is asked");
    }
    for id in 5..=37 {
        send(&call(id));
    }
    let mut next = || -> Value { serde_json::from_str(&lines.next().expect("a line").expect("text")).expect("JSON") };
    let refused = next();
    assert_eq!((&refused["id"], &refused["result"]["isError"]), (&37.into(), &true.into()), "{refused}");
    for id in 4..=36 {
        send(&format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#));
    }
    send(r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#);
    let answer = next();
    assert_eq!((&answer["id"], &answer["result"]), (&"p".into(), &serde_json::json!({})));
    drop(let_go);
    drop(input);
    let mut ids: Vec<Value> = [next(), next(), next()].iter().map(|answer| answer["id"].clone()).collect();
    ids.sort_by_key(Value::as_u64);
    assert_eq!(ids, [1, 2, 3], "the fourth was cancelled while it was asked, the others before");
    assert!(lines.next().is_none() && child.wait().expect("it ends").success());
}
