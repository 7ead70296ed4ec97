//! The users file: who may log in, and with which password.
//!
//! One user a line, `name:phc`, where `phc` is an Argon2id hash as a PHC string. Empty lines and lines that start
//! with `#` are kept as they are. The file is private (mode 0600) and replaced in one step, so that a server that
//! reads it meanwhile sees the old users or the new ones, never half of either.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

/// Longest user name, in octets: room for an address, and far below the 255 octets of a file name.
pub const MAX_NAME: usize = 128;

/// Longest password, in octets. Hashing reads all of it, so a limit bounds what one login can cost.
pub const MAX_PASSWORD: usize = 1024;

/// A user's name: 1 to [`MAX_NAME`] octets of ASCII letters, digits and `. _ - + @`, the first a letter or a digit.
///
/// The name becomes a folder's name where the mail root says `%u`, so nothing in it can mean a path: no `/`, no
/// leading dot. Names are compared exactly: `Ada` and `ada` are two users.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(String);

impl UserName {
    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A string that cannot be a user's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot be a user name: it takes 1 to {MAX_NAME} ASCII letters, digits and . _ - + @, \
     the first a letter or a digit"
)]
pub struct BadUserName(String);

impl FromStr for UserName {
    type Err = BadUserName;

    fn from_str(name: &str) -> Result<Self, BadUserName> {
        let legal = |octet: u8| octet.is_ascii_alphanumeric() || b"._-+@".contains(&octet);
        let begins = name
            .bytes()
            .next()
            .is_some_and(|octet| octet.is_ascii_alphanumeric());
        if begins && name.len() <= MAX_NAME && name.bytes().all(legal) {
            Ok(Self(name.to_owned()))
        } else {
            Err(BadUserName(name.chars().take(MAX_NAME).collect()))
        }
    }
}

/// A password that may be stored: 1 to [`MAX_PASSWORD`] octets, no control characters.
///
/// Its `Debug` form hides it, so that no log line can show it by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(hidden)")
    }
}

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    /// Nothing was given.
    #[error("the password is empty")]
    Empty,
    /// Longer than [`MAX_PASSWORD`] octets.
    #[error("the password is longer than {MAX_PASSWORD} octets")]
    TooLong,
    /// Has a control character, which many mail programs cannot send.
    #[error("the password has a control character or a line break in it")]
    Control,
}

impl FromStr for Password {
    type Err = BadPassword;

    fn from_str(password: &str) -> Result<Self, BadPassword> {
        match password {
            "" => Err(BadPassword::Empty),
            long if long.len() > MAX_PASSWORD => Err(BadPassword::TooLong),
            other if other.chars().any(char::is_control) => Err(BadPassword::Control),
            fine => Ok(Self(fine.to_owned())),
        }
    }
}

/// An Argon2id hash of a password, as a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct Phc(String);

impl fmt::Debug for Phc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phc(hidden)")
    }
}

impl Phc {
    /// Hashes a password with a random salt and the hash's default costs (19 MiB of memory, two passes: the OWASP
    /// recommendation). Takes some 20 ms and those 19 MiB: never on a thread that serves connections.
    ///
    /// # Errors
    /// When the operating system gives no random numbers.
    pub fn of(password: &Password) -> Result<Self, UsersError> {
        let hash = Argon2::default().hash_password(password.0.as_bytes());
        hash.map(|hash| Self(hash.to_string()))
            .map_err(|error| UsersError::Hash(error.to_string()))
    }

    /// A hash that no password is known for, with the default costs: what an unknown user is compared with.
    pub fn of_nobody() -> Self {
        // A constant: its salt and its hash are all zero octets, and to find a password for it is to invert Argon2id.
        let zeros = |octets: usize| "A".repeat((octets * 4).div_ceil(3));
        Self(format!(
            "$argon2id$v=19$m=19456,t=2,p=1${}${}",
            zeros(16),
            zeros(32)
        ))
    }

    /// Whether `password` is the one. As slow as [`Phc::of`].
    pub fn verify(&self, password: &[u8]) -> PasswordIs {
        if password.len() > MAX_PASSWORD {
            return PasswordIs::Wrong;
        }
        let Ok(hash) = PasswordHash::new(&self.0) else {
            return PasswordIs::Wrong;
        };
        match Argon2::default().verify_password(password, &hash) {
            Ok(()) => PasswordIs::Right,
            Err(_) => PasswordIs::Wrong,
        }
    }
}

impl FromStr for Phc {
    type Err = String;

    fn from_str(phc: &str) -> Result<Self, String> {
        let hash = PasswordHash::new(phc).map_err(|error| format!("not a PHC string ({error})"))?;
        if hash.algorithm.as_str() != "argon2id" {
            return Err(format!(
                "the hash is {}; only argon2id is accepted",
                hash.algorithm
            ));
        }
        if hash.salt.is_none() || hash.hash.is_none() {
            return Err("the PHC string has no salt or no hash".to_owned());
        }
        Ok(Self(phc.to_owned()))
    }
}

