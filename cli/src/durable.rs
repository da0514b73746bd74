//! A file that appears under its name whole and durable, or not at all.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, OFlags, RenameFlags};

/// A file being written beside its target.
///
/// Where the file system can, the file has no name until it is published, so that nothing is left
/// even if the process is killed. Elsewhere it has a hidden name beside the target.
pub(crate) struct NewFile {
    file: File,
    target: PathBuf,
    hidden: PathBuf,
    /// Whether the file is to be found under its hidden name.
    named: bool,
}

impl NewFile {
    /// Begins a file that is to become `target`. The tag makes the hidden name unique.
    pub(crate) fn create(target: &Path, tag: &str) -> io::Result<Self> {
        // A link is replaced where it points to.
        let target = target.canonicalize().unwrap_or_else(|_| target.into());
        let hidden = hidden_name(&target, tag);
        let (file, named) = match nameless(directory(&target)) {
            Ok(file) => (file, false),
            Err(_) => (File::create_new(&hidden)?, true),
        };
        Ok(Self {
            file,
            target,
            hidden,
            named,
        })
    }

    /// The file itself.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Makes the file durable under its hidden name, so that little is left that can fail. To be
    /// dropped, or published, before long.
    pub(crate) fn stage(&mut self) -> io::Result<()> {
        if let Ok(old) = fs::metadata(&self.target) {
            // The owner is kept where this user may give files away.
            let _ = fchown(&self.file, Some(old.uid()), Some(old.gid()));
            self.file.set_permissions(old.permissions())?;
        }
        self.file.sync_all()?;
        if !self.named {
            let own = format!("/proc/self/fd/{}", self.file.as_raw_fd());
            rustix::fs::linkat(CWD, own, CWD, &self.hidden, AtFlags::SYMLINK_FOLLOW)?;
            self.named = true;
        }
        Ok(())
    }

    /// Makes the file durable under its target name. Without `replace` an existing file is an
    /// error of kind `AlreadyExists`; with it the existing file waits under the hidden name until
    /// the result is settled or undone, where the file system can exchange two names.
    pub(crate) fn publish(mut self, replace: bool) -> io::Result<Published> {
        self.stage()?;
        let old = self.take_name(replace)?;
        self.named = false;
        let published = Published {
            target: self.target.clone(),
            old: old.then(|| self.hidden.clone()),
        };
        // What may not survive a crash must not look as if it would.
        match sync_directory(&self.target) {
            Ok(()) => Ok(published),
            Err(error) => {
                published.undo();
                Err(error)
            }
        }
    }

    /// Gives the file its target name; whether an older file has the hidden name now.
    fn take_name(&self, replace: bool) -> io::Result<bool> {
        let rename = |flags| rustix::fs::renameat_with(CWD, &self.hidden, CWD, &self.target, flags);
        if !replace {
            rename(RenameFlags::NOREPLACE)?;
            return Ok(false);
        }
        if rename(RenameFlags::EXCHANGE).is_ok() {
            return Ok(true);
        }
        // There is no older file, or the file system cannot exchange names.
        fs::rename(&self.hidden, &self.target)?;
        Ok(false)
    }
}

/// A file that has its target name, and the file that had the name before.
#[must_use = "settle it or undo it"]
pub(crate) struct Published {
    target: PathBuf,
    old: Option<PathBuf>,
}

impl Published {
    /// Gives the older file up.
    pub(crate) fn settle(self) -> io::Result<()> {
        match self.old {
            Some(old) => fs::remove_file(old),
            None => Ok(()),
        }
    }

    /// Brings the older file back, or removes the name.
    pub(crate) fn undo(self) {
        // Nothing better can be done about a failure here.
        let _ = match self.old {
            Some(old) => fs::rename(old, &self.target),
            None => fs::remove_file(&self.target),
        };
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.named {
            // Nothing better can be done about a failure here.
            let _ = fs::remove_file(&self.hidden);
        }
    }
}

