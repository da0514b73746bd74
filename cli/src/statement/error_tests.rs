//! What is wrong with texts that are no statements, and where.

use super::parse;

/// What is wrong, as the number and a part of the message, and where the caret stands.
#[test]
fn errors_point_at_their_place() {
    let device = "BACKUP DATABASE a TO VIRTUAL_DEVICE='1'";
    let log = "BACKUP LOG a TO VIRTUAL_DEVICE='1'";
    let label = "RESTORE LABELONLY FROM VIRTUAL_DEVICE='1'";
    let restore = "RESTORE DATABASE a FROM VIRTUAL_DEVICE='1'";
    for (text, number, message, line, column) in [
        ("DROP DATABASE a", 102, "near 'DROP'", 1, 1),
        ("\n\n  SELECT 1", 102, "near 'SELECT'", 3, 3),
        ("BACKUP TABLE a", 102, "near 'TABLE'", 1, 8),
        ("BACKUP DATABASE a", 102, "near 'a'", 1, 18),
        ("BACKUP DATABASE TO x", 156, "near the keyword 'TO'", 1, 17),
        (
            "BACKUP DATABASE @a TO VIRTUAL_DEVICE='1'",
            102,
            "near '@a'",
            1,
            17,
        ),
        ("BACKUP DATABASE a TO DISK='x'", 102, "near 'DISK'", 1, 22),
        (
            "BACKUP DATABASE a TO VIRTUAL_DEVICE 'x'",
            102,
            "near ''x''",
            1,
            37,
        ),
        (
            "BACKUP DATABASE a TO VIRTUAL_DEVICE=x",
            102,
            "near 'x'",
            1,
            37,
        ),
        (
            "BACKUP DATABASE a TO VIRTUAL_DEVICE='x",
            105,
            "string 'x'",
            1,
            37,
        ),
        ("BACKUP DATABASE [a TO", 105, "string 'a TO'", 1, 17),
        ("BACKUP /* /* */", 113, "'*/'", 1, 8),
        ("BACKUP DATABASE a%b", 102, "near '%'", 1, 18),
        (&format!("{device},"), 102, "near ','", 1, 41),
        (&format!("{device} WITH"), 156, "keyword 'WITH'", 1, 45),
        (
            &format!("{device}\n WITH COMPRESSION"),
            155,
            "'COMPRESSION' is not a recognized BACKUP",
            2,
            7,
        ),
        (
            &format!("{device} WITH REPLACE"),
            155,
            "'REPLACE' is not a recognized BACKUP",
            1,
            46,
        ),
        (
            &format!("{restore} WITH FORMAT"),
            155,
            "'FORMAT' is not a recognized RESTORE",
            1,
            49,
        ),
        (
            &format!("{restore} WITH MOVE 'a' 'b'"),
            102,
            "near ''b''",
            1,
            58,
        ),
        (
            &format!("{device} WITH BLOCKSIZE=1000"),
            3217,
            "specified for BLOCKSIZE",
            1,
            56,
        ),
        (
            &format!("{device} WITH BUFFERCOUNT=0"),
            3217,
            "specified for BUFFERCOUNT",
            1,
            58,
        ),
        (
            &format!("{device} WITH MAXTRANSFERSIZE=65535"),
            3217,
            "for MAXTRANSFERSIZE",
            1,
            62,
        ),
        (
            &format!("{device} WITH STATS=99999999999"),
            3217,
            "for STATS",
            1,
            52,
        ),
        (
            &format!("{device} WITH FORMAT, NOINIT"),
            3031,
            "'NOINIT' conflicts with option(s) 'FORMAT'",
            1,
            54,
        ),
        // [SNAP-06]
        (
            &format!("{device} WITH DIFFERENTIAL, SNAPSHOT"),
            3031,
            "'SNAPSHOT' conflicts with option(s) 'DIFFERENTIAL'",
            1,
            60,
        ),
        (
            &format!("{log} WITH SNAPSHOT"),
            155,
            "'SNAPSHOT' is not a recognized BACKUP option",
            1,
            41,
        ),
        (
            &format!("{log} WITH DIFFERENTIAL"),
            155,
            "'DIFFERENTIAL' is not",
            1,
            41,
        ),
        (
            &format!("{device} WITH NAME='a', NAME='b'"),
            3031,
            "'NAME' conflicts",
            1,
            56,
        ),
        (&format!("/* ä */ {device} X"), 102, "near 'X'", 1, 49),
        (&format!("{restore} WITH FILE = 0"), 3217, "for FILE", 1, 56),
        (
            &format!("{label} WITH FILE = 1"),
            155,
            "'FILE' is not",
            1,
            48,
        ),
        (
            &format!("{device} WITH NAME='{}'", "n".repeat(129)),
            3217,
            "for NAME",
            1,
            51,
        ),
        ("SET NOCOUNT", 102, "near 'NOCOUNT'", 1, 12),
    ] {
        let error = parse(text).expect_err(text);
        assert_eq!(error.number, number, "{text}: {error:?}");
        assert!(error.text.contains(message), "{text}: {error:?}");
        let place = error.place(text);
        assert_eq!((place.line, place.column), (line, column), "{text}");
    }
}

#[test]
fn the_caret_stands_under_the_word() {
    let text = "BACKUP DATABASE a\n\tTO VIRTUAL_DEVICE='1' WITH BLÖCK, STATS";
    let shown = parse(text).unwrap_err().explain(text);
    let lines: Vec<_> = shown.lines().collect();
    let expected = [
        "line 2, column 29:",
        "\tTO VIRTUAL_DEVICE='1' WITH BLÖCK, STATS",
        "\t                           ^^^^^",
        "this engine has no such option",
    ];
    assert_eq!(lines, expected);
}
