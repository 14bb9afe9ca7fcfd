//! What a call takes where it takes rooms: one, or several.

use std::sync::Arc;

use crate::Room;

/// One room or several: `"news"`, `["a", "b"]`, `&rooms[..]`, `vec![..]`.
pub trait IntoRooms {
    /// The rooms.
    fn into_rooms(self) -> Vec<Room>;

    /// Visits each of them; one room alone needs no list.
    #[doc(hidden)]
    fn for_each_room(self, visit: impl FnMut(Room))
    where
        Self: Sized,
    {
        self.into_rooms().into_iter().for_each(visit);
    }
}

macro_rules! one_room {
    ($($name:ty)*) => {$(
        impl IntoRooms for $name {
            fn into_rooms(self) -> Vec<Room> {
                vec![self.into()]
            }

            fn for_each_room(self, mut visit: impl FnMut(Room)) {
                visit(self.into());
            }
        }
    )*};
}

one_room! { &str String &String Arc<str> Room &Room }

impl<R: Into<Room>> IntoRooms for Vec<R> {
    fn into_rooms(self) -> Vec<Room> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<R: Into<Room>, const N: usize> IntoRooms for [R; N] {
    fn into_rooms(self) -> Vec<Room> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<R: Into<Room> + Clone> IntoRooms for &[R] {
    fn into_rooms(self) -> Vec<Room> {
        self.iter().cloned().map(Into::into).collect()
    }
}
