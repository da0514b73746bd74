//! Spellings of statements, and texts of any kind.

use proptest::prelude::*;

use super::{Action, Backup, Extent, Inspect, Restore, Transfer, View, parse};

fn one(text: &str) -> Action {
    let mut statements = parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    assert_eq!(statements.len(), 1, "{text}");
    statements.remove(0).action
}

fn backup(database: &str, devices: &[&str]) -> Backup {
    Backup {
        extent: Extent::Database,
        database: database.into(),
        devices: devices.iter().map(|name| (*name).into()).collect(),
        transfer: Transfer::default(),
        format: false,
        init: false,
        copy_only: false,
        differential: false,
        snapshot: false,
        name: None,
        description: None,
        media_name: None,
        media_description: None,
    }
}

fn restore(database: &str, devices: &[&str]) -> Restore {
    Restore {
        extent: Extent::Database,
        database: database.into(),
        devices: devices.iter().map(|name| (*name).into()).collect(),
        transfer: Transfer::default(),
        replace: false,
        recovery: true,
        snapshot: false,
        position: 1,
        media_name: None,
        moves: Vec::new(),
    }
}

/// [TSQL-01]
#[test]
fn one_backup_in_many_spellings() {
    for text in [
        "BACKUP DATABASE a TO VIRTUAL_DEVICE='d'",
        "backup database a to virtual_device = 'd';",
        "Backup Database [a] To Virtual_Device\t=\n N'd' ;;",
        "BACKUP DATABASE \"a\" TO VIRTUAL_DEVICE=\"d\"",
        "/* one /* two */ */BACKUP--DATABASE b\nDATABASE/**/a TO VIRTUAL_DEVICE=n'd'-- end",
        ";\u{feff} BACKUP DATABASE a TO VIRTUAL_DEVICE='d'\r\n",
    ] {
        assert_eq!(one(text), Action::Backup(backup("a", &["d"])), "{text}");
    }
}

#[test]
fn names_that_are_quoted() {
    for (written, name) in [
        ("[a]]b]", "a]b"),
        ("\"a\"\"b\"", "a\"b"),
        ("[to]", "to"),
        ("[a'b -- c]", "a'b -- c"),
        ("überall_2$#@", "überall_2$#@"),
        ("backups", "backups"),
    ] {
        let text = format!("BACKUP DATABASE {written} TO VIRTUAL_DEVICE='it''s /*1*/ \u{1f4fc}'");
        let expected = backup(name, &["it's /*1*/ \u{1f4fc}"]);
        assert_eq!(one(&text), Action::Backup(expected), "{text}");
    }
}

#[test]
fn every_option_of_a_backup() {
    let text = "BACKUP LOG a TO VIRTUAL_DEVICE='1', VIRTUAL_DEVICE = N'2',VIRTUAL_DEVICE='3' \
        WITH BLOCKSIZE=4096, BUFFERCOUNT = 10, MAXTRANSFERSIZE=1048576, FORMAT, INIT, SKIP, \
        COPY_ONLY, CHECKSUM, STATS = 5, NAME=N'n', DESCRIPTION='d''', MEDIANAME='m', \
        MEDIADESCRIPTION='md', NOREWIND, NOUNLOAD, NO_COMPRESSION, STOP_ON_ERROR";
    let expected = Backup {
        extent: Extent::Log,
        transfer: Transfer {
            block_size: Some(4096),
            buffer_count: Some(10),
            max_transfer_size: Some(1 << 20),
            stats: Some(5),
        },
        format: true,
        init: true,
        copy_only: true,
        name: Some("n".into()),
        description: Some("d'".into()),
        media_name: Some("m".into()),
        media_description: Some("md".into()),
        ..backup("a", &["1", "2", "3"])
    };
    assert_eq!(one(text), Action::Backup(expected));
    let text = "BACKUP DATABASE a TO VIRTUAL_DEVICE='1' \
        WITH NOFORMAT, NOINIT, NOSKIP, DIFFERENTIAL, COPY_ONLY, NO_CHECKSUM, STATS, REWIND";
    let expected = Backup {
        transfer: Transfer {
            stats: Some(10),
            ..Transfer::default()
        },
        differential: true,
        copy_only: true,
        ..backup("a", &["1"])
    };
    assert_eq!(one(text), Action::Backup(expected));
    for word in ["snapshot", "METADATA_ONLY"] {
        let expected = Backup {
            snapshot: true,
            ..backup("a", &["1"])
        };
        let text = format!("BACKUP DATABASE a TO VIRTUAL_DEVICE='1' WITH {word}");
        assert_eq!(one(&text), Action::Backup(expected));
    }
    for word in ["TRAN", "transaction"] {
        let expected = Backup {
            extent: Extent::Log,
            ..backup("a", &["1"])
        };
        let text = format!("BACKUP {word} a TO VIRTUAL_DEVICE='1'");
        assert_eq!(one(&text), Action::Backup(expected));
    }
}

