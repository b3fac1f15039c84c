//! Names of accounts: made once from the naming rules, then kept. A name that an account holds is
//! never made again; a name that was ever somebody's is never given to anybody else.
//!
//! Decision: where an account that nobody adopted has the name a new one would get, no other name is
//! made: it may be the user's own, and two accounts would make two people of one (SEMANTICS 8). A
//! `login` in the manifest says that it is not.
//!
//! Decision: what only the directory or the record knows is trouble of the one account it is about, and never
//! a mistake of the revision: an account that somebody makes elsewhere must not stop what is approved.

use super::accounts::{
    Accounts, Holder, Holders, KnownAccount, NamesByHand, Seen, Table, Taken, Trouble, fold,
};
use super::variables::UserVariables;
use crate::catalog::{Catalog, Problem};
use crate::connector::Guid;
use crate::diagnostic::Code;
use crate::manifest::parse::Location;
use crate::name::{UserName, lower};
use crate::request::FoldedUser;
use crate::template::TemplateError;
use foldhash::HashMap;
use std::sync::Arc;

/// Which names of an account its user's manifest says; the others were made by a rule once, and stay as the
/// directory has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Said {
    /// The login name, and the principal name with it.
    pub login: bool,
    /// The mail address.
    pub mail: bool,
}

/// The names of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// sAMAccountName.
    pub login: Arc<str>,
    /// userPrincipalName.
    pub upn: Arc<str>,
    /// Mail address, where the rules give one.
    pub mail: Option<Arc<str>>,
    /// Common name.
    pub cn: Arc<str>,
    /// Which of them a manifest says.
    pub said: Said,
    /// Whether they are proposals: there is no account that holds them yet.
    pub provisional: bool,
    /// Why no account may be made under them.
    pub trouble: Option<Trouble>,
    /// Names that the manifest says and the account cannot have, and why: it keeps those it has.
    pub kept: Vec<Trouble>,
    /// Whether the mail address is another's, so that nothing may be sent there.
    pub is_anothers_mail: bool,
}

/// Names that were given to users without an account that is known.
#[derive(Debug, Clone, Default)]
pub struct GivenNames(HashMap<UserName, Held>);

impl GivenNames {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether somebody who has names here has others there.
    pub fn differ_in(&self, others: &Self) -> bool {
        let names = |held: &Held| {
            (
                held.login.clone(),
                held.upn.clone(),
                held.mail.clone(),
                held.cn.clone(),
            )
        };
        self.0.iter().any(|(user, held)| {
            let other = others.0.get(user);
            other.is_some_and(|other| names(other) != names(held))
        })
    }
}

/// The names an account has, or was promised.
#[derive(Debug, Clone)]
struct Held {
    login: Arc<str>,
    upn: Arc<str>,
    cn: Arc<str>,
    mail: Option<Arc<str>>,
    /// What somebody made of them by hand.
    by_hand: Option<Box<NamesByHand>>,
}

impl Held {
    fn of(known: &KnownAccount) -> Self {
        Self {
            login: known.login.clone(),
            upn: known.upn.clone(),
            cn: known.cn.clone(),
            mail: known.mail.clone(),
            by_hand: known.by_hand.clone(),
        }
    }
}

/// Gives names, one user after the other, and remembers what it gave.
pub struct Namer<'a> {
    catalog: &'a Catalog,
    accounts: &'a Accounts,
    /// What manifests claim and what was given, but for names that the same account has already: all that
    /// accounts have is taken besides.
    taken: Taken,
    /// What was given before, so that a later instant finds the same names.
    given: GivenNames,
    /// What manifests claim, folded: who does, and where.
    claimed: HashMap<(&'static str, String), (UserName, Location)>,
}

/// Longest common name (AD.md 8).
const LONGEST_CN: usize = 64;

impl<'a> Namer<'a> {
    /// Starts from the names that are taken.
    pub fn new(catalog: &'a Catalog, accounts: &'a Accounts) -> Self {
        Self {
            catalog,
            accounts,
            taken: Taken::default(),
            given: GivenNames::default(),
            claimed: HashMap::default(),
        }
    }

