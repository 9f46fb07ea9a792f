//! rmcp: a client and a server in one process, each counted on a monitor of its own.

use perf_llm::mcp::{McpClient, McpServer};
use perf_runtime::extend::TraceContext;
use perf_runtime::test_util::isolated;
use perf_runtime::{Kind, Monitor, Window, monitor_agent};
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResponse, CallToolResult, ClientRequest, ContentBlock,
    CustomRequest, RequestParamsMeta,
};
use rmcp::service::{RequestContext, RunningService};
use rmcp::{ErrorData, RoleClient, RoleServer, ServerHandler, ServiceExt};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OTHER: &str = "00-11111111111111111111111111111111-2222222222222222-01";

/// A server with the tools `look_up`, `broken` (which says that it failed), `refused` (an error of the protocol) and `slow` (which never ends).
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
            "look_up" => Ok(CallToolResult::success(content).into()),
            name => Err(ErrorData::invalid_params(format!("no tool {name}"), None)),
        }
    }
}

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
        let monitor = || Monitor::builder().build().unwrap();
        let (near, far, tools) = (monitor(), monitor(), Tools::default());
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
    let pair = Pair::start(|server| server).await;
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

    // A server that names none tells the first hundred apart.
    let pair = Pair::start(|server| server).await;
    let ask = async |name: String| drop(pair.client.peer().call_tool(CallToolRequestParams::new(name)).await);
    for number in 0..130 {
        ask(format!("made up {number}")).await;
    }
    assert_eq!(calls(&pair.far, "tools", "made up 99"), [0, 1, 0, 0]);
    assert_eq!(calls(&pair.far, "tools", "__overflow__"), [0, 30, 0, 0]);
    assert!(!pair.far.render_prometheus().contains("made up 100"));
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
    let shown = format!("{:?}", monitor.tree(Window::LastHour));
    assert!(shown.contains("researcher") && shown.contains("look_up"), "{shown}");
}
