//! What [`LdapDirectory`] makes of what comes over the wire, also of what no domain controller would
//! send: a server that says what it is told to.

use countersign::connector::active_directory::ldap::{
    CaSource, LdapDirectory, LdapSettings, LdapTimeouts,
};
use countersign::connector::{
    At, Failure, FailureClass as Class, Modification, ModificationKind, Transport,
};
use countersign::dn::Dn;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

const BASE: &str = "DC=x";

/// A request, as far as the script looks at it.
struct Request {
    /// Which connection it came over, counted from 0.
    connection: usize,
    /// How many such requests came before it over this one.
    before: usize,
    what: What,
    id: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Bind,
    Root,
    ReadOne,
    /// A page of accounts.
    ReadAll,
    /// A page of groups and units.
    ReadOthers,
    Other,
}

/// What the server says: bytes, or nothing and farewell.
type Script = Arc<dyn Fn(&Request) -> Option<Vec<u8>> + Send + Sync>;

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag, 0x82];
    out.extend_from_slice(&u16::try_from(content.len()).unwrap().to_be_bytes());
    out.extend_from_slice(content);
    out
}

fn message(id: u8, operation: &[u8], controls: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&[2, 1, id], operation, controls].concat())
}

fn result(id: u8, tag: u8, code: u8, text: &[u8]) -> Vec<u8> {
    message(
        id,
        &tlv(tag, &[&[10, 1, code, 4, 0][..], &tlv(4, text)].concat()),
        &[],
    )
}

fn done(id: u8) -> Vec<u8> {
    result(id, 0x65, 0, b"")
}

fn attribute(name: &str, value: &[u8]) -> Vec<u8> {
    tlv(
        0x30,
        &[tlv(4, name.as_bytes()), tlv(0x31, &tlv(4, value))].concat(),
    )
}

fn entry(id: u8, dn: &str, attributes: &[u8]) -> Vec<u8> {
    let entry = [tlv(4, dn.as_bytes()), tlv(0x30, attributes)].concat();
    message(id, &tlv(0x64, &entry), &[])
}

fn unit(id: u8) -> Vec<u8> {
    let guid = attribute("objectGUID", b"0123456789abcdef");
    let class = attribute("objectClass", b"organizationalUnit");
    entry(id, "OU=a,DC=x", &[guid, class].concat())
}

/// The end of a page, with where the next one begins.
fn page_done(id: u8, code: u8, value: &[u8]) -> Vec<u8> {
    let control = tlv(
        0x30,
        &[tlv(4, b"1.2.840.113556.1.4.319"), tlv(4, value)].concat(),
    );
    let operation = tlv(0x65, &[10, 1, code, 4, 0, 4, 0]);
    message(id, &operation, &tlv(0xA0, &control))
}

fn cookie(text: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&[2, 1, 0][..], &tlv(4, text)].concat())
}

/// What every script says until it comes to its point.
fn usual(request: &Request) -> Option<Vec<u8>> {
    let id = request.id;
    Some(match request.what {
        What::Bind => result(id, 0x61, 0, b""),
        What::Root => [
            entry(id, "", &attribute("dsServiceName", b"CN=DC1")),
            done(id),
        ]
        .concat(),
        What::ReadOne | What::ReadAll => [unit(id), done(id)].concat(),
        What::ReadOthers => done(id),
        What::Other => result(id, 0x67, 0, b""),
    })
}

fn serve(script: impl Fn(&Request) -> Option<Vec<u8>> + Send + Sync + 'static) -> LdapSettings {
    let script: Script = Arc::new(script);
    let key = rcgen::generate_simple_self_signed(["localhost".to_string()]).unwrap();
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private)
        .unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!(
        "ldaps://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for (connection, stream) in listener.incoming().enumerate() {
            let tls = rustls::ServerConnection::new(config.clone()).unwrap();
            let stream = rustls::StreamOwned::new(tls, stream.unwrap());
            let script = script.clone();
            std::thread::spawn(move || speak(stream, connection, &script));
        }
    });
    LdapSettings {
        url,
        start_tls: false,
        base: Dn::parse(BASE).unwrap(),
        ca: Some(CaSource::Pem(key.cert.pem().into())),
        bind_dn: "me".into(),
        password: "secret".into(),
        server_name: None,
        timeouts: LdapTimeouts {
            connect: Duration::from_secs(20),
            operation: Duration::from_secs(20),
            read_all: Duration::from_secs(30),
        },
    }
}

