//! The name of a room.
//!
//! Comes in: any text the application chooses, often with something a peer sent in it. Goes out: one shared,
//! immutable string that is cheap to clone.
//! A name may have any length here, because most are only asked for; the book of rooms refuses to let anybody join a long one.
//! Odd: Node's adapters may carry a room name as a JSON number. It is read as its decimal text, so the number 7 and
//! the text "7", two rooms in JavaScript, are one room here.

use std::{borrow::Borrow, fmt, ops::Deref, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The name of a room; a clone shares the text.
///
/// Any text is a name, but only one of at most [`Room::MAX_BYTES`] can be joined: what is emitted to a longer one reaches
/// nobody. A map keyed by `Room` can be searched with a `&str`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Room(Arc<str>);

impl Room {
    /// How long the name of a room may be that is joined: 1,024 bytes.
    ///
    /// Handlers often join what a client names, and a name is kept for as long as somebody is in the room: without a bound,
    /// one client could make a server keep messages of the largest size as names. The room named by a socket's own id is
    /// always joined. JS: none.
    pub const MAX_BYTES: usize = 1024;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Room {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for Room {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl From<&String> for Room {
    fn from(name: &String) -> Self {
        Self(name.as_str().into())
    }
}

impl From<Arc<str>> for Room {
    fn from(name: Arc<str>) -> Self {
        Self(name)
    }
}

impl From<&Room> for Room {
    fn from(room: &Room) -> Self {
        room.clone()
    }
}

impl Borrow<str> for Room {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Room {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Deref for Room {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Room {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Room {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for Room {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Room {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameVisitor)
    }
}

struct NameVisitor;

impl de::Visitor<'_> for NameVisitor {
    type Value = Room;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a room name: a string or an integer")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Room, E> {
        Ok(name.into())
    }

    fn visit_string<E: de::Error>(self, name: String) -> Result<Room, E> {
        Ok(name.into())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Room, E> {
        Ok(number.to_string().into())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Room, E> {
        Ok(number.to_string().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_set_of_rooms_is_searched_by_text() {
        let rooms = HashSet::from([Room::from("lobby"), Room::from(String::from("été"))]);
        assert!(rooms.contains("lobby"));
        assert!(rooms.contains("été"));
        assert!(!rooms.contains(""));
    }

    #[test]
    fn numbers_and_texts_on_the_wire_become_names() {
        let rooms: Vec<Room> = serde_json::from_str(r#"["a",7,-7,"7"]"#).unwrap();
        assert_eq!(rooms, ["a", "7", "-7", "7"]);
        assert_eq!(serde_json::to_string(&rooms).unwrap(), r#"["a","7","-7","7"]"#);
        assert!(serde_json::from_str::<Room>("null").is_err());
        assert!(serde_json::from_str::<Room>("[1]").is_err());
    }

    #[test]
    fn display_keeps_to_the_width_asked_for() {
        assert_eq!(format!("{:>4}|{0}|{0:?}", Room::from("ab")), "  ab|ab|\"ab\"");
    }
}
