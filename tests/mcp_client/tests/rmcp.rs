//! The client of rmcp against a running server: it begins, lists the tools, calls each of them, and sends a token.

use axum::Router;
use perf_runtime::{Monitor, Outcome};
use perf_server::Server;
use rmcp::ServiceExt;
use rmcp::model::CallToolRequestParams;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Value, json};
use std::time::Duration;

const TOKEN: &str = "a-token-for-readers";
const ADMIN: &str = "a-token-for-admins";

/// A server at a port, and its address.
async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/mcp")
}

fn monitor() -> Monitor {
    let monitor = Monitor::builder().recorder(true).build().unwrap();
    for (operation, milliseconds) in [("quick", 1), ("slow", 900)] {
        for _ in 0..30 {
            monitor.operation(operation).record(Duration::from_millis(milliseconds), Outcome::Ok);
        }
    }
    monitor.tick();
    monitor
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_begins_lists_the_tools_and_calls_each() {
    let monitor = monitor();
    let app = Server::builder(&monitor).read_token(TOKEN).admin_token(ADMIN).router().unwrap();
    let url = serve(app).await;
    let transport =
        StreamableHttpClientTransport::from_config(StreamableHttpClientTransportConfig::with_uri(url.as_str()).auth_header(TOKEN));
    let client = ().serve(transport).await.expect("it begins");
    let server = serde_json::to_value(client.peer_info().expect("the server says who it is")).unwrap();
    println!("server: {} {}, protocol {}", server["serverInfo"]["name"], server["serverInfo"]["version"], server["protocolVersion"]);
    assert_eq!(server["serverInfo"]["name"], "perf");
    let tools = client.list_all_tools().await.expect("tools");
    println!("tools: {}", tools.iter().map(|tool| tool.name.as_ref()).collect::<Vec<_>>().join(", "));
    assert_eq!(tools.len(), 10);
    for tool in &tools {
        let arguments = match tool.name.as_ref() {
            "explain" => json!({ "series": "operation{operation=slow}" }),
            "compare" => json!({ "before": "-2h/-1h", "after": "-1h/now" }),
            _ => json!({}),
        };
        let called = CallToolRequestParams::new(tool.name.to_string())
            .with_arguments(arguments.as_object().cloned().unwrap_or_default());
        let result = serde_json::to_value(client.call_tool(called).await.expect("an answer")).unwrap();
        let text = result["content"][0]["text"].as_str().expect("text");
        println!("{}: error {}, {} bytes", tool.name, result["isError"], text.len());
        // Parts that this server is without.
        let is_there = !["statements", "contention", "compare"].contains(&tool.name.as_ref());
        assert_eq!(result["isError"], !is_there, "{}: {text}", tool.name);
        if is_there {
            let answer: Value = serde_json::from_str(text).unwrap();
            assert!(answer["next_tool"][0]["name"].is_string(), "{text}");
        }
    }
    let unknown = client.call_tool(CallToolRequestParams::new("restart")).await;
    println!("a tool that there is not: {}", unknown.as_ref().expect_err("refused"));
    client.cancel().await.expect("it ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_token_it_does_not_begin() {
    let monitor = monitor();
    let url = serve(Server::builder(&monitor).read_token(TOKEN).admin_token(ADMIN).router().unwrap()).await;
    let transport = StreamableHttpClientTransport::from_uri(url.as_str());
    let error = ().serve(transport).await.err().expect("it is refused").to_string();
    println!("without a token: {error}");
    assert!(error.contains("Auth required"), "{error}");
}
