//! Where each user's Maildir is: a path with `%u` in it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

/// A path in which `%u` stands for the user's name. No other use of a percent sign: `%n` or `%d`, known from other
/// servers, would silently become part of a folder's name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct MailRoot(PathBuf);

impl MailRoot {
    /// The path with its `%u`.
    #[must_use]
    pub(crate) fn template(&self) -> &Path {
        &self.0
    }

    /// The folder above the part that depends on the user; it must be there before the first login.
    #[must_use]
    pub(crate) fn fixed(&self) -> PathBuf {
        let fixed = |part: &std::path::Component<'_>| !part.as_os_str().to_string_lossy().contains("%u");
        let fixed: PathBuf = self.0.components().take_while(fixed).collect();
        if fixed.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            fixed
        }
    }

    pub(super) fn relative_to(self, folder: &Path) -> Self {
        Self(folder.join(self.0))
    }
}

impl fmt::Display for MailRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

impl FromStr for MailRoot {
    type Err = String;

    fn from_str(root: &str) -> Result<Self, String> {
        if let Some(other) = root.split('%').skip(1).find(|rest| !rest.starts_with('u')) {
            let other: String = other.chars().take(1).collect();
            return Err(format!(
                "%{other} means nothing in a mail root: only %u, the user's name, does"
            ));
        }
        if !root.contains("%u") {
            return Err(format!(
                "the mail root {root:?} has no %u, so that all users would share one Maildir: write it where the \
                 user's name goes, such as /var/mail/%u/Maildir"
            ));
        }
        if Path::new(root).components().any(|part| part.as_os_str() == "..") {
            return Err(format!(
                "the mail root {root:?} has a part .. in it: write the path without it"
            ));
        }
        Ok(Self(root.into()))
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

    #[test]
    fn the_fixed_part_ends_above_the_first_part_that_depends_on_the_user() {
        assert_eq!(root("/var/mail/%u/Maildir").fixed(), Path::new("/var/mail"));
        assert_eq!(root("/mail/x-%u/%u").fixed(), Path::new("/mail"));
        assert_eq!(root("/%u").fixed(), Path::new("/"));
        assert_eq!(root("%u").fixed(), Path::new("."));
    }

    #[test]
    fn a_relative_root_starts_at_the_folder() {
        assert_eq!(
            root("mail/%u").relative_to(Path::new("/etc")),
            root("/etc/mail/%u")
        );
        assert_eq!(root("/mail/%u").relative_to(Path::new("/etc")), root("/mail/%u"));
    }

    #[test]
    fn roots_that_would_mix_up_users_or_escape_are_refused() {
        for (bad, why) in [
            ("/var/mail", "no %u"),
            ("/var/mail/%%u", "% means nothing"),
            ("/var/mail/%u/%d", "%d means nothing"),
            ("/var/mail/%u/%", "% means nothing"),
            ("/var/mail/%u/../x", "part .."),
        ] {
            assert!(bad.parse::<MailRoot>().unwrap_err().contains(why), "{bad}");
        }
    }
}
