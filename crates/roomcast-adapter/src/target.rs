//! Who shall receive a broadcast, and how.
//!
//! Comes in: what the application chained (`to`, `except`, `volatile`, ..). Goes out: a value that the local book of
//! rooms and the adapters of a cluster read.
//! Odd: no rooms at all means every socket of the namespace, as in JavaScript.

use smallvec::SmallVec;

use crate::Room;

/// Who shall receive: the union of some rooms, minus the union of others.
///
/// A socket receives at most once. A room nobody is in matches nothing; a target without rooms matches every socket
/// of the namespace. A socket's id is a room with that socket in it. Naming a room twice changes nothing.
///
/// ```
/// use roomcast_adapter::Target;
/// let target = Target::room("lobby").to("garden").except("muted").volatile();
/// assert_eq!(target.rooms(), ["lobby", "garden"]);
/// assert_eq!(target.except_rooms(), ["muted"]);
/// assert!(target.flags().volatile && target.flags().compress);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    rooms: SmallVec<[Room; 1]>,
    except: SmallVec<[Room; 1]>,
    flags: Flags,
}

/// How a broadcast travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flags {
    /// May be dropped for a socket whose transport is not ready. Default: false.
    pub volatile: bool,
    /// May be compressed where the transport compresses. Default: true.
    pub compress: bool,
    /// Stays on this node. Default: false.
    pub local: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self { volatile: false, compress: true, local: false }
    }
}

impl Target {
    /// Every socket of the namespace.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// The sockets of one room.
    #[must_use]
    pub fn room(room: impl Into<Room>) -> Self {
        Self::default().to(room)
    }

    /// Adds a room. JS: `to(room)`, `in(room)`.
    #[must_use]
    #[doc(alias = "in")]
    pub fn to(mut self, room: impl Into<Room>) -> Self {
        self.rooms.push(room.into());
        self
    }

    /// Adds rooms.
    #[must_use]
    pub fn to_each<R: Into<Room>>(mut self, rooms: impl IntoIterator<Item = R>) -> Self {
        self.rooms.extend(rooms.into_iter().map(Into::into));
        self
    }

    /// Leaves out whoever is in this room. JS: `except(room)`.
    #[must_use]
    pub fn except(mut self, room: impl Into<Room>) -> Self {
        self.except.push(room.into());
        self
    }

    /// Leaves out whoever is in one of these rooms.
    #[must_use]
    pub fn except_each<R: Into<Room>>(mut self, rooms: impl IntoIterator<Item = R>) -> Self {
        self.except.extend(rooms.into_iter().map(Into::into));
        self
    }

    /// Allows dropping it for a socket whose transport is not ready. JS: `volatile`.
    #[must_use]
    pub fn volatile(mut self) -> Self {
        self.flags.volatile = true;
        self
    }

    /// Whether it may be compressed. JS: `compress(bool)`.
    #[must_use]
    pub fn compress(mut self, compress: bool) -> Self {
        self.flags.compress = compress;
        self
    }

    /// Keeps it on this node. JS: `local`.
    #[must_use]
    pub fn local(mut self) -> Self {
        self.flags.local = true;
        self
    }

    /// Replaces all flags at once, for an adapter that read them from the wire.
    #[must_use]
    pub fn with_flags(mut self, flags: Flags) -> Self {
        self.flags = flags;
        self
    }

    /// The rooms whose sockets receive; empty means every socket.
    #[must_use]
    pub fn rooms(&self) -> &[Room] {
        &self.rooms
    }

    /// The rooms whose sockets do not receive.
    #[must_use]
    pub fn except_rooms(&self) -> &[Room] {
        &self.except
    }

    /// How it travels.
    #[must_use]
    pub fn flags(&self) -> Flags {
        self.flags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_of_the_chain_lands_in_its_place() {
        let target = Target::all()
            .to("a")
            .to_each(["b", "c"])
            .except("d")
            .except_each(vec![String::from("e")])
            .compress(false)
            .local();
        assert_eq!(target.rooms(), ["a", "b", "c"]);
        assert_eq!(target.except_rooms(), ["d", "e"]);
        assert_eq!(target.flags(), Flags { volatile: false, compress: false, local: true });
    }

    #[test]
    fn the_default_reaches_everybody_compressed_and_reliably() {
        assert!(Target::all().rooms().is_empty());
        assert_eq!(Target::all().flags(), Flags { volatile: false, compress: true, local: false });
    }

    #[test]
    fn a_clone_goes_its_own_way() {
        let base = Target::room("a");
        let more = base.clone().to("b");
        assert_eq!(base.rooms(), ["a"]);
        assert_eq!(more.rooms(), ["a", "b"]);
    }
}
