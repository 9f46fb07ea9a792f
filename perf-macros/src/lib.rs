//! The attributes of perf. Use them through `perf-runtime`, which re-exports them: its docs teach, these are for looking
//! up.
//!
//! # What may stand under an attribute
//!
//! A function, a method, or a method of a trait's implementation; `async`, sync, or sync and returning a future
//! (`impl Future`, `Pin<Box<dyn Future ..>>`, `BoxFuture`), which is then measured to completion. The function keeps its
//! type, its lifetimes, the drop order of its parameters and its other attributes.
//!
//! Refused, each with one error that says why: a `const fn`, a trait method without a body, `#[track_caller]` on a body that
//! has to run in a closure (see [limits](#limits)), a sync function that returns a stream, and whatever is not a function.
//!
//! # Labels
//!
//! The positional arguments are the labels' values. Each is
//!
//! - a string literal, the path of a `&'static str` constant, or a macro that names no argument, such as `concat!(..)`: 1 to
//!   128 bytes, no white space, control characters or quotes;
//! - the path of an enum's variant whose type is a `Label`; or
//! - an argument, or an expression over the arguments, whose type is a `Label`: the value is taken as the call starts.
//!   Where the signature shows the type, all its series are known before the first call; else from the first call on. More series
//!   than the budget are told by `cargo check` where the types of all labels derive `Label`; of a `Label` written by hand or a type
//!   parameter, behind an expression, only `cargo build` knows.
//!
//! # Options
//!
//! The same for all attributes, after the labels:
//!
//! | option | meaning |
//! |---|---|
//! | `err`, `err = "warn"` | writes the text of an `Err` on the span; with a level also in an event of that level, within the span. On an `impl` block it is for the methods that can fail |
//! | `ok_if = path`, `error_if = path` | a function or closure of a reference to what was returned that decides the outcome; without one an `Err` is an error and all else is ok |
//! | `cancel = "expected"` | being cancelled is part of the plan, as of hedged requests and lost arms of a `select!`: such calls are counted as cancelled, with the label `expected="true"`, and are no sign of ill health |
//! | `waits` | calls wait by design, as long polls and loops that consume a queue do: they are listed and measured, but nobody judges how long they take; not together with `slow` or the latency of an objective |
//! | `fields(user_id = %id, rows = rows.len(), note)` | fields of the span, asked for only when a subscriber listens: `%` by `Display`, `?` by `Debug`, else by `tracing::Value`; a bare name is recorded later with `Span::current().record("note", ..)`. A name may be a text, `"http.method" = method`. No argument is ever recorded unless named here |
//! | `name = ".."` | the span's name, a string or a constant; else the function's or, of an operation whose label is a literal, that label |
//! | `level = ".."` | `trace`, `debug`, `info` (the default), `warn` or `error` |
//! | `target = ".."` | the span's target, a string or a constant; else the module's path |
//! | `span = false` | no span |
//! | `labels(region = Region::Eu, tier = tier)` | labels beyond the kind's own: literals, constants, or values of the call's whose type is a `Label` |
//! | `max_series = 5_000` | how many series the labels of calls may make together; else 2,000 |
//! | `buckets = [0.1, 0.5]` | the exposed bounds in seconds, in place of the kind's |
//! | `slow = "250ms"` | a call that takes longer is told by a warning through `tracing`, and counted; exact, for it becomes a bound |
//! | `objective(latency = "250ms", percentile = 99.0, success = 99.9)` | what share of calls is to be within a latency, and to succeed; the summary says whether it is met |
//! | `profile` | measures what each call uses: processor time apart from the time by the clock, and memory; see [below](#what-a-call-uses) |
//! | `units = rows.len()`, `units = Vec::len` | with `profile`: how much a call does, which gives a speed |
//! | `operation = ".."` | on `monitor_db_operation`, in place of its first label: a verb that is not a known one, a string or a constant |
//! | `crate = path` | where `perf-runtime` is, if not at `::perf_runtime` |
//!
//! # What a call uses
//!
//! With `profile` each call that ends, whichever way, brings what its body used: time on a processor and, where the program's
//! global allocator is the `CountingAllocator` of `perf-host`, how often and how much memory it asked for and gave back. Of a
//! future it is what its own polls used, on whatever thread. Calls and polls within are in it, profiled themselves or
//! not; other threads and spawned tasks are not. A figure that nothing tells is absent, never zero.
//!
//! `units` says how much work a call did. A closure, or a path that names no parameter, is a function of a reference to what
//! was returned: of a `Result`, to what is in its `Ok`. All else is a number over the arguments, taken as the call starts. It is
//! counted of calls that end `ok`, and divided by how long they took.
//!
//! ```
//! use perf_runtime::{Kind, Monitor, Window, monitor_db_operation};
//!
//! #[monitor_db_operation("select", "users", profile, units = Vec::len)]
//! fn all_users() -> Result<Vec<String>, std::io::Error> {
//!     Ok(vec!["ada".to_owned(), "grace".to_owned()])
//! }
//!
//! #[monitor_db_operation("insert", "users", profile, units = names.len())]
//! fn add_users(names: Vec<String>) {
//!     drop(names);
//! }
//!
//! # fn main() -> Result<(), perf_runtime::InstallError> {
//! let monitor = Monitor::builder().install()?;
//! add_users(all_users().unwrap());
//!
//! let summary = monitor.summary(Window::LastMinute);
//! let inserts = summary.find(Kind::DbOperation, &["insert", "users"]).unwrap().profile.unwrap();
//! assert_eq!((inserts.calls, inserts.units), (1, Some(2)));
//! assert!(inserts.units_per_second > Some(0.0));
//! assert!(monitor.render_prometheus().contains(r#"db_operation_units_total{operation="select",table="users"} 2"#));
//! # Ok(())
//! # }
//! ```
//!
//! It is exposed, for series that profile and no others, beside the kind's own families, here of `db_operation`:
//!
//! | counter | of profiled calls that ended |
//! |---|---|
//! | `db_operation_profiled_calls_total` | how many |
//! | `db_operation_cpu_time_seconds_total` | seconds on a processor |
//! | `db_operation_allocations_total` | how often they asked for memory |
//! | `db_operation_allocated_bytes_total`, `db_operation_released_bytes_total` | what they asked for, and gave back; the difference is what they left behind |
//! | `db_operation_units_total` | units of work of those that ended `ok` |
//!
//! The profiler asks the system for the thread's time at each end of each poll, which costs more than all else that is
//! measured of a call. A function without `profile` pays nothing for it.
//!
//! # Sorts of errors
//!
//! Where a function returns a `Result` whose error derives `ErrorType`, failed calls have its sort as the label `error_type`. The
//! sorts that the signature shows are exported at zero before the first call: of `Result<T, StoreError>`, of an alias named
//! `Result<T>` and of one without parameters, inside an `Option` or `Poll` too, and of a future that makes one. Others are known from
//! their first error on: those of a type parameter, of `Self::Error`, of a type with parameters, of a method's error that is declared inside
//! a function, and where the combinations of labels times the sorts are over 2,000.
//!
//! An error that callers are meant to get is marked `#[error_type(expected)]`: see `#[derive(ErrorType)]`. With `ok_if` and
//! `error_if` the predicate decides, and an error keeps its sort.
//!
//! # What an attribute writes
//!
//! ```
//! # use perf_runtime::monitor_tool;
//! #[monitor_tool("web_search")]
//! async fn search(query: String) -> Result<usize, std::io::Error> {
//!     Ok(query.len())
//! }
//! ```
//!
//! becomes, with the names shortened:
//!
//! ```text
//! fn search(query: String) -> impl Future<Output = Result<usize, std::io::Error>> {
//!     static SITE: Site = Site { labels: &["web_search"], .. };
//!     watch(
//!         prepare(&SITE),
//!         async move {
//!             if false { return unreached::<Result<usize, std::io::Error>>(); }
//!             let query = query;
//!             let value: Result<usize, std::io::Error> = 'body: {
//!                 if false { break 'body unreached(); }
//!                 'user: { Ok(query.len()) }
//!             };
//!             value
//!         },
//!         |value, call| returned(value).finish(call),
//!     )
//! }
//! ```
//!
//! The `static` is placed where the runtime finds it before the first call. The unreachable `return` tells the compiler
//! the type, for coercions, `?` and early returns; the unreachable `break` tells it that the body may end, so that no lint
//! speaks of what follows it. Parameters are bound anew so that all of them move in and are dropped in the language's
//! order. `returned` tells an error by type, so an alias of `Result` is seen through.
//!
//! An `async fn` becomes a `fn` that returns what the `async fn` did, so that its arguments are held once. With `fields`,
//! `watch_late` makes the body as it is first polled, once the fields have looked at the arguments. It stays an `async fn`
//! where it returns `!`, and where it has `#[must_use]` or another attribute macro, which may be for an `async fn` only.
//! Then its arguments are held twice.
//!
//! # Limits
//!
//! - An `async fn` that returns `impl Fn(..)` says the types of the closure's parameters in the closure.
//! - A generic function that returns its type parameter is not known to return a `Result`; `error_if` is for that.
//! - A sync function that returns a future by the name of its type, such as `JoinHandle<..>`, is measured as what it is:
//!   until it has returned. A boxed future by another name is refused.
//! - In a function that returns a future, what panics before the future is made is not a call.
//! - A function that returns `BoxFuture<'a, T>` of its own type parameter, as `fn into_boxed<'a, T>(self) -> BoxFuture<'a, T>` in a
//!   trait, needs the bound `T: 'a`, for the measured future holds the one that it measures.
//! - A sync body keeps its caller's place (`#[track_caller]`, on the function or inherited from a trait) where it ends with its value, and
//!   where its return type cannot be an error. A body that may leave early, by `return`, `?` or a macro that is not of the standard library,
//!   runs in a closure and sees a line of perf's; with the attribute on the function it is refused.
//! - A macro of the user's own with the name of one of the standard library's (`assert!`, `write!`, ..) that returns early, defined outside the
//!   body: the call is counted as `ok`.
//! - With an attribute macro below ours, what a pattern leaves behind (`_`, `..`) is dropped after all parameters.

