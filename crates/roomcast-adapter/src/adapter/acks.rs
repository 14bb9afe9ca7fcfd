//! Gathering the answers to a broadcast that asked for acknowledgements.
//!
//! Comes in: how many nodes will count their clients, each node's count, each client's answer. Goes out: whether all
//! is there, and the answers.
//! Odd: nothing here knows the time. Whoever asked keeps the deadline and takes what is there when it passes. The
//! three kinds of news may come in any order, as they do over a network.

use super::RawJson;

/// Takes what a broadcast with acknowledgements brings back; given to the adapter by whoever asked.
pub trait AckSink: Send + Sync {
    /// So many nodes, this one included, will report a count. Called once, by the adapter of the asking node.
    fn expect_nodes(&self, nodes: usize);

    /// One more node reports how many of its clients have been asked.
    fn node_counted(&self, clients: usize);

    /// One client's answer: the first argument of its acknowledgement.
    fn answered(&self, answer: RawJson);

    /// One client that was counted will not answer: it has left. A node says this of its own clients; an adapter whose
    /// wire has no word for it leaves the asking node to its timeout, as does this default.
    fn lost(&self) {}

    /// Whoever keeps something for the question, an adapter or a namespace, asks to be called when nobody waits for the
    /// answers any more: once, at once if it is so already, with no lock held. It may never be called, and does nothing
    /// then; a sink whose asker cannot go away does not keep it, as does this default.
    fn on_cancel(&self, cancel: Cancel) {
        drop(cancel);
    }
}

/// Lets go of what is kept for a question that nobody awaits any more.
pub type Cancel = Box<dyn FnOnce() + Send>;

/// The state behind an [`AckSink`].
///
/// ```
/// use roomcast_adapter::adapter::{AckGather, RawJson};
/// let mut gather = AckGather::default();
/// gather.node_counted(1);
/// gather.answered(RawJson::new("true"));
/// assert!(!gather.is_complete(), "how many nodes there are is not known yet");
/// gather.expect_nodes(2);
/// gather.node_counted(0);
/// assert!(gather.is_complete());
/// assert_eq!(gather.into_answers(), [RawJson::new("true")]);
/// ```
#[derive(Debug, Default)]
pub struct AckGather {
    nodes: Option<usize>,
    counted: usize,
    clients: usize,
    lost: usize,
    answers: Vec<RawJson>,
}

impl AckGather {
    /// So many nodes will report a count.
    pub fn expect_nodes(&mut self, nodes: usize) {
        self.nodes = Some(nodes);
    }

    /// One more node has asked so many clients.
    pub fn node_counted(&mut self, clients: usize) {
        self.counted += 1;
        // The count comes from the wire.
        self.clients = self.clients.saturating_add(clients);
    }

    /// One more client has answered.
    pub fn answered(&mut self, answer: RawJson) {
        self.answers.push(answer);
    }

    /// One more client has left without an answer.
    pub fn lost(&mut self) {
        self.lost += 1;
    }

    /// Whether every node has counted and every client has answered or left.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let counted = self.nodes.is_some_and(|nodes| self.counted >= nodes);
        counted && self.answers.len() + self.lost >= self.clients
    }

    /// How many clients have left without an answer.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.lost
    }

    /// How many answers are there.
    #[must_use]
    pub fn received(&self) -> usize {
        self.answers.len()
    }

    /// How many clients are known to have been asked; grows until every node has counted.
    #[must_use]
    pub fn expected(&self) -> usize {
        self.clients
    }

    /// The answers, in the order received.
    #[must_use]
    pub fn into_answers(self) -> Vec<RawJson> {
        self.answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_asked_is_complete_at_once() {
        let mut gather = AckGather::default();
        assert!(!gather.is_complete());
        gather.expect_nodes(1);
        gather.node_counted(0);
        assert!(gather.is_complete());
        assert!(gather.into_answers().is_empty());
    }

    #[test]
    fn a_silent_client_or_node_keeps_it_open() {
        let mut gather = AckGather::default();
        gather.expect_nodes(2);
        gather.node_counted(2);
        gather.answered(RawJson::new("1"));
        gather.answered(RawJson::new("2"));
        assert!(!gather.is_complete(), "the second node has not counted");
        gather.node_counted(1);
        assert!(!gather.is_complete(), "its client has not answered");
        assert_eq!((gather.received(), gather.expected()), (2, 3));
        gather.answered(RawJson::new("3"));
        assert!(gather.is_complete());
    }

    #[test]
    fn absurd_counts_from_the_wire_do_not_overflow() {
        let mut gather = AckGather::default();
        gather.expect_nodes(2);
        gather.node_counted(usize::MAX);
        gather.node_counted(usize::MAX);
        assert!(!gather.is_complete());
    }
}
