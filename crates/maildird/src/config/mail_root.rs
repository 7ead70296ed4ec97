//! Where each user's Maildir is: a path with `%u` in it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

use crate::users::UserName;

/// A path in which `%u` stands for the user's name and `%%` for a percent sign.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct MailRoot(String);

impl MailRoot {
    /// The user's Maildir. [`UserName`] keeps the path below [`MailRoot::fixed`].
    #[must_use]
    pub fn of(&self, user: &UserName) -> PathBuf {
        PathBuf::from(substitute(&self.0, user.as_str()))
    }

    /// The folder above the part that depends on the user; it must be there before the first login.
    #[must_use]
    pub fn fixed(&self) -> PathBuf {
        let parts = Path::new(&self.0).components();
        let fixed = parts.take_while(|part| !mentions_user(&part.as_os_str().to_string_lossy()));
        let fixed: PathBuf = fixed.collect();
        let fixed = substitute(&fixed.to_string_lossy(), "");
        PathBuf::from(if fixed.is_empty() { ".".to_owned() } else { fixed })
    }

    /// `FOLDER/%u/NAME`, whatever is in the folder's path.
    #[must_use]
    pub fn below(folder: &Path, name: &str) -> Self {
        Self(format!("%u/{name}")).relative_to(folder)
    }

    pub(super) fn relative_to(self, folder: &Path) -> Self {
        // The folder's own percent signs are not ours to read.
        let folder = folder.to_string_lossy().replace('%', "%%");
        Self(Path::new(&folder).join(&self.0).to_string_lossy().into_owned())
    }
}

impl fmt::Display for MailRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What follows each percent sign, in order; none at the end of the text.
fn escapes(text: &str) -> impl Iterator<Item = Option<char>> {
    let mut characters = text.chars();
    std::iter::from_fn(move || characters.find(|&character| character == '%').map(|_| characters.next()))
}

fn mentions_user(text: &str) -> bool {
    escapes(text).any(|escape| escape == Some('u'))
}

fn substitute(text: &str, user: &str) -> String {
    let mut characters = text.chars();
    let mut out = String::with_capacity(text.len() + user.len());
    while let Some(character) = characters.next() {
        match character {
            '%' => match characters.next() {
                Some('u') => out.push_str(user),
                other => out.extend(other),
            },
            plain => out.push(plain),
        }
    }
    out
}

impl FromStr for MailRoot {
    type Err = String;

    fn from_str(root: &str) -> Result<Self, String> {
        if let Some(other) = escapes(root).find(|escape| !matches!(escape, Some('u' | '%'))) {
            let other = other.map(String::from).unwrap_or_default();
            return Err(format!("%{other} means nothing in a mail root: only %u, the user's name, and %% do"));
        }
        if !mentions_user(root) {
            return Err(format!(
                "the mail root {root:?} has no %u, so that all users would share one Maildir: write it where the \
                 user's name goes, such as /var/mail/%u/Maildir"
            ));
        }
        if Path::new(root).components().any(|part| part.as_os_str() == "..") {
            return Err(format!("the mail root {root:?} has a part .. in it: write the path without it"));
        }
        Ok(Self(root.to_owned()))
    }
}

impl TryFrom<String> for MailRoot {
    type Error = String;

    fn try_from(root: String) -> Result<Self, String> {
        root.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> MailRoot {
        text.parse().unwrap()
    }

    fn of(text: &str) -> String {
        root(text).of(&"ada".parse().unwrap()).to_string_lossy().into_owned()
    }

    #[test]
    fn the_user_goes_where_the_root_says() {
        assert_eq!(of("/var/mail/%u/Maildir"), "/var/mail/ada/Maildir");
        assert_eq!(of("/mail/100%%/x-%u/%u"), "/mail/100%/x-ada/ada");
        assert_eq!(of("%u"), "ada");
    }

    #[test]
    fn the_fixed_part_ends_above_the_first_part_that_depends_on_the_user() {
        assert_eq!(root("/var/mail/%u/Maildir").fixed(), Path::new("/var/mail"));
        assert_eq!(root("/mail/100%%/%%u/x-%u/%u").fixed(), Path::new("/mail/100%/%u"));
        assert_eq!(root("/%u").fixed(), Path::new("/"));
        assert_eq!(root("%u").fixed(), Path::new("."));
    }

    #[test]
    fn a_relative_root_starts_at_the_folder_even_where_that_has_percent_signs() {
        let moved = root("mail/%u").relative_to(Path::new("/etc/%u 50%"));
        assert_eq!(moved.of(&"ada".parse().unwrap()), Path::new("/etc/%u 50%/mail/ada"));
        assert_eq!(moved.fixed(), Path::new("/etc/%u 50%/mail"));
        assert_eq!(root("/mail/%u").relative_to(Path::new("/etc")), root("/mail/%u"));
    }

    #[test]
    fn roots_that_would_mix_up_users_or_escape_are_refused() {
        for (bad, why) in [
            ("/var/mail", "no %u"),
            ("/var/mail/%%u", "no %u"),
            ("/var/mail/%u/%d", "%d means nothing"),
            ("/var/mail/%u/%", "% means nothing"),
            ("/var/mail/%u/../x", "part .."),
        ] {
            assert!(bad.parse::<MailRoot>().unwrap_err().contains(why), "{bad}");
        }
    }
}
