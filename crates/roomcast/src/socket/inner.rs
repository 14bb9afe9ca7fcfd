//! What is kept for a socket.
//!
//! What is odd: whatever most sockets do not have is behind one pointer, so that an idle socket stays small.

use std::any::{Any, TypeId};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};
use proto::engine::{Frame, Revision};
use roomcast_adapter::Room;
use roomcast_adapter::memory::{JoinError, MemberKey};
use tokio::sync::futures::OwnedNotified;

use super::Socket;
use super::acks::AckTable;
use super::handlers::HandlerTable;
use super::id::SocketId;
use crate::Namespace;
use crate::engine::Session;
use crate::handler::drop_value;
use crate::http::Handshake;
use crate::outbox::{Pushed, Urgency};
use crate::recovery::{Departure, Recorder, Restored, Seat};
use crate::session::{Command, Mailbox};

/// Numbers for the commands to a connection; they never repeat.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    /// Its middlewares run.
    Entering,
    Connected,
    /// It was told to leave, or is leaving.
    Departing,
    Gone,
}

pub(crate) struct SocketInner {
    id: SocketId,
    number: u64,
    phase: AtomicU8,
    /// It has, or had, handlers of its own: most sockets have only those of their namespace, and need no lock for them.
    has_handlers: AtomicBool,
    key: OnceLock<MemberKey>,
    namespace: Namespace,
    mailbox: Arc<Mailbox>,
    handshake: Arc<Handshake>,
    /// With recovery on.
    seat: Option<Box<Seat>>,
    extras: Mutex<Option<Box<Extras>>>,
}

/// What the application keeps for a socket, and for the one that its client comes back as.
#[derive(Clone, Default)]
pub(crate) struct Kept {
    data: Vec<(TypeId, Arc<dyn Any + Send + Sync>)>,
    attached: Option<Arc<serde_json::Value>>,
}

/// It may be the last to hold a value, and whoever gives it up is not the one whose value that is.
impl Drop for Kept {
    fn drop(&mut self) {
        self.data.drain(..).for_each(drop_value);
    }
}

/// What most sockets do not have.
#[derive(Default)]
pub(super) struct Extras {
    pub(super) auth: Option<Arc<str>>,
    pub(super) handlers: HandlerTable,
    pub(super) acks: AckTable,
    /// What travels.
    pub(super) attached: Option<Arc<serde_json::Value>>,
    data: Vec<(TypeId, Arc<dyn Any + Send + Sync>)>,
}

/// Whoever lets the last handle go, the connection itself mostly, is not to suffer from the values that were kept.
impl Drop for SocketInner {
    fn drop(&mut self) {
        if let Some(extras) = self.extras.get_mut() {
            extras.data.drain(..).for_each(drop_value);
        }
    }
}

impl Socket {
    /// A socket on its way in: known to its rooms, reached by nobody yet.
    pub(crate) fn enter(
        namespace: &Namespace,
        mailbox: Arc<Mailbox>,
        handshake: Arc<Handshake>,
        auth: Option<Box<str>>,
        restored: Option<Restored>,
    ) -> Self {
        let mut extras = auth.map(|auth| Box::new(Extras { auth: Some(auth.into()), ..Extras::default() }));
        let (mut id, mut rooms) = (None, Vec::new());
        let seat = match (restored, namespace.recorder()) {
            (Some(restored), _) => {
                let (seat, session) = Seat::restored(restored);
                id = SocketId::restored(&session.id);
                rooms = session.rooms;
                let mut kept = session.data;
                let extras = extras.get_or_insert_default();
                (extras.data, extras.attached) = (std::mem::take(&mut kept.data), kept.attached.take());
                Some(seat)
            }
            (None, Some(recorder)) if mailbox.dialect().revision() == Revision::V4 => {
                Some(Seat::new(recorder.absence().begin(namespace)))
            }
            // Without recovery, or without a word for it: clients of revision 3 know none.
            (None, _) => None,
        };
        let socket = Self(Arc::new(SocketInner {
            id: id.unwrap_or_else(|| SocketId::new(namespace, &mailbox)),
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            phase: AtomicU8::new(Phase::Entering as u8),
            has_handlers: AtomicBool::new(false),
            key: OnceLock::new(),
            namespace: namespace.clone(),
            mailbox,
            handshake,
            seat: seat.map(Box::new),
            extras: Mutex::new(extras),
        }));
        let key = namespace.members().insert(socket.clone());
        let key = key.expect("ids of sessions were looked for, and 120 random bits do not repeat");
        socket.0.key.set(key).expect("the key is set once, here");
        for room in rooms.iter().filter(|room| **room != *socket.id()) {
            socket.join(room);
        }
        if let Some((_, recorder)) = socket.recovery() {
            recorder.absence().seat(&socket);
        }
        socket
    }