fn speak(
    mut stream: rustls::StreamOwned<rustls::ServerConnection, TcpStream>,
    connection: usize,
    script: &Script,
) {
    let mut seen: Vec<What> = Vec::new();
    let mut read = Vec::new();
    loop {
        while let Some(length) = whole_message(&read) {
            let message = read.drain(..length).collect::<Vec<_>>();
            let Some((id, what)) = request(&message) else {
                return;
            };
            let before = seen.iter().filter(|seen| **seen == what).count();
            seen.push(what);
            match script(&Request {
                connection,
                before,
                what,
                id,
            }) {
                Some(answer) if stream.write_all(&answer).is_ok() && stream.flush().is_ok() => {}
                Some(_) | None => return,
            }
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => read.extend_from_slice(&buffer[..length]),
        }
    }
}

/// Length of tag, length and content of a BER element, and where its content begins.
fn measured(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*bytes.get(1)?);
    let (start, length) = match first {
        0..=0x7F => (2, first),
        _ => {
            let digits = bytes.get(2..2 + (first & 0x7F))?;
            (
                2 + digits.len(),
                digits.iter().fold(0, |n, b| n << 8 | usize::from(*b)),
            )
        }
    };
    Some((start + length, start))
}

fn whole_message(bytes: &[u8]) -> Option<usize> {
    measured(bytes)
        .map(|(length, _)| length)
        .filter(|length| *length <= bytes.len())
}

fn request(message: &[u8]) -> Option<(u8, What)> {
    let body = &message[measured(message)?.1..];
    let (_, at) = measured(body)?;
    let (id, operation) = (body[at], &body[measured(body)?.0..]);
    let what = match operation[0] {
        0x60 => What::Bind,
        0x63 => {
            let search = &operation[measured(operation)?.1..];
            let (length, start) = measured(search)?;
            match (length - start, search[length + 2]) {
                (0, _) => What::Root,
                (_, 0) => What::ReadOne,
                _ if search.windows(5).any(|part| part == b"group") => What::ReadOthers,
                _ => What::ReadAll,
            }
        }
        0x42 => return None,
        _ => What::Other,
    };
    Some((id, what))
}

fn connect(script: impl Fn(&Request) -> Option<Vec<u8>> + Send + Sync + 'static) -> LdapDirectory {
    LdapDirectory::connect(&serve(script)).unwrap()
}

