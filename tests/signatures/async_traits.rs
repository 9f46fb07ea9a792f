//! Async functions in traits, by the language and by `async_trait`.

use crate::support::{calls, finish, poll_once, yield_once};
use async_trait::async_trait;
use perf_runtime::monitor;
use std::fmt::Debug;
use std::future::Future;

#[test]
fn async_functions_in_traits_by_the_language() {
    trait Store {
        async fn load(&self, key: &str) -> Result<String, String>;
        #[monitor("trait_default")]
        async fn load_twice(&self, key: &str) -> Result<String, String> {
            Ok(self.load(key).await? + &self.load(key).await?)
        }
        // An implementation may be an `async fn` where the trait says what the future is, and the other way round.
        fn size(&self) -> impl Future<Output = usize>;
        async fn name() -> &'static str;
    }
    struct Memory(String);
    impl Store for Memory {
        #[monitor("trait_impl")]
        async fn load(&self, key: &str) -> Result<String, String> {
            yield_once().await;
            if key.is_empty() { Err("no key".into()) } else { Ok(self.0.clone()) }
        }
        #[monitor("trait_impl_of_future")]
        async fn size(&self) -> usize {
            self.0.len()
        }
        #[monitor("trait_static")]
        async fn name() -> &'static str {
            "memory"
        }
    }
    let store = Memory("x".into());
    assert_eq!(finish(store.load_twice("k")).unwrap(), "xx");
    assert!(finish(store.load_twice("")).is_err());
    assert_eq!((finish(store.size()), finish(Memory::name())), (1, "memory"));
    assert_eq!(calls("trait_impl"), "2 ok, 1 error");
    assert_eq!(calls("trait_default"), "1 ok, 1 error");
    assert_eq!(calls("trait_impl_of_future"), "1 ok");
    assert_eq!(calls("trait_static"), "1 ok");
}

#[async_trait]
trait Shop {
    async fn buy(&mut self, what: &str) -> Result<u32, String>;
    async fn open() -> Self
    where
        Self: Sized;
    #[monitor("async_trait_default")]
    async fn browse(&self) -> &'static str {
        yield_once().await;
        "looking"
    }
}

struct Stall<T> {
    sold: Vec<T>,
}

#[async_trait]
impl<T: From<u8> + Debug + Send + Sync> Shop for Stall<T> {
    #[monitor("async_trait_method")]
    async fn buy(&mut self, what: &str) -> Result<u32, String> {
        yield_once().await;
        if what.is_empty() {
            return Err("nothing".into());
        }
        self.sold.push(1.into());
        Ok(u32::try_from(self.sold.len()).map_err(|error| error.to_string())?)
    }
    #[monitor("async_trait_static")]
    async fn open() -> Self {
        Self { sold: vec![] }
    }
}

#[test]
fn async_trait_around_ours_is_measured_to_completion() {
    let mut stall: Stall<u32> = finish(Stall::open());
    {
        let mut buying = stall.buy("hat");
        assert_eq!(calls("async_trait_method"), "none", "a future that is not polled is not a call");
        assert!(poll_once(buying.as_mut()).is_pending());
        assert_eq!(calls("async_trait_method"), "1 in flight");
    }
    assert_eq!(finish(stall.buy("hat")), Ok(1));
    assert!(finish(stall.buy("")).is_err());
    let shop: &dyn ShopFront = &stall;
    assert_eq!(finish(shop.greet("you")), "welcome, you");
    assert_eq!(finish(stall.browse()), "looking");
    assert_eq!(calls("async_trait_method"), "1 ok, 1 error, 1 cancelled");
    assert_eq!(calls("async_trait_static"), "1 ok");
    assert_eq!(calls("async_trait_default"), "1 ok");
}

#[async_trait]
trait ShopFront {
    async fn greet(&self, who: &str) -> String;
}

// An attribute on the block puts ours on each method: below `async_trait` it sees what that makes of them.
#[async_trait]
#[monitor]
impl<T: Sync> ShopFront for Stall<T> {
    async fn greet(&self, who: &str) -> String {
        yield_once().await;
        format!("welcome, {who}")
    }
}

struct Booth;

// Above it, ours are on the methods when `async_trait` comes to them.
#[monitor]
#[async_trait]
impl ShopFront for Booth {
    async fn greet(&self, who: &str) -> String {
        yield_once().await;
        format!("hey {who}")
    }
}

#[test]
fn the_block_attribute_stands_above_or_below_async_trait() {
    let stall = Stall::<u8> { sold: vec![] };
    let shops: [&dyn ShopFront; 2] = [&stall, &Booth];
    for shop in shops {
        assert!(poll_once(shop.greet("nobody").as_mut()).is_pending());
        assert!(finish(shop.greet("me")).ends_with("me"));
    }
    assert_eq!(calls("Booth::greet"), "1 ok, 1 cancelled");
    assert!(calls("Stall::greet").ends_with("ok, 1 cancelled"));
}

#[async_trait(?Send)]
trait Local {
    async fn run(self: Box<Self>) -> u8;
}

#[test]
fn async_trait_without_send_takes_a_box_of_self() {
    struct Job(std::rc::Rc<u8>);
    #[async_trait(?Send)]
    impl Local for Job {
        #[monitor("async_trait_local")]
        async fn run(self: Box<Self>) -> u8 {
            yield_once().await;
            *self.0
        }
    }
    let job: Box<dyn Local> = Box::new(Job(std::rc::Rc::new(3)));
    assert_eq!(finish(job.run()), 3);
    assert_eq!(calls("async_trait_local"), "1 ok");
}

/// Arguments by pattern, and fields that are taken from them: `async_trait` moves patterns inside.
#[test]
fn async_trait_with_patterns_and_fields() {
    #[async_trait]
    trait Moves {
        async fn to(&self, at: (u8, u8)) -> u8;
    }
    struct Piece;
    #[async_trait]
    impl Moves for Piece {
        #[monitor("async_trait_pattern")]
        async fn to(&self, (x, mut y): (u8, u8)) -> u8 {
            y += 1;
            yield_once().await;
            x + y
        }
    }
    assert_eq!(finish(Piece.to((1, 2))), 4);
    assert_eq!(calls("async_trait_pattern"), "1 ok");
}
