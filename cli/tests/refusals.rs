//! What a restore refuses, always without touching an existing database.

mod common;

use std::fs;
use std::process::{Command, Stdio};

use common::{Place, finish};
use rusqlite::Connection;

/// A place with a backup of `a.db` in three stripes, and a database `old.db` that must survive.
struct Refusal {
    place: Place,
    old: Vec<u8>,
}

impl Refusal {
    fn new() -> Self {
        let place = Place::new();
        place.database("a.db", "delete");
        let old = fs::read(place.database("old.db", "delete")).unwrap();
        let backup = "--max-transfer-size 64K --block-size 512";
        place
            .run(&format!("backup a.db -o s1 -o s2 -o s3 {backup}"))
            .success();
        Self { place, old }
    }

    fn stripe(&self, name: &str) -> Vec<u8> {
        fs::read(self.place.path(name)).unwrap()
    }

    /// Changes one stripe.
    fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> &Self {
        let mut bytes = self.stripe(name);
        change(&mut bytes);
        fs::write(self.place.path(name), bytes).unwrap();
        self
    }

    /// Asserts that the stripes are refused with this message, over an existing database and for
    /// a new one, and that nothing is changed or left.
    #[track_caller]
    fn expect(&self, stripes: &str, message: &str) {
        let before = self.place.names();
        for target in ["old.db --replace", "new.db"] {
            let outcome = self.place.run(&format!("restore {stripes} -o {target}"));
            outcome.expect(5, message);
            assert!(
                self.old == self.stripe("old.db"),
                "the old database was touched"
            );
            assert_eq!(self.place.names(), before);
        }
        self.place.expect_no_sockets();
    }
}

#[test]
fn a_missing_stripe() {
    Refusal::new().expect(
        "s3 s1",
        "of the 3 stripes of this backup these are missing: 2;",
    );
}

#[test]
fn a_duplicated_stripe() {
    let refusal = Refusal::new();
    refusal.expect("s1 s2 s2", "s2: it is stripe 2 of 3 a second time");
    refusal.expect("s1 s2 s3 s1", "s1: it is stripe 1 of 3 a second time");
}

#[test]
fn a_foreign_stripe() {
    let refusal = Refusal::new();
    refusal
        .place
        .run("backup a.db -o t1 -o t2 -o t3 --block-size 512")
        .success();
    refusal.expect("s1 t2 s3", "t2: it belongs to another backup");
}

#[test]
fn a_truncated_stripe() {
    let refusal = Refusal::new();
    let whole = refusal.stripe("s2");
    let length = whole.len();
    for cut in [0, 100, 512, length / 2, length - 512, length - 1] {
        refusal.change("s2", |bytes| *bytes = whole[..cut].to_vec());
        let message = if cut == 0 {
            "s2: it is empty"
        } else {
            "s2: it is cut off"
        };
        refusal.expect("s1 s2 s3", message);
    }
}

#[test]
fn an_altered_stripe() {
    let refusal = Refusal::new();
    let length = refusal.stripe("s3").len();
    // In the header, an extent header, a page, padding, the trailer.
    for at in [20, 512 + 9, 512 + 5000, length - 513, length - 500] {
        refusal.change("s3", |bytes| bytes[at] ^= 1);
        refusal.expect("s1 s2 s3", "s3: it ");
        refusal.change("s3", |bytes| bytes[at] ^= 1);
    }
}

#[test]
fn swapped_contents() {
    let refusal = Refusal::new();
    let (one, two) = (refusal.stripe("s1"), refusal.stripe("s2"));
    refusal.change("s1", |bytes| *bytes = [&one[..512], &two[512..]].concat());
    refusal.change("s2", |bytes| *bytes = [&two[..512], &one[512..]].concat());
    refusal.expect(
        "s1 s2 s3",
        "s1: it is altered, or holds data of another stripe or backup",
    );
}

#[test]
fn data_behind_the_end() {
    let refusal = Refusal::new();
    refusal.change("s1", |bytes| bytes.push(0));
    refusal.expect("s1 s2 s3", "s1: it goes on after its end");
}

#[test]
fn something_else() {
    let refusal = Refusal::new();
    refusal.expect("a.db", "a.db: it is not a stripe of a vdi backup");
}

