//! What expressions see, and of which type: the one table that the checker, the values and the
//! reference of `countersign policy names` are made of.

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A string; "" where there is nothing to say.
    Text,
    /// A whole number.
    Number,
    /// True or false.
    Truth,
    /// Values of one type, in order.
    List(&'static Type),
    /// Values of one type, by a string.
    Map(&'static Type),
    /// Named fields, all of them always there.
    Record(&'static Shape),
}

/// The fields of a record.
#[derive(Debug)]
pub struct Shape {
    /// What a record of it is called.
    pub name: &'static str,
    /// Name, type and meaning of each field; sorted by name.
    pub fields: &'static [(&'static str, Type, &'static str)],
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Shape {}

impl Shape {
    /// The type of a field.
    pub fn field(&self, name: &str) -> Option<Type> {
        let (_, kind, _) = self.fields.get(self.place(name)?)?;
        Some(*kind)
    }

    /// Which of its fields has a name.
    pub fn place(&self, name: &str) -> Option<usize> {
        let each = |(field, _, _): &(&str, Type, &str)| (*field).cmp(name);
        self.fields.binary_search_by(each).ok()
    }

    /// Whether that one has it.
    pub fn is_at(&self, place: usize, name: &str) -> bool {
        self.fields
            .get(place)
            .is_some_and(|(field, _, _)| *field == name)
    }
}

impl Type {
    /// The word people read.
    pub fn words(&self) -> String {
        match self {
            Self::Text => "string".into(),
            Self::Number => "int".into(),
            Self::Truth => "bool".into(),
            Self::List(of) => format!("list({})", of.words()),
            Self::Map(of) => format!("map(string, {})", of.words()),
            Self::Record(shape) => shape.name.into(),
        }
    }
}

const TEXTS: Type = Type::List(&Type::Text);
const WORDS: Type = Type::Map(&Type::Text);

/// A user, at an instant.
pub static USER: Shape = Shape {
    name: "User",
    fields: &[
        (
            "administrator",
            Type::Truth,
            "whether the user may approve: level `administrator` of resource `countersign`",
        ),
        (
            "answers",
            WORDS,
            "answers to the profiles' questions, by question key",
        ),
        (
            "associated",
            TEXTS,
            "clients and suppliers the user is associated with",
        ),
        ("attributes", WORDS, "the account's values, by attribute"),
        ("displayName", Type::Text, "the name people read"),
        ("employeeNumber", Type::Text, "employee number"),
        (
            "endDate",
            Type::Text,
            "last day or end instant, as the manifest says it",
        ),
        (
            "entitlements",
            Type::List(&Type::Record(&ENTITLEMENT)),
            "what is held",
        ),
        ("familyName", Type::Text, "family name"),
        ("forgeLogins", WORDS, "logins at forges, by forge"),
        ("givenName", Type::Text, "given name"),
        (
            "identities",
            Type::List(&Type::Record(&IDENTITY)),
            "who the user is in applications",
        ),
        ("labels", WORDS, "labels of the manifest"),
        (
            "login",
            Type::Text,
            "the account's login name; \"\" without an account",
        ),
        ("mail", Type::Text, "the address mails go to"),
        ("middleName", Type::Text, "middle name"),
        (
            "name",
            Type::Text,
            "the permanent handle; \"\" where there is no such user",
        ),
        ("organization", Type::Text, "the organization"),
        (
            "organizations",
            TEXTS,
            "the organization and those it belongs to, nearest first",
        ),
        ("profiles", TEXTS, "profiles, those they extend too"),
        ("signingKeys", TEXTS, "public keys commits are signed with"),
        (
            "startDate",
            Type::Text,
            "first day or instant, as the manifest says it",
        ),
        ("state", Type::Text, "active, suspended or left"),
        ("supervisor", Type::Text, "whom the user reports to"),
        (
            "supervisors",
            TEXTS,
            "the supervisor, the supervisor's supervisor, and so on",
        ),
        ("title", Type::Text, "job title"),
        (
            "type",
            Type::Text,
            "employee, contractor, partner, client, supplier or service",
        ),
    ],
};

/// One thing held.
pub static ENTITLEMENT: Shape = Shape {
    name: "Entitlement",
    fields: &[
        (
            "identity",
            Type::Text,
            "alias of the identity it belongs to",
        ),
        ("kind", Type::Text, "level, role or scope"),
        ("label", Type::Text, "what the application calls it"),
        (
            "level",
            Type::Text,
            "the level; `access` is the implicit one",
        ),
        ("personal", Type::Truth, "whether no profile gives it"),
        ("request", Type::Text, "the latest request that gives it"),
        ("resource", Type::Text, "the resource"),
        ("role", Type::Text, "the role"),
        ("scope", Type::Text, "the scope"),
        ("user", Type::Text, "who holds it"),
        (
            "value",
            Type::Text,
            "the value of the scope; `*` is all of them",
        ),
    ],
};

/// One thing that comes or goes.
pub static GRANT: Shape = Shape {
    name: "Change",
    fields: &[
        (
            "at",
            Type::Text,
            "when, local: `2027-01-04T08:00`; \"\" at once",
        ),
        (
            "identity",
            Type::Text,
            "alias of the identity it belongs to",
        ),
        ("kind", Type::Text, "level, role or scope"),
        ("label", Type::Text, "what the application calls it"),
        (
            "level",
            Type::Text,
            "the level; `access` is the implicit one",
        ),
        ("personal", Type::Truth, "whether no profile gives it"),
        (
            "request",
            Type::Text,
            "the latest request that gives or takes it",
        ),
        ("resource", Type::Text, "the resource"),
        ("role", Type::Text, "the role"),
        ("scope", Type::Text, "the scope"),
        ("user", Type::Text, "who gains or loses it"),
        (
            "value",
            Type::Text,
            "the value of the scope; `*` is all of them",
        ),
    ],
};

/// Who somebody is in an application.
pub static IDENTITY: Shape = Shape {
    name: "Identity",
    fields: &[
        ("alias", Type::Text, "what the user calls it"),
        ("default", Type::Truth, "whether the user starts with it"),
        ("resource", Type::Text, "the application"),
        ("roles", TEXTS, "the roles really held, included ones too"),
        (
            "scopes",
            Type::Map(&TEXTS),
            "the values seen, by scope; `*` is all of them",
        ),
        ("type", Type::Text, "what the user represents"),
        ("user", Type::Text, "the user"),
    ],
};

/// A resource.
pub static RESOURCE: Shape = Shape {
    name: "Resource",
    fields: &[
        (
            "administrators",
            TEXTS,
            "users who hold a level that administers it",
        ),
        (
            "connector",
            Type::Text,
            "active-directory, manual, roster or none",
        ),
        ("cost", Type::Text, "free, premium or \"\""),
        ("displayName", Type::Text, "the name people read"),
        ("eligible", TEXTS, "user types that may have it"),
        ("holders", Type::Number, "how many users hold it"),
        ("inheritsFrom", Type::Text, "the resource it follows"),
        ("labels", WORDS, "labels of the manifest"),
        (
            "levels",
            Type::Map(&Type::Record(&LEVEL)),
            "its levels, by name",
        ),
        (
            "maintainers",
            TEXTS,
            "users who keep it: maintainers, their members, heads, holders",
        ),
        ("name", Type::Text, "the name"),
        ("owner", Type::Text, "the user who answers for it"),
        (
            "ownerOrganization",
            Type::Text,
            "the organization that answers for it",
        ),
        ("pii", Type::Truth, "whether it holds personal data"),
        ("seats", Type::Number, "how many may hold it; 0: any number"),
        (
            "type",
            Type::Text,
            "directory, application, software, mailing-list, shared-folder or equipment",
        ),
        ("url", Type::Text, "where people find it"),
    ],
};

/// A level of a resource.
pub static LEVEL: Shape = Shape {
    name: "Level",
    fields: &[
        (
            "administers",
            Type::Truth,
            "whether holders administer the resource",
        ),
        ("displayName", Type::Text, "the name people read"),
        ("groups", TEXTS, "directory groups that realise it"),
        ("includes", TEXTS, "levels that come with it"),
        ("name", Type::Text, "the name"),
    ],
};

/// A role.
pub static ROLE: Shape = Shape {
    name: "Role",
    fields: &[
        (
            "deprecated",
            Type::Truth,
            "whether it is no longer to be given",
        ),
        ("displayName", Type::Text, "the name people read"),
        ("groups", TEXTS, "directory groups that holders are in"),
        ("includes", TEXTS, "roles that come with it"),
        ("labels", WORDS, "labels of the manifest"),
        ("name", Type::Text, "the name"),
        ("permissions", TEXTS, "what holders may do"),
        ("resource", Type::Text, "the application"),
    ],
};

/// A scope.
pub static SCOPE: Shape = Shape {
    name: "Scope",
    fields: &[
        ("displayName", Type::Text, "the name people read"),
        ("labels", WORDS, "labels of the manifest"),
        ("name", Type::Text, "the name"),
        ("resource", Type::Text, "the application"),
        ("values", TEXTS, "values that are listed"),
        (
            "wildcard",
            Type::Truth,
            "whether `*` may stand for all values",
        ),
    ],
};

/// An organization.
pub static ORGANIZATION: Shape = Shape {
    name: "Organization",
    fields: &[
        ("code", Type::Text, "what applications call it"),
        ("displayName", Type::Text, "the name people read"),
        ("head", Type::Text, "who heads it"),
        ("labels", WORDS, "labels of the manifest"),
        ("name", Type::Text, "the name"),
        (
            "organizations",
            TEXTS,
            "it and those it belongs to, nearest first",
        ),
        ("parent", Type::Text, "the organization it belongs to"),
        (
            "type",
            Type::Text,
            "employer, department, partner, client or supplier",
        ),
    ],
};

/// A profile.
pub static PROFILE: Shape = Shape {
    name: "Profile",
    fields: &[
        ("displayName", Type::Text, "the name people read"),
        ("extends", TEXTS, "profiles it extends, directly"),
        ("labels", WORDS, "labels of the manifest"),
        ("name", Type::Text, "the name"),
        ("resources", TEXTS, "resources it gives, itself"),
    ],
};

/// A request that is not archived.
pub static REQUEST: Shape = Shape {
    name: "Request",
    fields: &[
        (
            "action",
            Type::Text,
            "Activate, Change, Suspend, Resume or Terminate",
        ),
        (
            "effective",
            Type::Text,
            "from when on, as the manifest says it",
        ),
        ("labels", WORDS, "labels of the manifest"),
        ("name", Type::Text, "the name"),
        ("reason", Type::Text, "the reason code"),
        ("requestedBy", Type::Text, "who asks"),
        ("subject", Type::Text, "whom it is about"),
        ("until", Type::Text, "until when, as the manifest says it"),
        ("urgent", Type::Truth, "whether it cannot wait"),
    ],
};

/// A user before and after.
pub static PAIR: Shape = Shape {
    name: "UserChange",
    fields: &[
        ("at", Type::Text, "when, local; \"\" at once"),
        (
            "new",
            Type::Record(&USER),
            "as the user becomes; without a name where there is none then",
        ),
        (
            "old",
            Type::Record(&USER),
            "as the user was; without a name where there was none",
        ),
    ],
};

/// What a pull request changes.
pub static CHANGE: Shape = Shape {
    name: "PullRequest",
    fields: &[
        (
            "gained",
            Type::List(&Type::Record(&GRANT)),
            "access that comes",
        ),
        (
            "lost",
            Type::List(&Type::Record(&GRANT)),
            "access that goes",
        ),
        ("requests", TEXTS, "requests it adds or changes"),
        (
            "users",
            Type::List(&Type::Record(&PAIR)),
            "users that become otherwise",
        ),
    ],
};

/// The names every policy may use.
pub static ALWAYS: [(&str, Type, &str); 7] = [
    (
        "organizations",
        Type::Map(&Type::Record(&ORGANIZATION)),
        "every organization, by name",
    ),
    (
        "profiles",
        Type::Map(&Type::Record(&PROFILE)),
        "every profile, by name",
    ),
    (
        "requests",
        Type::Map(&Type::Record(&REQUEST)),
        "every request that is not archived, by name",
    ),
    (
        "resources",
        Type::Map(&Type::Record(&RESOURCE)),
        "every resource, by name",
    ),
    (
        "roles",
        Type::Map(&Type::Record(&ROLE)),
        "every role, by name",
    ),
    (
        "scopes",
        Type::Map(&Type::Record(&SCOPE)),
        "every scope, by name",
    ),
    (
        "users",
        Type::Map(&Type::Record(&USER)),
        "every user, by name",
    ),
];

/// The names a policy of stage `change` may use besides.
pub static OF_A_CHANGE: [(&str, Type, &str); 4] = [
    (
        "actor",
        Type::Record(&USER),
        "who asks: the author of the pull request",
    ),
    (
        "approvers",
        Type::List(&Type::Record(&USER)),
        "everybody who approved",
    ),
    (
        "change",
        Type::Record(&CHANGE),
        "everything the pull request changes",
    ),
    ("today", Type::Text, "the local date: `2027-01-04`"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_sorted_so_that_they_are_found() {
        for shape in [
            &USER,
            &ENTITLEMENT,
            &GRANT,
            &IDENTITY,
            &RESOURCE,
            &LEVEL,
            &ROLE,
            &SCOPE,
            &ORGANIZATION,
            &PROFILE,
            &REQUEST,
            &PAIR,
            &CHANGE,
        ] {
            assert!(
                shape.fields.is_sorted_by(|a, b| a.0 < b.0),
                "{}",
                shape.name
            );
            for (name, kind, _) in shape.fields {
                assert_eq!(shape.field(name), Some(*kind));
            }
        }
    }
}
