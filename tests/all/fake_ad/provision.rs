//! Options to a fresh domain, with what every domain has: containers, built-in accounts, schema.

use super::Options;
use super::directory::{Content, Directory};
use super::name::{Dn, Rdn};
use super::schema::{self, LINKS, Syntax, Values};
use super::setup::PASSWORD;
use super::text;

const DOMAIN_SID: &str = "S-1-5-21-1004336348-1177238915-682003330";

pub fn provision(options: Options) -> Directory {
    let mut ad = Directory::empty(options);
    let domain = domain_dn(&ad.options.domain);
    let configuration = below(&domain, "CN", "Configuration");
    let schema = below(&configuration, "CN", "Schema");
    let roots = [
        (domain.clone(), "domainDNS"),
        (configuration.clone(), "configuration"),
        (schema.clone(), "dMD"),
    ];
    for (dn, class) in roots {
        let root = ad.insert(dn.0, None, of_class(class));
        ad.roots.push(root);
    }
    settings(&mut ad, &domain);
    containers(&mut ad, &domain, &configuration);
    accounts(&mut ad, &domain);
    attributes(&mut ad, &schema);
    ad
}

fn settings(ad: &mut Directory, domain: &Dn) {
    let facts = [
        ("minPwdLength", "7"),
        // Complexity on.
        ("pwdProperties", "1"),
        ("maxPwdAge", "-9223372036854775808"),
        ("lockoutThreshold", "0"),
    ];
    let id = ad.domain();
    let mut content = ad.node(id).content.clone();
    let sid = text::parse_sid(DOMAIN_SID).expect("a SID");
    content.set("objectSid", vec![sid]);
    ad.commit(id, content);
    let name = domain.text(ad.options.dn_spelling);
    for (attribute, value) in facts {
        ad.replace(&name, attribute, &[value]);
    }
}

fn containers(ad: &mut Directory, domain: &Dn, configuration: &Dn) {
    let (base, config) = [domain, configuration]
        .map(|dn| dn.text(ad.options.dn_spelling))
        .into();
    let server = format!(
        "CN={},CN=Servers,CN=Default-First-Site-Name,CN=Sites,{config}",
        ad.options.controller
    );
    let all = [
        (format!("CN=Users,{base}"), "container"),
        (format!("CN=Computers,{base}"), "container"),
        (format!("CN=System,{base}"), "container"),
        (
            format!("CN={},{base}", schema::DELETED_OBJECTS),
            "container",
        ),
        (format!("CN=Builtin,{base}"), "builtinDomain"),
        (
            format!("OU=Domain Controllers,{base}"),
            "organizationalUnit",
        ),
        (format!("CN=Partitions,{config}"), "crossRefContainer"),
        (format!("CN=Sites,{config}"), "container"),
        (
            format!("CN=Default-First-Site-Name,CN=Sites,{config}"),
            "container",
        ),
        (
            format!("CN=Servers,CN=Default-First-Site-Name,CN=Sites,{config}"),
            "container",
        ),
        (server.clone(), "container"),
    ];
    for (dn, class) in all {
        ad.add_entry(&dn, &[("objectClass", class)]);
        critical(ad, &dn);
    }
    let short = ad.options.short_domain();
    let domain_name = ad.options.domain.clone();
    let partition = [
        ("objectClass", "crossRef"),
        ("dnsRoot", &domain_name),
        ("nETBIOSName", &short),
    ];
    ad.add_entry(&format!("CN={short},CN=Partitions,{config}"), &partition);
    let invocation = ad.new_guid();
    let settings: [(&str, &[u8]); 2] = [("objectClass", b"nTDSDSA"), ("invocationId", &invocation)];
    ad.add_entry(&format!("CN=NTDS Settings,{server}"), &settings);
}

