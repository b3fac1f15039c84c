//! What people owe each other at an instant, where requests make it so: nobody reports to themselves in
//! a circle, and no two have one employee number. (Of the manifests alone this was told when they were
//! linked.)

use crate::catalog::Problem;
use crate::desired::Person;
use crate::diagnostic::Code;
use crate::name::UserName;
use crate::request::{Folded, Origin};
use foldhash::HashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whose an employee number is, as far as people were looked at.
#[derive(Default)]
pub(super) struct Numbers {
    holders: HashMap<String, UserName>,
}

impl Numbers {
    /// Makes ready for so many users at once.
    pub fn expect(&mut self, users: usize) {
        self.holders.reserve(users);
    }

    /// Gives a user a number, or none, in place of the one they said before; who else has it, if anybody has.
    fn take(
        &mut self,
        name: &UserName,
        before: Option<&str>,
        number: Option<&str>,
    ) -> Option<UserName> {
        // Who said it before need not have got it.
        if let Some(before) = before.filter(|before| Some(*before) != number)
            && self.holders.get(before) == Some(name)
        {
            self.holders.remove(before);
        }
        let number = number?;
        match self.holders.get(number) {
            Some(holder) if holder != name => Some(holder.clone()),
            Some(_) => None,
            None => {
                self.holders.insert(number.to_owned(), name.clone());
                None
            }
        }
    }
}

/// Reports what does not fit of those who were looked at, and were otherwise `before`.
pub(super) fn check(
    folded: &Folded,
    before: &BTreeMap<UserName, Arc<Person>>,
    people: &BTreeMap<UserName, Arc<Person>>,
    numbers: &mut Numbers,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, user) in &folded.people {
        if let Some(origin) = user.changed.first() {
            circle(name, origin, people, &mut problems);
        }
        let number = user.spec.employee_number.as_ref().map(|n| n.0.as_str());
        let said = before.get(name).and_then(|b| b.employee_number.as_deref());
        let Some((number, holder)) = number.zip(numbers.take(name, said, number)) else {
            continue;
        };
        // Of two manifests it was told already.
        let theirs = folded.people.get(&holder).and_then(|u| u.changed.first());
        if let Some(origin) = user.changed.first().or(theirs) {
            problems.push(
                Problem::new(
                    Code::LoginTaken,
                    &origin.at,
                    "subject",
                    format!("employee number `{number}` would be that of `{holder}` and `{name}`"),
                )
                .help("every user has a number of their own; accounts are adopted by it"),
            );
        }
    }
    problems
}

/// A circle of supervisors that leads back to a user.
fn circle(
    name: &UserName,
    origin: &Origin,
    people: &BTreeMap<UserName, Arc<Person>>,
    problems: &mut Vec<Problem>,
) {
    let mut line = vec![name];
    let mut next = people.get(name).and_then(|p| p.supervisor.as_ref());
    while let Some(supervisor) = next {
        if supervisor == name {
            let names: Vec<&str> = line.iter().map(|n| n.as_str()).collect();
            problems.push(
                Problem::new(
                    Code::Cycle,
                    &origin.at,
                    "subject",
                    format!("`{name}` would report to themselves: {}", names.join(" → ")),
                )
                .help("name another supervisor"),
            );
            return;
        }
        // A circle beside this user is told where it lies.
        if line.contains(&supervisor) {
            return;
        }
        line.push(supervisor);
        next = people.get(supervisor).and_then(|p| p.supervisor.as_ref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_given_up_can_be_taken() {
        let user = |name| UserName::new(name).unwrap();
        let (ann, bob) = (user("ann"), user("bob"));
        let mut numbers = Numbers::default();
        let (one, two) = (Some("1"), Some("2"));
        assert_eq!(numbers.take(&ann, None, one), None);
        assert_eq!(numbers.take(&ann, one, one), None);
        assert_eq!(numbers.take(&bob, None, one), Some(ann.clone()));
        // Who did not get it has none to give up.
        assert_eq!(numbers.take(&bob, one, two), None);
        assert_eq!(numbers.take(&ann, one, one), None);
        assert_eq!(numbers.take(&ann, one, two), Some(bob.clone()));
        assert_eq!(numbers.take(&bob, two, None), None);
        assert_eq!(numbers.take(&ann, two, two), None);
        assert_eq!(numbers.take(&bob, None, one), None);
    }
}
