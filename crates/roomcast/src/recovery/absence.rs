//! All sessions of a server that can be recovered: those that are here, and those whose client is away.
//!
//! In: sockets that enter and leave, private ids of clients that come back. Out: sessions, each once; the order to a living
//! socket to make way. What is odd: a client may be back before this side has noticed that its connection is lost; then the
//! old connection is ended, and who comes back waits until it has left everything in order.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use proto::Sid;
use proto::socket::NamespacePath;
use roomcast_adapter::Room;
use roomcast_adapter::recovery::{LogBounds, Position, Session, Sessions, Taken};
use tokio::sync::{Notify, oneshot};

use super::recorder::now;
use super::{ConnectionStateRecovery, Recorder};
use crate::session::Mailbox;
use crate::socket::Kept;
use crate::{Namespace, Socket};

/// How long a living socket may take to make way.
const MAKE_WAY: Duration = Duration::from_secs(10);

/// The private id, and where it counts.
type Key = (Sid, NamespacePath);

/// The sessions of one server.
pub(crate) struct Absence {
    options: ConnectionStateRecovery,
    /// How long the loss of a connection may go unnoticed.
    unnoticed: Duration,
    state: Mutex<State>,
    /// Something has ended, perhaps the last of all.
    pub(super) ended: Notify,
    /// Frees a namespace that nobody needs any more.
    clean_up: OnceLock<Box<CleanUp>>,
}

type CleanUp = dyn Fn(&Namespace) + Send + Sync;

struct State {
    here: HashMap<Key, Here>,
    away: Sessions<Key, Away>,
    /// Where events are recorded, and for how many sessions.
    busy: HashMap<NamespacePath, (Namespace, usize)>,
    sweeping: bool,
}

struct Here {
    socket: Socket,
    /// The client is back on another connection.
    successor: Option<oneshot::Sender<()>>,
}

/// A session whose client is away. Its end is user code, so it is dropped with no lock held.
pub(super) struct Away {
    pub(super) session: Session<Kept>,
    namespace: Namespace,
}

/// What a socket leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Departure {
    /// Its client may come back.
    Kept,
    /// It may not.
    Final,
}

impl Absence {
    pub(crate) fn new(options: ConnectionStateRecovery, unnoticed: Duration) -> Arc<Self> {
        let state = State {
            here: HashMap::new(),
            away: Sessions::new(options.session_bounds()),
            busy: HashMap::new(),
            sweeping: false,
        };
        let (ended, clean_up) = (Notify::new(), OnceLock::new());
        Arc::new(Self { options, unnoticed, state: Mutex::new(state), ended, clean_up })
    }

    /// How a namespace that nobody needs any more is freed.
    pub(crate) fn set_clean_up(&self, clean_up: impl Fn(&Namespace) + Send + Sync + 'static) {
        // A server is built once.
        let _ = self.clean_up.set(Box::new(clean_up));
    }

    pub(super) fn clean_up(&self, namespace: &Namespace) {
        if let Some(clean_up) = self.clean_up.get() {
            clean_up(namespace);
        }
    }

    pub(crate) fn skips_middlewares(&self) -> bool {
        self.options.skip_middlewares
    }

    pub(super) fn log_bounds(&self) -> LogBounds {
        self.options.log_bounds(self.unnoticed)
    }

    pub(super) fn duration(&self) -> Duration {
        self.options.duration()
    }

    /// A session begins: from here on events are recorded. Gives where the log stands.
    pub(crate) fn begin(self: &Arc<Self>, namespace: &Namespace) -> Position {
        let recorder = namespace.recorder().expect("a namespace of a server with recovery has a log");
        let idle = {
            let mut state = self.state.lock();
            let entry = state.busy.entry(namespace.path().clone());
            entry.or_insert_with(|| (namespace.clone(), 0)).1 += 1;
            recorder.set_recording(true);
            !std::mem::replace(&mut state.sweeping, true)
        };
        if idle {
            super::sweep::start(self);
        }
        recorder.position()
    }

    /// A socket is on its way in, and may have to make way from now on.
    pub(crate) fn seat(&self, socket: &Socket) {
        if let Some(key) = key_of(socket) {
            let here = Here { socket: socket.clone(), successor: None };
            self.state.lock().here.insert(key, here);
        }
    }

