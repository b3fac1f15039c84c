//! Scratch: the lead's file declares these.

pub mod failure;
pub mod ldap;
pub mod ldif;
pub mod ldif_text;
pub mod matching;
pub mod metadata;
