//! Attribute names to what the schema of Active Directory says of them: syntax, cardinality, longest
//! value, link, and who may write (attribute pages of the ADSchema reference).

use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// Unicode text, compared without case.
    Text,
    Integer,
    LargeInteger,
    Boolean,
    /// The name of another object; follows it when it is renamed.
    Dn,
    Octets,
    Time,
    /// A class name.
    Oid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    Single,
    Multi,
}

/// What a client's write of the attribute meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writable {
    Yes,
    /// The object's name: only modifyDN changes it (result 67).
    Name,
    /// Set by the directory (result 19, 000020B1).
    System,
    /// Set by the account manager or computed from links (result 53, 0000209A).
    Computed,
}

#[derive(Clone, Debug)]
pub struct Attribute {
    pub name: String,
    /// attributeID as the diagnostic messages print it.
    pub id: u32,
    pub syntax: Syntax,
    pub values: Values,
    /// Longest value in characters; 0 where the schema sets no limit.
    pub range_upper: usize,
    pub writable: Writable,
}

/// Forward link, its linkID, and the computed attribute on the other end.
pub const LINKS: &[(&str, u32, &str)] = &[
    ("member", 2, "memberOf"),
    ("manager", 42, "directReports"),
    ("managedBy", 72, "managedObjects"),
];

/// The container of tombstones, below the domain.
pub const DELETED_OBJECTS: &str = "Deleted Objects";

/// The attributes an instance knows; unknown ones are refused.
#[derive(Clone, Debug)]
pub struct Schema {
    by_name: BTreeMap<String, Attribute>,
}

impl Default for Schema {
    fn default() -> Schema {
        let mut schema = Schema {
            by_name: BTreeMap::new(),
        };
        for &(name, id, syntax, values, range_upper, writable) in TABLE {
            schema.define(Attribute {
                name: name.to_owned(),
                id,
                syntax,
                values,
                range_upper,
                writable,
            });
        }
        for number in 1..=15 {
            schema.define(Attribute {
                name: format!("extensionAttribute{number}"),
                id: 0x201A6 + number,
                syntax: Syntax::Text,
                values: Values::Single,
                range_upper: 1024,
                writable: Writable::Yes,
            });
        }
        schema
    }
}

impl Schema {
    pub fn define(&mut self, attribute: Attribute) {
        self.by_name
            .insert(attribute.name.to_ascii_lowercase(), attribute);
    }

    /// Finds an attribute in whatever case it is written.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.by_name.get(&name.to_ascii_lowercase())
    }

    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.by_name.values()
    }
}

/// The forward link that the attribute is the other end of.
pub fn forward_of(back: &str) -> Option<&'static str> {
    LINKS
        .iter()
        .find(|(_, _, name)| name.eq_ignore_ascii_case(back))
        .map(|&(forward, _, _)| forward)
}

/// The class chain that AD stores for a structural class, its schema object (objectCategory), and
/// the naming attribute of its objects.
pub fn class(name: &str) -> Option<(&'static [&'static str], &'static str, &'static str)> {
    Some(match name.to_ascii_lowercase().as_str() {
        "user" => (USER, "Person", "CN"),
        "inetorgperson" => (INET_ORG_PERSON, "Person", "CN"),
        "computer" => (COMPUTER, "Computer", "CN"),
        "contact" => (CONTACT, "Person", "CN"),
        "group" => (&["top", "group"], "Group", "CN"),
        "organizationalunit" => (&["top", "organizationalUnit"], "Organizational-Unit", "OU"),
        "container" => (&["top", "container"], "Container", "CN"),
        "builtindomain" => (&["top", "builtinDomain"], "Builtin-Domain", "CN"),
        "domaindns" => (&["top", "domain", "domainDNS"], "Domain-DNS", "DC"),
        "configuration" => (&["top", "configuration"], "Configuration", "CN"),
        "dmd" => (&["top", "dMD"], "DMD", "CN"),
        "attributeschema" => (&["top", "attributeSchema"], "Attribute-Schema", "CN"),
        "crossrefcontainer" => (&["top", "crossRefContainer"], "Cross-Ref-Container", "CN"),
        "crossref" => (&["top", "crossRef"], "Cross-Ref", "CN"),
        "ntdsdsa" => (&["top", "applicationSettings", "nTDSDSA"], "NTDS-DSA", "CN"),
        _ => return None,
    })
}

const USER: &[&str] = &["top", "person", "organizationalPerson", "user"];
const INET_ORG_PERSON: &[&str] = &[
    "top",
    "person",
    "organizationalPerson",
    "user",
    "inetOrgPerson",
];
const COMPUTER: &[&str] = &["top", "person", "organizationalPerson", "user", "computer"];
const CONTACT: &[&str] = &["top", "person", "organizationalPerson", "contact"];

