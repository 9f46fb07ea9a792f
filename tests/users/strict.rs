//! A user who forbids all that can be forbidden. Built by the rules of the editions 2021 and 2024, with and without clippy:
//! nothing is said.
#![forbid(unsafe_code)]
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    rust_2018_idioms,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unreachable_pub,
    unused_lifetimes,
    unused_qualifications,
    unused_results,
    variant_size_differences,
    clippy::all,
    clippy::pedantic,
    clippy::cargo_common_metadata,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::empty_enum_variants_with_brackets,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::let_underscore_must_use,
    clippy::let_underscore_untyped,
    clippy::mem_forget,
    clippy::missing_docs_in_private_items,
    clippy::multiple_unsafe_ops_per_block,
    clippy::panic,
    clippy::panic_in_result_fn,
    clippy::shadow_reuse,
    clippy::shadow_same,
    clippy::shadow_unrelated,
    clippy::str_to_string,
    clippy::todo,
    clippy::undocumented_unsafe_blocks,
    clippy::unimplemented,
    clippy::unreachable,
    clippy::unwrap_used,
    clippy::used_underscore_binding
)]
#![allow(clippy::cargo_common_metadata)]

use perf_runtime::{
    ErrorType, Label, monitor, monitor_agent, monitor_db_operation, monitor_external_call, monitor_mcp_call,
    monitor_tool, monitor_workflow, monitor_workflow_step,
};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

/// The errors of this file.
#[derive(Debug, ErrorType)]
pub enum Failure {
    /// It was not there.
    NotFound,
    /// A number was none.
    #[error_type("bad_number")]
    Number(std::num::ParseIntError),
}

impl From<std::num::ParseIntError> for Failure {
    fn from(error: std::num::ParseIntError) -> Self {
        Self::Number(error)
    }
}

/// The one who pays.
#[derive(Clone, Copy, Debug, Label)]
pub enum Tier {
    /// Nobody.
    Free,
    /// The user.
    Paid,
}

/// One line.
#[monitor("strict_one_line")]
#[must_use]
pub fn one_line() -> u8 { 7 }

/// Nothing.
#[monitor("strict_empty")]
pub fn empty() {}

/// A block and a call.
#[monitor("strict_blocks")]
pub fn blocks() { {} empty() }

/// Counted as an operation and as a tool.
#[monitor("strict_both")]
#[monitor_tool("strict_both")]
#[must_use]
pub fn both(n: u8) -> u8 {
    n
}

/// Items before all statements, where the lint about items wants them.
#[monitor("strict_items")]
#[must_use]
pub fn items() -> u8 {
    const ONE: u8 = 1;
    fn one() -> u8 {
        ONE
    }
    one()
}

/// The same, waiting.
#[monitor("strict_items_async")]
pub async fn items_async() -> u8 {
    const ONE: u8 = 1;
    std::future::ready(ONE).await
}

/// A type that is copied is cloned as clippy wants it, and compared so.
#[derive(Copy, Debug, Eq, PartialEq)]
pub struct Copied(u8);

#[allow(clippy::expl_impl_clone_on_copy)]
impl Clone for Copied {
    #[monitor("strict_clone")]
    fn clone(&self) -> Self {
        *self
    }
}

#[monitor]
impl Ord for Copied {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

#[monitor]
impl PartialOrd for Copied {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Something that has a tier, whose type no signature shows.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// The payer.
    tier: Tier,
}

impl Order {
    /// Labels by an expression.
    #[monitor("strict_expression", labels(tier = self.tier))]
    pub fn pay(&self) {}

    /// The same, waiting; and the error in an event.
    ///
    /// # Errors
    /// It was not there.
    #[monitor("strict_expression_async", labels(tier = self.tier), err = "warn")]
    pub async fn pay_later(self) -> Result<(), Failure> {
        find(1).await.map(|_| ())
    }
}

/// It waits as what it returns says.
#[monitor("strict_pending")]
pub async fn pending() -> ! {
    std::future::pending().await
}

/// An argument that is there for a signature's sake.
#[monitor("strict_underscored")]
pub fn underscored(_bar: u8) {}

/// The same, waiting.
#[monitor("strict_underscored_async")]
pub async fn underscored_async(_bar: u8, _: u16, (_baz, _): (u8, u8)) {}

/// It runs until it is cancelled.
#[monitor("strict_serve")]
pub async fn serve() -> ! {
    loop {
        std::future::pending::<()>().await;
    }
}

/// It has a value only by its type.
#[monitor("strict_serve_with_errors")]
pub async fn serve_with_errors() -> Result<(), Failure> {
    loop {
        std::future::pending::<()>().await;
    }
}

/// It ends the process.
#[monitor("strict_never")]
pub fn exit() -> ! {
    std::process::exit(1)
}

/// Reads from a database.
///
/// # Errors
/// The user is not there.
#[monitor_db_operation("select", "strict", err, fields(id = id))]
pub async fn find(id: u64) -> Result<String, Failure> {
    if id == 0 {
        return Err(Failure::NotFound);
    }
    Ok(id.to_string())
}

impl std::fmt::Display for Failure {
    #[monitor("strict_trait_impl")]
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Failure {}

/// A workflow.
///
/// # Errors
/// One of its steps failed.
#[monitor_workflow("strict")]
pub async fn workflow(input: &str) -> Result<u64, Failure> {
    let number = step(input)?;
    let found = find(number).await?;
    Ok(found.parse()?)
}

/// A step of it.
#[monitor_workflow_step("strict", "parse")]
fn step(input: &str) -> Result<u64, std::num::ParseIntError> {
    input.trim().parse()
}

/// An agent, with labels.
#[monitor_agent("strict", labels(tier = tier), slow = "2s", objective(latency = "5s", percentile = 99.0))]
pub async fn agent(tier: Tier, (first, mut second): (u8, u8)) -> Option<u8> {
    second = second.saturating_add(1);
    std::future::ready(()).await;
    first.checked_add(second)
}

/// A tool, boxed.
#[monitor_tool("strict", error_if = Option::is_none)]
#[must_use]
pub fn tool(text: &str) -> Pin<Box<dyn Future<Output = Option<char>> + Send + '_>> {
    let first = text.chars().next();
    Box::pin(async move { first })
}

/// A call to an MCP server, opaque.
#[monitor_mcp_call("strict", "resolve", level = "debug", target = "strict")]
pub fn mcp_call(text: &str) -> impl Future<Output = usize> + '_ {
    let length = text.len();
    async move {
        std::future::ready(()).await;
        length
    }
}

