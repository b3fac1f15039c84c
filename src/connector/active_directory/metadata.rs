//! What a directory tells of changes: `whenChanged`, and what it keeps for replication (MS-ADTS
//! 3.1.1.4.5.41, .44). Pure. A directory does not tell who; that stands in its security log.

use crate::connector::{AttributeName, Attributes, Value};
use crate::dn::Dn;
use jiff::Timestamp;

/// When the entry was changed last, for whatever reason.
pub const WHEN_CHANGED: &str = "whenChanged";
/// When each attribute was changed last; XML, made when it is asked for.
pub const OF_ATTRIBUTES: &str = "msDS-ReplAttributeMetaData";
/// When each value of a link was changed last; XML, made when it is asked for.
pub const OF_VALUES: &str = "msDS-ReplValueMetaData";

/// When and where something was changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    /// When.
    pub at: Timestamp,
    /// On which domain controller, where that is told.
    pub on: Option<String>,
}

/// When the entry was changed last; none where it does not tell.
pub fn of_entry(attributes: &Attributes) -> Option<Changed> {
    let values = attributes.get(&AttributeName::from(WHEN_CHANGED))?;
    let at = generalized(values.first()?.text()?)?;
    Some(Changed { at, on: None })
}

/// When an attribute was changed last; none where the entry does not tell.
pub fn of_attribute(attributes: &Attributes, name: &AttributeName) -> Option<Changed> {
    let values = attributes.get(&AttributeName::from(OF_ATTRIBUTES))?;
    let texts = values.iter().filter_map(Value::text);
    let mut about = texts.filter(|xml| tag(xml, "pszAttributeName").is_some_and(|n| name.is(&n)));
    changed(about.next()?)
}

/// When an entry became a member of this one, or ceased to be; none where it does not tell.
pub fn of_member(attributes: &Attributes, member: &Dn) -> Option<Changed> {
    let values = attributes.get(&AttributeName::from(OF_VALUES))?;
    let texts = values.iter().filter_map(Value::text);
    let mut about = texts.filter(|xml| {
        let named = tag(xml, "pszAttributeName").is_some_and(|n| n.eq_ignore_ascii_case("member"));
        let dn = tag(xml, "pszObjectDn").and_then(|dn| Dn::parse(&dn).ok());
        named && dn.as_ref() == Some(member)
    });
    changed(about.next()?)
}

fn changed(xml: &str) -> Option<Changed> {
    let at = tag(xml, "ftimeLastOriginatingChange")?.parse().ok()?;
    let settings = tag(xml, "pszLastOriginatingDsaDN");
    let settings = settings.and_then(|dn| Dn::parse(&dn).ok());
    // CN=NTDS Settings,CN=DC1,CN=Servers,…
    let server = settings.and_then(|dn| dn.parent());
    Some(Changed {
        at,
        on: server.map(|dn| dn.rdn().value().to_owned()),
    })
}

/// The text of an element; these documents have no attributes and no depth.
fn tag(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = text.replace("&lt;", "<").replace("&gt;", ">");
    let plain = plain.replace("&quot;", "\"").replace("&apos;", "'");
    Some(plain.replace("&amp;", "&"))
}

/// `20261123090000.0Z`.
fn generalized(text: &str) -> Option<Timestamp> {
    let part = |from: usize, to: usize| text.get(from..to);
    let iso = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    );
    iso.parse().ok().filter(|_| text.ends_with('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, values: &[&str]) -> Attributes {
        let values = values.iter().map(|v| Value::from(*v)).collect();
        Attributes::from([(AttributeName::from(name), values)])
    }

    #[test]
    fn an_entry_tells_when_it_was_changed_last() {
        let entry = with(WHEN_CHANGED, &["20261123090001.0Z"]);
        let at = "2026-11-23T09:00:01Z".parse().unwrap();
        assert_eq!(of_entry(&entry), Some(Changed { at, on: None }));
        for broken in [
            "",
            "2026",
            "20261123090001.0",
            "20261399990001.0Z",
            "äöüäöüäöüäöüZ",
        ] {
            assert_eq!(of_entry(&with(WHEN_CHANGED, &[broken])), None, "{broken}");
        }
    }

    #[test]
    fn replication_tells_when_and_where_one_attribute_or_one_member_was_changed() {
        let xml = |about: &str| {
            format!(
                "<DS_REPL_X>\n{about}<dwVersion>3</dwVersion><ftimeLastOriginatingChange>2026-11-23T09:00:00Z</ftimeLastOriginatingChange>\
                 <pszLastOriginatingDsaDN>CN=NTDS Settings,CN=DC1,CN=Servers,CN=A &amp; B,DC=city,DC=example</pszLastOriginatingDsaDN></DS_REPL_X>\n\0"
            )
        };
        let expected = Changed {
            at: "2026-11-23T09:00:00Z".parse().unwrap(),
            on: Some("DC1".into()),
        };
        let attribute = xml("<pszAttributeName>telephoneNumber</pszAttributeName>");
        let entry = with(OF_ATTRIBUTES, &["garbage", &attribute]);
        assert_eq!(
            of_attribute(&entry, &"TelephoneNumber".into()).as_ref(),
            Some(&expected)
        );
        assert_eq!(of_attribute(&entry, &"title".into()), None);
        let member = xml(
            "<pszAttributeName>member</pszAttributeName><pszObjectDn>CN=Kim &amp; Co,DC=city,DC=example</pszObjectDn>",
        );
        let group = with(OF_VALUES, &[&member]);
        let dn = |text: &str| Dn::parse(text).unwrap();
        assert_eq!(
            of_member(&group, &dn("cn=kim & co,dc=city,dc=example")),
            Some(expected)
        );
        assert_eq!(of_member(&group, &dn("CN=Lee,DC=city,DC=example")), None);
    }
}