#[test]
fn every_option_of_a_restore() {
    let text = "RESTORE DATABASE a FROM VIRTUAL_DEVICE='1' WITH REPLACE, NORECOVERY, \
        MOVE 'x' TO '/tmp/x', MOVE N'y' TO N'/tmp/y', MEDIANAME='m', SNAPSHOT, FILE=12, STATS=100";
    let expected = Restore {
        transfer: Transfer {
            stats: Some(100),
            ..Transfer::default()
        },
        replace: true,
        recovery: false,
        snapshot: true,
        position: 12,
        media_name: Some("m".into()),
        moves: vec![("x".into(), "/tmp/x".into()), ("y".into(), "/tmp/y".into())],
        ..restore("a", &["1"])
    };
    assert_eq!(one(text), Action::Restore(expected));
    let text = "RESTORE LOG a FROM VIRTUAL_DEVICE='1' WITH RECOVERY";
    let expected = Restore {
        extent: Extent::Log,
        ..restore("a", &["1"])
    };
    assert_eq!(one(text), Action::Restore(expected));
    for (word, what, position) in [
        ("HEADERONLY", View::Header, Some(3)),
        ("filelistonly", View::FileList, Some(4_294_967_295)),
        ("LabelOnly", View::Label, None),
        ("VERIFYONLY", View::Verify, None),
    ] {
        let file = position.map_or_else(String::new, |position| format!(", FILE={position}"));
        let options = format!("BLOCKSIZE=512, CHECKSUM{file}");
        let text = format!("RESTORE {word} FROM VIRTUAL_DEVICE='1' WITH {options}");
        let expected = Inspect {
            what,
            devices: vec!["1".into()],
            transfer: Transfer {
                block_size: Some(512),
                ..Transfer::default()
            },
            position,
            media_name: None,
        };
        assert_eq!(one(&text), Action::Inspect(expected));
    }
    for (word, extent) in [("DATABASE", Extent::Database), ("LOG", Extent::Log)] {
        let recover = Action::Recover {
            extent,
            database: "a".into(),
        };
        assert_eq!(one(&format!("RESTORE {word} a WITH RECOVERY;")), recover);
        assert_eq!(one(&format!("RESTORE {word} a")), recover);
    }
}

#[test]
fn several_statements_and_their_lines() {
    let text = "USE [master]; SET NOCOUNT ON\n\nBACKUP DATABASE a TO VIRTUAL_DEVICE='1'\n\
        RESTORE VERIFYONLY FROM VIRTUAL_DEVICE='1' ; RESTORE DATABASE a";
    let lines: Vec<_> = parse(text)
        .unwrap()
        .iter()
        .map(|statement| (statement.line, statement.action.title()))
        .collect();
    let expected = [
        (1, "USE"),
        (1, "SET"),
        (3, "BACKUP DATABASE"),
        (4, "VERIFY DATABASE"),
        (4, "RESTORE DATABASE"),
    ];
    assert_eq!(lines, expected);
    assert_eq!(parse(" \n-- nothing\n/* at all */;").unwrap(), []);
}

/// Words and signs that statements are made of, so that random texts are nearly statements.
fn pieces() -> impl Strategy<Value = String> {
    let words = [
        "BACKUP",
        "RESTORE",
        "DATABASE",
        "LOG",
        "a",
        "[b]",
        "\"c\"",
        "TO",
        "FROM",
        "WITH",
        ",",
        ";",
        "=",
        "'d'",
        "N'",
        "'",
        "[",
        "]",
        "\"",
        "/*",
        "*/",
        "--",
        "\n",
        " ",
        "MOVE",
        "STATS",
        "VIRTUAL_DEVICE",
        "VIRTUAL_DEVICE='e'",
        "HEADERONLY",
        "BLOCKSIZE",
        "512",
        "FORMAT",
        "\u{1f4fc}",
    ];
    let piece = prop_oneof![
        8 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    /// A text is statements, or an error with a place in the text; never a panic.
    #[test]
    fn any_text_has_an_answer(text in prop_oneof![pieces(), any::<String>()]) {
        if let Err(error) = parse(&text) {
            prop_assert!(text.get(error.span.clone()).is_some(), "{error:?}");
            let place = error.place(&text);
            prop_assert!(place.line >= 1 && place.line <= text.matches('\n').count() + 1);
            prop_assert!(error.explain(&text).contains('^'));
        }
    }

    /// Any name and any device can be said.
    #[test]
    fn quoting_is_undone(name in ".{1,20}", device in ".{0,20}") {
        let text = format!(
            "BACKUP DATABASE [{}] TO VIRTUAL_DEVICE = N'{}'",
            name.replace(']', "]]"),
            device.replace('\'', "''"),
        );
        prop_assert_eq!(one(&text), Action::Backup(backup(&name, &[&device])));
    }
}
