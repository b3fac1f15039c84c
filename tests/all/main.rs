//! Tests of the whole library.
#![allow(clippy::unwrap_used)]
mod agreement;
mod hostile;
mod validators;
