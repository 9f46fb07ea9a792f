//! A stream is not to blame for the time that its consumer takes.

use super::world::World;
use futures_core::Stream;
use perf_insight::runtime::{Incident, Investigator, Sureness};
use perf_runtime::rule::{Rule, RuleSet, Statistic};
use perf_runtime::test_util::isolated;
use perf_runtime::{Kind, Monitor, Window, monitor};
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

/// Two items that are there at once.
struct Items(u8);

impl Stream for Items {
    type Item = u8;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u8>> {
        self.0 = self.0.saturating_sub(1);
        Poll::Ready((self.0 > 0).then_some(1))
    }
}

#[monitor("items")]
fn items() -> impl Stream<Item = u8> {
    Items(3)
}

#[monitor("consumer")]
async fn consumer(world: Rc<World>, millis: u64) {
    let mut items = pin!(items());
    while poll_fn(|context| items.as_mut().poll_next(context)).await.is_some() {
        world.sleep(millis).await;
    }
}

/// The incident of a consumer that takes long for each item, from the beginning or after a while.
fn incident() -> Incident {
    let _alone = isolated();
    let slow = Rule::builder("slow").metric(Kind::Operation).statistic(Statistic::Mean);
    let slow = slow.window(Window::LastMinute).warning(0.3).build().expect("a rule");
    let monitor = Monitor::builder().rules([slow].into_iter().collect::<RuleSet>()).build().expect("a monitor");
    let mut looks = Investigator::new(&monitor, 10);
    let (world, millis) = (World::new(), Cell::new(20));
    let mut second = || {
        for step in 0..100 {
            if step % 20 == 0 {
                world.spawn(consumer(Rc::clone(&world), millis.get()));
            }
            world.step();
        }
        monitor.tick();
        looks.look();
    };
    (0..240).for_each(|_| second());
    millis.set(1_000);
    (0..60).for_each(|_| second());
    world.end();
    let [incident] = looks.incidents().try_into().expect("one incident");
    incident
}

#[test]
fn what_a_consumer_does_with_each_item_is_its_own() {
    let incident = incident();
    assert!(incident.causes.iter().all(|cause| cause.component != "items"), "{incident:#?}");
    // The time that the stream computes while it is polled is told apart from it by nobody.
    let cause = incident.cause().expect("a cause");
    assert_eq!((cause.component.as_str(), cause.sureness), ("consumer", Sureness::Possible), "{incident:#?}");
}
