//! What the attributes write, as text: a change of the expansion shows here, without a compiler.

use super::{SECTION, attribute};
use crate::kind::Kind;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{ItemFn, Stmt};

mod plan;
mod profile;

fn pretty(file: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(file).expect("an expansion is Rust"))
}

/// The function that `#[monitor(args)]` makes, its site left out: that is the same for all.
fn monitored(args: TokenStream, item: &TokenStream) -> String {
    let mut function: ItemFn = syn::parse2(attribute(Kind::Operation, args, item)).expect("a function");
    assert!(matches!(function.block.stmts.remove(0), Stmt::Item(_)), "the site comes first");
    pretty(function.into_token_stream())
}

#[track_caller]
fn assert_written(written: &str, expected: TokenStream) {
    assert_eq!(written, pretty(expected), "what is written has changed");
}

#[test]
fn a_site_and_a_sync_function() {
    let item = quote! {
        /// Finds.
        pub fn find<'a>(&self, id: &'a u64, _: u8) -> Result<&'a str, Error> {
            self.0.get(id)
        }
    };
    let written = attribute(Kind::DbOperation, quote!("select", TABLE, level = "debug"), &item);
    let expected = quote! {
        /// Finds.
        pub fn find<'a>(&self, id: &'a u64, __perf_arg2: u8) -> Result<&'a str, Error> {
            #[used]
            #[cfg_attr(
                any(target_os = "linux", target_os = "android", target_os = "freebsd"),
                unsafe(link_section = #SECTION)
            )]
            static __PERF_SITE: ::perf_runtime::__private::Site = ::perf_runtime::__private::Site {
                spec: ::perf_runtime::__private::Spec {
                    kind: ::perf_runtime::__private::Kind::DbOperation,
                    labels: &[
                        ::perf_runtime::__private::LabelSpec::Text("select"),
                        ::perf_runtime::__private::Constant(TABLE).spec()
                    ],
                    errors: {
                        mod __perf_sorts {
                            struct Error;
                            pub(super) const SORTS: &::perf_runtime::__private::Sorts = {
                                use super::*;
                                use ::perf_runtime::__private::NoSorts as _;
                                <::perf_runtime::__private::SortsIn<::core::result::Result<(), Error>>>::SORTS
                            };
                        }
                        __perf_sorts::SORTS
                    },
                    span: ::perf_runtime::__private::SpanSpec {
                        name: "find",
                        target: ::core::module_path!(),
                        fields: &[],
                        level: ::core::option::Option::Some(::perf_runtime::__private::Level::DEBUG),
                        location: ::core::panic::Location::caller()
                    },
                    ..::perf_runtime::__private::Spec::BLANK
                },
                state: ::perf_runtime::__private::State::DbOperation,
            };
            let __perf_call = &mut ::perf_runtime::__private::prepare(&__PERF_SITE);
            let __perf_value = __perf_call.run(move || -> Result<&'a str, Error> {
                let _ = &self;
                let id = id;
                let __perf_arg2 = __perf_arg2;
                let __perf_value: Result<&'a str, Error> = '__perf_body: {
                    if false {
                        let __perf_value = ::perf_runtime::__private::unreached();
                        break '__perf_body __perf_value;
                    }
                    {
                        ();
                        self.0.get(id)
                    }
                };
                __perf_value
            });
            ::perf_runtime::__private::returned_at_once(&__perf_value).finish(__perf_call);
            __perf_value
        }
    };
    assert_written(&pretty(written), expected);
}

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
                        {
                            ();
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
                            {
                                ();
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
                        {
                            ();
                            pay(id).await
                        }
                    };
                    __perf_value
                },
                |__perf_value, __perf_call| {
                    __perf_call.record_error(__perf_value);
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
                    {
                        ();
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
fn bodies_that_never_return_have_no_value_to_look_at() {
    let written = monitored(
        quote!("serve"),
        &quote!(
            fn serve(self) -> ! {
                loop {}
            }
        ),
    );
    let expected = quote! {
        fn serve(self) -> ! {
            let __perf_call = &mut ::perf_runtime::__private::prepare(&__PERF_SITE);
            __perf_call.run(move || -> ! {
                let _ = &self;
                {
                    ();
                    loop {}
                }
            })
        }
    };
    assert_written(&written, expected);

    let written = monitored(
        quote!("serve"),
        &quote!(
            async fn serve() -> ! {
                loop {}
            }
        ),
    );
    let expected = quote! {
        async fn serve() -> ! {
            ::perf_runtime::__private::never(
                ::perf_runtime::__private::watch(
                    ::perf_runtime::__private::prepare(&__PERF_SITE).start(),
                    async move {
                        {
                            ();
                            loop {}
                        }
                    },
                    |_, _| {},
                )
                .await,
            )
        }
    };
    assert_written(&written, expected);
}

#[test]
fn a_function_that_returns_a_closure_keeps_its_body_in_place() {
    let written = monitored(
        quote!("adder"),
        &quote!(
            fn adder(mut n: u8) -> impl Fn(u8) -> u8 {
                move |x| x + n
            }
        ),
    );
    let expected = quote! {
        fn adder(mut n: u8) -> impl Fn(u8) -> u8 {
            let __perf_call = ::perf_runtime::__private::prepare(&__PERF_SITE).start().scope();
            let __perf_entered = __perf_call.enter_span();
            {
                ();
                move |x| x + n
            }
        }
    };
    assert_written(&written, expected);
}

#[test]
fn a_function_with_a_mistake_in_its_attribute_is_still_there() {
    let item = quote! {
        fn f() {
            x.
        }
    };
    let written = attribute(Kind::Tool, quote!(), &item).to_string();
    assert!(written.starts_with(&item.to_string()), "{written}");
    assert_eq!(written.matches("compile_error").count(), 1, "{written}");
}

#[test]
fn a_body_that_does_not_parse_yet_is_measured_as_it_stands() {
    let written = attribute(Kind::Tool, quote!("x"), &quote!(fn f() { x. })).to_string();
    assert!(written.contains("{ () ; x . }"), "{written}");
}

#[test]
fn the_same_is_written_every_time() {
    let write = || {
        let args =
            quote!("a", labels(b = b, c = C, a = a), fields(z = z, y = %y, x), slow = "1s", buckets = [0.5, 2.0]);
        let item = quote!(
            async fn f((a, b): (Tier, Tier), z: u8, Y { y, .. }: Y) -> Result<(), ()> {
                Ok(())
            }
        );
        attribute(Kind::Operation, args, &item).to_string()
    };
    let first = write();
    assert!((0..20).all(|_| write() == first));
}

/// Test frameworks and the like read the function after us, and many are written with `syn` 2.
#[test]
fn the_last_syn_reads_what_is_written_too() {
    let items = [
        quote!(
            fn stop(mut self, (a, ..): (u8, u8)) -> Result<(), Error> {
                loop {
                    self.turn(a)?;
                }
            }
        ),
        quote!(
            #[test]
            async fn stop(self, _: u8) -> Result<(), Error> {
                loop {
                    self.turn().await?;
                }
            }
        ),
        quote!(
            async fn stop(executor: impl Executor<'_>) {
                executor.stop().await
            }
        ),
        quote!(
            fn stop() -> BoxFuture<'static, ()> {
                Box::pin(async {})
            }
        ),
        quote!(
            fn stop() -> ! {
                loop {}
            }
        ),
    ];
    for item in items {
        let all = quote!(err, fields(at = %a), labels(more = a), slow = "1s", profile, units = a);
        for args in [quote!(), quote!(profile, units = Vec::len), all] {
            let written = attribute(Kind::Operation, args, &item);
            // A file, for beside the function there is an error where it never returns and has units.
            syn_2::parse2::<syn_2::File>(written.clone()).unwrap_or_else(|error| panic!("{error}: {written}"));
        }
    }
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

#[test]
fn in_a_block_the_attribute_comes_after_conditions_and_before_other_macros() {
    let block = quote! {
        impl Tools {
            /// Adds.
            #[cfg(unix)]
            #[tool]
            fn add(&self) {}
        }
    };
    let written = attribute(Kind::Operation, TokenStream::new(), &block).to_string();
    let places: Vec<_> = ["cfg", "monitor", "tool"].map(|name| written.find(name)).into();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{written}");
}
