//! Reports: values of the pipeline → text for people and for programs.

pub mod diagnostics;
