//! The stream reader of the tool: it takes exactly what the writer writes, and nothing else.

// The tool is a program, so its modules are taken as they are.
#[path = "../../../cli/src/stream/mod.rs"]
#[allow(dead_code, reason = "the tool uses the rest")]
mod format;

use crate::bytes::Bytes;
use format::{Error, Geometry, HEADER_BYTES, Header, Reader, Writer};
use std::io::{self, Read};

/// Bytes of a header or trailer under their checksum, which follows.
const SEALED: usize = HEADER_BYTES - 4;

/// Stripes of any bytes, or those of a backup that are then changed.
pub fn stream(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let piece = bytes.likely(&[65536, 65536, 1, 7]).max(1) as usize;
    if bytes.below(2) == 0 {
        judge(&cut(&mut bytes), piece);
        return;
    }
    let written = backup(&mut bytes);
    let mut stripes = written.clone();
    while let Some(edit) = bytes.next() {
        change(&mut stripes, edit, &mut bytes);
    }
    assert!(judge(&stripes, piece) || stripes != written);
}

/// Up to four stripes.
fn cut(bytes: &mut Bytes<'_>) -> Vec<Vec<u8>> {
    let count = bytes.below(5);
    let mut stripes: Vec<_> = (1..count)
        .map(|_| {
            let length = bytes.u16().into();
            bytes.take(length).to_vec()
        })
        .collect();
    if count > 0 {
        stripes.push(bytes.rest().to_vec());
    }
    stripes
}

/// The stripes of a small backup.
pub(crate) fn backup(bytes: &mut Bytes<'_>) -> Vec<Vec<u8>> {
    let geometry = Geometry {
        stripes: 1 + bytes.below(4) as u32,
        block_size: 512 << bytes.below(3),
        page_size: 512 << bytes.below(2),
        page_count: bytes.below(12) as u64,
        extent_pages: 1 + bytes.below(4) as u32,
    };
    let length = bytes.below(40);
    let name = String::from_utf8_lossy(bytes.take(length)).into_owned();
    let header = Header {
        backup: [bytes.u8(); 16],
        stripe: 0,
        geometry,
        created: bytes.u32().into(),
        name,
    };
    let pages: Vec<_> = (0..geometry.page_count)
        .map(|_| vec![bytes.u8(); geometry.page_size as usize])
        .collect();
    write(&header, &pages)
}

fn write(header: &Header, pages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let sinks = vec![Vec::new(); header.geometry.stripes as usize];
    let mut writer = Writer::new(header, sinks).expect("as many sinks as stripes");
    for page in pages {
        writer.page(page).expect("a page as announced");
    }
    writer.finish().expect("all pages are written").1
}

/// Changes one stripe, or which there are; the checksums of header and trailer may be made to fit.
fn change(stripes: &mut Vec<Vec<u8>>, edit: u8, bytes: &mut Bytes<'_>) {
    let count = stripes.len().max(1);
    let number = bytes.below(count);
    let other = stripes.get(bytes.below(count)).cloned().unwrap_or_default();
    let Some(stripe) = stripes.get_mut(number) else {
        return;
    };
    let at = usize::from(bytes.u16()) % stripe.len().max(1);
    let end = (at + bytes.below(64)).min(stripe.len());
    match edit % 9 {
        0 if at < stripe.len() => stripe[at] ^= bytes.u8(),
        1 => stripe.truncate(at),
        2 => stripe.extend(bytes.take(end - at)),
        3 => drop(stripe.drain(at..end)),
        4 if stripe.len() < 1 << 16 => stripe.splice(at..at, other).for_each(drop),
        5 if at % 2 == 0 => stripes.push(other),
        5 => drop(stripes.remove(number)),
        6 => reseal(stripe, 0, at, bytes),
        7 => {
            let trailers = stripe.len() / 512;
            let trailer = (1..=trailers)
                .rev()
                .map(|block| stripe.len() - 512 * (trailers + 1 - block))
                .find(|start| stripe[*start..].starts_with(b"vdi-tail"));
            reseal(stripe, trailer.unwrap_or(0), at, bytes);
        }
        8 => {
            reseal(stripe, 0, at, bytes);
            forge(stripe);
        }
        _ => {}
    }
}

/// Changes a field of a header or trailer, with the right checksum.
fn reseal(stripe: &mut [u8], start: usize, at: usize, bytes: &mut Bytes<'_>) {
    let Some(block) = stripe.get_mut(start..start + HEADER_BYTES) else {
        return;
    };
    let at = at % SEALED;
    let value = bytes.likely(&[0, 1, 2, 3, 512, 4096, 65536, 64, 255]);
    let end = (at + 4).min(SEALED);
    block[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
    seal(block);
}

fn seal(block: &mut [u8]) {
    let checksum = crc32c::crc32c(&block[..SEALED]);
    block[SEALED..].copy_from_slice(&checksum.to_le_bytes());
}

/// Makes the digest of a stripe fit, as somebody can who changes it on purpose: `docs/stream-format.md`.
/// `None` if the stripe is not long enough for what its header says.
fn forge(stripe: &mut [u8]) -> Option<()> {
    let field = |at: usize| {
        let bytes = stripe.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let (block, number, count) = (field(12)?, field(32)?, field(36)?);
    let (page_size, pages_each, pages) = (field(40)?, field(44)?, field(48)?);
    let mut digest = blake3::Hasher::new();
    digest.update(stripe.get(..HEADER_BYTES)?);
    let mut at = block;
    let mut first = number.checked_mul(pages_each)?;
    while first < pages {
        digest.update(stripe.get(at..at + 32)?);
        at += 32;
        for _ in first..pages.min(first + pages_each) {
            at += page_size;
            digest.update(stripe.get(at..at + 4)?);
            at += 4;
        }
        at = at.checked_next_multiple_of(block)?;
        first = first.checked_add(count.checked_mul(pages_each)?)?;
    }
    let trailer = stripe.get_mut(at..at + HEADER_BYTES)?;
    trailer[64..96].copy_from_slice(digest.finalize().as_bytes());
    seal(trailer);
    Some(())
}

/// Reads stripes. What is accepted is just what a writer makes of its header and pages.
fn judge(stripes: &[Vec<u8>], piece: usize) -> bool {
    let sources = stripes.iter().map(|stripe| Pieces(stripe, piece)).collect();
    let Ok((header, pages)) = read(sources) else {
        return false;
    };
    let mut accepted = stripes.to_vec();
    let mut written = write(&header, &pages);
    accepted.sort();
    written.sort();
    assert!(accepted == written, "a changed stream is accepted");
    true
}

fn read(sources: Vec<Pieces<'_>>) -> Result<(Header, Vec<Vec<u8>>), Error> {
    let mut reader = Reader::open(sources)?;
    let header = reader.header().clone();
    let mut pages = Vec::new();
    while let Some(page) = reader.page()? {
        pages.push(page.to_vec());
    }
    reader.finish().map(|_| (header, pages))
}

/// Bytes that come a few at a time.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = into.len().min(self.1);
        self.0.read(&mut into[..length])
    }
}
