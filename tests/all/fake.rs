//! The whole program against a directory that behaves as Microsoft documents Active Directory to,
//! and that fails on demand: big groups, broken reads, refused and lost writes, people who edit
//! meanwhile, certificates that are not to be trusted. Whatever happens, nobody loses access by it.

mod proxy;
mod reads;
mod trust;
mod writes;

use crate::bed::{Access, Directory, Post};
use crate::fake_ad::{FakeAd, Logged, Operation, Options, PASSWORD};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

pub const BASE: &str = "DC=seko,DC=example";
pub const KIM: &str = "CN=Kim,OU=Farnborough,DC=seko,DC=example";
pub const LUCY: &str = "CN=Lucy,OU=Farnborough,DC=seko,DC=example";
pub const ADMINS: &str = "CN=APP-WG-Role-Admin,OU=Groups,DC=seko,DC=example";

/// A company whose people have no accounts yet, and its directory.
pub struct Company {
    pub ad: FakeAd,
    pub access: Access,
}

fn options() -> Options {
    Options {
        domain: "seko.example".to_owned(),
        ..Options::default()
    }
}

/// Where the fake is, in the words of an operator's file.
fn lines(ad: &FakeAd, url: &str, password: &str) -> String {
    format!(
        "    {url}\n    baseDn: {BASE}\n    caFile: {}\n    bind: {{dn: \"{}\", password: {{file: {password}}}}}\n",
        ad.ca_file().display(),
        ad.admin_dn(),
    )
}

impl Company {
    pub fn new() -> Self {
        Self::with(options())
    }

    fn with(options: Options) -> Self {
        let ad = FakeAd::with(options);
        ad.load_ldif(&Access::export_text("white-glove"));
        let access = Access::example("white-glove");
        let company = Self { ad, access };
        let url = format!("url: {}", company.ad.ldaps_url());
        company.connected(&url, PASSWORD)
    }

    /// The same with another way to the directory.
    fn connected(self, url: &str, password: &str) -> Self {
        self.reached(url, password, &Post::Outbox)
    }

    /// The same with its mails going elsewhere.
    #[cfg_attr(
        not(feature = "failpoints"),
        allow(dead_code, reason = "only fail points meet a mail server here")
    )]
    pub fn posted(self, post: &Post<'_>) -> Self {
        let url = format!("url: {}", self.ad.ldaps_url());
        self.reached(&url, PASSWORD, post)
    }

    fn reached(self, url: &str, password: &str, post: &Post<'_>) -> Self {
        let Self { ad, access } = self;
        let file = access.operator().with_file_name("password");
        fs::write(&file, password).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let lines = lines(&ad, url, file.to_str().unwrap());
        let access = access.operated_by_anchor(&Directory::Lines(lines), post);
        Self { ad, access }
    }

    /// The company with everybody's account made.
    pub fn settled() -> Self {
        let company = Self::new();
        company.access.apply();
        company.ad.clear_log();
        company
    }

    /// Writes that arrived, by what they are.
    pub fn writes(&self, wanted: impl Fn(&Logged) -> bool) -> Vec<String> {
        let log = self.ad.log();
        let log = log.iter().filter(|l| l.operation.is_write() && wanted(l));
        log.map(Logged::to_string).collect()
    }

    /// That nothing was taken from anybody: no delete, no member out, nobody disabled.
    #[track_caller]
    pub fn nobody_lost_anything(&self) {
        let deleted = self.writes(|l| l.operation == Operation::Delete);
        assert_eq!(deleted, Vec::<String>::new());
        let out = self.writes(|l| {
            let mut changes = l.changes.iter();
            changes.any(|c| c.attribute == "member" && c.kind == crate::fake_ad::ChangeKind::Delete)
        });
        assert_eq!(out, Vec::<String>::new());
    }

    /// Everything the company has in its directory.
    fn state(&self) -> String {
        ["Farnborough", "Clients", "Leavers", "Groups"]
            .map(|ou| self.ad.ldif(&format!("OU={ou},{BASE}")))
            .concat()
    }

    /// Applies until nothing is left, at most this often.
    #[track_caller]
    pub fn settles_within(&self, runs: usize) {
        for _ in 0..runs {
            let ran = self.access.run(&["apply"]);
            if ran.code == 0 && ran.out.ends_with("nothing to do\n") {
                return;
            }
        }
        let ran = self.access.run(&["plan"]);
        panic!("after {runs} runs:\n{}\n{}", ran.out, ran.err);
    }
}

/// What a plan wants done: `action target`.
fn wanted(plan: &Value) -> Vec<String> {
    let changes = plan["changes"].as_array().unwrap().iter();
    changes
        .map(|c| {
            let text = |key: &str| c[key].as_str().unwrap().to_owned();
            format!("{} {} {}", text("action"), text("target"), text("what"))
                .trim_end()
                .to_owned()
        })
        .collect()
}
