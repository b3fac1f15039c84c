//! What the directory shows that nobody asked for: names that replication made of two, and accounts
//! with settings that weaken them. People should know; nothing is done about it.

use super::Draft;
use crate::connector::active_directory::matching::uac;
use crate::diagnostic::Code;
use crate::observed::Directory;
use crate::plan::Finding;
use crate::plan::limits::Limits;

/// Bits of userAccountControl that let somebody in more easily (AD.md 52), and how.
const WEAK: [(u32, &str); 3] = [
    (uac::PASSWD_NOTREQD, "needs no password (0x20)"),
    (
        uac::ENCRYPTED_TEXT_PASSWORD_ALLOWED,
        "has its password kept so that it can be read (0x80)",
    ),
    (
        uac::DONT_REQUIRE_PREAUTH,
        "gives tickets to whoever asks, without pre-authentication (0x400000)",
    ),
];

/// Remarks on what is managed.
pub(super) fn remarks(draft: &mut Draft<'_>, directory: &Directory, limits: &Limits) {
    let mut remark = |code: Code, message: String| {
        draft.findings.push(Finding {
            code: code.as_str().to_owned(),
            message,
        });
    };
    for dn in directory.conflicts.iter().filter(|dn| limits.covers(dn)) {
        remark(
            Code::ConflictObject,
            format!("{dn} lost its name to another object: two domain controllers gave it at once"),
        );
    }
    let weak = WEAK.iter().fold(0, |bits, (bit, _)| bits | bit);
    let accounts = directory.accounts.values();
    let accounts = accounts.filter(|a| a.control & weak != 0 && a.is_enabled());
    for account in accounts.filter(|a| limits.covers(&a.dn)) {
        for (bit, how) in WEAK {
            if account.control & bit != 0 {
                let message = format!("the account {} {how}", account.login);
                remark(Code::WeakAccount, message);
            }
        }
    }
}
