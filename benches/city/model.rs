//! A number → who works in the city, where, and what each of them has. No randomness: everything
//! follows from the number of a thing.

/// A city.
pub struct City {
    /// The DN everything is below.
    pub base: String,
    /// How many departments.
    pub departments: usize,
    /// How many units a department has.
    pub units: usize,
    /// How many jobs there are; each belongs to a unit.
    pub jobs: usize,
    /// How many packages of software that are asked for personally.
    pub software: usize,
    /// How many applications whose levels are groups.
    pub applications: usize,
    /// How many casework applications, with identities, roles and scopes.
    pub casework: usize,
    /// How many roles a casework application has.
    pub roles: usize,
    /// How many groups there are that nobody manages.
    pub lists: usize,
    /// Everybody.
    pub people: Vec<Resident>,
}

/// Somebody who has, or had, an account.
pub struct Resident {
    /// Their number, from 0.
    pub number: usize,
    /// `metadata.name`, and the login name.
    pub handle: String,
    /// Given name.
    pub given: &'static str,
    /// Family name.
    pub family: &'static str,
    /// The common name.
    pub cn: String,
    /// The unit they work in, from 0 over all departments.
    pub unit: usize,
    /// The job, where they have one of the listed ones.
    pub job: Option<usize>,
    /// What sort of person.
    pub sort: Sort,
    /// Whom they report to.
    pub supervisor: Option<usize>,
}

/// What sort of person somebody is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// On the payroll.
    Employee,
    /// Here until a day of next year.
    Contractor,
    /// On leave.
    Suspended,
    /// Gone.
    Left,
}

/// In what the directory differs from the repository.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// Another title.
    Title,
    /// No telephone number.
    Phone,
    /// Another OU.
    Place,
    /// Not in the group of the unit's folder.
    Member,
    /// Another manager.
    Manager,
    /// Left, and enabled.
    Enabled,
    /// Another card number: the printer made a new one, and manual resources must be told.
    Card,
}

/// The levels of a unit's folder.
pub const FOLDER_LEVELS: [&str; 5] = ["read", "write", "records", "projects", "archive"];
/// The levels of an application.
pub const APPLICATION_LEVELS: [&str; 3] = ["viewer", "editor", "administrator"];
/// The last days of contracts.
pub const CONTRACT_ENDS: [&str; 4] = ["2027-03-31", "2027-06-30", "2027-09-30", "2027-12-31"];
/// The days on which requests take effect.
pub const REQUEST_DAYS: [&str; 4] = ["2027-02-01", "2027-03-01", "2027-04-01", "2027-05-01"];
/// How many people hold the administrators' level.
pub const ADMINISTRATORS: usize = 3;

const GIVEN: [&str; 40] = [
    "Ada",
    "Alexander",
    "Andrea",
    "Bea",
    "Carlos",
    "Chloe",
    "Dana",
    "Dale",
    "Elena",
    "Emeka",
    "Frances",
    "Gordon",
    "Hana",
    "Helen",
    "Ivan",
    "Jörg",
    "June",
    "Kwame",
    "Lena",
    "Lucía",
    "Maria",
    "Marcus",
    "Noor",
    "Nia",
    "Olga",
    "Owen",
    "Priya",
    "Quinn",
    "Ruth",
    "Rosa",
    "Sam",
    "Sinéad",
    "Theo",
    "Tyrell",
    "Uma",
    "Victor",
    "Walter",
    "Ximena",
    "Yusuf",
    "Zoë",
];
const FAMILY: [&str; 50] = [
    "Abernathy",
    "Adeyemi",
    "Boone",
    "Brown",
    "Castillo",
    "Chen",
    "Christopherson",
    "Clark",
    "Delgado",
    "Diaz",
    "Fairchild",
    "Fischer",
    "Garcia",
    "Green",
    "Haas",
    "Haddad",
    "Hutchins",
    "Ito",
    "Jackson",
    "Johnson",
    "Kim",
    "King",
    "Kowalski",
    "Larsen",
    "Lee",
    "Lindgren",
    "López",
    "Marsh",
    "Miller",
    "Moore",
    "Nguyen",
    "Novák",
    "O'Brien",
    "Okafor",
    "Oyelaran",
    "Park",
    "Patel",
    "Pruitt",
    "Raman",
    "Reyes",
    "Rossi",
    "Schmidt",
    "Smith",
    "Sørensen",
    "Taylor",
    "Walker",
    "Weber",
    "Whitaker",
    "Wright",
    "Young",
];

