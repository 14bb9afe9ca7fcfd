//! Who shall receive an event, and how: the methods that all broadcasts have, a server's and an emitter's.
//!
//! What is odd: they come from a macro, because a trait would have to be imported by whoever calls them. It is for the
//! server's crate as well, so it is exported, and no part of what this crate promises.

/// The methods of a type that has a `target: Target`; with `local`, also that for servers alone.
#[doc(hidden)]
#[macro_export]
macro_rules! choose_recipients {
    () => {
        /// Adds rooms: whoever is in any of them is reached, once. JS: `to(room)`.
        pub fn to(mut self, rooms: impl $crate::IntoRooms) -> Self {
            self.target = self.target.to_each($crate::IntoRooms::into_rooms(rooms));
            self
        }

        /// The same as [`Self::to`]. JS: `in(room)`.
        #[doc(alias = "in")]
        pub fn within(self, rooms: impl $crate::IntoRooms) -> Self {
            self.to(rooms)
        }

        /// Leaves out whoever is in these rooms; a socket's id is a room. JS: `except(room)`.
        pub fn except(mut self, rooms: impl $crate::IntoRooms) -> Self {
            self.target = self.target.except_each($crate::IntoRooms::into_rooms(rooms));
            self
        }

        /// Dropped for those who cannot take it at once. JS: `volatile`.
        pub fn volatile(mut self) -> Self {
            self.target = self.target.volatile();
            self
        }

        /// Whether it may be compressed. Default: true. JS: `compress(bool)`.
        pub fn compress(mut self, compress: bool) -> Self {
            self.target = self.target.compress(compress);
            self
        }
    };
    (local) => {
        $crate::choose_recipients!();

        /// Only to the sockets of this node. JS: `local`.
        pub fn local(mut self) -> Self {
            self.target = self.target.local();
            self
        }
    };
}
