//! The content of a users file, line by line.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use super::{UserName, UsersError};
use crate::passwords::{Phc, Scram, Secrets};

/// The content of a users file.
///
/// A line that is not `name:phc` shuts out the user whom it was meant for and nobody else. So do two lines with one name:
/// which of them was meant cannot be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users {
    lines: Vec<Line>,
    /// Where a name stands in `lines`: in more than one place, it counts nowhere.
    by_name: HashMap<UserName, Vec<usize>>,
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    text: Text,
    meaning: Meaning,
}

/// A line without its line end, as it was written and as it will be written again.
#[derive(Clone, PartialEq, Eq)]
struct Text(Vec<u8>);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(hidden)")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    /// A comment or an empty line.
    Nothing,
    /// A name, and its secrets or what is wrong with them.
    User(UserName, Result<Secrets, String>),
    /// Nobody can be told from it.
    Unknown(&'static str),
}

/// A line that shuts its user out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Counted from 1.
    pub number: usize,
    /// What is wrong with it, without anything that may be a password or a hash.
    pub why: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.number, self.why)
    }
}

impl Line {
    fn read(text: &[u8]) -> Self {
        Self {
            text: Text(text.to_owned()),
            meaning: Meaning::of(text),
        }
    }

    fn user(name: &UserName, secrets: Secrets) -> Self {
        let mut text = format!("{name}:{}", secrets.hash.as_str());
        if let Some(scram) = &secrets.scram {
            text.push(' ');
            text.push_str(scram.as_str());
        }
        Self {
            text: Text(text.into_bytes()),
            meaning: Meaning::User(name.clone(), Ok(secrets)),
        }
    }

    fn name(&self) -> Option<&UserName> {
        match &self.meaning {
            Meaning::User(name, _) => Some(name),
            _ => None,
        }
    }
}

impl Meaning {
    fn of(line: &[u8]) -> Self {
        let Ok(line) = std::str::from_utf8(line) else {
            return Self::Unknown("not UTF-8");
        };
        if line.trim().is_empty() || line.starts_with('#') {
            return Self::Nothing;
        }
        let Some((name, kept)) = line.split_once(':') else {
            return Self::Unknown("not of the form name:phc");
        };
        match name.parse() {
            Ok(name) => Self::User(name, secrets(kept.trim_end())),
            // What stands there may be a password in the wrong place: it is not repeated.
            Err(_) => Self::Unknown("what stands before the colon cannot be a user name"),
        }
    }
}

/// A hash, and behind a space the keys of SCRAM, if there are any.
fn secrets(kept: &str) -> Result<Secrets, String> {
    let (hash, scram) = match kept.split_once(' ') {
        Some((hash, scram)) => (hash, Some(scram.parse::<Scram>())),
        None => (kept, None),
    };
    Ok(Secrets {
        hash: hash.parse()?,
        scram: scram.transpose().map_err(|error| error.to_string())?,
    })
}

impl Users {
    /// Reads the lines of a users file.
    pub fn parse(octets: &[u8]) -> Self {
        if octets.is_empty() {
            return Self::default();
        }
        let lines = octets.strip_suffix(b"\n").unwrap_or(octets);
        Self::of(lines.split(|&octet| octet == b'\n').map(Line::read).collect())
    }

