//! The checker's table: each operator and function with types it goes with and types it does not.

use super::{Became, ask};

const FINE: [&str; 52] = [
    "true || false && !false",
    "\"a\" == \"a\" && \"a\" != \"b\"",
    "1 == 1 && 1 != 2",
    "true == true",
    "[] == []",
    "[1, 2] == [1, 2] && [\"a\"] != [\"b\"]",
    "[[1], []] == [[1], []]",
    "users[\"kim.lee\"].associated == [\"acme\"]",
    "[\"acme\"] == users[\"kim.lee\"].associated",
    "[users[\"kim.lee\"].associated] == [[\"acme\"]]",
    "1 < 2 && 2 <= 2 && 3 > 2 && 2 >= 2",
    "\"a\" < \"b\" && \"b\" <= \"b\" && \"c\" > \"b\" && \"b\" >= \"b\"",
    "\"kim.lee\" in users",
    "!(\"nobody\" in users)",
    "\"acme\" in users[\"kim.lee\"].associated",
    "[\"acme\"] in [users[\"kim.lee\"].associated]",
    "2 in [1, 2] && !(3 in [1, 2])",
    "\"a\" + \"b\" == \"ab\"",
    "[1] + [2] == [1, 2]",
    "[] + [2] == [2]",
    "users[\"kim.lee\"].associated + [\"x\"] == [\"acme\", \"x\"]",
    "[\"x\"] + users[\"kim.lee\"].associated == [\"x\", \"acme\"]",
    "1 + 2 * 3 - 4 / 2 == 5 && 7 % 4 == 3 && -(-1) == 1",
    "-7 / 2 == -3 && -7 % 2 == -1",
    "[1, 2][1] == 2",
    "users[\"kim.lee\"].associated[0] == \"acme\"",
    "users[\"kim.lee\"][\"title\"] == users[\"kim.lee\"].title",
    "users[\"kim.lee\"].labels[\"privacy-training\"] == \"2027-01-02\"",
    "users[\"kim.lee\"].answers.phone == \"42\"",
    "has(users[\"kim.lee\"].answers.phone) && !has(users[\"kim.lee\"].answers.fax)",
    "has(users[\"kim.lee\"].title)",
    "size(\"añb\") == 3 && \"abc\".size() == 3",
    "size([1, 2]) == 2 && size([]) == 0 && size(users) == 2",
    "\"abc\".startsWith(\"ab\") && \"abc\".endsWith(\"bc\") && \"abc\".contains(\"b\")",
    "\"abc-123\".matches(\"^[a-z]+-[0-9]+$\") && !\"abc\".matches(\"^b\")",
    "[1, 2].all(n, n > 0) && [].all(n, false)",
    "[1, 2].exists(n, n == 2) && ![].exists(n, true)",
    "[1, 2].exists_one(n, n == 2) && ![2, 2].exists_one(n, n == 2)",
    "[1, 2, 3].filter(n, n > 1) == [2, 3]",
    "[1, 2].map(n, n * 2) == [2, 4]",
    "[1, 2, 3].map(n, n > 1, n * 2) == [4, 6]",
    "users.map(name, name) == [\"dana.reyes\", \"kim.lee\"]",
    "users.exists(name, users[name].type == \"contractor\")",
    "resources.gis.levels.map(level, level) == [\"editor\", \"viewer\"]",
    "[[1, 2], [3]].map(list, list.map(n, n + 1)) == [[2, 3], [4]]",
    "users[\"kim.lee\"].entitlements.filter(e, e.resource == \"gis\").map(e, e.level) == [\"viewer\"]",
    "(true ? 1 : 2) == 1 && (false ? \"a\" : \"b\") == \"b\"",
    "(false ? [1] : []) == []",
    // An error beside what decides alone is none.
    "true || 1 / 0 == 1",
    "1 / 0 == 1 || true",
    "!(1 / 0 == 1 && false)",
    "[0, 1].exists(n, 1 / n == 1)",
];

