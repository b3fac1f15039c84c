//! Whatever stands in a repository: every mistake is found, at its place, and nothing breaks.

use countersign::diagnostic::{Code, Diagnostic, any_error, sorted};
use countersign::manifest::parse::{Known, Located, check_text, parse};
use countersign::report::diagnostics::{Format, render};
use countersign::source::{self, Blob, File, Origin, Source, SourceError};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The head of a good manifest: six lines, ready for more of `spec`.
const USER: &str = "apiVersion: countersign/v1\nkind: User\nmetadata: {name: kim}\nspec:\n  type: employee\n  organization: its\n";

/// A good manifest with more lines at its end.
fn user(more: &str) -> String {
    format!("{USER}{more}\n")
}

type Places = Vec<(Code, u32, u32)>;

fn places<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) -> Places {
    diagnostics
        .into_iter()
        .map(|d| (d.code, d.place.line, d.place.column))
        .collect()
}

/// Texts with mistakes and every place where there is one.
fn mistakes() -> Vec<(&'static str, String, Places)> {
    use Code::*;
    let two = |one: &str| user(one) + "---\n" + &user("  titel: x");
    vec![
        ("unknown fields", user("  titel: a\n  Title: b"), vec![(UnknownField, 7, 3), (UnknownField, 8, 3)]),
        (
            "keys that stand twice, in other quotes",
            user("  title: a\n  'title': b\n  \"title\": c\n  titel: d"),
            vec![(DuplicateKey, 8, 3), (DuplicateKey, 9, 3), (UnknownField, 10, 3)],
        ),
        (
            "keys that stand twice in mappings within",
            user("  attributes: {a: b, a: c}\n  answers: {d: e, d: f}"),
            vec![(DuplicateKey, 7, 22), (DuplicateKey, 8, 19)],
        ),
        (
            "wrong types",
            user("  title: [a]\n  access: a\n  contact: []\n  notifications: 1\n  state: {}"),
            vec![(WrongType, 7, 10), (WrongType, 8, 11), (WrongType, 9, 12), (WrongType, 10, 18), (WrongType, 11, 10)],
        ),
        (
            "numbers without quotes",
            user("  employeeNumber: 0123\n  title: 1e5\n  givenName: 0x1F\n  login: .inf\n  familyName: 99999999999999999999"),
            vec![(UnquotedScalar, 7, 19), (UnquotedScalar, 8, 10), (UnquotedScalar, 9, 14), (UnquotedScalar, 10, 10), (UnquotedScalar, 11, 15)],
        ),
        (
            "truth values and numbers of other readers",
            user("  title: no\n  givenName: off\n  familyName: Yes\n  middleName: 1_000\n  displayName: 12:30\n  login: true"),
            vec![(UnquotedScalar, 7, 10), (UnquotedScalar, 8, 14), (UnquotedScalar, 9, 15), (UnquotedScalar, 10, 15), (UnquotedScalar, 11, 16), (UnquotedScalar, 12, 10)],
        ),
        ("a word for a truth value", user("  notifications: yes"), vec![(WrongType, 7, 18)]),
        ("empty values", user("  title:\n  contact: ~\n  access: null"), vec![(WrongType, 7, 8), (WrongType, 8, 12), (WrongType, 9, 11)]),
        ("a tab before a field", two("\ttitle: x"), vec![(Syntax, 7, 1), (UnknownField, 15, 3)]),
        ("a tab within the indentation", two("  contact:\n  \tmail: a"), vec![(Syntax, 8, 3), (UnknownField, 16, 3)]),
        ("a NUL, and one on the next line", user("  title: \"\0\"\n  x: \0"), vec![(ControlCharacter, 7, 11), (ControlCharacter, 8, 6)]),
        ("a carriage return within a line", user("  title: a\r  titel: b"), vec![(ControlCharacter, 7, 11)]),
        ("line ends of other readers", user("  title: a\u{85}b\n  titel: a\u{2028}b"), vec![(ControlCharacter, 7, 11), (ControlCharacter, 8, 11)]),
        ("writing turned around", user("  title: a\u{202e}b"), vec![(ControlCharacter, 7, 11)]),
        (
            "unfinished merges",
            user("<<<<<<< HEAD\n  title: a\n=======\n  title: b\n>>>>>>> x\n<<<<<<< HEAD\n>>>>>>> x"),
            vec![(MergeMarker, 7, 1), (MergeMarker, 12, 1)],
        ),
        ("a merge key", user("  <<: {title: a}"), vec![(UnknownField, 7, 3)]),
        (
            "tags",
            user("  title: !!python/object:os.system x\n  login: !secret x\n  familyName: !!int x\n  titel: !!str 5"),
            vec![(Syntax, 7, 36), (Syntax, 8, 18), (Syntax, 9, 21), (UnknownField, 10, 3)],
        ),
        (
            "keys that are no texts",
            user("  ? [a, b]\n  : c\n  : d\n  1.5: e\n  titel: f"),
            vec![(Syntax, 7, 5), (Syntax, 9, 3), (Syntax, 10, 3), (UnknownField, 11, 3)],
        ),
        ("templates without quotes", user("  title: {{ user.name }}\n  login: {{ x }}\n  titel: x"), vec![(UnquotedTemplate, 7, 11), (UnquotedTemplate, 8, 11), (UnknownField, 9, 3)]),
        ("a template and more without quotes", two("  title: {{ a }}.{{ b }}"), vec![(UnquotedTemplate, 7, 11), (UnknownField, 15, 3)]),
        ("an alias of nothing", two("  title: *nothing"), vec![(Syntax, 7, 10), (UnknownField, 15, 3)]),
        ("an alias of itself", user("  access: &a [*a]\n  titel: x"), vec![(Syntax, 7, 15), (UnknownField, 8, 3)]),
        ("a colon too many", two("  title: a: b"), vec![(Syntax, 7, 11), (UnknownField, 15, 3)]),
        ("a comma too many", two("  access: [{resource: a},, {resource: b}]"), vec![(Syntax, 7, 26), (UnknownField, 15, 3)]),
        ("a bracket too few", two("  title: [a\n  titel: x"), vec![(Syntax, 8, 8), (UnknownField, 16, 3)]),
        ("a quote too few", two("  title: \"x\n  titel: y"), vec![(Syntax, 8, 3), (UnknownField, 16, 3)]),
        ("too little indented", two(" title: x"), vec![(Syntax, 7, 2), (UnknownField, 15, 3)]),
        ("an escape there is not", two("  title: \"\\q\""), vec![(Syntax, 7, 10), (UnknownField, 15, 3)]),
        ("half a character", two("  title: \"\\uD800\""), vec![(Syntax, 7, 10), (UnknownField, 15, 3)]),
        ("a character kept for later", two("  title: @x"), vec![(Syntax, 7, 10), (UnknownField, 15, 3)]),
        ("a control character in disguise", user("  givenName: \"\\0\"\n  login: \"a\\u0085b c\""), vec![(BadValue, 7, 14), (BadValue, 8, 10)]),
        (
            "secrets",
            user("  title: ghp_0123456789abcdef0123\n  answers: {a: AKIA0123456789ABCDEF}\n  titel: x"),
            vec![(Secret, 7, 10), (Secret, 8, 16), (UnknownField, 9, 3)],
        ),
        (
            "mistakes in every document",
            user("  titel: x") + "--- # next\n" + &user("  type: a\n  titel: y") + "...\n" + &user("  titel: z"),
            vec![(UnknownField, 7, 3), (DuplicateKey, 15, 3), (UnknownField, 16, 3), (UnknownField, 24, 3)],
        ),
        (
            "broken documents between good ones",
            format!("{USER}---\na: [\n---\n{USER}---\nb: }}\n---\n{USER}  titel: x\n"),
            vec![(Syntax, 8, 4), (Syntax, 17, 4), (UnknownField, 25, 3)],
        ),
        ("a document on the line it begins with", format!("--- {{}}\n--- [a]\n---\n{USER}---\ttext\n"), vec![(NotAManifest, 1, 5), (NotAManifest, 2, 5), (NotAManifest, 10, 5)]),
        ("one line", "{apiVersion: countersign/v1, kind: Role, metadata: {name: a}, spec: {resorce: a, x: y}}".into(), vec![(MissingField, 1, 69), (UnknownField, 1, 70), (UnknownField, 1, 82)]),
        ("no version", "kind: User\n".into(), vec![(NotAManifest, 1, 1)]),
        ("a version that is no text", "apiVersion: 1\nkind: User\n".into(), vec![(NotAManifest, 1, 1)]),
        ("another version", "kind: User\napiVersion: countersign/v2\n".into(), vec![(NotAManifest, 2, 13)]),
        ("no kind", "\napiVersion: countersign/v1\n".into(), vec![(MissingField, 2, 1)]),
        ("a kind that is no text", "apiVersion: countersign/v1\nkind: [User]\n".into(), vec![(WrongType, 2, 7)]),
        ("a kind there is not", "apiVersion: countersign/v1\nkind: user\n".into(), vec![(UnknownKind, 2, 7)]),
        ("nothing but version and kind", "apiVersion: countersign/v1\nkind: User\n".into(), vec![(MissingField, 1, 1), (MissingField, 1, 1)]),
        ("a list", "- a\n- b\n".into(), vec![(NotAManifest, 1, 1)]),
        ("a text", "<html><body>\n".into(), vec![(NotAManifest, 1, 1)]),
        ("nothing", String::new(), vec![(EmptyFile, 1, 1)]),
        ("a byte order mark", "\u{feff}".into(), vec![(EmptyFile, 1, 1)]),
        ("a comment", "# nothing\n".into(), vec![(EmptyFile, 1, 1)]),
        ("empty documents", "---\n---\n...\n---\n".into(), vec![(EmptyFile, 1, 1)]),
    ]
}

