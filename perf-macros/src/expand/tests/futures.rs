//! Functions that are async, or that return a future.

use super::*;

#[test]
fn an_async_function_becomes_one_that_returns_its_future() {
    let written = monitored(
        quote!("checkout", labels(tier = tier), error_if = Option::is_none),
        &quote! {
            async fn check_out(mut cart: Cart, tier: Tier) -> Option<impl Display> {
                cart.pay().await
            }
        },
    );
    let expected = quote! {
        fn check_out(cart: Cart, tier: Tier) -> impl ::core::future::Future<Output = Option<impl Display>> {
            ::perf_runtime::__private::watch(
                {
                    ::perf_runtime::__private::prepare_labelled::<{ ::perf_runtime::__private::DEFAULT_BUDGET }, _>(
                        &__PERF_SITE,
                        &(&(tier),),
                    )
                },
                async move {
                    if false {
                        return ::perf_runtime::__private::unreached::<Option<_>>();
                    }
                    let mut cart = cart;
                    #[allow(
                        clippy::no_effect_underscore_binding,
                        clippy::shadow_reuse,
                        clippy::shadow_same,
                        clippy::shadow_unrelated,
                        clippy::used_underscore_binding
                    )]
                    let tier = tier;
                    let _ = &tier;
                    let __perf_value: Option<_> = '__perf_body: {
                        if false {
                            let __perf_value = ::perf_runtime::__private::unreached();
                            break '__perf_body __perf_value;
                        }
                        '__perf_monitor: {
                            cart.pay().await
                        }
                    };
                    __perf_value
                },
                |__perf_value, __perf_call| {
                    ::perf_runtime::__private::returned(__perf_value)
                        .finish_as(::perf_runtime::__private::error_if(__perf_value, Option::is_none), __perf_call);
                },
            )
        }
    };
    assert_written(&written, expected);
}

#[test]
fn fields_look_at_the_arguments_before_the_body_takes_them() {
    let written = monitored(
        quote!("pay", fields(id = %id)),
        &quote!(
            async fn pay(id: u64) {}
        ),
    );
    let expected = quote! {
        fn pay(id: u64) -> impl ::core::future::Future<Output = ()> {
            ::perf_runtime::__private::watch_late(
                ::perf_runtime::__private::prepare(&__PERF_SITE),
                move |__perf_call| {
                    __perf_call.open(|__perf_emit| { __perf_emit(&[&::perf_runtime::__private::display(&(id))]) });
                    async move {
                        if false {
                            return ::perf_runtime::__private::unreached::<()>();
                        }
                        #[allow(
                            clippy::no_effect_underscore_binding,
                            clippy::shadow_reuse,
                            clippy::shadow_same,
                            clippy::shadow_unrelated,
                            clippy::used_underscore_binding
                        )]
                        let id = id;
                        let _ = &id;
                        let __perf_value: () = '__perf_body: {
                            if false {
                                let __perf_value = ::perf_runtime::__private::unreached();
                                break '__perf_body __perf_value;
                            }
                            '__perf_monitor: {
                            }
                        };
                        __perf_value
                    }
                },
                |__perf_value, __perf_call| {
                    ::perf_runtime::__private::returned(__perf_value).finish(__perf_call);
                },
            )
        }
    };
    assert_written(&written, expected);
}

#[test]
fn an_async_function_stays_one_where_another_macro_may_need_it() {
    let written = monitored(
        quote!("checkout", fields(id = %id, note), err),
        &quote! {
            #[instrument]
            async fn check_out((id, _): (u64, u8)) -> Result<(), Error> {
                pay(id).await
            }
        },
    );
    let expected = quote! {
        #[instrument]
        async fn check_out((id, _): (u64, u8)) -> Result<(), Error> {
            ::perf_runtime::__private::watch(
                ::perf_runtime::__private::prepare(&__PERF_SITE)
                    .with_fields(|__perf_emit| {
                        __perf_emit(&[
                            &::perf_runtime::__private::display(&(id)),
                            &::perf_runtime::__private::Empty,
                        ])
                    })
                    .start(),
                async move {
                    if false {
                        return ::perf_runtime::__private::unreached::<Result<(), Error>>();
                    }
                    #[allow(
                        clippy::no_effect_underscore_binding,
                        clippy::shadow_reuse,
                        clippy::shadow_same,
                        clippy::shadow_unrelated,
                        clippy::used_underscore_binding
                    )]
                    let id = id;
                    let _ = &id;
                    let __perf_value: Result<(), Error> = '__perf_body: {
                        if false {
                            let __perf_value = ::perf_runtime::__private::unreached();
                            break '__perf_body __perf_value;
                        }
                        '__perf_monitor: {
                            pay(id).await
                        }
                    };
                    __perf_value
                },
                |__perf_value, __perf_call| {
                    __perf_call.record_error(::perf_runtime::__private::error_of(__perf_value));
                    ::perf_runtime::__private::returned(__perf_value).finish(__perf_call);
                },
            )
            .await
        }
    };
    assert_written(&written, expected);
}

#[test]
fn a_boxed_future_is_measured_after_the_work_before_it() {
    let written = monitored(
        quote!("checkout"),
        &quote! {
            fn check_out(&self) -> Pin<Box<dyn Future<Output = u8> + '_>> {
                let total = self.total();
                Box::pin(async move { total })
            }
        },
    );
    let expected = quote! {
        fn check_out(&self) -> Pin<Box<dyn Future<Output = u8> + '_>> {
            let __perf_call = ::perf_runtime::__private::prepare(&__PERF_SITE);
            #[allow(clippy::type_complexity)]
            let __perf_future = ::perf_runtime::__private::body(move || -> Pin<Box<dyn Future<Output = u8> + '_>> {
                let _ = &self;
                let __perf_value: Pin<Box<dyn Future<Output = u8> + '_>> = '__perf_body: {
                    if false {
                        let __perf_value = ::perf_runtime::__private::unreached();
                        break '__perf_body __perf_value;
                    }
                    '__perf_monitor: {
                        let total = self.total();
                        Box::pin(async move { total })
                    }
                };
                __perf_value
            });
            ::std::boxed::Box::pin(::perf_runtime::__private::watch(
                __perf_call,
                __perf_future,
                |__perf_value, __perf_call| {
                    ::perf_runtime::__private::returned(__perf_value).finish(__perf_call);
                },
            ))
        }
    };
    assert_written(&written, expected);
}

#[test]
fn unused_references_stay_outside_where_another_macro_makes_the_future() {
    let item = quote! {
        #[prompt]
        async fn greet(&self, context: &Context, name: &str) -> String {
            format!("hello {name}")
        }
    };
    let written = monitored(quote!("greet"), &item);
    assert!(!written.contains("let _ = &self") && !written.contains("= context"), "{written}");
    assert!(written.contains("let name = name"), "{written}");
}
