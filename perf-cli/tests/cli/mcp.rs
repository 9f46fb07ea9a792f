//! Tools for a coding agent, by the command as a client starts it.

use crate::service::{ADMIN, service};
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};

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
    let long = "x".repeat((1 << 20) + 10);
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
