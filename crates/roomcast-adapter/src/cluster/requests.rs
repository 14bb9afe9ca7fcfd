//! Questions that wait for the answers of other nodes.
//!
//! In: a question with those it went to, answers, nodes that leave, the time. Out: what each question has come to.
//! Odd: answers of nodes that were not there when it was asked do not count. A node that leaves is not waited for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use futures_channel::oneshot;

use super::node::Deed;
use super::{RequestId, Uid};
use crate::adapter::{AckSink, RawJson, RemoteSocketData, RequestError};

/// More questions than this do not wait at the same time.
const MAX_REQUESTS: usize = 65_536;

/// Where the answers of all nodes go.
pub(super) type Reply<T> = oneshot::Sender<Result<Vec<T>, RequestError<T>>>;

#[derive(Default)]
pub(super) struct Requests {
    waiting: HashMap<RequestId, Request>,
    /// When each of them ends.
    deadlines: BTreeSet<(Instant, RequestId)>,
}

struct Request {
    deadline: Instant,
    kind: Kind,
}

enum Kind {
    Fetch(Gathering<RemoteSocketData>),
    ServerSide(Gathering<RawJson>),
    Acks(Acks),
}

/// One answer of each node.
struct Gathering<T> {
    missing: Vec<Uid>,
    answers: Vec<T>,
    reply: Reply<T>,
}

/// A count of each node, then as many answers.
struct Acks {
    nodes: BTreeMap<Uid, Owed>,
    sink: Arc<dyn AckSink>,
}

/// What one node has counted, if it has, and how many answers came from it; on some wires an answer overtakes the count.
#[derive(Default)]
struct Owed {
    counted: Option<usize>,
    answered: usize,
}

impl Owed {
    fn is_paid(&self) -> bool {
        self.counted.is_some_and(|counted| self.answered >= counted)
    }
}

