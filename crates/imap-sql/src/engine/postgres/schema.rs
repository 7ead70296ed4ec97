//! The schema's versions, and whether a database is ours and whole. Nothing is repaired.

use imap_backend::Error;

use super::connection::Connection;
use crate::engine::OpenError;

/// The migrations, in their order: the first makes version 1 of an empty database.
const MIGRATIONS: &[&str] = &[include_str!("../../../migrations/postgres/0001_mail.sql")];

/// The oldest version that has all that the triggers use.
const OLDEST_SERVER: i64 = 130_000;

/// Of this program's migrations, for as long as one is running: any number that no other program is likely to use.
const LOCK: i64 = 0x696d_6170;

/// The kinds of what the schema has, as migrations name them, with the query for the names of those that are there.
const KINDS: [(&str, &str); 4] = [
    (
        "TABLE",
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace",
    ),
    (
        "INDEX",
        "SELECT relname::text FROM pg_class WHERE relkind = 'i' AND relnamespace = current_schema()::regnamespace",
    ),
    (
        "TRIGGER",
        "SELECT tgname::text FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid \
         WHERE NOT tgisinternal AND tgenabled <> 'D' AND relnamespace = current_schema()::regnamespace",
    ),
    (
        "FUNCTION",
        "SELECT proname::text FROM pg_proc WHERE pronamespace = current_schema()::regnamespace",
    ),
];

/// The schema's version that this program knows.
fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Makes the schema in an empty database, or brings an older one to this program's version: all or nothing. When two programs
/// do so at once, one waits for the other and finds nothing left to do.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), OpenError> {
    check_server(connection)?;
    connection.begin("BEGIN")?;
    let prepared = prepare_locked(connection);
    match prepared {
        Ok(()) => connection
            .commit()
            .map_err(|error| OpenError::Failed(Box::new(error))),
        Err(error) => {
            connection.roll_back();
            Err(error)
        }
    }
}

fn prepare_locked(connection: &mut Connection) -> Result<(), OpenError> {
    let lock = format!("SELECT pg_advisory_xact_lock({LOCK})");
    connection.batch(&lock)?;
    let found = version(connection)?;
    if found > known() {
        return Err(OpenError::Newer {
            found,
            known: known(),
        });
    }
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    for migration in MIGRATIONS.iter().skip(done) {
        connection.batch(migration)?;
    }
    if found < known() {
        connection.batch(&format!("UPDATE store SET version = {}", known()))?;
    }
    is_whole(connection)
}

fn check_server(connection: &mut Connection) -> Result<(), OpenError> {
    let server = number(connection, "SELECT current_setting('server_version_num')::bigint")?;
    if server.is_none_or(|version| version < OLDEST_SERVER) {
        return Err(OpenError::Failed("PostgreSQL 13 or newer is needed".into()));
    }
    let is_utf8 = number(
        connection,
        "SELECT (current_setting('server_encoding') = 'UTF8')::int",
    )?;
    if is_utf8 != Some(1) {
        return Err(OpenError::Failed("the database's encoding is not UTF8".into()));
    }
    let schema = number(connection, "SELECT (current_schema() IS NOT NULL)::int")?;
    if schema != Some(1) {
        return Err(OpenError::Failed("no schema of the search path exists".into()));
    }
    Ok(())
}

/// The version of the database's schema; 0 where it has none of our tables.
fn version(connection: &mut Connection) -> Result<i64, OpenError> {
    let tables = names(connection, KINDS[0].1)?;
    if !tables.iter().any(|table| table == "store") {
        let ours = expected("TABLE").any(|name| tables.iter().any(|table| table == name));
        return if ours { Err(OpenError::Foreign) } else { Ok(0) };
    }
    let sql = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'store'::regclass \
               AND attname IN ('only_row', 'program', 'version', 'last_uid_validity')";
    if number(connection, sql)? != Some(4) {
        return Err(OpenError::Foreign);
    }
    match number(connection, "SELECT version FROM store WHERE program = 'imap'")? {
        Some(version) if version >= 1 => Ok(version),
        Some(version) => Err(OpenError::Damaged(format!("its version is {version}"))),
        None => Err(OpenError::Damaged(
            "the row of the table \"store\" is missing".to_owned(),
        )),
    }
}

/// Whether every table, index, trigger and function is there. A trigger that is missing, or switched off, would lose changes
/// without a word.
fn is_whole(connection: &mut Connection) -> Result<(), OpenError> {
    for (kind, sql) in KINDS {
        let found = names(connection, sql)?;
        for name in expected(kind) {
            if !found.iter().any(|found| found == name) {
                let kind = kind.to_lowercase();
                return Err(OpenError::Damaged(format!("the {kind} {name:?} is missing")));
            }
        }
    }
    Ok(())
}

/// The names of what the migrations make of a kind.
fn expected(kind: &str) -> impl Iterator<Item = &'static str> {
    let begin = format!("CREATE {kind} ");
    MIGRATIONS
        .iter()
        .flat_map(|migration| migration.lines())
        .filter_map(move |line| {
            let rest = line.strip_prefix(begin.as_str())?;
            rest.split([' ', '(']).next()
        })
}

fn names(connection: &mut Connection, sql: &str) -> Result<Vec<String>, OpenError> {
    let mut names = Vec::new();
    let looked = connection.each(sql, &[], |row| {
        names.push(
            row.try_get(0)
                .map_err(|error| Error::from(super::error::Failure::from(error)))?,
        );
        Ok(())
    });
    looked.map_err(|error| OpenError::Failed(Box::new(error)))?;
    Ok(names)
}

fn number(connection: &mut Connection, sql: &str) -> Result<Option<i64>, OpenError> {
    let mut number = None;
    let looked = connection.each(sql, &[], |row| {
        number =
            Some(super::integer(row, 0).map_err(|error| Error::from(super::error::Failure::from(error)))?);
        Ok(())
    });
    looked.map_err(|error| OpenError::Failed(Box::new(error)))?;
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_to_be_there_is_read_from_the_migrations() {
        let tables: Vec<_> = expected("TABLE").collect();
        assert_eq!(
            tables,
            [
                "store",
                "accounts",
                "mailboxes",
                "blobs",
                "texts",
                "chunks",
                "messages",
                "expunged",
                "imports",
                "subscriptions",
                "quotas",
                "metadata",
                "acl",
                "url_keys"
            ]
        );
        assert!(expected("TRIGGER").any(|name| name == "messages_expunged"));
        assert!(expected("FUNCTION").any(|name| name == "take_modseq"));
        assert_eq!(expected("INDEX").count(), 9);
    }
}
