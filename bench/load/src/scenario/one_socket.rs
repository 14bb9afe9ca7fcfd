//! `onesocket`: one client in 1,000 rooms, each of the others in one of them; the others write into random ones of the
//! thousand.

use serde_json::json;

use crate::measure::Stop;
use crate::report::Outcome;
use crate::scenario::Run;
use crate::scenario::ask::Ask;
use crate::scenario::rooms::{Senders, Writers, name, small};

/// The scenario; client 0 is the one in all rooms.
pub(crate) fn one_socket(run: &mut Run) -> Result<Outcome, Stop> {
    run.connect_all()?;
    let (clients, rooms) = (run.params.clients.max(2), run.params.rooms);
    let mut members: Vec<Vec<u32>> = vec![vec![0]; rooms];
    // Spread over the rooms, so that most have the one alone.
    let room_of = |who: usize| (who - 1) * rooms / (clients - 1);
    for who in 1..clients {
        members[room_of(who)].push(small(who));
    }
    let all: Vec<String> = (0..rooms).map(name).collect();
    let first = std::iter::once((0, json!(["rooms", all])));
    Ask::all(
        &mut run.fleet,
        first.chain((1..clients).map(|who| (who, json!(["join", name(room_of(who))])))),
    )?;
    Writers::new(run, members, Senders::From(1)).perform(run)
}