    /// The names it gave to those who have no account that is known.
    pub fn given(&self) -> &GivenNames {
        &self.given
    }

    /// Begins with names that were given before: they are kept, and nobody else gets them.
    pub fn keep(&mut self, names: &GivenNames) {
        // In their order: of several who have one name, the first is told.
        let mut kept: Vec<_> = names.0.iter().collect();
        kept.sort_unstable_by_key(|(user, _)| *user);
        for (user, held) in kept {
            let holder = || Holder::User(user.clone());
            self.taken.login(&held.login, holder());
            self.taken.address(&held.upn, holder());
            if let Some(mail) = &held.mail {
                self.taken.address(mail, holder());
            }
            self.given.0.insert(user.clone(), held.clone());
        }
    }

    /// What it gave and was told, for whoever takes it apart.
    pub(super) fn into_names(self) -> impl Send + use<> {
        let Self {
            catalog: _,
            accounts: _,
            taken,
            given,
            claimed,
        } = self;
        (taken, given, claimed)
    }

    /// Makes ready for so many users at once.
    pub fn expect(&mut self, users: usize) {
        let new = users.saturating_sub(self.accounts.known.len());
        self.taken.reserve(new);
        self.given.0.reserve(new);
    }

    /// Notes the names that a user's manifest claims; all of them are, before the first is given.
    pub fn claim(&mut self, name: &UserName, user: &FoldedUser, problems: &mut Vec<Problem>) {
        let claims = [
            (user.spec.login.as_ref().map(|l| l.0.as_str()), "login"),
            (user.spec.mail.as_ref().map(|m| m.0.as_str()), "mail"),
        ];
        for (claim, route) in claims {
            let Some(claim) = claim else { continue };
            let at = &user.declared.at;
            let claimant = || (name.clone(), at.clone());
            let entry = self.claimed.entry((route, fold(claim).into_owned()));
            let (first, place) = entry.or_insert_with(claimant);
            if first != name {
                problems.push(
                    Problem::new(
                        Code::LoginTaken,
                        at,
                        route,
                        format!("`{claim}` is claimed by two users"),
                    )
                    .help("give one of them another")
                    .related(place, route, "the other one"),
                );
            }
            match route {
                "login" => self.taken.login(claim, Holder::User(name.clone())),
                _ => self.taken.address(claim, Holder::User(name.clone())),
            }
        }
    }

