//! Random lives: folding requests does not depend on the order of files, `fold` is invisible to what
//! should be, and nothing a request says reaches an object that is not managed.

pub mod lives;

use countersign::author::draft::over;
use countersign::author::fold::fold;
use countersign::catalog::{Catalog, link};
use countersign::connector::At;
use countersign::connector::active_directory::ldif::LdifDirectory;
use countersign::desired::accounts::Accounts;
use countersign::desired::expand::{Outlook, expand};
use countersign::diagnostic::any_error;
use countersign::dn::Dn;
use countersign::manifest::parse::{Known, parse};
use countersign::name::UserName;
use countersign::plan::limits::Outer;
use countersign::plan::recorded::Recorded;
use countersign::plan::{Bootstrap, DirectoryMode, Plan, Write};
use countersign::reconcile::{World, diagnose, make_plan, read_source, situation};
use countersign::request::Timeline;
use countersign::source::{File, Source};
use jiff::{Timestamp, ToSpan};
use lives::{Life, lives};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeMap;
use std::path::Path;

const BEGIN: &str = "2027-01-04T12:00:00Z";

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

fn catalog(source: &Source) -> (Catalog, bool) {
    let (catalog, findings) = link(parse(source, &mut Known::default()));
    (catalog, !findings.any_error())
}

/// What should be at an instant, without what says why.
fn people(catalog: &Catalog, now: Timestamp) -> BTreeMap<UserName, countersign::desired::Person> {
    let timeline = Timeline::new(catalog, &mut Vec::new());
    let (desired, _) = expand(catalog, &timeline, &Accounts::default(), now);
    let people = desired.people.into_iter();
    people
        .map(|(name, person)| {
            let mut person = (*person).clone();
            person.without_reasons();
            (name, person)
        })
        .collect()
}

fn day(days: i64) -> Timestamp {
    let begin: Timestamp = BEGIN.parse().unwrap();
    begin + (days * 24).hours()
}

/// Requests that do not fit the state they meet are taken out: what is left is a valid repository.
fn valid(requests: &[Life]) -> Vec<(String, String)> {
    let texts: Vec<(String, String)> = requests
        .iter()
        .enumerate()
        .map(|(i, r)| r.text(i))
        .collect();
    let all = source(lives::cast().into_iter().chain(texts.clone()));
    let (catalog, _) = catalog(&all);
    let accounts = Accounts::default();
    let mut problems = Vec::new();
    let timeline = Timeline::new(&catalog, &mut problems);
    let mut outlook = Outlook::new(&catalog, &timeline, &accounts);
    outlook.at(day(-1), &mut problems);
    for instant in timeline.after(day(-1)) {
        outlook.at(instant, &mut problems);
    }
    let wrong = |name: &str| {
        let mut steps = timeline.all_steps();
        let refused = steps.any(|(_, s)| {
            s.name.as_str() == name && s.verdict == countersign::request::Verdict::Refused
        });
        refused
            || problems.iter().any(|p| {
                p.code.explanation().severity == countersign::diagnostic::Severity::Error
                    && p.at.file.contains(name)
            })
    };
    texts
        .into_iter()
        .filter(|(path, _)| {
            !wrong(
                path.trim_start_matches("requests/")
                    .trim_end_matches(".yaml"),
            )
        })
        .collect()
}

/// The same lives every time, or others: `COUNTERSIGN_TEST_SEED=7 cargo test folding`.
fn seed() -> RngSeed {
    let said = std::env::var("COUNTERSIGN_TEST_SEED").ok();
    RngSeed::Fixed(said.and_then(|s| s.parse().ok()).unwrap_or(1))
}

