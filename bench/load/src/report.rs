//! What a run says at its end: one JSON object.
//!
//! In: what was measured and what was wrong; out: the report. Odd: a run that failed reports too, with zeros and the
//! reason.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::measure::{Latency, Measured, Percentiles};
use crate::params::{Params, Scenario};

/// What a scenario found.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What is counted.
    pub(crate) unit: &'static str,
    /// How many there were in the window.
    pub(crate) units: u64,
    /// What they took.
    pub(crate) measured: Measured,
    /// How long each took.
    pub(crate) latency: Option<Latency>,
    /// The server's memory before the clients came.
    pub(crate) rss_before_kib: u64,
    /// The server's memory at the end of the window.
    pub(crate) rss_after_kib: u64,
    /// What only this scenario has to say.
    pub(crate) more: Map<String, Value>,
}

/// The report.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    scenario: Option<Scenario>,
    unit: &'static str,
    units: u64,
    seconds: f64,
    server_cpu_ns: u64,
    server_cpu_ns_per_unit: Option<f64>,
    user_ns_per_unit: Option<f64>,
    system_ns_per_unit: Option<f64>,
    load_cpu_ns_per_unit: Option<f64>,
    load_share: f64,
    rss_before_kib: u64,
    rss_after_kib: u64,
    rss_kib_per_client: f64,
    latency_us: Option<Percentiles>,
    #[serde(flatten)]
    more: Map<String, Value>,
    errors: Vec<String>,
    params: Option<Params>,
}

impl Report {
    /// Of a run that came to its end, or as far as it came.
    pub(crate) fn new(params: Params, outcome: Outcome, errors: Vec<String>) -> Self {
        let Outcome { unit, units, measured, latency, rss_before_kib, rss_after_kib, more } = outcome;
        let per_unit = |ns: f64| (units > 0).then(|| rounded(ns / units as f64));
        let server_ns = measured.server_ns as f64;
        let seconds = measured.time.as_secs_f64();
        Self {
            scenario: Some(params.scenario),
            unit,
            units,
            seconds,
            server_cpu_ns: measured.server_ns,
            server_cpu_ns_per_unit: per_unit(server_ns),
            user_ns_per_unit: per_unit(server_ns * measured.user_share),
            system_ns_per_unit: per_unit(server_ns * (1.0 - measured.user_share)),
            load_cpu_ns_per_unit: per_unit(measured.load_ns as f64),
            load_share: rounded(measured.load_ns as f64 / 1e9 / seconds.max(1e-9)),
            rss_before_kib,
            rss_after_kib,
            rss_kib_per_client: rounded(
                (rss_after_kib as f64 - rss_before_kib as f64) / params.clients as f64,
            ),
            latency_us: latency.and_then(|latency| latency.percentiles()),
            more,
            errors,
            params: Some(params),
        }
    }

    /// Of a run that could not begin.
    pub(crate) fn failed(error: std::io::Error) -> Self {
        Self { errors: vec![format!("failed: {error}")], ..Self::default() }
    }

    /// Whether nothing was wrong.
    pub(crate) fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }
}

/// As exact as anybody can measure.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}
