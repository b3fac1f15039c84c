//! What happened in a directory since somebody looked: by DirSync where the log-on may use it, which tells of
//! whatever was deleted, too; else by the numbers of changes (uSNChanged), where deleted objects are seen only
//! by who may see them.
//!
//! Invariant: of one copy of the directory only. Numbers are each controller's own, and start again where its
//! database was put back from a backup (MS-ADTS 3.1.1.1.9).

use super::connection::Connection;
use super::entry::{CHANGE_NUMBER, Named, attributes};
use super::search::{ANYTHING, EVERYTHING, Query, answer, attributes_of, entries, incomplete};
use crate::connector::active_directory::failure::Operation;
use crate::connector::{AttributeName, Failure, FailureClass, Guid, Mark, Since, Touched, Value};
use crate::dn::Dn;
use crate::failpoint::fail_point;
use bytes::BytesMut;
use ldap3::Scope;
use ldap3::asn1::{
    ASNTag as _, Integer, OctetString, Sequence, StructureTag, Tag, parse_tag, write,
};
use ldap3::controls::{Control, RawControl};

/// Shows deleted objects (MS-ADTS 3.1.1.3.4.1.14).
const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";

/// Shows what changed since a cookie (MS-ADTS 3.1.1.3.4.1.3).
const DIR_SYNC: &str = "1.2.840.113556.1.4.841";

/// When an object was made.
const CREATED: &str = "whenCreated";

/// The number of the change that an object was made by.
const MADE_AT: &str = "uSNCreated";

/// Bytes of one answer of DirSync at most, the rest in the next.
const AT_ONCE: i64 = 1 << 20;

/// Objects beyond which reading everything is quicker than reading each.
const MANY: usize = 500;

/// Where the controller stands: its invocationId and the number of its last change, and DirSync's cookie
/// where the log-on may use that. None where it does not tell.
pub(super) fn mark(connection: &mut Connection) -> Result<Option<Mark>, Failure> {
    let Some(mark) = position(connection)? else {
        return Ok(None);
    };
    // A filter that nothing passes: only how far it has come is asked for.
    let nothing = format!("(!{ANYTHING})");
    let cookie = match synchronized(connection, nothing, Vec::new(), Vec::new()) {
        Ok((_, cookie)) => Some(cookie),
        Err(failure) if failure.code.is_some() => None,
        Err(failure) => return Err(failure),
    };
    Ok(Some(Mark { cookie, ..mark }))
}

fn position(connection: &mut Connection) -> Result<Option<Mark>, Failure> {
    fail_point!(
        "directory-mark",
        return Err(incomplete("the connection broke"))
    );
    let root = attributes_of(connection, "", &["dsServiceName", "highestCommittedUSN"])?;
    let text = |name: &str| first(&root, name).and_then(|v| Some(v.text()?.to_owned()));
    let (Some(service), Some(number)) = (
        text("dsServiceName"),
        text("highestCommittedUSN").and_then(|text| text.parse().ok()),
    ) else {
        return Ok(None);
    };
    let settings = match attributes_of(connection, &service, &["invocationId"]) {
        Ok(settings) => settings,
        Err(failure) if matches!(failure.class, FailureClass::Gone | FailureClass::Denied) => {
            return Ok(None);
        }
        Err(failure) => return Err(failure),
    };
    Ok(first(&settings, "invocationId").map(|source| Mark {
        source: source.bytes().to_vec(),
        number,
        cookie: None,
    }))
}

/// What happened to the objects that a read of everything tells of, and to those that were deleted.
pub(super) fn since(
    connection: &mut Connection,
    mark: &Mark,
    wanted: &[AttributeName],
) -> Result<Since, Failure> {
    let now = match position(connection)? {
        Some(now) if now.source == mark.source && now.number >= mark.number => now,
        Some(_) | None => return Ok(Since::Untold),
    };
    let cookie = mark.cookie.clone();
    if now.number == mark.number {
        return Ok(Since::Touched(Mark { cookie, ..now }, Vec::new()));
    }
    let of_interest = format!("(|{EVERYTHING}(isDeleted=TRUE))");
    let found = match cookie {
        Some(cookie) => {
            // Of a move only the name tells; of what is older than the cookie, not when it was made.
            let besides = ["objectGUID", "isDeleted", "name", CREATED].map(String::from);
            let wanted = wanted.iter().map(|name| name.as_str().to_owned());
            let wanted = wanted.chain(besides).collect();
            synchronized(connection, of_interest, wanted, cookie)
                .map(|(found, cookie)| (found, Some(cookie)))
        }
        None => {
            let filter = format!("(&({CHANGE_NUMBER}>={}){of_interest})", mark.number + 1);
            numbered(connection, filter).map(|found| (found, None))
        }
    };
    let (found, cookie) = match found {
        Ok(found) => found,
        // More than it lists in one answer; a cookie that it does not take, or no longer.
        Err(failure) if failure.code.is_some() => return Ok(Since::Untold),
        Err(failure) => return Err(failure),
    };
    if found.len() > MANY {
        return Ok(Since::Untold);
    }
    let touched = |tag| touched(tag, mark);
    let touched: Option<Vec<Touched>> = found.into_iter().map(touched).collect();
    // What may not be seen of one leaves open what it is.
    Ok(touched.map_or(Since::Untold, |touched| {
        Since::Touched(Mark { cookie, ..now }, touched)
    }))
}