/// What a password check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordIs {
    /// The password belongs to the user.
    Right,
    /// It does not, or there is no such user: the two look the same, in time as well.
    Wrong,
}

/// Why the users file could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsersError {
    /// The file is not there.
    #[error("there is no users file {}; make one with: maildird user add --users {} NAME", .0.display(), .0.display())]
    Missing(PathBuf),
    /// The operating system refused.
    #[error("cannot {doing} the users file {}: {source}", path.display())]
    Io {
        /// What was tried: `read`, `write`, `lock`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A line is not `name:phc`.
    #[error("{}, line {line}: {why}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// `user add` of a name that is there.
    #[error("there is a user {0} already; to change the password: maildird user passwd")]
    Exists(UserName),
    /// `user passwd` or `user remove` of a name that is not there.
    #[error("there is no user {0}")]
    Unknown(UserName),
    /// No hash could be made.
    #[error("cannot hash the password: {0}")]
    Hash(String),
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    /// A comment or an empty line, kept as it was.
    Other(String),
    User(UserName, Phc),
}

/// The content of a users file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users {
    lines: Vec<Line>,
    /// Where a user's line is in `lines`.
    by_name: HashMap<UserName, usize>,
}

impl Users {
    /// Reads the lines of a users file. `path` is only for messages.
    ///
    /// # Errors
    /// [`UsersError::Line`] for the first line that is not `name:phc`, or that repeats a name. The password hash is
    /// never part of the message.
    pub fn parse(text: &str, path: &Path) -> Result<Self, UsersError> {
        let mut users = Self::default();
        for (index, line) in text.lines().enumerate() {
            let wrong = |why: String| UsersError::Line {
                path: path.to_owned(),
                line: index + 1,
                why,
            };
            if line.trim().is_empty() || line.starts_with('#') {
                users.lines.push(Line::Other(line.to_owned()));
                continue;
            }
            let (name, phc) = line
                .split_once(':')
                .ok_or_else(|| wrong("not of the form name:phc".to_owned()))?;
            let name: UserName = name
                .parse()
                .map_err(|error: BadUserName| wrong(error.to_string()))?;
            let phc: Phc = phc
                .trim_end()
                .parse()
                .map_err(|why| wrong(format!("user {name}: {why}")))?;
            if users.by_name.insert(name.clone(), users.lines.len()).is_some() {
                return Err(wrong(format!("user {name} is there twice")));
            }
            users.lines.push(Line::User(name, phc));
        }
        Ok(users)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`UsersError::Missing`], [`UsersError::Io`] or [`UsersError::Line`].
    pub fn read(path: &Path) -> Result<Self, UsersError> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(UsersError::Missing(path.to_owned()))
            }
            Err(source) => Err(UsersError::Io {
                doing: "read",
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// The users' names in the file's order.
    pub fn names(&self) -> impl Iterator<Item = &UserName> {
        self.lines.iter().filter_map(|line| match line {
            Line::User(name, _) => Some(name),
            Line::Other(_) => None,
        })
    }

    /// The user's hash.
    pub fn phc(&self, name: &str) -> Option<&Phc> {
        let index = self.by_name.get(&UserName(name.to_owned()))?;
        match &self.lines[*index] {
            Line::User(_, phc) => Some(phc),
            Line::Other(_) => None,
        }
    }

    /// Adds a user at the end.
    ///
    /// # Errors
    /// [`UsersError::Exists`].
    pub fn add(&mut self, name: UserName, phc: Phc) -> Result<(), UsersError> {
        if self.by_name.contains_key(&name) {
            return Err(UsersError::Exists(name));
        }
        self.by_name.insert(name.clone(), self.lines.len());
        self.lines.push(Line::User(name, phc));
        Ok(())
    }

    /// Replaces a user's hash where it stands.
    ///
    /// # Errors
    /// [`UsersError::Unknown`].
    pub fn replace(&mut self, name: &UserName, phc: Phc) -> Result<(), UsersError> {
        let index = *self
            .by_name
            .get(name)
            .ok_or_else(|| UsersError::Unknown(name.clone()))?;
        self.lines[index] = Line::User(name.clone(), phc);
        Ok(())
    }

    /// Takes a user out. The user's mail stays.
    ///
    /// # Errors
    /// [`UsersError::Unknown`].
    pub fn remove(&mut self, name: &UserName) -> Result<(), UsersError> {
        let index = self
            .by_name
            .remove(name)
            .ok_or_else(|| UsersError::Unknown(name.clone()))?;
        self.lines.remove(index);
        self.by_name
            .values_mut()
            .filter(|at| **at > index)
            .for_each(|at| *at -= 1);
        Ok(())
    }

    fn to_text(&self) -> String {
        let line = |line: &Line| match line {
            Line::Other(text) => format!("{text}\n"),
            Line::User(name, Phc(phc)) => format!("{name}:{phc}\n"),
        };
        self.lines.iter().map(line).collect()
    }
}

/// Whether [`change`] may start a file that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMissing {
    /// Make it, with mode 0600.
    Create,
    /// Report it.
    Fail,
}

