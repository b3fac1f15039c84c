//! Reads: turns pages of search results, and values that come in parts, into whole entries.
//!
//! Decision: the pages are asked for here, not by the library's own way of paging, which goes on to the
//! next page whatever the result of the one before, and so would take a read for whole that was not.

use super::connection::{Connection, Setback};
use super::entry::{CHANGE_NUMBER, Found, NEEDED, Named, Partial, attributes};
use crate::connector::active_directory::failure::{Operation, classify, unanswered};
use crate::connector::{At, AttributeName, Entry, Failure, FailureClass, Guid, Value};
use crate::dn::Dn;
use crate::failpoint::fail_point;
use ldap3::asn1::{StructureTag, parse_tag};
use ldap3::controls::{Control, ControlType, PagedResults, RawControl};
use ldap3::{Ldap, LdapResult, Scope};
use std::collections::BTreeSet;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Accounts, groups and organizational units; computers are users too, but not persons.
pub(super) const EVERYTHING: &str = "(|(&(objectCategory=person)(objectClass=user))(objectCategory=group)\
                          (objectCategory=organizationalUnit))";

/// The two parts that everything is read in. What an entry is never changes (objectCategory is the schema's),
/// so none goes from one to the other while they are read.
const ACCOUNTS: &str = "(&(objectCategory=person)(objectClass=user))";
const OTHERS: &str = "(|(objectCategory=group)(objectCategory=organizationalUnit))";
pub(super) const ANYTHING: &str = "(objectClass=*)";

/// Entries a page: as many as a domain controller gives at most (MaxPageSize).
const PAGE: i32 = 1000;

/// Entries that may wait to be understood; more, and the network waits.
const WAITING: usize = 4 * PAGE as usize;

/// How often values in parts are read from the start, when the object changes while they are read.
const RANGE_TRIES: usize = 3;

/// One search request.
#[derive(Clone)]
pub(super) struct Query {
    pub(super) base: String,
    pub(super) scope: Scope,
    pub(super) filter: String,
    pub(super) attributes: Vec<String>,
    /// What has it see something else than what is there.
    pub(super) sight: Option<RawControl>,
    /// For the next answer.
    pub(super) limit: Duration,
}

enum Arrived {
    Entry(StructureTag),
    End(Result<(), Failure>),
}

/// Where the entries of a search go, and how many may wait there.
#[derive(Clone)]
struct Outbox {
    send: mpsc::Sender<Arrived>,
    room: Arc<Semaphore>,
}

impl Outbox {
    /// Whether anybody still wants it.
    async fn put(&self, tag: StructureTag) -> bool {
        match self.room.acquire().await {
            Ok(permit) => {
                permit.forget();
                self.send.send(Arrived::Entry(tag)).is_ok()
            }
            Err(_) => false,
        }
    }
}

/// Reads all below the base. The next page is fetched while `found` has the last one; and where there is more
/// than a page of accounts, groups and units come over a second connection meanwhile: a domain controller
/// works for several at once.
pub(super) fn read_all(
    connection: &mut Connection,
    wanted: &[AttributeName],
    found: &mut dyn FnMut(Entry),
) -> Result<(), Failure> {
    let ldap = connection.ready()?;
    let settings = connection.settings();
    let whole_limit = settings.timeouts.read_all;
    let query = |filter: &str| Query {
        base: settings.base.to_string(),
        scope: Scope::Subtree,
        filter: filter.into(),
        sight: None,
        attributes: asked(wanted),
        limit: settings.timeouts.operation,
    };
    let (accounts, others) = (query(ACCOUNTS), query(OTHERS));
    let another = connection.another();
    let room = Arc::new(Semaphore::new(WAITING));
    let (send, arrived) = mpsc::channel();
    let outbox = Outbox {
        send: send.clone(),
        room: room.clone(),
    };
    connection.start(async move {
        let read = parts(ldap, another, (accounts, others), outbox);
        let end = match tokio::time::timeout(whole_limit, read).await {
            Ok(end) => end,
            Err(_) => Err(incomplete("reading everything took too long")),
        };
        let _ = send.send(Arrived::End(end));
    });
    let mut partial = Vec::new();
    let mut has_any = false;
    let end = loop {
        match arrived.recv() {
            Ok(Arrived::Entry(tag)) => {
                room.add_permits(1);
                has_any = true;
                match Found::read(tag, wanted) {
                    Ok(whole) if whole.partial.is_empty() => found(whole.entry),
                    Ok(part) => partial.push(part),
                    Err(fault) => break Err(incomplete(&fault.to_string())),
                }
            }
            Ok(Arrived::End(end)) => break end,
            Err(mpsc::RecvError) => break Err(incomplete("an answer cannot be understood")),
        }
    };
    if let Err(failure) = end {
        // Whatever of this read is still on its way must not be met by the next one.
        room.close();
        connection.abandon();
        return Err(failure);
    }
    if !has_any {
        return Err(incomplete(
            "nothing below the base can be seen: has the log-on the right to?",
        ));
    }
    for part in partial {
        found(completed(connection, part)?);
    }
    Ok(())
}