#[test]
fn every_mistake_of_form_is_found_at_its_place() {
    for (what, text, expected) in mistakes() {
        let (_, diagnostics) = check_text("x.yaml", &text);
        assert_eq!(
            places(&diagnostics),
            expected,
            "{what}: {diagnostics:#?}\n{text}"
        );
        for ending in ["\r\n", "\n"] {
            let marked =
                format!("\u{feff}{}", text.trim_start_matches('\u{feff}')).replace('\n', ending);
            let (_, diagnostics) = check_text("x.yaml", &marked);
            assert_eq!(
                places(&diagnostics),
                expected,
                "{what}, {ending:?}: {diagnostics:#?}"
            );
        }
    }
}

#[test]
fn mistakes_of_every_file_are_found_in_git_as_in_a_folder() {
    let repository = Repository::new();
    let mut expected = BTreeMap::new();
    for (number, (_, text, places)) in mistakes().into_iter().enumerate() {
        let path = format!("users/{number}.yaml");
        repository.file(&path, text.as_bytes());
        expected.insert(path, places);
    }
    repository.file("users/latin.yaml", b"a: \xe4\n");
    expected.insert("users/latin.yaml".into(), vec![(Code::NotUtf8, 1, 4)]);
    repository.file("users/wide.yaml", b"\xff\xfea\0:\0 \0b\0\n\0");
    expected.insert("users/wide.yaml".into(), vec![(Code::NotUtf8, 1, 1)]);
    let mut found: BTreeMap<String, Places> = BTreeMap::new();
    for diagnostic in &repository.both().diagnostics {
        let file = found.entry(diagnostic.place.file.to_string()).or_default();
        file.extend(places([diagnostic]));
    }
    assert_eq!(found, expected);
}

