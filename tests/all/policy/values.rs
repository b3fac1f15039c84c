//! Every field that an expression may name says what the manifests say: a field that nothing fills in
//! would always be "", 0 or false, and every policy about it would be silent.

use super::{Became, WORLD, ask, catalog, now, policy, source};
use countersign::name::UserName;
use countersign::policy::judge::Behind;
use countersign::policy::shape::{self, Shape};
use countersign::proposal::Proposal;
use std::collections::BTreeSet;

/// Expressions that are true of the world, by the record they are about.
const TRUE: [(&Shape, &str, &[&str]); 10] = [
    (
        &shape::USER,
        "users[\"kim.lee\"]",
        &[
            "!it.administrator && users[\"dana.reyes\"].administrator",
            "it.answers[\"phone\"] == \"42\"",
            "it.associated == [\"acme\"]",
            "it.attributes[\"title\"] == \"Surveyor\"",
            "it.displayName == \"Kim Q. Lee\"",
            "it.employeeNumber == \"001042\"",
            "it.endDate == \"2027-12-31\"",
            "it.entitlements.exists(e, e.resource == \"gis\" && e.level == \"viewer\")",
            "it.familyName == \"Lee\"",
            "it.forgeLogins[\"github\"] == \"kimlee\"",
            "it.givenName == \"Kim\"",
            "it.identities.map(i, i.alias) == [\"Day\"]",
            "it.labels[\"privacy-training\"] == \"2027-01-02\"",
            "it.login == \"kim.lee\"",
            "it.mail == \"kim.lee@city.example\"",
            "it.middleName == \"Q\"",
            "it.name == \"kim.lee\"",
            "it.organization == \"its\"",
            "it.organizations == [\"its\", \"city\"]",
            "it.profiles == [\"analyst\", \"everybody\"]",
            "size(it.signingKeys) == 1 && it.signingKeys[0].startsWith(\"ssh-ed25519 \")",
            "it.startDate == \"2026-06-01\"",
            "it.state == \"active\"",
            "it.supervisor == \"dana.reyes\"",
            "it.supervisors == [\"dana.reyes\"]",
            "it.title == \"Surveyor\"",
            "it.type == \"contractor\"",
        ],
    ),
    (
        &shape::ENTITLEMENT,
        "users[\"kim.lee\"].entitlements",
        &[
            "it.exists(e, e.identity == \"Day\" && e.role == \"wg.writer\")",
            "it.all(e, e.kind in [\"level\", \"role\", \"scope\"])",
            "it.exists(e, e.kind == \"role\" && e.label == \"Writer\")",
            "it.exists(e, e.kind == \"level\" && e.level == \"viewer\")",
            "it.exists(e, e.resource == \"wg\" && e.personal) && it.exists(e, e.resource == \"gis\" && !e.personal)",
            "it.exists(e, e.resource == \"active-directory\" && e.request == \"2027-01-04-kim\")",
            "it.exists(e, e.role == \"wg.reader\")",
            "it.exists(e, e.kind == \"scope\" && e.scope == \"wg.client\" && e.value == \"*\")",
            "it.all(e, e.user == \"kim.lee\")",
        ],
    ),
    (
        &shape::IDENTITY,
        "users[\"kim.lee\"].identities[0]",
        &[
            "it.alias == \"Day\"",
            "it.default",
            "it.resource == \"wg\"",
            "it.roles == [\"wg.reader\", \"wg.writer\"]",
            "it.scopes[\"wg.client\"] == [\"*\"]",
            "it.type == \"member\"",
            "it.user == \"kim.lee\"",
        ],
    ),
    (
        &shape::RESOURCE,
        "resources[\"gis\"]",
        &[
            "it.administrators == [\"dana.reyes\"]",
            "it.connector == \"active-directory\" && resources.wg.connector == \"manual\" && resources.countersign.connector == \"none\"",
            "it.cost == \"premium\"",
            "it.displayName == \"GIS data\"",
            "it.eligible == [\"employee\", \"contractor\"] && resources.countersign.eligible == [\"employee\"]",
            "it.holders == 2",
            "resources.mirror.inheritsFrom == \"gis\" && it.inheritsFrom == \"\"",
            "it.labels[\"tier\"] == \"gold\"",
            "\"viewer\" in it.levels && \"editor\" in it.levels",
            "it.maintainers == [\"dana.reyes\", \"kim.lee\"]",
            "it.name == \"gis\"",
            "it.owner == \"dana.reyes\"",
            "resources[\"active-directory\"].ownerOrganization == \"its\" && it.ownerOrganization == \"\"",
            "it.pii && !resources.wg.pii",
            "it.seats == 5 && resources.wg.seats == 0",
            "it.type == \"application\" && resources[\"active-directory\"].type == \"directory\"",
            "it.url == \"https://gis.city.example\"",
        ],
    ),
    (
        &shape::LEVEL,
        "resources[\"gis\"].levels[\"editor\"]",
        &[
            "it.administers",
            "it.displayName == \"Editor\"",
            "it.groups == [\"APP-GIS-Edit\"]",
            "it.includes == [\"viewer\"]",
            "it.name == \"editor\"",
        ],
    ),
    (
        &shape::ROLE,
        "roles[\"wg.reader\"]",
        &[
            "it.deprecated && !roles[\"wg.writer\"].deprecated",
            "it.displayName == \"Reader\"",
            "it.groups == [\"APP-WG-Read\"]",
            "roles[\"wg.writer\"].includes == [\"wg.reader\"]",
            "it.labels[\"risk\"] == \"low\"",
            "it.name == \"wg.reader\"",
            "it.permissions == [\"read\"]",
            "it.resource == \"wg\"",
        ],
    ),
    (
        &shape::SCOPE,
        "scopes[\"wg.client\"]",
        &[
            "it.displayName == \"Client\"",
            "it.labels[\"dimension\"] == \"rows\"",
            "it.name == \"wg.client\"",
            "it.resource == \"wg\"",
            "it.values == [\"north\", \"south\"]",
            "it.wildcard",
        ],
    ),
    (
        &shape::ORGANIZATION,
        "organizations[\"city\"]",
        &[
            "it.code == \"C1\" && organizations.its.code == \"its\"",
            "it.displayName == \"City of Example\"",
            "it.head == \"dana.reyes\"",
            "it.labels[\"floor\"] == \"all\"",
            "it.name == \"city\"",
            "organizations[\"its\"].organizations == [\"its\", \"city\"]",
            "organizations[\"its\"].parent == \"city\" && it.parent == \"\"",
            "it.type == \"employer\"",
        ],
    ),
    (
        &shape::PROFILE,
        "profiles[\"analyst\"]",
        &[
            "it.displayName == \"Analyst\"",
            "it.extends == [\"everybody\"]",
            "profiles[\"everybody\"].labels[\"base\"] == \"yes\"",
            "it.name == \"analyst\"",
            "it.resources == [\"gis\"]",
        ],
    ),
    (
        &shape::REQUEST,
        "requests[\"2027-01-04-kim\"]",
        &[
            "it.action == \"Change\"",
            "it.effective == \"2027-01-04T08:00\"",
            "it.labels[\"ticket\"] == \"7\"",
            "it.name == \"2027-01-04-kim\"",
            "it.reason == \"transfer\"",
            "it.requestedBy == \"dana.reyes\"",
            "it.subject == \"kim.lee\"",
            "it.until == \"2027-06-30\"",
            "!it.urgent && requests[\"2027-09-01-dana\"].urgent",
        ],
    ),
];

