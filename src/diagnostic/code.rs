//! The codes: each sort of mistake, stable for ever, with the text of `countersign explain-code`.

use super::Severity;
use std::fmt;

/// What `countersign explain-code` says of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// How bad it is.
    pub severity: Severity,
    /// What it means.
    pub what: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// An example that has it.
    pub before: &'static str,
    /// The same without it.
    pub after: &'static str,
}

macro_rules! codes {
    ($($variant:ident = $text:literal $severity:ident
        what $what:literal why $why:literal before $before:literal after $after:literal;)*) => {
        /// A sort of mistake.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $what] $variant,)*
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The stable text.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text,)* }
            }

            /// What it means, why it matters, an example before and after.
            pub fn explanation(self) -> Explanation {
                match self {
                    $(Code::$variant => Explanation {
                        severity: Severity::$severity,
                        what: $what,
                        why: $why,
                        before: $before,
                        after: $after,
                    },)*
                }
            }
        }
    };
}

include!("codes.in.rs");

impl Code {
    /// Whether it says that something is not there, which what is wrong nearby may have been.
    pub fn is_of_absence(self) -> bool {
        matches!(
            self,
            Self::AnswerMissing
                | Self::BadLogin
                | Self::DefaultIdentity
                | Self::EndDateNeeded
                | Self::FieldMissing
                | Self::LevelNeeded
                | Self::NoMail
                | Self::NoMaintainer
                | Self::NoOu
                | Self::RequestWithoutEffect
                | Self::ScopeRequired
                | Self::UnknownAnswer
                | Self::WithoutNothing
        )
    }

    /// Whether it says that something goes against the configuration.
    pub fn is_of_configuration(self) -> bool {
        matches!(
            self,
            Self::BadDirectory
                | Self::FixedField
                | Self::GroupNotManaged
                | Self::OuNotManaged
                | Self::UnknownResourceField
        )
    }

    /// The code of that text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.as_str() == text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
