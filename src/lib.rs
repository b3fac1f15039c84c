//! Countersign.
pub mod name;
pub mod dn;
pub mod diagnostic;
pub mod source;
pub mod template;
pub mod manifest;
pub mod catalog;
pub mod request;
pub mod connector;
pub mod desired;
pub mod observed;
pub mod plan;
pub mod approval;
pub mod ledger;
pub mod apply;
pub mod notify;
pub mod report;