type Row = (&'static str, u32, Syntax, Values, usize, Writable);

const TABLE: &[Row] = {
    use Syntax::{Boolean, Dn, Integer, LargeInteger, Octets, Oid, Text, Time};
    use Values::{Multi, Single};
    use Writable::{Computed, Name, System, Yes};
    &[
        // names
        ("cn", 0x3, Text, Single, 64, Name),
        ("ou", 0xB, Text, Multi, 64, Name),
        ("dc", 0x150019, Text, Single, 255, Name),
        ("name", 0x90001, Text, Single, 255, Name),
        ("distinguishedName", 0x31, Text, Single, 0, System),
        ("canonicalName", 0x90394, Text, Multi, 0, Computed),
        // a person
        ("sn", 0x4, Text, Single, 64, Yes),
        ("givenName", 0x2A, Text, Single, 64, Yes),
        ("initials", 0x2B, Text, Single, 6, Yes),
        ("middleName", 0x140022, Text, Single, 64, Yes),
        ("generationQualifier", 0x2C, Text, Single, 64, Yes),
        ("personalTitle", 0x20267, Text, Single, 64, Yes),
        ("displayName", 0x2000D, Text, Single, 256, Yes),
        ("description", 0xD, Text, Multi, 1024, Yes),
        ("info", 0x20051, Text, Single, 1024, Yes),
        ("comment", 0x9009C, Text, Single, 0, Yes),
        ("title", 0xC, Text, Single, 128, Yes),
        ("department", 0x2008D, Text, Single, 64, Yes),
        ("departmentNumber", 0x140002, Text, Multi, 0, Yes),
        ("company", 0x20092, Text, Single, 64, Yes),
        ("division", 0x90105, Text, Single, 256, Yes),
        ("employeeID", 0x90023, Text, Single, 16, Yes),
        ("employeeNumber", 0x20262, Text, Single, 512, Yes),
        ("employeeType", 0x20265, Text, Single, 256, Yes),
        ("mail", 0x150003, Text, Single, 256, Yes),
        ("mailNickname", 0x201BF, Text, Single, 64, Yes),
        ("targetAddress", 0x201C2, Text, Single, 1123, Yes),
        ("proxyAddresses", 0x200D2, Text, Multi, 1123, Yes),
        ("telephoneNumber", 0x14, Text, Single, 64, Yes),
        ("otherTelephone", 0x20012, Text, Multi, 64, Yes),
        ("homePhone", 0x150014, Text, Single, 64, Yes),
        ("mobile", 0x150029, Text, Single, 64, Yes),
        ("pager", 0x15002A, Text, Single, 64, Yes),
        ("ipPhone", 0x902D1, Text, Single, 64, Yes),
        ("facsimileTelephoneNumber", 0x17, Text, Single, 64, Yes),
        ("physicalDeliveryOfficeName", 0x13, Text, Single, 128, Yes),
        ("roomNumber", 0x150006, Text, Multi, 0, Yes),
        ("streetAddress", 0x20100, Text, Single, 1024, Yes),
        ("postOfficeBox", 0x12, Text, Multi, 40, Yes),
        ("l", 0x7, Text, Single, 128, Yes),
        ("st", 0x8, Text, Single, 128, Yes),
        ("postalCode", 0x11, Text, Single, 40, Yes),
        ("c", 0x6, Text, Single, 3, Yes),
        ("co", 0x20083, Text, Single, 128, Yes),
        ("countryCode", 0x90019, Integer, Single, 0, Yes),
        ("preferredLanguage", 0x140027, Text, Single, 0, Yes),
        ("wWWHomePage", 0x201D0, Text, Single, 2048, Yes),
        ("url", 0x902ED, Text, Multi, 0, Yes),
        ("uid", 0x150001, Text, Multi, 256, Yes),
        ("uidNumber", 0x1A0000, Integer, Single, 0, Yes),
        ("gidNumber", 0x1A0001, Integer, Single, 0, Yes),
        ("thumbnailPhoto", 0x140023, Octets, Single, 102_400, Yes),
        // an account
        ("sAMAccountName", 0x900DD, Text, Single, 256, Yes),
        ("userPrincipalName", 0x90290, Text, Single, 1024, Yes),
        ("userAccountControl", 0x90008, Integer, Single, 0, Yes),
        ("unicodePwd", 0x9005A, Octets, Single, 0, Yes),
        ("pwdLastSet", 0x90060, LargeInteger, Single, 0, Yes),
        ("accountExpires", 0x9009F, LargeInteger, Single, 0, Yes),
        ("lockoutTime", 0x90296, LargeInteger, Single, 0, Yes),
        ("primaryGroupID", 0x90062, Integer, Single, 0, Yes),
        ("groupType", 0x902EE, Integer, Single, 0, Yes),
        ("servicePrincipalName", 0x90303, Text, Multi, 0, Yes),
        ("homeDirectory", 0x9002C, Text, Single, 0, Yes),
        ("homeDrive", 0x9002D, Text, Single, 0, Yes),
        ("profilePath", 0x9008B, Text, Single, 0, Yes),
        ("scriptPath", 0x9003E, Text, Single, 0, Yes),
        ("userWorkstations", 0x90056, Text, Single, 1024, Yes),
        ("dNSHostName", 0x9026B, Text, Single, 2048, Yes),
        ("adminCount", 0x90096, Integer, Single, 0, Yes),
        ("sAMAccountType", 0x9012E, Integer, Single, 0, Computed),
        ("badPwdCount", 0x9000C, Integer, Single, 0, Computed),
        (
            "badPasswordTime",
            0x90031,
            LargeInteger,
            Single,
            0,
            Computed,
        ),
        ("lastLogon", 0x90034, LargeInteger, Single, 0, Computed),
        (
            "lastLogonTimestamp",
            0x906A0,
            LargeInteger,
            Single,
            0,
            Computed,
        ),
        ("logonCount", 0x900A9, Integer, Single, 0, Computed),
        (
            "msDS-User-Account-Control-Computed",
            0x905B4,
            Integer,
            Single,
            0,
            Computed,
        ),
        // links
        ("member", 0x1F, Dn, Multi, 0, Yes),
        ("manager", 0x15000A, Dn, Single, 0, Yes),
        ("managedBy", 0x2028D, Dn, Single, 0, Yes),
        ("assistant", 0x2028C, Dn, Single, 0, Yes),
        ("seeAlso", 0x22, Dn, Multi, 0, Yes),
        ("memberOf", 0x20066, Dn, Multi, 0, Computed),
        ("directReports", 0x201B4, Dn, Multi, 0, Computed),
        ("managedObjects", 0x2028E, Dn, Multi, 0, Computed),
        ("msds-memberOfTransitive", 0x9088C, Dn, Multi, 0, Computed),
        ("tokenGroups", 0x90519, Octets, Multi, 0, Computed),
        // an object
        ("objectClass", 0x0, Oid, Multi, 0, System),
        ("objectCategory", 0x9030E, Text, Single, 0, System),
        ("objectGUID", 0x90002, Octets, Single, 16, System),
        ("objectSid", 0x90092, Octets, Single, 28, System),
        ("sIDHistory", 0x90261, Octets, Multi, 28, System),
        ("instanceType", 0x20001, Integer, Single, 0, System),
        ("whenCreated", 0x20002, Time, Single, 0, System),
        ("whenChanged", 0x20003, Time, Single, 0, System),
        ("uSNCreated", 0x20013, LargeInteger, Single, 0, System),
        ("uSNChanged", 0x20078, LargeInteger, Single, 0, System),
        ("isDeleted", 0x20030, Boolean, Single, 0, System),
        ("lastKnownParent", 0x9030D, Text, Single, 0, System),
        (
            "isCriticalSystemObject",
            0x90364,
            Boolean,
            Single,
            0,
            System,
        ),
        ("systemFlags", 0x90177, Integer, Single, 0, System),
        ("showInAdvancedViewOnly", 0x200A9, Boolean, Single, 0, Yes),
        // the domain, the schema, the server
        ("minPwdLength", 0x9004F, Integer, Single, 0, Yes),
        ("pwdProperties", 0x9005D, Integer, Single, 0, Yes),
        ("maxPwdAge", 0x9004A, LargeInteger, Single, 0, Yes),
        ("lockoutThreshold", 0x90049, Integer, Single, 0, Yes),
        ("uPNSuffixes", 0x9037A, Text, Multi, 0, Yes),
        ("dnsRoot", 0x9001C, Text, Multi, 255, Yes),
        ("nETBIOSName", 0x90057, Text, Single, 16, Yes),
        ("lDAPDisplayName", 0x201CC, Text, Single, 256, System),
        ("attributeID", 0x2001E, Text, Single, 0, System),
        ("attributeSyntax", 0x20020, Text, Single, 0, System),
        ("oMSyntax", 0x200E7, Integer, Single, 0, System),
        ("isSingleValued", 0x20021, Boolean, Single, 0, System),
        ("rangeUpper", 0x20023, Integer, Single, 0, System),
        ("linkID", 0x20032, Integer, Single, 0, System),
        ("invocationId", 0x20073, Octets, Single, 16, System),
    ]
};
