//! Each sort of error that a signature shows is exported at zero before the first call, so that the first failure is an increase
//! and not a birth; and no signature stops compiling for it.

use perf_runtime::{ErrorType, Label, Monitor, monitor, monitor_tool};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

#[derive(ErrorType)]
enum StoreError {
    NotFound,
    #[error_type("timeout", expected)]
    TookTooLong,
}

/// As some crates name theirs.
type Error = StoreError;

type Result<T, E = StoreError> = std::result::Result<T, E>;

type StoreResult = std::result::Result<(), StoreError>;

mod inner {
    #[derive(perf_runtime::ErrorType)]
    pub(crate) enum Failure {
        Deep,
    }
}

#[monitor_tool("zero_plain")]
fn plain() -> Result<(), StoreError> {
    Ok(())
}

#[monitor_tool("zero_alias")]
fn alias() -> Result<()> {
    Ok(())
}

#[monitor_tool("zero_named_alias")]
fn named_alias() -> StoreResult {
    Ok(())
}

#[monitor_tool("zero_module")]
fn in_a_module() -> Result<(), inner::Failure> {
    Err(inner::Failure::Deep)
}

#[monitor_tool("zero_async")]
async fn later() -> Option<Result<(), StoreError>> {
    None
}

#[monitor_tool("zero_future")]
fn made() -> impl Future<Output = Result<u8, StoreError>> {
    async { Ok(1) }
}

#[monitor_tool("zero_boxed")]
fn boxed<'a>(_: &'a str) -> Pin<Box<dyn Future<Output = Result<&'a str, StoreError>> + 'a>> {
    Box::pin(async { Ok("") })
}

struct Store(u8);

#[monitor]
impl Store {
    fn get(&self) -> Result<u8, StoreError> {
        if self.0 > 0 { Ok(self.0) } else { Err(StoreError::NotFound) }
    }

    fn by_another_name(&self) -> Result<u8, Error> {
        Ok(self.0)
    }

    fn open() -> Result<Self, StoreError> {
        Err(StoreError::TookTooLong)
    }
}

/// Parameters that are named as types are, in places where the attribute does not see that they are parameters.
struct Generic<StoreError, Failure>(PhantomData<(StoreError, Failure)>);

impl<StoreError, Failure> Generic<StoreError, Failure> {
    #[monitor_tool("zero_generic_store")]
    fn store(&self, error: StoreError) -> Result<(), StoreError> {
        Err(error)
    }

    #[monitor_tool("zero_generic_failure")]
    fn fail(&self, error: Failure) -> Result<(), Failure> {
        Err(error)
    }

    #[monitor_tool("zero_generic_new")]
    fn new(_: &Failure) -> Result<Self, Failure> {
        Ok(Self(PhantomData))
    }
}

#[derive(Clone, Copy, Label)]
enum Tier {
    Free,
    Pro,
}

#[monitor_tool("zero_labelled", labels(tier = tier))]
fn labelled(tier: Tier) -> Result<(), StoreError> {
    let _ = tier;
    Ok(())
}

/// The values of a tool's failed calls, by what stands behind the outcome.
fn failed(text: &str, metric: &str, labels: &str) -> Vec<(String, u64)> {
    let start = format!("{metric}{{{labels},outcome=\"error\"");
    let lines = text.lines().filter_map(|line| line.strip_prefix(&start)?.split_once("} "));
    lines.map(|(sort, count)| (sort.replace(['"', ','], " ").trim().to_owned(), count.parse().unwrap())).collect()
}

fn of_store(counts: [u64; 3]) -> Vec<(String, u64)> {
    let names = ["error_type= not_found", "error_type= timeout  expected= true", ""];
    names.map(str::to_owned).into_iter().zip(counts).collect()
}

#[test]
fn all_sorts_are_there_before_the_first_call() {
    let text = Monitor::builder().build().unwrap().render_prometheus();
    for tool in ["plain", "alias", "named_alias", "async", "future", "boxed"] {
        let labels = format!("tool=\"zero_{tool}\"");
        assert_eq!(failed(&text, "tool_calls_total", &labels), of_store([0; 3]), "{tool}");
    }
    for tier in ["free", "pro"] {
        let labels = format!("tool=\"zero_labelled\",tier=\"{tier}\"");
        assert_eq!(failed(&text, "tool_calls_total", &labels), of_store([0; 3]), "{tier}");
    }
    for method in ["get", "by_another_name", "open"] {
        let labels = format!("operation=\"Store::{method}\"");
        assert_eq!(failed(&text, "operations_total", &labels), of_store([0; 3]), "{method}");
    }
    let module = failed(&text, "tool_calls_total", "tool=\"zero_module\"");
    assert_eq!(module, [("error_type= deep".to_owned(), 0), (String::new(), 0)]);
    call_all();
    let text = Monitor::builder().build().unwrap().render_prometheus();
    assert_eq!(failed(&text, "operations_total", "operation=\"Store::open\""), of_store([0, 1, 0]));
}

/// In a function of its own, where types of the function's body are known as well.
#[test]
fn types_of_a_function_s_own_are_known() {
    #[derive(ErrorType)]
    enum LocalError {
        Here,
    }
    #[monitor_tool("zero_local")]
    fn local() -> Result<(), LocalError> {
        Err(LocalError::Here)
    }
    let text = Monitor::builder().build().unwrap().render_prometheus();
    let sorts = failed(&text, "tool_calls_total", "tool=\"zero_local\"");
    assert_eq!(sorts, [("error_type= here".to_owned(), 0), (String::new(), 0)]);
    assert!(local().is_err());
}

/// A parameter stands for any type, so its sorts are known from the first error on.
#[test]
fn parameters_are_no_types() {
    let generic = Generic::<StoreError, inner::Failure>::new(&inner::Failure::Deep).ok().unwrap();
    assert!(generic.store(StoreError::NotFound).is_err() && generic.fail(inner::Failure::Deep).is_err());
    let text = Monitor::builder().build().unwrap().render_prometheus();
    let count = |tool: &str| -> u64 {
        failed(&text, "tool_calls_total", &format!("tool=\"{tool}\"")).iter().map(|(_, count)| count).sum()
    };
    assert_eq!((count("zero_generic_store"), count("zero_generic_failure"), count("zero_generic_new")), (1, 1, 0));
}

fn call_all() {
    let pro = [Tier::Free, Tier::Pro].map(labelled);
    assert!(pro.iter().all(Result::is_ok) && plain().is_ok() && alias().is_ok() && named_alias().is_ok());
    assert!(in_a_module().is_err() && Store::open().is_err() && Store(1).get().is_ok());
    assert!(Store(1).by_another_name().is_ok());
    drop((later(), made(), boxed("")));
}
