//! Which namespace each client is in.
//!
//! In: how many namespaces and rooms there are; out: a client's namespace, and what stands before its messages. Odd: the
//! members of a room are in one namespace, and so the rooms are dealt to the namespaces, not the clients.

/// The namespaces of a run: `/`, `/n1`, `/n2` and so on.
#[derive(Clone, Debug)]
pub(crate) struct Namespaces {
    /// What stands between the kind of a packet and the rest of it.
    prefixes: Vec<String>,
    rooms: usize,
}

impl Namespaces {
    /// So many, for so many rooms.
    pub(crate) fn new(count: usize, rooms: usize) -> Self {
        let prefix = |number| if number == 0 { String::new() } else { format!("/n{number},") };
        Self { prefixes: (0..count.max(1)).map(prefix).collect(), rooms: rooms.max(1) }
    }

    /// The number of a client's namespace, if client `who` is in room `who % rooms`.
    pub(crate) fn of(&self, who: usize) -> usize {
        match self.prefixes.len() {
            1 => 0,
            count => who % self.rooms % count,
        }
    }

    /// What stands before the messages of a client.
    pub(crate) fn prefix(&self, who: usize) -> &str {
        &self.prefixes[self.of(who)]
    }

    /// That of each namespace.
    pub(crate) fn prefixes(&self) -> &[String] {
        &self.prefixes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_of_a_room_are_in_one_namespace_and_the_rooms_in_all() {
        let namespaces = Namespaces::new(3, 5);
        let prefixes: Vec<_> = (0..10).map(|who| namespaces.prefix(who)).collect();
        assert_eq!(prefixes[..5], ["", "/n1,", "/n2,", "", "/n1,"]);
        assert_eq!(prefixes[..5], prefixes[5..]);
        assert_eq!(Namespaces::new(1, 5).prefix(4), "");
    }
}