/// Reads the file, changes it by `edit` and replaces it in one step, safe against another `change` at the same time.
///
/// The new content is on the disk (file and folder) when this returns. Owner and group stay as they were, the mode
/// becomes 0600.
///
/// # Errors
/// What [`Users::read`] and `edit` say, or [`UsersError::Io`]. The file is then as it was.
pub fn change(
    path: &Path,
    if_missing: IfMissing,
    edit: impl FnOnce(&mut Users) -> Result<(), UsersError>,
) -> Result<(), UsersError> {
    let failed = |doing: &'static str| {
        let path = path.to_owned();
        move |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound if if_missing == IfMissing::Fail => UsersError::Missing(path.clone()),
            _ => UsersError::Io {
                doing,
                path: path.clone(),
                source,
            },
        }
    };
    let locked = lock(path, if_missing).map_err(failed("lock"))?;
    let mut users = Users::read(path)?;
    edit(&mut users)?;
    write(path, &users, &locked).map_err(failed("write"))
}

/// Opens the file and locks it. The lock is on an inode, and another writer may have put a new file in its place
/// while we waited: then the lock guards nothing, and we start again.
fn lock(path: &Path, if_missing: IfMissing) -> io::Result<File> {
    loop {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(if_missing == IfMissing::Create)
            .mode(0o600);
        let file = options.open(path)?;
        file.lock()?;
        let (held, now) = (file.metadata()?, fs::metadata(path));
        if now.is_ok_and(|now| (now.dev(), now.ino()) == (held.dev(), held.ino())) {
            return Ok(file);
        }
    }
}

