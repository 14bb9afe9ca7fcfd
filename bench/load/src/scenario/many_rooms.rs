//! `manyrooms`: 100,000 rooms with three members each, 60 rooms per client; then messages into random rooms by random
//! clients, who are mostly not members.
//!
//! Odd: the memory of a membership is the server's growth from the connected clients to the joined ones.

use fastrand::Rng;
use serde_json::json;

use crate::measure::Stop;
use crate::report::Outcome;
use crate::scenario::Run;
use crate::scenario::ask::Ask;
use crate::scenario::rooms::{Senders, Writers, name, small};

/// The scenario.
pub(crate) fn many_rooms(run: &mut Run) -> Result<Outcome, Stop> {
    run.connect_all()?;
    let connected_kib = run.server.rss_kib()?;
    let members = deal(run.params.clients, run.params.rooms, run.params.members.min(run.params.clients));
    let mut rooms_of = vec![Vec::new(); run.params.clients];
    for (room, members) in members.iter().enumerate() {
        for who in members {
            rooms_of[*who as usize].push(name(room));
        }
    }
    let joins = rooms_of.iter().enumerate().filter(|(_, rooms)| !rooms.is_empty());
    Ask::all(&mut run.fleet, joins.map(|(who, rooms)| (who, json!(["rooms", rooms]))))?;
    let grown_kib = run.server.rss_kib()?.saturating_sub(connected_kib);
    let memberships = members.iter().map(Vec::len).sum::<usize>();
    let mut outcome = Writers::new(run, members, Senders::From(0)).perform(run)?;
    outcome.more.insert("memberships".into(), json!(memberships));
    outcome.more.insert("rss_bytes_per_membership".into(), json!(grown_kib * 1024 / memberships as u64));
    Ok(outcome)
}

/// Deals the places of all rooms to the clients, evenly and at random, nobody twice in one room.
fn deal(clients: usize, rooms: usize, members: usize) -> Vec<Vec<u32>> {
    let mut random = Rng::with_seed(11);
    let mut deck: Vec<u32> = (0..rooms * members).map(|place| small(place % clients)).collect();
    random.shuffle(&mut deck);
    let mut room = 0;
    while room < rooms {
        let begin = room * members;
        let hand = &deck[begin..begin + members];
        match (1..members).find(|place| hand[..*place].contains(&hand[*place])) {
            // The exchanged card may spoil another room, so the search goes back to where it came from.
            Some(place) => {
                let other = random.usize(..deck.len());
                deck.swap(begin + place, other);
                room = room.min(other / members);
            }
            None => room += 1,
        }
    }
    deck.chunks(members).map(<[u32]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_dealt_evenly_and_without_doubles() {
        let rooms = deal(50, 1_000, 3);
        let mut counts = [0; 50];
        for members in &rooms {
            assert!(members[0] != members[1] && members[1] != members[2] && members[0] != members[2]);
            members.iter().for_each(|who| counts[*who as usize] += 1);
        }
        assert_eq!((rooms.len(), counts), (1_000, [60; 50]));
    }
}