    /// It is in.
    pub(crate) fn arrive(&self) {
        self.set_connected();
        self.activate();
    }

    /// Its rooms and broadcasts know it.
    pub(crate) fn activate(&self) {
        self.namespace().members().activate(self.0.key());
    }

    /// It can be reached.
    pub(crate) fn set_connected(&self) {
        self.0.set_phase(Phase::Connected);
    }

    /// Whether the server has told it to leave, and it has not begun to.
    pub(crate) fn is_dismissed(&self) -> bool {
        self.0.phase() == Phase::Departing as u8
    }

    /// It is leaving: nothing reaches it any more, but its rooms can still be seen.
    pub(crate) fn begin_departure(&self, departure: Departure) {
        match self.recovery() {
            None => self.0.set_phase(Phase::Departing),
            Some((seat, recorder)) => recorder.leave(seat, departure, || self.0.set_phase(Phase::Departing)),
        }
    }

    /// It is gone: from its rooms, with its handlers; who waits for its answers is told. Returns the rooms it was in.
    pub(crate) fn depart(&self) -> Vec<Room> {
        self.0.set_phase(Phase::Gone);
        let rooms = self.namespace().members().remove(self.0.key());
        // An emit that waits for room waits no more.
        self.0.mailbox.wake_waiting();
        let (handlers, acks) = {
            let mut extras = self.0.extras.lock();
            let Some(extras) = extras.as_deref_mut() else { return rooms };
            if extras.handlers.hears_outgoing() {
                self.namespace().count_outgoing(-1);
            }
            (std::mem::take(&mut extras.handlers), std::mem::take(&mut extras.acks))
        };
        // Closures own user values, whose end may be user code: it runs outside the lock.
        drop_value(handlers);
        acks.fail_all();
        rooms
    }

    /// It has left everything, and is kept for its client, or not.
    pub(crate) fn part(&self, rooms: Vec<Room>, departure: Departure) {
        if let Some((_, recorder)) = self.recovery() {
            recorder.absence().part(self, rooms, departure);
        }
    }

    /// Its client is back on another connection.
    pub(crate) fn make_way(&self) {
        // A session that has ended already is about to tell.
        let _ = self.0.mailbox.command(Command::Discard);
    }

    /// What is known of its session, with recovery on.
    #[inline]
    pub(crate) fn seat(&self) -> Option<&Seat> {
        self.0.seat.as_deref()
    }

    /// The same with the log of its namespace.
    #[inline]
    pub(crate) fn recovery(&self) -> Option<(&Seat, &Recorder)> {
        self.seat().zip(self.namespace().recorder())
    }

    /// What the application keeps for it.
    pub(crate) fn kept(&self) -> Kept {
        let kept =
            |extras: &mut Extras| Kept { data: extras.data.clone(), attached: extras.attached.clone() };
        self.with_extras(kept).unwrap_or_default()
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        self.0.mailbox()
    }

    pub(crate) fn number(&self) -> u64 {
        self.0.number
    }

    pub(crate) fn auth_text(&self) -> Option<Arc<str>> {
        self.0.extras.lock().as_ref().and_then(|extras| extras.auth.clone())
    }

    /// Puts a frame into the client's outbox, whatever phase the socket is in.
    pub(crate) fn push(&self, frame: Frame, urgency: &Urgency) -> Pushed {
        self.counted(self.0.mailbox.push(frame, urgency))
    }

    /// The same, if there is room enough; else the frame comes back with what to wait for.
    pub(crate) fn push_or_wait(
        &self,
        frame: Frame,
        urgency: &Urgency,
    ) -> Result<Pushed, (Frame, OwnedNotified)> {
        self.0.mailbox.push_or_wait(frame, urgency).map(|pushed| self.counted(pushed))
    }

