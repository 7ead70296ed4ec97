//! Changes of the users file, each in one step.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

use super::{Users, UsersError};

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
    new.write_all(&users.to_octets())?;
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
    use crate::passwords::Phc;
    use crate::users::UserName;
    use std::os::unix::fs::PermissionsExt;

    fn name(name: &str) -> UserName {
        name.parse().unwrap()
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
