//! Random expressions: what the checker passes never fails for a type, says what CEL's own evaluator
//! says, and ends; what it does not pass refuses.

use super::generator::{Generator, mutated};
use super::{Became, Dice, WORLD, ask, catalog, is_enough, now, policy, source};
use cel::objects::{Key, Map};
use cel::{Context, Program};
use countersign::catalog::Catalog;
use countersign::desired::Accounts;
use countersign::desired::expand::Outlook;
use countersign::manifest::parse::Location;
use countersign::manifest::policy::{PolicyStage, Validation};
use countersign::name::UserName;
use countersign::policy::Policies;
use countersign::policy::check::Names;
use countersign::policy::code::Evaluation;
use countersign::policy::judge::{Behind, Verdict};
use countersign::policy::rule::{Rule, Scope, Variables};
use countersign::policy::shape::{ALWAYS, Type};
use countersign::policy::value::Value;
use countersign::policy::world::{Fields, Lens};
use countersign::proposal::Proposal;
use countersign::request::Timeline;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn always() -> Vec<(&'static str, Type)> {
    ALWAYS
        .iter()
        .map(|(name, kind, _)| (*name, *kind))
        .collect()
}

/// Whether a failure is one that only the values bring about.
fn is_of_values(why: &str) -> bool {
    [
        "there is no",
        "divided by 0",
        "too great",
        "steps",
        "longer than",
    ]
    .iter()
    .any(|w| why.contains(w))
}

/// A value as CEL's own evaluator takes it; a record is a map.
fn cels(value: &Value<'_>) -> cel::Value {
    match value {
        Value::Text(text) => cel::Value::String(Arc::new(text.to_string())),
        Value::Number(number) => cel::Value::Int(*number),
        Value::Truth(truth) => cel::Value::Bool(*truth),
        Value::List(list) => cel::Value::List(Arc::new(list.0.iter().map(cels).collect())),
        Value::Map(map) => cels_map(
            map.0
                .iter()
                .map(|(key, value)| (key.to_string(), cels(value))),
        ),
        Value::Lazy(lazy) => cels_map(lazy.keys().iter().map(|key| {
            let value = lazy.get(key).map(cels);
            ((*key).to_owned(), value.unwrap_or(cel::Value::Null))
        })),
        Value::Record(record) => cels_map(record.shape().fields.iter().map(|(name, _, _)| {
            let value = record.get(name).map(cels);
            ((*name).to_owned(), value.unwrap_or(cel::Value::Null))
        })),
    }
}

fn cels_map(entries: impl Iterator<Item = (String, cel::Value)>) -> cel::Value {
    let map: HashMap<Key, cel::Value> = entries
        .map(|(k, v)| (Key::String(Arc::new(k)), v))
        .collect();
    cel::Value::Map(Map { map: Arc::new(map) })
}

