//! Whom the program talks to, and who it is there: certificates, encryption, log-on.

use super::{BASE, Company, options};
use crate::fake_ad::{Certificate, Options};

fn with(certificate: Certificate) -> Company {
    Company::with(Options {
        certificate,
        ..options()
    })
}

/// That nothing was concluded, for this reason, and that nobody was told a password.
#[track_caller]
fn refused(company: &Company, reason: &str) {
    let ran = company.access.run(&["plan"]).ends(3);
    assert_eq!(ran.out, "");
    let error = ran.err.to_lowercase();
    assert!(error.contains(reason), "{reason:?} is not in {}", ran.err);
    assert!(!ran.err.contains("Correct-Horse"), "{}", ran.err);
    company.access.run(&["apply"]).ends(3);
    assert_eq!(company.writes(|_| true), Vec::<String>::new());
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let company = with(Certificate::OtherName);
    refused(&company, "name");
    assert_eq!(company.ad.log(), []);
}

#[test]
fn an_expired_certificate_is_refused() {
    let company = with(Certificate::Expired);
    refused(&company, "expired");
    assert_eq!(company.ad.log(), []);
}

#[test]
fn a_certificate_by_another_authority_is_refused() {
    let company = with(Certificate::OtherAuthority);
    refused(&company, "certificate");
    assert_eq!(company.ad.log(), []);
}

#[test]
fn start_tls_is_as_good_as_ldaps() {
    let company = Company::new();
    let url = format!("url: {}\n    startTls: true", company.ad.ldap_url());
    let company = company.connected(&url, crate::fake_ad::PASSWORD);
    company.access.apply();
    company.access.run(&["plan", "--detailed-exitcode"]).ends(0);
}

#[test]
fn a_plain_address_is_refused_before_anything_is_sent() {
    let company = Company::new();
    let url = format!("url: {}", company.ad.ldap_url());
    let company = company.connected(&url, crate::fake_ad::PASSWORD);
    let ran = company.access.run(&["plan"]).ends(64);
    assert!(ran.err.contains("plain-connection"), "{}", ran.err);
    assert_eq!(company.ad.log(), []);
}

/// AD 50, through the whole program.
#[test]
fn why_a_log_on_failed_is_said() {
    let company = Company::new();
    let url = format!("url: {}", company.ad.ldaps_url());
    let company = company.connected(&url, "Wrong-Horse-7");
    refused(&company, "the name or the password is wrong");
    let company = company.connected(&url, crate::fake_ad::PASSWORD);
    let administrator = format!("CN=Administrator,CN=Users,{BASE}");
    company
        .ad
        .change(|ad| ad.replace(&administrator, "userAccountControl", &["514"]));
    refused(&company, "disabled");
}

#[test]
fn nobody_logs_on_without_a_password() {
    let company = Company::new();
    let url = format!("url: {}", company.ad.ldaps_url());
    let company = company.connected(&url, "");
    let ran = company.access.run(&["plan"]);
    assert!(ran.code == 3 || ran.code == 64, "{}\n{}", ran.out, ran.err);
    assert!(ran.err.contains("empty"), "{}", ran.err);
    assert_eq!(company.ad.log(), []);
}