/// Writes beside the file, syncs, renames, syncs the folder. `old` is the file that is replaced.
fn write(path: &Path, users: &Users, old: &File) -> io::Result<()> {
    // A symbolic link stays one: the file that it points to is replaced.
    let path = fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut new = tempfile::Builder::new().prefix(".users-").tempfile_in(folder)?;
    new.write_all(users.to_text().as_bytes())?;
    let (was, is) = (old.metadata()?, new.as_file().metadata()?);
    if (was.uid(), was.gid()) != (is.uid(), is.gid()) {
        // Else a server that runs as another user could not read it any more.
        fchown(new.as_file(), Some(was.uid()), Some(was.gid()))?;
    }
    new.as_file().sync_all()?;
    new.persist(&path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn name(name: &str) -> UserName {
        name.parse().unwrap()
    }

    fn phc(password: &str) -> Phc {
        Phc::of(&password.parse().unwrap()).unwrap()
    }

    fn parse(text: &str) -> Result<Users, String> {
        Users::parse(text, Path::new("users")).map_err(|error| error.to_string())
    }

    #[test]
    fn names_that_could_mean_a_path_are_refused() {
        for bad in [
            "", ".", "..", ".hidden", "a/b", "../ada", "a:b", "a b", "-x", "a\0", "a\n", "grüße", "#x", "%u",
        ] {
            assert!(bad.parse::<UserName>().is_err(), "{bad:?}");
        }
        assert!("a".repeat(MAX_NAME + 1).parse::<UserName>().is_err());
        for good in [
            "a",
            "ada",
            "ada.l+x@example.org",
            "7",
            "A_b-c",
            &"a".repeat(MAX_NAME),
        ] {
            assert_eq!(good.parse::<UserName>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn a_password_verifies_against_its_own_hash_only() {
        let hash = phc("correct horse");
        assert_eq!(hash.verify(b"correct horse"), PasswordIs::Right);
        assert_eq!(hash.verify(b"correct horse "), PasswordIs::Wrong);
        assert_eq!(hash.verify(b""), PasswordIs::Wrong);
        assert_ne!(hash, phc("correct horse"), "each hash has its own salt");
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }

    #[test]
    fn the_hash_of_nobody_is_well_formed_and_costs_what_a_real_one_costs() {
        let nobody: Phc = Phc::of_nobody().0.parse().unwrap();
        assert_eq!(nobody.verify(b""), PasswordIs::Wrong);
        let costs = |phc: &Phc| phc.0.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(costs(&nobody), costs(&phc("x")));
        let lengths = |phc: &Phc| phc.0.split('$').skip(4).map(str::len).collect::<Vec<_>>();
        assert_eq!(lengths(&nobody), lengths(&phc("x")));
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let password: Password = "hunter2".parse().unwrap();
        let users = parse(&format!("ada:{}\n", Phc::of_nobody().0)).unwrap();
        let shown = format!("{password:?} {users:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("argon2"), "{shown}");
    }

    #[test]
    fn passwords_with_line_breaks_or_without_content_are_refused() {
        assert_eq!("".parse::<Password>(), Err(BadPassword::Empty));
        assert_eq!("a\nb".parse::<Password>(), Err(BadPassword::Control));
        assert_eq!("a\0b".parse::<Password>(), Err(BadPassword::Control));
        assert_eq!(
            "x".repeat(MAX_PASSWORD + 1).parse::<Password>(),
            Err(BadPassword::TooLong)
        );
        assert!("pässwörd 密码".parse::<Password>().is_ok());
    }

    #[test]
    fn a_bad_line_is_reported_with_its_number_and_without_its_hash() {
        let good = Phc::of_nobody().0;
        for (text, line, why) in [
            ("ada\n".to_owned(), 1, "name:phc"),
            (format!("# x\n\n/etc:{good}\n"), 3, "cannot be a user name"),
            (format!("ada:{good}\nada:{good}\n"), 2, "twice"),
            ("ada:{SHA}secret\n".to_owned(), 1, "not a PHC string"),
            (
                "ada:$argon2i$v=19$m=16,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA\n".to_owned(),
                1,
                "only argon2id",
            ),
            ("ada:$argon2id$v=19$m=16,t=2,p=1\n".to_owned(), 1, "no salt"),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(
                error.contains(&format!("line {line}:")) && error.contains(why),
                "{error}"
            );
            assert!(!error.contains("AAAA") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn comments_empty_lines_and_order_survive_every_change() {
        let hash = Phc::of_nobody().0;
        let mut users = parse(&format!("# staff\nada:{hash}\n\nbob:{hash}\n# end\ncy:{hash}\n")).unwrap();
        users.remove(&name("ada")).unwrap();
        users.add(name("dan"), Phc::of_nobody()).unwrap();
        let fresh = phc("new");
        users.replace(&name("cy"), fresh.clone()).unwrap();
        let want = format!("# staff\n\nbob:{hash}\n# end\ncy:{}\ndan:{hash}\n", fresh.0);
        assert_eq!(users.to_text(), want);
        assert_eq!(users, parse(&want).unwrap());
        assert_eq!(users.phc("cy"), Some(&fresh));
        assert_eq!(users.phc("ada"), None);
        assert!(matches!(
            users.add(name("bob"), fresh.clone()),
            Err(UsersError::Exists(_))
        ));
        assert!(matches!(
            users.replace(&name("ada"), fresh),
            Err(UsersError::Unknown(_))
        ));
        assert!(matches!(users.remove(&name("ada")), Err(UsersError::Unknown(_))));
    }

    #[test]
    fn a_change_makes_a_private_file_and_leaves_nothing_else_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        let add = |who: &str| {
            change(&path, IfMissing::Create, |users| {
                users.add(name(who), Phc::of_nobody())
            })
        };
        add("ada").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        add("bob").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(
            Users::read(&path)
                .unwrap()
                .names()
                .map(UserName::as_str)
                .collect::<Vec<_>>(),
            ["ada", "bob"]
        );
    }

    #[test]
    fn a_refused_change_leaves_the_file_untouched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        let missing = change(&path, IfMissing::Fail, |_| Ok(()));
        assert!(matches!(missing, Err(UsersError::Missing(_))));
        change(&path, IfMissing::Create, |users| {
            users.add(name("ada"), Phc::of_nobody())
        })
        .unwrap();
        let before = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().ino());
        let twice = change(&path, IfMissing::Create, |users| {
            users.add(name("ada"), Phc::of_nobody())
        });
        assert!(matches!(twice, Err(UsersError::Exists(_))));
        assert_eq!(
            before,
            (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().ino())
        );
    }

    #[test]
    fn changes_at_the_same_time_all_arrive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    for n in 0..5 {
                        let who = name(&format!("u{writer}-{n}"));
                        change(path, IfMissing::Create, |users| users.add(who, Phc::of_nobody())).unwrap();
                    }
                });
            }
        });
        assert_eq!(Users::read(&path).unwrap().names().count(), 20);
    }

    #[test]
    fn a_symbolic_link_to_the_file_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        change(&real, IfMissing::Create, |users| {
            users.add(name("ada"), Phc::of_nobody())
        })
        .unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        change(&link, IfMissing::Fail, |users| {
            users.add(name("bob"), Phc::of_nobody())
        })
        .unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(Users::read(&real).unwrap().names().count(), 2);
    }
}
