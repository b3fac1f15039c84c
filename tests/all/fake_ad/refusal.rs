//! Reasons for not doing something, to LDAP result codes with Microsoft's diagnostic messages.
//!
//! The first eight digits of a message are the Win32 error; they say more than the result code, and
//! classification should go by them. `DSID` numbers vary between Windows builds and mean nothing.
//! Messages of the directory service end in a line feed and NUL, those of the LDAP layer in NUL.

use ldap3_proto::proto::LdapResultCode as Code;

/// Why an operation was not done; what the client is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub code: Code,
    pub message: String,
    /// The matchedDN field of the answer.
    pub matched: String,
    /// Where to ask instead, for a referral.
    pub referral: Vec<String>,
}

/// `problem` numbers of MS-ADTS 3.1.1.1.9, with the names the messages print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    AttributeAbsent,
    BadSyntax,
    Constraint,
    ValueExists,
}

impl Problem {
    fn text(self) -> &'static str {
        match self {
            Problem::AttributeAbsent => "problem 1001 (NO_ATTRIBUTE_OR_VAL)",
            Problem::BadSyntax => "problem 1003 (INVALID_ATT_SYNTAX)",
            Problem::Constraint => "problem 1005 (CONSTRAINT_ATT_TYPE)",
            Problem::ValueExists => "problem 1006 (ATT_OR_VALUE_EXISTS)",
        }
    }
}

impl Refusal {
    pub fn new(code: Code, message: impl Into<String>) -> Refusal {
        Refusal {
            code,
            message: message.into(),
            matched: String::new(),
            referral: Vec::new(),
        }
    }

    /// The LDAP layer's own complaints: binding, controls, conversion of attributes.
    pub fn ldap(code: Code, win32: u32, comment: &str, data: &str) -> Refusal {
        let message = format!(
            "{win32:08X}: LdapErr: DSID-0C090A69, comment: {comment}, data {data}, v4f7c\0"
        );
        Refusal::new(code, message)
    }

    /// A complaint about one attribute, of the given attribute id and name.
    pub fn attribute(code: Code, win32: u32, problem: Problem, id: u32, name: &str) -> Refusal {
        let problem = problem.text();
        let message = format!(
            "{win32:08X}: AtrErr: DSID-03153438, #1:\n\t0: {win32:08X}: DSID-03153438, {problem}, \
             data 0, Att {id:x} ({name})\n\0"
        );
        Refusal::new(code, message)
    }

    /// "Will not perform".
    pub fn service(win32: u32) -> Refusal {
        let message = format!(
            "{win32:08X}: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0\n\0"
        );
        Refusal::new(Code::UnwillingToPerform, message)
    }

    pub fn exists(win32: u32) -> Refusal {
        let message =
            format!("{win32:08X}: UpdErr: DSID-031A11E2, problem 6005 (ENTRY_EXISTS), data 0\n\0");
        Refusal::new(Code::EntryAlreadyExists, message)
    }

    /// An update that the tree's shape or the object's class forbids.
    pub fn update(code: Code, win32: u32, problem: &str) -> Refusal {
        let message = format!("{win32:08X}: UpdErr: DSID-031A0FE9, problem {problem}, data 0\n\0");
        Refusal::new(code, message)
    }

    /// No such object; `best` is the nearest ancestor that exists.
    pub fn absent(win32: u32, best: &str) -> Refusal {
        let message = format!(
            "{win32:08X}: NameErr: DSID-0310028C, problem 2001 (NO_OBJECT), data 0, best match \
             of:\n\t'{best}'\n\0"
        );
        Refusal {
            matched: best.to_owned(),
            ..Refusal::new(Code::NoSuchObject, message)
        }
    }

    pub fn bad_name() -> Refusal {
        let message = "0000208F: NameErr: DSID-03100225, problem 2006 (BAD_NAME), data 8350, best \
                       match of:\n\t''\n\0";
        Refusal::new(Code::InvalidDNSyntax, message)
    }

    pub fn naming() -> Refusal {
        let message = "00002099: NameErr: DSID-0305109C, problem 2005 (NAMING_VIOLATION), data 0, \
                       best match of:\n\t''\n\0";
        Refusal::new(Code::NamingViolation, message)
    }

    /// The base belongs to another naming context.
    pub fn elsewhere(host: &str, dn: &str) -> Refusal {
        let message = format!(
            "0000202B: RefErr: DSID-0310084A, data 0, 1 access points\n\tref 1: '{host}'\n\0"
        );
        Refusal {
            referral: vec![format!("ldap://{host}/{dn}")],
            ..Refusal::new(Code::Referral, message)
        }
    }

    pub fn no_right() -> Refusal {
        let message =
            "00002098: SecErr: DSID-031514B3, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0\n\0";
        Refusal::new(Code::InsufficentAccessRights, message)
    }

    /// "Invalid argument", for a value that no rule of syntax forbids.
    pub fn argument(win32: u32) -> Refusal {
        let message = format!(
            "{win32:08X}: SysErr: DSID-031A124C, problem 22 (Invalid argument), data 0\n\0"
        );
        Refusal::new(Code::Other, message)
    }

    /// Only the rootDSE may be read without binding.
    pub fn unbound() -> Refusal {
        let comment = "In order to perform this operation a successful bind must be completed on \
                       the connection.";
        Refusal::ldap(Code::OperationsError, 0x4DC, comment, "0")
    }

    /// Bind refused; `reason` is the sub-code after "data": 525, 52e, 533 ...
    pub fn bind(reason: &str) -> Refusal {
        let comment = "AcceptSecurityContext error";
        Refusal::ldap(Code::InvalidCredentials, 0x8009_0308, comment, reason)
    }

    /// A name or value that cannot be read as what the attribute holds.
    pub fn conversion(code: Code) -> Refusal {
        let comment = "Error in attribute conversion operation";
        Refusal::ldap(code, 0x57, comment, "0")
    }

    pub fn control() -> Refusal {
        let comment = "Error processing control";
        Refusal::ldap(Code::UnavailableCriticalExtension, 0x57, comment, "0")
    }
}
