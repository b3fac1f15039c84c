//! Policies: what the checker lets pass, what expressions see, that the two agree, and that no pull
//! request gives access that no policy is asked about.

mod checker;
mod expressions;
mod generator;
mod pulls;
mod tests;
mod values;

use countersign::catalog::{Catalog, link};
use countersign::diagnostic::{Code, Diagnostic, Severity};
use countersign::manifest::parse::{Known, parse};
use countersign::reconcile::{diagnose, read_source};
use countersign::source::{File, Source};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A city in which every field says something.
const WORLD: &str = include_str!("policy/world.yaml");

fn now() -> Timestamp {
    "2027-02-01T13:00:00Z".parse().unwrap()
}

fn source(files: impl IntoIterator<Item = (String, String)>) -> Source {
    Source {
        revision: Some("f".repeat(40)),
        files: files
            .into_iter()
            .map(|(path, text)| (path.into(), File::of(text.as_bytes())))
            .collect(),
        templates: Default::default(),
        diagnostics: Vec::new(),
    }
}

fn catalog(source: &Source) -> Catalog {
    link(parse(source, &mut Known::default())).0
}

/// A text as YAML and JSON quote it.
pub fn quoted(text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    let plain = |c: char| match c.is_ascii() {
        true => c.to_string(),
        false => c
            .encode_utf16(&mut [0; 2])
            .iter()
            .map(|u| format!("\\u{u:04x}"))
            .collect(),
    };
    text.chars().map(plain).collect()
}

/// A policy of that name; `head` are the lines of its spec but for validations and effect.
fn policy(name: &str, head: &str, expression: &str, effect: &str) -> String {
    let expression = quoted(expression);
    format!(
        "apiVersion: countersign/v1\nkind: Policy\nmetadata: {{name: {name}}}\nspec:\n{head}  validations:\n    - \
         expression: {expression}\n      message: it is not so\n  effect: {effect}\n"
    )
}

/// What became of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Became {
    /// It was refused: every sentence.
    Refused(Vec<String>),
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It could not be evaluated.
    Failed(String),
}

/// Puts expressions into policies of a state, asks them of the world once, and tells what became of each.
fn ask(head: &str, expressions: &[String]) -> Vec<Became> {
    let name = |index: usize| format!("p{index:04}");
    let policies = expressions.iter().enumerate().map(|(index, expression)| {
        let text = policy(
            &name(index),
            &format!("  stage: state\n{head}"),
            expression,
            "warn",
        );
        (format!("policies/{}.yaml", name(index)), text)
    });
    let world = ("world.yaml".to_owned(), WORLD.to_owned());
    let reading = read_source(
        source([world].into_iter().chain(policies)),
        &mut Known::default(),
    );
    let mut found: BTreeMap<String, Vec<Diagnostic>> = BTreeMap::new();
    let found_now = diagnose(reading, None, now()).into_iter();
    // What a later instant brings is another question.
    for diagnostic in found_now.filter(|d| !d.message.contains(" (from ")) {
        let related = diagnostic.related.iter().map(|(place, _)| &place.file);
        let place = related.chain([&diagnostic.place.file]);
        let policy = place
            .map(ToString::to_string)
            .find(|f| f.starts_with("policies/"));
        found
            .entry(policy.unwrap_or_default())
            .or_default()
            .push(diagnostic);
    }
    (0..expressions.len())
        .map(|index| {
            let said = found.remove(&format!("policies/{}.yaml", name(index)));
            let said = said.unwrap_or_default();
            let of = |code: Code| -> Vec<String> {
                let those = said.iter().filter(|d| d.code == code);
                those.map(|d| d.message.clone()).collect()
            };
            let (refused, failed) = (of(Code::PolicyForm), of(Code::PolicyFailed));
            match (refused.is_empty(), failed.first()) {
                (false, _) => Became::Refused(refused),
                (true, Some(failed)) => Became::Failed(failed.clone()),
                (true, None) if !of(Code::PolicyDenied).is_empty() => Became::False,
                // What is no text a manifest may hold is no policy.
                (true, None) if said.iter().any(|d| d.severity == Severity::Error) => {
                    Became::Refused(said.iter().map(|d| d.message.clone()).collect())
                }
                (true, None) => {
                    assert!(said.is_empty(), "{said:?}");
                    Became::True
                }
            }
        })
        .collect()
}

#[test]
fn the_world_is_a_valid_one() {
    let world = ("world.yaml".to_owned(), WORLD.to_owned());
    let found = diagnose(
        read_source(source([world]), &mut Known::default()),
        None,
        now(),
    );
    let wrong: Vec<_> = found
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Whether a test that goes through as many as it can has gone on long enough: `COUNTERSIGN_TEST_LONG=1` lets it go to its end.
fn is_enough(begin: Instant) -> bool {
    begin.elapsed() > Duration::from_secs(20) && std::env::var_os("COUNTERSIGN_TEST_LONG").is_none()
}

/// The same numbers every time, or others: `COUNTERSIGN_TEST_SEED=7 cargo test policy`.
fn seed() -> u64 {
    let said = std::env::var("COUNTERSIGN_TEST_SEED").ok();
    said.and_then(|s| s.parse().ok()).unwrap_or(1)
}

/// Numbers that look random (SplitMix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(stream: u64) -> Self {
        Self(seed().wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ stream)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).unwrap()
    }

    pub fn one<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}