/// Calls with the world's names and their values.
fn in_the_world(then: impl FnOnce(&Catalog, &Scope<'_>)) {
    let catalog = catalog(&source([("world.yaml".to_owned(), WORLD.to_owned())]));
    let timeline = Timeline::new(&catalog, &mut Vec::new());
    let accounts = Accounts::default();
    let mut outlook = Outlook::new(&catalog, &timeline, &accounts);
    outlook.at(now(), &mut Vec::new());
    let lens = Lens {
        catalog: &catalog,
        timeline: &timeline,
        now: now(),
        people: outlook.people(),
    };
    let names: BTreeSet<&str> = ALWAYS.iter().map(|(name, _, _)| *name).collect();
    let roots = lens.roots(&names, &Fields::ALL);
    then(
        &catalog,
        &Scope(roots.iter().map(|(name, value)| (*name, value)).collect()),
    );
}

/// The names of the world; any key may be there.
fn names() -> Names {
    let mut names = Names::default();
    for (name, kind) in always() {
        names.add(name, kind, 2, None);
    }
    names
}

fn rule(names: &Names, expression: &str) -> Option<Rule> {
    let validation = Validation {
        expression: expression.to_owned(),
        message: "no".into(),
    };
    let at = Location {
        file: "p.yaml".into(),
        document: 0,
        line: 1,
    };
    let rule = Rule::compile(
        &validation,
        0,
        &at,
        names,
        &Variables::default(),
        &mut Vec::new(),
    );
    rule.map(|(rule, _)| rule)
}

#[test]
fn what_the_checker_passes_says_what_cel_says() {
    in_the_world(|_, scope| {
        let names = names();
        let mut context = Context::default();
        for (name, value) in &scope.0 {
            context.add_variable_from_value(*name, cels(value));
        }
        let (mut passed, mut held, mut failed) = (0, 0, 0);
        let mut dice = Dice::new(1);
        let begin = Instant::now();
        for _ in 0..10_000 {
            if is_enough(begin) {
                break;
            }
            let mut generator = Generator::new(&mut dice, &always(), 0);
            generator.of_maps = false;
            let expression = generator.truth(4);
            let Some(rule) = rule(&names, &expression) else {
                continue;
            };
            passed += 1;
            let ours = rule.holds(&mut Evaluation::new(&scope.0, &[], 1_000_000));
            let theirs = Program::compile(&expression).unwrap().execute(&context);
            match (ours, theirs) {
                (Ok(ours), Ok(cel::Value::Bool(theirs))) => {
                    assert_eq!(ours, theirs, "{expression}");
                    held += 1;
                }
                (Err(why), Err(_)) => {
                    assert!(is_of_values(&why.to_string()), "{why}: {expression}");
                    failed += 1;
                }
                (ours, theirs) => panic!("{ours:?}, and CEL says {theirs:?}: {expression}"),
            }
        }
        assert!(
            passed > 200 && held > 100 && failed > 10,
            "{passed} passed, {held} held, {failed} failed"
        );
    });
}

#[test]
fn an_evaluation_ends_whatever_the_lists() {
    let many: Vec<String> = (0..3_000).map(|i| format!("n{i}")).collect();
    let list = Value::texts(many.iter().map(String::as_str));
    let names_of = [("organizations", &list)];
    let mut names = Names::default();
    // Taken for a list of two.
    names.add("organizations", Type::List(&Type::Text), 2, None);
    let all = |name: &str, inner: &str| format!("organizations.all({name}, {inner})");
    for expression in [
        all("a", &all("b", &all("c", "true"))),
        // Lists that an expression made itself.
        "[organizations.map(o, o)].all(m, m.all(a, m.all(b, m.all(c, m.all(d, a != \"x\")))))"
            .to_owned(),
        format!(
            "size({}) > 0",
            (0..11).fold("organizations".to_owned(), |l, _| format!("({l} + {l})"))
        ),
        format!(
            "size({}) > 0",
            (0..18).fold("organizations[0]".to_owned(), |t, _| format!("({t} + {t})"))
        ),
    ] {
        let Some(rule) = rule(&names, &expression) else {
            continue;
        };
        let begin = Instant::now();
        let said = rule.holds(&mut Evaluation::new(&names_of, &[], 1_000_000));
        assert!(said.is_err(), "{expression}");
        assert!(begin.elapsed() < Duration::from_secs(5), "{expression}");
    }
}

#[test]
fn ten_thousand_generated_policies_do_no_harm() {
    let begin = Instant::now();
    let mut dice = Dice::new(2);
    let (mut passed, mut refused) = (0, 0);
    for batch in 0..50 {
        if is_enough(begin) {
            break;
        }
        let mut expressions = Vec::new();
        for _ in 0..200 {
            let mistakes = *dice.one(&[0, 3, 10]);
            let depth = 1 + dice.below(4);
            let text = Generator::new(&mut dice, &always(), mistakes).truth(depth);
            let text = match dice.chance(50) {
                true => mutated(&mut dice, &text),
                false => text,
            };
            expressions.push(text);
        }
        for (expression, became) in expressions.iter().zip(ask("", &expressions)) {
            match became {
                Became::Refused(_) => refused += 1,
                Became::True | Became::False => passed += 1,
                Became::Failed(why) => {
                    assert!(is_of_values(&why), "{batch}: {why}: {expression}");
                    passed += 1;
                }
            }
        }
    }
    assert!(
        passed > 100 && refused > 100,
        "{passed} passed, {refused} refused"
    );
}

/// What a policy of a change may name.
fn of_a_change() -> Vec<(&'static str, Type)> {
    use countersign::policy::shape::{GRANT, USER};
    static APPROVER: Type = Type::Record(&USER);
    let mut names = always();
    names.push(("actor", Type::Record(&USER)));
    names.push(("approvers", Type::List(&APPROVER)));
    names.push(("gained", Type::Record(&GRANT)));
    names.push(("old", Type::Record(&USER)));
    names.push(("new", Type::Record(&USER)));
    names
}

#[test]
fn a_change_policy_that_cannot_be_used_refuses_and_no_other_fails_for_a_type() {
    let mut dice = Dice::new(3);
    let dana = UserName::new("dana.reyes").unwrap();
    let grant = "apiVersion: countersign/v1\nkind: Request\nmetadata: {name: more}\nspec: {action: Change, requestedBy: dana.reyes, \
         subject: kim.lee, effective: \"2027-03-01T08:00\", access: {add: [{resource: gis, level: editor}]}}\n";
    let (mut denied, mut open) = (0, 0);
    let begin = Instant::now();
    for _ in 0..20 {
        if is_enough(begin) {
            break;
        }
        let expressions: Vec<String> = (0..50)
            .map(|_| {
                let mistakes = *dice.one(&[0, 0, 10]);
                Generator::new(&mut dice, &of_a_change(), mistakes).truth(3)
            })
            .collect();
        let policies = expressions.iter().enumerate().map(|(i, e)| {
            let text = policy(
                &format!("p{i}"),
                "  stage: change\n  each: gained\n",
                e,
                "warn",
            );
            (format!("policies/p{i}.yaml"), text)
        });
        let world = ("world.yaml".to_owned(), WORLD.to_owned());
        let before = catalog(&source([world.clone()].into_iter().chain(policies.clone())));
        let more = ("more.yaml".to_owned(), grant.to_owned());
        let after = catalog(&source([world, more].into_iter().chain(policies)));
        let compiled = Policies::compile(&before, &mut Vec::new());
        let sound = compiled.of(PolicyStage::Change).filter(|p| p.is_sound());
        let sound: BTreeSet<&str> = sound.map(|p| p.name.as_str()).collect();
        for actor in [Some(&dana), None] {
            let behind = Behind {
                actor,
                approvers: actor.map(|_| &[][..]),
            };
            let proposal = Proposal::new(&before, &after, behind, now());
            for (i, expression) in expressions.iter().enumerate() {
                let name = format!("p{i}");
                let said = proposal
                    .objections
                    .iter()
                    .filter(|o| o.policy.as_str() == name);
                let said: Vec<_> = said.collect();
                if !sound.contains(name.as_str()) {
                    assert!(
                        said.iter().any(|o| o.verdict == Verdict::Failed),
                        "{expression}"
                    );
                    denied += 1;
                    continue;
                }
                for o in said {
                    match o.verdict {
                        Verdict::Failed => {
                            assert!(is_of_values(&o.message), "{}: {expression}", o.message)
                        }
                        Verdict::Open => {
                            assert!(actor.is_none(), "{expression}");
                            open += 1;
                        }
                        Verdict::No => {}
                    }
                }
            }
        }
    }
    assert!(denied > 10 && open > 10, "{denied} denied, {open} open");
}