/// Whether nothing is wrong at any instant.
fn blameless(catalog: &Catalog) -> bool {
    let accounts = Accounts::default();
    let mut problems = Vec::new();
    let timeline = Timeline::new(catalog, &mut problems);
    let mut outlook = Outlook::new(catalog, &timeline, &accounts);
    outlook.at(day(-1), &mut problems);
    for instant in timeline.after(day(-1)) {
        outlook.at(instant, &mut problems);
    }
    problems.iter().all(|p| {
        let severity = p.severity.unwrap_or(p.code.explanation().severity);
        severity != countersign::diagnostic::Severity::Error
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, rng_seed: seed(), ..ProptestConfig::default() })]

    #[test]
    fn folding_does_not_depend_on_the_order_of_files(requests in lives(24), seed in any::<u64>()) {
        let texts = valid(&requests);
        let plain = source(lives::cast().into_iter().chain(texts.clone()));
        // The same documents in one file, in another order, beside a cast under other names.
        let mut documents: Vec<String> = texts.into_iter().map(|(_, text)| text).collect();
        let count = documents.len().max(1);
        documents.rotate_left(seed as usize % count);
        documents.reverse();
        let cast = lives::cast().into_iter().map(|(path, text)| match path.as_str() {
            "countersign.yaml" => (path, text),
            _ => (format!("z/{}", path.replace('/', "-")), text),
        });
        let all = (!documents.is_empty()).then(|| ("a.yaml".to_owned(), documents.join("---\n")));
        let other = source(cast.chain(all));
        let (plain, other) = (catalog(&plain).0, catalog(&other).0);
        for days in [0, 7, 15, 30, 61, 120] {
            prop_assert_eq!(people(&plain, day(days)), people(&other, day(days)));
        }
    }

    #[test]
    fn fold_is_invisible(requests in lives(16), days in 1i64..70) {
        let texts = valid(&requests);
        let before = source(lives::cast().into_iter().chain(texts));
        let (old, fine) = catalog(&before);
        prop_assume!(fine && blameless(&old));
        let now = day(days);
        // `fold` proves it itself, and fails where it cannot.
        let folded = fold(&before, &old, &Accounts::default(), now);
        let folded = folded.map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
        let after = over(&before, &folded.drafts);
        let (new, fine) = catalog(&after);
        prop_assert!(fine, "the folded repository has mistakes");
        // Nor may it look like an edit to who reviews it.
        prop_assert_eq!(mistakes(&old, after.clone(), now), [""; 0]);
        for name in &folded.folded {
            prop_assert!(new.archived.contains_key(name) && !new.requests.contains_key(name));
        }
        for later in [0, 1, 3, 10, 30, 100] {
            let at = now + (later * 24).hours();
            prop_assert_eq!(people(&old, at), people(&new, at));
        }
        // What is left can be folded later, and folding twice adds nothing.
        let again = fold(&after, &new, &Accounts::default(), now);
        let again = again.map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
        prop_assert!(again.folded.is_empty());
    }

    #[test]
    fn no_request_reaches_what_is_not_managed(requests in lives(24), days in 1i64..70) {
        let source = source(lives::cast().into_iter().chain(valid(&requests)));
        let folder = tempfile::tempdir().unwrap();
        let ldif = folder.path().join("directory.ldif");
        std::fs::copy(lives::directory(), &ldif).unwrap();
        if let Some(plan) = plan(&source, &ldif, day(days)) {
            for change in &plan.changes {
                prop_assert!(is_managed(&change.write), "{change:#?}");
            }
        }
    }
}

/// The plan; none where the repository has mistakes at some instant.
fn plan(source: &Source, ldif: &Path, now: Timestamp) -> Option<Plan> {
    let mut reading = read_source(source.clone(), &mut Known::default());
    let mut directory = LdifDirectory::open(ldif).unwrap();
    let (rosters, recorded) = (BTreeMap::new(), Recorded::default());
    let outer = Outer::default();
    let mut world = World {
        directory: Some(&mut directory),
        mode: DirectoryMode::Direct,
        rosters: &rosters,
        outer: &outer,
        recorded: &recorded,
    };
    let situation = situation(&mut reading, &mut world, now).ok()?;
    Some(make_plan(
        &situation,
        &world,
        &reading,
        &Bootstrap::default(),
        "trust-branch",
    ))
}

fn is_managed(write: &Write) -> bool {
    let below = |dn: &Dn| {
        let text = dn.to_string().to_lowercase();
        [
            "ou=departments,dc=city,dc=example",
            "ou=leavers,dc=city,dc=example",
        ]
        .iter()
        .any(|ou| text.ends_with(ou))
    };
    let place = |at: &At, dn: &Dn| below(dn) && !matches!(at, At::Dn(at) if !below(at));
    match write {
        Write::Adopt { dn, .. } | Write::Create { dn, .. } => below(dn),
        Write::SetPassword { at, .. } => match at {
            At::Dn(dn) => below(dn),
            At::Guid(_) => true,
        },
        Write::Modify { at, dn, .. } => place(at, dn),
        // Of an account that a run adopted or made, which stands where the others show.
        Write::ResetPassword { .. } => true,
        Write::Rename { dn, parent, .. } => below(dn) && below(parent),
        Write::Member {
            group_dn,
            member,
            member_dn,
            ..
        } => {
            let rdn = group_dn.rdn().value().to_lowercase();
            rdn.starts_with("app-") && place(member, member_dn)
        }
        Write::Row { .. } => true,
    }
}

/// A request about Kim.
fn request(name: &str, rest: &str) -> (String, String) {
    let text = format!(
        "apiVersion: countersign/v1\nkind: Request\nmetadata: {{name: {name}}}\nspec:\n  requestedBy: dana.reyes\n  subject: kim.lee\n{rest}"
    );
    (format!("requests/{name}.yaml"), text)
}

#[test]
fn who_came_back_is_folded_as_they_are() {
    let leave = request(
        "leave",
        "  action: Terminate\n  effective: 2027-01-04T01:00\n",
    );
    let back = request(
        "back",
        "  action: Activate\n  effective: 2027-01-06T19:00\n  access: {add: [{resource: wg}]}\n",
    );
    let before = source(lives::cast().into_iter().chain([leave, back]));
    let (old, fine) = catalog(&before);
    assert!(fine && blameless(&old));
    let folded = fold(&before, &old, &Accounts::default(), day(3)).unwrap();
    assert_eq!(folded.folded.len(), 2);
    let (new, _) = catalog(&over(&before, &folded.drafts));
    assert_eq!(people(&old, day(3)), people(&new, day(3)));
}

