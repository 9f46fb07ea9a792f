//! Everything that `self` may be.

use crate::support::{calls, finish, yield_once};
use perf_runtime::monitor;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

#[derive(Clone, Debug, Default, PartialEq)]
struct Counter {
    n: u32,
    names: Vec<String>,
}

impl Counter {
    #[monitor("self_ref")]
    fn get(&self) -> u32 {
        self.n
    }

    /// Parts of `self` are borrowed apart, as without a closure around.
    #[monitor("self_mut")]
    fn add(&mut self, by: u32) -> &mut Self {
        let names = &mut self.names;
        let n = &mut self.n;
        *n += by;
        names.push(format!("{n}"));
        self
    }

    #[monitor("self_owned")]
    fn into_names(self) -> Vec<String> {
        self.names
    }

    #[monitor("self_mut_owned")]
    fn with(mut self, n: u32) -> Self {
        self.n = n;
        self
    }

    #[monitor("self_box")]
    fn unbox(self: Box<Self>) -> Self {
        *self
    }

    #[monitor("self_mut_box")]
    fn reboxed(mut self: Box<Self>) -> Box<Self> {
        self.n += 1;
        self
    }

    #[monitor("self_rc")]
    fn share(self: &Rc<Self>) -> Rc<Self> {
        Rc::clone(self)
    }

    #[monitor("self_arc")]
    async fn task(self: Arc<Self>) -> u32 {
        yield_once().await;
        self.n
    }

    #[monitor("self_pin")]
    fn pinned(self: Pin<&mut Self>) -> Pin<&mut u32> {
        Pin::new(&mut self.get_mut().n)
    }

    #[monitor("self_pin_async")]
    async fn pinned_later(mut self: Pin<&mut Self>) -> u32 {
        yield_once().await;
        self.n += 1;
        self.n
    }

    #[monitor("self_async")]
    async fn bump(&mut self, by: u32) -> Result<&u32, String> {
        yield_once().await;
        self.n = self.n.checked_add(by).ok_or("too many")?;
        Ok(&self.n)
    }

    #[monitor("self_async_owned")]
    async fn consume(mut self) -> u32 {
        self.n += 1;
        yield_once().await;
        self.n
    }

    #[monitor("self_none")]
    fn new() -> Self {
        Self::default()
    }

    #[monitor("self_constant")]
    fn constant<const N: usize>() -> [Self; N]
    where
        Self: Sized,
    {
        std::array::from_fn(|_| Self::new())
    }
}

#[test]
fn self_is_taken_in_every_way() {
    let mut counter = Counter::new();
    counter.add(2).add(3);
    assert_eq!(counter.get(), 5);
    assert_eq!(counter.clone().into_names(), ["2", "5"]);
    assert_eq!(counter.clone().with(9).n, 9);
    assert_eq!(Box::new(counter.clone()).reboxed().unbox().n, 6);
    assert_eq!(Rc::new(counter.clone()).share().n, 5);
    *Pin::new(&mut counter).pinned() = 6;
    assert_eq!(Counter::constant::<2>().len(), 2);
    let expected = [
        ("self_ref", 1),
        ("self_mut", 2),
        ("self_owned", 1),
        ("self_mut_owned", 1),
        ("self_box", 1),
        ("self_mut_box", 1),
        ("self_rc", 1),
        ("self_pin", 1),
        ("self_none", 3),
        ("self_constant", 1),
    ];
    for (label, times) in expected {
        assert_eq!(calls(label), format!("{times} ok"), "{label}");
    }
}

#[test]
fn self_is_taken_in_every_way_by_futures() {
    let mut counter = Counter { n: 6, names: vec![] };
    assert_eq!(finish(Arc::new(counter.clone()).task()), 6);
    assert_eq!(finish(Pin::new(&mut counter).pinned_later()), 7);
    assert_eq!(finish(counter.bump(1)), Ok(&8));
    assert!(finish(counter.bump(u32::MAX)).is_err());
    assert_eq!(finish(counter.consume()), 9);
    for label in ["self_arc", "self_pin_async", "self_async_owned"] {
        assert_eq!(calls(label), "1 ok", "{label}");
    }
    assert_eq!(calls("self_async"), "1 ok, 1 error");
}

#[test]
fn trait_methods_with_bodies_are_sites_for_all_implementors() {
    trait Greets {
        const NAME: &'static str;
        #[monitor("self_trait_default")]
        fn greet(&self) -> String {
            format!("hello {}", Self::NAME)
        }
        #[monitor("self_trait_mut")]
        fn greet_once(mut self) -> Self
        where
            Self: Sized,
        {
            self.note();
            self
        }
        fn note(&mut self);
    }
    struct One;
    struct Other(u8);
    impl Greets for One {
        const NAME: &'static str = "one";
        #[monitor("self_trait_impl")]
        fn note(&mut self) {}
    }
    impl Greets for Other {
        const NAME: &'static str = "other";
        fn note(&mut self) {
            self.0 += 1;
        }
    }
    assert_eq!(One.greet_once().greet(), "hello one");
    let other = Other(0).greet_once();
    assert_eq!((other.greet().as_str(), other.0), ("hello other", 1));
    assert_eq!(calls("self_trait_default"), "2 ok");
    assert_eq!(calls("self_trait_mut"), "2 ok");
    assert_eq!(calls("self_trait_impl"), "1 ok");
}
