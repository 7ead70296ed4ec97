//! Where the database is, and opening it: nothing else in the program does.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use imap_sql::{OpenError, Options, Store};
use serde::Deserialize;

/// What begins the place of a database that is no file, after the name of its kind.
const SCHEME: &str = "://";

/// The kinds of databases that have a URL: PostgreSQL, by either of its names.
const KINDS: [&str; 2] = ["postgres", "postgresql"];

/// The place of a database: the path of a SQLite file, or the URL of a PostgreSQL database.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Database(String);

/// What becomes of a database that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfMissing {
    /// It is made, for nobody but the user that the program runs as.
    Make,
    /// It is reported: a path that was mistyped, or a file system that is not mounted, must not look like mail that is gone.
    Refuse,
}

/// How the program uses the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// For long: it listens, and has so many connections at most beside that, or as many as are usual.
    Serve(Option<NonZeroUsize>),
    /// For one task: whom it concerns has to hear of it before the program ends.
    Once,
}

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// There is none.
    #[error("there is no database {0}; `sqlmaild admin account create` makes one")]
    Missing(Database),
    /// It is not what it should be, or cannot be reached.
    #[error("cannot use the database {0}: {1}")]
    Unusable(Database, #[source] OpenError),
}

impl Database {
    /// Opens it. Blocks, as long as it takes to bring its schema up to date.
    ///
    /// # Errors
    /// See [`DatabaseError`].
    pub(crate) fn open(&self, if_missing: IfMissing, used: Use) -> Result<Store, DatabaseError> {
        if if_missing == IfMissing::Refuse && self.file().is_some_and(|file| !file.exists()) {
            return Err(DatabaseError::Missing(self.clone()));
        }
        let options = match used {
            Use::Serve(None) => Options::default(),
            Use::Serve(Some(most)) => Options::default().connections(most),
            Use::Once => Options::default().without_hints(),
        };
        let store = match self.file() {
            Some(file) => options.open(file),
            None => options.open_url(&self.0),
        };
        store.map_err(|error| DatabaseError::Unusable(self.clone(), error))
    }

    /// The file, unless it is a database of another kind.
    fn file(&self) -> Option<&Path> {
        (!self.0.contains(SCHEME)).then(|| Path::new(&self.0))
    }

    /// A relative path starts at this folder.
    pub(crate) fn relative_to(self, folder: &Path) -> Self {
        let file = self.file().map(|file| folder.join(file));
        file.map_or(self, Self::from)
    }
}

impl From<PathBuf> for Database {
    fn from(file: PathBuf) -> Self {
        Self(file.to_string_lossy().into_owned())
    }
}

impl fmt::Display for Database {
    /// Without a user and a password that a URL may have: this is for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.0.split_once(SCHEME) else {
            return f.write_str(&self.0);
        };
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let host = host.split_once('?').map_or(host, |(host, _)| host);
        write!(f, "{scheme}{SCHEME}{host}")
    }
}

impl FromStr for Database {
    type Err = String;

    fn from_str(place: &str) -> Result<Self, String> {
        match place.split_once(SCHEME) {
            Some((kind, _)) if !KINDS.contains(&kind) => Err(format!(
                "{kind}{SCHEME} is no database that this program knows: give the path of a SQLite file, or a URL that begins \
                 with postgres{SCHEME}"
            )),
            None if place.is_empty() => Err("a database has a path, such as mail.db".to_owned()),
            _ => Ok(Self(place.to_owned())),
        }
    }
}

impl TryFrom<String> for Database {
    type Error = String;

    fn try_from(place: String) -> Result<Self, String> {
        place.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        let url = "postgres://ada:p@ss@db.example/mail?password=p@ss".to_owned();
        assert_eq!(Database(url).to_string(), "postgres://ss");
        let url = "postgres://ada:pass@db.example/mail?password=pass".to_owned();
        assert_eq!(Database(url).to_string(), "postgres://db.example/mail");
        assert_eq!(Database("mail@home.db".to_owned()).to_string(), "mail@home.db");
    }

    #[test]
    fn a_relative_path_starts_at_the_folder_and_a_url_does_not() {
        let at = |place: &str| Database(place.to_owned()).relative_to(Path::new("/etc"));
        assert_eq!(at("mail.db"), Database("/etc/mail.db".to_owned()));
        assert_eq!(at("/mail.db"), Database("/mail.db".to_owned()));
        assert_eq!(
            at("postgres://db/mail"),
            Database("postgres://db/mail".to_owned())
        );
    }

    #[test]
    fn what_no_engine_opens_is_refused() {
        assert!("mysql://db".parse::<Database>().unwrap_err().contains("mysql://"));
        assert!("".parse::<Database>().is_err());
        assert!("postgresql://db/mail".parse::<Database>().is_ok());
    }
}
