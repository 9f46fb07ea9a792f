//! A measured future is at most 64 bytes larger than the plain one, however large its arguments.

use crate::support::{calls, finish, yield_once};
use perf_runtime::{Label, monitor};
use std::future::Future;
use std::mem::size_of_val;

const MOST: usize = 64;

fn assert_small(ours: usize, plain: usize) {
    assert!(ours <= plain + MOST, "{ours} bytes, plain {plain}: {} more", ours - plain);
}

async fn leaf(bytes: &[u8]) -> usize {
    yield_once().await;
    bytes.len()
}

/// Two functions with one body, the second measured.
macro_rules! twins {
    ($plain:ident, $ours:ident, $label:literal, ($($params:tt)*) -> $returned:ty $body:block) => {
        async fn $plain($($params)*) -> $returned $body
        #[monitor($label)]
        async fn $ours($($params)*) -> $returned $body
    };
}

twins!(plain_small, small, "size_small", (n: u8) -> usize { leaf(&[n]).await });
twins!(plain_borrowed, borrowed, "size_borrowed", (b: [u8; 4096]) -> usize { leaf(&b).await });
twins!(plain_passed, passed, "size_passed", (b: [u8; 4096]) -> usize { taken(b).await });
twins!(plain_unused, unused, "size_unused", (_b: [u8; 4096], _: [u8; 1024]) -> usize { leaf(&[]).await });
twins!(plain_pattern, pattern, "size_pattern", ((a, mut b): ([u8; 2048], [u8; 64])) -> usize {
    b[0] = 1;
    leaf(&a).await + leaf(&b).await
});
twins!(plain_locals, locals, "size_locals", (n: usize) -> Result<usize, String> {
    let big = [n; 512];
    yield_once().await;
    Ok(big.len())
});

async fn taken(b: [u8; 4096]) -> usize {
    yield_once().await;
    b.len()
}

#[test]
fn one_layer_is_small_for_small_and_large_arguments() {
    let big = [0; 4096];
    assert_small(size_of_val(&small(1)), size_of_val(&plain_small(1)));
    assert_small(size_of_val(&borrowed(big)), size_of_val(&plain_borrowed(big)));
    assert_small(size_of_val(&passed(big)), size_of_val(&plain_passed(big)));
    assert_small(size_of_val(&unused(big, [0; 1024])), size_of_val(&plain_unused(big, [0; 1024])));
    assert_small(size_of_val(&pattern(([0; 2048], [0; 64]))), size_of_val(&plain_pattern(([0; 2048], [0; 64]))));
    assert_small(size_of_val(&locals(1)), size_of_val(&plain_locals(1)));
    assert_eq!(finish(passed(big)), 4096);
    assert_eq!(calls("size_passed"), "1 ok");
}

#[test]
fn labels_from_arguments_and_options_cost_no_more() {
    #[derive(Clone, Copy, Label)]
    enum Tier {
        Free,
        Paid,
    }
    async fn plain(b: [u8; 4096], _tier: Tier) -> Result<usize, String> {
        Ok(leaf(&b).await)
    }
    #[monitor("size_labelled", labels(tier = tier), err, error_if = Result::is_err)]
    async fn ours(b: [u8; 4096], tier: Tier) -> Result<usize, String> {
        Ok(leaf(&b).await)
    }
    let big = [0; 4096];
    assert_small(size_of_val(&ours(big, Tier::Free)), size_of_val(&plain(big, Tier::Paid)));
}

#[test]
fn fields_of_arguments_cost_no_more() {
    async fn plain_array(b: [u8; 4096], id: u64) -> usize {
        leaf(&b).await + usize::try_from(id).unwrap_or(0)
    }
    #[monitor("size_fields", fields(id, len = b.len(), first = ?b[0]))]
    async fn array(b: [u8; 4096], id: u64) -> usize {
        leaf(&b).await + usize::try_from(id).unwrap_or(0)
    }
    struct Buffer([u8; 1024]);
    impl Buffer {
        async fn plain_taken(self, (a, mut b): ([u8; 256], [u8; 256])) -> usize {
            b[0] = a[0];
            leaf(&self.0).await + leaf(&a).await + leaf(&b).await
        }
        #[monitor("size_fields_self", fields(all = self.0.len(), of_a = a.len()))]
        async fn taken(self, (a, mut b): ([u8; 256], [u8; 256])) -> usize {
            b[0] = a[0];
            leaf(&self.0).await + leaf(&a).await + leaf(&b).await
        }
    }
    let big = [0; 4096];
    assert_small(size_of_val(&array(big, 1)), size_of_val(&plain_array(big, 1)));
    let ours = Buffer([0; 1024]).taken(([0; 256], [0; 256]));
    let plain = Buffer([0; 1024]).plain_taken(([0; 256], [0; 256]));
    assert_small(size_of_val(&ours), size_of_val(&plain));
    assert_eq!((finish(array(big, 1)), finish(ours)), (4097, 1536));
    drop(plain);
    assert_eq!((calls("size_fields"), calls("size_fields_self")), ("1 ok".to_owned(), "1 ok".to_owned()));
}

#[test]
fn a_method_that_returns_a_future_costs_no_more() {
    struct Buffer([u8; 1024]);
    impl Buffer {
        fn plain(&self) -> impl Future<Output = usize> + '_ {
            leaf(&self.0)
        }
        #[monitor("size_impl_future")]
        fn ours(&self) -> impl Future<Output = usize> + '_ {
            leaf(&self.0)
        }
        async fn plain_taken(self) -> usize {
            leaf(&self.0).await
        }
        #[monitor("size_self")]
        async fn taken(self) -> usize {
            leaf(&self.0).await
        }
    }
    let buffer = Buffer([0; 1024]);
    assert_small(size_of_val(&buffer.ours()), size_of_val(&buffer.plain()));
    let (ours, plain) = (Buffer([0; 1024]).taken(), Buffer([0; 1024]).plain_taken());
    assert_small(size_of_val(&ours), size_of_val(&plain));
}

mod nested {
    use super::leaf;
    use perf_runtime::monitor;

    macro_rules! chain {
        ($($plain:ident $ours:ident -> $next_plain:ident $next_ours:ident;)*) => {$(
            pub(super) async fn $plain(b: [u8; 4096]) -> usize {
                $next_plain(b).await
            }
            #[monitor("size_nested")]
            pub(super) async fn $ours(b: [u8; 4096]) -> usize {
                $next_ours(b).await
            }
        )*};
    }
    chain! {
        plain8 ours8 -> plain7 ours7;
        plain7 ours7 -> plain6 ours6;
        plain6 ours6 -> plain5 ours5;
        plain5 ours5 -> plain4 ours4;
        plain4 ours4 -> plain3 ours3;
        plain3 ours3 -> plain2 ours2;
        plain2 ours2 -> plain1 ours1;
    }
    pub(super) async fn plain1(b: [u8; 4096]) -> usize {
        leaf(&b).await
    }
    #[monitor("size_nested")]
    pub(super) async fn ours1(b: [u8; 4096]) -> usize {
        leaf(&b).await
    }
}

#[test]
fn eight_layers_are_eight_times_small_and_fit_the_stack() {
    let big = [0; 4096];
    let (ours, plain) = (size_of_val(&nested::ours8(big)), size_of_val(&nested::plain8(big)));
    assert!(ours <= plain + 8 * MOST, "{ours} bytes, plain {plain}");
    // In a debug build, on the stack of a test's thread.
    assert_eq!(finish(nested::ours8(big)), 4096);
    assert_eq!(calls("size_nested"), "8 ok");
}
