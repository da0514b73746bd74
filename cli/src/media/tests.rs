//! Round trips, and what a reader makes of every kind of damage.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::record::{HEADER_BYTES, Record};
use super::{BackupType, Error, File, Kind, Label, Reader, Writer, end_of, pass};

fn label(families: u32) -> Label {
    Label {
        media_set: "0a".into(),
        position: 1,
        backup: "0b".into(),
        family: 1,
        families,
        block_size: 512,
        record_size: 1024,
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
    let mut writer = Writer::new(label, sinks).unwrap();
    for part in data.chunks(777) {
        writer.write(part).unwrap();
    }
    assert_eq!(writer.finish().unwrap(), data.len() as u64);
    writer.sinks().to_vec()
}

fn read(media: &[Vec<u8>]) -> Result<Vec<u8>, Error> {
    fn begin((device, mut medium): (usize, &[u8])) -> Result<(&[u8], Label), Error> {
        let label = Label::read(device, &mut medium)?;
        Ok((medium, label))
    }
    let media = media.iter().map(Vec::as_slice).enumerate();
    let mut reader = Reader::open(media.map(begin).collect::<Result<_, _>>()?)?;
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
    assert!(Writer::new(&huge, vec![Vec::new()]).is_err());
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

/// Where a set ends is found without reading it, and by reading it, and is the same place; nothing
/// behind it matters. Of a set that is cut off, no end is found.
#[test]
fn the_end_of_a_set() {
    for families in [1, 3] {
        for length in [0, 1, 992, 993, 5000, 50_000, 300_000] {
            for (k, medium) in write(&label(families), &bytes(length))
                .into_iter()
                .enumerate()
            {
                let (label, start) = Label::decode(&medium).unwrap();
                let start = start.next_multiple_of(512);
                let end = medium.len();
                let mut longer = medium.clone();
                longer.extend(write(&label_of_another(families), &bytes(70_000)).swap_remove(k));
                let mut looks = 0;
                let mut find = |medium: &[u8]| {
                    let mut look = |at: u64| {
                        looks += 1;
                        let rest = medium.get(at as usize..).unwrap_or_default();
                        Ok::<_, ()>(rest[..rest.len().min(512)].to_vec())
                    };
                    end_of(&label, start as u64, &mut look).unwrap()
                };
                assert_eq!(find(&longer), Some(end as u64), "{families} {length}");
                // What is left of an older backup with records at the same places.
                let older = write(&label_of_another(families), &bytes(400_000)).swap_remove(k);
                let stale = [&medium, &older[end..]].concat();
                assert_eq!(find(&stale), Some(end as u64));
                // Records of this one, but in wrong places.
                let record = &medium[start..start + 512];
                let copied = [&medium[..], &record.repeat(700)].concat();
                assert_eq!(find(&copied), Some(end as u64));
                assert_eq!(find(&medium[..end - 512]), None);
                assert_eq!(find(&longer[..start]), None);
                assert!(looks < 90, "{looks} looks at {length} bytes");
                let mut stream = &longer[start..];
                pass(0, &mut stream, &label).unwrap();
                assert_eq!(stream.len(), longer.len() - end);
                let mut cut = &medium[start..end - 1];
                assert!(matches!(
                    pass(0, &mut cut, &label),
                    Err(Error::Short { device: 0 })
                ));
            }
        }
    }
}

/// A record that comes again, as from a medium that is put in again and again, ends the reading at
/// once.
#[test]
fn a_record_that_comes_again() {
    let medium = write(&label(1), &bytes(5000)).remove(0);
    let (label, start) = Label::decode(&medium).unwrap();
    let start = start.next_multiple_of(512);
    let again = medium[start..start + 1024].repeat(9);
    let mut stream = again.as_slice();
    let passed = pass(0, &mut stream, &label);
    assert!(matches!(passed, Err(Error::Damaged { device: 0, .. })));
    assert_eq!(stream.len(), 7 * 1024);
}

/// Of a terabyte, some fifty blocks are looked at.
#[test]
fn the_end_of_a_large_set() {
    let label = Label {
        record_size: 65536,
        ..label(1)
    };
    let (records, full) = (1 << 24, vec![0; 65536 - HEADER_BYTES]);
    let mut looks = 0;
    let mut look = |at: u64| {
        looks += 1;
        assert!(looks < 60);
        let number = at.saturating_sub(512) / 65536;
        let record = match number.cmp(&records) {
            Ordering::Less => Record::new(&label.backup, false, number, &full),
            Ordering::Equal => Record::new(&label.backup, true, number, &[0; 40]),
            Ordering::Greater => return Ok::<_, ()>(Vec::new()),
        };
        Ok(record.encode().to_vec())
    };
    let end = end_of(&label, 512, &mut look).unwrap();
    assert_eq!(end, Some(512 + (records << 16) + 512));
    assert!(looks > 30, "{looks} looks");
}

/// Another backup, with the same sizes.
fn label_of_another(families: u32) -> Label {
    Label {
        position: 2,
        backup: "0c".into(),
        ..label(families)
    }
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

/// Overwrites blocks: with copies of others, which are records in wrong places, or with zeros.
fn hurt(medium: &mut [u8], wounds: &[(usize, Option<usize>)]) {
    let blocks = medium.len() / 512;
    for (at, from) in wounds {
        let at = at % blocks * 512;
        match from {
            Some(from) => {
                let from = from % blocks * 512;
                medium.copy_within(from..from + 512, at);
            }
            None => medium[at..at + 512].fill(0),
        }
    }
}

proptest! {
    /// Whatever happens to a backup, its end is found in its place or not at all.
    #[test]
    fn no_wrong_end_is_found(
        families in 1..4_u32,
        family in 0..3_usize,
        length in 0..20_000_usize,
        wounds in proptest::collection::vec((any::<usize>(), any::<Option<usize>>()), 0..12),
    ) {
        let mut media = write(&label(families), &bytes(length));
        let mut medium = media.swap_remove(family % media.len());
        let (label, start) = Label::decode(&medium).unwrap();
        let start = start.next_multiple_of(512);
        let end = medium.len();
        // Another backup follows, of which parts can get into this one, and this into that one.
        medium.extend(write(&label_of_another(1), &bytes(5000)).remove(0));
        let mut tail = medium.split_off(start);
        hurt(&mut tail, &wounds);
        medium.extend(tail);
        let mut look = |at: u64| {
            let rest = medium.get(at as usize..).unwrap_or_default();
            Ok::<_, ()>(rest[..rest.len().min(512)].to_vec())
        };
        let found = end_of(&label, start as u64, &mut look).unwrap();
        prop_assert!(found.is_none() || found == Some(end as u64), "{found:?} is not {end}");
        let mut stream = &medium[start..];
        if pass(0, &mut stream, &label).is_ok() {
            prop_assert_eq!(medium.len() - stream.len(), end);
        }
    }

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
