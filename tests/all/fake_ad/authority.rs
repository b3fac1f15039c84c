//! A certification authority of the test's own, and the server certificates it signs.

use super::Certificate;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;

/// Makes the certificate and key of a server, and the PEM text of the authority to trust.
pub fn issue(certificate: Certificate, host: &str) -> (Arc<ServerConfig>, String) {
    let trusted = authority("Fake AD Root");
    let stranger;
    let issuer = match certificate {
        Certificate::OtherAuthority => {
            stranger = authority("Somebody else");
            &stranger
        }
        Certificate::Valid | Certificate::OtherName | Certificate::Expired => &trusted,
    };
    let names: &[&str] = match certificate {
        Certificate::OtherName => &["elsewhere.test"],
        Certificate::Valid | Certificate::Expired | Certificate::OtherAuthority => {
            &["localhost", "127.0.0.1", host]
        }
    };
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names are well-formed");
    params.distinguished_name.push(DnType::CommonName, host);
    params
        .extended_key_usages
        .push(ExtendedKeyUsagePurpose::ServerAuth);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = match certificate {
        Certificate::Expired => date_time_ymd(2021, 1, 1),
        Certificate::Valid | Certificate::OtherName | Certificate::OtherAuthority => {
            date_time_ymd(2120, 1, 1)
        }
    };
    let key = KeyPair::generate().expect("a key can be made");
    let leaf = params
        .signed_by(&key, issuer)
        .expect("a certificate can be signed");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("key and certificate fit");
    (Arc::new(config), trusted.pem())
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("no names are well-formed");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2120, 1, 1);
    let key = KeyPair::generate().expect("a key can be made");
    CertifiedIssuer::self_signed(params, key).expect("a certificate can be signed")
}
