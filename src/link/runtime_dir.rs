//! The directory in which the sets of a machine, or of one user, are announced.
//!
//! Whoever can put a file there can pose as a set, so a directory that a stranger controls is
//! refused with a text that says what to do. [SEC-06]

use crate::error::{Error, ErrorKind, Result};
use crate::sys::dir::{self, Directory, Status};
use crate::sys::process::{has_more_rights, variable};
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Where a runtime directory may be, in order of preference.
pub(super) struct Places {
    /// `$VDI_RUNTIME_DIR`.
    pub(super) chosen: Option<OsString>,
    /// `/run/vdi`.
    pub(super) machine: PathBuf,
    /// `$XDG_RUNTIME_DIR`.
    pub(super) session: Option<OsString>,
    /// `/tmp`.
    pub(super) temporary: PathBuf,
    /// The effective user of this process.
    pub(super) user: u32,
}

impl Places {
    /// The places of this process. One with more rights than its caller has `/run/vdi` and `/tmp`
    /// alone.
    pub(super) fn current() -> Self {
        Self {
            chosen: variable("VDI_RUNTIME_DIR"),
            machine: PathBuf::from("/run/vdi"),
            session: variable("XDG_RUNTIME_DIR"),
            temporary: PathBuf::from("/tmp"),
            user: dir::effective_user(),
        }
    }

    /// Opens the runtime directory; makes it if it is one of the user's own.
    pub(super) fn open(&self) -> Result<(PathBuf, Directory)> {
        if let Some(chosen) = &self.chosen {
            return self.open_given(self.absolute(chosen)?);
        }
        if dir::is_usable(&self.machine) {
            return self.open_given(self.machine.clone());
        }
        let own = match self.session() {
            Some(session) => session.join("vdi"),
            None => self.temporary.join(format!("vdi-{}", self.user)),
        };
        self.open_own(own)
    }

    /// The session's directory, unless it was inherited from another user or does not exist.
    fn session(&self) -> Option<&Path> {
        let path = Path::new(self.session.as_ref()?);
        let ours = |found: fs::Metadata| found.is_dir() && found.uid() == self.user;
        (path.is_absolute() && fs::metadata(path).is_ok_and(ours)).then_some(path)
    }

    /// A directory that the administrator or the user has set up for several processes or users.
    fn open_given(&self, path: PathBuf) -> Result<(PathBuf, Directory)> {
        let (directory, status) = self.look(&path)?;
        if status.owner != self.user && status.owner != 0 {
            return Err(self.stranger(&path, &status));
        }
        if is_writable_for_others(&status) && status.permissions & STICKY == 0 {
            let remedy = format!("run `chmod +t {}`", path.display());
            return Err(self.refuse(&path, "lets other users replace files", &remedy));
        }
        Ok((path, directory))
    }

    /// A directory of this user alone.
    fn open_own(&self, path: PathBuf) -> Result<(PathBuf, Directory)> {
        dir::ensure(&path).map_err(|error| self.cannot("make", &path, &error))?;
        let (directory, status) = self.look(&path)?;
        if status.owner != self.user {
            return Err(self.stranger(&path, &status));
        }
        if is_writable_for_others(&status) {
            let remedy = format!("run `chmod 700 {}`", path.display());
            return Err(self.refuse(&path, "is writable for other users", &remedy));
        }
        Ok((path, directory))
    }

    fn look(&self, path: &Path) -> Result<(Directory, Status)> {
        let opened = Directory::open(path).and_then(|directory| {
            let status = directory.status()?;
            Ok((directory, status))
        });
        opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotADirectory => self.refuse(
                path,
                "is a symbolic link or not a directory",
                "make it a real directory",
            ),
            _ => self.cannot("open", path, &error),
        })
    }

    fn stranger(&self, path: &Path, status: &Status) -> Error {
        let problem = format!("belongs to user {}", status.owner);
        self.refuse(path, &problem, remedy())
    }

    fn refuse(&self, path: &Path, problem: &str, remedy: &str) -> Error {
        let (user, path) = (self.user, path.display());
        Error::new(
            ErrorKind::Security,
            format!(
                "user {user} cannot trust the runtime directory {path}, which {problem}: {remedy}"
            ),
        )
    }

    fn cannot(&self, what: &str, path: &Path, error: &io::Error) -> Error {
        let (user, path, remedy) = (self.user, path.display(), remedy());
        let what = format!("user {user} cannot {what} the runtime directory {path} ({remedy})");
        Error::system(what, error)
    }

    /// Without slashes at the end, which would make the system follow a symbolic link there.
    fn absolute(&self, chosen: &OsString) -> Result<PathBuf> {
        let path: PathBuf = Path::new(chosen).components().collect();
        if path.is_absolute() {
            return Ok(path);
        }
        let (user, path) = (self.user, path.display());
        Err(Error::new(
            ErrorKind::Unexpected,
            format!("VDI_RUNTIME_DIR of user {user} is \"{path}\": set it to an absolute path"),
        ))
    }
}

/// What helps depends on what this program reads.
pub(super) fn remedy() -> &'static str {
    match has_more_rights() {
        false => "set VDI_RUNTIME_DIR to a directory that this user may use",
        true => "have the administrator make /run/vdi",
    }
}

const STICKY: u32 = 0o1000;