/// Removes the hidden file that a killed process left for `target`.
pub(crate) fn remove_leftover(target: &Path, tag: &str) {
    let target = target.canonicalize().unwrap_or_else(|_| target.into());
    // Mostly there is none.
    let _ = fs::remove_file(hidden_name(&target, tag));
}

/// Makes the names in the directory of `path` durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory(path))?.sync_all()
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Does not contain the name of the target, so that it is never too long.
fn hidden_name(target: &Path, tag: &str) -> PathBuf {
    target.with_file_name(format!(".vdi-{tag}.partial"))
}

/// A file without a name. Fails where the file system has none or /proc, needed to name it later,
/// is missing.
fn nameless(directory: &Path) -> io::Result<File> {
    fs::metadata("/proc/self/fd")?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlags::TMPFILE.bits() as i32)
        .open(directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn names(directory: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string();
        fs::read_dir(directory)
            .unwrap()
            .map(|entry| name(entry).unwrap())
            .collect()
    }

    #[test]
    fn a_dropped_file_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a");
        let mut file = NewFile::create(&target, "t").unwrap();
        file.file.write_all(b"partial").unwrap();
        drop(file);
        assert_eq!(names(dir.path()), [""; 0]);

        let named = named_file(&target);
        assert_eq!(names(dir.path()), [".vdi-t.partial"]);
        drop(named);
        assert_eq!(names(dir.path()), [""; 0]);

        // A killed process cannot drop.
        std::mem::forget(named_file(&target));
        remove_leftover(&target, "t");
        assert_eq!(names(dir.path()), [""; 0]);
    }

    /// As on a file system without nameless files.
    fn named_file(target: &Path) -> NewFile {
        let hidden = hidden_name(target, "t");
        NewFile {
            file: File::create_new(&hidden).unwrap(),
            target: target.into(),
            hidden,
            named: true,
        }
    }

    #[test]
    fn publishing_replaces_only_when_asked_to() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a");
        for begin in [
            |target: &Path| NewFile::create(target, "t").unwrap(),
            named_file,
        ] {
            fs::write(&target, "old").unwrap();
            let file = begin(&target);
            file.file().write_all(b"new").unwrap();
            let error = file.publish(false).err().unwrap();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&target).unwrap(), b"old");
            assert_eq!(names(dir.path()), ["a"]);

            let file = begin(&target);
            file.file().write_all(b"new").unwrap();
            file.publish(true).unwrap().undo();
            assert_eq!(
                fs::read(&target).unwrap(),
                b"old",
                "an undone file is no loss"
            );
            assert_eq!(names(dir.path()), ["a"]);

            let file = begin(&target);
            file.file().write_all(b"new").unwrap();
            file.publish(true).unwrap().settle().unwrap();
            assert_eq!(fs::read(&target).unwrap(), b"new");
            assert_eq!(names(dir.path()), ["a"]);

            fs::remove_file(&target).unwrap();
            begin(&target).publish(false).unwrap().settle().unwrap();
            assert_eq!(names(dir.path()), ["a"]);
            fs::remove_file(&target).unwrap();
            begin(&target).publish(true).unwrap().undo();
            assert_eq!(names(dir.path()), [""; 0]);
        }
    }

    /// Only root can give files away; for others there is nothing to be seen.
    #[test]
    fn the_owner_stays() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a");
        fs::write(&target, "old").unwrap();
        let own = fs::metadata(&target).unwrap().uid();
        let owner = if own == 0 { 12345 } else { own };
        fchown(File::open(&target).unwrap(), Some(owner), None).unwrap();
        let file = NewFile::create(&target, "t").unwrap();
        file.publish(true).unwrap().settle().unwrap();
        assert_eq!(fs::metadata(&target).unwrap().uid(), owner);
    }

    #[test]
    fn a_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("a"), dir.path().join("link"));
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let file = NewFile::create(&link, "t").unwrap();
        file.file().write_all(b"new").unwrap();
        file.publish(true).unwrap().settle().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
