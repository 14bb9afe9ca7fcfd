use std::future::poll_fn;
use std::task::Poll;

use proto::engine::{Dialect, Transport};

use super::*;
use crate::core::random_id;
use crate::outbox::OutboxLimits;

const SECOND: Duration = Duration::from_secs(1);

/// Sleeps as a driver does until it is woken, and says how long that took.
async fn sleep(mailbox: &Arc<Mailbox>) -> Duration {
    let begun = now();
    let _ = mailbox.take_commands();
    let mut slept = false;
    poll_fn(|cx| match std::mem::replace(&mut slept, true) {
        false if mailbox.sleep(cx.waker(), true) => Poll::Pending,
        _ => Poll::Ready(()),
    })
    .await;
    now() - begun
}

fn mailbox() -> Arc<Mailbox> {
    Arc::new(Mailbox::new(random_id(), Dialect::V4, Transport::WebSocket, OutboxLimits::default()))
}

fn wheel(shortest: Duration, longest: Duration) -> Arc<Wheel> {
    Arc::new(Wheel::new(shortest, longest))
}

#[tokio::test(start_paused = true)]
async fn a_session_is_woken_at_its_time_or_one_step_later() {
    let (wheel, mailbox) = (wheel(20 * SECOND, 25 * SECOND), mailbox());
    let mut timer = Timer::UNSET;
    for _ in 0..5 {
        wheel.set(&mut timer, &mailbox, now() + 25 * SECOND);
        let slept = sleep(&mailbox).await;
        assert!(slept >= 25 * SECOND && slept <= 25 * SECOND + 2 * wheel.step, "{slept:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_time_asked_for_counts() {
    let (wheel, mailbox) = (wheel(SECOND, 25 * SECOND), mailbox());
    let mut timer = Timer::UNSET;
    wheel.set(&mut timer, &mailbox, now() + 5 * SECOND);
    wheel.set(&mut timer, &mailbox, now() + 20 * SECOND);
    assert!(sleep(&mailbox).await >= 20 * SECOND);
    wheel.set(&mut timer, &mailbox, now() + 20 * SECOND);
    wheel.set(&mut timer, &mailbox, now() + SECOND);
    assert!(sleep(&mailbox).await < 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_time_beyond_the_horizon_is_not_early() {
    let (wheel, mailbox) = (wheel(Duration::from_millis(1), 2 * SECOND), mailbox());
    let mut timer = Timer::UNSET;
    wheel.set(&mut timer, &mailbox, now() + 600 * SECOND);
    let slept = sleep(&mailbox).await;
    assert!(slept >= 600 * SECOND && slept < 601 * SECOND, "{slept:?}");
}

#[tokio::test(start_paused = true)]
async fn a_time_that_comes_while_the_driver_is_awake_is_not_lost() {
    let (wheel, mailbox) = (wheel(SECOND, 25 * SECOND), mailbox());
    let mut timer = Timer::UNSET;
    let deadline = now() + SECOND;
    wheel.set(&mut timer, &mailbox, deadline);
    tokio::time::sleep(3 * SECOND).await;
    wheel.set(&mut timer, &mailbox, deadline);
    assert!(!mailbox.sleep(std::task::Waker::noop(), true));
}

/// A runtime of its own, with the clock stopped.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

#[test]
fn a_runtime_that_ends_does_not_take_the_wheel_along() {
    let (wheel, first, second) = (wheel(SECOND, 25 * SECOND), mailbox(), mailbox());
    let (mut one, mut other) = (Timer::UNSET, Timer::UNSET);
    // It ends before the task of the wheel is polled once.
    runtime().block_on(async { wheel.set(&mut one, &first, now() + SECOND) });
    let woken = runtime().block_on(async {
        wheel.set(&mut other, &second, now() + SECOND);
        tokio::time::timeout(5 * SECOND, sleep(&second)).await
    });
    assert!(woken.is_ok());
}

#[test]
fn the_sessions_of_another_runtime_go_on_with_a_wheel_that_lost_its_own() {
    let (wheel, first, second) = (wheel(SECOND, 25 * SECOND), mailbox(), mailbox());
    let (mut one, mut other) = (Timer::UNSET, Timer::UNSET);
    let (dies, lives) = (runtime(), runtime());
    dies.block_on(async {
        wheel.set(&mut one, &first, now() + SECOND);
        tokio::task::yield_now().await;
    });
    let deadline = lives.block_on(async {
        let deadline = now() + 20 * SECOND;
        wheel.set(&mut other, &second, deadline);
        // It sleeps, as a driver that has armed its deadline.
        assert!(second.sleep(std::task::Waker::noop(), true));
        deadline
    });
    drop(dies);
    let woken = lives.block_on(async {
        // The end of the wheel has rung: the driver looks at its deadline again.
        wheel.set(&mut other, &second, deadline);
        tokio::time::timeout(25 * SECOND, sleep(&second)).await
    });
    assert!(woken.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_has_left_is_not_held() {
    let (wheel, gone, stays) = (wheel(SECOND, 25 * SECOND), mailbox(), mailbox());
    let (mut first, mut second) = (Timer::UNSET, Timer::UNSET);
    wheel.set(&mut first, &gone, now() + SECOND);
    wheel.set(&mut second, &stays, now() + SECOND);
    wheel.unset(&mut first);
    assert_eq!(Arc::strong_count(&gone), 1);
    sleep(&stays).await;
    wheel.unset(&mut second);
    assert_eq!((Arc::strong_count(&stays), wheel.slots.lock().entries.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn all_of_one_slot_are_woken_but_those_who_left() {
    let wheel = wheel(SECOND, 25 * SECOND);
    let mut all: Vec<_> = (0..100).map(|_| (mailbox(), Timer::UNSET)).collect();
    for (mailbox, timer) in &mut all {
        wheel.set(timer, mailbox, now() + 3 * SECOND);
    }
    all.iter_mut().step_by(3).for_each(|(_, timer)| wheel.unset(timer));
    let due = wheel.slots.lock().take_due(wheel.tick(now() + 4 * SECOND));
    let woken: Vec<_> =
        all.iter().map(|(mailbox, _)| due.iter().any(|it| Arc::ptr_eq(it, mailbox))).collect();
    let expected: Vec<_> = (0..100).map(|index| index % 3 != 0).collect();
    assert_eq!(woken, expected);
}