/// The same, for what would never end: soon given up, and not before a busy machine has answered.
fn connect_impatiently(
    script: impl Fn(&Request) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> LdapDirectory {
    let mut settings = serve(script);
    settings.timeouts.operation = Duration::from_secs(2);
    settings.timeouts.read_all = Duration::from_secs(3);
    LdapDirectory::connect(&settings).unwrap()
}

fn read_all(directory: &mut LdapDirectory) -> Result<usize, Failure> {
    let mut count = 0;
    directory.read_all(&[], &mut |_| count += 1)?;
    Ok(count)
}

fn read_one(directory: &mut LdapDirectory) -> Result<bool, Failure> {
    let at = At::Dn(Dn::parse("OU=a,DC=x").unwrap());
    directory.read(&at, &[]).map(|entry| entry.is_some())
}

fn modify(directory: &mut LdapDirectory) -> Result<(), Failure> {
    let at = At::Dn(Dn::parse("OU=a,DC=x").unwrap());
    let operation = ModificationKind::Add;
    let step = Modification {
        operation,
        attribute: "info".into(),
        values: vec!["x".into()],
    };
    directory.modify(&at, &[step])
}

#[test]
fn the_usual_answers_are_understood() {
    let mut directory = connect(usual);
    assert_eq!(read_all(&mut directory), Ok(1));
    assert_eq!(read_one(&mut directory), Ok(true));
    modify(&mut directory).unwrap();
}

/// An answer to the request of that number, or none and farewell.
type Answer = fn(u8) -> Option<Vec<u8>>;

/// AD 78: what the library panics on.
#[test]
fn an_answer_that_cannot_be_understood_is_a_failure() {
    let answers: [Answer; 9] = [
        // No LDAP at all, or none that goes on.
        |_| Some(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        |_| Some(tlv(0x30, b"")),
        |id| Some(tlv(0x30, &tlv(0x30, &[id]))),
        |_| None,
        // Results that are none, or whose text is no text.
        |id| Some(message(id, &tlv(0x65, b""), &[])),
        |id| Some(result(id, 0x65, 0, &[0xFF, 0xFE])),
        |id| Some(result(id, 0x67, 0, &[0xFF, 0xFE])),
        |id| Some(message(id, &tlv(0x7E, b"x"), &[])),
        // Controls that are none.
        |id| {
            Some(message(
                id,
                &tlv(0x65, &[10, 1, 0, 4, 0, 4, 0]),
                &tlv(0xA0, &tlv(4, b"x")),
            ))
        },
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let mut directory = connect_impatiently(move |request| match request.what {
            What::ReadAll | What::Other => answer(request.id),
            What::Bind | What::Root | What::ReadOne | What::ReadOthers => usual(request),
        });
        let failure = read_all(&mut directory).unwrap_err();
        assert_eq!(failure.class, Class::Incomplete, "{number}: {failure}");
        // A result of a search is one of a modify, but for its tag, which the library does not look at.
        if number != 4 && modify(&mut directory).is_ok() {
            panic!("{number}: taken for a success");
        }
        assert_eq!(
            read_one(&mut directory),
            Ok(true),
            "{number}: it goes on with what it understands"
        );
    }
}

#[test]
fn an_entry_that_cannot_be_read_fails_the_read() {
    let entries: [fn(u8) -> Vec<u8>; 4] = [
        |id| message(id, &tlv(0x64, b""), &[]),
        |id| message(id, &tlv(0x64, &tlv(4, b"OU=a")), &[]),
        |id| entry(id, "OU=a,DC=x", b"\x04\x01x"),
        |id| entry(id, "nonsense", &attribute("objectClass", b"user")),
    ];
    for (number, entry) in entries.into_iter().enumerate() {
        let mut directory = connect(move |request| match request.what {
            What::ReadAll => Some([unit(request.id), entry(request.id), done(request.id)].concat()),
            What::ReadOne if request.before > 0 => {
                Some([entry(request.id), done(request.id)].concat())
            }
            What::Bind | What::Root | What::ReadOne | What::ReadOthers | What::Other => {
                usual(request)
            }
        });
        assert_eq!(
            read_all(&mut directory).unwrap_err().class,
            Class::Incomplete,
            "{number}"
        );
        assert_eq!(
            read_one(&mut directory).unwrap_err().class,
            Class::Incomplete,
            "{number}"
        );
    }
}

#[test]
fn a_page_that_failed_fails_the_read_though_it_says_where_the_next_begins() {
    let mut directory = connect(|request| match (request.what, request.before) {
        (What::ReadAll, 0) => Some(
            [
                unit(request.id),
                page_done(request.id, 51, &cookie(b"next")),
            ]
            .concat(),
        ),
        (What::ReadAll, _) => {
            Some([unit(request.id), page_done(request.id, 0, &cookie(b""))].concat())
        }
        _ => usual(request),
    });
    let failure = read_all(&mut directory).unwrap_err();
    assert_eq!(
        (failure.class, failure.code),
        (Class::Incomplete, Some(51)),
        "{failure}"
    );
}

#[test]
fn a_page_that_does_not_say_where_the_next_begins_fails_the_read() {
    for value in [&b""[..], b"x", b"\x30\x00", b"\x30\x03\x02\x01\x00"] {
        let mut directory = connect(move |request| match request.what {
            What::ReadAll => Some([unit(request.id), page_done(request.id, 0, value)].concat()),
            _ => usual(request),
        });
        assert_eq!(
            read_all(&mut directory).unwrap_err().class,
            Class::Incomplete,
            "{value:?}"
        );
    }
}

#[test]
fn pages_without_end_end() {
    let mut directory = connect_impatiently(|request| match request.what {
        What::ReadAll => {
            Some([unit(request.id), page_done(request.id, 0, &cookie(b"on"))].concat())
        }
        _ => usual(request),
    });
    let begin = std::time::Instant::now();
    let failure = read_all(&mut directory).unwrap_err();
    assert_eq!(failure.class, Class::Incomplete);
    assert!(begin.elapsed() < Duration::from_secs(20), "{failure}");
}

/// AD 75: one domain controller a run.
#[test]
fn another_controller_at_the_same_address_is_not_written_to() {
    let mut directory = connect(|request| match (request.what, request.connection) {
        (What::Root, 1) => {
            let root = entry(request.id, "", &attribute("dsServiceName", b"CN=DC2"));
            Some([root, done(request.id)].concat())
        }
        (What::Other, 0) => None,
        _ => usual(request),
    });
    assert_eq!(modify(&mut directory).unwrap_err().class, Class::Transient);
    let failure = modify(&mut directory).unwrap_err();
    assert_eq!(failure.class, Class::Transient);
    assert!(
        failure.message.contains("another domain controller"),
        "{failure}"
    );
    modify(&mut directory).unwrap();
}

/// A page of accounts, and the last one of them; groups and units over one of these connections.
fn two_pages(others: std::ops::Range<usize>) -> impl Fn(&Request) -> Option<Vec<u8>> {
    move |request| match (request.what, request.before) {
        (What::ReadAll, 0) => {
            Some([unit(request.id), page_done(request.id, 0, &cookie(b"next"))].concat())
        }
        (What::ReadAll, _) => Some([unit(request.id), done(request.id)].concat()),
        (What::ReadOthers, _) if !others.contains(&request.connection) => None,
        _ => usual(request),
    }
}

#[test]
fn groups_come_over_a_second_connection_of_the_same_controller_only() {
    let mut directory = connect(two_pages(1..2));
    assert_eq!(read_all(&mut directory), Ok(2));
    // The second connection is made for each read, and the first one goes on.
    let usual = two_pages(0..1);
    let mut directory = connect(move |request| match (request.what, request.connection) {
        (What::Root, 1) => {
            let root = entry(request.id, "", &attribute("dsServiceName", b"CN=DC2"));
            Some([root, done(request.id)].concat())
        }
        _ => usual(request),
    });
    assert_eq!(read_all(&mut directory), Ok(2));
}

#[test]
fn groups_that_do_not_come_fail_the_read() {
    let mut directory = connect_impatiently(two_pages(7..8));
    let failure = read_all(&mut directory).unwrap_err();
    assert_eq!(failure.class, Class::Incomplete, "{failure}");
}

#[test]
fn references_to_other_partitions_are_not_followed() {
    let mut directory = connect(|request| match request.what {
        What::ReadAll => {
            let reference = tlv(0x73, &tlv(4, b"ldap://elsewhere/CN=Configuration"));
            let reference = message(request.id, &reference, &[]);
            Some(
                [
                    reference.clone(),
                    unit(request.id),
                    reference,
                    done(request.id),
                ]
                .concat(),
            )
        }
        _ => usual(request),
    });
    assert_eq!(read_all(&mut directory), Ok(1));
}

#[test]
fn an_object_that_may_not_be_seen_is_not_absent() {
    let mut directory = connect(|request| match (request.what, request.before) {
        (What::ReadOne, 1..) => Some(done(request.id)),
        _ => usual(request),
    });
    assert_eq!(
        read_one(&mut directory).unwrap_err().class,
        Class::Incomplete
    );
}

#[test]
fn the_next_page_is_fetched_while_the_last_is_looked_at() {
    let (looks, is_looked_at) = std::sync::mpsc::channel();
    let (asks, is_asked_for) = std::sync::mpsc::channel();
    let is_looked_at = std::sync::Mutex::new(is_looked_at);
    let limit = Duration::from_secs(10);
    let mut directory = connect(move |request| match (request.what, request.before) {
        (What::ReadAll, 0) => {
            Some([unit(request.id), page_done(request.id, 0, &cookie(b"next"))].concat())
        }
        (What::ReadAll, _) => {
            asks.send(()).unwrap();
            // The second page does not come before the first has been seen.
            is_looked_at.lock().unwrap().recv_timeout(limit).unwrap();
            Some([unit(request.id), page_done(request.id, 0, &cookie(b""))].concat())
        }
        _ => usual(request),
    });
    let mut count = 0;
    let mut found = |_| {
        count += 1;
        if count == 1 {
            // The first is not done with before the second page was asked for.
            is_asked_for.recv_timeout(limit).unwrap();
            looks.send(()).unwrap();
        }
    };
    directory.read_all(&[], &mut found).unwrap();
    assert_eq!(count, 2);
}

#[test]
fn a_connection_that_does_not_answer_is_given_up() {
    let mut directory = connect_impatiently(|request| match (request.what, request.connection) {
        (What::Other | What::ReadAll, 0..2) => Some(Vec::new()),
        _ => usual(request),
    });
    assert_eq!(modify(&mut directory).unwrap_err().class, Class::Transient);
    assert_eq!(
        read_all(&mut directory).unwrap_err().class,
        Class::Incomplete
    );
    assert_eq!(read_all(&mut directory), Ok(1));
    modify(&mut directory).unwrap();
}