#[test]
fn what_is_only_unusual_is_fine() {
    let plain = check_text("x.yaml", &user("  title: Clerk"));
    assert!(plain.1.is_empty() && plain.0.len() == 1);
    for (what, text) in [
        (
            "a byte order mark",
            format!("\u{feff}{}", user("  title: Clerk")),
        ),
        (
            "Windows line ends",
            user("  title: Clerk").replace('\n', "\r\n"),
        ),
        ("tabs behind values", user("  title:\tClerk\t")),
        (
            "a document's ends",
            format!("---\n{}...\n", user("  title: Clerk")),
        ),
        (
            "empty documents around",
            format!("---\n---\n{}---\n", user("  title: Clerk")),
        ),
        (
            "a directive",
            format!("%YAML 1.2\n---\n{}", user("  title: Clerk")),
        ),
        ("a tag that is so anyway", user("  title: !!str Clerk")),
        ("quotes and escapes", user("  'title': \"Cl\\u0065rk\"")),
        ("a block of text", user("  title: >-\n    Clerk")),
        ("an anchor", user("  title: &a Clerk")),
        (
            "comments",
            user("  # a\n  title: Clerk # b").replace('\n', "\n# c\n"),
        ),
        (
            "no line feed at the end",
            user("  title: Clerk").trim_end().to_owned(),
        ),
    ] {
        assert_eq!(check_text("x.yaml", &text), plain, "{what}: {text}");
    }
}

