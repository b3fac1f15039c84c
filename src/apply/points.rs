//! The fail points before a change is written and before its answer is heard, for each action of a directory.

use crate::connector::Failure;
use crate::failpoint::fail_point;
use crate::plan::Action;

/// The connection breaks: what was asked is not known to have come about.
#[cfg(feature = "failpoints")]
fn lost<T>() -> Result<T, Failure> {
    Err(Failure {
        class: crate::connector::FailureClass::Transient,
        code: None,
        extended: None,
        message: "the connection broke; whether it was written is not known".into(),
    })
}

/// Before a change is written.
pub(super) fn before(action: Action) -> Result<(), Failure> {
    match action {
        Action::Disable => fail_point!("disable", return lost()),
        Action::ResetPassword => fail_point!("reset-password", return lost()),
        Action::Expire => fail_point!("expire", return lost()),
        Action::RemoveMember => fail_point!("remove-member", return lost()),
        Action::Create => fail_point!("create", return lost()),
        Action::SetPassword => fail_point!("set-password", return lost()),
        Action::Update => fail_point!("update", return lost()),
        Action::Rename => fail_point!("rename", return lost()),
        Action::Move => fail_point!("move", return lost()),
        Action::Link => fail_point!("link", return lost()),
        Action::AddMember => fail_point!("add-member", return lost()),
        Action::Enable => fail_point!("enable", return lost()),
        Action::Adopt | Action::Revoke | Action::Grant => {}
    }
    Ok(())
}

/// After it was written, and before that is known here.
pub(super) fn answer(action: Action) -> Result<(), Failure> {
    match action {
        Action::Disable => fail_point!("disable-answer", return lost()),
        Action::ResetPassword => fail_point!("reset-password-answer", return lost()),
        Action::Expire => fail_point!("expire-answer", return lost()),
        Action::RemoveMember => fail_point!("remove-member-answer", return lost()),
        Action::Create => fail_point!("create-answer", return lost()),
        Action::SetPassword => fail_point!("set-password-answer", return lost()),
        Action::Update => fail_point!("update-answer", return lost()),
        Action::Rename => fail_point!("rename-answer", return lost()),
        Action::Move => fail_point!("move-answer", return lost()),
        Action::Link => fail_point!("link-answer", return lost()),
        Action::AddMember => fail_point!("add-member-answer", return lost()),
        Action::Enable => fail_point!("enable-answer", return lost()),
        Action::Adopt | Action::Revoke | Action::Grant => {}
    }
    Ok(())
}
