//! Turns a result code and the server's message into a [`Failure`]: one table for domain controllers
//! of Windows and of Samba, which say the same thing with different codes.
//!
//! Source: RFC 4511 appendix A for result codes; MS-ERREF 2.2 for the extended codes that a message
//! begins with (`0000052D: SvcErr: …`).
//! Decision: a password that breaks the rules comes as 19 or 53, a membership that is there already
//! as 68 or 20, one that is not as 53 or 16; so the extended code decides before the result code,
//! and what was asked for decides with them.

use crate::connector::{Failure, FailureClass, Modification, ModificationKind};
use FailureClass as Class;

/// What was asked of the directory when it refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// To encrypt the connection, or to log on.
    Bind,
    /// To read everything below the base.
    ReadAll,
    /// To read one entry.
    Read,
    /// To add an entry.
    Add,
    /// To modify an entry.
    Modify,
    /// To add members to a group, and nothing else.
    AddMembers,
    /// To remove members from a group, and nothing else.
    RemoveMembers,
    /// To rename or move an entry.
    Rename,
    /// To set a password.
    SetPassword,
}

impl Operation {
    /// What a modify request with these steps asks for.
    pub fn of(modifications: &[Modification]) -> Self {
        let all = |kind| {
            let mut steps = modifications.iter();
            steps.all(|m| m.operation == kind && m.attribute.is("member"))
        };
        match (all(ModificationKind::Add), all(ModificationKind::Delete)) {
            (true, false) => Self::AddMembers,
            (false, true) => Self::RemoveMembers,
            (true, true) | (false, false) => Self::Modify,
        }
    }
}

struct Row {
    operations: &'static [Operation],
    /// Result codes; empty: any.
    codes: &'static [u32],
    /// Extended codes; empty: any, or none at all.
    extended: &'static [u32],
    class: Class,
    words: &'static str,
}

const fn row(
    operations: &'static [Operation],
    codes: &'static [u32],
    extended: &'static [u32],
    class: Class,
    words: &'static str,
) -> Row {
    Row {
        operations,
        codes,
        extended,
        class,
        words,
    }
}

/// Stands in [`Row::extended`] for an answer without one, as Samba gives.
const NONE: u32 = 0;
const UNKNOWN: &str = "the directory answered something that this program does not know";

const ANY: &[Operation] = &[];
const WRITES: &[Operation] = &[
    Operation::Add,
    Operation::Modify,
    Operation::AddMembers,
    Operation::RemoveMembers,
    Operation::Rename,
    Operation::SetPassword,
];
const MODIFIES: &[Operation] = &[
    Operation::Modify,
    Operation::AddMembers,
    Operation::RemoveMembers,
];
const MODIFY: &[Operation] = &[Operation::Modify];
const ADDS: &[Operation] = &[Operation::Modify, Operation::AddMembers];
const REMOVES: &[Operation] = &[Operation::Modify, Operation::RemoveMembers];
const ADD_MEMBERS: &[Operation] = &[Operation::AddMembers];
const REMOVE_MEMBERS: &[Operation] = &[Operation::RemoveMembers];
const BIND: &[Operation] = &[Operation::Bind];
const READ_ALL: &[Operation] = &[Operation::ReadAll];
const SET_PASSWORD: &[Operation] = &[Operation::SetPassword];