/// Which fields of a shape expressions name, by their order: one expression a field, and more where a
/// field's two values are in two records.
fn named(shape: &Shape, expressions: &[&str]) -> BTreeSet<String> {
    let fields = shape.fields.iter().map(|(name, _, _)| (*name).to_owned());
    let says = |field: &String| expressions.iter().any(|e| e.contains(&format!(".{field}")));
    fields.filter(says).collect()
}

#[test]
fn every_field_says_what_the_manifests_say() {
    let mut expressions = Vec::new();
    for (shape, it, about) in TRUE {
        let all: BTreeSet<String> = shape.fields.iter().map(|f| f.0.to_owned()).collect();
        let mut named = named(shape, about);
        // `it` itself is a list of them.
        named.retain(|field| all.contains(field));
        assert_eq!(named, all, "{}", shape.name);
        expressions.extend(about.iter().map(|e| e.replace("it.", &format!("{it}."))));
    }
    for (expression, became) in expressions.iter().zip(ask("", &expressions)) {
        assert_eq!(became, Became::True, "{expression}");
    }
}

/// What a pull request means that lets Kim edit from May until June.
fn proposal(policies: &[String]) -> Proposal {
    let request = "apiVersion: countersign/v1\nkind: Request\nmetadata: {name: edit}\nspec: {action: Change, requestedBy: dana.reyes, \
         subject: kim.lee, effective: \"2027-05-03T09:30\", until: \"2027-06-01\", set: {title: Chief}, \
         identities: {remove: [{resource: wg}]}}\n";
    let base = source([("world.yaml".to_owned(), WORLD.to_owned())]);
    let policies = policies
        .iter()
        .enumerate()
        .map(|(i, text)| (format!("p{i}.yaml"), text.clone()));
    let more = [("request.yaml".to_owned(), request.to_owned())];
    let world = [("world.yaml".to_owned(), WORLD.to_owned())];
    let head = source(world.into_iter().chain(more).chain(policies));
    let dana = UserName::new("dana.reyes").unwrap();
    let kim = [UserName::new("kim.lee").unwrap()];
    let behind = Behind {
        actor: Some(&dana),
        approvers: Some(&kim),
    };
    Proposal::new(&catalog(&base), &catalog(&head), behind, now())
}

