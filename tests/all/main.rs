//! Tests of the whole library.
mod agreement;
mod bed;
mod examples;
mod validators;
