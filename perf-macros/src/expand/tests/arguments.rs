//! The arguments of the attribute: labels, names, fields.

use super::*;

#[test]
fn a_constant_is_a_name_a_target_an_operation_and_a_label() {
    let write = |args| {
        attribute(
            Kind::DbOperation,
            args,
            &quote!(
                fn scan() {}
            ),
        )
        .to_string()
    };
    let written = write(quote!(concat!("a", "b"), operation = SCAN, name = names::SCAN, target = TARGET, slow = "1s"));
    for part in [
        ":: Constant (SCAN) . spec ()",
        ":: Constant (concat ! (\"a\" , \"b\")) . spec ()",
        "name : names :: SCAN , target : TARGET ,",
        "Targets :: new (names :: SCAN)",
    ] {
        assert!(written.contains(part), "{part} in {written}");
    }
    let of_an_argument = attribute(
        Kind::Tool,
        quote!(tier!(n)),
        &quote!(
            fn f(n: u8) {}
        ),
    )
    .to_string();
    assert!(of_an_argument.contains("LabelSpec :: Variable"), "{of_an_argument}");
}

#[test]
fn labels_of_types_that_a_static_cannot_name_are_counted_by_a_pattern() {
    let written = monitored(
        quote!("sell", labels(tier = order.tier), max_series = 7),
        &quote!(
            fn sell(order: Order) {}
        ),
    );
    let expected = "let __perf_labels = (&(order.tier),);
        trait __PerfBudget: ::perf_runtime::__private::Labels + ::core::marker::Sized {
            const KEPT: ::core::marker::PhantomData<Self> = ::perf_runtime::__private::types_within_budget::<
                Self,
            >(7);
        }
        impl<L: ::perf_runtime::__private::Labels> __PerfBudget for L {}
        let <_ as __PerfBudget>::KEPT = ::perf_runtime::__private::brought(
                &__perf_labels,
            )
            .types();
        ::perf_runtime::__private::prepare_labelled::<
            { 7 },
            _,
        >(&__PERF_SITE, &__perf_labels)";
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&written).contains(&words(expected)), "{written}");
    let seen = monitored(
        quote!("sell", labels(tier = tier)),
        &quote!(
            fn sell(tier: Tier) {}
        ),
    );
    assert!(!seen.contains("__PerfBudget"), "the site itself counts them: {seen}");
}

#[test]
fn a_field_named_as_a_parameter_is_that_parameter() {
    let item = quote!(
        fn find(id: u64) -> u64 {
            id
        }
    );
    assert_eq!(monitored(quote!("find", fields(id)), &item), monitored(quote!("find", fields(id = id)), &item));
    assert_ne!(monitored(quote!("find", fields(rows)), &item), monitored(quote!("find", fields(rows = rows)), &item));
}