#[test]
fn what_cannot_be_read_keeps_the_names_it_declares() {
    let repository = Repository::new();
    repository.file("a.yaml", user("  title: [").as_bytes());
    repository.file(
        "b.yaml",
        &[USER.replace("kim", "lee").as_bytes(), b"\xff"].concat(),
    );
    repository.file(
        "c.yaml",
        USER.replace("kim", "sam")
            .replace("spec:", "<<<<<<<")
            .as_bytes(),
    );
    repository.file(
        "d.yaml",
        USER.replace("kim", "pat")
            .replace("type", "tipe")
            .as_bytes(),
    );
    let source = source::read(&repository.folder_origin(), &|_| false).unwrap();
    let broken = parse(&source, &mut Known::default()).broken;
    let names: Vec<&str> = broken.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["kim", "lee", "pat", "sam"]);
}

#[test]
fn no_text_takes_long_or_gives_long_messages() {
    let size = 256 * 1024;
    let fill = |unit: &str| unit.repeat(size / unit.len());
    let numbered = |entry: &dyn Fn(usize) -> String| -> String {
        let mut text = String::new();
        (0..)
            .map(entry)
            .take_while(|entry| {
                text.push_str(entry);
                text.len() < size
            })
            .count();
        text
    };
    let bomb: String = (1..12)
        .map(|i| format!("a{i}: &a{i} [{}]\n", format!("*a{}, ", i - 1).repeat(9)))
        .collect();
    let nested = |inner: &str| {
        let open: String = (0..60).map(|i| format!("&a{i} [")).collect();
        format!("{open}{inner}{}", "]".repeat(60))
    };
    let bombs = [
        ("a bomb of aliases", format!("a0: &a0 [x, x]\n{bomb}")),
        ("anchors within anchors", nested(&fill("x,"))),
        (
            "aliases of one text",
            format!("a: &a x\nb: [{}]", fill("*a,")),
        ),
        (
            "anchors",
            user("  access:\n") + &numbered(&|i| format!("  - &a{i} x\n")),
        ),
        (
            "keys of a mapping",
            user("") + &numbered(&|i| format!("  k{i}: 1\n")),
        ),
        ("the same key", user("") + &fill("  titel: x\n")),
        ("broken documents", fill("---\n[\n")),
        ("documents", fill("---\na\n")),
        (
            "documents that are hardly begun",
            fill("---\napiVersion: countersign/v1\nkind: User\n"),
        ),
        ("brackets", fill("[")),
        ("braces", fill("{a: ")),
        ("dashes", fill("- ")),
        ("question marks", fill("? ")),
        ("quotes", fill("\"")),
        ("colons", fill(":")),
        ("exclamation marks", fill("!")),
        (
            "10,000 brackets, closed",
            user("  access: ") + &"[".repeat(10_000) + &"]".repeat(10_000),
        ),
        (
            "10,000 steps of indentation",
            (0..10_000)
                .map(|i| format!("{}a:\n", " ".repeat(i.min(80))))
                .collect(),
        ),
        (
            "1,000 steps down",
            (0..1_000)
                .map(|i| format!("{}a:\n", " ".repeat(i)))
                .collect(),
        ),
        (
            "a long version",
            format!("apiVersion: {}\nkind: User", fill("x")),
        ),
        (
            "a long kind",
            format!("apiVersion: countersign/v1\nkind: {}", fill("User")),
        ),
        ("a long choice", USER.replace("employee", &fill("emp"))),
        ("a long name", USER.replace("kim", &fill("kim"))),
        ("a long number", user(&format!("  title: {}", fill("9")))),
        ("a long key", user(&format!("  ? {}\n  : x", fill("title")))),
        ("a long tag", user(&format!("  title: !{} x", fill("t")))),
        (
            "a long line of entries",
            user(&format!("  access: [{}]", fill("a, "))),
        ),
        ("entries", user("  access:\n") + &fill("  - {resorce: a}\n")),
        (
            "templates",
            user("") + &numbered(&|i| format!("  k{i}: {{{{ x }}}}\n")),
        ),
        ("tags", fill("- !x y\n")),
        ("control characters", fill("\u{1}\n")),
        ("merge markers", fill("<<<<<<<\n")),
        ("comments", fill("# x\n")),
        ("spaces", fill(" ")),
    ];
    for (what, text) in bombs {
        let begin = Instant::now();
        let (_, diagnostics) = check_text("x.yaml", &text);
        let took = begin.elapsed();
        // A debug build on a busy machine takes seconds; what is quadratic takes many minutes.
        assert!(took < Duration::from_mins(1), "{what}: {took:?}");
        assert!(any_error(&diagnostics), "{what}");
        let longest = diagnostics
            .iter()
            .map(|d| d.message.len() + d.help.as_ref().map_or(0, String::len));
        assert!(longest.max() < Some(1_000), "{what}");
        for diagnostic in diagnostics.iter().take(1_000) {
            within(diagnostic, &text).unwrap_or_else(|why| panic!("{what}: {why}"));
        }
    }
}

