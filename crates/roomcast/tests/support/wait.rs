//! Waiting for what must come, with a deadline instead of a fixed sleep.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// Generous: it is only ever reached by a test that fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// What the future gives; a failure if that takes too long.
#[track_caller]
pub(crate) fn soon<F: Future>(what: &str, future: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    async move {
        let result = tokio::time::timeout(DEADLINE, future).await;
        result.unwrap_or_else(|_| panic!("{caller}: waited in vain for {what}"))
    }
}

/// Looks again and again until the condition holds.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let deadline = Instant::now() + DEADLINE;
        while !condition() {
            assert!(Instant::now() < deadline, "{caller}: waited in vain until {what}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