impl City {
    /// A city of so many users; everything else grows with them up to the size of 10,000.
    pub fn new(users: usize, base: &str) -> Self {
        let scaled = |full: usize, least: usize| (full * users / 10_000).clamp(least, full);
        let mut city = Self {
            base: base.to_owned(),
            departments: scaled(12, 2),
            units: scaled(9, 2),
            jobs: scaled(130, 4),
            software: scaled(10, 2),
            applications: scaled(27, 2),
            casework: scaled(4, 1),
            roles: scaled(15, 2),
            lists: scaled(210, 2),
            people: Vec::with_capacity(users),
        };
        for number in 0..users {
            let resident = city.resident(number);
            city.people.push(resident);
        }
        city
    }

    fn resident(&self, number: usize) -> Resident {
        let given = GIVEN[number % GIVEN.len()];
        let family = FAMILY[(number / GIVEN.len() + number) % FAMILY.len()];
        let plain: String = deunicode::deunicode(&format!("{given}.{family}"))
            .to_lowercase()
            .replace('\'', "");
        // Namesakes come once in so many.
        let namesake = number / (GIVEN.len() * FAMILY.len());
        let short: String = plain.chars().take(15).collect();
        let (handle, cn) = match namesake {
            0 if plain.len() <= 20 => (plain, format!("{given} {family}")),
            0 => (format!("{short}{number}"), format!("{given} {family}")),
            n => {
                let handle = format!("{}{n}", short.trim_end_matches('.'));
                (handle.clone(), format!("{given} {family} ({handle})"))
            }
        };
        let all = self.all_units();
        let unit = number % all;
        // The first of a unit heads it; the first of all heads the city.
        let head = number < all;
        let plain = number >= all + ADMINISTRATORS;
        let sort = match number {
            n if plain && n % 20 == 19 => Sort::Left,
            n if plain && n % 200 == 50 => Sort::Suspended,
            n if plain && n % 50 == 7 => Sort::Contractor,
            _ => Sort::Employee,
        };
        Resident {
            number,
            handle,
            given,
            family,
            cn,
            unit,
            job: (sort != Sort::Contractor && !number.is_multiple_of(10))
                .then(|| self.job(unit, number / all))
                .flatten(),
            sort,
            supervisor: match (number, head) {
                (0, _) => None,
                (_, true) => Some(0),
                (_, false) => Some(unit),
            },
        }
    }

    /// One of the jobs of a unit.
    fn job(&self, unit: usize, turn: usize) -> Option<usize> {
        let jobs: Vec<usize> = (unit..self.jobs).step_by(self.all_units()).collect();
        jobs.get(turn % jobs.len().max(1)).copied()
    }

    /// How many units all departments have.
    pub fn all_units(&self) -> usize {
        self.departments * self.units
    }

    /// The organization of a unit.
    pub fn unit_name(&self, unit: usize) -> String {
        format!(
            "dept-{:02}.unit-{}",
            unit / self.units + 1,
            unit % self.units + 1
        )
    }

    /// The OUs of a unit, outermost first.
    pub fn unit_ous(&self, unit: usize) -> [String; 3] {
        let department = unit / self.units + 1;
        [
            "Departments".to_owned(),
            format!("Department {department}"),
            format!("Unit {department}-{}", unit % self.units + 1),
        ]
    }

