//! The expansions of the options `cancel` and `waits`, and the sorts of errors that a signature shows.

use super::super::attribute;
use crate::derive;
use crate::kind::Kind;
use proc_macro2::TokenStream;
use quote::quote;

fn written(args: TokenStream, item: &TokenStream) -> String {
    attribute(Kind::Tool, args, item).to_string().replace(' ', "")
}

#[test]
fn a_plan_goes_into_the_targets() {
    let item = quote!(
        async fn f() {}
    );
    let targets = |args| {
        let written = written(args, &item);
        written.split("Targets::new(\"f\")").nth(1).map(|rest| rest.split('}').next().unwrap().to_owned())
    };
    assert_eq!(targets(quote!("t")), None);
    assert_eq!(targets(quote!("t", cancel = "expected")).as_deref(), Some(".cancel_expected()"));
    assert_eq!(targets(quote!("t", waits)).as_deref(), Some(".waits()"));
    let all = quote!("t", waits, cancel = "expected", objective(success = 99.0));
    assert!(targets(all).is_some_and(|targets| targets.starts_with(".objective(")));
}

#[test]
fn what_contradicts_a_plan_or_is_none_is_refused() {
    let item = quote!(
        async fn f() {}
    );
    for (args, message) in [
        (quote!("t", cancel = "never"), "the option `cancel` takes"),
        (quote!("t", cancel = true), "the option `cancel` takes"),
        (quote!("t", cancel), "one label too many"),
        (quote!("t", waits = true), "the option `waits` takes no value; write `waits` alone"),
        (quote!("t", waits, waits), "the option `waits` is given twice"),
        (quote!("t", wait = 1), "did you mean `waits`"),
        (quote!("t", waits, slow = "1s"), "and `slow` does: keep one"),
        (
            quote!("t", waits, objective(latency = "1s", percentile = 99.0)),
            "and the `latency` of an objective does: keep one",
        ),
        (quote!("t", labels(expected = 1)), "the label `expected` is there already"),
    ] {
        let written = attribute(Kind::Tool, args.clone(), &item).to_string();
        assert!(written.contains("compile_error") && written.contains(message), "{args}: {written}");
    }
}

#[test]
fn sorts_are_named_where_they_cannot_be_parameters_and_looked_for_elsewhere() {
    let of = |item: TokenStream| {
        let written = written(quote!("t"), &item);
        written.split("errors:{").nth(1).map(|rest| rest.split("span:").next().unwrap().to_owned())
    };
    assert_eq!(
        of(quote!(
            fn f() {}
        )),
        None
    );
    assert_eq!(
        of(quote!(
            fn f<T>() -> Result<u8, T> {
                todo!()
            }
        )),
        None
    );
    let direct = of(quote!(
        fn f() -> Result<u8, StoreError> {
            todo!()
        }
    ))
    .unwrap();
    assert!(direct.contains("SortsIn<::core::result::Result<(),StoreError>>>::SORTS"), "{direct}");
    assert!(!direct.contains("mod__perf_sorts"), "{direct}");
    let looked_for = of(quote!(
        fn f(&self) -> Result<u8, StoreError> {
            todo!()
        }
    ))
    .unwrap();
    assert!(looked_for.contains("mod__perf_sorts{structStoreError;"), "{looked_for}");
}

#[test]
fn expected_sorts_are_flags_beside_the_names() {
    let item = quote! {
        enum Failure {
            #[error_type("gone", expected)]
            NotFound,
            Broken(u8),
            #[error_type(nested)]
            Inner(Inner),
            #[error_type(nested, expected)]
            Meant(Inner),
        }
    };
    let flags = |item| {
        let written = derive::error_type(item).to_string().replace(' ', "");
        written.split("}>(&[").nth(2).map(|rest| rest.split("]);").next().unwrap().to_owned())
    };
    let nested = "<Inneras::perf_runtime::ErrorType>";
    assert_eq!(
        flags(item).unwrap(),
        format!(
            "(&[true],1),(&[false],1),({nested}::EXPECTED,{nested}::NAMES.len()),\
             (&[true;{nested}::NAMES.len()],{nested}::NAMES.len())"
        )
    );
    let whole = flags(quote! {
        #[error_type(expected)]
        enum Failure {
            One,
            Other,
        }
    });
    assert_eq!(whole.unwrap(), "(&[true],1),(&[true],1)");
}

#[test]
fn what_an_error_type_cannot_say_is_refused() {
    for (item, message) in [
        (
            quote!(
                enum E {
                    #[error_type(expect)]
                    A,
                }
            ),
            "and `expected` where callers are",
        ),
        (
            quote!(
                enum E {
                    #[error_type(expected = true)]
                    A,
                }
            ),
            "expected `,`",
        ),
        (
            quote!(
                #[error_type("a")]
                enum E {
                    A,
                }
            ),
            "expected ident",
        ),
        (
            quote!(
                #[error_type(meant)]
                enum E {
                    A,
                }
            ),
            "takes `crate = path` and `expected`; a name goes on its variant",
        ),
    ] {
        let written = derive::error_type(item).to_string();
        assert!(written.contains("compile_error") && written.contains(message), "{message}: {written}");
    }
}
