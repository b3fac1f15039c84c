//! Tests of the whole library.
mod agreement;
mod validators;