    /// The profile of a job.
    pub fn job_name(&self, job: usize) -> String {
        format!(
            "{}.job-{}",
            self.unit_name(job % self.all_units()),
            job / self.all_units() + 1
        )
    }

    /// The group of a level of a unit's folder.
    pub fn folder_group(&self, unit: usize, level: &str) -> String {
        format!(
            "DEPT-{}-{}-{level}",
            unit / self.units + 1,
            unit % self.units + 1
        )
    }

    /// The applications that somebody's job gives, each with its level.
    pub fn applications_of_job(&self, job: usize) -> [(usize, &'static str); 2] {
        let first = job % self.applications;
        let second = (job + 1) % self.applications;
        [
            (first, APPLICATION_LEVELS[job % 2]),
            (second, APPLICATION_LEVELS[0]),
        ]
    }

    /// The application that somebody has personally.
    pub fn own_application(&self, resident: &Resident) -> Option<usize> {
        let may = matches!(resident.sort, Sort::Employee | Sort::Suspended);
        (may && resident.number % 7 == 3).then_some((resident.number / 7) % self.applications)
    }

    /// The software that somebody has personally.
    pub fn own_software(&self, resident: &Resident) -> Option<usize> {
        let may = matches!(resident.sort, Sort::Employee | Sort::Suspended);
        (may && resident.number % 5 == 2).then_some((resident.number / 5) % self.software)
    }

    /// The casework application somebody has an identity in, and the role in it.
    pub fn identity(&self, resident: &Resident) -> Option<(usize, usize)> {
        let may = matches!(resident.sort, Sort::Employee | Sort::Suspended);
        (may && resident.number % 25 == 4).then_some((
            resident.number / 25 % self.casework,
            resident.number / 25 % self.roles,
        ))
    }

    /// Whether somebody connects from outside.
    pub fn remote(&self, resident: &Resident) -> bool {
        resident.sort == Sort::Contractor || resident.job.is_some_and(|job| job % 4 == 1)
    }

    /// Everybody's card number, as the printer wrote it when the ledger was begun.
    pub fn card(resident: &Resident) -> String {
        format!("07{:08}", (resident.number * 7919 + 1234) % 100_000_000)
    }

    /// The differences: who, and what. Each person is in it once.
    pub fn differences(&self) -> Vec<(usize, Difference)> {
        use Difference::{Card, Enabled, Manager, Member, Phone, Place, Title};
        let wanted = [
            (Title, 5),
            (Phone, 3),
            (Place, 3),
            (Member, 3),
            (Manager, 2),
            (Enabled, 2),
            (Card, 2),
        ];
        let sorts = wanted
            .iter()
            .flat_map(|(what, times)| std::iter::repeat_n(*what, *times));
        let mut found: Vec<(usize, Difference)> = Vec::new();
        for what in sorts {
            let suits = |r: &&Resident| match what {
                Enabled => r.sort == Sort::Left,
                Title => r.sort == Sort::Employee && r.job.is_some(),
                Phone | Place | Member | Manager | Card => r.sort == Sort::Employee,
            };
            let free = self
                .people
                .iter()
                .skip(self.all_units() + ADMINISTRATORS)
                .filter(suits);
            let next = free
                .map(|r| r.number)
                .find(|n| !found.iter().any(|(taken, _)| taken == n));
            found.extend(next.map(|number| (number, what)));
        }
        found
    }

    /// Its size, for people.
    pub fn summary(&self) -> String {
        let folders = self.all_units() * FOLDER_LEVELS.len();
        let groups = folders
            + self.applications * APPLICATION_LEVELS.len()
            + self.casework * self.roles
            + self.all_units()
            + 1;
        format!(
            "{} users, {} organizations, {} profiles, {} roles, {} groups and {} of others, {} resources",
            self.people.len(),
            1 + self.departments + self.all_units(),
            2 + self.all_units() + self.jobs,
            self.casework * self.roles,
            groups,
            self.lists,
            7 + self.departments + self.software + self.applications + self.casework,
        )
    }
}
