//! Round trips, and what a reader makes of every kind of damage.

use proptest::prelude::*;

use super::{BackupType, Error, File, Kind, Label, Reader, Writer};

fn label(families: u32) -> Label {
    Label {
        backup: "0b".into(),
        family: 1,
        families,
        block_size: 512,
        kind: Kind::File,
        backup_type: BackupType::Database,
        copy_only: false,
        snapshot: false,
        server: "S".into(),
        user: "u".into(),
        database: "d".into(),
        started: 1,
        size: None,
        name: Some("n".into()),
        description: None,
        media_name: None,
        media_description: None,
        files: vec![File {
            logical: "d".into(),
            physical: "/d".into(),
            size: None,
        }],
    }
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|k| (k * k / 7) as u8).collect()
}

/// Media on which `data` is, in parts of odd sizes.
fn write(label: &Label, data: &[u8]) -> Vec<Vec<u8>> {
    let sinks = vec![Vec::new(); label.families as usize];
    let mut writer = Writer::new(label, 1024, sinks).unwrap();
    for part in data.chunks(777) {
        writer.write(part).unwrap();
    }
    assert_eq!(writer.finish().unwrap(), data.len() as u64);
    writer.sinks().to_vec()
}

fn read(media: &[Vec<u8>]) -> Result<Vec<u8>, Error> {
    let mut reader = Reader::open(media.iter().map(Vec::as_slice).collect())?;
    let mut data = Vec::new();
    while let Some(part) = reader.part()? {
        data.extend_from_slice(part);
    }
    Ok(data)
}

#[test]
fn what_is_written_is_read() {
    for families in [1, 2, 3, 64] {
        for length in [0, 1, 991, 992, 993, 50_000] {
            let mut media = write(&label(families), &bytes(length));
            assert!(media.iter().all(|medium| medium.len() % 512 == 0));
            media.reverse();
            assert_eq!(read(&media).unwrap(), bytes(length), "{families} {length}");
        }
    }
}

#[test]
fn a_label_is_read_from_the_beginning_of_a_medium() {
    let media = write(&label(2), b"");
    let (second, _) = Label::decode(&media[1]).unwrap();
    let expected = Label {
        family: 2,
        ..label(2)
    };
    assert_eq!(second, expected);
    assert!(Label::decode(&media[1][..100]).is_none());
    let huge = Label {
        description: Some("x".repeat(70_000)),
        ..label(1)
    };
    assert!(Writer::new(&huge, 1024, vec![Vec::new()]).is_err());
}

#[test]
fn media_that_do_not_belong_together() {
    let media = write(&label(2), &bytes(5000));
    let other = Label {
        backup: "0c".into(),
        ..label(2)
    };
    let foreign = write(&other, &bytes(5000));
    let cases = [
        (vec![], "Missing { families: 1, given: 0 }"),
        (vec![&media[1]], "Missing { families: 2, given: 1 }"),
        (vec![&media[0], &media[0]], "Stranger { device: 1 }"),
        (vec![&media[0], &foreign[1]], "Stranger { device: 1 }"),
        (vec![&media[1], &foreign[0]], "Stranger { device: 0 }"),
    ];
    for (given, expected) in cases {
        let given: Vec<_> = given.into_iter().cloned().collect();
        assert_eq!(format!("{:?}", read(&given).unwrap_err()), expected);
    }
    let text = vec![bytes(5000)];
    assert!(matches!(read(&text), Err(Error::Foreign { device: 0 })));
}

/// No byte of a medium can change unnoticed, and none can be missing.
#[test]
fn every_change_is_noticed() {
    let data = bytes(2500);
    let media = write(&label(2), &data);
    for medium in 0..2 {
        for at in 0..media[medium].len() {
            let mut changed = media.clone();
            changed[medium][at] ^= 1;
            let Err(error) = read(&changed) else {
                panic!("a change of byte {at} passes");
            };
            let noticed = matches!(
                error,
                Error::Foreign { .. } | Error::Damaged { .. } | Error::Short { .. }
            );
            assert!(noticed, "byte {at}: {error:?}");
        }
        for length in (0..media[medium].len()).step_by(512) {
            let mut cut = media.clone();
            cut[medium].truncate(length);
            assert!(matches!(read(&cut), Err(Error::Short { device }) if device == medium));
        }
    }
    // The same record of another backup.
    let other = Label {
        backup: "0c".into(),
        ..label(2)
    };
    let mut foreign = media.clone();
    foreign[0][1024..2048].copy_from_slice(&write(&other, &data)[0][1024..2048]);
    assert!(matches!(read(&foreign), Err(Error::Damaged { .. })));
    // A record of the same backup in the place of another.
    let mut swapped = media;
    let (first, second) = swapped.split_at_mut(1);
    let record = 1024..2048;
    first[0][record.clone()].swap_with_slice(&mut second[0][record]);
    assert!(matches!(read(&swapped), Err(Error::Damaged { .. })));
}

proptest! {
    /// Whatever is on a medium, a reader has an answer.
    #[test]
    fn any_bytes_have_an_answer(
        bytes in proptest::collection::vec(any::<u8>(), 0..3000),
        keep in 0..4000_usize,
    ) {
        // Random bytes alone, and behind a part of a medium.
        prop_assert!(read(std::slice::from_ref(&bytes)).is_err());
        let mut medium = write(&label(1), b"some data").remove(0);
        medium.truncate(keep);
        medium.extend(bytes);
        if let Ok(data) = read(&[medium]) {
            prop_assert_eq!(data, b"some data");
        }
    }
}
