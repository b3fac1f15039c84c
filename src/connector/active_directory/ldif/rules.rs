//! What a domain controller refuses, with the codes of Windows: turns values that are written into
//! values that are kept.

use crate::connector::active_directory::failure::{Operation, classify};
use crate::connector::active_directory::matching::{
    LOGIN_LONGEST, is_login, is_single_valued, kind, length, longest, same_value, uac,
};
use crate::connector::{AttributeName, Attributes, EntryKind, Failure, Value};
use crate::dn::Dn;

/// Counts the passwords of an account: 1 while it never got one. An account of a file without this
/// attribute has one.
pub(super) const KEY_VERSION: &str = "msDS-KeyVersionNumber";

/// pwdLastSet of an account whose password stays: some instant (1970), because a file has no clock.
pub(super) const PASSWORD_WAS_SET: &str = "116444736000000000";

/// A global security group.
const GROUP_TYPE: &str = "-2147483646";

/// The shortest password that a new domain takes.
const PASSWORD_SHORTEST: usize = 7;

/// The refusal that a domain controller of Windows would give.
pub(super) fn refusal(operation: Operation, code: u32, extended: u32, text: &str) -> Failure {
    classify(operation, code, &format!("{extended:08X}: {text}"))
}

/// A refusal because the object, or the parent, is not there.
pub(super) fn gone(operation: Operation, what: &str) -> Failure {
    refusal(operation, 32, 0x208D, what)
}

/// Refuses to write an attribute that the directory keeps itself, or that only a rename changes.
pub(super) fn can_be_written(
    operation: Operation,
    dn: &Dn,
    attribute: &AttributeName,
) -> Result<(), Failure> {
    let among = |names: &[&str]| names.iter().any(|name| attribute.is(name));
    let name = attribute.as_str();
    if among(&["memberOf", "directReports", "managedObjects", "unicodePwd"]) {
        return Err(refusal(
            operation,
            53,
            0x2035,
            &format!("`{name}` cannot be written"),
        ));
    }
    let own = [
        "objectGUID",
        "objectSid",
        "distinguishedName",
        KEY_VERSION,
        "uSNChanged",
        "whenChanged",
    ];
    if among(&own) {
        return Err(refusal(
            operation,
            19,
            0x202F,
            &format!("`{name}` cannot be written"),
        ));
    }
    if operation == Operation::Add {
        return Ok(());
    }
    if attribute.is("name") || attribute.is(dn.rdn().attribute()) {
        return Err(refusal(
            operation,
            67,
            0x2016,
            &format!("`{name}` is the object's name"),
        ));
    }
    match attribute.is("objectClass") {
        true => Err(refusal(
            operation,
            65,
            0x2014,
            "the sort of an object cannot change",
        )),
        false => Ok(()),
    }
}

/// The values that the directory keeps of all those that an attribute is to have.
pub(super) fn kept(
    operation: Operation,
    kind: EntryKind,
    attribute: &AttributeName,
    values: Vec<Value>,
) -> Result<Vec<Value>, Failure> {
    let name = attribute.as_str();
    if values.iter().any(|value| value.bytes().is_empty()) {
        return Err(refusal(
            operation,
            21,
            0x200B,
            &format!("`{name}` has an empty value"),
        ));
    }
    if values.len() > 1 && is_single_valued(attribute) {
        return Err(refusal(
            operation,
            19,
            0x2081,
            &format!("`{name}` takes one value"),
        ));
    }
    let is_login_name = attribute.is("sAMAccountName");
    let limit = match is_login_name && kind == EntryKind::Account {
        true => Some(LOGIN_LONGEST),
        false => longest(attribute),
    };
    if values
        .iter()
        .any(|value| limit.is_some_and(|limit| length(value) > limit))
    {
        return Err(refusal(
            operation,
            19,
            0x2082,
            &format!("a value of `{name}` is too long"),
        ));
    }
    if is_login_name
        && values
            .iter()
            .any(|value| !value.text().is_some_and(is_login))
    {
        return Err(refusal(
            operation,
            19,
            0x202F,
            &format!("`{name}` has a character it cannot have"),
        ));
    }
    if NUMBERS.iter().any(|number| attribute.is(number)) {
        let is_number = |value: &Value| value.text().is_some_and(|t| t.parse::<i64>().is_ok());
        if !values.iter().all(is_number) {
            return Err(refusal(
                operation,
                21,
                0x200B,
                &format!("`{name}` is not a number"),
            ));
        }
    }
    if attribute.is("userAccountControl") {
        return values
            .iter()
            .map(|value| kept_control(operation, value))
            .collect();
    }
    if attribute.is("pwdLastSet") {
        return values
            .iter()
            .map(|value| kept_password_date(operation, value))
            .collect();
    }
    Ok(values)
}

