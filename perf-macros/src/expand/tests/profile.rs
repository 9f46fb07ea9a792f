//! The options `profile` and `units`.

use super::*;

/// The parts in which a function that is profiled differs from one that is not.
#[test]
fn a_profile_is_asked_for_by_other_calls_and_nothing_else() {
    let write = |args: TokenStream, item: &TokenStream| attribute(Kind::Tool, args, item).to_string();
    let shapes = [
        (
            quote!(
                fn f(n: u8) -> u8 {
                    n
                }
            ),
            "call . enter",
            "call . enter_profiled",
        ),
        (
            quote!(
                fn f(self) -> u8 {
                    self.0
                }
            ),
            "call . run",
            "call . run_profiled",
        ),
        (
            quote!(
                async fn f(n: u8) -> u8 {
                    n
                }
            ),
            "__private :: watch (",
            "__private :: watch_profiled (",
        ),
        (
            quote!(
                fn f(n: u8) -> BoxFuture<'static, u8> {
                    g(n)
                }
            ),
            "__private :: watch (",
            "__private :: watch_profiled (",
        ),
    ];
    for (item, plain, profiled) in shapes {
        let without = write(quote!("x"), &item);
        assert!(without.contains(plain) && !without.contains("rofile") && !without.contains("units"), "{without}");
        let target = r#"targets : & const { :: perf_runtime :: __private :: Targets :: new ("f") . profile () }"#;
        let with = write(quote!("x", profile), &item);
        assert!(with.contains(target), "{with}");
        // The site has targets of its own then; but for that, one name is another.
        let body = |text: &str| text.split_once("} ; ").map(|(_, body)| body.to_owned()).expect("a site and a body");
        assert_eq!(body(&with), body(&without).replace(plain, profiled));
    }
}

#[test]
fn units_are_taken_before_the_body_and_counted_after_it() {
    let item = quote!(
        async fn add(rows: Vec<Row>) -> Result<(), Error> {
            self::store(rows).await
        }
    );
    let written = monitored(quote!("add", profile, units = rows.len()), &item);
    let start = "let __perf_units = { ::perf_runtime::__private::units(rows.len()) };\n    \
                 ::perf_runtime::__private::watch_profiled(";
    assert!(written.contains(start), "{written}");
    let end = "move |__perf_value, __perf_call| {\n            \
               let __perf_ending = &mut ::perf_runtime::__private::with_units(\n                \
               __perf_call,\n                __perf_units,\n            );\n            \
               ::perf_runtime::__private::returned(__perf_value).finish(__perf_ending);";
    assert!(written.contains(end), "{written}");

    let item = quote!(
        fn read(limit: usize) -> Vec<Row> {
            store(limit)
        }
    );
    let written = monitored(quote!("read", profile, units = Vec::len), &item);
    let counted = "::perf_runtime::__private::units_of(&__perf_value).by(Vec::len)";
    assert!(written.contains(counted) && !written.contains("__perf_units"), "{written}");
}
