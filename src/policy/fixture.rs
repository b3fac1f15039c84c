//! Tests of policies: what is given, and what the policy must say. What a case leaves out is "", 0,
//! false or nothing.
//!
//! ```yaml
//! policy: premium-needs-a-second-look
//! cases:
//!   - name: free software passes
//!     given: {gained: {user: kim, resource: qgis}, resources: {qgis: {cost: free}}}
//!     expect: pass
//! ```

use super::rule::Scope;
use super::shape::{Shape, Type};
use super::value::{Record, Value};
use super::{Policies, Policy, names};
use crate::diagnostic::suggest::did_you_mean;
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::policy::{Effect, PolicyStage, PolicySubject};
use crate::manifest::yaml::{Document, Mark, Node, Yaml};
use crate::name::PolicyName;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What one case came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The policy.
    pub policy: String,
    /// The case.
    pub name: String,
    /// The file.
    pub file: Arc<str>,
    /// The line of the case.
    pub line: u32,
    /// What it expects.
    pub expected: String,
    /// What the policy says.
    pub found: String,
    /// The sentences it says it in.
    pub says: Vec<String>,
    /// Whether the two agree.
    pub holds: bool,
}

/// What all tests came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Case by case.
    pub outcomes: Vec<Outcome>,
    /// Validations that said no in some case, by policy and number.
    pub fired: BTreeSet<(PolicyName, usize)>,
    /// Policies that some case passed.
    pub passed: BTreeSet<PolicyName>,
}

/// A validation that no case was refused by, or a policy that no case passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The policy.
    pub policy: PolicyName,
    /// The validation; none: no case passes the policy.
    pub validation: Option<usize>,
}

impl Report {
    /// What no case shows.
    pub fn gaps(&self, policies: &Policies<'_>) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for policy in &policies.list {
            for index in 0..policy.spec().validations.len() {
                if !self.fired.contains(&(policy.name.clone(), index)) {
                    gaps.push(Gap {
                        policy: policy.name.clone(),
                        validation: Some(index),
                    });
                }
            }
            if !self.passed.contains(policy.name) {
                gaps.push(Gap {
                    policy: policy.name.clone(),
                    validation: None,
                });
            }
        }
        gaps
    }
}

/// Runs the cases of a file.
pub fn run(
    policies: &Policies<'_>,
    file: &Arc<str>,
    documents: &[Document],
    report: &mut Report,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for document in documents {
        let mut reader = Reader { file, diagnostics };
        reader.document(policies, &document.root, report);
    }
}

