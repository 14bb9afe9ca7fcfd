//! The answers of a whole cluster to one question, gathered for whoever awaits them.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use proto::socket::Args;
use roomcast_adapter::RawJson;
use roomcast_adapter::adapter::{AckGather, AckSink, Cancel};
use serde::de::DeserializeOwned;

use crate::error::AckError;
use crate::socket::read;

/// What adapters bring, for one waiting task.
#[derive(Default)]
pub(super) struct Gathering(Mutex<State>);

#[derive(Default)]
struct State {
    gather: AckGather,
    waker: Option<Waker>,
    /// What adapter and namespace keep for the question, to be let go with its end.
    kept: Vec<Cancel>,
    over: bool,
}

/// Whoever waits. Dropped, nobody does.
pub(super) struct Waiting(pub(super) Arc<Gathering>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Gathering {
    /// The answers, when all are there, and whether a client has left without one.
    pub(super) fn poll_complete(&self, cx: &mut Context<'_>) -> Poll<(Vec<RawJson>, bool)> {
        let mut state = self.0.lock();
        if state.gather.is_complete() {
            return Poll::Ready(take(&mut state));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The answers that are there.
    pub(super) fn take(&self) -> Vec<RawJson> {
        take(&mut self.0.lock()).0
    }

    /// Nobody waits any more.
    fn end(&self) {
        let (kept, answers) = {
            let mut state = self.0.lock();
            state.over = true;
            (std::mem::take(&mut state.kept), std::mem::take(&mut state.gather))
        };
        drop(answers);
        kept.into_iter().for_each(|cancel| cancel());
    }

    fn change(&self, change: impl FnOnce(&mut AckGather)) {
        let waker = {
            let mut state = self.0.lock();
            if state.over {
                return;
            }
            change(&mut state.gather);
            if state.gather.is_complete() { state.waker.take() } else { None }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

fn take(state: &mut State) -> (Vec<RawJson>, bool) {
    let gather = std::mem::take(&mut state.gather);
    let lost = gather.missing() > 0;
    (gather.into_answers(), lost)
}

impl AckSink for Gathering {
    fn expect_nodes(&self, nodes: usize) {
        self.change(|gather| gather.expect_nodes(nodes));
    }

    fn node_counted(&self, clients: usize) {
        self.change(|gather| gather.node_counted(clients));
    }

    fn answered(&self, answer: RawJson) {
        self.change(|gather| gather.answered(answer));
    }

    fn lost(&self) {
        self.change(AckGather::lost);
    }

    fn on_cancel(&self, cancel: Cancel) {
        {
            let mut state = self.0.lock();
            if !state.over {
                state.kept.push(cancel);
                return;
            }
        }
        cancel();
    }
}

/// Reads one answer, of a client or of a node.
pub(crate) fn read_answer<T: DeserializeOwned>(answer: &RawJson) -> Result<T, AckError> {
    match Args::one(answer.text()) {
        Ok(args) => read(&args.with_attachments(answer.attachments())),
        Err(source) => Err(AckError::Answer(proto::socket::ArgError::Mismatch { index: 0, source })),
    }
}