/// Refuses to take away what an object cannot be without.
pub(super) fn has_what_it_must(
    operation: Operation,
    attribute: &AttributeName,
    values: &[Value],
) -> Result<(), Failure> {
    let must = ["sAMAccountName", "userAccountControl", "groupType"];
    match values.is_empty() && must.iter().any(|name| attribute.is(name)) {
        true => Err(refusal(
            operation,
            65,
            0x2014,
            &format!("an object has `{attribute}`"),
        )),
        false => Ok(()),
    }
}

const NUMBERS: &[&str] = &[
    "userAccountControl",
    "accountExpires",
    "pwdLastSet",
    "lockoutTime",
    "groupType",
    "primaryGroupID",
    "countryCode",
];

fn kept_control(operation: Operation, value: &Value) -> Result<Value, Failure> {
    match value.text().and_then(uac::parse) {
        Some(written) => Ok(uac::kept(written).cast_signed().to_string().into()),
        None => Err(refusal(
            operation,
            21,
            0x200B,
            "userAccountControl has 32 bits",
        )),
    }
}

fn kept_password_date(operation: Operation, value: &Value) -> Result<Value, Failure> {
    match value.text() {
        Some("0") => Ok(value.clone()),
        Some("-1" | PASSWORD_WAS_SET) => Ok(PASSWORD_WAS_SET.into()),
        Some(_) | None => Err(refusal(
            operation,
            80,
            0x57,
            "pwdLastSet takes 0 or -1 only",
        )),
    }
}

/// Refuses an account that can be logged on to without ever having got a password, as Windows does.
pub(super) fn may_be_enabled(
    operation: Operation,
    control: Option<&Value>,
    key_version: Option<&Value>,
) -> Result<(), Failure> {
    let bits = control
        .and_then(Value::text)
        .and_then(uac::parse)
        .unwrap_or(uac::NORMAL_ACCOUNT);
    let needs_password = uac::is_enabled(bits) && bits & uac::PASSWD_NOTREQD == 0;
    match needs_password && key_version.is_some_and(|version| version.bytes() == b"1") {
        true => Err(refusal(
            operation,
            53,
            0x52D,
            "the account never got a password",
        )),
        false => Ok(()),
    }
}

