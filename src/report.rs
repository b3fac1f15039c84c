//! Reports: values of the pipeline → text for people and for programs.

pub mod approval;
pub mod diagnostics;
pub mod explain;
pub mod identity;
pub mod ledger;
pub mod outcome;
pub mod people;
pub mod plan;
pub mod proposal;
pub mod row_security;
pub mod table;
pub mod task;
pub mod upcoming;
