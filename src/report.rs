//! Reports: values of the pipeline → text for people and for programs.

pub mod diagnostics;
pub mod explain;
pub mod outcome;
pub mod plan;
pub mod task;
pub mod upcoming;
