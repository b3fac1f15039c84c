//! Row-level security → an SQLite database, as bytes. `tables.sql` describes it, and stands in the
//! database itself (`sqlite3 FILE .schema`).

use super::{FORMAT, Identity, RowSecurity};
use rusqlite::{Connection, Transaction, params};

/// What `file` and others know the database by: "CSig".
const APPLICATION_ID: u32 = 0x4353_6967;

/// Writes the database. The same rights are the same bytes.
///
/// # Errors
/// None that is known: it is written to memory, and what could not be written twice was looked for.
pub fn database(rights: &RowSecurity) -> Result<Vec<u8>, rusqlite::Error> {
    let mut database = Connection::open_in_memory()?;
    database.pragma_update(None, "application_id", APPLICATION_ID)?;
    database.pragma_update(None, "user_version", FORMAT)?;
    database.pragma_update(None, "foreign_keys", true)?;
    let transaction = database.transaction()?;
    fill(&transaction, rights)?;
    transaction.commit()?;
    Ok(database.serialize("main")?.to_vec())
}

fn fill(to: &Transaction<'_>, rights: &RowSecurity) -> Result<(), rusqlite::Error> {
    let RowSecurity {
        format_version,
        application,
        revision,
        valid_until,
        roles,
        scopes,
        users,
    } = rights;
    to.execute_batch(include_str!("tables.sql"))?;
    to.execute(
        "INSERT INTO about VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            format_version,
            application.name.as_str(),
            application.display_name,
            revision,
            valid_until.map(|instant| instant.to_string()),
        ],
    )?;
    for role in roles {
        let name = role.name.as_str();
        to.execute("INSERT INTO roles VALUES (?1, ?2)", params![name, role.key])?;
        let mut insert = to.prepare_cached("INSERT INTO permissions VALUES (?1, ?2)")?;
        for permission in &role.permissions {
            insert.execute(params![name, permission])?;
        }
    }
    for scope in scopes {
        let name = scope.name.as_str();
        let absent = scope.absent.as_str();
        to.execute(
            "INSERT INTO scopes VALUES (?1, ?2, ?3)",
            params![name, scope.key, absent],
        )?;
        let mut insert = to.prepare_cached("INSERT INTO scope_values VALUES (?1, ?2, ?3)")?;
        for value in &scope.values {
            let organization = value.organization.as_ref().map(|o| o.as_str());
            insert.execute(params![name, value.value, organization])?;
        }
    }
    let mut number = 0;
    for user in users {
        let account = user.account.as_ref();
        let mut insert =
            to.prepare_cached("INSERT INTO users VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        insert.execute(params![
            user.id.as_str(),
            user.display_name,
            user.kind.as_str(),
            user.login,
            account.map(|a| &a.object_guid),
            account.map(|a| &a.login),
            account.map(|a| &a.upn),
        ])?;
        for one in &user.identities {
            number += 1;
            identity(to, number, user.id.as_str(), one)?;
        }
    }
    Ok(())
}

fn identity(
    to: &Transaction<'_>,
    number: i64,
    user: &str,
    identity: &Identity,
) -> Result<(), rusqlite::Error> {
    let Identity {
        alias,
        kind,
        type_name,
        is_virtual,
        default,
        current,
        roles,
        // The roles say them.
        permissions: _,
        scopes,
    } = identity;
    let mut insert =
        to.prepare_cached("INSERT INTO identities VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
    let kind = kind.as_str();
    insert.execute(params![
        number, user, alias, kind, type_name, is_virtual, default, current
    ])?;
    let mut insert = to.prepare_cached("INSERT INTO identity_roles VALUES (?1, ?2)")?;
    for role in roles {
        insert.execute(params![number, role.as_str()])?;
    }
    let mut insert = to.prepare_cached("INSERT INTO identity_scopes VALUES (?1, ?2, ?3, ?4)")?;
    let mut insert_value =
        to.prepare_cached("INSERT INTO identity_scope_values VALUES (?1, ?2, ?3)")?;
    for scope in scopes {
        let name = scope.scope.as_str();
        insert.execute(params![number, name, scope.given, scope.all])?;
        for value in &scope.values {
            insert_value.execute(params![number, name, value])?;
        }
    }
    Ok(())
}
