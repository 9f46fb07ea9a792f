//! rmcp: a client and a server in one process, each counted on a monitor of its own.

use perf_llm::mcp::{McpClient, McpServer};
use perf_runtime::extend::TraceContext;
use perf_runtime::test_util::isolated;
use perf_runtime::{Kind, Monitor, Window, monitor_agent, monitor_mcp_call};
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResponse, CallToolResult, ClientRequest, ContentBlock,
    CustomRequest, RequestMetaObject, RequestParamsMeta,
};
use rmcp::service::{PeerRequestOptions, RequestContext, RunningService, ServiceError};
use rmcp::{ErrorData, RoleClient, RoleServer, ServerHandler, ServiceExt};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OTHER: &str = "00-11111111111111111111111111111111-2222222222222222-01";

#[monitor_mcp_call("tools", "annotated")]
fn annotated(is_good: bool) -> Result<CallToolResult, ErrorData> {
    let content = vec![ContentBlock::text("noon")];
    if is_good { Ok(CallToolResult::success(content)) } else { Err(ErrorData::internal_error("no", None)) }
}

#[monitor_mcp_call("tools", "deep")]
fn deep(is_good: bool) -> Result<CallToolResult, ErrorData> {
    annotated(is_good)
}

/// A server with the tools `look_up`, `broken` (which says that it failed), `refused` (an error of the protocol), `slow` (which never ends) and
/// `obedient` (which goes on until the client cancels it). It does not say which it has.
#[derive(Clone, Default)]
struct Tools {
    /// The current trace of each call, and the one in its `_meta`.
    traces: Arc<Mutex<Vec<(Option<String>, Option<String>)>>>,
}

impl ServerHandler for Tools {
    async fn call_tool(
        &self,
        asked: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let current = TraceContext::current().map(|trace| format!("{trace} {}", trace.state().unwrap_or_default()));
        let in_meta = context.meta.get_traceparent().map(str::to_owned);
        self.traces.lock().unwrap().push((current, in_meta));
        let content = vec![ContentBlock::text("the secret result")];
        match &*asked.name {
            "broken" => Ok(CallToolResult::error(content).into()),
            "slow" => std::future::pending().await,
            "obedient" => {
                context.ct.cancelled().await;
                Err(ErrorData::internal_error("cancelled", None))
            }
            "annotated" => annotated(true).map(Into::into),
            "deep" => perf_runtime::monitor().operation("deep").run(|| deep(false)).map(Into::into),
            name if name == "look_up" || name.starts_with("fine") => Ok(CallToolResult::success(content).into()),
            name => Err(ErrorData::invalid_params(format!("no tool {name}"), None)),
        }
    }
}

const NAMES: [&str; 5] = ["look_up", "broken", "refused", "slow", "obedient"];

/// A client and a server, with the monitors of both.
struct Pair {
    near: Monitor,
    far: Monitor,
    client: McpClient,
    tools: Tools,
    _running: RunningService<RoleClient, ()>,
}

impl Pair {
    async fn start(configured: impl FnOnce(McpServer<Tools>) -> McpServer<Tools>) -> Self {
        Self::start_on(Monitor::builder().build().unwrap(), configured).await
    }

    /// The same with this monitor of the server.
    async fn start_on(far: Monitor, configured: impl FnOnce(McpServer<Tools>) -> McpServer<Tools>) -> Self {
        let (near, tools) = (Monitor::builder().build().unwrap(), Tools::default());
        let (to_far, to_near) = tokio::io::duplex(64 << 10);
        let server = configured(McpServer::new(&far, "tools", tools.clone()));
        tokio::spawn(async move { server.serve(to_near).await.unwrap().waiting().await });
        let running = ().serve(to_far).await.unwrap();
        let client = McpClient::new(&near, "remote", running.peer().clone());
        Self { near, far, client, tools, _running: running }
    }

    async fn call(&self, tool: &'static str) -> bool {
        let mut params = CallToolRequestParams::new(tool);
        params.arguments = Some(serde_json::Map::from_iter([("password".to_owned(), "the secret argument".into())]));
        self.client.call_tool(params).await.is_ok()
    }

    /// The current traces that the handler saw, and those in `_meta`.
    fn traces(&self) -> Vec<(Option<String>, Option<String>)> {
        std::mem::take(&mut *self.tools.traces.lock().unwrap())
    }
}

