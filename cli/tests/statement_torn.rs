//! Backups that end in the middle, behind others on the same media.

mod common;

use std::fs;

use common::client::{self, Client};
use common::statement::{Sql, catalogue};
use common::{Place, finish, until};
use vdi::codes::*;

/// Not a test: the backup program, when the environment asks for it.
#[test]
fn client() {
    client::play();
}

/// Who is killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Victim {
    Client,
    Engine,
}

/// Database `one`, and `slow`, whose backup stops in the middle.
fn databases() -> Place {
    let place = Place::new();
    fs::write(place.path("notes"), vec![7; 400_000]).unwrap();
    catalogue(
        &place,
        "[database.one]\nsize = '700K'\nseed = 1\n\
         [database.slow]\nbackup = ['sh', '-c', 'cat notes; exec sleep 1000']\n\
         [database.bad]\nbackup = ['sh', '-c', 'cat notes; exit 3']\n",
    );
    place
}

/// Starts to append a backup of `slow` and kills one side when much of it is on the medium.
fn tear(place: &Place, client: &Client, victim: Victim) {
    let length = |device| {
        let medium = format!("{}.{device}.0", client.store);
        fs::metadata(place.path(&medium)).unwrap().len()
    };
    let lengths = || -> Vec<u64> { (0..client.devices).map(length).collect() };
    let before = lengths();
    let mut serving = client.start(place);
    let query = format!("BACKUP DATABASE slow TO {}", client.clauses());
    let mut running = Sql::start(place, &["-b", "-l60", "-Q", &query]);
    // Each device has its label and some data.
    let grown = || {
        let mut both = lengths().into_iter().zip(&before);
        both.all(|(now, before)| now > before + 100_000)
            .then_some(())
    };
    until(grown).expect("data on the media");
    match victim {
        Victim::Client => {
            serving.kill().unwrap();
            serving.wait().unwrap();
            Sql::of(finish(running)).expect_errors(&[3271, 3013]);
        }
        Victim::Engine => {
            running.kill().unwrap();
            running.wait().unwrap();
            finish(serving).success();
        }
    }
}

/// What was on the media before is still there, and nothing is appended behind what has no end.
#[test]
fn a_killed_append_leaves_the_others() {
    for features in [VDF_LikeDisk, VDF_LikeTape] {
        for victim in [Victim::Client, Victim::Engine] {
            let place = databases();
            let client = Client {
                devices: 2,
                through: true,
                ..Client::new("torn", features)
            };
            let run = |statement: &str| Sql::run(&place, &client, statement);
            run("BACKUP DATABASE one TO {}").expect_success("");
            run("BACKUP DATABASE one TO {}").expect_success("on file 2.");
            tear(&place, &client, victim);
            for position in [1, 2] {
                let restore = format!("RESTORE DATABASE one FROM {{}} WITH FILE = {position}");
                run(&restore).expect_success("");
            }
            let rest = run("RESTORE VERIFYONLY FROM {} WITH FILE = 3");
            rest.expect_errors(&[3203, 3013]).says("38(");
            let header = run("RESTORE HEADERONLY FROM {}");
            header.expect_success("(3 rows affected)");
            assert_eq!(header.text.matches("*** INCOMPLETE ***").count(), 1);
            run("RESTORE VERIFYONLY FROM {} WITH FILE = 4").expect_errors(&[3189, 3013]);
            let media = ["torn.0.0", "torn.1.0"].map(|name| place.path(name));
            let before = media.clone().map(|path| fs::read(path).unwrap());
            run("BACKUP DATABASE one TO {}")
                .expect_errors(&[3266, 3013])
                .says("The backup data at the end of \"torn\" is incorrectly formatted.");
            assert!(media.map(|path| fs::read(path).unwrap()) == before);
            run("BACKUP DATABASE one TO {} WITH INIT").expect_success("on file 1.");
            run("BACKUP DATABASE one TO {}").expect_success("on file 2.");
            place.expect_no_sockets();
        }
    }
}

/// So does one that fails because of its database.
#[test]
fn a_failed_append_leaves_the_others() {
    for features in [VDF_LikeDisk, VDF_LikeTape] {
        let place = databases();
        let client = Client::new("failed", features);
        let run = |statement: &str| Sql::run(&place, &client, statement);
        run("BACKUP DATABASE one TO {}").expect_success("");
        run("BACKUP DATABASE bad TO {}").expect_errors(&[3203, 3013]);
        run("RESTORE DATABASE one FROM {}").expect_success("");
        run("BACKUP DATABASE one TO {}").expect_errors(&[3266, 3013]);
        // Nothing of a medium that ends in its only backup is restored, or can be continued.
        run("BACKUP DATABASE bad TO {} WITH INIT").expect_errors(&[3203, 3013]);
        run("RESTORE DATABASE one FROM {}").expect_errors(&[3203, 3013]);
        run("BACKUP DATABASE one TO {}").expect_errors(&[3266, 3013]);

        // A client that throws away what is not wanted is asked to only where nothing else is.
        let client = Client::new("discards", features | VDF_Discard);
        let run = |statement: &str| Sql::run(&place, &client, statement);
        run("BACKUP DATABASE bad TO {}").expect_errors(&[3203, 3013]);
        assert_eq!(client.count(&place, VDC_Discard), 1);
        for position in 1..3 {
            let text = format!("on file {position}.");
            run("BACKUP DATABASE one TO {}").expect_success(&text);
        }
        run("BACKUP DATABASE bad TO {}").expect_errors(&[3203, 3013]);
        assert_eq!(client.count(&place, VDC_Discard), 0);
        for position in 1..3 {
            let restore = format!("RESTORE DATABASE one FROM {{}} WITH FILE = {position}");
            run(&restore).expect_success("");
        }
        run("BACKUP DATABASE one TO {}").expect_errors(&[3266, 3013]);
    }
}

/// Wherever the last backup is cut off, nothing is appended, and the one before it is sound.
#[test]
fn a_backup_that_is_cut_off_anywhere() {
    for features in [VDF_LikeDisk, VDF_LikeTape] {
        let place = databases();
        let client = Client::new("cut", features);
        let run = |statement: &str| Sql::run(&place, &client, statement);
        let (path, marks) = (place.path("cut.0.0"), place.path("cut.0.0.marks"));
        let all_marks = || -> Vec<usize> {
            let text = fs::read_to_string(&marks).unwrap();
            text.lines().map(|line| line.parse().unwrap()).collect()
        };
        run("BACKUP DATABASE one TO {}").expect_success("");
        let first = fs::read(&path).unwrap().len();
        run("BACKUP DATABASE one TO {}").expect_success("on file 2.");
        let (whole, written) = (fs::read(&path).unwrap(), all_marks());
        // In the label, in a record, before the end, and before the last filemark.
        let mut lengths = vec![first + 512, first + 200_000, whole.len() - 512, first];
        if features == VDF_LikeTape {
            lengths.insert(0, whole.len());
        }
        for length in lengths {
            fs::write(&path, &whole[..length]).unwrap();
            let before = written
                .iter()
                .filter(|mark| **mark < length || **mark == first);
            let before: String = before.map(|mark| format!("{mark}\n")).collect();
            fs::write(&marks, before).unwrap();
            run("RESTORE DATABASE one FROM {}").expect_success("");
            let append = run("BACKUP DATABASE one TO {}");
            match length == first {
                false => append.expect_errors(&[3266, 3013]),
                true => append.expect_success("on file 2."),
            };
        }
    }
}
