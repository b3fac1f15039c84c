//! Countersign.
pub mod name;
pub mod diagnostic;
pub mod source;
pub mod manifest;
pub mod report;
