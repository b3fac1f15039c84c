//! Whether an object is as a change expects it, as it wants it, or neither.

use crate::connector::active_directory::matching::{account_expires_never, same_value, uac};
use crate::connector::{
    At, AttributeName, Entry, Failure, Modification, ModificationKind, Transport, Value,
};
use crate::dn::Dn;
use crate::plan::{Change, MemberChange, Write};

/// How an object stands to a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// As the plan read it.
    Ready,
    /// As the plan wants it.
    AlreadySo,
    /// Neither; how it differs, in a sentence.
    MovedOn(String),
}

/// Looks at the object of a change.
///
/// # Errors
/// [`Failure`] when that cannot be told.
pub fn probe(change: &Change, directory: &mut dyn Transport) -> Result<State, Failure> {
    Ok(match &change.write {
        Write::Row { .. } => State::Ready,
        Write::Adopt { guid, dn } => match directory.read(&At::Guid(*guid), &[])? {
            Some(_) => State::Ready,
            None => State::MovedOn(format!("{dn} is gone")),
        },
        Write::Create { dn, attributes } => {
            let login: AttributeName = "sAMAccountName".into();
            match directory.read(&At::Dn(dn.clone()), std::slice::from_ref(&login))? {
                None => State::Ready,
                Some(entry) if same(&entry, attributes.get(&login), &login) => State::AlreadySo,
                Some(_) => State::MovedOn(format!("{dn} has been taken by another account")),
            }
        }
        Write::ResetPassword { guid, expires } => {
            let at = At::Guid(*guid);
            match directory.read(&at, &[])? {
                None => not_yet(change, &at),
                Some(_) if has_expired(&at, *expires, directory)? => State::AlreadySo,
                Some(_) => State::Ready,
            }
        }
        Write::SetPassword { at, .. } => match directory.read(at, &[])? {
            None => not_yet(change, at),
            Some(_) if is_enabled(at, directory)? => State::AlreadySo,
            Some(_) => State::Ready,
        },
        Write::Modify {
            at, modifications, ..
        } => {
            let attributes: Vec<AttributeName> =
                modifications.iter().map(|m| m.attribute.clone()).collect();
            match directory.read(at, &attributes)? {
                None => not_yet(change, at),
                Some(entry) => modified(&entry, modifications),
            }
        }
        Write::Rename {
            guid,
            dn,
            rdn,
            parent,
        } => {
            let goal = parent.child(rdn.clone());
            match directory.read(&At::Guid(*guid), &[])? {
                None => State::MovedOn(format!("{dn} is gone")),
                Some(entry) if entry.dn.same_spelling(&goal) => State::AlreadySo,
                Some(entry) if entry.dn == *dn => State::Ready,
                Some(entry) => State::MovedOn(format!("{dn} now stands at {}", entry.dn)),
            }
        }
        Write::Member {
            group_dn,
            change: step,
            member,
            member_dn,
            ..
        } => match directory.read(member, &["memberOf".into()])? {
            None => match not_yet(change, member) {
                State::MovedOn(_) if *step == MemberChange::Remove => State::AlreadySo,
                State::MovedOn(_) => State::MovedOn(format!("{member_dn} is gone")),
                state => state,
            },
            Some(entry) => match (is_member(&entry, group_dn), step) {
                (true, MemberChange::Add) | (false, MemberChange::Remove) => State::AlreadySo,
                (false, MemberChange::Add) | (true, MemberChange::Remove) => State::Ready,
            },
        },
    })
}

/// Whether an account is there and can be logged on to.
///
/// # Errors
/// [`Failure`] when that cannot be told.
pub fn is_enabled(at: &At, directory: &mut dyn Transport) -> Result<bool, Failure> {
    let control: AttributeName = "userAccountControl".into();
    let entry = directory.read(at, std::slice::from_ref(&control))?;
    let values = entry.and_then(|entry| entry.attributes.get(&control).cloned());
    let bits = values.iter().flatten().find_map(|v| uac::parse(v.text()?));
    Ok(bits.is_some_and(uac::is_enabled))
}