/// The codes of the mistakes of a revision that follows another.
fn mistakes(before: &Catalog, after: Source, now: Timestamp) -> Vec<&'static str> {
    let found = diagnose(read_source(after, &mut Known::default()), Some(before), now);
    let errors = found.iter().filter(|d| any_error(std::slice::from_ref(*d)));
    errors.map(|d| d.code.as_str()).collect()
}

#[test]
fn a_request_to_come_does_not_keep_an_earlier_one_from_being_folded() {
    let then = request(
        "then",
        "  action: Change\n  effective: 2027-01-05T09:00\n  set: {title: Planner, familyName: Lee-Okafor}\n",
    );
    let later = request(
        "later",
        "  action: Change\n  effective: 2027-06-01T09:00\n  set: {title: Chief, displayName: The Chief, login: chief}\n",
    );
    let before = source(lives::cast().into_iter().chain([then, later]));
    let (old, fine) = catalog(&before);
    assert!(fine && blameless(&old));
    let folded = fold(&before, &old, &Accounts::default(), day(3)).unwrap();
    let names: Vec<&str> = folded.folded.iter().map(|name| name.as_str()).collect();
    assert_eq!(names, ["then"]);
    let after = over(&before, &folded.drafts);
    assert_eq!(mistakes(&old, after.clone(), day(3)), [""; 0]);
    // Whoever writes something else beside it edits below the request to come.
    let path = "users/kim.lee.yaml";
    let text = after.files[path].bytes().unwrap();
    let text = std::str::from_utf8(&text).unwrap();
    assert!(text.contains("title: Planner"), "{text}");
    let text = text.replace("title: Planner", "title: Clerk");
    let mut edited = after;
    edited.files.insert(path.into(), File::of(text.as_bytes()));
    assert_eq!(mistakes(&old, edited, day(3)), ["fold-first"]);
}

#[test]
fn what_two_profiles_would_give_and_a_request_took_is_folded() {
    let team = "apiVersion: countersign/v1\nkind: Profile\nmetadata: {name: team}\nspec: {access: [{resource: gis-data, level: editor}]}\n---\napiVersion: countersign/v1\nkind: Profile\nmetadata: {name: lead}\nspec: {extends: [team]}\n";
    let joins = request(
        "joins",
        "  action: Change\n  effective: 2027-01-04T13:00\n  profiles: {add: [team]}\n",
    );
    let leads = request(
        "leads",
        "  action: Change\n  effective: 2027-01-05T09:00\n  profiles: {add: [lead]}\n  access: {remove: [{resource: gis-data, level: editor}]}\n",
    );
    let more = [("team.yaml".to_owned(), team.to_owned()), joins, leads];
    let before = source(lives::cast().into_iter().chain(more));
    let (old, fine) = catalog(&before);
    assert!(fine && blameless(&old));
    // The one profile is in the manifest already, the other comes with what is taken.
    let first = fold(&before, &old, &Accounts::default(), day(0) + 12.hours()).unwrap();
    assert_eq!(first.folded.len(), 1);
    let between = over(&before, &first.drafts);
    let (old, _) = catalog(&between);
    let folded = fold(&between, &old, &Accounts::default(), day(3)).unwrap();
    assert_eq!(folded.folded.len(), 1);
    let after = over(&between, &folded.drafts);
    let (new, _) = catalog(&after);
    assert_eq!(people(&old, day(3)), people(&new, day(3)));
    let text = after.files["users/kim.lee.yaml"].bytes().unwrap();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.contains("without") && text.contains("lead"), "{text}");
}

/// A scope that gives everything where nothing is said of it.
#[test]
fn the_last_value_of_a_scope_that_is_taken_is_folded_as_none() {
    let rules = |(path, text): (String, String)| {
        let everything = "{resource: wg, absent: everything, valuesFrom";
        (path, text.replace("{resource: wg, valuesFrom", everything))
    };
    let second = "apiVersion: countersign/v1\nkind: Identity\nmetadata: {name: kim.second}\nspec: {user: kim.lee, resource: wg, type: member, alias: Second, scopes: {wg.client: [acme]}}\n";
    let taken = request(
        "taken",
        "  action: Change\n  effective: 2027-01-05T09:00\n  identities: {remove: [{resource: wg, alias: Second, scopes: {wg.client: [acme]}}]}\n",
    );
    let more = [("second.yaml".to_owned(), second.to_owned()), taken];
    let before = source(lives::cast().into_iter().map(rules).chain(more));
    let (old, fine) = catalog(&before);
    assert!(fine && blameless(&old));
    let folded = fold(&before, &old, &Accounts::default(), day(3)).unwrap();
    assert_eq!(folded.folded.len(), 1);
    let after = over(&before, &folded.drafts);
    let (new, _) = catalog(&after);
    assert_eq!(people(&old, day(3)), people(&new, day(3)));
    let text = after.files["second.yaml"].bytes().unwrap();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.contains("wg.client: []"), "{text}");
}
