//! The settings of `sqlmaild serve`: those of every server, and where the database is.

use std::num::NonZeroUsize;
use std::path::Path;

use imap_daemon::config::{ConfigError, Layer, Section, ServerSettings, unknown_key};
use serde::de::MapAccess;

use crate::database::Database;

/// A commented file with every key.
pub(crate) fn example() -> String {
    format!(
        "{}{}",
        include_str!("config/example.toml"),
        imap_daemon::config::EXAMPLE
    )
}

/// Settings of this program that may or may not be there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SqlLayer {
    /// The database.
    pub(crate) database: Option<Database>,
    /// The most connections to a PostgreSQL database, beside the one that listens.
    pub(crate) database_connections: Option<NonZeroUsize>,
}

/// Complete settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Those that every server has.
    pub(crate) server: ServerSettings,
    /// The database.
    pub(crate) database: Database,
    /// The most connections to a PostgreSQL database, beside the one that listens; as many as are usual where it is not set.
    pub(crate) database_connections: Option<NonZeroUsize>,
}

impl Section for SqlLayer {
    const KEYS: &[&str] = &["database", "database_connections"];

    fn read<'de, M: MapAccess<'de>>(&mut self, key: &str, file: &mut M) -> Result<(), M::Error> {
        match key {
            "database" => self.database = file.next_value()?,
            "database_connections" => self.database_connections = file.next_value()?,
            other => return unknown_key(other),
        }
        Ok(())
    }

    fn relative_to(self, folder: &Path) -> Self {
        Self {
            database: self.database.map(|database| database.relative_to(folder)),
            ..self
        }
    }

    fn over(self, below: Self) -> Self {
        Self {
            database: self.database.or(below.database),
            database_connections: self.database_connections.or(below.database_connections),
        }
    }
}

impl Settings {
    /// Fills in the defaults and checks what belongs together.
    ///
    /// # Errors
    /// The database is not set, or TLS is set up by half.
    pub(crate) fn of(layer: Layer<SqlLayer>) -> Result<Self, ConfigError> {
        let database = layer.own.database.ok_or(ConfigError::Missing {
            what: "the database",
            flag: "--database PLACE",
            key: "database",
        })?;
        Ok(Self {
            server: layer.server.complete()?,
            database,
            database_connections: layer.own.database_connections,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imap_daemon::config::{ServerLayer, with_all_keys};

    fn parse(text: &str) -> Layer<SqlLayer> {
        Layer::parse(text).unwrap()
    }

    #[test]
    fn the_example_file_parses_as_it_is_and_with_every_key_in_it() {
        Settings::of(parse(&example())).unwrap();
        let full = with_all_keys(&example());
        Settings::of(parse(&full)).unwrap();
        let table: toml::Table = full.parse().unwrap();
        assert!(table.contains_key("database"));
        assert_eq!(table.len(), SqlLayer::KEYS.len() + ServerLayer::KEYS.len());
    }

    #[test]
    fn the_database_has_no_default_and_a_relative_one_starts_at_the_files_folder() {
        let missing = Settings::of(parse("listen = ['127.0.0.1:1']")).unwrap_err();
        assert!(missing.to_string().contains("--database"));
        let own = parse("database = 'mail.db'").own.relative_to(Path::new("/srv"));
        assert_eq!(own.database, Some("/srv/mail.db".parse().unwrap()));
        let flag = SqlLayer {
            database: Some("flag.db".parse().unwrap()),
            database_connections: NonZeroUsize::new(4),
        };
        assert_eq!(flag.clone().over(own), flag);
    }

    #[test]
    fn a_wrong_value_is_named_with_its_line() {
        for (key, value) in [("database", "'mysql://db'"), ("database_connections", "0")] {
            let text = format!("log_level = 'info'\n{key} = {value}\n");
            let error = Layer::<SqlLayer>::parse(&text).unwrap_err().to_string();
            assert!(
                error.contains("line 2") && error.contains(value.trim_matches('\'')),
                "{error}"
            );
        }
    }
}