/// The first row that fits decides.
#[rustfmt::skip]
static ROWS: &[Row] = &[
    // Logging on. The extended code is the `data` of AcceptSecurityContext here.
    row(BIND, &[49], &[0x525], Class::Configuration, "log-on refused: there is no such account"),
    row(BIND, &[49], &[0x52E], Class::Configuration, "log-on refused: the name or the password is wrong"),
    row(BIND, &[49], &[0x530], Class::Configuration, "log-on refused: the account may not log on at this hour"),
    row(BIND, &[49], &[0x531], Class::Configuration, "log-on refused: the account may not log on from this machine"),
    row(BIND, &[49], &[0x532], Class::Configuration, "log-on refused: the password has expired"),
    row(BIND, &[49], &[0x533], Class::Configuration, "log-on refused: the account is disabled"),
    row(BIND, &[49], &[0x701], Class::Configuration, "log-on refused: the account has expired"),
    row(BIND, &[49], &[0x773], Class::Configuration, "log-on refused: the account must change its password first"),
    row(BIND, &[49], &[0x775], Class::Configuration, "log-on refused: the account is locked"),
    row(ANY, &[49], &[], Class::Configuration, "log-on refused"),
    row(ANY, &[7, 48], &[], Class::Configuration, "the directory does not take this way of logging on"),
    row(ANY, &[8, 13], &[], Class::Configuration, "the directory asks for an encrypted connection"),
    row(ANY, &[1], &[0x4DC], Class::Configuration, "the directory asks for a log-on first"),
    // Another partition, another domain.
    row(ANY, &[10], &[], Class::Configuration, "the name belongs to another server or partition"),
    row(ANY, &[71], &[], Class::Configuration, "the target belongs to another domain"),
    row(ANY, &[12], &[], Class::Configuration, "the directory does not know a control that is needed"),
    row(READ_ALL, &[32], &[], Class::Configuration, "the base is not there, or there is no right to see it"),
    // Passwords.
    row(ANY, &[19, 53], &[0x52D], Class::PasswordRejected, "the password does not satisfy the directory's rules"),
    row(SET_PASSWORD, &[53], &[0x2077], Class::Configuration, "the directory takes passwords over an encrypted connection only"),
    row(SET_PASSWORD, &[19, 53], &[0x1F, 0x2035, 0x56], Class::PasswordRejected, "the directory does not take the password"),
    // Memberships.
    row(ADDS, &[68, 20], &[0x562], Class::AlreadyThere, "the member is one already"),
    row(ADD_MEMBERS, &[68, 20], &[], Class::AlreadyThere, "the member is one already"),
    row(REMOVES, &[53, 16], &[0x561], Class::NotThere, "the member is none"),
    row(REMOVE_MEMBERS, &[16], &[], Class::NotThere, "the member is none"),
    row(REMOVE_MEMBERS, &[53], &[NONE], Class::NotThere, "the member is none"),
    row(REMOVE_MEMBERS, &[53], &[0x2035], Class::Gone, "an object that it refers to is not there"),
    row(MODIFY, &[68], &[NONE], Class::Changed, "a value that should come is there already"),
    row(MODIFY, &[53], &[NONE], Class::Changed, "a value that should go is not there"),
    row(WRITES, &[32], &[0x525], Class::Gone, "an object that it refers to is not there"),
    // Objects that are there, or not.
    row(ANY, &[32], &[], Class::Gone, "there is no such object"),
    row(&[Operation::Add, Operation::Rename], &[80], &[0x2089, 0x2095, 0x208D], Class::Gone, "the parent is not there"),
    row(WRITES, &[19], &[0x21C8], Class::Exists, "another account has that principal name"),
    row(WRITES, &[68], &[], Class::Exists, "an object of that name is there already"),
    row(ANY, &[66], &[], Class::HasChildren, "the object has others below it"),
    // Values that changed meanwhile.
    row(MODIFIES, &[16], &[0x57], Class::ValueRejected, "the directory does not know the attribute"),
    row(MODIFIES, &[16], &[], Class::Changed, "a value that should go is not there"),
    row(MODIFIES, &[20], &[], Class::Changed, "a value that should come is there already"),
    row(MODIFIES, &[19], &[0x2081], Class::Changed, "the attribute has another value already"),
    // Values that the directory does not take.
    row(WRITES, &[19], &[0x20B5], Class::ValueRejected, "the value refers to an object that is not there"),
    row(WRITES, &[80], &[0x57], Class::ValueRejected, "the directory does not take the value"),
    row(WRITES, &[67], &[], Class::ValueRejected, "a name is changed by renaming only"),
    row(WRITES, &[64, 65, 69], &[], Class::ValueRejected, "the object would break the directory's schema"),
    row(WRITES, &[34], &[], Class::ValueRejected, "the directory does not take the name"),
    row(WRITES, &[16, 17, 18, 19, 20, 21], &[], Class::ValueRejected, "the directory does not take the value"),
    row(ANY, &[50], &[], Class::Denied, "no right to do that, or the object is protected"),
    row(WRITES, &[53], &[], Class::ValueRejected, "the directory is unwilling to do that"),
    // What ended a read, and what may pass.
    row(READ_ALL, &[], &[], Class::Incomplete, "the directory ended the read before its end"),
    row(&[Operation::Read], &[3, 4, 11], &[], Class::Incomplete, "the directory ended the read before its end"),
    row(ANY, &[3, 11, 51, 52, 81, 85, 91], &[], Class::Transient, "the directory is busy or unavailable"),
    row(ANY, &[80], &[0x200E, 0x200F, 0x203A, 0x6BA], Class::Transient, "the directory is busy or unavailable"),
];