/// A call to another service.
#[monitor_external_call("strict", "charge", span = false, ok_if = |code: &u16| *code < 500)]
#[must_use]
pub fn external_call(status: u16) -> u16 {
    status
}

/// A closure.
#[monitor("strict_closure")]
pub fn adder(by: u32) -> impl Fn(u32) -> u32 {
    move |n| n.wrapping_add(by)
}

/// Something to have methods.
#[derive(Debug, Default)]
pub struct Store {
    /// The values, by key.
    values: BTreeMap<String, u64>,
}

impl Store {
    /// A borrowed part.
    #[monitor("strict_borrowed_part")]
    pub fn slot(&mut self, key: &str) -> &mut u64 {
        self.values.entry(key.to_owned()).or_default()
    }

    /// A long type, as methods of traits may have without being told.
    #[monitor("strict_lifetimes")]
    pub fn range<'a>(&'a self, from: &'a str) -> impl Iterator<Item = (&'a str, u64)> + 'a {
        self.values.iter().filter(move |(key, _)| key.as_str() >= from).map(|(key, value)| (key.as_str(), *value))
    }

    /// Consumes it.
    #[monitor("strict_self")]
    #[must_use]
    pub fn into_values(self) -> Vec<u64> {
        self.values.into_values().collect()
    }

    /// Waits.
    #[monitor("strict_self_async")]
    pub async fn insert(&mut self, key: String, value: u64) -> Option<u64> {
        std::future::ready(()).await;
        self.values.insert(key, value)
    }
}

/// Something with an argument of a type that has no name.
#[monitor("strict_impl_argument")]
pub fn join(parts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut all = String::new();
    for part in parts {
        all.push_str(part.as_ref());
    }
    all
}

/// A trait that others implement.
pub trait Service {
    /// The type of the answer: it would be too complex, were it not for a trait.
    type Answer;

    /// Answers.
    fn answer(&self, question: &str) -> Self::Answer;

    /// Answers twice.
    #[monitor("strict_default_method")]
    fn answer_twice(&self, question: &str) -> (Self::Answer, Self::Answer) {
        (self.answer(question), self.answer(question))
    }
}

/// As methods of traits must take it, it is not too complex for clippy.
type Complex = BTreeMap<String, Vec<(u8, u16)>>;

/// Signatures whose types are complex.
pub trait Complicated {
    /// The type is not the implementor's to choose.
    #[allow(clippy::type_complexity)]
    fn complicated(&self) -> BTreeMap<String, Result<Vec<(u8, Option<Box<dyn Fn(u8) -> Result<u16, String> + Send>>)>, String>>;

    /// Nor is that of a future.
    #[allow(clippy::type_complexity)]
    fn later<'a>(&'a self, key: &'a str) -> Pin<Box<dyn Future<Output = Result<Vec<(u8, Option<Box<dyn Fn(u8) -> Result<u16, String> + Send>>)>, String>> + Send + 'a>>;
}

impl Complicated for Store {
    #[monitor("strict_complex_type")]
    fn complicated(&self) -> BTreeMap<String, Result<Vec<(u8, Option<Box<dyn Fn(u8) -> Result<u16, String> + Send>>)>, String>> {
        BTreeMap::new()
    }

    #[monitor("strict_complex_future")]
    fn later<'a>(&'a self, key: &'a str) -> Pin<Box<dyn Future<Output = Result<Vec<(u8, Option<Box<dyn Fn(u8) -> Result<u16, String> + Send>>)>, String>> + Send + 'a>> {
        let found = self.values.contains_key(key);
        Box::pin(async move { if found { Ok(Vec::new()) } else { Err("none".to_owned()) } })
    }
}

/// Uses the alias.
#[monitor("strict_alias")]
#[must_use]
pub fn alias() -> Complex {
    Complex::new()
}

#[monitor]
impl Service for Store {
    type Answer = Option<u64>;

    fn answer(&self, question: &str) -> Self::Answer {
        self.values.get(question).copied()
    }
}
