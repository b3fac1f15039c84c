//! Names that accounts have by now, that they should have, and that the record does not have yet: what
//! somebody changed by hand and a manifest says since, or what maintainers did as they were asked. Pure.

use super::recorded::{Recorded, RecordedAccount};
use crate::connector::Guid;
use crate::desired::{Desired, Person};
use crate::dn::Dn;
use crate::name::UserName;
use crate::observed::{Account, Directory};
use std::collections::BTreeMap;

/// The accounts of which the record is to have other names, and where they stand.
pub fn renamed(
    desired: &Desired,
    directory: &Directory,
    recorded: &Recorded,
) -> BTreeMap<UserName, (RecordedAccount, Dn)> {
    let accounts = recorded.accounts.iter();
    let renamed = accounts.filter_map(|(user, known)| {
        let account = directory.accounts.get(&known.guid)?;
        let person = desired.people.get(user)?;
        let names = names(person, known.guid, account, known)?;
        (names != *known).then(|| (user.clone(), (names, account.dn.clone())))
    });
    renamed.collect()
}

/// The names of an account as the record is to have them: the directory's where they are what they should
/// be, else those it has.
fn names(
    person: &Person,
    guid: Guid,
    account: &Account,
    known: &RecordedAccount,
) -> Option<RecordedAccount> {
    let wanted = person.account.as_ref().filter(|a| a.trouble.is_none())?;
    wanted.known.filter(|(own, _)| *own == guid)?;
    let mail = wanted.attributes.get(&"mail".into());
    let mail = mail.map(|mail| &**mail);
    let right = |is: Option<&str>, wanted: Option<&str>, known: Option<&str>| {
        let is_right = is.is_some_and(|is| wanted.is_some_and(|w| w.eq_ignore_ascii_case(is)));
        let is_known = is.is_some_and(|is| known.is_some_and(|k| k.eq_ignore_ascii_case(is)));
        let name = if is_right && !is_known { is } else { known };
        name.map(str::to_owned)
    };
    let upn = account.text("userPrincipalName");
    Some(RecordedAccount {
        guid,
        login: right(
            Some(&account.login),
            Some(&wanted.login),
            Some(&known.login),
        )?,
        upn: right(upn, Some(&wanted.upn), known.upn.as_deref()),
        mail: right(account.text("mail"), mail, known.mail.as_deref()),
        made: known.made,
    })
}
