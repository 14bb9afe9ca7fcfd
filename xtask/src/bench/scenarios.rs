//! What a scenario is: a run of the load generator, the server it needs, the rows it fills, what we aim at.
//!
//! In: an entry of the [plan](super::plan) and a [`Pace`]. Out: the arguments of the load generator, and where in its
//! result the numbers are. What is odd: a scenario may fill several rows, since one run of `idle` or `slow` answers
//! several questions.

/// How much time a run of the whole may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// The sizes of the tables, several rounds: below 25 minutes.
    Full,
    /// Fewer clients, one round: below three minutes.
    Quick,
    /// Tiny sizes, only to see that every check holds: below 40 seconds.
    Smoke,
}

impl Pace {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Quick => "quick",
            Self::Smoke => "smoke",
        }
    }
}

/// Where server and load run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cores {
    /// The server alone on one core, the load on another.
    Apart,
    /// Both wherever the scheduler puts them.
    Unpinned,
}

/// Which peers take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peers {
    All,
    These(&'static [&'static str]),
}

impl Peers {
    pub(super) fn include(self, subject: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.contains(&subject),
        }
    }
}

/// One run of the load generator, and the server it needs.
#[derive(Debug)]
pub(super) struct Scenario {
    /// The name for `--only` and in the results.
    pub(super) key: &'static str,
    /// The scenario of the load generator, with what every pace has in common.
    pub(super) load: &'static str,
    pub(super) full: &'static str,
    pub(super) quick: &'static str,
    pub(super) smoke: &'static str,
    /// What the server's environment says beside its defaults.
    pub(super) server: &'static [(&'static str, &'static str)],
    pub(super) cores: Cores,
    pub(super) tls: bool,
    /// Whether the floor can do it: it speaks WebSocket only, without TLS.
    pub(super) floor: bool,
    /// How many rounds of a full run it takes part in, if not all: what hardly varies or takes long needs few.
    pub(super) rounds: usize,
    /// The peers that can do it, where not all can.
    pub(super) peers: Peers,
    /// Whether a quick run asks the peers too.
    pub(super) peers_in_quick: bool,
    pub(super) rows: &'static [Row],
}

impl Scenario {
    /// Whether a target of it is a ratio to that subject.
    pub(super) fn aims_at(&self, subject: &str) -> bool {
        self.rows.iter().any(|row| matches!(row.target, Some(Target::Of(other, _)) if other == subject))
    }

    /// The arguments of the load generator, apart from port and process.
    pub(super) fn arguments(&self, pace: Pace) -> impl Iterator<Item = &'static str> {
        let sizes = match pace {
            Pace::Full => self.full,
            Pace::Quick => self.quick,
            Pace::Smoke => self.smoke,
        };
        let tls = if self.tls { "--tls" } else { "" };
        [self.load, sizes, tls].into_iter().flat_map(str::split_whitespace)
    }
}

/// One row of the tables.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) title: &'static str,
    pub(super) metric: Metric,
    pub(super) target: Option<Target>,
}

/// Which number of the result, and what it is multiplied with to be in the unit of the row's title.
#[derive(Debug)]
pub(super) struct Metric {
    pub(super) pointer: &'static str,
    pub(super) scale: f64,
    /// Whether its ratio to the floor says anything: of a cost it does, of a count of closed clients it does not.
    pub(super) cost: bool,
}

/// What Roomcast wants to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    /// In the unit of the row.
    AtMost(f64),
    /// As a ratio to another subject in the same round.
    Of(&'static str, f64),
}