    /// The names of a user's account: those it has, or new ones. The place it stands in is in lower case.
    pub fn name(
        &mut self,
        name: &UserName,
        user: &FoldedUser,
        parent: &str,
        variables: &mut UserVariables<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Names> {
        let account = self.accounts.known.get(name);
        let own = account.map(|account| account.guid);
        let held = &self.accounts.held;
        let has = |table: Option<&Table>, key: &str| own.is_some_and(|own| has(table, key, own));
        let account = account.map(|known| self.held(name, Held::of(known)));
        let account = account.as_ref();
        let remembered = self.accounts.seen == Seen::Remembered;
        let provisional = account.is_none() || remembered;
        let given = match account {
            Some(_) => None,
            None => self.given.0.get(name).cloned(),
        };
        let known = account.or(given.as_ref());
        let mut trouble = None;
        let mut kept = Vec::new();
        let mut login = match (&user.spec.login, known) {
            (Some(login), _) => {
                let clash = self.clash(&login.0, "login", account, name);
                match (clash, account) {
                    (Some(clash), Some(account)) => {
                        kept.push(clash);
                        account.login.clone()
                    }
                    (clash, _) => {
                        trouble = clash;
                        login.0.as_str().into()
                    }
                }
            }
            (None, Some(known)) => known.login.clone(),
            (None, None) => {
                let (login, why_not) = self.login(name, user, variables, problems)?;
                trouble = why_not;
                login
            }
        };
        let is_new = known.is_none() && user.spec.login.is_none();
        if !has(logins(held), &fold(&login)) {
            self.taken.login(&login, Holder::User(name.clone()));
        }
        variables.account.login = Some(login.clone());
        let mut upn = self.upn(name, known, &login, variables);
        let is_held = known.is_some_and(|k| k.upn.eq_ignore_ascii_case(&upn));
        if trouble.is_none()
            && !is_held
            && let Some(unknown) = self.unknown_suffix(&upn)
        {
            match account.filter(|account| !account.upn.is_empty()) {
                // The login name waits with it, so that both come once the ending is registered.
                Some(account) => {
                    kept.push(unknown);
                    login.clone_from(&account.login);
                    variables.account.login = Some(login.clone());
                    upn.clone_from(&account.upn);
                }
                None => trouble = Some(unknown),
            }
        }
        variables.account.upn = Some(upn.clone());
        if !has(addresses(held), &fold(&upn)) {
            self.taken.address(&upn, Holder::User(name.clone()));
        }
        let mut mail = self.mail(name, user, known, variables);
        let mut is_anothers_mail = false;
        if let Some(said) = &user.spec.mail
            && let Some(clash) = self.clash(&said.0, "mail", account, name)
        {
            match account {
                Some(account) => {
                    mail.clone_from(&account.mail);
                    kept.push(clash);
                }
                None => {
                    is_anothers_mail = true;
                    trouble.get_or_insert(clash);
                }
            }
        }
        variables.account.mail.clone_from(&mail);
        if let Some(mail) = mail.as_ref().filter(|mail| **mail != upn)
            && !has(addresses(held), &fold(mail))
        {
            self.taken.address(mail, Holder::User(name.clone()));
        }
        let wanted = self.wanted_cn(variables);
        let cn = self.common_name(name, known, &login, parent, &wanted);
        if is_new && trouble.is_none() && self.is_foreign(|t| t.below(parent), &lower(&wanted)) {
            trouble = Some(name_held(&format!("the common name `{wanted}`"), "login"));
        }
        if !has(held.below(parent), &lower(&cn)) {
            self.taken
                .common_name(parent, &cn, Holder::User(name.clone()));
        }
        variables.account.cn = Some(cn.clone());
        if provisional {
            let held = Held {
                login: login.clone(),
                upn: upn.clone(),
                cn: cn.clone(),
                mail: mail.clone(),
                by_hand: None,
            };
            self.given.0.insert(name.clone(), held);
        }
        Some(Names {
            login,
            upn,
            mail,
            cn,
            said: Said {
                login: user.spec.login.is_some(),
                mail: user.spec.mail.is_some(),
            },
            provisional,
            trouble,
            kept,
            is_anothers_mail,
        })
    }

    /// Why a name that the manifest says cannot be had: it is that of an account of nobody here, or of somebody
    /// else. None where nothing is in the way, or the account has it. Of two manifests that say the same it was
    /// told when they claimed it.
    fn clash(
        &self,
        said: &str,
        route: &'static str,
        account: Option<&Held>,
        user: &UserName,
    ) -> Option<Trouble> {
        let is_login = route == "login";
        let has = account.and_then(|a| match is_login {
            true => Some(&*a.login),
            false => a.mail.as_deref(),
        });
        if has.is_some_and(|has| has.eq_ignore_ascii_case(said)) {
            return None;
        }
        let table = |taken| match is_login {
            true => logins(taken),
            false => addresses(taken),
        };
        let key = fold(said);
        let sort = if is_login { "login name" } else { "address" };
        let named = format!("the {sort} `{said}`");
        if self.is_foreign(table, &key) {
            return Some(name_held(&named, route));
        }
        let theirs = self.holders(table, &key);
        let mut theirs = theirs.flat_map(|h| h.others(user, &self.accounts.owners));
        let whose = match theirs.next()? {
            Holder::User(other) => format!("`{other}`'s"),
            Holder::Account(guid) => match self.accounts.owners.get(guid) {
                Some(other) => format!("`{other}`'s"),
                None => "somebody else's".into(),
            },
            Holder::Object => "that of a group or of another object".into(),
        };
        Some(Trouble {
            code: Code::LoginTaken,
            reason: format!("{named} is, or once was, {whose}; say another `{route}`"),
        })
    }

    /// The names an account has: where somebody changed its login name by hand, and the one it had is
    /// another's by now, those it was given.
    fn held(&self, name: &UserName, mut held: Held) -> Held {
        let Some(by_hand) = &held.by_hand else {
            return held;
        };
        let gone = !by_hand.login.eq_ignore_ascii_case(&held.login)
            && self.is_anothers(logins, &fold(&held.login), name);
        if gone {
            let NamesByHand { login, upn, mail } = by_hand.as_ref().clone();
            held = Held {
                login,
                upn,
                mail,
                cn: held.cn,
                by_hand: None,
            };
        }
        held
    }

    /// Those who have a name in a table.
    fn holders<'s>(
        &'s self,
        table: impl Fn(&'s Taken) -> Option<&'s Table>,
        key: &str,
    ) -> impl Iterator<Item = &'s Holders> {
        let Accounts { held, taken, .. } = self.accounts;
        let tables = [held, taken, &self.taken];
        tables.into_iter().filter_map(move |t| table(t)?.get(key))
    }

