//! Tests of the whole library and program, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod agreement;
mod bed;
mod examples;
mod rows;
mod schemas;
mod tidy;
mod validators;