/// Whether an account is there and has expired at that instant (100 ns since 1601).
///
/// # Errors
/// [`Failure`] when that cannot be told.
pub fn has_expired(at: &At, instant: i64, directory: &mut dyn Transport) -> Result<bool, Failure> {
    let expires: AttributeName = "accountExpires".into();
    let entry = directory.read(at, std::slice::from_ref(&expires))?;
    let values = entry.and_then(|entry| entry.attributes.get(&expires).cloned());
    let value = values.as_ref().and_then(|values| values.first());
    if account_expires_never(value) {
        return Ok(false);
    }
    let found = value.and_then(|v| v.text()?.parse::<i64>().ok());
    Ok(found.is_some_and(|found| found <= instant))
}

/// An object that is not there: an earlier change will make it, or it is gone.
fn not_yet(change: &Change, at: &At) -> State {
    match (at, change.after.is_empty()) {
        (At::Dn(_), false) => State::Ready,
        (At::Dn(dn), true) => State::MovedOn(format!("{dn} is gone")),
        (At::Guid(guid), _) => State::MovedOn(format!("the account {guid} is gone")),
    }
}

fn same(entry: &Entry, wanted: Option<&Vec<Value>>, attribute: &AttributeName) -> bool {
    match (
        entry.attributes.get(attribute).and_then(|v| v.first()),
        wanted.and_then(|v| v.first()),
    ) {
        (Some(found), Some(wanted)) => same_value(attribute, found, wanted),
        _ => false,
    }
}

/// The sAMAccountNames of the groups an entry is in, of those that can be seen.
///
/// # Errors
/// [`Failure`] when that cannot be told.
pub fn groups(entry: &Entry, directory: &mut dyn Transport) -> Result<Vec<String>, Failure> {
    let login: AttributeName = "sAMAccountName".into();
    let groups = entry.attributes.get(&"memberOf".into());
    let groups = groups.into_iter().flatten().filter_map(Value::text);
    let mut names = Vec::new();
    for dn in groups.filter_map(|text| Dn::parse(text).ok()) {
        let group = directory.read(&At::Dn(dn), std::slice::from_ref(&login))?;
        let values = group.and_then(|group| group.attributes.get(&login).cloned());
        names.extend(
            values
                .iter()
                .flatten()
                .filter_map(|v| v.text().map(str::to_owned)),
        );
    }
    Ok(names)
}

fn is_member(entry: &Entry, group: &Dn) -> bool {
    let groups = entry.attributes.get(&"memberOf".into());
    let mut groups = groups.into_iter().flatten().filter_map(Value::text);
    groups.any(|text| Dn::parse(text).is_ok_and(|dn| dn == *group))
}

/// Whether values that nobody here knows may stand beside those that are written.
fn may_hold_more(attribute: &AttributeName) -> bool {
    attribute.is("proxyAddresses")
}

fn modified(entry: &Entry, modifications: &[Modification]) -> State {
    let has = |m: &Modification, value: &Value| {
        let found = entry.attributes.get(&m.attribute);
        found
            .into_iter()
            .flatten()
            .any(|f| same_value(&m.attribute, f, value))
    };
    let mut before = true;
    let mut after = true;
    let mut first = None;
    for modification in modifications {
        for value in &modification.values {
            let there = has(modification, value);
            let expected = modification.operation == ModificationKind::Delete;
            before &= there == expected;
            after &= there != expected;
            if there != expected && first.is_none() {
                first = Some(&modification.attribute);
            }
        }
        // An addition expects an attribute of one value to be absent, or to be emptied beside it.
        let alone = !may_hold_more(&modification.attribute)
            && !modifications.iter().any(|m| {
                m.attribute == modification.attribute && m.operation == ModificationKind::Delete
            });
        let other = entry.attributes.get(&modification.attribute);
        let differs = other.into_iter().flatten().any(|f| {
            !modification
                .values
                .iter()
                .any(|v| same_value(&modification.attribute, f, v))
        });
        if alone && differs {
            before = false;
            first = first.or(Some(&modification.attribute));
        }
    }
    match (before, after) {
        (_, true) => State::AlreadySo,
        (true, false) => State::Ready,
        (false, false) => {
            let name = first.map_or("an attribute", AttributeName::as_str);
            State::MovedOn(format!("{name} is no longer what the plan read"))
        }
    }
}