/// Members of the group are others, too.
fn is_writable_for_others(status: &Status) -> bool {
    status.permissions & 0o022 != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::support::TempDir;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    /// Places inside a test's own directory; none of them exists yet.
    fn places(base: &TempDir) -> Places {
        Places {
            chosen: None,
            machine: base.path().join("run"),
            session: None,
            temporary: base.path().to_owned(),
            user: dir::effective_user(),
        }
    }

    fn make(path: &Path, mode: u32) {
        fs::create_dir(path).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn path_of(places: &Places) -> PathBuf {
        places.open().map(|(path, _)| path).unwrap()
    }

    /// The text names the directory, the problem and the remedy.
    fn assert_refused(places: &Places, path: &Path, words: &[&str]) {
        let error = places.open().map(|(path, _)| path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Security, "{error}");
        let path = path.display().to_string();
        for word in words.iter().copied().chain([path.as_str()]) {
            assert!(error.text().contains(word), "{word:?} in {error}");
        }
    }

    #[test]
    fn the_places_are_tried_in_order() {
        let base = TempDir::new();
        let mut places = places(&base);
        let own = base.path().join(format!("vdi-{}", places.user));
        assert_eq!(path_of(&places), own);
        assert_eq!(mode(&own), 0o700);

        let session = base.path().join("session");
        make(&session, 0o700);
        places.session = Some(session.clone().into());
        assert_eq!(path_of(&places), session.join("vdi"));
        assert_eq!(mode(&session.join("vdi")), 0o700);

        make(&places.machine, 0o1777);
        assert_eq!(path_of(&places), places.machine);

        let chosen = base.path().join("chosen");
        make(&chosen, 0o700);
        places.chosen = Some(chosen.clone().into());
        assert_eq!(path_of(&places), chosen);
    }

    #[test]
    fn a_session_directory_of_nobody_is_passed_over() {
        let base = TempDir::new();
        let mut places = places(&base);
        let own = base.path().join(format!("vdi-{}", places.user));
        let file = base.path().join("file");
        fs::write(&file, "").unwrap();
        let file = file.to_str().unwrap();
        for session in ["relative", "/nonexistent/session", file] {
            places.session = Some(session.into());
            assert_eq!(path_of(&places), own);
        }
    }

    #[test]
    fn a_chosen_directory_exists_and_is_absolute() {
        let base = TempDir::new();
        let mut places = places(&base);
        for chosen in ["", "relative", "/nonexistent/vdi"] {
            places.chosen = Some(chosen.into());
            let error = places.open().map(|(path, _)| path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unexpected, "{error}");
            assert!(error.text().contains(chosen), "{error}");
        }
        assert!(!Path::new("/nonexistent").exists());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let base = TempDir::new();
        let mut places = places(&base);
        places.temporary = base.path().join("missing");
        let error = places.open().map(|(path, _)| path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unexpected, "{error}");
        let own = places.temporary.join(format!("vdi-{}", places.user));
        assert!(error.text().contains(own.to_str().unwrap()), "{error}");
    }

    /// [SEC-06]
    #[test]
    fn a_symbolic_link_and_a_file_are_refused() {
        let base = TempDir::new();
        let mut places = places(&base);
        let target = base.path().join("target");
        make(&target, 0o700);
        let link = base.path().join("link");
        symlink(&target, &link).unwrap();
        for chosen in [link.clone(), link.join(""), link.join(".")] {
            places.chosen = Some(chosen.into());
            assert_refused(&places, &link, &["symbolic link", "make it"]);
        }
        let file = base.path().join("file");
        fs::write(&file, "").unwrap();
        places.chosen = Some(file.clone().into());
        assert_refused(&places, &file, &["not a directory"]);

        places.chosen = None;
        symlink(&target, base.path().join(format!("vdi-{}", places.user))).unwrap();
        assert_refused(&places, base.path(), &["symbolic link"]);
    }

    #[test]
    fn a_directory_that_others_can_change_needs_the_sticky_bit() {
        let base = TempDir::new();
        let mut places = places(&base);
        let chosen = base.path().join("chosen");
        make(&chosen, 0o700);
        places.chosen = Some(chosen.clone().into());
        for (permissions, allowed) in [
            (0o755, true),
            (0o777, false),
            (0o770, false),
            (0o1777, true),
            (0o3770, true),
        ] {
            fs::set_permissions(&chosen, fs::Permissions::from_mode(permissions)).unwrap();
            if allowed {
                assert_eq!(path_of(&places), chosen);
            } else {
                assert_refused(&places, &chosen, &["other users", "chmod +t"]);
            }
        }
    }

    #[test]
    fn the_users_own_directory_is_for_nobody_else() {
        let base = TempDir::new();
        let places = places(&base);
        let own = base.path().join(format!("vdi-{}", places.user));
        for permissions in [0o720, 0o1777] {
            let _ = fs::remove_dir(&own);
            make(&own, permissions);
            assert_refused(&places, &own, &["other users", "chmod 700"]);
        }
    }

    /// Needs root, who alone can give a directory away; also tells what a user may share.
    #[test]
    fn a_directory_of_a_stranger_is_refused_and_one_of_root_is_not() {
        if dir::effective_user() != 0 {
            return;
        }
        let base = TempDir::new();
        let mut places = places(&base);
        places.user = 4321;
        let chosen = base.path().join("chosen");
        make(&chosen, 0o1777);
        places.chosen = Some(chosen.clone().into());
        assert_eq!(path_of(&places), chosen);
        chown(&chosen, Some(1234), None).unwrap();
        assert_refused(&places, &chosen, &["user 1234", "VDI_RUNTIME_DIR"]);

        places.chosen = None;
        // Another user's session, as after `sudo`, is passed over.
        let session = base.path().join("session");
        make(&session, 0o755);
        places.session = Some(session.clone().into());
        make(&base.path().join("vdi-4321"), 0o700);
        assert_refused(&places, &base.path().join("vdi-4321"), &["user 0"]);
        assert!(!session.join("vdi").exists());
    }
}