fn accounts(ad: &mut Directory, domain: &Dn) {
    let users = format!("CN=Users,{}", domain.text(ad.options.dn_spelling));
    let people = [
        ("Administrator", 500, "512"),
        ("Guest", 501, "66082"),
        ("krbtgt", 502, "514"),
    ];
    for (name, rid, flags) in people {
        let sid = well_known(rid);
        let attributes: [(&str, &[u8]); 4] = [
            ("objectClass", b"user"),
            ("sAMAccountName", name.as_bytes()),
            ("userAccountControl", flags.as_bytes()),
            ("objectSid", &sid),
        ];
        let dn = format!("CN={name},{users}");
        ad.add_entry(&dn, &attributes);
        critical(ad, &dn);
    }
    let groups = [
        ("Domain Admins", 512),
        ("Domain Users", 513),
        ("Domain Guests", 514),
        ("Domain Computers", 515),
    ];
    for (name, rid) in groups {
        let sid = well_known(rid);
        let attributes: [(&str, &[u8]); 3] = [
            ("objectClass", b"group"),
            ("sAMAccountName", name.as_bytes()),
            ("objectSid", &sid),
        ];
        let dn = format!("CN={name},{users}");
        ad.add_entry(&dn, &attributes);
        critical(ad, &dn);
    }
    let administrator = format!("CN=Administrator,{users}");
    ad.add_member(&format!("CN=Domain Admins,{users}"), &administrator);
    ad.set_password(&administrator, Some(PASSWORD));
    for protected in ["Administrator", "krbtgt", "Domain Admins"] {
        ad.replace(&format!("CN={protected},{users}"), "adminCount", &["1"]);
    }
}

/// The schema as clients read it: one object an attribute, with its limits.
fn attributes(ad: &mut Directory, schema: &Dn) {
    let parent = ad.roots[2];
    let all: Vec<schema::Attribute> = ad.schema.attributes().cloned().collect();
    for attribute in all {
        let mut content = of_class("attributeSchema");
        content.set(
            "objectCategory",
            vec![ad.category("Attribute-Schema").into_bytes()],
        );
        content.set("lDAPDisplayName", vec![attribute.name.clone().into_bytes()]);
        let (syntax, om) = match attribute.syntax {
            Syntax::Text => ("2.5.5.12", 64),
            Syntax::Integer => ("2.5.5.9", 2),
            Syntax::LargeInteger => ("2.5.5.16", 65),
            Syntax::Boolean => ("2.5.5.8", 1),
            Syntax::Dn => ("2.5.5.1", 127),
            Syntax::Octets => ("2.5.5.10", 4),
            Syntax::Time => ("2.5.5.11", 24),
            Syntax::Oid => ("2.5.5.2", 6),
        };
        content.set("attributeSyntax", vec![syntax.as_bytes().to_vec()]);
        content.set_number("oMSyntax", om);
        let single = if attribute.values == Values::Single {
            "TRUE"
        } else {
            "FALSE"
        };
        content.set("isSingleValued", vec![single.as_bytes().to_vec()]);
        if let (true, Ok(upper)) = (
            attribute.range_upper > 0,
            i64::try_from(attribute.range_upper),
        ) {
            content.set_number("rangeUpper", upper);
        }
        let link = LINKS.iter().find_map(|&(forward, id, back)| {
            (forward == attribute.name)
                .then_some(id)
                .or_else(|| (back == attribute.name).then_some(id + 1))
        });
        if let Some(link) = link {
            content.set_number("linkID", i64::from(link));
        }
        let rdn = below(schema, "CN", &attribute.name).0.swap_remove(0);
        ad.insert(vec![rdn], Some(parent), content);
    }
}

fn of_class(class: &str) -> Content {
    let (classes, _, _) = schema::class(class).expect("a class of the schema");
    let mut content = Content::default();
    let classes = classes.iter().map(|c| c.as_bytes().to_vec()).collect();
    content.set("objectClass", classes);
    content
}

fn critical(ad: &mut Directory, dn: &str) {
    let id = ad.at(dn);
    let mut content = ad.node(id).content.clone();
    content.set("isCriticalSystemObject", vec![b"TRUE".to_vec()]);
    ad.commit(id, content);
}

fn well_known(rid: u32) -> Vec<u8> {
    text::parse_sid(&format!("{DOMAIN_SID}-{rid}")).expect("a SID")
}

pub fn domain_dn(domain: &str) -> Dn {
    Dn(domain.split('.').map(|part| Rdn::of("DC", part)).collect())
}

fn below(parent: &Dn, kind: &str, name: &str) -> Dn {
    let mut dn = parent.clone();
    dn.0.insert(0, Rdn::of(kind, name));
    dn
}
