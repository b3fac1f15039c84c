//! What became of passes → Prometheus metrics, without names of persons.

use super::breaker::State;
use super::standing::Ages;
use super::status::{ConditionKind, Pass, Status};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;

/// Seconds a pass takes: from one with nothing to do to one with thousands of changes.
const SECONDS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0];

/// The metrics of a loop.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    passes: Family<Ended, Counter>,
    seconds: Histogram,
    changes: Family<Became, Counter>,
    mails: Family<Became, Counter>,
    conditions: Family<Is, Gauge>,
    held: Gauge,
    tasks: Family<Aged, Gauge>,
    last: Gauge,
    next: Gauge,
    fetch_failures: Counter,
    circuits: Family<Stands, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Became {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Is {
    condition: ConditionKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stands {
    connector: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Aged {
    age: &'static str,
}

impl EncodeLabelValue for ConditionKind {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}

impl Metrics {
    /// Metrics of a loop that has done nothing.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("countersign");
        let passes = Family::default();
        registry.register("passes", "Passes, by how they ended", passes.clone());
        let seconds = Histogram::new(SECONDS);
        let words = "How long passes that got as far as a plan took";
        registry.register_with_unit("pass_duration", words, Unit::Seconds, seconds.clone());
        let changes = Family::default();
        registry.register(
            "changes",
            "Changes, by what became of them",
            changes.clone(),
        );
        let mails = Family::default();
        registry.register("mails", "Mails, by what became of them", mails.clone());
        let conditions = Family::default();
        let words = "Whether a condition is true: Ready, Reconciling, Held, Stalled";
        registry.register("condition", words, conditions.clone());
        let held = Gauge::default();
        registry.register("held", "What the last plan holds", held.clone());
        let tasks = Family::default();
        registry.register("open_tasks", "Open tasks, by age", tasks.clone());
        let last = Gauge::default();
        let words = "When the last pass ended that left nothing to be tried again, since 1970";
        let unit = || Unit::Seconds;
        registry.register_with_unit("last_success_timestamp", words, unit(), last.clone());
        let next = Gauge::default();
        let words = "When the loop looks again, since 1970";
        registry.register_with_unit("next_pass_timestamp", words, unit(), next.clone());
        let fetch_failures = Counter::default();
        let words = "Fetches of the branch that failed";
        registry.register("fetch_failures", words, fetch_failures.clone());
        let circuits = Family::default();
        let words = "Whether the circuit of a connector is closed, open or half-open";
        registry.register("connector_circuit", words, circuits.clone());
        Self {
            registry,
            passes,
            seconds,
            changes,
            mails,
            conditions,
            held,
            tasks,
            last,
            next,
            fetch_failures,
            circuits,
        }
    }

    /// Counts a pass that got as far as a plan.
    pub fn pass(&self, pass: &Pass) {
        let result = match pass.failed + pass.conflict + pass.unmailed + pass.unread {
            0 => "complete",
            _ => "partial",
        };
        self.passes.get_or_create(&Ended { result }).inc();
        self.seconds.observe(pass.milliseconds as f64 / 1000.0);
        for (outcome, count) in [
            ("applied", pass.applied),
            ("already_so", pass.already_so),
            ("conflict", pass.conflict),
            ("failed", pass.failed),
        ] {
            let counter = self.changes.get_or_create(&Became { outcome });
            counter.inc_by(count as u64);
        }
        for (outcome, count) in [("sent", pass.mailed), ("failed", pass.unmailed)] {
            let counter = self.mails.get_or_create(&Became { outcome });
            counter.inc_by(count as u64);
        }
        self.held.set(pass.held as i64);
        if result == "complete" {
            self.last
                .set(pass.began.as_second() + (pass.milliseconds / 1000) as i64);
        }
    }

    /// Counts a pass that did not get as far as a plan.
    pub fn failure(&self) {
        self.passes.get_or_create(&Ended { result: "failed" }).inc();
    }

    /// Counts a fetch that failed.
    pub fn fetch_failure(&self) {
        self.fetch_failures.inc();
    }

    /// Shows open tasks.
    pub fn tasks(&self, ages: Ages) {
        for (age, count) in [("1d", ages.day), ("7d", ages.week), ("older", ages.older)] {
            self.tasks.get_or_create(&Aged { age }).set(count as i64);
        }
    }

    /// Shows where the loop stands.
    pub fn status(&self, status: &Status) {
        for condition in &status.conditions {
            let is = Is {
                condition: condition.kind,
            };
            self.conditions
                .get_or_create(&is)
                .set(i64::from(condition.is_true));
        }
        for circuit in &status.connectors {
            for state in State::ALL {
                let stands = Stands {
                    connector: circuit.connector.clone(),
                    state: state.as_str(),
                };
                let gauge = self.circuits.get_or_create(&stands);
                gauge.set(i64::from(circuit.state == state));
            }
        }
        if let Some(next) = &status.next {
            self.next.set(next.at.as_second());
        }
    }

    /// The metrics as OpenMetrics text.
    ///
    /// # Errors
    /// When they cannot be written, which memory alone can cause.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// OpenMetrics text → the older text that everything reads (`text/plain; version=0.0.4`): a counter is
/// described under the name that its samples have, and neither units nor an end are told.
pub fn classic(text: &str) -> String {
    let mut counters = Vec::new();
    for line in text.lines() {
        if let Some(name) = line
            .strip_prefix("# TYPE ")
            .and_then(|l| l.strip_suffix(" counter"))
        {
            counters.push(name);
        }
    }
    let mut lines = String::with_capacity(text.len());
    for line in text.lines() {
        if line.starts_with("# UNIT ") || line == "# EOF" {
            continue;
        }
        let described = ["# HELP ", "# TYPE "].into_iter().find_map(|what| {
            let rest = line.strip_prefix(what)?;
            let (name, rest) = rest.split_once(' ')?;
            let is_counter = counters.contains(&name);
            is_counter.then(|| format!("{what}{name}_total {rest}"))
        });
        lines.push_str(described.as_deref().unwrap_or(line));
        lines.push('\n');
    }
    lines
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_text_describes_a_counter_under_the_name_of_its_samples() {
        let metrics = Metrics::new();
        metrics.fetch_failure();
        let text = classic(&metrics.text().unwrap());
        assert!(text.contains("# TYPE countersign_fetch_failures_total counter\n"));
        assert!(text.contains("countersign_fetch_failures_total 1\n"));
        assert!(text.contains("# TYPE countersign_held gauge\n"));
        assert!(!text.contains("# UNIT") && !text.contains("# EOF"));
    }
}
