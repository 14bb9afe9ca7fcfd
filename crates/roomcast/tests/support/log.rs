//! What handlers tell the test: lines, in the order they were said.

use std::fmt::Display;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::soon;

/// The handlers' end; give it to the server by `io.manage`, take it as `State<Log>`.
#[derive(Clone, Debug)]
pub(crate) struct Log(UnboundedSender<String>);

/// The test's end.
#[derive(Debug)]
pub(crate) struct Lines(UnboundedReceiver<String>);

impl Log {
    pub(crate) fn new() -> (Self, Lines) {
        let (sender, receiver) = unbounded_channel();
        (Self(sender), Lines(receiver))
    }

    pub(crate) fn say(&self, line: impl Display) {
        // A test that is over listens no more.
        let _ = self.0.send(line.to_string());
    }
}

impl Lines {
    /// The next line.
    #[track_caller]
    pub(crate) fn next(&mut self) -> impl Future<Output = String> {
        let next = soon("a line of the log", self.0.recv());
        async { next.await.expect("the server still has the log") }
    }

    /// The next lines, one by one.
    #[track_caller]
    pub(crate) fn expect(&mut self, lines: &[&str]) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            for expected in lines {
                let line = soon(expected, self.0.recv()).await;
                assert_eq!(line.as_deref(), Some(*expected), "{caller}");
            }
        }
    }

    /// What has been said by now and not been read.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}
