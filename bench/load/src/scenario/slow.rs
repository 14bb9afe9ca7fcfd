//! `slow`: some clients stop reading while broadcasts go out by the clock; then they read again.
//!
//! Out: how long the others waited, how far the server's memory grew, and what became of the slow: caught up in order,
//! closed, or neither. Odd: a server may close a slow client, and that is no fault. A client that was not closed and
//! misses a message is one: it can never know.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::check::Fault;
use crate::fleet::{Fleet, Play};
use crate::measure::{Patience, Stop, Window};
use crate::report::Outcome;
use crate::scenario::Run;
use crate::scenario::latency::Broadcasts;
use crate::scenario::run::Measurable;

/// One of how many clients is slow.
const ONE_OF: usize = 20;
/// How long a slow client that reads again waits for the next message before it is given up.
const GIVEN_UP: Duration = Duration::from_secs(3);
/// How often the server's memory is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// The scenario; the last clients are the slow ones.
pub(crate) fn slow(run: &mut Run) -> Result<Outcome, Stop> {
    run.connect_all()?;
    let clients = run.params.clients;
    let healthy = clients - (clients / ONE_OF).max(1).min(clients - 1);
    let mut play = Broadcasts::new(run, healthy);
    let (begin, warmup) =
        (Instant::now(), Duration::try_from_secs_f64(run.params.warmup).unwrap_or_default());
    run.fleet.until(&mut play, "the warm-up", Broadcasts::units, |_| begin.elapsed() >= warmup)?;
    play.window_opens();
    run.fleet.may_close = true;
    for who in healthy..clients {
        run.fleet.stop_reading(who)?;
    }
    let (rss_begin, before) = (run.server.rss_kib()?, play.units());
    let window = Window::open(&run.server)?;
    let rss_most = stall(run, &mut play, &window, rss_begin)?;
    let counted = (play.units() - before, window.close(&run.server)?);
    play.window_closes();
    run.fleet.until(&mut play, "what is on its way", Broadcasts::units, Broadcasts::is_quiet)?;
    for who in healthy..clients {
        run.fleet.read_again(who)?;
    }
    let caught_up = catch_up(&mut run.fleet, &mut play, healthy..clients)?;
    let more = fates(run, &play, healthy..clients);
    let mut outcome = run.outcome("delivery", counted, Some(play.tally.into_latency()))?;
    outcome.more.insert(
        "slow".into(),
        json!({
            "clients": clients - healthy, "caught_up": caught_up, "closed": more.closed, "reasons": more.reasons,
            "lost_silently": more.lost, "rss_growth_kib": rss_most - rss_begin,
        }),
    );
    Ok(outcome)
}

/// The time of the stall; the most memory that the server held in it.
fn stall(run: &mut Run, play: &mut Broadcasts, window: &Window, rss_begin: u64) -> Result<u64, Stop> {
    let length = Duration::try_from_secs_f64(run.params.seconds).unwrap_or_default();
    let mut most = rss_begin;
    while window.open_for() < length {
        let until = (window.open_for() + LOOK).min(length);
        run.fleet.until(play, "broadcasts", Broadcasts::units, |_| window.open_for() >= until)?;
        most = most.max(run.server.rss_kib()?);
    }
    Ok(most)
}

/// Reads until each slow client has all, or has gone, or nothing comes any more; says how many have all.
fn catch_up(fleet: &mut Fleet, play: &mut Broadcasts, slow: std::ops::Range<usize>) -> Result<usize, Stop> {
    let mut patience = Patience::new(GIVEN_UP);
    loop {
        let waiting = slow.clone().filter(|who| !fleet.is_gone(*who) && !play.script.is_done(*who)).count();
        let received: u64 = slow.clone().map(|who| play.script.received(who)).sum();
        let gone = fleet.gone() as u64;
        if waiting == 0 || patience.check(received + gone, String::new).is_err() {
            break;
        }
        let wait = play.pulse(fleet);
        fleet.turn(play, wait)?;
    }
    fleet.linger(play, LOOK)?;
    let has_gaps = |who| play.script.lost().any(|(loser, _)| loser == who);
    Ok(slow.filter(|who| play.script.is_done(*who) && !has_gaps(*who)).count())
}

/// What became of the slow ones.
struct Fates {
    closed: usize,
    reasons: BTreeMap<String, usize>,
    lost: u64,
}

/// Looks at the ends of connections and at the gaps; those that should not be are faults.
fn fates(run: &mut Run, play: &Broadcasts, slow: std::ops::Range<usize>) -> Fates {
    let mut fates = Fates { closed: 0, reasons: BTreeMap::new(), lost: 0 };
    for (who, why) in run.fleet.ended().to_vec() {
        if slow.contains(&who) {
            fates.closed += 1;
            *fates.reasons.entry(why).or_default() += 1;
        } else {
            run.fleet.fault(Fault::Lost, who, || format!("a client that reads was closed: {why}"));
        }
    }
    for (who, number) in play.script.lost() {
        fates.lost += 1;
        run.fleet.fault(Fault::Lost, who, || format!("{number}"));
    }
    for who in slow.filter(|who| !run.fleet.is_gone(*who)).collect::<Vec<_>>() {
        for number in play.script.received(who)..play.script.messages() {
            fates.lost += 1;
            run.fleet.fault(Fault::Lost, who, || format!("{number}, silently"));
        }
    }
    fates
}
