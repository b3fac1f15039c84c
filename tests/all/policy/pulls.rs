//! Random pull requests: nothing panics, nobody holds anything that no policy was asked about, and
//! rules come from before.

use super::{Dice, catalog, is_enough, now, policy, seed, source};
use crate::folding::lives::{cast, lives};
use countersign::catalog::Catalog;
use countersign::desired::accounts::Accounts;
use countersign::desired::expand::expand;
use countersign::desired::{EntitlementKey, Grant};
use countersign::manifest::policy::Effect;
use countersign::name::UserName;
use countersign::policy::judge::{Behind, Objection, Verdict};
use countersign::proposal::Proposal;
use countersign::request::Timeline;
use jiff::Timestamp;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Revisions; every pair of them is a pull request.
const REVISIONS: usize = 100;

/// A user, and what they hold in one line.
type Held = (UserName, String);

fn line(key: &EntitlementKey) -> String {
    let identity = key.identity.as_deref().unwrap_or_default();
    match &key.grant {
        Grant::Level(level) => format!("{} {identity} level {level}", key.resource),
        Grant::Role(role) => format!("{} {identity} role {role}", key.resource),
        Grant::Scope(scope, value) => format!("{} {identity} scope {scope} {value}", key.resource),
    }
}

/// Policies that object to everything that comes or goes, and tell what it is.
fn telltales() -> Vec<(String, String)> {
    let told = |word: &str| {
        let key = [
            "resource", "identity", "kind", "level", "role", "scope", "value",
        ];
        let key: Vec<String> = key
            .iter()
            .map(|k| format!("{{{{ {word}.{k} }}}}"))
            .collect();
        let head = format!("  stage: change\n  each: {word}\n");
        let text = policy(word, &head, "false", "warn");
        (
            format!("policies/{word}.yaml"),
            text.replace("it is not so", &format!("\"{}\"", key.join(" "))),
        )
    };
    vec![told("gained"), told("lost")]
}

/// Changes of the manifests below requests.
const EDITS: [(&str, &str); 16] = [
    (
        "- {resource: active-directory}   # her account",
        "- {resource: gis-data, level: editor}",
    ),
    ("until: \"2027-01-20\"", "until: \"2027-03-20\""),
    ("state: suspended", "state: active"),
    ("endDate: \"2027-02-05\"", "endDate: \"2027-03-05\""),
    ("endDate: \"2027-02-05\", ", ""),
    ("profiles: [surveyor]", "profiles: [planner, surveyor]"),
    ("profiles: [planner, clerk]", "profiles: [planner]"),
    (
        "{resource: gis-data, level: viewer}, {resource: timetrack}",
        "{resource: gis-data, level: editor}",
    ),
    (
        "level: administrator}]",
        "level: administrator}, {resource: gis-data, level: editor, until: \"2027-02-10\"}]",
    ),
    (
        "roles: [wg.reader], default: true",
        "roles: [wg.writer], default: true",
    ),
    ("includes: [wg.reader]", "includes: []"),
    (
        "without: [{resource: wg, role: wg.reader, reason: shares}]",
        "title: Clerk",
    ),
    (
        "organization: streets, endDate",
        "organization: its, endDate",
    ),
    ("default: [{type: guest}]", "default: [{type: member}]"),
    ("    - {resource: gis-data, level: viewer}\n", ""),
    (
        "identities: [{resource: wg, type: member, roles: [wg.reader]}]",
        "identities: [{resource: wg, type: member, roles: [wg.reader, wg.writer]}]",
    ),
];

/// A revision, and what everybody holds in it from which instant on.
struct Revision {
    catalog: Catalog,
    instants: Vec<(Timestamp, BTreeSet<Held>)>,
}

impl Revision {
    fn of(files: Vec<(String, String)>) -> Self {
        let catalog = catalog(&source(files.into_iter().chain(telltales())));
        let timeline = Timeline::new(&catalog, &mut Vec::new());
        let mut instants = vec![now()];
        instants.extend(timeline.after(now()));
        let instants = instants.into_iter();
        let instants = instants
            .map(|at| (at, held(&catalog, &timeline, at)))
            .collect();
        Self { catalog, instants }
    }

    /// What everybody holds at an instant.
    fn at(&self, instant: Timestamp) -> &BTreeSet<Held> {
        let last = self.instants.partition_point(|(at, _)| *at <= instant);
        &self.instants[last - 1].1
    }
}