#[test]
fn a_file_of_100_mb_is_not_read() {
    let repository = Repository::new();
    repository.file("users/kim.yaml", USER.as_bytes());
    let large = std::fs::File::create(repository.path("users/large.yaml")).unwrap();
    large.set_len(100 * 1024 * 1024).unwrap();
    let begin = Instant::now();
    let found = repository.in_folder();
    assert!(
        begin.elapsed() < Duration::from_secs(30),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(places(&found.diagnostics), [(Code::FileTooLarge, 1, 1)]);
    assert_eq!(&*found.diagnostics[0].place.file, "users/large.yaml");
    let found = repository.both();
    assert_eq!(places(&found.diagnostics), [(Code::FileTooLarge, 1, 1)]);
    assert_eq!(found.manifests.len(), 1);
}

#[test]
fn links_are_never_followed() {
    let outside = TempDir::new().unwrap();
    let secret = outside.path().join("secret.yaml");
    std::fs::write(&secret, USER.replace("kim", "outsider")).unwrap();
    let repository = Repository::new();
    repository.file("users/kim.yaml", USER.as_bytes());
    for (target, link) in [
        (secret.as_path(), "users/out.yaml"),
        (Path::new("kim.yaml"), "users/in.yaml"),
        (Path::new("/nowhere"), "users/dangling.yml"),
        (Path::new("/etc/passwd"), "users/passwd.yaml"),
        (Path::new("loop.yaml"), "users/loop.yaml"),
        (outside.path(), "users/folder"),
        (Path::new("."), "users/again"),
    ] {
        std::os::unix::fs::symlink(target, repository.path(link)).unwrap();
    }
    let found = repository.both();
    let files: Vec<&str> = found.diagnostics.iter().map(|d| &*d.place.file).collect();
    let links = [
        "dangling.yml",
        "in.yaml",
        "loop.yaml",
        "out.yaml",
        "passwd.yaml",
    ];
    assert_eq!(files, links.map(|name| format!("users/{name}")));
    assert!(
        found
            .diagnostics
            .iter()
            .all(|d| d.code == Code::SymbolicLink)
    );
    assert_eq!(found.names(), ["kim"]);
}

#[test]
fn two_files_that_differ_only_in_case_are_a_mistake() {
    let repository = Repository::new();
    repository.file("users/Kim.yaml", USER.as_bytes());
    repository.file("users/kim.yaml", USER.replace("kim", "lee").as_bytes());
    repository.file("Users/kim.yaml", USER.replace("kim", "sam").as_bytes());
    if repository.in_folder().manifests.len() < 3 {
        return; // This file system has only one of them.
    }
    let found = repository.both();
    let files: Vec<&str> = found.diagnostics.iter().map(|d| &*d.place.file).collect();
    assert_eq!(files, ["users/Kim.yaml", "users/kim.yaml"]);
    assert!(found.diagnostics.iter().all(|d| d.code == Code::CaseClash));
}

#[test]
fn files_may_have_any_name() {
    let repository = Repository::new();
    let names: [&[u8]; 9] = [
        b"a b.yaml",
        b"-rf.yaml",
        b"new\nline.yaml",
        "ä日\u{301}.yaml".as_bytes(),
        b"latin-\xe4.yaml",
        b"quote\"'`$(x).YAML",
        b"%41:,=.yaml",
        b"::error file=x::.yml",
        b"esc\x1b[31m.yaml",
    ];
    for (number, name) in names.iter().enumerate() {
        let text = USER.replace("kim", &format!("kim{number}")) + "  titel: x\n";
        repository.file(OsStr::from_bytes(name), text.as_bytes());
    }
    let found = repository.both();
    // One is no text, and what it holds is read all the same.
    assert_eq!(found.diagnostics.len(), names.len() + 1);
    assert_eq!(found.manifests.len(), names.len());
    for format in Format::ALL {
        let text = render(
            &found.diagnostics,
            names.len(),
            &|_| Some(USER.into()),
            format,
        );
        // Each mistake stays on its line, and nothing reaches the terminal that steers it.
        let lines = text
            .lines()
            .filter(|line| line.contains("unknown-field"))
            .count();
        let rules = if format == Format::Sarif { 1 } else { 0 };
        assert_eq!(lines, names.len() + rules, "{format:?}\n{text}");
        assert!(
            format == Format::Human || !text.contains('\u{1b}'),
            "{format:?}"
        );
    }
}

#[test]
fn names_that_are_no_text_are_mistakes() {
    let repository = Repository::new();
    repository.file(OsStr::from_bytes(b"fol\xffder/kim.yaml"), USER.as_bytes());
    repository.file(
        OsStr::from_bytes(b"a\xfe.yaml"),
        USER.replace("kim", "lee").as_bytes(),
    );
    repository.file(
        OsStr::from_bytes(b"a\xff.yaml"),
        USER.replace("kim", "sam").as_bytes(),
    );
    let found = repository.both();
    let mistake = (Code::FileUnreadable, 1, 1);
    assert_eq!(places(&found.diagnostics), [mistake; 2]);
    assert_eq!(found.manifests.len(), 2);
}

#[test]
fn a_repository_within_is_not_read() {
    let repository = Repository::new();
    let inner = Repository::new();
    inner.file("lee.yaml", USER.replace("kim", "lee").as_bytes());
    inner.commit();
    repository.file("users/kim.yaml", USER.as_bytes());
    let path = inner.folder.path().to_str().unwrap().to_owned();
    repository.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        &path,
        "vendor",
    ]);
    let found = repository.both();
    assert_eq!(found.names(), ["kim"]);
    assert_eq!(places(&found.diagnostics), [(Code::SymbolicLink, 1, 1)]);
    assert_eq!(&*found.diagnostics[0].place.file, "vendor");
}