struct Reader<'d> {
    file: &'d Arc<str>,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn say(&mut self, mark: Mark, message: impl Into<String>, help: impl Into<String>) {
        let place = mark.in_file(self.file);
        let diagnostic = Diagnostic::new(Code::PolicyTest, place, message.into());
        self.diagnostics
            .push(diagnostic.maybe_help(Some(help.into())));
    }

    /// Reports keys that a mapping may not have; false where it is no mapping.
    fn keys(&mut self, node: &Node, known: &[&str]) -> bool {
        let Yaml::Mapping(entries) = &node.value else {
            let message = format!("{} stands where a mapping is expected", node.sort());
            self.say(node.mark, message, format!("write {}", known.join(", ")));
            return false;
        };
        for (key, _) in entries {
            if !known.contains(&key.text.as_str()) {
                let help = did_you_mean(&key.text, known.iter().copied());
                let help = help.unwrap_or_else(|| "delete it".into());
                self.say(key.mark, format!("there is no `{}` here", key.text), help);
            }
        }
        true
    }

    fn document(&mut self, policies: &Policies<'_>, root: &Node, report: &mut Report) {
        if !self.keys(root, &["policy", "cases"]) {
            return;
        }
        let named = root.get("policy").and_then(Node::text);
        let policy = policies
            .list
            .iter()
            .find(|p| Some(p.name.as_str()) == named);
        let Some(policy) = policy else {
            let mark = root.get("policy").map_or(root.mark, |node| node.mark);
            let known: Vec<&str> = policies.list.iter().map(|p| p.name.as_str()).collect();
            let help = named.and_then(|name| did_you_mean(name, known.iter().copied()));
            let help = help.unwrap_or_else(|| format!("there are {}", known.join(", ")));
            let named = named.unwrap_or("");
            self.say(mark, format!("there is no policy `{named}`"), help);
            return;
        };
        let Some(Node {
            value: Yaml::Sequence(cases),
            ..
        }) = root.get("cases")
        else {
            self.say(
                root.mark,
                "there are no cases",
                "write `cases: [{name: …, given: …, expect: …}]`",
            );
            return;
        };
        for case in cases {
            self.case(policy, case, report);
        }
    }

    fn case(&mut self, policy: &Policy<'_>, case: &Node, report: &mut Report) {
        if !self.keys(case, &["name", "given", "expect", "says"]) {
            return;
        }
        let name = case
            .get("name")
            .and_then(Node::text)
            .unwrap_or("(without a name)");
        let expected = case
            .get("expect")
            .map(|node| (node.mark, expectation(node)));
        let expected = match expected {
            Some((_, Some(expected))) => expected,
            Some((mark, None)) => {
                self.say(
                    mark,
                    "this is nothing a policy says",
                    "write pass, deny, warn or {approvals: n}",
                );
                return;
            }
            None => {
                self.say(
                    case.mark,
                    format!("case `{name}` expects nothing"),
                    "write `expect: pass`, say",
                );
                return;
            }
        };
        let Some(rules) = &policy.rules else {
            // What is wrong with the policy is said already.
            return;
        };
        let mut scope = Scope::default();
        let values = self.given(policy, case);
        for (name, value) in &values {
            scope.0.push((name, value));
        }
        let (mut says, mut found) = (Vec::new(), "pass".to_owned());
        let mut evaluation = policy.evaluation(&scope);
        for rule in rules {
            match rule.holds(&mut evaluation) {
                Ok(true) => continue,
                Ok(false) => {
                    says.push(rule.says(&scope));
                    if found == "pass" {
                        found = words(policy.spec().effect);
                    }
                    report.fired.insert((policy.name.clone(), rule.index));
                }
                Err(why) => {
                    says.push(format!("the expression failed: {why}"));
                    found = "deny".into();
                }
            }
        }
        if found == "pass" {
            report.passed.insert(policy.name.clone());
        }
        let wanted = case.get("says").and_then(Node::text);
        let said = wanted.is_none_or(|wanted| says.iter().any(|says| says == wanted));
        if let (false, Some(wanted)) = (said, wanted) {
            says.push(format!("(nothing says: {wanted})"));
        }
        report.outcomes.push(Outcome {
            policy: policy.name.to_string(),
            name: name.to_owned(),
            file: self.file.clone(),
            line: case.mark.line,
            holds: said && found == expected,
            expected,
            found,
            says,
        });
    }

    /// Every name the policy may use, as given or without anything said.
    fn given<'n>(&mut self, policy: &Policy<'_>, case: &'n Node) -> Vec<(&'static str, Value<'n>)> {
        let known = names(policy.spec());
        let given = case.get("given");
        if let Some(given) = given {
            let keys: Vec<&str> = known.iter().map(|(name, _, _)| *name).collect();
            self.keys(given, &keys);
        }
        let mut values = Vec::new();
        for (name, kind, _) in known {
            let node = given.and_then(|given| given.get(name));
            let value = match node {
                Some(node) => self.value(node, &kind),
                None => Value::nothing(&kind),
            };
            values.push((name, value));
        }
        // Of a change the user is the new one, or the old one where nobody is left.
        let spec = policy.spec();
        if spec.stage == PolicyStage::Change
            && spec.each == Some(PolicySubject::User)
            && given.is_none_or(|given| given.get("user").is_none())
        {
            let of = |name: &str| {
                values
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, v)| v.clone())
            };
            let named =
                |value: &Value<'_>| value.at(&["name"]).is_some_and(|n| !n.words().is_empty());
            let user = of("new").filter(named).or_else(|| of("old"));
            for (name, value) in &mut values {
                if let ("user", Some(user)) = (*name, &user) {
                    *value = user.clone();
                }
            }
        }
        values
    }

    fn value<'n>(&mut self, node: &'n Node, kind: &Type) -> Value<'n> {
        match (kind, &node.value) {
            (Type::Text, Yaml::Text(text, _)) => Value::text(text),
            (Type::Number, Yaml::Int(number)) => {
                Value::number(usize::try_from(*number).unwrap_or(0))
            }
            (Type::Truth, Yaml::Bool(truth)) => Value::truth(*truth),
            (Type::List(of), Yaml::Sequence(nodes)) => {
                let values: Vec<_> = nodes.iter().map(|node| self.value(node, of)).collect();
                Value::list(values)
            }
            (Type::Map(of), Yaml::Mapping(entries)) => {
                let mut values = Vec::new();
                for (key, node) in entries {
                    let mut value = self.value(node, of);
                    // A manifest is known by its name.
                    if let Value::Record(record) = &mut value
                        && node.get("name").is_none()
                    {
                        record.set("name", Value::text(&key.text));
                    }
                    values.push((key.text.as_str(), value));
                }
                Value::map(values)
            }
            (Type::Record(shape), Yaml::Mapping(entries)) => {
                Value::Record(self.record(shape, node, entries))
            }
            (kind, _) => {
                let message = format!(
                    "{} stands where a {} is expected",
                    node.sort(),
                    kind.words()
                );
                self.say(
                    node.mark,
                    message,
                    "`countersign policy names` lists names and types",
                );
                Value::nothing(kind)
            }
        }
    }

    fn record<'n>(
        &mut self,
        shape: &'static Shape,
        node: &Node,
        entries: &'n [(crate::manifest::yaml::Key, Node)],
    ) -> Record<'n> {
        let fields: Vec<&str> = shape.fields.iter().map(|(name, _, _)| *name).collect();
        self.keys(node, &fields);
        let mut record = Record::new(shape);
        for (key, node) in entries {
            if let Some(kind) = shape.field(&key.text) {
                record.set(&key.text, self.value(node, &kind));
            }
        }
        record
    }
}

fn words(effect: Effect) -> String {
    match effect {
        Effect::Deny => "deny".into(),
        Effect::Warn => "warn".into(),
        Effect::Approvals(n) => format!("approvals: {n}"),
    }
}

fn expectation(node: &Node) -> Option<String> {
    match node.text() {
        Some(word @ ("pass" | "deny" | "warn")) => Some(word.into()),
        Some(_) => None,
        None => match &node.get("approvals")?.value {
            Yaml::Int(n) => Some(format!("approvals: {n}")),
            _ => None,
        },
    }
}
