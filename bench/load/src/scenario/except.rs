//! `except`: a broadcast to all who are not in one of a hundred rooms, each of which has one member.

use serde_json::json;

use crate::check::Template;
use crate::measure::Stop;
use crate::report::Outcome;
use crate::scenario::Run;
use crate::scenario::ask::Ask;
use crate::scenario::fanout::Fanout;
use crate::scenario::rooms::name;

/// The scenario; the first clients are the excepted ones, so anything that reaches them is a fault.
pub(crate) fn except(run: &mut Run) -> Result<Outcome, Stop> {
    run.connect_all()?;
    let excepted = run.params.rooms.min(run.params.clients - 1);
    Ask::all(&mut run.fleet, (0..excepted).map(|who| (who, json!(["join", name(who)]))))?;
    let rooms = json!((0..excepted).map(name).collect::<Vec<_>>());
    let request = Template::request(&format!(r#"42["except",{rooms},"#), run.params.size, "]");
    Fanout::new(run, request, excepted..run.params.clients).perform(run)
}
