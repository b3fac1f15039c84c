//! 5.6: every answer of the table has its class, and what stands in no table is said with its code.

use crate::fake::Company;
use crate::fake_ad::{Fault, Trigger};
use countersign::connector::FailureClass as Class;
use countersign::connector::active_directory::failure::{Operation, classify};

const EVERY: [Operation; 9] = [
    Operation::Bind,
    Operation::ReadAll,
    Operation::Read,
    Operation::Add,
    Operation::Modify,
    Operation::AddMembers,
    Operation::RemoveMembers,
    Operation::Rename,
    Operation::SetPassword,
];
const WRITES: &[Operation] = EVERY.split_at(3).1;
const READ: &[Operation] = &[Operation::Read];
const READ_ALL: &[Operation] = &[Operation::ReadAll];
const BIND: &[Operation] = &[Operation::Bind];
const ADD: &[Operation] = &[Operation::Add];
const RENAME: &[Operation] = &[Operation::Rename];
const MODIFY: &[Operation] = &[Operation::Modify];
const ADD_MEMBERS: &[Operation] = &[Operation::AddMembers];
const PASSWORD: &[Operation] = &[Operation::SetPassword];

/// Table 5.6, row by row: result code, extended code, what was asked, what it is.
#[rustfmt::skip]
const TABLE: &[(u32, &str, &[Operation], Class)] = &[
    (8, "", &EVERY, Class::Configuration),
    (49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1", BIND, Class::Configuration),
    (49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 525, v1db1", BIND, Class::Configuration),
    (49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 530, v1db1", BIND, Class::Configuration),
    (49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 531, v1db1", BIND, Class::Configuration),
    (49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 532, v1db1", BIND, Class::Configuration),
    (49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 533, v1db1", BIND, Class::Configuration),
    (49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 701, v1db1", BIND, Class::Configuration),
    (49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 773, v1db1", BIND, Class::Configuration),
    (49, "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 775, v1db1", BIND, Class::Configuration),
    (50, "00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0", WRITES, Class::Denied),
    (50, "", WRITES, Class::Denied),
    (51, "", WRITES, Class::Transient),
    (52, "", WRITES, Class::Transient),
    (80, "0000200E: SvcErr: DSID-02010478, problem 5001 (BUSY), data 0", WRITES, Class::Transient),
    (81, "", WRITES, Class::Transient),
    (85, "", WRITES, Class::Transient),
    (91, "", WRITES, Class::Transient),
    (3, "", WRITES, Class::Transient),
    (11, "", WRITES, Class::Transient),
    (3, "", READ, Class::Incomplete),
    (11, "", READ, Class::Incomplete),
    (4, "", READ_ALL, Class::Incomplete),
    (10, "0000202B: RefErr: DSID-03100835, data 0, 1 access points", &EVERY, Class::Configuration),
    (16, "00002085: AtrErr: DSID-03152804, #1:", MODIFY, Class::Changed),
    (19, "0000052D: AtrErr: DSID-03191083, #1:", WRITES, Class::PasswordRejected),
    (19, "0000202F: AtrErr", WRITES, Class::ValueRejected),
    (19, "000020B5: AtrErr", WRITES, Class::ValueRejected),
    (21, "0000200B: AtrErr", WRITES, Class::ValueRejected),
    (20, "0000200D: AtrErr", ADD, Class::ValueRejected),
    (32, "00000525: NameErr", WRITES, Class::Gone),
    (32, "0000208D: NameErr", WRITES, Class::Gone),
    (32, "00002089: NameErr", RENAME, Class::Gone),
    (53, "0000052D: SvcErr", WRITES, Class::PasswordRejected),
    (53, "0000001F: SvcErr", PASSWORD, Class::PasswordRejected),
    (53, "00002077: SvcErr", PASSWORD, Class::Configuration),
    (53, "00002035: setup_io", PASSWORD, Class::PasswordRejected),
    (53, "00002035: LdapErr: DSID-0C090B3E, comment: Operation not allowed through GC port, data 0", WRITES, Class::Configuration),
    (66, "00002015: UpdErr", WRITES, Class::HasChildren),
    (67, "00002016: UpdErr", WRITES, Class::ValueRejected),
    (68, "00002071: UpdErr", ADD, Class::Exists),
    (68, "00002071: UpdErr", RENAME, Class::Exists),
    (68, "00000524: UpdErr", ADD, Class::Exists),
    (68, "00000526: UpdErr", ADD, Class::Exists),
    (68, "00000562: UpdErr", ADD_MEMBERS, Class::AlreadyThere),
    (80, "00000057: setup_last_set_field: pwdLastSet must be 0 or -1 only!", WRITES, Class::ValueRejected),
];

#[test]
fn ad_table_every_answer_has_its_class() {
    for (code, message, operations, class) in TABLE {
        for operation in *operations {
            let failure = classify(*operation, *code, message);
            assert_eq!(
                failure.class, *class,
                "{operation:?} {code} {message}: {failure}"
            );
            assert!(
                failure.to_string().contains(&format!("(result {code}")),
                "{failure}"
            );
        }
    }
}

#[test]
fn ad_table_an_answer_of_no_row_is_said_with_its_code() {
    for code in (0..=255).filter(|code| *code != 0) {
        for hex in [0x0000_ABCD, 0x8007_1234, 0xFFFF_FFFF_u32] {
            for operation in EVERY {
                let message = format!("{hex:08X}: SvcErr: DSID-0BADF00D, problem 9 (NEW), data 0");
                let failure = classify(operation, code, &message);
                let said = failure.to_string();
                assert!(
                    said.contains(&format!("(result {code}, {hex:08X})")),
                    "{said}"
                );
                assert_eq!((failure.code, failure.extended), (Some(code), Some(hex)));
            }
        }
    }
    let failure = classify(Operation::Add, 80, "0000ABCD: SvcErr: DSID-0BADF00D");
    assert_eq!(failure.class, Class::Unknown);
    assert!(
        failure.message.contains("this program does not know"),
        "{failure}"
    );
    assert_eq!(classify(Operation::Modify, 123, "").class, Class::Unknown);
}

#[test]
fn ad_table_who_applies_is_told_the_code_of_an_unknown_answer() {
    let company = Company::new();
    let answer = "0000ABCD: SvcErr: DSID-0BADF00D, problem 9 (NEW), data 0";
    company
        .ad
        .fault(Fault::answer(Trigger::Write, 1, 80, answer));
    let ran = company.access.run(&["apply"]).ends(1);
    assert!(ran.out.contains("(result 80, 0000ABCD)"), "{}", ran.out);
    assert!(
        ran.out.contains("this program does not know"),
        "{}",
        ran.out
    );
    company.nobody_lost_anything();
    company.settles_within(3);
}