mod args;
mod block;
mod canonical;
mod derive;
mod expand;
mod function;
mod guard;
mod kind;
mod label;
mod labels;
mod model;
mod params;
mod place;
mod plan;
mod profile;
mod shape;
mod sorts;
mod suggest;
mod target;

use kind::Kind;
use proc_macro::TokenStream;

macro_rules! attribute {
    ($(#[$doc:meta])* $name:ident = $kind:ident) => {
        $(#[$doc])*
        #[proc_macro_attribute]
        pub fn $name(args: TokenStream, item: TokenStream) -> TokenStream {
            expand::attribute(Kind::$kind, args.into(), &item.into()).into()
        }
    };
}

attribute! {
    /// Measures an operation on a database table, as `db_operations_total{operation, table}` and its like.
    ///
    /// The operation is a known verb (`select`, `insert`, `update`, ..); one of your own is declared with `operation`.
    ///
    /// ```
    /// # use perf_runtime::monitor_db_operation;
    /// #[monitor_db_operation("select", "users", err, fields(user_id = id))]
    /// async fn find_user(id: u64) -> Result<String, std::io::Error> {
    ///     Ok(format!("user {id}"))
    /// }
    ///
    /// #[monitor_db_operation("users", operation = "rebalance")]
    /// fn rebalance() {}
    /// ```
    ///
    /// A verb that is nearly a known one does not compile:
    ///
    /// ```compile_fail
    /// # use perf_runtime::monitor_db_operation;
    /// #[monitor_db_operation("selct", "users")] // did you mean "select"?
    /// fn find_user() {}
    /// ```
    monitor_db_operation = DbOperation
}

attribute! {
    /// Measures a workflow from end to end, as `workflows_total{workflow}` and `active_workflows{workflow}`.
    ///
    /// ```
    /// # use perf_runtime::monitor_workflow;
    /// #[monitor_workflow("data_processing")]
    /// async fn process(rows: Vec<u64>) -> u64 {
    ///     rows.iter().sum()
    /// }
    /// ```
    monitor_workflow = Workflow
}

attribute! {
    /// Measures a step of a workflow, as `workflow_steps_total{workflow, step}` and its like.
    ///
    /// ```
    /// # use perf_runtime::monitor_workflow_step;
    /// #[monitor_workflow_step("data_processing", "validation", error_if = Option::is_none)]
    /// fn validate(row: &str) -> Option<u64> {
    ///     row.parse().ok()
    /// }
    /// ```
    monitor_workflow_step = WorkflowStep
}

attribute! {
    /// Measures the runs of an agent, as `agent_runs_total{agent}` and its like.
    ///
    /// The use of a run goes on its span, recorded once it is known:
    ///
    /// ```
    /// # use perf_runtime::monitor_agent;
    /// #[monitor_agent("researcher", fields(tokens_used, tools_called))]
    /// async fn research(question: &str) -> Result<String, std::io::Error> {
    ///     let span = tracing::Span::current();
    ///     span.record("tokens_used", 512);
    ///     span.record("tools_called", 2);
    ///     Ok(question.to_uppercase())
    /// }
    /// ```
    monitor_agent = Agent
}

attribute! {
    /// Measures the calls of a tool, as `tool_calls_total{tool}` and its like.
    ///
    /// ```
    /// # use perf_runtime::monitor_tool;
    /// #[monitor_tool("word_count")]
    /// fn count_words(text: &str) -> usize {
    ///     text.split_whitespace().count()
    /// }
    /// ```
    monitor_tool = Tool
}

attribute! {
    /// Measures calls to an MCP server, as `mcp_calls_total{server, capability}` and its like.
    ///
    /// ```
    /// # use perf_runtime::monitor_mcp_call;
    /// # struct Client;
    /// impl Client {
    ///     #[monitor_mcp_call("context7", "resolve", err)]
    ///     async fn resolve(&self, library: &str) -> Result<String, std::io::Error> {
    ///         Ok(format!("/{library}"))
    ///     }
    /// }
    /// ```
    monitor_mcp_call = McpCall
}

attribute! {
    /// Measures calls to another service, as `external_calls_total{service, operation}` and its like.
    ///
    /// ```
    /// # use perf_runtime::monitor_external_call;
    /// #[monitor_external_call("stripe", "charge", ok_if = |status| *status < 500)]
    /// async fn charge(cents: u64) -> u16 {
    ///     if cents > 0 { 200 } else { 422 }
    /// }
    /// ```
    monitor_external_call = ExternalCall
}

attribute! {
    /// Measures anything else, as `operations_total{operation}` and its like. Without a label, the function's name is it.
    ///
    /// On an `impl` block it stands for all methods, each labelled `Type::method`, with the options of the block. Left out
    /// are methods marked `#[monitor(skip)]`, methods with an attribute of perf's of their own, and `const fn`, which cannot
    /// be measured.
    ///
    /// ```
    /// # use perf_runtime::monitor;
    /// #[monitor]
    /// fn resize(image: &mut Vec<u8>) {
    ///     image.truncate(10);
    /// }
    ///
    /// const CHECKOUT: &str = "checkout";
    ///
    /// #[monitor(CHECKOUT, level = "debug")]
    /// async fn check_out() {}
    ///
    /// struct Cart(Vec<u32>);
    ///
    /// #[monitor(err)]
    /// impl Cart {
    ///     const fn new() -> Self {
    ///         Self(Vec::new())
    ///     }
    ///
    ///     /// Counted as `operation="Cart::add"`.
    ///     fn add(&mut self, cents: u32) -> Result<(), std::num::TryFromIntError> {
    ///         self.0.push(cents);
    ///         Ok(())
    ///     }
    ///
    ///     #[monitor(skip)]
    ///     fn len(&self) -> usize {
    ///         self.0.len()
    ///     }
    /// }
    ///
    /// let mut cart = Cart::new();
    /// cart.add(995).unwrap();
    /// assert_eq!(cart.len(), 1);
    /// let text = perf_runtime::monitor().render_prometheus();
    /// assert!(text.contains(r#"operations_total{operation="Cart::add",outcome="ok"} 1"#));
    /// assert!(!text.contains("Cart::len"));
    /// ```
    monitor = Operation
}

/// Makes an error enum an `ErrorType`: its variants' names in snake case are the sorts of errors.
///
/// | `#[error_type(..)]` | on | meaning |
/// |---|---|---|
/// | `"timeout"` | a variant | the sort's name |
/// | `nested` | a variant with one field | the sorts of the error that it carries |
/// | `expected` | a variant, or the enum for all of them | callers are meant to get it: it is counted as an error, with the label `expected="true"`, and is no failure to error rates, presets, objectives and health |
/// | `crate = path` | the enum | where `perf-runtime` is, if not at `::perf_runtime` |
///
/// Several go together: `#[error_type("gone", expected)]`.
///
/// ```
/// use perf_runtime::ErrorType;
///
/// #[derive(ErrorType)]
/// enum FetchError {
///     NotFound,
///     #[error_type("timeout")]
///     TookTooLong { seconds: u64 },
///     #[error_type(nested)]
///     Parse(ParseError),
/// }
///
/// #[derive(ErrorType)]
/// enum ParseError {
///     BadHeader,
/// }
///
/// assert_eq!(FetchError::NAMES, ["not_found", "timeout", "bad_header"]);
/// assert_eq!(FetchError::Parse(ParseError::BadHeader).index(), 2);
/// # let _ = (FetchError::NotFound, FetchError::TookTooLong { seconds: 1 });
/// ```
#[proc_macro_derive(ErrorType, attributes(error_type))]
pub fn derive_error_type(input: TokenStream) -> TokenStream {
    derive::error_type(input.into()).into()
}

/// Makes an enum without fields a `Label`: its variants' names in snake case are the values.
///
/// ```
/// use perf_runtime::Label;
///
/// #[derive(Label)]
/// enum Region {
///     Eu,
///     UsEast,
///     #[label("asia-1")]
///     Asia,
/// }
///
/// assert_eq!(Region::VALUES, ["eu", "us_east", "asia-1"]);
/// assert_eq!(Region::Asia.index(), 2);
/// # let _ = (Region::Eu, Region::UsEast);
/// ```
#[proc_macro_derive(Label, attributes(label))]
pub fn derive_label(input: TokenStream) -> TokenStream {
    derive::label(input.into()).into()
}
