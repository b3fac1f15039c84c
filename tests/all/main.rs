//! Tests of the whole library and program, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod ad;
#[cfg(feature = "age")]
mod adopted;
mod agreement;
mod approval;
mod authoring;
mod bed;
mod ci;
mod city;
mod contract;
mod demo;
mod diff;
#[cfg(feature = "age")]
mod drift;
mod edges;
mod examples;
mod fake;
mod folding;
mod following;
mod forge;
mod fake_ad;
mod hostile;
mod hostile_names;
mod identities;
mod ledger;
mod life;
mod maintainer;
mod notify_ldif;
mod notify_smtp;
mod outlook;
mod people;
mod policy;
mod rows;
mod run;
mod schemas;
mod tidy;
mod validators;