fn numbered(connection: &mut Connection, filter: String) -> Result<Vec<StructureTag>, Failure> {
    let settings = connection.settings();
    let query = Query {
        base: naming_context(&settings.base).to_string(),
        scope: Scope::Subtree,
        filter,
        attributes: ["objectGUID", "isDeleted", MADE_AT]
            .map(String::from)
            .into(),
        sight: Some(RawControl {
            ctype: SHOW_DELETED.into(),
            crit: true,
            val: None,
        }),
        limit: settings.timeouts.operation,
    };
    entries(connection, &query, Operation::ReadAll)
}

/// What passes a filter and changed since a cookie, and the next cookie. It comes in parts.
fn synchronized(
    connection: &mut Connection,
    filter: String,
    attributes: Vec<String>,
    mut cookie: Vec<u8>,
) -> Result<(Vec<StructureTag>, Vec<u8>), Failure> {
    let mut found = Vec::new();
    loop {
        let settings = connection.settings();
        let query = Query {
            base: naming_context(&settings.base).to_string(),
            scope: Scope::Subtree,
            filter: filter.clone(),
            attributes: attributes.clone(),
            sight: Some(RawControl {
                ctype: DIR_SYNC.into(),
                crit: true,
                val: Some(asked(cookie.clone())?),
            }),
            limit: settings.timeouts.operation,
        };
        let (part, result) = answer(connection, &query, Operation::ReadAll)?;
        found.extend(part);
        let of_it = |control: &&Control| control.1.ctype == DIR_SYNC;
        let answered = result.ctrls.iter().find(of_it);
        let told = answered.and_then(|Control(_, raw)| told(raw.val.as_deref()?));
        let (is_whole, next) = told.ok_or_else(|| incomplete("a cookie cannot be understood"))?;
        if !is_whole && next == cookie {
            return Err(incomplete("the directory has more and does not come to it"));
        }
        cookie = next;
        if is_whole || found.len() > MANY {
            return Ok((found, cookie));
        }
    }
}

/// The value of the request's control: flags, most bytes, cookie. No flag: whoever may not use it is refused,
/// instead of being shown less.
fn asked(cookie: Vec<u8>) -> Result<Vec<u8>, Failure> {
    let number = |inner| {
        Tag::Integer(Integer {
            inner,
            ..Integer::default()
        })
    };
    let cookie = Tag::OctetString(OctetString {
        inner: cookie,
        ..OctetString::default()
    });
    let value = Tag::Sequence(Sequence {
        inner: vec![number(0), number(AT_ONCE), cookie],
        ..Sequence::default()
    });
    let mut bytes = BytesMut::new();
    write::encode_into(&mut bytes, value.into_structure())
        .map_err(|error| incomplete(&error.to_string()))?;
    Ok(bytes.to_vec())
}

/// Of the answer's control: whether that was all, and the next cookie.
fn told(value: &[u8]) -> Option<(bool, Vec<u8>)> {
    let (_, tag) = parse_tag(value).ok()?;
    let mut parts = tag.expect_constructed()?.into_iter();
    let more = parts.next()?.expect_primitive()?;
    let cookie = parts.nth(1)?.expect_primitive()?;
    Some((more.iter().all(|byte| *byte == 0), cookie))
}

fn touched(tag: StructureTag, mark: &Mark) -> Option<Touched> {
    let (name, all) = attributes(tag)?;
    let guid = Guid::from_wire(first(&all, "objectGUID")?.bytes())?;
    let is_deleted = first(&all, "isDeleted").and_then(Value::text) == Some("TRUE");
    let dn = match is_deleted {
        true => None,
        false => Some(Dn::parse(&name).ok()?),
    };
    let is_new = match mark.cookie {
        Some(_) => first(&all, CREATED).is_some(),
        None => {
            let made_at = first(&all, MADE_AT)?.text()?.parse::<u64>().ok()?;
            made_at > mark.number
        }
    };
    Some(Touched { guid, dn, is_new })
}

fn first<'a>(all: &'a [Named], name: &str) -> Option<&'a Value> {
    let named = all.iter().find(|n| n.name.eq_ignore_ascii_case(name))?;
    named.values.first()
}

/// The domain that a DN is in: deleted objects stand right below it, and DirSync is of all of it.
fn naming_context(base: &Dn) -> Dn {
    let mut dn = base.clone();
    while !dn.rdn().attribute().eq_ignore_ascii_case("DC") {
        match dn.parent() {
            Some(parent) => dn = parent,
            None => break,
        }
    }
    dn
}