    /// Whether a name is somebody else's than this user's.
    fn is_anothers<'s>(
        &'s self,
        table: impl Fn(&'s Taken) -> Option<&'s Table>,
        key: &str,
        user: &UserName,
    ) -> bool {
        self.holders(table, key)
            .any(|holders| holders.has_another(user, &self.accounts.owners))
    }

    /// Whether an account that belongs to nobody here has a name.
    fn is_foreign<'s>(&'s self, table: impl Fn(&'s Taken) -> Option<&'s Table>, key: &str) -> bool {
        self.holders(table, key)
            .any(|holders| holders.has_foreign(&self.accounts.owners))
    }

    fn fill(&self, text: &str, variables: &UserVariables<'_>) -> Result<String, TemplateError> {
        match self.catalog.templates.get(text) {
            Some(template) => template.fill(variables),
            None => Err(TemplateError::Absent),
        }
    }

    /// The first candidate whose variables are present and that fits; a number behind it where it is taken.
    /// Beside it, why no account may be made under it.
    fn login(
        &self,
        name: &UserName,
        user: &FoldedUser,
        variables: &UserVariables<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<(Arc<str>, Option<Trouble>)> {
        let rule = &self.catalog.config.spec.naming.login;
        let longest = rule.max_length as usize;
        let mut base = None;
        for text in &rule.candidates {
            let made = self.fill(text, variables).ok();
            let Some(made) = made.map(|text| login_form(&text)).filter(|l| !l.is_empty()) else {
                continue;
            };
            let fits = made.len() <= longest;
            base = Some(made);
            if fits {
                break;
            }
        }
        let Some(base) = base else {
            problems.push(
                Problem::new(
                    Code::BadLogin,
                    &user.declared.at,
                    "/metadata.name",
                    format!("no login name can be made for `{name}`: every rule needs a name this user lacks"),
                )
                .help("say `login: …` on the user, or add a candidate to countersign.yaml"),
            );
            return None;
        };
        let free = |login: &str| !self.is_anothers(logins, &fold(login), name);
        let cut = |room: usize| base[..base.len().min(room)].trim_end_matches(['.', '-', '_']);
        let first: Arc<str> = cut(longest).into();
        if self.is_foreign(logins, &fold(&first)) {
            let trouble = name_held(&format!("the login name `{first}`"), "login");
            return Some((first, Some(trouble)));
        }
        if free(&first) {
            return Some((first, None));
        }
        if rule.then_number {
            for number in 2..100_000 {
                let number = number.to_string();
                let login = format!("{}{number}", cut(longest - number.len()));
                if free(&login) {
                    return Some((login.into(), None));
                }
            }
        }
        let why = format!("the login name `{first}` is taken, and the naming rules add no number");
        let Accounts { held, taken, .. } = self.accounts;
        let is_theirs = |taken: &Taken| {
            let holders = taken.logins.get(&*fold(&first));
            holders.is_some_and(|h| h.has_another(name, &self.accounts.owners))
        };
        if is_theirs(held) || is_theirs(taken) {
            let trouble = Trouble {
                code: Code::LoginTaken,
                reason: format!("{why}; say `login: …` on the user"),
            };
            return Some((first, Some(trouble)));
        }
        problems.push(
            Problem::new(Code::LoginTaken, &user.declared.at, "/metadata.name", why)
                .help("say `login: …` on the user"),
        );
        None
    }

    fn upn(
        &self,
        name: &UserName,
        known: Option<&Held>,
        login: &str,
        variables: &UserVariables<'_>,
    ) -> Arc<str> {
        let by_hand = known.and_then(|k| Some((k, k.by_hand.as_ref()?)));
        let is_kept = |k: &Held| !k.upn.is_empty() && k.login.eq_ignore_ascii_case(login);
        let rule = || {
            let rule = self.catalog.config.spec.naming.upn.as_deref();
            let made = rule.and_then(|text| self.fill(text, variables).ok());
            let domain = self.accounts.domain.as_deref().unwrap_or("invalid");
            made.map_or_else(|| format!("{login}@{domain}"), |made| made.trim().into())
        };
        if let Some((known, by_hand)) = by_hand {
            // What somebody did by hand is right where it is what the rule makes by now; a login name
            // that was changed and is said since leaves the principal name as it was.
            let right = is_kept(known) && by_hand.upn.eq_ignore_ascii_case(&rule());
            let left = by_hand.login.eq_ignore_ascii_case(login)
                && by_hand.upn.eq_ignore_ascii_case(&known.upn);
            if (right || left) && !by_hand.upn.is_empty() {
                return by_hand.upn.clone();
            }
        }
        match known.filter(|known| is_kept(known)) {
            Some(known) => known.upn.clone(),
            None => self.free_address(name, &rule()),
        }
    }

    /// Why a principal name of this ending should not be given: the directory would take it, and
    /// nobody could log on with it (AD.md 14).
    fn unknown_suffix(&self, upn: &str) -> Option<Trouble> {
        let suffixes = self.accounts.suffixes.as_ref()?;
        let suffix = upn.rsplit_once('@').map_or("", |(_, suffix)| suffix);
        let registered: Vec<&str> = suffixes.iter().map(String::as_str).collect();
        (!suffixes.contains(&suffix.to_lowercase())).then(|| Trouble {
            code: Code::ValueRejected,
            reason: format!(
                "the principal name `{upn}` ends in what is neither a domain of the forest nor one of its \
                 uPNSuffixes; there are {}",
                registered.join(", ")
            ),
        })
    }

    fn mail(
        &self,
        name: &UserName,
        user: &FoldedUser,
        known: Option<&Held>,
        variables: &UserVariables<'_>,
    ) -> Option<Arc<str>> {
        if let Some(mail) = &user.spec.mail {
            return Some(mail.0.as_str().into());
        }
        let rule = || {
            let rule = self.catalog.config.spec.naming.mail.as_deref()?;
            let made = self.fill(rule, variables).ok()?;
            Some(made.trim().to_owned())
        };
        if let Some(mail) = known.and_then(|k| k.mail.clone()) {
            // What somebody did by hand is right where it is what the rule makes by now.
            let by_hand = known.and_then(|k| k.by_hand.as_ref()?.mail.as_ref());
            let right =
                by_hand.filter(|by_hand| rule().is_some_and(|r| r.eq_ignore_ascii_case(by_hand)));
            return Some(right.cloned().unwrap_or(mail));
        }
        if self.accounts.seen == Seen::Remembered {
            // A guess may be somebody else's address, and mails go to it.
            return None;
        }
        Some(self.free_address(name, &rule()?))
    }

    /// The address, with a number before the `@` where it is taken.
    fn free_address(&self, name: &UserName, address: &str) -> Arc<str> {
        let free = |address: &str| !self.is_anothers(addresses, &fold(address), name);
        if free(address) {
            return address.into();
        }
        let (local, domain) = address.split_once('@').unwrap_or((address, ""));
        (2..100_000)
            .map(|number| format!("{local}{number}@{domain}"))
            .find(|address| free(address))
            .map_or_else(|| address.into(), Into::into)
    }

    /// The common name that the rule makes: without one, the display name.
    fn wanted_cn(&self, variables: &UserVariables<'_>) -> Arc<str> {
        let rule = self.catalog.config.spec.naming.cn.as_deref();
        let made = rule.and_then(|text| self.fill(text, variables).ok());
        let plain = made.as_ref().unwrap_or(&variables.display_name);
        beginning(plain.trim(), LONGEST_CN).into()
    }

    /// Unique below its parent: the rule's, then with the login behind it.
    fn common_name(
        &self,
        name: &UserName,
        known: Option<&Held>,
        login: &str,
        parent: &str,
        plain: &Arc<str>,
    ) -> Arc<str> {
        let told_apart = || {
            let room = LONGEST_CN.saturating_sub(login.chars().count() + 3);
            format!("{} ({login})", beginning(plain, room).trim_end())
        };
        let free = |cn: &str| !self.is_anothers(|t| t.below(parent), &lower(cn), name);
        // Stable: a name told apart once stays so, even when its rival is gone.
        let other = known.map(|k| &k.cn).filter(|cn| *cn != plain);
        if let Some(cn) = other
            && **cn == *told_apart()
            && free(cn)
        {
            return cn.clone();
        }
        match free(plain) {
            true => plain.clone(),
            false => told_apart().into(),
        }
    }
}

/// Whether an account has a name in a table.
fn has(table: Option<&Table>, key: &str, account: Guid) -> bool {
    let holders = table.and_then(|table| table.get(key));
    holders.is_some_and(|holders| holders.contains(&Holder::Account(account)))
}

fn logins(taken: &Taken) -> Option<&Table> {
    Some(&taken.logins)
}

fn addresses(taken: &Taken) -> Option<&Table> {
    Some(&taken.addresses)
}

/// So many characters of a text at most.
fn beginning(text: &str, characters: usize) -> &str {
    let end = text.char_indices().nth(characters);
    end.map_or(text, |(end, _)| &text[..end])
}

fn name_held(name: &str, route: &str) -> Trouble {
    Trouble {
        code: Code::NameHeld,
        reason: format!(
            "{name} is that of an account that belongs to nobody here; if it is this user's, adopt it \
             with `account: {{objectGUID: …}}`, else say another `{route}`"
        ),
    }
}

/// A login name of a text: ASCII, lower case, only letters, digits, `.`, `-` and `_`.
pub fn login_form(text: &str) -> String {
    const MARKS: [char; 3] = ['.', '-', '_'];
    let folded = fold(text);
    let mut login = String::with_capacity(folded.len());
    for c in folded.chars() {
        let parts = !login.is_empty() && !login.ends_with(MARKS);
        if c.is_ascii_alphanumeric() || (MARKS.contains(&c) && parts) {
            login.push(c);
        }
    }
    login.truncate(login.trim_end_matches(MARKS).len());
    login
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_plain_ascii() {
        for (text, login) in [
            ("Zoë.Müller", "zoe.muller"),
            ("Łukasz.Straße", "lukasz.strasse"),
            ("Sinéad.O'Brien", "sinead.obrien"),
            (".Madonna.", "madonna"),
            ("Anne Marie.van der Berg", "annemarie.vanderberg"),
            ("a..b", "a.b"),
            ("\"; drop", "drop"),
        ] {
            assert_eq!(login_form(text), login);
        }
    }
}
