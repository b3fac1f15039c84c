//! Another request about somebody on a day that has one already.

use super::writes_one;
use crate::bed::Access;

#[test]
fn a_name_that_a_folded_request_has_is_taken() {
    let access = Access::example("bloomington");
    access.edit(
        "countersign.yaml",
        "spec:\n",
        "spec:\n  foldedThrough: \"2026-01-02\"\n",
    );
    access.write(
        "archive/a-marriage.yaml",
        "apiVersion: countersign/v1\nkind: Request\nmetadata: {name: 2099-02-01-change-maria.lopez}\n\
         spec: {action: Change, requestedBy: dana.reyes, subject: maria.lopez, effective: 2026-01-01, set: {title: Clerk}}\n",
    );
    let change = [
        "request",
        "change",
        "maria.lopez",
        "--login",
        "mbloom",
        "--effective",
        "2099-02-01",
    ];
    let (path, request) = writes_one(&access, &change);
    assert_eq!(path, "requests/2099-02-01-change-maria.lopez-2.yaml");
    assert_eq!(
        request["metadata"]["name"],
        "2099-02-01-change-maria.lopez-2"
    );
}