/// What is refused, and what of the sentence says why.
const REFUSED: [(&str, &str); 58] = [
    ("1", "gives int, and must say true or false"),
    ("user", "there is no `user` here"),
    ("usrs == users", "there is no `usrs` here"),
    ("1 && true", "`&&` does not go with int and bool"),
    ("true || \"a\"", "`||` does not go with bool and string"),
    ("!1 == 1", "does not go with int"),
    ("1 == \"1\"", "int and string cannot be compared"),
    ("true != 1", "bool and int cannot be compared"),
    ("[1] == [\"a\"]", "cannot be compared"),
    ("users == users", "cannot be compared"),
    (
        "users[\"kim.lee\"] == users[\"kim.lee\"]",
        "cannot be compared",
    ),
    (
        "users[\"kim.lee\"].labels == users[\"kim.lee\"].answers",
        "cannot be compared",
    ),
    ("1 < \"2\"", "does not go with int and string"),
    ("true < false", "does not go with bool and bool"),
    ("[1] < [2]", "does not go with"),
    ("1 in users", "does not go with int and map(string, User)"),
    ("\"a\" in [1]", "does not go with string and list(int)"),
    ("\"a\" in \"abc\"", "does not go with string and string"),
    (
        "\"title\" in users[\"kim.lee\"]",
        "does not go with string and User",
    ),
    (
        "users[\"kim.lee\"] in [users[\"kim.lee\"]]",
        "does not go with",
    ),
    ("\"a\" + 1 == \"a1\"", "does not go with string and int"),
    ("[1] + [\"a\"] == [1]", "does not go with"),
    ("users + users == users", "does not go with"),
    ("\"a\" - \"a\" == \"\"", "does not go with"),
    ("\"a\" * 2 == \"aa\"", "does not go with"),
    ("-\"a\" == \"a\"", "does not go with"),
    ("[1][\"a\"] == 1", "does not go with list(int) and string"),
    ("users[1].title == \"\"", "does not go with"),
    ("\"abc\"[0] == \"a\"", "does not go with"),
    (
        "users[\"kim.lee\"][\"tit\" + \"le\"] == \"\"",
        "a string that is written out",
    ),
    ("users[\"kim.lee\"].titel == \"\"", "a User has no `titel`"),
    (
        "users[\"kim.lee\"][\"titel\"] == \"\"",
        "a User has no `titel`",
    ),
    ("has(users[\"kim.lee\"].titel)", "a User has no `titel`"),
    ("resources.giz.pii", "`resources` has no `giz`"),
    ("resources[\"giz\"].pii", "`resources` has no `giz`"),
    ("\"a\".length == 1", "string has no fields"),
    ("size(1) == 1", "`size` does not go with int"),
    ("size(true) == 1", "does not go with bool"),
    ("size(users[\"kim.lee\"]) == 1", "does not go with User"),
    ("\"a\".startsWith(1)", "does not go with"),
    ("startsWith(\"a\", \"a\")", "does not go with"),
    (
        "1.endsWith(\"a\")",
        "`endsWith` does not go with int and string",
    ),
    (
        "\"a\".matches(users[\"kim.lee\"].title)",
        "the pattern is a string that is written out",
    ),
    ("\"a\".matches(\"(\")", "the pattern cannot be used"),
    (
        "\"a\".matches(\"(a{999}){999}\")",
        "the pattern cannot be used",
    ),
    ("\"abc\".all(c, true)", "string has no elements"),
    ("users[\"kim.lee\"].all(f, true)", "User has no elements"),
    ("[1].all(n, n)", "does not go with"),
    ("[1].exists(n, \"a\")", "does not go with"),
    ("[1].filter(n, n) == [1]", "does not go with"),
    (
        "[1].all(users, true)",
        "`users` means something else already",
    ),
    (
        "[1].all(n, [2].all(n, true))",
        "`n` means something else already",
    ),
    ("true ? 1 : \"a\"", "gives int or string"),
    ("[1, \"a\"] == []", "a list holds int here and string there"),
    ("{\"a\": 1}[\"a\"] == 1", "makes no maps"),
    ("1.5 < 2.0", "strings, whole numbers and truth"),
    ("users[\"kim.lee\"].title == null", "nothing is null here"),
    (
        "timestamp(\"2027-01-01T00:00:00Z\") == timestamp(\"2027-01-01T00:00:00Z\")",
        "does not go with string",
    ),
];