/// The calls of a capability that were `ok`, `error`, `cancelled`, and that are in flight.
fn calls(monitor: &Monitor, server: &str, capability: &str) -> [u64; 4] {
    let summary = monitor.summary(Window::LastHour);
    summary
        .find(Kind::McpCall, &[server, capability])
        .map_or([0; 4], |series| [series.total.ok, series.total.error, series.total.cancelled, series.in_flight])
}

async fn until(is_so: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("it comes to be so");
}

#[tokio::test]
async fn both_sides_count_each_call_once_with_its_outcome() {
    let _alone = isolated();
    let pair = Pair::start(|server| server.tools(NAMES)).await;
    assert!(pair.call("look_up").await && pair.call("look_up").await);
    // A tool that failed is an answer of the protocol, and an error all the same.
    assert!(pair.call("broken").await);
    assert!(!pair.call("refused").await);
    let request = ClientRequest::CallToolRequest(CallToolRequest::new(CallToolRequestParams::new("look_up")));
    pair.client.request(request).await.unwrap();
    for (monitor, server) in [(&pair.near, "remote"), (&pair.far, "tools")] {
        assert_eq!(calls(monitor, server, "look_up"), [3, 0, 0, 0], "{server}");
        assert_eq!(calls(monitor, server, "broken"), [0, 1, 0, 0], "{server}");
        assert_eq!(calls(monitor, server, "refused"), [0, 1, 0, 0], "{server}");
    }
    // One that the client drops is cancelled on its side; on the other it goes on until the handler ends it.
    let call = pair.call("slow");
    tokio::select! {
        _ = call => unreachable!("it never ends"),
        () = until(|| calls(&pair.far, "tools", "slow")[3] == 1) => {}
    }
    assert_eq!(calls(&pair.near, "remote", "slow"), [0, 0, 1, 0]);
    // One that the client cancels is so on both sides, where the handler ends it.
    let request = ClientRequest::CallToolRequest(CallToolRequest::new(CallToolRequestParams::new("obedient")));
    let options = PeerRequestOptions::no_options();
    let asked = pair.client.peer().send_cancellable_request(request, options).await.unwrap();
    until(|| calls(&pair.far, "tools", "obedient")[3] == 1).await;
    asked.cancel(None).await.unwrap();
    until(|| calls(&pair.far, "tools", "obedient")[3] == 0).await;
    assert_eq!(calls(&pair.far, "tools", "obedient"), [0, 0, 1, 0]);
    for text in [pair.near.render_prometheus(), pair.far.render_prometheus()] {
        assert!(!text.contains("secret") && !text.contains("password"), "arguments and results are recorded nowhere");
    }
}

