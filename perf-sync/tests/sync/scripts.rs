//! The laws of channels, held against programs of arbitrary steps.

use super::channel;
use perf_sync::ChannelView;
use perf_sync::tokio::mpsc;
use perf_sync::tokio::mpsc::error::TrySendError;
use proptest::prelude::*;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[derive(Clone, Debug)]
enum Step {
    TrySend,
    Send,
    Poll(usize),
    GiveUp(usize),
    Reserve(usize),
    Use,
    Unreserve,
    Receive,
    ReceiveMany,
    Close,
    DropReceiver,
    New,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::TrySend),
        4 => Just(Step::Send),
        4 => any::<usize>().prop_map(Step::Poll),
        2 => any::<usize>().prop_map(Step::GiveUp),
        3 => (0_usize..4).prop_map(Step::Reserve),
        3 => Just(Step::Use),
        1 => Just(Step::Unreserve),
        6 => Just(Step::Receive),
        2 => Just(Step::ReceiveMany),
        1 => Just(Step::Close),
        1 => Just(Step::DropReceiver),
        1 => Just(Step::New),
    ]
}

type Sending = Pin<Box<dyn Future<Output = bool>>>;

/// The counts as a program that sees all outcomes keeps them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Expected {
    sent: u64,
    received: u64,
    full: u64,
    closed: u64,
    cancelled: u64,
    unused: u64,
}

impl Expected {
    fn of(view: &ChannelView) -> Self {
        let ChannelView { sent, received, full, closed, cancelled, unused, .. } = *view;
        Self { sent, received, full, closed, cancelled, unused }
    }

    fn refuse<V>(&mut self, error: &TrySendError<V>) {
        match error {
            TrySendError::Full(_) => self.full += 1,
            TrySendError::Closed(_) => self.closed += 1,
        }
    }
}

fn property_channel() -> (mpsc::Sender<u64>, Option<mpsc::Receiver<u64>>) {
    let (sender, receiver) = mpsc::channel("messages-laws", 3);
    (sender, Some(receiver))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn attempts_and_messages_add_up_after_any_steps(steps in prop::collection::vec(step(), 0..80)) {
        let _ = property_channel().0.try_send(0);
        let before = channel("messages-laws", "mpsc");
        let mut expected = Expected::of(&before);
        {
            let (mut sender, mut receiver) = property_channel();
            // Each has begun to wait.
            let mut waiting: Vec<Sending> = Vec::new();
            let mut permits: Vec<mpsc::OwnedPermit<u64>> = Vec::new();
            for step in steps {
                match step {
                    Step::TrySend => match sender.try_send(1) {
                        Ok(()) => expected.sent += 1,
                        Err(error) => expected.refuse(&error),
                    },
                    Step::Send => {
                        let sender = sender.clone();
                        let mut sending: Sending = Box::pin(async move { sender.send(2).await.is_ok() });
                        match poll(sending.as_mut()) {
                            Poll::Ready(true) => expected.sent += 1,
                            Poll::Ready(false) => expected.closed += 1,
                            Poll::Pending => waiting.push(sending),
                        }
                    }
                    Step::Poll(which) if !waiting.is_empty() => {
                        let which = which % waiting.len();
                        if let Poll::Ready(is_sent) = poll(waiting[which].as_mut()) {
                            if is_sent { expected.sent += 1 } else { expected.closed += 1 }
                            drop(waiting.swap_remove(which));
                        }
                    }
                    Step::GiveUp(which) if !waiting.is_empty() => {
                        drop(waiting.swap_remove(which % waiting.len()));
                        expected.cancelled += 1;
                    }
                    Step::Reserve(0) => match sender.clone().try_reserve_owned() {
                        Ok(permit) => permits.push(permit),
                        Err(error) => expected.refuse(&error),
                    },
                    Step::Reserve(many) => match sender.try_reserve_many(many) {
                        Ok(mut all) => {
                            all.next().unwrap().send(3);
                            expected.sent += 1;
                            expected.unused += many as u64 - 1;
                        }
                        Err(error) => expected.refuse(&error),
                    },
                    Step::Use => {
                        if let Some(permit) = permits.pop() {
                            drop(permit.send(4));
                            expected.sent += 1;
                        }
                    }
                    Step::Unreserve => {
                        if let Some(permit) = permits.pop() {
                            drop(permit.release());
                            expected.unused += 1;
                        }
                    }
                    Step::Receive => {
                        if let Some(Ok(_)) = receiver.as_mut().map(mpsc::Receiver::try_recv) {
                            expected.received += 1;
                        }
                    }
                    Step::ReceiveMany => {
                        let mut buffer = Vec::new();
                        let mut context = Context::from_waker(Waker::noop());
                        if let Some(Poll::Ready(many)) = receiver.as_mut().map(|receiver| receiver.poll_recv_many(&mut context, &mut buffer, 2)) {
                            expected.received += many as u64;
                        }
                    }
                    Step::Close => receiver.iter_mut().for_each(mpsc::Receiver::close),
                    Step::DropReceiver => receiver = None,
                    Step::New => (sender, receiver) = property_channel(),
                    Step::Poll(_) | Step::GiveUp(_) => {}
                }
                let view = channel("messages-laws", "mpsc");
                prop_assert_eq!(Expected::of(&view), expected);
                prop_assert_eq!((view.waiting, view.reserved), (waiting.len() as u64, permits.len() as u64));
            }
            expected.cancelled += waiting.len() as u64;
            expected.unused += permits.len() as u64;
        }
        let view = channel("messages-laws", "mpsc");
        prop_assert_eq!(Expected::of(&view), expected);
        prop_assert_eq!((view.queued, view.waiting, view.reserved, view.channels), (Some(0), 0, 0, Some(0)));
        prop_assert_eq!(view.lost.unwrap() - before.lost.unwrap(), expected.sent - before.sent - (expected.received - before.received));
    }
}
