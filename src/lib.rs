//! Countersign: access as code. What people may do stands in a git repository; merging approves it;
//! Active Directory and the maintainers of everything else are brought in line with it.
//!
//! # The architecture is this line
//!
//! ```text
//! git tree -> manifests -> catalog -> requests folded (to an instant) -> desired state \
//!                                                                                       -> plan -> apply | notify -> ledger
//! directory (LDAP / LDIF) -> observed state, accounts; ledger -> tasks, grants          /
//! ```
//!
//! Everything left of `apply` is pure and deterministic: the same commit, instant and observation
//! give the same plan, byte for byte. Side effects live at the edges only.
//!
//! # Invariants
//!
//! - **Reading order is import order.** A module uses only modules declared above it here, so there
//!   are no circles and a newcomer reads top to bottom (`tests/all/tidy.rs` keeps it).
//! - **Parsing gives a value and mistakes**, not either: one mistake never hides another. A mistake of
//!   the author is a [`diagnostic::Diagnostic`]; a failure of the world is an error.
//! - **What could not be read never looks like absence.** A read is complete or the plan fails.
//! - **There is no dry run.** `plan` makes a value, `apply` consumes it. Every change carries its
//!   `before` as a precondition; disagreement is `conflict`, never an overwrite.
//! - **`plan` never sees manifests or the catalog**; what it needs is in the desired state, causes
//!   included. `observed` has no opinions. `apply` makes no choice. `notify` talks to no connector.
//! - **Nothing outside the managed OUs, groups and attributes** is compared, let alone touched; the
//!   operator's limits and the repository's are intersected in [`plan::limits`].
//! - **Accounts are found by objectGUID**, adopted by a declared GUID or an anchor, never by name;
//!   a name once held is never given to anybody else.
//!
//! # Threat model, in short
//!
//! 1. Whoever opens a pull request controls every manifest. Nothing in a manifest decides where a
//!    credential is sent: servers, secrets and outer limits stand in the operator's file, which is
//!    refused when it lies in the repository or anybody can write it.
//! 2. Names and values are hostile. They reach DN, filter, LDIF, mail header, HTML, PowerShell and
//!    terminal only through writers that cannot be broken out of; a corpus proves it on a real
//!    domain controller.
//! 3. Templates run strict and bounded; YAML is bounded in size, depth and aliases; links are not
//!    followed.
//! 4. Connections are encrypted and verified, or refused. Secrets are a type that cannot print.
//! 5. A directory that answers half is a failed read. A directory that changed is a conflict.
//! 6. Guards bound what one run may do; protected objects are never touched.
//! 7. With `signed-merge` and `forge-reviews` nothing is done that the administrators of the revision
//!    before did not approve, none for themselves; with `trust-branch` whoever can move the branch is
//!    trusted, and every plan says so. A policy that cannot be used, or whose evaluation fails or does
//!    not end, refuses; a pull request is asked by the policies it starts from, too. SECURITY.md has
//!    the table.

// -- vocabulary
pub mod failpoint;
pub mod sorted;
pub mod name;
pub mod dn;
pub mod diagnostic;
pub mod source;
pub mod template;
pub mod seal;

// -- the pipeline: what should be
pub mod manifest;
pub mod catalog;
pub mod request;

// -- what is, and what to do
pub mod connector;
pub mod desired;
pub mod impact;
pub mod policy;
pub mod proposal;
pub mod observed;
pub mod plan;
pub mod forge;
pub mod approval;
pub mod ledger;
pub mod apply;
pub mod notify;

// -- the shell
pub mod report;
pub mod operator;
pub mod author;
pub mod reconcile;
pub mod service;
pub mod cli;
