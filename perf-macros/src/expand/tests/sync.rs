//! Functions that are done when they return.

use super::*;

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
            let __perf_frame = &::perf_runtime::__private::Frame::new();
            let __perf_call = &mut ::perf_runtime::__private::prepare(&__PERF_SITE);
            let __perf_value = {
                let __perf_entered = __perf_call.enter(__perf_frame);
                let _ = &self;
                let id = id;
                let __perf_arg2 = __perf_arg2;
                let __perf_value: Result<&'a str, Error> = '__perf_body: {
                    if false {
                        let __perf_value = ::perf_runtime::__private::unreached();
                        break '__perf_body __perf_value;
                    }
                    '__perf_monitor_db_operation: {
                        self.0.get(id)
                    }
                };
                __perf_value
            };
            ::perf_runtime::__private::returned_at_once(&__perf_value).finish(__perf_call);
            __perf_value
        }
    };
    assert_written(&pretty(written), expected);
}

#[test]
fn a_sync_function_that_may_leave_early_is_a_closure() {
    let written = monitored(
        quote!("find"),
        &quote! {
            fn find(id: u64) -> Result<u64, Error> {
                Ok(known(id)?)
            }
        },
    );
    let expected = quote! {
        fn find(id: u64) -> Result<u64, Error> {
            let __perf_call = &mut ::perf_runtime::__private::prepare(&__PERF_SITE);
            let __perf_value = __perf_call.run(move || -> Result<u64, Error> {
                let id = id;
                let __perf_value: Result<u64, Error> = '__perf_body: {
                    if false {
                        let __perf_value = ::perf_runtime::__private::unreached();
                        break '__perf_body __perf_value;
                    }
                    '__perf_monitor: {
                        Ok(known(id)?)
                    }
                };
                __perf_value
            });
            ::perf_runtime::__private::returned_at_once(&__perf_value).finish(__perf_call);
            __perf_value
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
                '__perf_monitor: {
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
            ::perf_runtime::__private::watch(
                ::perf_runtime::__private::prepare(&__PERF_SITE).start(),
                ::perf_runtime::__private::endless(async move {
                    '__perf_monitor: {
                        loop {}
                    }
                }),
                |_, _| {},
            )
            .await
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
            let __perf_frame = &::perf_runtime::__private::Frame::new();
            let __perf_call = ::perf_runtime::__private::prepare(&__PERF_SITE).start().scope();
            let __perf_entered = __perf_call.enter(__perf_frame);
            '__perf_monitor: {
                move |x| x + n
            }
        }
    };
    assert_written(&written, expected);
}