#[tokio::test]
async fn a_trace_goes_along_and_is_taken_only_where_that_is_set() {
    let _alone = isolated();
    let entered = |value: &str| Some(Box::new(TraceContext::parse(value).unwrap().with_state("a=1")));
    let in_trace = async |pair: &Pair, own: Option<&'static str>| {
        let mut params = CallToolRequestParams::new("look_up");
        if let Some(own) = own {
            params.set_traceparent(own);
        }
        let mut trace = entered(TRACE);
        let mut call = std::pin::pin!(pair.client.call_tool(params));
        let polled = std::future::poll_fn(|context| {
            let _current = TraceContext::enter(&mut trace);
            call.as_mut().poll(context)
        });
        polled.await.unwrap();
        pair.traces().remove(0)
    };
    let pair = Pair::start(|server| server).await;
    let (current, in_meta) = in_trace(&pair, None).await;
    assert_eq!((current, in_meta.as_deref()), (None, Some(TRACE)), "a client's word is not taken");

    let pair = Pair::start(McpServer::takes_traces).await;
    let (current, in_meta) = in_trace(&pair, None).await;
    assert_eq!((current, in_meta.as_deref()), (Some(format!("{TRACE} a=1")), Some(TRACE)));
    let (current, in_meta) = in_trace(&pair, Some(OTHER)).await;
    assert_eq!((current, in_meta.as_deref()), (Some(format!("{OTHER} ")), Some(OTHER)), "its own stays");
    // So it is with any request, wherever its own stands; and a state without a parent is of no trace.
    let in_request = async |own: &[(&'static str, &'static str)], is_beside: bool| {
        let (mut params, mut beside) = (CallToolRequestParams::new("look_up"), RequestMetaObject::new());
        for (name, value) in own {
            let meta = if is_beside { &mut beside } else { params.meta_or_default() };
            meta.insert((*name).to_owned(), (*value).into());
        }
        let mut request = CallToolRequest::new(params);
        request.extensions.insert(beside);
        let mut trace = Some(Box::new(TraceContext::parse(TRACE).unwrap()));
        let mut call = std::pin::pin!(pair.client.request(ClientRequest::CallToolRequest(request)));
        let polled = std::future::poll_fn(|context| {
            let _current = TraceContext::enter(&mut trace);
            call.as_mut().poll(context)
        });
        polled.await.unwrap();
        pair.traces().remove(0).0.unwrap()
    };
    for is_beside in [false, true] {
        assert_eq!(
            in_request(&[("traceparent", OTHER), ("tracestate", "b=2")], is_beside).await,
            format!("{OTHER} b=2")
        );
        assert_eq!(in_request(&[("tracestate", "b=2")], is_beside).await, format!("{TRACE} "), "{is_beside}");
    }
    // Without a current one nothing goes along; what is not well formed is no trace.
    assert!(pair.call("look_up").await);
    assert_eq!(pair.traces(), [(None, None)]);
    let mut params = CallToolRequestParams::new("look_up");
    params.set_traceparent("00-zz");
    pair.client.call_tool(params).await.unwrap();
    assert_eq!(pair.traces(), [(None, Some("00-zz".to_owned()))]);
    assert_eq!(TraceContext::current(), None);
}

#[tokio::test]
async fn names_that_a_client_makes_up_are_bounded_labels() {
    let _alone = isolated();
    let pair = Pair::start(|server| server.tools(["look_up"])).await;
    let ask = async |name: String| drop(pair.client.peer().call_tool(CallToolRequestParams::new(name)).await);
    for number in 0..30 {
        ask(format!("made up {number}")).await;
    }
    assert!(pair.call("look_up").await);
    assert_eq!(calls(&pair.far, "tools", "look_up"), [1, 0, 0, 0]);
    assert_eq!(calls(&pair.far, "tools", "__overflow__"), [0, 30, 0, 0]);
    let custom = CustomRequest::new("made/up", None);
    pair.client.request(ClientRequest::CustomRequest(custom)).await.unwrap_err();
    assert_eq!(calls(&pair.far, "tools", "(custom)"), [0, 1, 0, 0]);

    // Of a server that names none a tool is told apart once it was called without an error.
    let pair = Pair::start(|server| server).await;
    let ask = async |name: String| drop(pair.client.peer().call_tool(CallToolRequestParams::new(name)).await);
    for number in 0..30 {
        ask(format!("made up {number}")).await;
        ask(format!("made up {number}")).await;
    }
    assert!(pair.call("broken").await && pair.call("look_up").await && pair.call("look_up").await);
    assert_eq!(calls(&pair.far, "tools", "__overflow__"), [1, 61, 0, 0]);
    assert_eq!(calls(&pair.far, "tools", "look_up"), [1, 0, 0, 0]);
    assert!(!pair.far.render_prometheus().contains("made up"));
    // The handler of another session knows it, and has no places of its own: 99 are left.
    for session in 0..3 {
        let pair = Pair::start_on(pair.far.clone(), |server| server).await;
        assert!(pair.call("look_up").await);
        for number in 0..50 {
            let name = format!("fine {}", session * 50 + number);
            for _ in 0..2 {
                pair.client.peer().call_tool(CallToolRequestParams::new(name.clone())).await.unwrap();
            }
        }
    }
    assert_eq!(calls(&pair.far, "tools", "look_up"), [4, 0, 0, 0]);
    assert_eq!(calls(&pair.far, "tools", "fine 98"), [1, 0, 0, 0]);
    assert_eq!(calls(&pair.far, "tools", "fine 99"), [0; 4]);
    assert_eq!(calls(&pair.far, "tools", "__overflow__"), [1 + 150 + 51, 61, 0, 0]);
}