    /// What is not as usual is counted.
    fn counted(&self, pushed: Pushed) -> Pushed {
        if !matches!(pushed, Pushed::AtOnce | Pushed::Queued) {
            self.namespace().count_pushed(pushed);
        }
        pushed
    }

    /// A broadcast reaches this socket.
    pub(crate) fn deliver(&self, frame: &Frame, urgency: &Urgency) -> Pushed {
        if !self.is_connected() {
            return Pushed::Closed;
        }
        self.push(frame.clone(), urgency)
    }

    pub(super) fn extras(&self) -> MappedMutexGuard<'_, Extras> {
        MutexGuard::map(self.0.extras.lock(), |extras| &mut **extras.get_or_insert_default())
    }

    /// Works on the extras if there are any.
    pub(super) fn with_extras<T>(&self, work: impl FnOnce(&mut Extras) -> T) -> Option<T> {
        self.0.extras.lock().as_deref_mut().map(work)
    }

    pub(super) fn mark_handlers(&self) {
        self.0.has_handlers.store(true, Ordering::Release);
    }

    pub(super) fn has_handlers(&self) -> bool {
        self.0.has_handlers.load(Ordering::Acquire)
    }

    pub(super) fn is_gone(&self) -> bool {
        self.0.phase() == Phase::Gone as u8
    }

    /// Whether emits still go out: also while the middlewares run, and while it is leaving they no longer do.
    pub(crate) fn takes_emits(&self) -> bool {
        self.0.phase() <= Phase::Connected as u8
    }
}

impl SocketInner {
    fn phase(&self) -> u8 {
        self.phase.load(Ordering::Acquire)
    }

    fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    fn key(&self) -> MemberKey {
        *self.key.get().expect("the key is set before anybody has the socket")
    }

    pub(super) fn id(&self) -> &str {
        self.id.as_str()
    }

    pub(super) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    pub(super) fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    pub(super) fn session(&self) -> Session {
        Session::new(self.mailbox.clone(), self.handshake.clone())
    }

    pub(super) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    pub(super) fn is_connected(&self) -> bool {
        self.phase() == Phase::Connected as u8
    }

    pub(super) fn join(&self, room: &Room) -> Result<(), JoinError> {
        self.namespace.members().join(self.key(), room.as_str()).map(|_| ())
    }

    pub(super) fn leave(&self, room: &Room) {
        self.namespace.members().leave(self.key(), room.as_str());
    }

    pub(super) fn rooms(&self) -> Vec<Room> {
        self.namespace.members().rooms_of(self.key())
    }

    pub(super) fn disconnect(&self) {
        let connected = Phase::Connected as u8;
        let departing = Phase::Departing as u8;
        if self.phase.compare_exchange(connected, departing, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return;
        }
        // The connection says goodbye in its own task, so that no new connect of the client can come in between. A session
        // that has ended needs none.
        let _ = self.mailbox.command(Command::Application(self.number));
    }

    pub(super) fn insert<T: Send + Sync + 'static>(&self, value: T) {
        let value: Arc<dyn Any + Send + Sync> = Arc::new(value);
        let mut extras = self.extras.lock();
        let data = &mut extras.get_or_insert_default().data;
        let replaced = match data.iter_mut().find(|(id, _)| *id == TypeId::of::<T>()) {
            Some((_, old)) => Some(std::mem::replace(old, value)),
            None => {
                data.push((TypeId::of::<T>(), value));
                None
            }
        };
        // User code may run when a value is dropped, so that happens outside the lock.
        drop(extras);
        drop(replaced);
    }

    pub(super) fn get_or_insert<T: Send + Sync + 'static>(&self, value: T) -> Arc<T> {
        let value = Arc::new(value);
        let mut extras = self.extras.lock();
        let data = &mut extras.get_or_insert_default().data;
        if let Some((_, old)) = data.iter().find(|(id, _)| *id == TypeId::of::<T>()) {
            let old = old.clone().downcast().expect("the key is the type");
            // `value` is the caller's own and is dropped by him, outside the lock.
            drop(extras);
            return old;
        }
        data.push((TypeId::of::<T>(), value.clone()));
        value
    }

    pub(super) fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let extras = self.extras.lock();
        let (_, value) = extras.as_ref()?.data.iter().find(|(id, _)| *id == TypeId::of::<T>())?;
        Some(value.clone().downcast().expect("the key is the type"))
    }
}