#[test]
fn folders_may_lie_as_deep_as_anybody_likes() {
    let repository = Repository::new();
    let git = git2::Repository::open(repository.folder.path()).unwrap();
    let put = |name: &str, what: git2::Oid, mode: i32| {
        let mut folder = git.treebuilder(None).unwrap();
        folder.insert(name, what, mode).unwrap();
        folder.write().unwrap()
    };
    let blob = git.blob(USER.as_bytes()).unwrap();
    let mut tree = put("kim.yaml", blob, 0o100_644);
    for _ in 0..10_000 {
        tree = put("d", tree, 0o040_000);
    }
    let author = git2::Signature::now("kim", "kim@city.example").unwrap();
    let tree = git.find_tree(tree).unwrap();
    git.commit(Some("HEAD"), &author, &author, "deep", &tree, &[])
        .unwrap();
    let origin = Origin::Revision {
        folder: repository.folder.path().into(),
        revision: "HEAD".into(),
    };
    let source = source::read(&origin, &|_| false).unwrap();
    let manifests = parse(&source, &mut Known::default());
    assert_eq!((manifests.list.len(), manifests.diagnostics), (1, vec![]));
    assert_eq!(
        manifests.list[0].at.file.len(),
        "d/".len() * 10_000 + "kim.yaml".len()
    );
}

