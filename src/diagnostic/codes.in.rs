// Included by code.rs. In the order in which a repository goes through the program.
codes! {
    FileTooLarge = "file-too-large" Error
        what "A manifest file is larger than 4 MiB."
        why "A person writes a few lines; a file of that size is something else, or an attack."
        before "users/everybody.yaml (100 MB)"
        after "users/a.yaml, users/b.yaml …";
    FileUnreadable = "file-unreadable" Error
        what "A file of the working folder cannot be read."
        why "What cannot be read must not look as if it were not there: somebody would lose access."
        before "users/a.yaml with mode 000"
        after "users/a.yaml with mode 644";
    SymbolicLink = "symbolic-link" Error
        what "A manifest file is a symbolic link or a submodule."
        why "A link can lead out of the repository, past review. Links are never followed."
        before "users/a.yaml -> /etc/passwd"
        after "users/a.yaml with the manifest itself";
    CaseClash = "case-clash" Error
        what "Two files differ only in the case of their names."
        why "On Windows and macOS only one of them exists after a checkout: the same commit would mean two things."
        before "users/Kim.yaml and users/kim.yaml"
        after "users/kim.yaml";
    NotUtf8 = "not-utf8" Error
        what "A file is not UTF-8."
        why "Names would be garbled, or read differently by different programs."
        before "a file saved as UTF-16 or Windows-1252"
        after "the same file saved as UTF-8";
    ControlCharacter = "control-character" Error
        what "A file holds a NUL or another control character."
        why "It cannot be seen in a review and can end a value early in other programs."
        before "displayName: Kim\\0"
        after "displayName: Kim";
    MergeMarker = "merge-marker" Error
        what "A merge was left unfinished: a line is `<<<<<<<`, `=======` or `>>>>>>>`."
        why "Both sides stand there and nobody decided."
        before "<<<<<<< HEAD"
        after "the side that is meant";
    Secret = "secret" Error
        what "A text looks like a private key or an access token."
        why "Everyone who can read the repository reads it, and git never forgets it."
        before "annotations: {token: ghp_0123456789abcdef…}"
        after "(nothing: secrets come from the operator's environment)";
    EmptyFile = "empty-file" Error
        what "A YAML file holds no manifest."
        why "An emptied file would silently take away what it used to give."
        before "users/kim.yaml with nothing in it"
        after "the manifest, or no file";
    Syntax = "syntax" Error
        what "A text is not YAML."
        why "Nothing can be said of what it means. Other documents of the file are still checked."
        before "access: [{resource: timetrack"
        after "access: [{resource: timetrack}]";
    TooComplex = "too-complex" Error
        what "A file has more than 400,000 values once its aliases are written out."
        why "Nested aliases are the classic way to exhaust a reader's memory."
        before "a: &a [*b, *b, *b …]"
        after "the values written out";
    UnquotedTemplate = "unquoted-template" Error
        what "A template `{{ … }}` stands without quotes."
        why "YAML takes braces for a mapping."
        before "value: {{ user.givenName }}"
        after "value: \"{{ user.givenName }}\"";
    DuplicateKey = "duplicate-key" Error
        what "A key stands twice in one mapping."
        why "Most readers silently take the last one: access that nobody reviewed."
        before "type: employee\ntype: contractor"
        after "type: contractor";
    NotAManifest = "not-a-manifest" Error
        what "A YAML document has no `apiVersion: countersign/v1`."
        why "A slip there would make a manifest disappear. Other YAML is listed in `ignore` of countersign.yaml."
        before "kind: User"
        after "apiVersion: countersign/v1\nkind: User";
    UnknownKind = "unknown-kind" Error
        what "There is no such kind of manifest."
        why "It would be left out, and with it somebody's access."
        before "kind: Person"
        after "kind: User";
    MissingField = "missing-field" Error
        what "A required field is missing."
        why "The manifest cannot be understood without it."
        before "spec: {type: employee}"
        after "spec: {type: employee, organization: its}";
    UnknownField = "unknown-field" Error
        what "A manifest has a field that its kind does not have."
        why "A slip would be ignored: `untill:` would mean access for ever."
        before "untill: \"2027-03-01\""
        after "until: \"2027-03-01\"";
    WrongType = "wrong-type" Error
        what "A value is of another type than its field takes."
        why "Guessing a conversion is how people get access nobody meant."
        before "seats: many"
        after "seats: 5";
    BadValue = "bad-value" Error
        what "A value is not one that its field takes."
        why "It would be refused later, or mean something else."
        before "type: employe"
        after "type: employee";
    ExactlyOne = "exactly-one" Error
        what "Of several alternatives exactly one must be given."
        why "With none or two it is not clear which is meant."
        before "maintainers: [{user: kim, mail: a@city.example}]"
        after "maintainers: [{user: kim}]";
    UnquotedScalar = "unquoted-scalar" Error
        what "A text stands without quotes and would be a number or a truth value."
        why "`001077` would lose its zeros, `1e5` become 100000 and `NO` become false, depending on the reader."
        before "employeeNumber: 001077"
        after "employeeNumber: \"001077\"";
    UnquotedDate = "unquoted-date" Warning
        what "A date stands without quotes."
        why "Readers of YAML 1.1 make a timestamp of it, some in another time zone."
        before "until: 2027-03-01"
        after "until: \"2027-03-01\"";
    EmptyRepository = "empty-repository" Error
        what "There is no manifest at all."
        why "An empty repository must never mean that everybody loses everything."
        before "(no file)"
        after "countersign init";
    NoConfig = "no-config" Error
        what "There is not exactly one `Config`."
        why "Naming, time zone and what is managed are decided there."
        before "(no countersign.yaml)"
        after "countersign.yaml with `kind: Config`";
    DuplicateName = "duplicate-name" Error
        what "Two manifests of one kind have the same name."
        why "Either could be meant by a reference."
        before "name: kim in two files"
        after "name: kim and name: kim.lee";
    UnknownReference = "unknown-reference" Error
        what "A reference names something that is not there."
        why "The access it stands for would silently not exist."
        before "resource: timetrak"
        after "resource: timetrack";
    Cycle = "cycle" Error
        what "Manifests refer to each other in a circle."
        why "There is no order in which they could be resolved."
        before "a extends b, b extends a"
        after "a extends b";
    BadMoment = "bad-moment" Error
        what "A date or time does not exist in the configured time zone."
        why "The clocks skip it in spring, or the month is shorter."
        before "effective: 2027-03-14T02:30"
        after "effective: 2027-03-14T03:30";
    EndsBeforeStart = "ends-before-start" Error
        what "Something ends at the instant it begins, or before."
        why "It would never be in force, and nobody would notice."
        before "startDate: \"2027-02-01\", endDate: \"2027-01-31\""
        after "startDate: \"2027-02-01\", endDate: \"2028-01-31\"";
    BadTimeZone = "bad-time-zone" Error
        what "The time zone is not in the IANA database."
        why "Local times would have no meaning."
        before "timeZone: EST5"
        after "timeZone: America/Indiana/Indianapolis";
    BadHandOverKey = "bad-hand-over-key" Error
        what "A hand-over key is no public key that a first password can be encrypted to."
        why "A password that cannot be encrypted is handed on to nobody; a private key in a manifest is everybody's."
        before "handOverKey: AGE-SECRET-KEY-1…"
        after "handOverKey: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    BadSigningKey = "bad-signing-key" Error
        what "A signing key is no public key, or something of it is missing or mistyped."
        why "Nothing could be proved with it: whoever it is meant for would find out when a merge is refused."
        before "signingKeys: [\"ssh-ed25519 AAAA\"]"
        after "signingKeys: [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI… kim\"]";
    SigningKeyTaken = "signing-key-taken" Error
        what "Two users have the same signing key."
        why "A key is one person's: what is signed with one that several have proves nothing, and counts for none of them."
        before "the same line under signingKeys of kim and of lou"
        after "signingKeys of kim alone";
    BadPattern = "bad-pattern" Error
        what "A regular expression or glob cannot be compiled."
        why "Nothing could be checked against it."
        before "pattern: \"[0-9\""
        after "pattern: \"[0-9]+\"";
    BadTemplate = "bad-template" Error
        what "A template cannot be compiled, or names a variable there is not."
        why "The field would be empty for everybody."
        before "value: \"{{ user.nam }}\""
        after "value: \"{{ user.name }}\"";
    BadMailTemplate = "bad-mail-template" Error
        what "A template of mails cannot be compiled, does not write a sample mail, or has a name that no mail is written with."
        why "The mails would go out in other words than those that were reviewed."
        before "templates/digest.txt: {{ heading|safe }}"
        after "templates/digest.txt: {{ heading }}";
    FieldCycle = "field-cycle" Error
        what "Fields are read from each other in a circle."
        why "There is no order in which they could be filled."
        before "a: \"{{ fields['x'].b }}\", b: \"{{ fields['x'].a }}\""
        after "a: \"{{ fields['x'].b }}\", b: fixed";
    MisplacedName = "misplaced-name" Error
        what "A role or scope is not named after its resource."
        why "`<resource>.<name>` says in every reference what it belongs to."
        before "name: reviewers"
        after "name: clear-my-record.reviewers";
    OtherResource = "other-resource" Error
        what "A role or scope belongs to another resource than the place where it is used."
        why "Roles of one application mean nothing in another."
        before "resource: a, roles: [b.user]"
        after "resource: a, roles: [a.user]";
    DuplicateEntry = "duplicate-entry" Error
        what "A list names the same thing twice."
        why "One of the two would win, and nobody could say which."
        before "access: [{resource: a}, {resource: a}]"
        after "access: [{resource: a}]";
    KeyTaken = "key-taken" Error
        what "An application would call two of its roles, or two of its scopes, by the same name."
        why "Exports and mails name them by `key`, else `displayName`: nobody could tell which of the two somebody has."
        before "wg.reader and wg.writer, both with key: User"
        after "key: Reader and key: Writer";
    IdentityType = "identity-type" Error
        what "A resource has no such identity type, or a user of this type cannot have it."
        why "The application would not know what to show."
        before "type: intern"
        after "type: internal";
    DefaultIdentity = "default-identity" Error
        what "Of two or more active identities in one application not exactly one is the default."
        why "After log-on it would not be clear who the user is."
        before "default: true on none of two"
        after "default: true on one of them";
    UnknownLevel = "unknown-level" Error
        what "A resource has no such level."
        why "The access would not exist."
        before "level: admin"
        after "level: administrator";
    LevelNeeded = "level-needed" Error
        what "A resource has levels and no default, and an entry names none."
        why "Choosing one would be a guess about somebody's rights."
        before "access: [{resource: aws}]"
        after "access: [{resource: aws, level: infra}]";
    FollowerAccess = "follower-access" Error
        what "Access is given to a resource that follows another one."
        why "Its access is the other one's; given here it would have no effect."
        before "access: [{resource: travis-ci}]"
        after "access: [{resource: github}]";
    UnknownResourceField = "unknown-resource-field" Error
        what "A value is given for a field that the resource does not have."
        why "The value would reach nobody."
        before "fields: {usrname: kim}"
        after "fields: {username: kim}";
    FixedField = "fixed-field" Error
        what "A value is given for a field that has a fixed value or is read from the directory."
        why "The given value would be ignored."
        before "attributes: {mail: x@y.example}"
        after "(leave it out)";
    FieldValue = "field-value" Error
        what "A field or an answer has a value that its type, options or pattern do not allow."
        why "The maintainer or the directory would refuse it. Where the directory says it, only the access that reads it is held."
        before "officePhone: 12"
        after "officePhone: 812-349-3400";
    FieldMissing = "field-missing" Error
        what "A required field of a resource has no value for a user who holds it."
        why "The maintainer could not do the work; the mail would have a hole. Where the directory has to say it, only that access is held until it does."
        before "(no card number)"
        after "attributes: {employeeID: \"4711\"}";
    AnswerMissing = "answer-missing" Error
        what "A request activates a profile and leaves a required question unanswered."
        why "Somebody would have to ask again after the approval."
        before "answers: {}"
        after "answers: {officePhone: 812-349-3400}";
    UnknownAnswer = "unknown-answer" Warning
        what "An answer belongs to no question of the user's profiles."
        why "It is probably a slip; it is kept for templates."
        before "answers: {offisPhone: …}"
        after "answers: {officePhone: …}";
    Conflict = "conflict" Error
        what "Two sources of the same rank give different values."
        why "Neither is nearer to the user, so neither may win."
        before "two profiles with different `title`"
        after "`title` said by the user";
    NotEligible = "not-eligible" Error
        what "A user of this type is given something the type is not eligible for."
        why "Contractors, partners, clients and suppliers get only what names them."
        before "a contractor with access to payroll"
        after "eligible: [employee, contractor] on payroll, or no access";
    NoMaintainer = "no-maintainer" Error
        what "A manual resource has no maintainer."
        why "Nobody would be asked to do the work."
        before "connector: manual"
        after "maintainers: [{mail: timetrack@city.example}]";
    NoMail = "no-mail" Warning
        what "A maintainer has no mail address."
        why "The work would be asked of nobody; its tasks go to the administrators."
        before "maintainers: [{user: kim}] without a contact address"
        after "contact: {mail: kim@city.example}";
    DeprecatedRole = "deprecated-role" Warning
        what "A user holds a role that is no longer to be given."
        why "It was deprecated for a reason; move its holders to the replacement."
        before "roles: [clear-my-record.performance_monitors]"
        after "roles: [clear-my-record.application_reviewers]";
    ScopeValue = "scope-value" Error
        what "A scope has no such value."
        why "Row-level security would compare with something that never occurs."
        before "scopes: {white-glove.client: [ROM]}"
        after "scopes: {white-glove.client: [ROOM]}";
    ScopeWildcard = "scope-wildcard" Error
        what "`*` is given for a scope that does not allow it, or beside other values."
        why "All rows must be a decision, never an accident."
        before "scopes: {white-glove.supplier: [\"*\"]}"
        after "wildcard: true on the scope";
    ScopeRequired = "scope-required" Error
        what "An identity of this type must have a value for a scope and has none."
        why "It would see nothing, or everything."
        before "type: client without scopes"
        after "scopes: {white-glove.client: [ROOM]}";
    PremiumInProfile = "premium-in-profile" Warning
        what "A profile holds premium software."
        why "Profiles are given without a second thought; what costs money is asked for personally."
        before "software: [arcgis-pro]"
        after "access: [{resource: arcgis-pro}] on the user";
    NotSoftware = "not-software" Error
        what "A profile lists something under `software` that is no software."
        why "It belongs under `access`."
        before "software: [timetrack]"
        after "access: [{resource: timetrack}]";
    WithoutOwn = "without-own" Error
        what "A user has something personally and an exception from it."
        why "One of the two is a mistake."
        before "access: [{resource: a}], without: [{resource: a}]"
        after "one of them";
    WithoutNothing = "without-nothing" Warning
        what "An exception takes away nothing."
        why "The profile that gave it is gone, or its name is wrong."
        before "without: [{resource: payroll}]"
        after "(delete it)";
    NoOu = "no-ou" Error
        what "There is no OU for a user's account."
        why "It would not be clear where to create it."
        before "an organization without `ou` and without a parent that has one"
        after "ou: [Departments, City Hall, ITS]";
    OuNotManaged = "ou-not-managed" Error
        what "A user's OU is not below a managed one."
        why "The account would be created and never touched again."
        before "ou: [Servers]"
        after "ou: [Departments, ITS]";
    GroupNotManaged = "group-not-managed" Error
        what "A level, role or scope names a group that is not managed."
        why "It could never be written."
        before "groups: [Domain Admins]"
        after "groups: [APP-GIS]";
    Seats = "seats" Error
        what "More users hold a resource than it has seats."
        why "The last ones would be refused by the vendor."
        before "seats: 5, held by six"
        after "seats: 6, or one holder less";
    BadDirectory = "bad-directory" Error
        what "`directory` does not name a resource of type `directory` with connector `active-directory`."
        why "Accounts are created there."
        before "directory: timetrack"
        after "directory: active-directory";
    BadLogin = "bad-login" Error
        what "No login name can be made for a user."
        why "Every candidate lacks a name, or has characters that Active Directory refuses."
        before "a user without family name and the template `{{ user.familyName }}`"
        after "login: lucy";
    LoginTaken = "login-taken" Error
        what "Two users claim the same login name or address."
        why "Only one account can have it."
        before "login: kim on two users"
        after "login: kim and login: kim.lee";
    RequestContradiction = "request-contradiction" Error
        what "A request does not fit the state it meets."
        why "What it asks for could not be done when its instant comes, or would undo what another asks for at the same instant."
        before "action: Activate for a user who is active"
        after "action: Change";
    RequestVoid = "request-void" Warning
        what "A request is about a user who will have left by its instant; it does nothing."
        why "A termination is never made invalid by what was asked for before (MODEL 26)."
        before "a Change in March for a user who is terminated in February"
        after "(take the Change out)";
    RequestWithoutEffect = "request-without-effect" Warning
        what "A request changes nothing at its instant."
        why "It is asked for in vain, or names the wrong user, instant or access."
        before "a second Terminate of the same user"
        after "(take it out)";
    Overruled = "overruled" Warning
        what "A value is said that another of the same user wins over."
        why "Who said it takes it for done."
        before "set: {attributes: {title: Planner}} for a user with `title: Analyst`"
        after "set: {title: Planner}";
    FoldedThrough = "folded-through" Error
        what "A request begins before the instant that requests were folded through."
        why "The manifests were settled up to there; what was before is read from git (SEMANTICS 10)."
        before "effective: 2026-01-01 where foldedThrough is 2026-06-01"
        after "effective: 2026-07-01";
    FoldedAhead = "folded-ahead" Error
        what "`foldedThrough` is still to come."
        why "What is before it is told by no revision any more, so nobody would be disabled until then (SEMANTICS 10)."
        before "foldedThrough: 2027-06-01, written in January"
        after "(the old value; `countersign fold` writes it)";
    RequestImmutable = "request-immutable" Error
        what "A request that has taken effect is changed, taken out, or archived without being folded."
        why "What happened stays readable as it was asked for; a new request undoes it (SEMANTICS 10)."
        before "effective: moved to next week after it took effect"
        after "a new Change";
    UserRemoved = "user-removed" Error
        what "The manifest of a user is taken out."
        why "People are deactivated, never deleted: nobody would take their access away (SEMANTICS 13)."
        before "git rm users/kim.lee.yaml"
        after "a Terminate for kim.lee";
    ResourceRemoved = "resource-removed" Error
        what "A resource whose maintainers are asked by mail is taken out, and somebody holds it."
        why "No manifest would say who is to take the access away, so nobody would be asked, and it would stay."
        before "git rm resources/vault.yaml, while profiles gave it until now"
        after "resources/vault.yaml without its grants, until nobody holds it any more";
    FoldFirst = "fold-first" Error
        what "A field of a user is edited that an unfolded request also sets."
        why "The request would hide the edit, or the edit would look like it never happened."
        before "title edited in users/kim.lee.yaml while a Change sets it"
        after "countersign fold, then the edit; or a Change";
    DeprecatedGiven = "deprecated-given" Error
        what "A deprecated role would be given to somebody who did not have it."
        why "Nobody new gets what is being retired; holders keep it until it is taken (MODEL 15)."
        before "roles: [clear-my-record.performance_monitors] for a new user"
        after "roles: [clear-my-record.application_reviewers]";
    Archived = "archived" Error
        what "A manifest that is no request stands in the archive."
        why "What is archived is no longer in force; a user or resource there would silently not count."
        before "archive/kim.yaml with kind: User"
        after "users/kim.yaml";
    EndDateNeeded = "end-date-needed" Error
        what "A contractor or supplier has no end date."
        why "Their access must end by itself: nobody sees them go."
        before "type: contractor"
        after "type: contractor, endDate: 2027-06-30";
    NamesLeaver = "names-leaver" Warning
        what "A manifest names somebody who has left by some instant as supervisor, head, maintainer or owner."
        why "What was asked of them falls to the owner or the administrators until somebody else is named."
        before "supervisor: dana.reyes, who left"
        after "supervisor: sam.okafor";
    NamesNewcomer = "names-newcomer" Warning
        what "A manifest names somebody who is not here yet by then as supervisor, head, maintainer, owner, deputy or requester."
        why "Until they start nobody can ask them anything (SEMANTICS 12)."
        before "supervisor: zoe.hall, who starts in February"
        after "supervisor: sam.okafor, and a Change for February";
    PolicyForm = "policy-form" Error
        what "A policy cannot be used: a name, a type, a pattern, or what it may cost."
        why "A rule that cannot be asked would let everything pass; so it refuses everything instead."
        before "expression: 'user.endDat != \"\"'"
        after "expression: 'user.endDate != \"\"'";
    PolicyDenied = "policy-denied" Error
        what "A policy says no."
        why "It is a rule of this repository; its `reason` says why it exists."
        before "a contractor without `endDate`"
        after "endDate: 2027-06-30";
    PolicyFailed = "policy-failed" Error
        what "The expression of a policy could not be evaluated."
        why "What cannot be told is taken for a no."
        before "users[user.supervisor].type == \"employee\""
        after "user.supervisor in users && users[user.supervisor].type == \"employee\"";
    PolicyTest = "policy-test" Error
        what "A test of a policy cannot be read."
        why "A case that asks nothing shows nothing."
        before "given: {user: {endDat: 2027-06-30}}"
        after "given: {user: {endDate: 2027-06-30}}";
    PolicyException = "policy-exception" Warning
        what "An exception of a policy matches nothing, or has ended."
        why "Exceptions that nobody needs hide those that somebody does."
        before "exceptions: [{user: kim, reason: …, until: 2026-01-31}]"
        after "(delete it, or mend what it let pass)";
    NameHeld = "name-held" Error
        what "An account that belongs to nobody here holds the wanted name."
        why "It is never taken over by name: it could be somebody else's (SEMANTICS 8)."
        before "an account CN=Kim Lee nobody adopted"
        after "account: {objectGUID: …} on the user";
    OuMissing = "ou-missing" Error
        what "An OU is not in the directory, or cannot be seen."
        why "Countersign does not create OUs."
        before "ou: [Departments, New]"
        after "the OU created by an administrator";
    GroupMissing = "group-missing" Error
        what "A group is not in the directory, or cannot be seen."
        why "Countersign does not create groups."
        before "groups: [APP-NEW]"
        after "the group created by an administrator";
    Protected = "protected" Error
        what "The account or group is protected: built-in, critical, or guarded by AdminSDHolder."
        why "A mistake there takes the whole domain down; a person must do it."
        before "adminCount: 1"
        after "an ordinary account";
    Outside = "outside" Error
        what "The object lies outside the managed OUs or groups."
        why "Nothing outside them is ever touched."
        before "CN=Kim,OU=Servers"
        after "CN=Kim,OU=Departments";
    AccountGone = "account-gone" Error
        what "The account that was recorded as a user's is not in the directory."
        why "It may be deleted, or moved out of sight; creating a second one would make two people of one."
        before "(deleted by hand)"
        after "the account restored, or the record removed";
    AmbiguousAnchor = "ambiguous-anchor" Error
        what "Several accounts carry a user's anchor value, or one account is claimed by several users."
        why "Neither may be chosen by chance."
        before "employeeNumber 42 on two accounts"
        after "employeeNumber 42 on one account";
    NoManifest = "no-manifest" Error
        what "An account that is recorded as a user's has no manifest any more."
        why "People are deactivated, never deleted: set `state: left`."
        before "users/kim.yaml deleted"
        after "state: left in users/kim.yaml";
    NoRecord = "no-record" Error
        what "A membership may have been granted from here, and no record says so."
        why "What was not granted from here is not taken away (SEMANTICS 16)."
        before "(no ledger and no last applied revision)"
        after "the ledger restored";
    ValueRejected = "value-rejected" Error
        what "The directory does not take a value: its length or its form."
        why "The whole account would be refused."
        before "title: (200 characters)"
        after "title: (128 characters at most)";
    ConflictObject = "conflict-object" Warning
        what "The directory holds an object that lost its name when two domain controllers gave it at once (`CNF:`)."
        why "It is a second account or group beside the one that kept the name; whoever looks for it by name finds the other one."
        before "CN=Kim Lee\\0ACNF:1b671a64-…"
        after "the right one of the two, renamed, and the other one removed by an administrator";
    WeakAccount = "weak-account" Warning
        what "A managed account that can be logged on to needs no password, keeps it so that it can be read, or needs no pre-authentication."
        why "Each of these lets somebody in who knows less than the password. They are set by hand or by old programs, and nobody looks at them again."
        before "userAccountControl: 544"
        after "userAccountControl: 512";
    LedgerTorn = "ledger-torn" Warning
        what "The last line of the ledger was cut off."
        why "A crash interrupted the run that was writing it. What had been recorded before is whole; what that line would have said is found out again by the next plan."
        before "{\"prev\":\"91b5…\",\"at\":\"2027-02-0"
        after "(the line set aside in ledger.jsonl.torn-1)";
    ExportUnreadable = "export-unreadable" Warning
        what "The export that manual work is checked against could not be read, or cannot be trusted."
        why "Could not read is not the same as is not there: no task is closed or opened again by it, until it is whole and recent."
        before "Employee number,Role\n001077,Staff\n00109"
        after "Employee number,Role\n001077,Staff\n001091,Staff\n";
    ExportAgrees = "export-agrees" Warning
        what "The export of a manual system, or the directory, shows that the work of an open task is done."
        why "The task is closed without anybody having to say so."
        before "(a row of the user, after the grant was asked for)"
        after "(nothing to do)";
    ExportContradicts = "export-contradicts" Warning
        what "A maintainer said that work was done, and the export of the system shows otherwise."
        why "Somebody would keep access that was taken away on paper only. After the days of grace the work is asked for again, with the reason."
        before "(a row of somebody who left, three working days after the removal was said to be done)"
        after "(the row taken out, or `task done` again)";
    LedgerRejoined = "ledger-rejoined" Warning
        what "Another reconciler had written the ledger before this one's last records were pushed."
        why "What this one recorded stands behind the other's now, where it does not contradict it; all of it is kept in a file beside the ledger. The next plan looks at the directory itself and goes on from there."
        before "{\"prev\":\"91b5…\",\"at\":\"2027-02-01T13:00:00Z\",…"
        after "{\"prev\":\"91b5…\",…,\"event\":{\"rejoined\":{\"added\":3,\"left\":1}}}";
    LedgerUnreachable = "ledger-unreachable" Warning
        what "The ledger's branch cannot be reached."
        why "Another reconciler may act meanwhile. Only what takes something away is done, and recorded in the local file; everything else waits until the branch can be reached again."
        before "ledger: {file: ledger.jsonl, branch: countersign/ledger}"
        after "git ls-remote URL refs/heads/countersign/ledger (it answers)";
    InboxRefused = "inbox-refused" Warning
        what "Somebody sent a command that counts for nothing."
        why "It is not signed with a key that the approved manifests know, or its signer may not say this. It was not done, and it is recorded."
        before "task done 3f2c… (signed by a maintainer of another application)"
        after "task done 3f2c… (signed by a maintainer of this one)";
    PlainConnection = "plain-connection" Error
        what "A server would be reached without encryption, or a password stands in its address."
        why "Whoever can listen on the way would read passwords and people's records, or change what is written."
        before "url: ldap://dc1.city.example"
        after "url: ldaps://dc1.city.example";
    NotInThisVersion = "not-in-this-version" Error
        what "The operator's file asks for something that this version does not do."
        why "To take it and not do it would promise a protection that is not there."
        before "readBack: {ureport-export: {path: /var/lib/ureport.csv, key: employeeNumber}}"
        after "(left out)";
    NotApproved = "not-approved" Error
        what "A commit on the branch is not approved, or comes after one that is not."
        why "Nothing of it is done; what was approved before goes on. The rules of the last approved revision say who may approve it."
        before "git push origin main"
        after "git merge --no-ff -S request, by an administrator who neither asks nor gains";
    Stalled = "stalled" Error
        what "The newest approved revision has mistakes, so the last valid one stays in force."
        why "Two merges that were each fine may not be so together. Nobody is left without access for it, and nobody gets any, until it is mended."
        before "(two requests that contradict each other)"
        after "(one of them, and a merge that takes the other out)";
    GuardHeld = "guard-held" Error
        what "One run would do more than one run may."
        why "So much at once is more often a mistake than a wish: a folder that was moved, an export cut off. Nothing of it is done until an administrator has looked."
        before "guards: {disables: {count: 5}} and nine leavers at once"
        after "countersign allow 1f3b5a79c2d4";
    NoFreeSeat = "no-free-seat" Warning
        what "Every seat of a resource is held by somebody until its maintainer says that it was given up."
        why "Whoever is asked to give and to take in one mail may give first: one more would sit there than there are seats."
        before "seats: 3, one of the three leaves, and another comes"
        after "countersign task done t-1f3b5a79c2d4 (of the one who leaves)";
    Paused = "paused" Error
        what "Somebody paused everything, or this resource."
        why "Whoever moves a system does not want it written meanwhile. Nothing is lost: the plan is made anew once the pause is over."
        before "countersign pause gis --reason upgrade"
        after "countersign unpause gis";
    WaitsForRetry = "waits-for-retry" Warning
        what "It failed a moment ago, and is tried again a little later."
        why "What fails over and over costs its server more each time, and what else there is to do must not wait for it."
        before "(a folder whose permissions refuse the account of this program)"
        after "(the permission, and the next try)";
    Frozen = "frozen" Warning
        what "A step waits for a window: it is outside of every `allow` window, or inside a `deny` window."
        why "Changes are made when somebody is there to see what they do, and not while everybody depends on things staying as they are. Who leaves does not wait."
        before "windows: {deny: [{days: [saturday, sunday], reason: nobody is in}]}"
        after "(the end of the window)";
    Drift = "drift" Warning
        what "Somebody changed by hand what is managed from here; the manifests ask for nothing new."
        why "Either the directory is right, and the manifests have to follow, or the manifests are. The resource's `drift` says whether it is changed back, only told, or held until somebody decides."
        before "(a telephone number that was changed in the directory)"
        after "countersign accept-drift kim.lee";
    RosterUnread = "roster-unread" Error
        what "The file of a roster cannot be read, or is not what this program wrote."
        why "What could not be read must not look as if nobody had access. Nothing of this roster is planned; everything else goes on."
        before "(a roster on a share that is not mounted)"
        after "(the share mounted, and the next run)";
    DirectoryUnread = "directory-unread" Error
        what "The directory could not be read to its end, and this rests on it."
        why "What could not be read must not look as if it were not there. `run` writes nothing to the directory, takes nothing away because of it, and tells nobody a value that only it knows; everything else goes on, and the directory is tried again after growing waits."
        before "(a domain controller that does not answer)"
        after "(one that does, and the next run)";
}
