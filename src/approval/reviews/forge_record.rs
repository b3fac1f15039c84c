//! A forge's record of a pull request → reviews as evidence: logins become users of the revision
//! before, and what does not count is told, with why.
//!
//! Invariant: a forge that could not be asked to the end is an error, and never a pull request
//! without approval.

use super::{Found, Reviewed, Reviews};
use crate::approval::requirement::Approver;
use crate::catalog::Catalog;
use crate::forge::{Forge, ForgeError, ForgeKind, Login, PullRequest, Review, ReviewState, Weight};
use crate::name::UserName;
use std::collections::{BTreeMap, BTreeSet};

/// The record of a forge, asked about one branch.
#[derive(Debug)]
pub struct ForgeRecord<'a> {
    forge: &'a Forge,
    branch: &'a str,
}

impl<'a> ForgeRecord<'a> {
    /// The record of pull requests for a branch.
    pub fn new(forge: &'a Forge, branch: &'a str) -> Self {
        Self { forge, branch }
    }

    fn found(
        &self,
        told: Result<Option<PullRequest>, ForgeError>,
        rules: &Catalog,
        nothing: impl FnOnce(&str) -> String,
    ) -> Result<Found, String> {
        let kind = self.forge.kind();
        match told {
            Ok(Some(pull_request)) => Ok(evidence(&pull_request, kind, self.branch, rules)),
            Ok(None) => Ok(Found::Nothing(nothing(kind.title()))),
            Err(error) if error.is_an_answer() => Ok(Found::Nothing(chain(&error))),
            Err(error) => Err(chain(&error)),
        }
    }
}

impl Reviews for ForgeRecord<'_> {
    fn merged(&self, commit: &str, rules: &Catalog) -> Result<Found, String> {
        self.found(self.forge.merged(commit), rules, |forge| {
            format!(
                "{forge} knows no pull request that was merged or squashed as this commit: a direct push, a rebase of several commits and a fast-forward are none"
            )
        })
    }

    fn open(&self, head: &str, rules: &Catalog) -> Result<Found, String> {
        self.found(self.forge.proposed(head, self.branch), rules, |forge| {
            format!(
                "{forge} knows no open pull request for `{}` with this head",
                self.branch.escape_debug()
            )
        })
    }
}

/// What a pull request proves, by the logins that the rules say.
fn evidence(told: &PullRequest, kind: ForgeKind, branch: &str, rules: &Catalog) -> Found {
    let name = format!("#{}", told.number);
    if told.base != branch {
        return Found::Nothing(format!(
            "{name} is a pull request for `{}`, and `{}` is what is followed: its reviews are of something else",
            told.base.escape_debug(),
            branch.escape_debug()
        ));
    }
    let logins = Logins::of(kind, rules);
    let mut approvers = Vec::new();
    let mut remarks = Vec::new();
    for (review, weight) in told.weighed() {
        let who = logins.words(&review.login);
        match (weight, logins.user(&review.login)) {
            (Weight::Counts, Some(user)) => approvers.push(Approver {
                user: user.clone(),
                how: format!("approved {name} on {} as {}", kind.title(), review.login),
            }),
            (Weight::Counts, None) => {
                remarks.push(format!("{who} approved {name}, which does not count"));
            }
            (Weight::Own, _) => remarks.push(format!(
                "{who} approved {name}, which does not count: it is their own"
            )),
            (Weight::Earlier, _) => remarks.push(earlier(&who, &name, review)),
            (Weight::Not(state), _) => remarks.push(not(&who, &name, state)),
        }
    }
    let author = told.opened_for.as_ref().unwrap_or(&told.author);
    let author = match logins.user(author) {
        Some(user) => Ok(user.clone()),
        None => {
            remarks.push(format!(
                "whoever stands behind {name} is not known: {}",
                logins.words(author)
            ));
            Err(author.to_string())
        }
    };
    let writers = told.commits.iter().filter_map(|commit| {
        let user = logins.user(commit.author.as_ref()?)?;
        Some((commit.hash.clone(), user.clone()))
    });
    Found::PullRequest(Reviewed {
        name,
        head: told.head.clone(),
        author,
        writers: writers.collect(),
        approvers,
        remarks,
    })
}

fn earlier(who: &str, name: &str, review: &Review) -> String {
    match &review.commit {
        Some(commit) => format!(
            "{who} approved {name} at {}, and more was pushed since",
            commit.get(..12).unwrap_or(commit)
        ),
        None => format!("{who} approved {name}, and of which commit is not told"),
    }
}

fn not(who: &str, name: &str, state: ReviewState) -> String {
    match state {
        ReviewState::ChangesRequested => format!("{who} asks for changes of {name}"),
        ReviewState::Dismissed => {
            format!("the review of {name} by {who} was dismissed or taken back")
        }
        ReviewState::Stale => format!(
            "{who} approved {name} before it was pushed to or its target branch was changed, which does not count"
        ),
        ReviewState::Unofficial => format!(
            "{who} approved {name}, which does not count by the forge's own rules of the branch"
        ),
        ReviewState::Approved | ReviewState::Commented | ReviewState::Unknown => {
            format!("what {who} said of {name} is no approval that this version knows")
        }
    }
}

/// Whose each login is, by one revision.
struct Logins(BTreeMap<Login, BTreeSet<UserName>>);

impl Logins {
    fn of(kind: ForgeKind, rules: &Catalog) -> Self {
        let mut logins: BTreeMap<Login, BTreeSet<UserName>> = BTreeMap::new();
        for (name, user) in &rules.users {
            let credentials = user.spec.credentials.as_ref();
            let login = credentials.and_then(|c| c.forge_logins.get(kind.as_str()));
            if let Some(login) = login {
                let entry = logins.entry(Login::new(login)).or_default();
                entry.insert(name.clone());
            }
        }
        Self(logins)
    }

    /// The one user whose a login is; none where it is nobody's, or several people's.
    fn user(&self, login: &Login) -> Option<&UserName> {
        let mut users = self.0.get(login)?.iter();
        users.next().filter(|_| users.next().is_none())
    }

    /// A login, and whose it is.
    fn words(&self, login: &Login) -> String {
        let users = self.0.get(login).into_iter().flatten();
        let users: Vec<&str> = users.map(UserName::as_str).collect();
        match users[..] {
            [] => format!(
                "`{}`, which is nobody's login by the revision before (`credentials.forgeLogins`),",
                login.as_str().escape_debug()
            ),
            [user] => format!("{user} (`{}`)", login.as_str().escape_debug()),
            _ => format!(
                "`{}`, which is the login of several users ({}),",
                login.as_str().escape_debug(),
                users.join(", ")
            ),
        }
    }
}

/// An error and what it comes from, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        words = format!("{words}: {error}");
        below = error.source();
    }
    words
}
