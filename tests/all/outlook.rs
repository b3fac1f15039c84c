//! What the passing of time brings: looking only at those for whom something changes finds what
//! looking at everybody at every instant finds.

use countersign::catalog::located;
use countersign::desired::Accounts;
use countersign::desired::expand::expand;
use countersign::diagnostic::{Diagnostic, sorted};
use countersign::manifest::parse::Known;
use countersign::reconcile::{self, Reading};
use countersign::request::Timeline;
use countersign::source::Origin;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::Path;

const NOW: &str = "2027-01-11T12:00:00Z";

const REPOSITORY: &str = r#"apiVersion: countersign/v1
kind: Resource
metadata: {name: active-directory}
spec:
  type: directory
  connector: active-directory
  owner: {organization: city}
  pii: true
  levels: [{name: account}]
  defaultLevel: account
  fields:
    - {name: displayName, required: true, value: "{{ user.displayName }}"}
    - {name: mail, value: "{{ account.mail }}"}
---
apiVersion: countersign/v1
kind: Resource
metadata: {name: helpdesk}
spec:
  type: application
  maintainers: [{user: bea.boss}]
  owner: {organization: city}
  signIn: directory
  pii: false
  fields: [{name: bossMail, required: true, value: "{{ supervisor.mail }}"}]
---
apiVersion: countersign/v1
kind: Resource
metadata: {name: licence}
spec:
  type: software
  cost: premium
  seats: 1
  maintainers: [{mail: desk@city.example}]
  owner: {organization: city}
  signIn: directory
  pii: false
---
apiVersion: countersign/v1
kind: Organization
metadata: {name: city}
spec: {displayName: City, type: employer, ou: [Departments], contact: {mail: city@city.example}}
---
apiVersion: countersign/v1
kind: Profile
metadata: {name: everybody}
spec:
  access: [{resource: active-directory}]
---
apiVersion: countersign/v1
kind: User
metadata: {name: bea.boss}
spec: {givenName: Bea, familyName: Boss, employeeNumber: "1", type: employee, organization: city, profiles: [everybody], endDate: "2027-02-28"}
---
apiVersion: countersign/v1
kind: User
metadata: {name: ada.worker}
spec: {givenName: Ada, familyName: Worker, employeeNumber: "2", type: employee, organization: city, supervisor: bea.boss, login: ada, profiles: [everybody], access: [{resource: helpdesk}]}
---
apiVersion: countersign/v1
kind: User
metadata: {name: carl.temp}
spec: {givenName: Carl, familyName: Temp, employeeNumber: "3", type: employee, organization: city, profiles: [everybody], access: [{resource: licence, until: "2027-04-15"}]}
---
apiVersion: countersign/v1
kind: Request
metadata: {name: 2027-03-01-yves}
spec:
  action: Activate
  requestedBy: bea.boss
  subject: yves.new
  effective: 2027-03-01T00:00
  set: {givenName: Yves, familyName: New, employeeNumber: "4", type: employee, organization: city, login: ada}
  profiles: {add: [everybody]}
  access: {add: [{resource: licence, until: "2027-06-30"}]}
---
apiVersion: countersign/v1
kind: Request
metadata: {name: 2027-05-01-zoe}
spec:
  action: Activate
  requestedBy: bea.boss
  subject: zoe.new
  effective: 2027-05-01T00:00
  set: {givenName: Zoe, familyName: New, employeeNumber: "5", type: employee, organization: city, supervisor: carl.temp}
  profiles: {add: [everybody]}
  access: {add: [{resource: helpdesk}, {resource: licence}]}
"#;

const CONFIG: &str = r#"apiVersion: countersign/v1
kind: Config
metadata: {name: countersign}
spec:
  timeZone: UTC
  directory: active-directory
  naming:
    login: {maxLength: 20, candidates: ["{{ user.givenName }}.{{ user.familyName }}"]}
    mail: "{{ account.login }}@city.example"
  managed: {ous: [[Departments]], groups: ["APP-*"]}
"#;

fn read(folder: &Path) -> Reading {
    let origin = Origin::Worktree {
        folder: folder.to_owned(),
    };
    reconcile::read(&origin, &mut Known::default()).unwrap()
}

/// Everybody, at every instant.
fn at_length(reading: Reading, now: Timestamp) -> (Vec<Diagnostic>, usize) {
    let catalog = &reading.catalog;
    let mut problems = reading.findings.problems;
    let timeline = Timeline::new(catalog, &mut problems);
    let mut instants: BTreeSet<Timestamp> = timeline.after(now).collect();
    instants.insert(now);
    for instant in &instants {
        problems.extend(expand(catalog, &timeline, &Accounts::default(), *instant).1);
    }
    let mut diagnostics = reading.findings.diagnostics;
    diagnostics.extend(located(problems, &reading.catalog, &reading.source));
    (sorted(diagnostics), instants.len())
}

#[test]
fn only_those_for_whom_something_changes_need_be_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("countersign.yaml"), CONFIG).unwrap();
    std::fs::write(folder.path().join("all.yaml"), REPOSITORY).unwrap();
    let now: Timestamp = NOW.parse().unwrap();
    let (mut expected, instants) = at_length(read(folder.path()), now);
    // Who had the login first keeps it; only one who was never looked at before is told to have none.
    let line = REPOSITORY
        .lines()
        .position(|l| l.contains("givenName: Ada"));
    let line = line.unwrap() as u32 + 1;
    expected.retain(|d| !(d.code.as_str() == "login-taken" && d.place.line == line));
    assert_eq!(instants, 5);
    let codes: BTreeSet<&str> = expected.iter().map(|d| d.code.as_str()).collect();
    // Each of these comes about only later.
    for code in ["field-missing", "login-taken", "no-mail", "seats"] {
        assert!(codes.contains(code), "no {code} in {expected:#?}");
        let early = reconcile::diagnose(read(folder.path()), None, now);
        assert!(early.iter().any(|d| d.code.as_str() == code));
    }
    assert_eq!(
        reconcile::diagnose(read(folder.path()), None, now),
        expected
    );
}