fn said(proposal: &Proposal, policy: &str) -> Vec<String> {
    let those = proposal
        .objections
        .iter()
        .filter(|o| o.policy.as_str() == policy);
    those.map(|o| o.message.clone()).collect()
}

#[test]
fn what_comes_and_goes_says_all_it_is() {
    let fields: Vec<&str> = shape::GRANT.fields.iter().map(|f| f.0).collect();
    let tell = |word: &str| {
        let shown: Vec<String> = fields
            .iter()
            .map(|f| format!("{f}={{{{ {word}.{f} }}}}"))
            .collect();
        let head = format!("  stage: change\n  each: {word}\n");
        policy(word, &head, "false", "warn")
            .replace("it is not so", &format!("\"{}\"", shown.join("; ")))
    };
    let proposal = proposal(&[tell("gained"), tell("lost")]);
    let lost = said(&proposal, "lost");
    let role = "at=2027-05-03T09:30; identity=Day; kind=role; label=Writer; level=; personal=true; request=; resource=wg; \
                role=wg.writer; scope=; user=kim.lee; value=";
    assert!(lost.contains(&role.to_owned()), "{lost:#?}");
    let scope = "at=2027-05-03T09:30; identity=Day; kind=scope; label=Client: *; level=; personal=true; request=; resource=wg; \
                 role=; scope=wg.client; user=kim.lee; value=*";
    assert!(
        lost.iter()
            .any(|l| l == scope || l.contains("kind=scope") && l.contains("value=*")),
        "{lost:#?}"
    );
    // In June everything is as it was, so it comes again.
    let gained = said(&proposal, "gained");
    let back = "at=2027-06-02T00:00; identity=Day; kind=role; label=Writer; level=; personal=true; request=; resource=wg; \
                role=wg.writer; scope=; user=kim.lee; value=";
    assert!(gained.contains(&back.to_owned()), "{gained:#?}");
}

#[test]
fn a_change_is_seen_as_a_whole() {
    let whole = [
        "change.requests == [\"edit\"]",
        "change.users.exists(u, u.at == \"2027-05-03T09:30\" && u.old.title == \"Surveyor\" && u.new.title == \"Chief\")",
        "change.lost.exists(l, l.role == \"wg.writer\" && l.at == \"2027-05-03T09:30\")",
        "change.gained.exists(g, g.role == \"wg.writer\" && g.at == \"2027-06-02T00:00\")",
        "actor.name == \"dana.reyes\" && actor.administrator",
        "approvers.map(a, a.name) == [\"kim.lee\"]",
        "today == \"2027-02-01\"",
    ];
    let policies: Vec<String> = whole
        .iter()
        .enumerate()
        .map(|(i, e)| policy(&format!("w{i}"), "  stage: change\n", e, "deny"))
        .collect();
    let each = [
        (
            "e0",
            "user",
            "old.title == \"Surveyor\" && new.title == \"Chief\" && user.title == \"Chief\" || new.title == \"Surveyor\"",
        ),
        (
            "e1",
            "lost",
            "lost.user == \"kim.lee\" && \"wg\" in old.entitlements.map(e, e.resource) && !(\"wg\" in new.entitlements.map(e, e.resource))",
        ),
        (
            "e2",
            "resource",
            "resource.name in resources && resource.holders == resources[resource.name].holders",
        ),
    ];
    let each = each
        .map(|(name, of, e)| policy(name, &format!("  stage: change\n  each: {of}\n"), e, "deny"));
    let proposal = proposal(&[policies, each.to_vec()].concat());
    assert_eq!(proposal.objections, [], "{:#?}", proposal.objections);
}
