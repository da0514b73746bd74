//! Databases behind programs that are silent, take nothing or do not end: the statement ends all
//! the same, and the programs with it.

mod common;

use std::fs;
use std::process::Child;

use common::client::{self, Client};
use common::statement::{Sql, place_with};
use common::{Place, await_end, finish, signal, until};
use rustix::process::Signal;

const CATALOGUE: &str = "[database.a]\nsize = '3M'\n\
    [database.silent]\nbackup = ['sh', '-c', 'echo $$ > pid; exec sleep 1000']\n\
    [database.closed]\nbackup = ['sh', '-c', 'exec >&-; echo $$ > pid; exec sleep 1000']\n\
    [database.deaf]\nrestore = ['sh', '-c', 'echo $$ > pid; exec sleep 1000']\n\
    [database.endless]\nrestore = ['sh', '-c', 'cat > taken; echo $$ > pid; exec sleep 1000']\n\
    [database.half]\nrestore = ['sh', '-c', '''\n\
      echo $$ > pid; until [ -e go ]; do sleep 0.05; done; cat > part; mv part whole''']\n";

/// Not a test: the backup program, when the environment asks for it.
#[test]
fn client() {
    client::play();
}

/// A place with a backup of three megabytes.
fn prepared(client: &Client) -> Place {
    let place = place_with(CATALOGUE);
    Sql::run(&place, client, "BACKUP DATABASE a TO {}").expect_success("");
    place
}

/// Starts a statement; gives its process and that of its program, which has begun.
fn start(place: &Place, client: &Client, statement: &str) -> (Child, u32) {
    let query = statement.replace("{}", &client.clauses());
    let running = Sql::start(place, &["-b", "-l60", "-Q", &query]);
    let pid = || {
        let text = fs::read_to_string(place.path("pid")).ok()?;
        text.strip_suffix('\n')?.parse().ok()
    };
    let program = until(pid).expect("the program begins");
    fs::remove_file(place.path("pid")).unwrap();
    (running, program)
}

#[test]
fn a_signal_ends_statement_and_program() {
    let client = Client::new("silent", 0);
    let place = prepared(&client);
    for statement in [
        "BACKUP DATABASE silent TO {}",
        "BACKUP DATABASE closed TO {}",
        "RESTORE DATABASE deaf FROM {} WITH REPLACE",
        "RESTORE DATABASE endless FROM {} WITH REPLACE",
    ] {
        if statement.starts_with("RESTORE") {
            Sql::run(&place, &client, "BACKUP DATABASE a TO {}").expect_success("");
        }
        let serving = client.start(&place);
        let (running, program) = start(&place, &client, statement);
        signal(running.id(), Signal::TERM);
        let ended = Sql::of(finish(running));
        ended.expect_errors(&[3271, 3013]);
        ended.outcome.expect(1, "interrupted by SIGTERM");
        await_end(program);
        finish(serving).success();
    }
    // Everything had arrived, but nobody could tell any more what becomes of it.
    assert_eq!(fs::metadata(place.path("taken")).unwrap().len(), 3 << 20);
    place.expect_no_sockets();
}

#[test]
fn the_death_of_the_client_ends_statement_and_program() {
    let client = Client::new("dead", 0);
    let place = prepared(&client);
    for statement in [
        "BACKUP DATABASE silent TO {}",
        "RESTORE DATABASE deaf FROM {} WITH REPLACE",
    ] {
        let mut serving = client.start(&place);
        let (running, program) = start(&place, &client, statement);
        serving.kill().unwrap();
        serving.wait().unwrap();
        Sql::of(finish(running)).expect_errors(&[3271, 3013]);
        await_end(program);
    }
    place.expect_no_sockets();
}

/// The end of what a killed statement gave is no end of a backup.
#[test]
fn a_killed_statement_publishes_nothing() {
    let client = Client::new("killed", 0);
    let place = prepared(&client);
    let serving = client.start(&place);
    let (mut running, program) = start(
        &place,
        &client,
        "RESTORE DATABASE half FROM {} WITH REPLACE",
    );
    running.kill().unwrap();
    running.wait().unwrap();
    fs::write(place.path("go"), "").unwrap();
    await_end(program);
    assert!(!place.path("whole").exists());
    finish(serving).success();
}
