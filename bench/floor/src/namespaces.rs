//! Namespaces, each with its own rooms.
//!
//! Comes in: what stands before a packet, `/name,` or nothing. Goes out: a number, and what belongs to it. What is odd: a
//! namespace is there as soon as somebody names it, and stays.

use hashbrown::HashMap;

use crate::rooms::Rooms;

/// All that were ever named.
pub(crate) struct Namespaces {
    numbers: HashMap<Box<[u8]>, u32>,
    namespaces: Vec<Namespace>,
}

#[derive(Default)]
pub(crate) struct Namespace {
    /// What stands before its packets, behind their kind.
    pub(crate) prefix: Box<[u8]>,
    pub(crate) rooms: Rooms,
}

impl Default for Namespaces {
    fn default() -> Self {
        // The number of `/` is 0, which is that of every client that has named none yet.
        Self { numbers: HashMap::from_iter([(Box::default(), 0)]), namespaces: vec![Namespace::default()] }
    }
}

impl Namespaces {
    /// The number of the namespace with this prefix.
    pub(crate) fn number(&mut self, prefix: &[u8]) -> u32 {
        if let Some(&number) = self.numbers.get(prefix) {
            return number;
        }
        let number = self.namespaces.len() as u32;
        self.numbers.insert(prefix.into(), number);
        self.namespaces.push(Namespace { prefix: prefix.into(), rooms: Rooms::default() });
        number
    }

    pub(crate) fn of(&mut self, number: u32) -> &mut Namespace {
        &mut self.namespaces[number as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_has_its_own_rooms() {
        let mut namespaces = Namespaces::default();
        let numbers = [b"" as &[u8], b"/a,", b"/b,", b"/a,"].map(|prefix| namespaces.number(prefix));
        assert_eq!(numbers, [0, 1, 2, 1]);
        namespaces.of(1).rooms.join(7, &mut Vec::new(), b"red");
        assert_eq!(namespaces.of(1).rooms.members(b"red"), [7]);
        assert!(namespaces.of(2).rooms.members(b"red").is_empty());
        assert_eq!(*namespaces.of(1).prefix, *b"/a,");
    }
}