/// Worked out from nothing at that instant, not by what changes from one to the next.
fn held(catalog: &Catalog, timeline: &Timeline<'_>, at: Timestamp) -> BTreeSet<Held> {
    let (desired, _) = expand(catalog, timeline, &Accounts::default(), at);
    let people = desired.people.iter();
    people
        .flat_map(|(name, person)| {
            person
                .entitlements
                .keys()
                .map(|key| (name.clone(), line(key)))
        })
        .collect()
}

fn revisions() -> Vec<Revision> {
    let config = Config {
        rng_seed: RngSeed::Fixed(seed()),
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let mut dice = Dice::new(4);
    let mut requests = Vec::new();
    let mut made = Vec::new();
    for number in 0..REVISIONS {
        // As a branch goes on: half of the requests stay, a few come.
        requests.retain(|_| !dice.chance(45));
        let new = lives(4).new_tree(&mut runner).unwrap().current();
        let new = new.iter().enumerate().map(|(i, life)| {
            let (path, text) = life.text(i);
            let name = format!("r{i:02}-");
            let other = format!("q{number:03}{i:02}-");
            (path.replace(&name, &other), text.replace(&name, &other))
        });
        requests.extend(new);
        let mut files = cast();
        for _ in 0..dice.below(4) {
            let (from, to) = dice.one(&EDITS);
            for (_, text) in &mut files {
                *text = text.replace(from, to);
            }
        }
        if dice.chance(10) {
            files.retain(|(path, _)| !path.contains("kim.lee"));
        }
        files.extend(requests.iter().cloned());
        made.push(Revision::of(files));
    }
    made
}

/// What a telltale was asked about.
fn told(proposal: &Proposal, policy: &str) -> BTreeMap<Held, Option<Timestamp>> {
    let those = proposal
        .objections
        .iter()
        .filter(|o| o.policy.as_str() == policy);
    those
        .map(|o| {
            assert_eq!(o.verdict, Verdict::No, "{o:?}");
            let words: Vec<&str> = o.message.split_whitespace().collect();
            ((o.user.clone().unwrap(), words.join(" ")), o.at)
        })
        .collect()
}

fn squeezed(held: &Held) -> Held {
    let words: Vec<&str> = held.1.split_whitespace().collect();
    (held.0.clone(), words.join(" "))
}

#[test]
fn nobody_holds_what_no_policy_was_asked_about() {
    let revisions = revisions();
    // In an order in which the first of them are of all sorts.
    let pairs = (0..REVISIONS).flat_map(|a| (0..REVISIONS).map(move |b| (b, (a + b) % REVISIONS)));
    let pairs: Vec<(usize, usize)> = pairs.collect();
    let begin = Instant::now();
    let counts: Vec<(usize, usize)> = pairs
        .par_iter()
        .map(|(a, b)| {
            if is_enough(begin) {
                return (0, 0);
            }
            let (before, after) = (&revisions[*a], &revisions[*b]);
            let proposal = Proposal::new(&before.catalog, &after.catalog, Behind::default(), now());
            if a == b {
                assert!(
                    proposal.is_empty() && proposal.objections.is_empty(),
                    "{a}: {proposal:#?}"
                );
                return (0, 0);
            }
            let gained = told(&proposal, "gained");
            let lost = told(&proposal, "lost");
            let mut instants: BTreeSet<Timestamp> = BTreeSet::new();
            instants.extend(
                before
                    .instants
                    .iter()
                    .chain(&after.instants)
                    .map(|(at, _)| *at),
            );
            let mut more = 0;
            for instant in instants {
                let (without, with) = (before.at(instant), after.at(instant));
                let in_time = |at: &Option<Timestamp>| at.is_none_or(|at| at <= instant);
                for held in with.difference(without) {
                    let at = gained.get(&squeezed(held));
                    assert!(
                        at.is_some_and(in_time),
                        "{a}..{b} at {instant}: {held:?} comes unseen"
                    );
                    more += 1;
                }
                for held in without.difference(with) {
                    let at = lost.get(&squeezed(held));
                    assert!(
                        at.is_some_and(in_time),
                        "{a}..{b} at {instant}: {held:?} goes unseen"
                    );
                }
            }
            // Nothing is said to come that never is there with it.
            for held in gained.keys() {
                let ever = after
                    .instants
                    .iter()
                    .any(|(_, all)| all.iter().any(|h| squeezed(h) == *held));
                assert!(ever, "{a}..{b}: {held:?} never comes");
            }
            (more, gained.len())
        })
        .collect();
    let more: usize = counts.iter().map(|(more, _)| more).sum();
    assert!(
        more > 1_000,
        "the pull requests change next to nothing: {more}"
    );
}

#[test]
fn what_one_way_comes_at_once_the_other_way_goes() {
    let revisions = revisions();
    for pair in revisions.windows(2) {
        let [a, b] = pair else { unreachable!() };
        let propose = |a: &Revision, b: &Revision| {
            Proposal::new(&a.catalog, &b.catalog, Behind::default(), now())
        };
        let at_once = |proposal: &Proposal, policy: &str| -> BTreeSet<Held> {
            let all = told(proposal, policy).into_iter();
            all.filter(|(_, at)| at.is_none())
                .map(|(held, _)| held)
                .collect()
        };
        let (there, back) = (propose(a, b), propose(b, a));
        assert_eq!(at_once(&there, "gained"), at_once(&back, "lost"));
        assert_eq!(at_once(&there, "lost"), at_once(&back, "gained"));
    }
}

const PREMIUM: &str = "apiVersion: countersign/v1\nkind: Resource\nmetadata: {name: cad}\nspec: {displayName: CAD, type: software, \
     cost: premium, maintainers: [{mail: desk@city.example}]}\n";
const RULE: &str = "resources[gained.resource].cost != \"premium\"";

/// Objections to a pull request that takes from `old` to `new` policies and gives Kim what the old ones refuse.
fn weakened(
    old: &[String],
    new: &[String],
    catalog_edit: impl Fn(&mut Vec<(String, String)>),
) -> Vec<Objection> {
    let base = |policies: &[String]| {
        let mut files = cast();
        files.push(("cad.yaml".into(), PREMIUM.into()));
        let policies = policies.iter().enumerate();
        files.extend(policies.map(|(i, text)| (format!("policies/p{i}.yaml"), text.clone())));
        files
    };
    let (before, mut after) = (base(old), base(new));
    after.push((
        "requests/more.yaml".into(),
        "apiVersion: countersign/v1\nkind: Request\nmetadata: {name: more}\nspec: {action: Change, requestedBy: dana.reyes, subject: kim.lee, \
         effective: \"2027-03-01T08:00\", access: {add: [{resource: cad}]}}\n"
            .into(),
    ));
    catalog_edit(&mut after);
    let (before, after) = (catalog(&source(before)), catalog(&source(after)));
    let dana = UserName::new("dana.reyes").unwrap();
    let behind = Behind {
        actor: Some(&dana),
        approvers: Some(&[]),
    };
    Proposal::new(&before, &after, behind, now()).objections
}

fn refuses(objections: &[Objection]) -> bool {
    objections.iter().any(|o| o.follows() == Effect::Deny)
}

#[test]
fn a_policy_weakened_in_the_same_pull_request_still_refuses() {
    let of = |name: &str, rule: &str, effect: &str| {
        policy(name, "  stage: change\n  each: gained\n", rule, effect)
    };
    let strict = of("premium", RULE, "deny");
    let excused = format!(
        "{strict}  exceptions: [{{user: kim.lee, reason: she asked, until: \"2027-12-31\"}}]\n"
    );
    let stated = policy("premium", "  stage: state\n  each: user\n", "true", "deny");
    let ways: [(&str, Vec<String>); 9] = [
        ("as it was", vec![strict.clone()]),
        ("deleted", vec![]),
        ("renamed and open", vec![of("others", "true", "deny")]),
        ("open", vec![of("premium", "true", "deny")]),
        (
            "narrower",
            vec![of(
                "premium",
                &format!("{RULE} || gained.user == \"kim.lee\""),
                "deny",
            )],
        ),
        ("a warning", vec![of("premium", RULE, "warn")]),
        ("approvals", vec![of("premium", RULE, "{approvals: 1}")]),
        ("excused", vec![excused.clone()]),
        ("of a state", vec![stated]),
    ];
    for (way, new) in ways {
        let said = weakened(std::slice::from_ref(&strict), &new, |_| {});
        assert!(refuses(&said), "{way}: {said:#?}");
    }
    // The exception counts once it is there.
    let said = weakened(
        std::slice::from_ref(&excused),
        std::slice::from_ref(&excused),
        |_| {},
    );
    assert!(!refuses(&said), "{said:#?}");
}

#[test]
fn a_rule_that_is_new_stricter_or_broken_refuses_at_once() {
    let rule = policy("premium", "  stage: change\n  each: gained\n", RULE, "deny");
    let said = weakened(
        std::slice::from_ref(&rule),
        std::slice::from_ref(&rule),
        |_| {},
    );
    assert!(refuses(&said), "{said:#?}");
    // A policy made stricter applies at once.
    let said = weakened(&[], std::slice::from_ref(&rule), |_| {});
    assert!(refuses(&said), "{said:#?}");
    // One that cannot be used refuses everything it would be asked about.
    let broken = policy(
        "premium",
        "  stage: change\n  each: gained\n",
        "resorces == 1",
        "warn",
    );
    let said = weakened(&[], std::slice::from_ref(&broken), |_| {});
    assert!(refuses(&said), "{said:#?}");
}

#[test]
fn what_a_rule_looks_at_does_not_change_beside_what_it_refuses() {
    let rule = policy("premium", "  stage: change\n  each: gained\n", RULE, "deny");
    let rules = std::slice::from_ref(&rule);
    let said = weakened(rules, rules, |files| {
        for (_, text) in files {
            *text = text.replace("cost: premium", "cost: free");
        }
    });
    assert!(refuses(&said), "{said:#?}");
    // What was free before is free.
    let free = weakened(&[], &[], |_| {});
    assert!(!refuses(&free), "{free:#?}");
}

#[test]
fn duties_are_separate_in_both_directions_and_over_all_identities() {
    let pairs = |pairs: &str| {
        let head = format!(
            "  stage: state\n  each: user\n  variables:\n    pairs: '{pairs}'\n    held: 'user.entitlements.map(e, e.role != \"\" ? \
             e.role : e.resource + \"/\" + e.level)'\n"
        );
        policy(
            "duties",
            &head,
            "pairs.all(pair, !(pair[0] in held && pair[1] in held))",
            "deny",
        )
    };
    let identities = "apiVersion: countersign/v1\nkind: Role\nmetadata: {name: wg.payer}\nspec: {resource: wg, permissions: [pay]}\n---\n\
         apiVersion: countersign/v1\nkind: Identity\nmetadata: {name: kim.wg.night}\nspec: {user: kim.lee, resource: wg, type: guest, \
         alias: Night, roles: [wg.payer]}\n";
    let held = [
        ("wg.reader", "wg.payer", true),
        ("gis-data/viewer", "wg.payer", true),
        ("wg.writer", "wg.payer", false),
    ];
    for (one, other, both) in held {
        for (first, second) in [(one, other), (other, one)] {
            let mut files = cast();
            files.push(("night.yaml".into(), identities.into()));
            files.push((
                "duties.yaml".into(),
                pairs(&format!("[[\"{first}\", \"{second}\"]]")),
            ));
            let reading =
                countersign::reconcile::read_source(source(files), &mut Default::default());
            let found = countersign::reconcile::diagnose(reading, None, now());
            let denied = found
                .iter()
                .any(|d| d.code == countersign::diagnostic::Code::PolicyDenied);
            assert_eq!(denied, both, "{first} and {second}: {found:#?}");
        }
    }
}

#[test]
fn what_ends_earlier_does_not_come() {
    // A departure that is moved forward: what would have gone in April goes in March, and nothing is gained.
    let leave = |on: &str| {
        let text = format!(
            "apiVersion: countersign/v1\nkind: Request\nmetadata: {{name: leave}}\nspec: {{action: Terminate, requestedBy: dana.reyes, \
             subject: kim.lee, effective: \"{on}\", reason: resigned}}\n"
        );
        let files = cast()
            .into_iter()
            .chain(telltales())
            .chain([("requests/leave.yaml".to_owned(), text)]);
        catalog(&source(files))
    };
    let (april, march) = (leave("2027-04-01T17:00"), leave("2027-03-01T17:00"));
    let earlier = Proposal::new(&april, &march, Behind::default(), now());
    assert_eq!(told(&earlier, "gained"), BTreeMap::new());
    assert!(!told(&earlier, "lost").is_empty());
    // And moved back, it is access that stays for a month.
    let later = Proposal::new(&march, &april, Behind::default(), now());
    assert!(!told(&later, "gained").is_empty());
    let april: Timestamp = "2027-04-01T21:00:00Z".parse().unwrap();
    assert!(told(&later, "lost").values().all(|at| *at == Some(april)));
}