/// How much of a server's message is passed on, in characters: its code, place and problem fit.
const MESSAGE_LONGEST: usize = 300;

/// Says what sort of trouble a refused operation is.
pub fn classify(operation: Operation, code: u32, message: &str) -> Failure {
    let (leading, text) = split_message(message);
    let extended = match operation {
        Operation::Bind => log_on_reason(text).or(leading),
        Operation::ReadAll
        | Operation::Read
        | Operation::Add
        | Operation::Modify
        | Operation::AddMembers
        | Operation::RemoveMembers
        | Operation::Rename
        | Operation::SetPassword => leading,
    };
    let (class, words) = match text.contains("GC port") {
        true => (
            Class::Configuration,
            "nothing can be written over the global catalog's port",
        ),
        false => decide(operation, code, extended.unwrap_or(NONE)),
    };
    let text = one_line(text);
    let message = if text.is_empty() {
        words.into()
    } else {
        format!("{words}: {text}")
    };
    Failure {
        class,
        code: Some(code),
        extended,
        message,
    }
}

/// A failure that no server answered.
pub fn unanswered(class: FailureClass, message: impl AsRef<str>) -> Failure {
    Failure {
        class,
        code: None,
        extended: None,
        message: one_line(message.as_ref()),
    }
}

fn decide(operation: Operation, code: u32, extended: u32) -> (Class, &'static str) {
    ROWS.iter()
        .find(|row| {
            (row.operations.is_empty() || row.operations.contains(&operation))
                && (row.codes.is_empty() || row.codes.contains(&code))
                && (row.extended.is_empty() || row.extended.contains(&extended))
        })
        .map_or((Class::Unknown, UNKNOWN), |row| (row.class, row.words))
}

/// The extended code that a message begins with, and what follows it.
fn split_message(message: &str) -> (Option<u32>, &str) {
    let message = message.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let code = message
        .split_once(':')
        .filter(|(code, _)| code.len() == 8 && code.bytes().all(|b| b.is_ascii_hexdigit()))
        .and_then(|(code, text)| Some((u32::from_str_radix(code, 16).ok()?, text.trim_start())));
    code.map_or((None, message), |(code, text)| (Some(code), text))
}

/// Why a log-on was refused: `… AcceptSecurityContext error, data 52e, v3839`.
fn log_on_reason(text: &str) -> Option<u32> {
    let (_, reason) = text.split_once("data ")?;
    let end = reason
        .find(|c: char| !c.is_ascii_hexdigit())
        .unwrap_or(reason.len());
    u32::from_str_radix(&reason[..end], 16)
        .ok()
        .filter(|code| *code != 0)
}