/// What passes and may fail all the same, and how it says so.
const FAILING: [(&str, &str); 9] = [
    ("1 / 0 == 1", "a number is divided by 0"),
    ("1 % 0 == 1", "a number is divided by 0"),
    ("9223372036854775807 + 1 == 0", "a number becomes too great"),
    (
        "-9223372036854775807 - 2 == 0",
        "a number becomes too great",
    ),
    ("9223372036854775807 * 2 == 0", "a number becomes too great"),
    ("[1][1] == 1", "there is no element 1 in a list of 1"),
    ("[1][-1] == 1", "there is no element -1 in a list of 1"),
    (
        "users[\"nobody\"].title == \"\"",
        "there is no `nobody` in a map; ask first: `\"nobody\" in …`",
    ),
    (
        "users[\"kim.lee\"].answers.fax == \"\"",
        "there is no `fax` in a map",
    ),
];

fn texts(of: &[&str]) -> Vec<String> {
    of.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn what_goes_together_passes_and_holds() {
    for (expression, became) in FINE.iter().zip(ask("", &texts(&FINE))) {
        assert_eq!(became, Became::True, "{expression}");
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    let expressions: Vec<&str> = REFUSED.iter().map(|(expression, _)| *expression).collect();
    let became = ask("", &texts(&expressions));
    for ((expression, why), became) in REFUSED.iter().zip(became) {
        match became {
            Became::Refused(said) if said.iter().any(|said| said.contains(why)) => {}
            other => panic!("{expression}: {why}: {other:?}"),
        }
    }
}

#[test]
fn what_cannot_be_told_fails() {
    let expressions: Vec<&str> = FAILING.iter().map(|(expression, _)| *expression).collect();
    let became = ask("", &texts(&expressions));
    for ((expression, why), became) in FAILING.iter().zip(became) {
        match became {
            Became::Failed(said) if said.contains(why) => {}
            other => panic!("{expression}: {why}: {other:?}"),
        }
    }
}

/// Walks over a list in a list in a list …, so deep.
fn nested(depth: usize) -> String {
    let mut text = "true".to_owned();
    for level in 0..depth {
        text = format!("users[\"kim.lee\"].entitlements.all(e{level}, {text})");
    }
    text
}

#[test]
fn what_grows_with_the_product_of_lists_is_refused_and_what_grows_with_their_sum_is_not() {
    let linear = (0..9).map(|_| nested(1)).collect::<Vec<_>>().join(" && ");
    let became = ask("", &[nested(2), nested(8), linear]);
    assert_eq!(became[0], Became::True);
    assert_eq!(became[2], Became::True);
    match &became[1] {
        Became::Refused(said) => assert!(said[0].contains("steps"), "{said:?}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_nested_too_deeply_is_refused_before_it_is_read() {
    let deep =
        |open: &str, close: &str| format!("{}true{}", open.repeat(1_000), close.repeat(1_000));
    let long = vec!["true"; 700].join(" && ");
    let longer = vec!["true"; 2_000].join(" && ");
    let expressions = [
        deep("(", ")"),
        deep("!", ""),
        deep("true ? true : ", ""),
        format!("1{} == 1", " + 1".repeat(600)),
        format!("users{} == \"\"", ".a".repeat(1_000)),
        longer,
    ];
    for (expression, became) in expressions.iter().zip(ask("", &expressions)) {
        let start: String = expression.chars().take(40).collect();
        assert!(matches!(became, Became::Refused(_)), "{start}: {became:?}");
    }
    // Conditions in a row are not in one another.
    let became = ask("", &[long]);
    assert!(matches!(became[0], Became::True | Became::Refused(_)));
}

#[test]
fn a_chain_of_variables_does_not_become_deep() {
    let mut head = "  variables:\n    v0: \"1\"\n".to_owned();
    for number in 1..400 {
        let sum = "1 + (".repeat(20);
        let end = ")".repeat(20);
        head.push_str(&format!("    v{number}: \"{sum}v{}{end}\"\n", number - 1));
    }
    let became = ask(&head, &["v399 > 0".to_owned()]);
    match &became[0] {
        Became::Refused(said) => assert!(
            said[0].contains("once its variables stand in it"),
            "{said:?}"
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_variable_is_worked_out_once() {
    // Written out, it would be two to the power of forty.
    let mut head = "  variables:\n    v0: \"[1]\"\n".to_owned();
    for number in 1..=20 {
        let last = number - 1;
        head.push_str(&format!(
            "    v{number}: \"[size(v{last}) + size(v{last})]\"\n"
        ));
    }
    assert_eq!(ask(&head, &["size(v20) == 1".to_owned()]), [Became::True]);
}
