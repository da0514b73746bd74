//! The `vdi` tool beside other ways to copy a database.

use super::external::{Program, Scratch};
use super::{Case, Unit};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

// Names of rows; goals refer to them.
pub const BACKUP: &str = "vdi backup";
pub const RESTORE: &str = "vdi restore";
pub const CP: &str = "cp";
pub const PIPE: &str = "cat | cat";
pub const SQLITE: &str = "sqlite3 .backup";

/// The tool that is measured: the release build of this repository.
fn tool() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/vdi").into()
}

/// Makes a database of that many MiB, and a backup of it.
fn prepare(scratch: &Scratch, mebibytes: usize) -> Result<(), String> {
    let run = |program: &Path, arguments: &[&str]| {
        let output = Command::new(program)
            .args(arguments)
            .output()
            .map_err(|error| error.to_string())?;
        let good = output.status.success();
        if good {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    };
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let (database, backup) = (text(scratch.path("database")), text(scratch.path("backup")));
    let maker = concat!(env!("CARGO_MANIFEST_DIR"), "/../demo/make_database.py");
    run(
        Path::new("python3"),
        &[maker, &database, &mebibytes.to_string()],
    )?;
    run(&tool(), &["backup", &database, "-q", "-o", &backup])
}

/// What a row has made is there, and is removed.
fn made(path: PathBuf, least: u64) -> impl Fn() -> Result<(), String> {
    move || {
        let size = fs::metadata(&path)
            .map_err(|error| error.to_string())?
            .len();
        fs::remove_file(&path).map_err(|error| error.to_string())?;
        if size < least {
            Err(format!("{size} bytes, not {least}"))
        } else {
            Ok(())
        }
    }
}

fn case(
    id: &'static str,
    title: &'static str,
    scratch: &Rc<Scratch>,
    mebibytes: usize,
) -> Result<Case, String> {
    prepare(scratch, mebibytes)?;
    let (database, backup, new) = (
        scratch.path("database"),
        scratch.path("backup"),
        scratch.new_file(),
    );
    let size = fs::metadata(&database)
        .map_err(|error| error.to_string())?
        .len();
    // A restore verifies every page and the whole, so its own success is the proof.
    let restored = || made(new.clone(), size);
    let shown = |path: &Path| path.display().to_string();
    let entries = vec![
        Program::new(tool())
            .argument("backup")
            .argument(&database)
            .argument("-q")
            .argument("-o")
            .argument(&new)
            .measured(BACKUP, 1, made(new.clone(), size)),
        Program::new(tool())
            .argument("restore")
            .argument(&backup)
            .argument("-q")
            .argument("-o")
            .argument(&new)
            .measured(RESTORE, 1, restored()),
        Program::new("cp")
            .argument(&database)
            .argument(&new)
            .measured(CP, 1, restored()),
        Program::shell(format!("cat {} | cat > {}", shown(&database), shown(&new))).measured(
            PIPE,
            1,
            restored(),
        ),
        Program::new("sqlite3")
            .argument(&database)
            .argument(format!(".backup {}", shown(&new)))
            .measured(SQLITE, 1, restored()),
    ];
    Ok(Case {
        id,
        title,
        unit: Unit::Whole,
        most_rounds: 3,
        entries,
    })
}

/// With databases of that many MiB, which are made here.
pub fn cases(
    tmpfs: &Rc<Scratch>,
    disk: &Rc<Scratch>,
    mebibytes: usize,
) -> Result<[Case; 2], String> {
    let on_disk = "A SQLite database on disk; only vdi makes its results durable";
    Ok([
        case("tool-tmpfs", "A SQLite database in tmpfs", tmpfs, mebibytes)?,
        case("tool-disk", on_disk, disk, mebibytes)?,
    ])
}
