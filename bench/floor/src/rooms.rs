//! Who is in which room.
//!
//! Comes in: join, leave, names. Goes out: the members of a room. What is odd: a room is a number while it has members, so that
//! a client's own list is one word per room; leaving searches the room from its end.

use hashbrown::HashMap;
use slab::Slab;

/// All rooms that somebody is in.
#[derive(Default)]
pub(crate) struct Rooms {
    numbers: HashMap<Box<[u8]>, u32>,
    rooms: Slab<Room>,
}

struct Room {
    name: Box<[u8]>,
    members: Vec<u32>,
}

impl Rooms {
    /// Those in the room.
    pub(crate) fn members(&self, name: &[u8]) -> &[u32] {
        self.numbers.get(name).map_or(&[], |&number| &self.rooms[number as usize].members)
    }

    /// Puts a client in a room; `own` is the client's own list of rooms.
    pub(crate) fn join(&mut self, client: u32, own: &mut Vec<u32>, name: &[u8]) {
        let number = match self.numbers.get(name) {
            Some(&number) if own.contains(&number) => return,
            Some(&number) => number,
            None => {
                let number = self.rooms.insert(Room { name: name.into(), members: Vec::new() }) as u32;
                self.numbers.insert(name.into(), number);
                number
            }
        };
        own.push(number);
        self.rooms[number as usize].members.push(client);
    }

    /// Takes a client out of a room.
    pub(crate) fn leave(&mut self, client: u32, own: &mut Vec<u32>, name: &[u8]) {
        let Some(&number) = self.numbers.get(name) else { return };
        if let Some(at) = own.iter().position(|&mine| mine == number) {
            own.swap_remove(at);
            self.remove(client, number);
        }
    }

    /// Takes a client out of all its rooms.
    pub(crate) fn leave_all(&mut self, client: u32, own: &mut Vec<u32>) {
        for number in std::mem::take(own) {
            self.remove(client, number);
        }
    }

    fn remove(&mut self, client: u32, number: u32) {
        let members = &mut self.rooms[number as usize].members;
        if let Some(at) = members.iter().rposition(|&member| member == client) {
            members.swap_remove(at);
        }
        if members.is_empty() {
            let room = self.rooms.remove(number as usize);
            self.numbers.remove(&room.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_has_those_who_joined_and_did_not_leave() {
        let mut rooms = Rooms::default();
        let (mut one, mut two) = (Vec::new(), Vec::new());
        rooms.join(1, &mut one, b"a");
        rooms.join(1, &mut one, b"a");
        rooms.join(1, &mut one, b"b");
        rooms.join(2, &mut two, b"a");
        assert_eq!(rooms.members(b"a"), [1, 2]);
        rooms.leave(1, &mut one, b"a");
        rooms.leave(1, &mut one, b"nowhere");
        assert_eq!(rooms.members(b"a"), [2]);
        rooms.leave_all(1, &mut one);
        rooms.leave_all(2, &mut two);
        assert!(rooms.members(b"a").is_empty());
        assert!(rooms.numbers.is_empty() && rooms.rooms.is_empty());
    }
}
