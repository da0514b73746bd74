//! Round trips of random shapes, and what a reader makes of every kind of damage.

use std::io::Write;

use super::wire::Block;
use super::{Digest, Error, Geometry, HEADER_BYTES, Header, Reader, Writer};

/// A small generator of the same numbers in every run (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

fn header(geometry: Geometry, backup: u8) -> Header {
    Header {
        backup: [backup; 16],
        stripe: 0,
        geometry,
        created: 1_700_000_000,
        name: "orders.sqlite".into(),
    }
}

const SMALL: Geometry = Geometry {
    stripes: 3,
    block_size: 512,
    page_size: 512,
    page_count: 11,
    extent_pages: 2,
};

fn write(header: &Header, pages: &[Vec<u8>]) -> (Digest, Vec<Vec<u8>>) {
    let sinks = vec![Vec::new(); header.geometry.stripes as usize];
    let mut writer = Writer::new(header, sinks).unwrap();
    for page in pages {
        writer.page(page).unwrap();
    }
    writer.finish().unwrap()
}

fn read(stripes: &[Vec<u8>]) -> Result<(Digest, Vec<Vec<u8>>), Error> {
    let sources = stripes.iter().map(Vec::as_slice).collect();
    let mut reader = Reader::open(sources)?;
    let mut pages = Vec::new();
    while let Some(page) = reader.page()? {
        pages.push(page.to_vec());
    }
    Ok((reader.finish()?, pages))
}

/// The reason and the stripe of a refusal.
fn refusal(stripes: &[Vec<u8>]) -> (Option<usize>, String) {
    match read(stripes) {
        Ok(_) => panic!("accepted"),
        Err(Error::Refused { source, reason }) => (source, reason),
        Err(Error::Io { error, .. }) => panic!("{error}"),
    }
}

fn small(backup: u8) -> Vec<Vec<u8>> {
    let mut random = Random(7);
    let pages: Vec<_> = (0..SMALL.page_count).map(|_| random.bytes(512)).collect();
    write(&header(SMALL, backup), &pages).1
}

#[test]
fn random_shapes_come_back_in_any_order() {
    let mut random = Random(1);
    for _ in 0..300 {
        let geometry = Geometry {
            stripes: 1 + random.below(6) as u32,
            block_size: 512 << random.below(4),
            page_size: 512 << random.below(3),
            page_count: random.below(40),
            extent_pages: 1 + random.below(9) as u32,
        };
        let pages: Vec<_> = (0..geometry.page_count)
            .map(|_| random.bytes(geometry.page_size as usize))
            .collect();
        let (digest, mut stripes) = write(&header(geometry, 1), &pages);
        for (k, stripe) in (0..).zip(&stripes) {
            assert_eq!(
                stripe.len() as u64,
                geometry.stripe_bytes(k),
                "{geometry:?}"
            );
            assert_eq!(stripe.len() % geometry.block_size as usize, 0, "BUF-20");
        }
        let total: usize = stripes.iter().map(Vec::len).sum();
        assert_eq!(total as u64, geometry.total_bytes());
        stripes.rotate_left(random.below(u64::from(geometry.stripes)) as usize);
        assert_eq!(read(&stripes).unwrap(), (digest, pages), "{geometry:?}");
    }
}

#[test]
fn the_digest_is_that_of_the_database_file() {
    let pages: Vec<_> = (0..11_u8).map(|k| vec![k; 512]).collect();
    let (digest, _) = write(&header(SMALL, 1), &pages);
    assert_eq!(digest.0, *blake3::hash(&pages.concat()).as_bytes());
}

#[test]
fn an_extent_and_its_padding_end_with_one_flush() {
    struct Records(Vec<usize>, usize);
    impl Write for Records {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.1 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            self.0.push(std::mem::take(&mut self.1));
            Ok(())
        }
    }
    let geometry = Geometry {
        stripes: 1,
        block_size: 65536,
        page_size: 4096,
        page_count: 300,
        extent_pages: Geometry::pages_per_transfer(1 << 20, 4096),
    };
    let mut writer = Writer::new(&header(geometry, 1), vec![Records(vec![], 0)]).unwrap();
    for _ in 0..300 {
        writer.page(&[9; 4096]).unwrap();
    }
    let (_, sinks) = writer.finish().unwrap();
    assert_eq!(sinks[0].0, [65536, 1 << 20, 196_608, 65536]);
}

#[test]
fn every_changed_byte_is_refused() {
    let whole = small(1);
    for stripe in 0..whole.len() {
        for at in 0..whole[stripe].len() {
            let mut stripes = whole.clone();
            stripes[stripe][at] ^= 1 << (at % 8);
            refusal(&stripes);
        }
    }
}

#[test]
fn every_cut_and_every_addition_is_refused() {
    let whole = small(1);
    for length in 0..whole[1].len() {
        let mut stripes = whole.clone();
        stripes[1].truncate(length);
        assert_eq!(refusal(&stripes).0, Some(1), "cut to {length}");
    }
    let mut longer = whole;
    longer[2].push(0);
    let (source, reason) = refusal(&longer);
    assert_eq!(source, Some(2));
    assert!(reason.contains("goes on after its end"), "{reason}");
}