    fn of(lines: Vec<Line>) -> Self {
        let mut by_name: HashMap<UserName, Vec<usize>> = HashMap::new();
        for (index, line) in lines.iter().enumerate() {
            if let Some(name) = line.name() {
                by_name.entry(name.clone()).or_default().push(index);
            }
        }
        Self { lines, by_name }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`UsersError::Missing`] or [`UsersError::Io`].
    pub fn read(path: &Path) -> Result<Self, UsersError> {
        match fs::read(path) {
            Ok(octets) => Ok(Self::parse(&octets)),
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

    /// The names of those who can log in, in the file's order.
    pub fn names(&self) -> impl Iterator<Item = &UserName> {
        let names = self.lines.iter().filter_map(Line::name);
        names.filter(|name| self.phc(name.as_str()).is_some())
    }

    /// The lines that shut their users out.
    pub fn bad_lines(&self) -> impl Iterator<Item = BadLine> {
        self.lines.iter().enumerate().filter_map(|(index, line)| {
            let why = match &line.meaning {
                Meaning::User(name, _) if self.by_name[name].len() > 1 => {
                    format!("user {name} is there more than once")
                }
                Meaning::User(name, Err(why)) => format!("user {name}: {why}"),
                Meaning::Unknown(why) => (*why).to_owned(),
                Meaning::User(_, Ok(_)) | Meaning::Nothing => return None,
            };
            Some(BadLine {
                number: index + 1,
                why,
            })
        })
    }

    /// The user's hash, if the user can log in.
    pub fn phc(&self, name: &str) -> Option<&Phc> {
        self.secrets(name).map(|secrets| &secrets.hash)
    }

    /// The user's keys for SCRAM, if the user can log in and has them.
    pub fn scram(&self, name: &str) -> Option<&Scram> {
        self.secrets(name)?.scram.as_ref()
    }

    fn secrets(&self, name: &str) -> Option<&Secrets> {
        let [index] = self.by_name.get(&name.parse().ok()?)?[..] else {
            return None;
        };
        match &self.lines[index].meaning {
            Meaning::User(_, Ok(secrets)) => Some(secrets),
            _ => None,
        }
    }

    /// Whether a line has this name, a bad one included.
    pub fn has(&self, name: &UserName) -> bool {
        self.by_name.contains_key(name)
    }

    /// Adds a user at the end.
    ///
    /// # Errors
    /// [`UsersError::Exists`], also where the line that has the name is a bad one.
    pub fn add(&mut self, name: UserName, secrets: impl Into<Secrets>) -> Result<(), UsersError> {
        if self.has(&name) {
            return Err(UsersError::Exists(name));
        }
        self.edit(|lines| lines.push(Line::user(&name, secrets.into())));
        Ok(())
    }

    /// Replaces a user's secrets where they stand. A bad line becomes a good one; of several with the name the first stays.
    ///
    /// # Errors
    /// [`UsersError::Unknown`].
    pub fn replace(&mut self, name: &UserName, secrets: impl Into<Secrets>) -> Result<(), UsersError> {
        let places = self.by_name.get(name);
        let first = *places
            .and_then(|places| places.first())
            .ok_or_else(|| UsersError::Unknown(name.clone()))?;
        self.edit(|lines| {
            lines[first] = Line::user(name, secrets.into());
            let mut index = 0..;
            lines.retain(|line| index.next() == Some(first) || line.name() != Some(name));
        });
        Ok(())
    }

    /// Takes a user out, with every line that has the name. The user's mail stays.
    ///
    /// # Errors
    /// [`UsersError::Unknown`].
    pub fn remove(&mut self, name: &UserName) -> Result<(), UsersError> {
        if !self.has(name) {
            return Err(UsersError::Unknown(name.clone()));
        }
        self.edit(|lines| lines.retain(|line| line.name() != Some(name)));
        Ok(())
    }

    fn edit(&mut self, edit: impl FnOnce(&mut Vec<Line>)) {
        let mut lines = std::mem::take(&mut self.lines);
        edit(&mut lines);
        *self = Self::of(lines);
    }

    /// The file's octets: every line that was not changed is as it was.
    pub(super) fn to_octets(&self) -> Vec<u8> {
        let lines = self.lines.iter().map(|line| &line.text.0);
        lines
            .flat_map(|text| text.iter().copied().chain([b'\n']))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passwords::Password;

    fn name(name: &str) -> UserName {
        name.parse().unwrap()
    }

    fn hash() -> String {
        Phc::of_nobody().as_str().to_owned()
    }

    fn parse(text: &str) -> Users {
        Users::parse(text.as_bytes())
    }

    fn names(users: &Users) -> Vec<&str> {
        users.names().map(UserName::as_str).collect()
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let password: Password = "hunter2".parse().unwrap();
        let users = parse(&format!("ada:{}\nbob:hunter2\nhunter2\n", hash()));
        let shown = format!("{password:?} {users:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("argon2"), "{shown}");
    }

    #[test]
    fn t19_a_bad_line_is_reported_with_its_number_and_without_its_secrets() {
        let good = hash();
        for (text, line, why) in [
            ("ada\n".to_owned(), 1, "name:phc"),
            (format!("# x\n\n/etc:{good}\n"), 3, "cannot be a user name"),
            (format!("{good}:secret\n"), 1, "cannot be a user name"),
            ("ada:{SHA}secret\n".to_owned(), 1, "not a PHC string"),
            (
                "ada:$argon2i$v=19$m=16,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA\n".to_owned(),
                1,
                "only argon2id",
            ),
            ("ada:$argon2id$v=19$m=16,t=2,p=1\n".to_owned(), 1, "no salt"),
        ] {
            let users = parse(&text);
            let [bad] = &users.bad_lines().collect::<Vec<_>>()[..] else {
                panic!("{text}");
            };
            assert!(bad.number == line && bad.why.contains(why), "{bad}");
            assert!(
                !bad.why.contains("AAAA") && !bad.why.contains("secret") && !bad.why.contains("/etc"),
                "{bad}"
            );
            assert_eq!(names(&users), [""; 0]);
        }
        let octets = [b"\xff\xfe:x\nada:", good.as_bytes()].concat();
        let users = Users::parse(&octets);
        let bad: Vec<_> = users.bad_lines().map(|bad| bad.to_string()).collect();
        assert_eq!(bad, ["line 1: not UTF-8"]);
        assert_eq!(names(&users), ["ada"]);
    }

    #[test]
    fn t19_a_bad_line_shuts_out_its_own_user_only() {
        let good = hash();
        let users = parse(&format!("ada:secret\nbob:{good}\n:{good}\ncy:{good}\nnonsense\n"));
        assert_eq!(names(&users), ["bob", "cy"]);
        assert_eq!(users.phc("ada"), None);
        assert_eq!(users.bad_lines().count(), 3);
    }

    #[test]
    fn t19_who_is_there_twice_cannot_log_in_by_either_line() {
        let good = hash();
        for second in [good.as_str(), "secret"] {
            let users = parse(&format!("ada:{good}\nbob:{good}\nada:{second}\n"));
            assert_eq!(users.phc("ada"), None);
            assert_eq!(names(&users), ["bob"]);
            let bad: Vec<_> = users.bad_lines().map(|bad| bad.number).collect();
            assert_eq!(bad, [1, 3]);
        }
    }

    #[test]
    fn a_line_may_have_the_keys_of_scram_behind_the_hash() {
        let keys = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
                    wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
        let hash = hash();
        let users = parse(&format!("ada:{hash} {keys}\nbob:{hash}\ncy:{hash} SCRAM\n"));
        assert_eq!(names(&users), ["ada", "bob"]);
        assert_eq!(users.scram("ada").map(Scram::as_str), Some(keys));
        assert_eq!((users.scram("bob"), users.scram("cy")), (None, None));
        let mut changed = parse("ada:x\n");
        let secrets = Secrets {
            hash: Phc::of_nobody(),
            scram: keys.parse().ok(),
        };
        changed.replace(&name("ada"), secrets).unwrap();
        assert_eq!(changed.to_octets(), format!("ada:{hash} {keys}\n").as_bytes());
    }

    #[test]
    fn comments_foreign_lines_and_order_survive_every_change() {
        let hash = hash();
        let text = format!("# staff\nada:{hash}\n\nbob:{hash} \r\n# end\n??\ncy:{hash}\neve:secret\n");
        let mut users = parse(&text);
        assert_eq!(users.to_octets(), text.as_bytes());
        users.remove(&name("ada")).unwrap();
        users.add(name("dan"), Phc::of_nobody()).unwrap();
        let fresh = Phc::of(&"new".parse().unwrap()).unwrap();
        users.replace(&name("cy"), fresh.clone()).unwrap();
        let want = format!(
            "# staff\n\nbob:{hash} \r\n# end\n??\ncy:{}\neve:secret\ndan:{hash}\n",
            fresh.as_str()
        );
        assert_eq!(String::from_utf8(users.to_octets()).unwrap(), want);
        assert_eq!(users, parse(&want));
        assert_eq!(names(&users), ["bob", "cy", "dan"]);
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
    fn t19_a_new_password_or_a_removal_mends_a_users_bad_lines() {
        let good = hash();
        let text = format!("ada:secret\nbob:{good}\nada:{good}\n");
        let mut users = parse(&text);
        assert!(matches!(
            users.add(name("ada"), Phc::of_nobody()),
            Err(UsersError::Exists(_))
        ));
        users.replace(&name("ada"), Phc::of_nobody()).unwrap();
        assert_eq!(names(&users), ["ada", "bob"]);
        assert_eq!(users.bad_lines().count(), 0);
        let mut users = parse(&text);
        users.remove(&name("ada")).unwrap();
        assert_eq!(users.to_octets(), format!("bob:{good}\n").as_bytes());
    }
}
