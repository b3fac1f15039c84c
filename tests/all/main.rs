//! Tests of the whole library.
mod agreement;
mod city;
mod validators;
