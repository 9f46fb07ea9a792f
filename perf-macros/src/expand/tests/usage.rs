//! The option `usage`, and calls of language models.

use super::attribute;
use crate::kind::Kind;
use quote::quote;

fn written(kind: Kind, args: proc_macro2::TokenStream, item: &proc_macro2::TokenStream) -> String {
    super::pretty(attribute(kind, args, item))
}

#[test]
fn the_usage_of_a_future_is_looked_for_in_what_it_returns() {
    let item = quote!(
        async fn ask(question: &str) -> Result<Answer, Error> {
            send(question).await
        }
    );
    let tool = written(Kind::Tool, quote!("search", usage = |answer| &answer.usage), &item);
    assert!(tool.contains("::perf_runtime::__private::watch_metered("), "{tool}");
    let usage = "::perf_runtime::__private::usage_in(__perf_value).by(|answer| &answer.usage)";
    assert!(tool.contains(usage), "{tool}");
    // Without the option, tools are not followed; agents are, for the calls inside them, and calls of models.
    assert!(!written(Kind::Tool, quote!("search"), &item).contains("metered"));
    for kind in [Kind::Agent, Kind::LlmCall] {
        let args = if kind == Kind::Agent { quote!("researcher") } else { quote!("openai", "gpt-5") };
        assert!(written(kind, args, &item).contains("::perf_runtime::__private::no_usage"), "{kind:?}");
    }
}

#[test]
fn the_usage_of_a_sync_body_is_told_before_the_call_ends() {
    let item = quote!(
        fn ask(question: &str) -> Answer {
            send(question)
        }
    );
    let written = written(Kind::Workflow, quote!("answering", usage = Answer::usage, profile), &item);
    let order = [
        "let __perf_metered = &mut __perf_call.metered_scope();",
        "send(question)",
        "__perf_metered",
        ".tell(",
        ".finish(",
    ];
    let places = order.map(|part| written.find(part).unwrap_or_else(|| panic!("{part}: {written}")));
    assert!(places[0] < places[1] && places[3] < places[4], "{written}");
    assert!(written.contains("usage_in(&__perf_value).by(Answer::usage)"), "{written}");
}

#[test]
fn the_operation_of_a_call_to_a_model_is_a_field_and_no_label() {
    let item = quote!(
        fn ask() {}
    );
    let chat = written(Kind::LlmCall, quote!("openai", "gpt-5"), &item);
    assert!(chat.contains(r#"fields: &["gen_ai.operation.name"]"#) && chat.contains(r#"&("chat")"#), "{chat}");
    let embeddings = written(Kind::LlmCall, quote!("openai", "gpt-5", operation = "embeddings"), &item);
    assert!(embeddings.contains(r#"&("embeddings")"#) && !embeddings.contains("chat"), "{embeddings}");
    let own = written(Kind::LlmCall, quote!("openai", "gpt-5", fields("gen_ai.operation.name" = op)), &item);
    assert!(!own.contains("chat"), "{own}");
    let twice = quote!("openai", "gpt-5", operation = "chat", fields("gen_ai.operation.name" = op));
    assert!(written(Kind::LlmCall, twice, &item).contains("already"), "one of both");
}

#[test]
fn usage_that_can_never_be_told_is_refused() {
    let never = quote!(
        async fn serve() -> ! {
            loop {}
        }
    );
    let refused = written(Kind::Agent, quote!("server", usage = |answer| answer), &never);
    assert!(refused.contains("this function never returns, so it tells no usage"), "{refused}");
    let value = written(
        Kind::Agent,
        quote!("server", usage = 7),
        &quote!(
            fn f() -> u8 {
                7
            }
        ),
    );
    assert!(value.contains("takes a path to a function, such as `usage = |answer| &answer.usage`"), "{value}");
    assert!(
        written(Kind::Agent, quote!("server"), &never).contains("watch_metered("),
        "its calls are followed all the same"
    );
}

#[test]
fn a_budget_of_runs_is_a_constant_of_the_site() {
    let item = quote!(
        async fn research() {}
    );
    let limited = written(Kind::Agent, quote!("researcher", budget = "$0.50, 12 calls"), &item);
    let limits = "::perf_runtime::__private::RunBudget::Picos(500000000000u64)";
    assert!(limited.contains(limits) && limited.contains("RunBudget::Calls(12u64)"), "{limited}");
    assert!(!written(Kind::Agent, quote!("researcher"), &item).contains("RunBudget"));
}