impl Requests {
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < MAX_REQUESTS
    }

    pub(super) fn fetch(
        &mut self,
        id: RequestId,
        deadline: Instant,
        missing: Vec<Uid>,
        reply: Reply<RemoteSocketData>,
    ) {
        let kind = Kind::Fetch(Gathering { missing, answers: Vec::new(), reply });
        self.insert(id, deadline, kind);
    }

    pub(super) fn server_side(
        &mut self,
        id: RequestId,
        deadline: Instant,
        missing: Vec<Uid>,
        reply: Reply<RawJson>,
    ) {
        let kind = Kind::ServerSide(Gathering { missing, answers: Vec::new(), reply });
        self.insert(id, deadline, kind);
    }

    pub(super) fn acks(&mut self, id: RequestId, deadline: Instant, nodes: Vec<Uid>, sink: Arc<dyn AckSink>) {
        let nodes = nodes.into_iter().map(|uid| (uid, Owed::default())).collect();
        self.insert(id, deadline, Kind::Acks(Acks { nodes, sink }));
    }

    /// It was not asked after all, or nobody waits for it any more. A reply is dropped: whoever waited for it has gone first.
    pub(super) fn forget(&mut self, id: &RequestId) -> Option<Deed> {
        match self.remove(id)? {
            Kind::Acks(acks) => Some(Deed::Over(acks.sink)),
            Kind::Fetch(_) | Kind::ServerSide(_) => None,
        }
    }

    pub(super) fn fetched(
        &mut self,
        id: &RequestId,
        from: &Uid,
        sockets: Vec<RemoteSocketData>,
    ) -> Option<Deed> {
        let Kind::Fetch(gathering) = &mut self.waiting.get_mut(id)?.kind else { return None };
        gathering.add(from, sockets).then(|| self.finish(id)).flatten()
    }

    pub(super) fn answered(&mut self, id: &RequestId, from: &Uid, answer: RawJson) -> Option<Deed> {
        let Kind::ServerSide(gathering) = &mut self.waiting.get_mut(id)?.kind else { return None };
        gathering.add(from, vec![answer]).then(|| self.finish(id)).flatten()
    }

    pub(super) fn counted(&mut self, id: &RequestId, from: &Uid, clients: usize) -> Option<Deed> {
        let Kind::Acks(acks) = &mut self.waiting.get_mut(id)?.kind else { return None };
        let owed = acks.nodes.get_mut(from).filter(|owed| owed.counted.is_none())?;
        owed.counted = Some(clients);
        let sink = acks.sink.clone();
        self.drop_if_paid(id);
        Some(Deed::Counted(sink, clients))
    }

    pub(super) fn acknowledged(&mut self, id: &RequestId, from: &Uid, answer: RawJson) -> Option<Deed> {
        let Kind::Acks(acks) = &mut self.waiting.get_mut(id)?.kind else { return None };
        let owed = acks.nodes.get_mut(from).filter(|owed| !owed.is_paid())?;
        owed.answered += 1;
        let sink = acks.sink.clone();
        self.drop_if_paid(id);
        Some(Deed::Acknowledged(sink, answer))
    }

    /// A node has left: nobody waits for it any more.
    pub(super) fn left(&mut self, uid: &Uid, deeds: &mut Vec<Deed>) {
        let mut finished = Vec::new();
        for (id, request) in &mut self.waiting {
            let done = match &mut request.kind {
                Kind::Fetch(gathering) => gathering.add(uid, Vec::new()),
                Kind::ServerSide(gathering) => gathering.add(uid, Vec::new()),
                Kind::Acks(acks) => match acks.nodes.remove(uid) {
                    None => false,
                    Some(owed) => {
                        let sink = || acks.sink.clone();
                        // What it has answered is counted, what it would have answered is lost.
                        match owed.counted {
                            None => deeds.push(Deed::Counted(sink(), owed.answered)),
                            Some(counted) => {
                                deeds.extend((owed.answered..counted).map(|_| Deed::Lost(sink())))
                            }
                        }
                        acks.is_paid()
                    }
                },
            };
            if done {
                finished.push(id.clone());
            }
        }
        deeds.extend(finished.iter().filter_map(|id| self.finish(id)));
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Ends those whose time is over.
    pub(super) fn expire(&mut self, now: Instant, deeds: &mut Vec<Deed>) {
        while let Some((_, id)) = self.deadlines.first().filter(|(deadline, _)| *deadline <= now).cloned() {
            deeds.extend(self.finish(&id));
        }
    }

    /// Ends all.
    pub(super) fn drain(&mut self, deeds: &mut Vec<Deed>) {
        let all: Vec<RequestId> = self.waiting.keys().cloned().collect();
        deeds.extend(all.iter().filter_map(|id| self.finish(id)));
    }

    fn drop_if_paid(&mut self, id: &RequestId) {
        let paid = |request: &Request| matches!(&request.kind, Kind::Acks(acks) if acks.is_paid());
        if self.waiting.get(id).is_some_and(paid) {
            self.remove(id);
        }
    }

    fn insert(&mut self, id: RequestId, deadline: Instant, kind: Kind) {
        self.deadlines.insert((deadline, id.clone()));
        self.waiting.insert(id, Request { deadline, kind });
    }

    fn remove(&mut self, id: &RequestId) -> Option<Kind> {
        let request = self.waiting.remove(id)?;
        self.deadlines.remove(&(request.deadline, id.clone()));
        Some(request.kind)
    }

    fn finish(&mut self, id: &RequestId) -> Option<Deed> {
        match self.remove(id)? {
            Kind::Fetch(gathering) => {
                Some(Deed::Fetched(gathering.reply, result(gathering.missing, gathering.answers)))
            }
            Kind::ServerSide(gathering) => {
                Some(Deed::Answered(gathering.reply, result(gathering.missing, gathering.answers)))
            }
            Kind::Acks(acks) => Some(Deed::Over(acks.sink)),
        }
    }
}

impl<T> Gathering<T> {
    /// One node less to wait for, if it is one of them. Whether it was the last.
    fn add(&mut self, from: &Uid, answers: Vec<T>) -> bool {
        let Some(at) = self.missing.iter().position(|uid| uid == from) else { return false };
        self.missing.swap_remove(at);
        self.answers.extend(answers);
        self.missing.is_empty()
    }
}

impl Acks {
    fn is_paid(&self) -> bool {
        self.nodes.values().all(Owed::is_paid)
    }
}

fn result<T>(missing: Vec<Uid>, answers: Vec<T>) -> Result<Vec<T>, RequestError<T>> {
    match missing.len() {
        0 => Ok(answers),
        missing => Err(RequestError::Timeout { missing, partial: answers }),
    }
}