    /// A socket has left everything; these were its rooms.
    pub(crate) fn part(&self, socket: &Socket, rooms: Vec<Room>, departure: Departure) {
        let (Some(key), Some(seat)) = (key_of(socket), socket.seat()) else { return };
        let namespace = socket.namespace();
        let session = (departure == Departure::Kept).then(|| seat.session(socket.id(), rooms, socket.kept()));
        let mut over = Vec::new();
        let successor = {
            let mut state = self.state.lock();
            if state.here.get(&key).is_none_or(|here| here.socket != *socket) {
                return;
            }
            let Some(here) = state.here.remove(&key) else { return };
            if state.here.len() * 4 < state.here.capacity() {
                state.here.shrink_to_fit();
            }
            if let Some(session) = session {
                let cost = session.cost();
                let away = Away { session, namespace: namespace.clone() };
                over = state.away.keep(now(), key, away, cost);
            } else {
                state.end(namespace.path());
            }
            for away in &over {
                state.end(away.namespace.path());
            }
            here.successor
        };
        self.forget(over.iter().map(|away| &away.namespace).chain([namespace]));
        // That of the socket itself is seen to by its connection.
        over.iter().for_each(|away| self.clean_up(&away.namespace));
        drop(over);
        if let Some(successor) = successor {
            // If nobody waits any more, the session waits for the next one.
            let _ = successor.send(());
        }
    }

    /// The session of a client that is back on another connection.
    pub(super) async fn take(&self, pid: Sid, namespace: &Namespace, mailbox: &Arc<Mailbox>) -> Option<Away> {
        let key = (pid, namespace.path().clone());
        // A client that comes back twice at once makes way for itself; more often than that it does not matter.
        for _ in 0..3 {
            let (old, made_way) = {
                let mut state = self.state.lock();
                match state.away.take(now(), &key) {
                    Taken::Kept(away) => return Some(away),
                    Taken::Expired(away) => {
                        drop(state);
                        self.end(away);
                        return None;
                    }
                    Taken::Unknown => {}
                }
                let here = state.here.get_mut(&key)?;
                if Arc::ptr_eq(here.socket.mailbox(), mailbox) {
                    // It would end its own connection.
                    return None;
                }
                let (sender, receiver) = oneshot::channel();
                here.successor = Some(sender);
                (here.socket.clone(), receiver)
            };
            tracing::debug!(socket = old.id(), "the client is back already: its old connection ends");
            old.make_way();
            drop(old);
            tokio::time::timeout(MAKE_WAY, made_way).await.ok()?.ok()?;
        }
        None
    }

    /// A session is over.
    pub(super) fn end(&self, away: Away) {
        self.state.lock().end(away.namespace.path());
        self.forget([&away.namespace]);
        drop(away);
    }

    /// Ends what is too old, and says when to look again; `None` if there is nothing to look at. The namespaces that have
    /// nobody any more are given to `idle`.
    pub(super) fn expire(&self, idle: &mut Vec<Namespace>) -> Option<std::time::Instant> {
        let now = now();
        let over = {
            let mut state = self.state.lock();
            let over = state.away.expire(now);
            for away in &over {
                state.end(away.namespace.path());
            }
            over
        };
        self.forget(over.iter().map(|away| &away.namespace));
        idle.extend(over.iter().map(|away| away.namespace.clone()));
        drop(over);
        let (namespaces, next) = {
            let mut state = self.state.lock();
            if state.busy.is_empty() {
                state.sweeping = false;
                return None;
            }
            let namespaces: Vec<_> = state.busy.values().map(|(namespace, _)| namespace.clone()).collect();
            (namespaces, state.away.next_expiry())
        };
        let logs = namespaces.iter().filter_map(|namespace| namespace.recorder()?.expire(now));
        // What is recorded from now on is not too old before that.
        let at_last = now.checked_add(self.duration());
        logs.chain(next).chain(at_last).min()
    }

    /// Forgets everybody who is away: the server ends.
    pub(crate) fn clear(&self) {
        let over = {
            let mut state = self.state.lock();
            let over = state.away.clear();
            for away in &over {
                state.end(away.namespace.path());
            }
            over
        };
        self.forget(over.iter().map(|away| &away.namespace));
        drop(over);
    }

    pub(super) fn sweeping_ended(&self) {
        self.state.lock().sweeping = false;
    }

    /// Logs that nobody needs any more are emptied.
    fn forget<'a>(&self, namespaces: impl IntoIterator<Item = &'a Namespace>) {
        let idle = |recorder: &&Recorder| !recorder.is_recording();
        for recorder in namespaces.into_iter().filter_map(Namespace::recorder).filter(idle) {
            recorder.forget();
            self.ended.notify_one();
        }
    }
}

impl State {
    /// One session less for which events are recorded.
    fn end(&mut self, path: &NamespacePath) {
        let Some((namespace, sessions)) = self.busy.get_mut(path) else { return };
        *sessions -= 1;
        if *sessions == 0 {
            if let Some(recorder) = namespace.recorder() {
                recorder.set_recording(false);
            }
            self.busy.remove(path);
        }
    }
}

fn key_of(socket: &Socket) -> Option<Key> {
    Some((socket.seat()?.pid(), socket.namespace().path().clone()))
}