#[test]
fn a_set_that_is_not_one_backup_is_refused() {
    let (ours, theirs) = (small(1), small(2));
    let (source, reason) = refusal(&[ours[0].clone(), ours[2].clone()]);
    assert_eq!(source, None);
    assert!(reason.contains("missing: 2"), "{reason}");

    let (source, reason) = refusal(&[ours[0].clone(), ours[1].clone(), ours[1].clone()]);
    assert_eq!(source, Some(2));
    assert!(reason.contains("stripe 2 of 3 a second time"), "{reason}");

    let (source, reason) = refusal(&[ours[0].clone(), theirs[1].clone(), ours[2].clone()]);
    assert_eq!(source, Some(1));
    assert!(reason.contains("another backup"), "{reason}");

    assert_eq!(refusal(&[]).0, None);
}

#[test]
fn data_of_another_stripe_or_backup_is_refused() {
    let (ours, theirs) = (small(1), small(2));
    let data = HEADER_BYTES..;
    // The same pages under the right header, but from another backup (same geometry).
    let mut stripes = ours.clone();
    stripes[1][data.clone()].copy_from_slice(&theirs[1][data.clone()]);
    assert!(refusal(&stripes).1.contains("another stripe or backup"));
    // Stripes whose data was swapped. Both have the same length.
    let mut stripes = ours.clone();
    stripes[0][data.clone()].copy_from_slice(&ours[1][data]);
    assert!(refusal(&stripes).1.contains("another stripe or backup"));
}

#[test]
fn a_page_replaced_with_a_right_checksum_is_refused() {
    let mut stripes = small(1);
    let page = [3_u8; 512];
    let at = HEADER_BYTES + super::extent::HEADER_BYTES;
    stripes[0][at..at + 512].copy_from_slice(&page);
    stripes[0][at + 512..at + 516].copy_from_slice(&super::extent::checksum(1, &page));
    assert!(refusal(&stripes).1.contains("digest"));
}

#[test]
fn absurd_headers_are_refused_before_anything_is_allocated() {
    let seal = |change: &dyn Fn(&mut Block)| {
        let mut block = header(SMALL, 1).encode();
        change(&mut block);
        vec![block.sealed().0.to_vec()]
    };
    let absurd: [(&str, usize, u32); 9] = [
        ("format version 2", 8, 2),
        ("impossible block size", 12, 3),
        ("impossible block size", 12, 1 << 31),
        ("impossible stripe number", 32, 3),
        ("impossible number of stripes", 36, 65),
        ("impossible page size", 40, 1 << 30),
        ("impossible extent size", 44, 0),
        ("impossible number of pages", 52, u32::MAX),
        ("impossible name length", 64, 256),
    ];
    for (expected, at, value) in absurd {
        let (_, reason) = refusal(&seal(&|block| block.put_u32(at, value)));
        assert!(reason.contains(expected), "{at}: {reason}");
    }
}

/// A forger can make every checksum and digest fit; what then follows is still one stream and no other.
#[test]
fn a_header_with_more_than_its_fields_is_refused() {
    let of = |name: &str, change: &dyn Fn(&mut Block)| {
        let mut header = header(SMALL, 1);
        header.name = name.into();
        let mut block = header.encode();
        change(&mut block);
        Header::decode(block.sealed().0)
    };
    assert!(of("orders", &|_| ()).is_ok());
    let refused = [
        of("orders", &|block| block.put(400, &[1])),
        of("orders", &|block| block.put(68 + 6, b"x")),
        of("orders", &|block| block.put(68, &[0xff])),
    ];
    for header in refused {
        assert!(header.unwrap_err().contains("no writer makes"));
    }
}

#[test]
fn hostile_bytes_never_panic() {
    let mut random = Random(3);
    for round in 0..3000 {
        let length = random.below(3000) as usize;
        let mut bytes = random.bytes(length);
        if round % 2 == 0 && length >= HEADER_BYTES {
            // A header that passes its checksum, with fields at random.
            let mut block = header(SMALL, 1).encode();
            for _ in 0..3 {
                let at = 8 + 4 * random.below(16) as usize;
                block.put_u32(at, random.next() as u32);
            }
            bytes[..HEADER_BYTES].copy_from_slice(&block.sealed().0);
        }
        assert!(read(&[bytes]).is_err());
    }
}

#[test]
fn a_writer_refuses_what_its_header_does_not_say() {
    let mut writer = Writer::new(&header(SMALL, 1), vec![Vec::new(); 3]).unwrap();
    assert!(writer.page(&[0; 511]).is_err());
    for _ in 0..SMALL.page_count {
        writer.page(&[0; 512]).unwrap();
    }
    assert!(writer.page(&[0; 512]).is_err());
    let unfinished = Writer::new(&header(SMALL, 1), vec![Vec::new(); 3]).unwrap();
    assert!(unfinished.finish().is_err());
    assert!(Writer::new(&header(SMALL, 1), vec![Vec::new(); 2]).is_err());
}

#[test]
fn names_are_cut_between_characters() {
    let name = "ö".repeat(200);
    let header = Header {
        name,
        ..header(SMALL, 1)
    };
    let again = Header::decode(header.encode().0).unwrap();
    assert_eq!(again.name, "ö".repeat(127));
}