fn one_line(text: &str) -> String {
    let plain = text.replace(|c: char| c.is_control(), " ");
    let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(MESSAGE_LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::Operation::*;
    use super::*;
    use crate::connector::Value;

    /// What Windows (W) and Samba 4.17 (S) say, and what it means.
    #[rustfmt::skip]
    const ANSWERS: &[(Operation, u32, &str, Class)] = &[
        (Bind, 49, "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 525, v3839\0", Class::Configuration),
        (Bind, 49, "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 52e, v3839\0", Class::Configuration),
        (Bind, 49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 530, v1db1", Class::Configuration),
        (Bind, 49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 531, v1db1", Class::Configuration),
        (Bind, 49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 532, v1db1", Class::Configuration),
        (Bind, 49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 533, v1db1", Class::Configuration),
        (Bind, 49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 701, v1db1", Class::Configuration),
        (Bind, 49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 773, v1db1", Class::Configuration),
        (Bind, 49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 775, v1db1", Class::Configuration),
        (Bind, 49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 57, v1db1", Class::Configuration),
        (Bind, 49, "", Class::Configuration),
        (Bind, 7, "", Class::Configuration),
        (Bind, 48, "", Class::Configuration),
        (Bind, 8, "BindSimple: Transport encryption required.", Class::Configuration),
        (Bind, 13, "", Class::Configuration),
        (Bind, 51, "", Class::Transient),
        (Bind, 52, "00000000: LdapErr: DSID-0C090E0A, comment: Error initializing SSL/TLS, data 0, v1db1", Class::Transient),
        (ReadAll, 1, "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be completed on the connection., data 0, v4563", Class::Configuration),
        (ReadAll, 1, "00002120: SvcErr: DSID-0314050D", Class::Incomplete),
        (ReadAll, 3, "", Class::Incomplete),
        (ReadAll, 4, "", Class::Incomplete),
        (ReadAll, 11, "", Class::Incomplete),
        (ReadAll, 51, "", Class::Incomplete),
        (ReadAll, 52, "", Class::Incomplete),
        (ReadAll, 80, "", Class::Incomplete),
        (ReadAll, 2, "", Class::Incomplete),
        (ReadAll, 12, "00002040: SvcErr: DSID-031401E7, problem 5010 (UNAVAIL_EXTENSION), data 0", Class::Configuration),
        (ReadAll, 10, "0000202B: RefErr: DSID-03100835, data 0, 1 access points", Class::Configuration),
        (ReadAll, 32, "0000208D: NameErr: DSID-03100288, problem 2001 (NO_OBJECT), data 0, best match of: 'DC=example,DC=test'", Class::Configuration),
        (ReadAll, 50, "", Class::Denied),
        (Read, 32, "acl_read: Error retrieving instanceType for base. at ../../source4/x.c:967", Class::Gone),
        (Read, 4, "", Class::Incomplete),
        (Read, 51, "", Class::Transient),
        (Read, 80, "", Class::Unknown),
        (Add, 10, "0000202B: RefErr: DSID-0310082F, data 0, 1 access points", Class::Configuration),
        (Rename, 71, "00000057: …", Class::Configuration),
        (SetPassword, 53, "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0\n\0", Class::PasswordRejected), // W
        (SetPassword, 19, "0000052D: Constraint violation - check_password_restrictions: the password is too short.", Class::PasswordRejected), // S
        (SetPassword, 19, "0000052D: AtrErr: DSID-03191083, #1:\n\t0: 0000052D: DSID-03191083, problem 1005 (CONSTRAINT_ATT_TYPE), data 0, Att 9005a (unicodePwd)", Class::PasswordRejected), // W
        (Modify, 53, "0000052D: SvcErr: DSID-031A1254, problem 5003 (WILL_NOT_PERFORM), data 0", Class::PasswordRejected), // W: enabled without one
        (SetPassword, 53, "0000001F: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0", Class::PasswordRejected),
        (SetPassword, 53, "00002035: setup_io: it's not possible to set the password", Class::PasswordRejected),
        (SetPassword, 19, "00000056: AtrErr", Class::PasswordRejected),
        (SetPassword, 53, "00002077: SvcErr: DSID-03190F4A, problem 5003 (WILL_NOT_PERFORM), data 0", Class::Configuration),
        (Modify, 53, "00002035: LdapErr: DSID-0C090B3E, comment: Operation not allowed through GC port, data 0, v1db1", Class::Configuration),
        (SetPassword, 32, "", Class::Gone),
        (AddMembers, 68, "00000562: UpdErr: DSID-031A11FA, problem 6005 (ENTRY_EXISTS), data 0", Class::AlreadyThere), // W
        (AddMembers, 68, "Attribute member already exists for target GUID 15632d28-c78d-4b63-98fe-c615053196b9", Class::AlreadyThere), // S
        (AddMembers, 20, "00002083: AtrErr: DSID-031519C6, problem 1006 (ATT_OR_VALUE_EXISTS)", Class::AlreadyThere),
        (Modify, 68, "00000562: UpdErr: DSID-031A11FA, problem 6005 (ENTRY_EXISTS), data 0", Class::AlreadyThere),
        (RemoveMembers, 53, "00000561: SvcErr: DSID-031A1236, problem 5003 (WILL_NOT_PERFORM), data 0", Class::NotThere), // W
        (RemoveMembers, 53, "Attribute member doesn't exist for target GUID 41e9d2a9-e6c3-443b-8bbc-24d6d7638e3c", Class::NotThere), // S
        (RemoveMembers, 16, "00002085: AtrErr", Class::NotThere),
        (RemoveMembers, 53, "00002035: Unable to find GUID for DN CN=nobody,OU=T,DC=example,DC=test", Class::Gone), // S
        (RemoveMembers, 53, "0000055E: SvcErr: DSID-031A0FC4, problem 5003 (WILL_NOT_PERFORM), data 0", Class::ValueRejected), // the primary group
        (Modify, 53, "00000561: SvcErr: DSID-031A1236, problem 5003 (WILL_NOT_PERFORM), data 0", Class::NotThere),
        (Modify, 68, "Attribute member already exists for target GUID 15632d28-c78d-4b63-98fe-c615053196b9", Class::Changed), // S
        (Modify, 53, "Attribute member doesn't exist for target GUID 41e9d2a9-e6c3-443b-8bbc-24d6d7638e3c", Class::Changed), // S
        (AddMembers, 32, "00000525: specified dn doesn't exist at ../../source4/x.c:160", Class::Gone), // S
        (AddMembers, 32, "00000525: NameErr: DSID-031A120C, problem 2001 (NO_OBJECT), data 0, best match of:\n\t''", Class::Gone), // W
        (Modify, 32, "0000208D: NameErr: DSID-03100288, problem 2001 (NO_OBJECT), data 0", Class::Gone), // W
        (Modify, 32, "Base-DN '<GUID=11111111-1111-1111-1111-111111111111>' not found", Class::Gone), // S
        (Add, 32, "00002030: objectclass: Cannot add CN=A,OU=nope,DC=example,DC=test, parent does not exist!", Class::Gone), // S
        (Rename, 80, "00002095: objectclass: Cannot rename CN=a, parent does not exist!", Class::Gone), // S
        (Rename, 80, "00002089: UpdErr: DSID-031B0DA6, problem 5012 (DIR_ERROR), data 3", Class::Gone), // W
        (Add, 68, "00002071: UpdErr: DSID-031B0F5A, problem 6005 (ENTRY_EXISTS), data 0", Class::Exists), // W
        (Add, 68, "00000524: UpdErr: DSID-031A11FA, problem 6005 (ENTRY_EXISTS), data 0", Class::Exists), // W
        (Add, 68, "00000526: UpdErr", Class::Exists),
        (Add, 68, "Entry CN=A,OU=T,DC=example,DC=test already exists", Class::Exists), // S
        (Add, 68, "00002071: samldb: samAccountName 'A1' already in use!", Class::Exists), // S
        (Modify, 68, "00002071: samldb: samAccountName 'A1' already in use!", Class::Exists), // S
        (Rename, 68, "Entry CN=G,OU=T,DC=example,DC=test already exists", Class::Exists), // S
        (Modify, 19, "000021C8: AtrErr: DSID-03200EA7, #1:", Class::Exists), // W
        (Rename, 66, "00002015: UpdErr: DSID-031A1221, problem 6003 (CANT_ON_NON_LEAF), data 0", Class::HasChildren),
        (Modify, 16, "00000057: LdapErr: DSID-0C090D8A, comment: Error in attribute conversion operation, data 0, v4563", Class::ValueRejected), // W
        (Modify, 16, "00002085: AtrErr: DSID-03152804, #1:", Class::Changed), // W
        (Modify, 16, "attribute 'title': no matching attribute value while deleting attribute on 'CN=a'", Class::Changed), // S
        (Modify, 20, "0000200D: SINGLE-VALUE attribute title on CN=a specified more than once", Class::Changed), // S
        (Modify, 20, "00002083: AtrErr: DSID-031519C6, #1:", Class::Changed), // W
        (Modify, 19, "00002081: AtrErr: DSID-030F154F, #1:", Class::Changed), // W
        (Modify, 19, "000020B5: Referenced object not found", Class::ValueRejected),
        (Modify, 80, "00000057: setup_last_set_field: pwdLastSet must be 0 or -1 only!", Class::ValueRejected),
        (Modify, 67, "00002016: Modify of RDN 'CN' on CN=a not permitted, must use 'rename' operation instead", Class::ValueRejected),
        (Add, 64, "00002037: objectclass: Invalid RDN 'OU' for objectclass 'user'!", Class::ValueRejected),
        (Add, 65, "00002014: objectclass_attrs: at least one mandatory attribute ('ou') wasn't specified!", Class::ValueRejected),
        (Add, 34, "00002032: RDN mismatch on CN=e: CN (e) should match one of: (other)", Class::ValueRejected),
        (Add, 19, "0000202F: samldb: sAMAccountName contains invalid '*' character", Class::ValueRejected), // S
        (Add, 19, "00002082: AtrErr: DSID-03151D29, #1:", Class::ValueRejected), // W: too long
        (Modify, 21, "0000200B: objectclass_attrs: attribute 'initials' contains at least one invalid value!", Class::ValueRejected), // S: too long
        (Add, 20, "0000200D: SINGLE-VALUE attribute title specified more than once", Class::ValueRejected),
        (Modify, 53, "00002035: objectclass_attrs: attribute 'memberOf' must not be modified directly", Class::ValueRejected),
        (Rename, 53, "00002035: objectclass: Cannot rename OU=T to be a child of itself", Class::ValueRejected),
        (Add, 50, "00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0", Class::Denied),
        (Add, 51, "", Class::Transient),
        (Add, 3, "", Class::Transient),
        (Modify, 80, "0000203A: SvcErr", Class::Transient),
        (Modify, 80, "00000005: SvcErr", Class::Unknown),
        (Add, 123, "", Class::Unknown),
    ];

    /// AD table.
    #[test]
    fn each_answer_is_classified() {
        for (operation, code, message, class) in ANSWERS {
            let failure = classify(*operation, *code, message);
            assert_eq!(
                failure.class, *class,
                "{operation:?} {code} {message}: {failure}"
            );
            assert_eq!(failure.code, Some(*code));
        }
    }

    #[test]
    fn each_row_is_met_by_an_answer() {
        let mut met = vec![false; ROWS.len()];
        for (operation, code, message, _) in ANSWERS {
            let failure = classify(*operation, *code, message);
            let extended = failure.extended.unwrap_or(NONE);
            let words = decide(*operation, *code, extended).1;
            let at = ROWS.iter().position(|row| {
                row.words == words
                    && (row.operations.is_empty() || row.operations.contains(operation))
                    && (row.codes.is_empty() || row.codes.contains(code))
                    && (row.extended.is_empty() || row.extended.contains(&extended))
            });
            if let Some(at) = at {
                met[at] = true;
            }
        }
        for (row, met) in ROWS.iter().zip(met) {
            assert!(
                met,
                "no answer meets {:?} {:x?}: {}",
                row.codes, row.extended, row.words
            );
        }
    }

    #[test]
    fn a_failed_log_on_says_why() {
        let message = "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 773, v3839\0";
        let failure = classify(Bind, 49, message);
        assert_eq!(failure.extended, Some(0x773));
        assert!(
            failure
                .to_string()
                .starts_with("log-on refused: the account must change its password")
        );
        assert!(
            failure.to_string().ends_with("(result 49, 00000773)"),
            "{failure}"
        );
    }

    #[test]
    fn a_message_is_one_line_without_its_code() {
        let failure = classify(Modify, 19, "0000202F: AtrErr:\n\t0: \u{1b}[31mred\0\0");
        assert_eq!(
            failure.message,
            "the directory does not take the value: AtrErr: 0: [31mred"
        );
        assert_eq!(failure.extended, Some(0x202F));
        let long = classify(Modify, 19, &"x".repeat(1000)).message;
        assert_eq!(
            long.len(),
            MESSAGE_LONGEST + "the directory does not take the value: ".len()
        );
        assert_eq!(
            classify(Read, 51, "\0").message,
            "the directory is busy or unavailable"
        );
    }

    #[test]
    fn what_a_modify_asks_for() {
        let step = |operation, attribute: &'static str| Modification {
            operation,
            attribute: attribute.into(),
            values: vec![Value::from("x")],
        };
        use ModificationKind::{Add as Comes, Delete as Goes};
        assert_eq!(
            Operation::of(&[step(Comes, "Member"), step(Comes, "member")]),
            AddMembers
        );
        assert_eq!(Operation::of(&[step(Goes, "member")]), RemoveMembers);
        assert_eq!(
            Operation::of(&[step(Goes, "member"), step(Comes, "member")]),
            Modify
        );
        assert_eq!(Operation::of(&[step(Comes, "title")]), Modify);
        assert_eq!(Operation::of(&[]), Modify);
    }
}
