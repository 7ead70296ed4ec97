//! A layer of settings: those of every server, and a program's own beside them in the same file.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::{ConfigError, ServerLayer};

/// Some keys of a file of settings, which may or may not be set.
pub trait Section: Default {
    /// The keys, in the order of the example file.
    const KEYS: &[&str];

    /// Takes the value of one of the [keys](Self::KEYS) from the file.
    ///
    /// # Errors
    /// It is no value for that key.
    fn read<'de, M: MapAccess<'de>>(&mut self, key: &str, file: &mut M) -> Result<(), M::Error>;

    /// Relative paths start at this folder.
    #[must_use]
    fn relative_to(self, folder: &Path) -> Self;

    /// These settings, and `below`'s where these have none. A list replaces a list.
    #[must_use]
    fn over(self, below: Self) -> Self;
}

/// Settings that may or may not be there: those of the file, or those of the flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer<O> {
    /// Those that every server has.
    pub server: ServerLayer,
    /// Those that this program has beside them.
    pub own: O,
}

impl<O: Section> Layer<O> {
    /// Reads a config file. Relative paths in it start at the file's own folder.
    ///
    /// # Errors
    /// [`ConfigError::Io`] or [`ConfigError::Toml`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Io {
            path: path.to_owned(),
            source,
        })?;
        let layer = Self::parse(&text).map_err(|error| ConfigError::Toml {
            path: path.to_owned(),
            error,
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Ok(Self {
            server: layer.server.relative_to(folder),
            own: layer.own.relative_to(folder),
        })
    }

    /// Reads a config file's text.
    ///
    /// # Errors
    /// With the line, the key and what was expected.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// This layer's settings, and `below`'s where this one has none. A list replaces a list.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            server: self.server.over(below.server),
            own: self.own.over(below.own),
        }
    }
}

/// Not derived: `flatten` would forget the lines that errors are to name, and let unknown keys pass.
impl<'de, O: Section> Deserialize<'de> for Layer<O> {
    fn deserialize<D: Deserializer<'de>>(file: D) -> Result<Self, D::Error> {
        struct Reader<O>(PhantomData<O>);

        impl<'de, O: Section> Visitor<'de> for Reader<O> {
            type Value = Layer<O>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("settings")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut file: M) -> Result<Layer<O>, M::Error> {
                let (mut server, mut own) = (ServerLayer::default(), O::default());
                while let Some(key) = file.next_key_seed(KnownKey(self.0))? {
                    match ServerLayer::KEYS.contains(&key.as_str()) {
                        true => server.read(&key, &mut file)?,
                        false => own.read(&key, &mut file)?,
                    }
                }
                Ok(Layer { server, own })
            }
        }

        file.deserialize_map(Reader(PhantomData))
    }
}

/// Reads a key that one of the sections has. An error of the key, so that its line is named.
struct KnownKey<O>(PhantomData<O>);

impl<'de, O: Section> DeserializeSeed<'de> for KnownKey<O> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<String, D::Error> {
        let key = String::deserialize(key)?;
        let known = || O::KEYS.iter().chain(ServerLayer::KEYS).copied();
        match known().any(|known| known == key) {
            true => Ok(key),
            false => {
                let known: Vec<&str> = known().collect();
                let known = known.join("`, `");
                let said = format_args!("unknown key `{key}`, expected one of `{known}`");
                Err(D::Error::custom(said))
            }
        }
    }
}

/// What [`Section::read`] says of a key that is not among its own.
///
/// # Errors
/// Always.
pub fn unknown_key<T, E: Error>(key: &str) -> Result<T, E> {
    Err(E::custom(format_args!("unknown key `{key}`")))
}
