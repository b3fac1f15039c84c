//! What a pull request means: not lines of YAML, but people and access. Pure.

pub mod barred;
pub mod control;
