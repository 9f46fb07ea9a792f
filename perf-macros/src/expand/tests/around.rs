//! The function around the body, other macros, and mistakes.

use super::*;

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
    assert!(written.contains("{ x . }"), "{written}");
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
        let all = quote!(err = "warn", fields(at = %a), labels(more = a), slow = "1s", profile, units = a);
        for args in [quote!(), quote!(profile, units = Vec::len), all] {
            let written = attribute(Kind::Operation, args, &item);
            // A file, for beside the function there is an error where it never returns and has units.
            syn_2::parse2::<syn_2::File>(written.clone()).unwrap_or_else(|error| panic!("{error}: {written}"));
        }
    }
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