#[test]
fn an_existing_target() {
    let refusal = Refusal::new();
    let before = refusal.place.names();
    let outcome = refusal.place.run("restore s1 s2 s3 -o old.db");
    outcome.expect(4, "old.db exists; --replace gives it up");
    assert!(refusal.old == refusal.stripe("old.db"));
    assert_eq!(refusal.place.names(), before);
}

#[test]
fn a_target_that_is_being_read() {
    let refusal = Refusal::new();
    let reader = Connection::open(refusal.place.path("old.db")).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM item")
        .unwrap();
    let count = |reader: &Connection| {
        reader.query_row("SELECT count(*) FROM item", [], |row| row.get::<_, i64>(0))
    };
    assert_eq!(count(&reader), Ok(3000));
    let outcome = refusal.place.run("restore s1 s2 s3 -o old.db --replace");
    outcome.expect(4, "old.db is open in another process");
    assert!(refusal.old == refusal.stripe("old.db"));
    drop(reader);
    refusal
        .place
        .run("restore s1 s2 s3 -o old.db --replace")
        .success();
}

#[test]
fn a_wal_target_that_is_open() {
    let refusal = Refusal::new();
    let path = refusal.place.database("wal.db", "wal");
    let other = Connection::open(&path).unwrap();
    other
        .execute("INSERT INTO item VALUES (9999, 'new')", [])
        .unwrap();
    let outcome = refusal.place.run("restore s1 s2 s3 -o wal.db --replace");
    outcome.expect(4, "wal.db is open in another process");
    drop(other);
    assert_eq!(common::check_items(&path), 3001);
    refusal
        .place
        .run("restore s1 s2 s3 -o wal.db --replace")
        .success();
    assert_eq!(common::check_items(&path), 3000);
}

/// A WAL that a crashed process left must never be applied to the restored database.
#[test]
fn a_leftover_wal() {
    let refusal = Refusal::new();
    let place = &refusal.place;
    let path = place.database("live.db", "wal");
    let live = Connection::open(&path).unwrap();
    live.execute("INSERT INTO item VALUES (9999, 'new')", [])
        .unwrap();
    // As a crash leaves it: the log has what the database has not.
    fs::copy(&path, place.path("crashed.db")).unwrap();
    fs::copy(place.path("live.db-wal"), place.path("crashed.db-wal")).unwrap();
    fs::copy(place.path("live.db-wal"), place.path("new.db-wal")).unwrap();
    drop(live);

    let outcome = place.run("restore s1 s2 s3 -o new.db");
    outcome.expect(4, "new.db-wal exists; --replace gives it up");
    for target in ["crashed.db", "new.db"] {
        place
            .run(&format!("restore s1 s2 s3 -o {target} --replace"))
            .success();
        assert!(!place.path(&format!("{target}-wal")).exists());
        assert_eq!(place.digest(target), place.digest("a.db"));
        assert_eq!(common::check_items(&place.path(target)), 3000);
    }
}

/// Runs the tool where no file may grow beyond so many KiB, which is how a full disk looks to a
/// program without the right to make one.
fn run_limited(place: &Place, kib: u32, args: &str) -> common::Outcome {
    let mut shell = Command::new("sh");
    place.prepare(&mut shell);
    let tool = env!("CARGO_BIN_EXE_vdi");
    let blocks = kib * 2;
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {tool} {args}");
    shell.arg("-c").arg(script);
    shell.stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(shell.spawn().unwrap())
}

#[test]
fn a_full_disk_at_the_restore() {
    let refusal = Refusal::new();
    let before = refusal.place.names();
    for target in ["new.db", "old.db --replace"] {
        let args = format!("restore s1 s2 s3 -o {target} --max-transfer-size 64K");
        let outcome = run_limited(&refusal.place, 2048, &args);
        outcome.expect(4, "cannot write");
        assert!(refusal.old == refusal.stripe("old.db"));
        assert_eq!(refusal.place.names(), before);
    }
}

#[test]
fn a_full_disk_at_the_backup() {
    let refusal = Refusal::new();
    let before = refusal.place.names();
    let outcome = run_limited(
        &refusal.place,
        1024,
        "backup a.db -o t1 -o t2 --max-transfer-size 64K",
    );
    outcome.expect(4, "cannot write t");
    assert_eq!(refusal.place.names(), before);

    let outcome = refusal.place.run("backup a.db -o t1 -o /dev/full");
    outcome.expect(4, "cannot write /dev/full: No space left on device");
    assert_eq!(refusal.place.names(), before);
}
