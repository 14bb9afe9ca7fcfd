//! The table of a connection's namespaces.
//!
//! Nearly every client is in one namespace, so the table is a list with room for one in place. What is odd: a namespace
//! that was left stays until the end of the batch, because what came along with the leave must find it.

use smallvec::SmallVec;

use super::super::namespace::NamespacePath;

/// One connect to a namespace and the socket it became. A later connect to the same namespace has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId(u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Asked for, undecided.
    Pending,
    Joined,
    /// Left by the client, in this batch.
    Left,
    /// Ended by the server: the client may not know yet, so what it sends is dropped until it connects anew.
    Dismissed,
}

/// How many dismissed namespaces are remembered; a client that sends to an older one has had time to hear of it.
const MAX_DISMISSED: usize = 16;

#[derive(Debug)]
pub(super) struct Slot {
    id: SlotId,
    state: State,
    /// Asked for in this batch.
    fresh: bool,
    namespace: NamespacePath,
}

impl Slot {
    pub(super) fn id(&self) -> SlotId {
        self.id
    }

    pub(super) fn has_left(&self) -> bool {
        matches!(self.state, State::Left | State::Dismissed)
    }
}

#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: SmallVec<[Slot; 1]>,
    next_id: u32,
    /// Whether a slot is fresh or left, so that most batches end without looking at any.
    unsettled: bool,
}

impl Slots {
    /// The slot a packet is for: joined before this batch, or left in it.
    pub(super) fn addressed(&self, namespace: &str) -> Option<&Slot> {
        self.named(namespace).filter(|slot| match slot.state {
            State::Joined => !slot.fresh,
            State::Left | State::Dismissed => true,
            State::Pending => false,
        })
    }

    /// Whether the namespace is asked for and undecided.
    pub(super) fn is_pending(&self, namespace: &str) -> bool {
        self.named(namespace).is_some_and(|slot| slot.state == State::Pending)
    }

    /// Whether the namespace is joined or asked for.
    pub(super) fn is_occupied(&self, namespace: &str) -> bool {
        self.named(namespace).is_some_and(|slot| !slot.has_left())
    }

    /// How many namespaces are joined or asked for.
    pub(super) fn occupied(&self) -> usize {
        self.slots.iter().filter(|slot| !slot.has_left()).count()
    }

    /// Takes a namespace that is not occupied.
    pub(super) fn open(&mut self, namespace: NamespacePath) -> SlotId {
        let id = self.unused_id();
        // The old socket of a namespace left in this batch is forgotten: the connect divides the batch.
        self.slots.retain(|slot| slot.namespace != namespace);
        self.slots.push(Slot { id, state: State::Pending, fresh: true, namespace });
        self.unsettled = true;
        id
    }

    pub(super) fn accept(&mut self, id: SlotId) -> bool {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.id == id && !slot.has_left()) else {
            return false;
        };
        slot.state = State::Joined;
        true
    }

    pub(super) fn remove(&mut self, id: SlotId) {
        let Some(index) = self.slots.iter().position(|slot| slot.id == id) else { return };
        match self.slots[index].state {
            State::Pending => drop(self.slots.remove(index)),
            State::Joined | State::Left => {
                self.slots[index].state = State::Left;
                self.unsettled = true;
            }
            State::Dismissed => {}
        }
    }

    /// The server ends it.
    pub(super) fn dismiss(&mut self, id: SlotId) {
        let Some(index) = self.slots.iter().position(|slot| slot.id == id) else { return };
        if self.slots[index].state != State::Joined {
            return self.remove(id);
        }
        // The newest is last, so that the oldest is the first to be forgotten.
        let mut slot = self.slots.remove(index);
        slot.state = State::Dismissed;
        self.slots.push(slot);
        let dismissed = |slot: &Slot| slot.state == State::Dismissed;
        if self.slots.iter().filter(|slot| dismissed(slot)).count() > MAX_DISMISSED
            && let Some(oldest) = self.slots.iter().position(dismissed)
        {
            self.slots.remove(oldest);
        }
    }

    pub(super) fn settle(&mut self) {
        if std::mem::take(&mut self.unsettled) {
            self.slots.retain(|slot| {
                slot.fresh = false;
                slot.state != State::Left
            });
        }
    }

    pub(super) fn iter(&self, state: State) -> impl Iterator<Item = (SlotId, &NamespacePath)> {
        self.slots.iter().filter(move |slot| slot.state == state).map(|slot| (slot.id, &slot.namespace))
    }

    fn named(&self, namespace: &str) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.namespace.is(namespace))
    }

    /// Counts on; after four billion connects it skips what is still in use.
    fn unused_id(&mut self) -> SlotId {
        loop {
            let id = SlotId(self.next_id);
            self.next_id = self.next_id.wrapping_add(1);
            if self.slots.iter().all(|slot| slot.id != id) {
                return id;
            }
        }
    }
}
