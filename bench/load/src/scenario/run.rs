//! What every scenario has: parameters, the server, the clients, and the way from warm-up to outcome.

use std::io;
use std::time::{Duration, Instant};

use crate::fleet::{Fleet, Namespaces, Play};
use crate::measure::{Latency, Measured, Server, Stop, Window};
use crate::net::Dialer;
use crate::params::Params;
use crate::report::{Outcome, Report};
use crate::scenario::silent::Silent;
use crate::scenario::tally::Tally;

/// How many connections are made at a time where that is not the question.
const AT_A_TIME: usize = 64;
/// How long clients listen after the end for what should not come.
const AFTERWARDS: Duration = Duration::from_millis(100);

/// A run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) params: Params,
    pub(crate) server: Server,
    pub(crate) fleet: Fleet,
    pub(crate) rss_before_kib: u64,
}

impl Run {
    /// Finds the server's process and gets ready to connect.
    ///
    /// # Errors
    /// When there is no such process.
    pub(crate) fn begin(params: Params) -> io::Result<Self> {
        let server = Server::new(params.pids.iter().copied())?;
        let namespaces = Namespaces::new(params.namespaces, params.rooms);
        let fleet = Fleet::new(Dialer::new(params.port, params.tls)?, namespaces, params.patience)?;
        let rss_before_kib = server.rss_kib()?;
        Ok(Self { params, server, fleet, rss_before_kib })
    }

    /// Connects all clients; nobody says anything yet.
    ///
    /// # Errors
    /// When a client is refused.
    pub(crate) fn connect_all(&mut self) -> Result<(), Stop> {
        self.fleet.grow(&mut Silent, self.params.clients, AT_A_TIME)
    }

    /// Plays until the warm-up is over, then for the time of the window, then until nothing is on its way.
    ///
    /// # Errors
    /// When a connection is lost or nothing moves.
    pub(crate) fn measure<P: Measurable>(&mut self, play: &mut P) -> Result<(u64, Measured), Stop> {
        let seconds = |seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let begin = Instant::now();
        let warmup = seconds(self.params.warmup);
        self.fleet.until(play, "the warm-up", P::units, |_| begin.elapsed() >= warmup)?;
        play.window_opens();
        let (window, before) = (Window::open(&self.server)?, play.units());
        let length = seconds(self.params.seconds);
        self.fleet.until(play, "the window", P::units, |_| window.open_for() >= length)?;
        let (units, measured) = (play.units() - before, window.close(&self.server)?);
        play.window_closes();
        self.fleet.until(play, "what is on its way", P::units, P::is_quiet)?;
        self.fleet.linger(play, AFTERWARDS)?;
        Ok((units, measured))
    }

    /// An outcome with the memory of now.
    ///
    /// # Errors
    /// When the server's process has ended.
    pub(crate) fn outcome(
        &self,
        unit: &'static str,
        (units, measured): (u64, Measured),
        latency: Option<Latency>,
    ) -> Result<Outcome, Stop> {
        Ok(Outcome {
            unit,
            units,
            measured,
            latency,
            rss_before_kib: self.rss_before_kib,
            rss_after_kib: self.server.rss_kib()?,
            ..Outcome::default()
        })
    }

    /// The report of a scenario that ended well or not.
    pub(crate) fn report(self, outcome: Result<Outcome, Stop>) -> Report {
        let mut errors = self.fleet.faults.lines();
        let outcome = outcome.unwrap_or_else(|stop| {
            errors.insert(0, stop.to_string());
            Outcome { rss_before_kib: self.rss_before_kib, ..Outcome::default() }
        });
        Report::new(self.params, outcome, errors)
    }
}

/// A play with a warm-up, a window and an end.
pub(crate) trait Measurable: Play {
    /// What it counts.
    fn tally(&self) -> &Tally;

    /// The same, to go on counting.
    fn tally_mut(&mut self) -> &mut Tally;

    /// How many units are done since the beginning.
    fn units(&self) -> u64 {
        self.tally().units()
    }

    /// The warm-up is over: what was counted for latency is forgotten.
    fn window_opens(&mut self) {
        self.tally_mut().open();
    }

    /// From now on, nothing new is sent.
    fn window_closes(&mut self) {
        self.tally_mut().close();
    }

    /// Whether nothing is on its way any more.
    fn is_quiet(&self) -> bool;
}