/// An object as it is added: its sort, and the attributes that it is kept with, objectGUID aside.
pub(super) fn new_object(
    dn: &Dn,
    attributes: &Attributes,
) -> Result<(EntryKind, Attributes), Failure> {
    let operation = Operation::Add;
    let class = AttributeName::from("objectClass");
    let Some(classes) = attributes.get(&class).filter(|classes| !classes.is_empty()) else {
        return Err(refusal(
            operation,
            65,
            0x2014,
            "an object has an objectClass",
        ));
    };
    let kind = kind(classes);
    let rdn = dn.rdn();
    let naming = match kind {
        EntryKind::Account | EntryKind::Group => "CN",
        EntryKind::Unit if has_class(classes, "organizationalUnit") => "OU",
        EntryKind::Unit => "CN",
        EntryKind::Other => rdn.attribute(),
    };
    if !rdn.attribute().eq_ignore_ascii_case(naming) {
        return Err(refusal(
            operation,
            64,
            0x2037,
            &format!("its name begins with `{naming}=`"),
        ));
    }
    let mut kept_attributes = Attributes::new();
    for (attribute, values) in attributes.iter().filter(|(_, values)| !values.is_empty()) {
        can_be_written(operation, dn, attribute)?;
        let values = kept(operation, kind, attribute, values.clone())?;
        let is_twice = |(at, value)| values[..at].iter().any(|v| same_value(attribute, v, value));
        if values.iter().enumerate().any(is_twice) {
            return Err(refusal(
                operation,
                20,
                0x200D,
                &format!("`{attribute}` has a value twice"),
            ));
        }
        kept_attributes.insert(attribute.clone(), values);
    }
    let named = AttributeName::new(naming.to_ascii_lowercase());
    kept(operation, kind, &named, vec![rdn.value().into()])?;
    let values = kept_attributes.or_insert_with(named, || vec![rdn.value().into()]);
    if !values.iter().any(|value| value.text() == Some(rdn.value())) {
        return Err(refusal(
            operation,
            34,
            0x2032,
            &format!("`{naming}` is not what its name says"),
        ));
    }
    let mut default = |name: &'static str, value: &str| {
        kept_attributes.or_insert_with(name.into(), || vec![value.into()]);
    };
    match kind {
        EntryKind::Account => {
            default("userAccountControl", &uac::OF_NEW_ACCOUNT.to_string());
            default("pwdLastSet", "0");
            default(KEY_VERSION, "1");
            let first =
                |name: &'static str| kept_attributes.get(&name.into()).and_then(|v| v.first());
            may_be_enabled(operation, first("userAccountControl"), first(KEY_VERSION))?;
        }
        EntryKind::Group => default("groupType", GROUP_TYPE),
        EntryKind::Unit | EntryKind::Other => {}
    }
    Ok((kind, kept_attributes))
}

fn has_class(classes: &[Value], class: &str) -> bool {
    classes.iter().any(|value| {
        value
            .text()
            .is_some_and(|text| text.eq_ignore_ascii_case(class))
    })
}

/// Whether a new domain takes the password: seven characters, three sorts of them, the log-on name not in it.
pub(super) fn takes_password(password: &str, login: Option<&str>) -> bool {
    let sorts: [fn(char) -> bool; 5] = [
        char::is_uppercase,
        char::is_lowercase,
        |c| c.is_ascii_digit(),
        |c| !c.is_alphanumeric(),
        |c| c.is_alphabetic() && !c.is_uppercase() && !c.is_lowercase(),
    ];
    let sorts = sorts
        .iter()
        .filter(|is_of_sort| password.contains(**is_of_sort))
        .count();
    let has_login = login.is_some_and(|login| {
        login.chars().count() >= 3 && password.to_lowercase().contains(&login.to_lowercase())
    });
    password.encode_utf16().count() >= PASSWORD_SHORTEST && sorts >= 3 && !has_login
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::FailureClass;

    #[test]
    fn passwords_of_a_new_domain() {
        assert!(takes_password("Abcde1!", Some("maria")));
        assert!(takes_password("correct Horse 7", None));
        for (bad, login) in [
            ("Abcd1!", None),
            ("abcdefg1", None),
            ("xMARIA12!", Some("maria")),
        ] {
            assert!(!takes_password(bad, login), "{bad}");
        }
        assert!(
            takes_password("xJo12345!", Some("jo")),
            "too short a name to count"
        );
    }

    #[test]
    fn control_bits_and_password_dates_are_kept_as_the_directory_keeps_them() {
        let kept = |name: &'static str, value: &str| {
            kept(
                Operation::Modify,
                EntryKind::Account,
                &name.into(),
                vec![value.into()],
            )
        };
        assert_eq!(kept("userAccountControl", "2").unwrap(), ["514".into()]);
        assert_eq!(
            kept("userAccountControl", "8389136").unwrap(),
            ["512".into()]
        );
        assert_eq!(kept("pwdLastSet", "-1").unwrap(), [PASSWORD_WAS_SET.into()]);
        let class = |name, value| kept(name, value).map_err(|failure| failure.class);
        assert_eq!(class("pwdLastSet", "5"), Err(FailureClass::ValueRejected));
        assert_eq!(
            class("accountExpires", "2027-01-01"),
            Err(FailureClass::ValueRejected)
        );
    }
}