#[test]
fn a_repository_may_be_empty() {
    let folder = TempDir::new().unwrap();
    let head = |folder: &Path| Origin::Revision {
        folder: folder.into(),
        revision: "HEAD".into(),
    };
    let error = source::read(&head(folder.path()), &|_| false).unwrap_err();
    assert!(
        matches!(error, SourceError::NotARepository { .. }),
        "{error:?}"
    );
    let nowhere = folder.path().join("nowhere");
    assert!(source::read(&head(&nowhere), &|_| false).is_err());
    assert!(source::read(&Origin::Worktree { folder: nowhere }, &|_| false).is_err());

    let repository = Repository::new();
    let origin = head(repository.folder.path());
    let error = source::read(&origin, &|_| false).unwrap_err();
    assert!(
        matches!(error, SourceError::NoSuchRevision { empty: true, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("no commit yet"), "{error}");
    assert!(repository.in_folder().diagnostics.is_empty());

    repository.git(&["commit", "--quiet", "--allow-empty", "--message", "empty"]);
    let source = source::read(&origin, &|_| false).unwrap();
    assert!(source.files.is_empty() && source.diagnostics.is_empty());
    for revision in ["nowhere", "HEAD~1", "", "HEAD:users", "^", "@{", "\0"] {
        let folder = repository.folder.path().into();
        let error = source::read(
            &Origin::Revision {
                folder,
                revision: revision.into(),
            },
            &|_| false,
        );
        assert!(error.is_err(), "{revision:?}");
    }
}

#[test]
fn hidden_files_other_files_and_a_folder_of_a_repository() {
    let repository = Repository::new();
    for (path, name) in [
        ("access/users/kim.yaml", "kim"),
        ("access/users/.draft.yaml", "draft"),
        ("access/.hidden/a.yaml", "hidden"),
        ("access/users/kim.yaml.orig", "orig"),
        ("access/policies/tests/a.yaml", "test"),
        ("elsewhere.yaml", "elsewhere"),
    ] {
        repository.file(path, USER.replace("kim", name).as_bytes());
    }
    repository.commit();
    let folder = repository.path("access");
    let git = Found::read(&Origin::Revision {
        folder: folder.clone(),
        revision: "HEAD".into(),
    });
    let worktree = Found::read(&Origin::Worktree { folder });
    assert_eq!(git, worktree);
    assert_eq!(git.names(), ["kim"]);
    assert_eq!(git.diagnostics, []);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(600),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn damaged_bytes_break_nothing(
        which in 0usize..1_000,
        changes in proptest::collection::vec((any::<u16>(), 0u8..6, any::<u8>(), any::<u16>()), 1..8),
    ) {
        let good = good_files();
        let mut bytes = good[which % good.len()].clone();
        for (at, sort, byte, other) in changes {
            change(&mut bytes, at.into(), sort, byte, other.into());
        }
        let file = File::new(Blob([0; 20]), bytes.clone());
        let files = BTreeMap::from([("x.yaml".into(), file)]);
        let source = Source { files, ..Source::default() };
        let found = parse(&source, &mut Known::default());
        prop_assert!(!found.list.is_empty() || any_error(&found.diagnostics));
        let text = String::from_utf8_lossy(&bytes);
        for diagnostic in &found.diagnostics {
            if let Err(why) = within(diagnostic, &text) {
                return Err(TestCaseError::fail(format!("{why}\n{text}")));
            }
        }
        let diagnostics = sorted(found.diagnostics);
        for format in Format::ALL {
            render(&diagnostics, 1, &|_| Some(text.as_ref().into()), format);
        }
        let again = sorted(parse(&source, &mut Known::default()).diagnostics);
        prop_assert_eq!(diagnostics, again);
    }
}

/// Signs that mean something to YAML.
const SIGNS: &[&[u8]] = &[
    b":",
    b"- ",
    b"\n",
    b"  ",
    b"\t",
    b"#",
    b"\"",
    b"'",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b"&a ",
    b"*a",
    b"!x ",
    b"|",
    b">",
    b"%",
    b"@",
    b"? ",
    b"\n---\n",
    b"\n...\n",
    b"\r",
    b"\0",
    b"\xff",
    "\u{feff}".as_bytes(),
    "ä".as_bytes(),
    "\u{2028}".as_bytes(),
    b"~",
    b"0",
    b"{{ x }}",
    b"<<: ",
    b"\\",
];

fn change(bytes: &mut Vec<u8>, at: usize, sort: u8, byte: u8, other: usize) {
    let at = at % (bytes.len() + 1);
    let end = (at + other % 20).min(bytes.len());
    let sign = SIGNS[other % SIGNS.len()];
    match sort {
        0 => bytes.insert(at, byte),
        1 => drop(bytes.drain(at..end)),
        2 => drop(bytes.splice(at..at, sign.iter().copied())),
        3 => drop(bytes.splice(at..end, sign.iter().copied())),
        4 => bytes.truncate(at),
        _ => {
            let part = bytes[at..end].to_vec();
            let to = other % (bytes.len() + 1);
            drop(bytes.splice(to..to, part));
        }
    }
}

fn good_files() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/schema/good");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// Whether a place lies in its file: a line there is, and a column of it or the one behind it.
fn within(diagnostic: &Diagnostic, text: &str) -> Result<(), String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let every = diagnostic
        .related
        .iter()
        .map(|(place, _)| place)
        .chain([&diagnostic.place]);
    for place in every {
        let line = place
            .line
            .checked_sub(1)
            .and_then(|line| text.split('\n').nth(line as usize));
        let length = line.map(|line| line.chars().count() as u32);
        let there = length.is_some_and(|length| (1..=length + 1).contains(&place.column));
        if !there || place.width == 0 {
            return Err(format!("{diagnostic:?} is outside of the text"));
        }
    }
    Ok(())
}

/// A git repository, made by the real `git`.
struct Repository {
    folder: TempDir,
}

impl Repository {
    fn new() -> Self {
        let repository = Self {
            folder: TempDir::new().unwrap(),
        };
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository
    }

    fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(path)
    }

    fn file(&self, path: impl AsRef<Path>, bytes: &[u8]) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn git(&self, arguments: &[&str]) {
        let output = Command::new("git")
            .args(["-c", "user.name=Kim", "-c", "user.email=kim@city.example"])
            .args([
                "-c",
                "core.autocrlf=false",
                "-c",
                "commit.gpgSign=false",
                "-c",
                "gc.auto=0",
            ])
            .args(arguments)
            .current_dir(self.folder.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {errors}");
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "all"]);
    }

    fn folder_origin(&self) -> Origin {
        Origin::Worktree {
            folder: self.folder.path().into(),
        }
    }

    fn in_folder(&self) -> Found {
        Found::read(&self.folder_origin())
    }

    /// What is found in the folder, after checking that a commit of it says the same.
    fn both(&self) -> Found {
        let in_folder = self.in_folder();
        self.commit();
        let folder = self.folder.path().into();
        let in_git = Found::read(&Origin::Revision {
            folder,
            revision: "main".into(),
        });
        assert_eq!(in_git, in_folder);
        in_git
    }
}

/// What a reader makes of a repository.
#[derive(Debug, PartialEq)]
struct Found {
    blobs: BTreeMap<String, Blob>,
    manifests: Vec<Located>,
    diagnostics: Vec<Diagnostic>,
}

impl Found {
    fn read(origin: &Origin) -> Self {
        let source = source::read(origin, &|_| false).unwrap();
        let found = parse(&source, &mut Known::default());
        Self {
            blobs: source
                .files
                .iter()
                .map(|(path, file)| (path.to_string(), file.blob))
                .collect(),
            manifests: found.list,
            diagnostics: sorted(found.diagnostics),
        }
    }

    fn names(&self) -> Vec<String> {
        let bodies = self
            .manifests
            .iter()
            .map(|manifest| serde_json::to_value(&manifest.body).unwrap());
        bodies
            .map(|body| {
                body.as_object().unwrap().values().next().unwrap()["metadata"]["name"].clone()
            })
            .map(|name| name.as_str().unwrap().to_owned())
            .collect()
    }
}