#[monitor_agent("researcher")]
async fn research(client: &McpClient) {
    client.call_tool(CallToolRequestParams::new("look_up")).await.unwrap();
}

#[tokio::test]
async fn a_call_is_a_child_of_the_agent_that_makes_it() {
    let _alone = isolated();
    let pair = Pair::start(|server| server).await;
    // The attribute records on the process's monitor, and so does the client here.
    let monitor = perf_runtime::monitor();
    let client = McpClient::new(&monitor, "remote", pair.client.peer().clone());
    research(&client).await;
    let shown = format!("{:?}", monitor.edges(Window::LastHour));
    assert!(shown.contains("researcher") && shown.contains("look_up"), "{shown}");
}

#[monitor_mcp_call("remote", "look_up")]
async fn look_up(client: &McpClient, tool: &'static str) -> Result<CallToolResult, ServiceError> {
    client.call_tool(CallToolRequestParams::new(tool)).await
}

#[tokio::test]
async fn a_request_that_an_annotated_function_answers_counts_once() {
    let _alone = isolated();
    // The attribute records on the process's monitor, and so does the server here.
    let pair = Pair::start_on(perf_runtime::monitor(), |server| server).await;
    for _ in 0..3 {
        assert!(pair.call("annotated").await && !pair.call("deep").await);
    }
    // A name that a function has is a label from the first call on.
    assert_eq!(calls(&pair.far, "tools", "__overflow__"), [0; 4]);
    assert_eq!(calls(&pair.far, "tools", "annotated"), [3, 3, 0, 0]);
    assert_eq!(calls(&pair.far, "tools", "deep"), [0, 3, 0, 0]);
    assert!(pair.call("look_up").await && pair.call("look_up").await);
    assert_eq!(calls(&pair.far, "tools", "look_up"), [1, 0, 0, 0]);
}

#[monitor_mcp_call("remote", "by_index")]
async fn by_index(client: &McpClient) -> Result<CallToolResult, ServiceError> {
    let asked = client.call_tool(CallToolRequestParams::new("by_index"));
    perf_runtime::monitor().operation("index").watch(asked).await
}

#[tokio::test]
async fn a_call_of_another_kind_between_changes_nothing() {
    let _alone = isolated();
    let pair = Pair::start(|server| server).await;
    let monitor = perf_runtime::monitor();
    let client = McpClient::new(&monitor, "remote", pair.client.peer().clone());
    by_index(&client).await.unwrap_err();
    assert_eq!(calls(&monitor, "remote", "by_index"), [0, 1, 0, 0]);
}

#[tokio::test]
async fn a_call_that_is_annotated_and_goes_through_the_client_counts_once() {
    let _alone = isolated();
    let pair = Pair::start(|server| server).await;
    let monitor = perf_runtime::monitor();
    let client = McpClient::new(&monitor, "remote", pair.client.peer().clone());
    look_up(&client, "look_up").await.unwrap();
    assert_eq!(calls(&monitor, "remote", "look_up"), [1, 0, 0, 0]);
    // The trace goes along all the same.
    let mut trace = Some(Box::new(TraceContext::parse(TRACE).unwrap()));
    let mut call = std::pin::pin!(look_up(&client, "look_up"));
    let polled = std::future::poll_fn(|context| {
        let _current = TraceContext::enter(&mut trace);
        call.as_mut().poll(context)
    });
    polled.await.unwrap();
    assert_eq!(pair.traces().pop().unwrap().1.as_deref(), Some(TRACE));
    assert_eq!(calls(&monitor, "remote", "look_up"), [2, 0, 0, 0]);
    // One of the same names by hand is the same call too.
    let by_hand = monitor.mcp_call("remote", "by_hand");
    by_hand.watch(client.call_tool(CallToolRequestParams::new("by_hand"))).await.unwrap_err();
    assert_eq!(calls(&monitor, "remote", "by_hand"), [1, 0, 0, 0], "as the one around it says");
    // Another tool inside it, and the same one outside of it, are calls of their own.
    look_up(&client, "broken").await.unwrap();
    client.call_tool(CallToolRequestParams::new("look_up")).await.unwrap();
    assert_eq!(calls(&monitor, "remote", "broken"), [0, 1, 0, 0]);
    assert_eq!(calls(&monitor, "remote", "look_up"), [4, 0, 0, 0]);
}