/// Reads one entry.
pub(super) fn read(
    connection: &mut Connection,
    at: &At,
    wanted: &[AttributeName],
) -> Result<Option<Entry>, Failure> {
    fail_point!(
        "entry-read",
        return Err(unanswered(FailureClass::Transient, "the connection broke"))
    );
    let tag = match base_search(connection, at, asked(wanted)) {
        Ok(tag) => tag,
        Err(failure) if failure.class == FailureClass::Gone => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let found = Found::read(tag, wanted).map_err(|fault| incomplete(&fault.to_string()))?;
    match found.partial.is_empty() {
        true => Ok(Some(found.entry)),
        false => completed(connection, found).map(Some),
    }
}

/// What a principal name may end in: the DNS names of the forest's domains, which have a NetBIOS name
/// (MS-ADTS 6.1.1.2.1.1.4), and its uPNSuffixes. None where the log-on may not see them.
pub(super) fn principal_suffixes(
    connection: &mut Connection,
) -> Result<Option<BTreeSet<String>>, Failure> {
    let Some(configuration) = connection.configuration() else {
        return Ok(None);
    };
    let query = Query {
        base: format!("CN=Partitions,{configuration}"),
        scope: Scope::Subtree,
        filter: ANYTHING.into(),
        sight: None,
        attributes: ["uPNSuffixes", "dnsRoot", "nETBIOSName"]
            .map(String::from)
            .into(),
        limit: connection.settings().timeouts.operation,
    };
    let found = match entries(connection, &query, Operation::Read) {
        Ok(found) => found,
        Err(failure) if matches!(failure.class, FailureClass::Gone | FailureClass::Denied) => {
            return Ok(None);
        }
        Err(failure) => return Err(failure),
    };
    let mut suffixes = BTreeSet::new();
    for (_, all) in found.into_iter().filter_map(attributes) {
        let is_domain = all
            .iter()
            .any(|n| n.name.eq_ignore_ascii_case("nETBIOSName"));
        let named = all.iter().filter(|n| {
            n.name.eq_ignore_ascii_case("uPNSuffixes")
                || (is_domain && n.name.eq_ignore_ascii_case("dnsRoot"))
        });
        let texts = named.flat_map(|n| &n.values).filter_map(Value::text);
        suffixes.extend(texts.map(str::to_lowercase));
    }
    let own = Dn::domain(&connection.settings().base);
    Ok((!suffixes.is_empty()).then(|| suffixes.into_iter().chain(own).collect()))
}

/// The attributes of one object.
pub(super) fn attributes_of(
    connection: &mut Connection,
    dn: &str,
    wanted: &[&str],
) -> Result<Vec<Named>, Failure> {
    let query = Query {
        base: dn.to_owned(),
        scope: Scope::Base,
        filter: ANYTHING.into(),
        attributes: wanted.iter().map(|name| (*name).to_owned()).collect(),
        sight: None,
        limit: connection.settings().timeouts.operation,
    };
    let found = entries(connection, &query, Operation::Read)?;
    let all = found.into_iter().next().and_then(attributes);
    Ok(all.map(|(_, all)| all).unwrap_or_default())
}

/// How a request names an object.
pub(super) fn name_of(at: &At) -> String {
    match at {
        At::Guid(guid) => format!("<GUID={guid}>"),
        At::Dn(dn) => dn.to_string(),
    }
}

fn asked(wanted: &[AttributeName]) -> Vec<String> {
    let needed = NEEDED
        .iter()
        .filter(|name| !wanted.iter().any(|wanted| wanted.is(name)));
    let wanted = wanted.iter().map(|name| name.as_str().to_string());
    wanted
        .chain(needed.map(|name| (*name).to_string()))
        .collect()
}

pub(super) fn incomplete(words: &str) -> Failure {
    unanswered(
        FailureClass::Incomplete,
        format!("the read is not complete: {words}"),
    )
}

/// All pages of two searches.
async fn parts(
    ldap: Ldap,
    another: impl Future<Output = Result<Ldap, Failure>>,
    (one, other): (Query, Query),
    outbox: Outbox,
) -> Result<(), Failure> {
    let cookie = page(&mut ldap.clone(), &one, Vec::new(), &outbox).await?;
    if cookie.is_empty() {
        return pages(ldap, &other, cookie, &outbox).await;
    }
    let besides = async {
        // One connection carries both where there is no other to be had.
        let second = another.await.ok();
        let read = pages(
            second.clone().unwrap_or(ldap.clone()),
            &other,
            Vec::new(),
            &outbox,
        )
        .await;
        if let Some(mut second) = second {
            // Whatever becomes of the farewell, everything was read by then.
            let _ = second.unbind().await;
        }
        read
    };
    tokio::try_join!(pages(ldap.clone(), &one, cookie, &outbox), besides).map(drop)
}

/// The pages of a search, from one on.
async fn pages(
    mut ldap: Ldap,
    query: &Query,
    mut cookie: Vec<u8>,
    outbox: &Outbox,
) -> Result<(), Failure> {
    loop {
        cookie = page(&mut ldap, query, cookie, outbox).await?;
        if cookie.is_empty() {
            return Ok(());
        }
    }
}

/// A page of a search, and where the next one begins; empty after the last.
async fn page(
    ldap: &mut Ldap,
    query: &Query,
    cookie: Vec<u8>,
    outbox: &Outbox,
) -> Result<Vec<u8>, Failure> {
    fail_point!("page", return Err(incomplete("the connection broke")));
    let control = PagedResults { size: PAGE, cookie }.into();
    let result = search(ldap, query, Some(control), Operation::ReadAll, outbox).await;
    let result = result.map_err(|setback| match setback {
        Setback::Refused(failure) => failure,
        Setback::Disconnected(failure) => incomplete(&failure.message),
    })?;
    fail_point!("page-read", return Err(incomplete("the connection broke")));
    next_page(&result).ok_or_else(|| incomplete("a page cannot be understood"))
}

/// One search, its result looked at; the entries go into the outbox.
async fn search(
    ldap: &mut Ldap,
    query: &Query,
    control: Option<RawControl>,
    operation: Operation,
    outbox: &Outbox,
) -> Result<LdapResult, Setback> {
    let setback = |error| Setback::of(operation, &error);
    let controls: Vec<RawControl> = control.into_iter().chain(query.sight.clone()).collect();
    ldap.controls = (!controls.is_empty()).then_some(controls);
    let mut stream = ldap
        .with_timeout(query.limit)
        .streaming_search(
            &query.base,
            query.scope,
            &query.filter,
            query.attributes.clone(),
        )
        .await
        .map_err(setback)?;
    while let Some(found) = stream.next().await.map_err(setback)? {
        // References to other partitions are not followed.
        if found.is_ref() || found.is_intermediate() {
            continue;
        }
        if !outbox.put(found.0).await {
            break;
        }
    }
    // Without this a search that ended half-way would look like one that ended.
    let result = stream.finish().await;
    match result.rc {
        0 => Ok(result),
        code => Err(Setback::Refused(classify(operation, code, &result.text))),
    }
}

/// Where the next page begins, empty after the last; nothing where that cannot be told.
fn next_page(result: &LdapResult) -> Option<Vec<u8>> {
    let paged = result
        .ctrls
        .iter()
        .find_map(|Control(sort, raw)| match sort {
            Some(ControlType::PagedResults) => Some(raw),
            _ => None,
        });
    let Some(raw) = paged else {
        return Some(Vec::new());
    };
    let (_, tag) = parse_tag(raw.val.as_deref()?).ok()?;
    tag.expect_constructed()?
        .into_iter()
        .nth(1)?
        .expect_primitive()
}

/// Reads one object.
fn base_search(
    connection: &mut Connection,
    at: &At,
    attributes: Vec<String>,
) -> Result<StructureTag, Failure> {
    let query = Query {
        base: name_of(at),
        scope: Scope::Base,
        filter: ANYTHING.into(),
        sight: None,
        attributes,
        limit: connection.settings().timeouts.operation,
    };
    let found = entries(connection, &query, Operation::Read)?;
    let entry = found.into_iter().next();
    entry.ok_or_else(|| incomplete("an object is there, and may not be seen"))
}

/// What a search without pages finds.
pub(super) fn entries(
    connection: &mut Connection,
    query: &Query,
    operation: Operation,
) -> Result<Vec<StructureTag>, Failure> {
    answer(connection, query, operation).map(|(entries, _)| entries)
}

/// What a search without pages finds, and its result, over a new connection where the old one turns out to
/// be lost.
pub(super) fn answer(
    connection: &mut Connection,
    query: &Query,
    operation: Operation,
) -> Result<(Vec<StructureTag>, LdapResult), Failure> {
    let once = |connection: &mut Connection| {
        let (mut ldap, query) = (connection.ready().map_err(Setback::Refused)?, query.clone());
        let (send, arrived) = mpsc::channel();
        let outbox = Outbox {
            send,
            // Nobody takes any before the last has come, so there is room for all.
            room: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        };
        let search = async move { search(&mut ldap, &query, None, operation, &outbox).await };
        let result = connection.run(search)?;
        let entries = arrived.into_iter().filter_map(|arrived| match arrived {
            Arrived::Entry(tag) => Some(tag),
            Arrived::End(_) => None,
        });
        Ok((entries.collect(), result))
    };
    let read = match once(connection) {
        Err(Setback::Disconnected(_)) => {
            connection.abandon();
            once(connection)
        }
        read => read,
    };
    read.map_err(|setback| match setback {
        Setback::Refused(failure) => failure,
        Setback::Disconnected(failure) => {
            connection.abandon();
            failure
        }
    })
}

/// Reads the rest of what came in parts (MS-ADTS 3.1.1.3.1.3.3). One part missing, and nothing of it counts.
fn completed(connection: &mut Connection, found: Found) -> Result<Entry, Failure> {
    let Found {
        mut entry,
        partial,
        change_number,
    } = found;
    for Partial { attribute, values } in partial {
        let mut start = Some((values, change_number.clone()));
        let mut tries = 0;
        let whole = loop {
            tries += 1;
            let (values, number) = start.take().unwrap_or_default();
            let rest = rest(connection, entry.guid, &attribute, values, number);
            match rest.map_err(|failure| Failure {
                class: FailureClass::Incomplete,
                ..failure
            })? {
                Some(values) => break values,
                None if tries < RANGE_TRIES => {}
                None => {
                    let words = format!("`{attribute}` of {} changed while it was read", entry.dn);
                    return Err(incomplete(&words));
                }
            }
        };
        entry.attributes.insert(attribute, whole);
    }
    Ok(entry)
}

/// The values from those on; nothing where the object changed meanwhile, and values may have been skipped.
fn rest(
    connection: &mut Connection,
    guid: Guid,
    attribute: &AttributeName,
    mut values: Vec<Value>,
    mut number: Option<Value>,
) -> Result<Option<Vec<Value>>, Failure> {
    loop {
        let part = format!("{attribute};range={}-*", values.len());
        let tag = base_search(
            connection,
            &At::Guid(guid),
            vec![part, CHANGE_NUMBER.into()],
        )?;
        let (_, all) = attributes(tag).ok_or_else(|| incomplete("a part cannot be understood"))?;
        let mut next = None;
        let mut number_now = None;
        for Named {
            name,
            range,
            values,
        } in all
        {
            if attribute.is(&name) && range.is_some() {
                next = range.map(|range| (range, values));
            } else if name.eq_ignore_ascii_case(CHANGE_NUMBER) {
                number_now = values.into_iter().next();
            }
        }
        if number.is_some() && number != number_now {
            return Ok(None);
        }
        number = number_now;
        match next {
            Some((range, more)) if range.first == values.len() && !more.is_empty() => {
                values.extend(more);
                if range.last.is_none() {
                    return Ok(Some(values));
                }
            }
            Some(_) | None => {
                return Err(incomplete(&format!("a part of `{attribute}` did not come")));
            }
        }
    }
}
