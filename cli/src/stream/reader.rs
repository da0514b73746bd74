//! Brings the stripes of a backup together and gives its pages back in order.
//!
//! A reader believes nothing: every byte of a stripe is either compared with the only value it can
//! have or covered by a checksum and a digest. It allocates one page, whatever the stripes say.

use std::io::{self, Read};

use super::trailer::Trailer;
use super::wire::HEADER_BYTES;
use super::{Digest, Error, Geometry, Hasher, Header, extent};

/// One stripe being read.
struct Stripe<R> {
    /// Its place among the sources, for messages.
    source: usize,
    header: Header,
    input: Input<R>,
    /// Digest of the header, the extent headers and the page checksums.
    digest: Hasher,
}

impl<R: Read> Stripe<R> {
    /// Reads the header block.
    fn begin(source: usize, input: R) -> Result<Self, Error> {
        let mut input = Input { input, at: 0 };
        let mut block = [0; HEADER_BYTES];
        input.exact(source, &mut block, None)?;
        let header = Header::decode(block).map_err(|reason| Error::refused(source, reason))?;
        let mut stripe = Self {
            source,
            header,
            input,
            digest: Hasher::new(),
        };
        stripe.digest.update(&block);
        stripe.end_record(HEADER_BYTES as u64)?;
        Ok(stripe)
    }

    fn refused(&self, reason: impl Into<String>) -> Error {
        Error::refused(self.source, reason)
    }

    fn exact(&mut self, into: &mut [u8]) -> Result<(), Error> {
        let geometry = &self.header.geometry;
        let length = geometry.stripe_bytes(self.header.stripe);
        self.input.exact(self.source, into, Some(length))
    }

    /// Reads the padding after a record of `bytes` bytes; it is zero.
    fn end_record(&mut self, bytes: u64) -> Result<(), Error> {
        let mut padding = self.header.geometry.padding(bytes);
        let mut part = [0; 4096];
        while padding > 0 {
            let length = padding.min(part.len() as u64) as usize;
            let part = &mut part[..length];
            self.exact(part)?;
            if part.iter().any(|byte| *byte != 0) {
                return Err(self.refused(format!("is altered before byte {}", self.input.at)));
            }
            padding -= length as u64;
        }
        Ok(())
    }

    /// Reads the header of the extent that comes next.
    fn extent(&mut self, number: u64) -> Result<(), Error> {
        let (first, count) = self.header.geometry.pages_of(number);
        let mut bytes = [0; extent::HEADER_BYTES];
        self.exact(&mut bytes)?;
        if bytes != extent::header(&self.header.backup, number, first, count) {
            return Err(self.refused(format!(
                "is altered, or holds data of another stripe or backup, before byte {}",
                self.input.at
            )));
        }
        self.digest.update(&bytes);
        Ok(())
    }

    /// Reads a page.
    fn page(&mut self, page: u64, image: &mut [u8]) -> Result<(), Error> {
        let mut checksum = [0; extent::CHECKSUM_BYTES];
        self.exact(image)?;
        self.exact(&mut checksum)?;
        if checksum != extent::checksum(page, image) {
            return Err(self.refused(format!("is altered: page {page} fails its checksum")));
        }
        self.digest.update(&checksum);
        Ok(())
    }

    /// Reads the trailer and the end.
    fn finish(&mut self, backup: Digest) -> Result<(), Error> {
        let mut block = [0; HEADER_BYTES];
        self.exact(&mut block)?;
        let trailer = Trailer::decode(block, &self.header).map_err(|why| self.refused(why))?;
        self.end_record(HEADER_BYTES as u64)?;
        if trailer.stripe_digest != self.digest.finish().0 {
            return Err(self.refused("is altered: its digest does not match"));
        }
        if trailer.backup_digest != backup.0 {
            return Err(self.refused("does not match the digest of the whole backup"));
        }
        if self.input.has_more(self.source)? {
            return Err(self.refused(format!("goes on after its end at byte {}", self.input.at)));
        }
        Ok(())
    }
}

/// A source, and how far it was read.
struct Input<R> {
    input: R,
    at: u64,
}

impl<R: Read> Input<R> {
    fn exact(
        &mut self,
        source: usize,
        mut into: &mut [u8],
        length: Option<u64>,
    ) -> Result<(), Error> {
        while !into.is_empty() {
            match self.input.read(into) {
                Ok(0) => return Err(Error::refused(source, self.cut_off(length))),
                Ok(count) => {
                    self.at += count as u64;
                    into = &mut into[count..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::Io { source, error }),
            }
        }
        Ok(())
    }

    fn cut_off(&self, length: Option<u64>) -> String {
        match (self.at, length) {
            (0, None) => "is empty".into(),
            (at, None) => format!("is cut off after {at} bytes"),
            (at, Some(length)) => format!("is cut off: {at} of {length} bytes"),
        }
    }

    fn has_more(&mut self, source: usize) -> Result<bool, Error> {
        match self.input.read(&mut [0]) {
            Ok(count) => Ok(count > 0),
            Err(error) => Err(Error::Io { source, error }),
        }
    }
}

/// Reads a backup: gives the pages in order, then checks the end.
pub(crate) struct Reader<R> {
    /// In the order of their numbers.
    stripes: Vec<Stripe<R>>,
    geometry: Geometry,
    /// Number of the next page.
    next: u64,
    image: Vec<u8>,
    digest: Hasher,
}

impl<R: Read> Reader<R> {
    /// Reads the headers of the stripes, which may come in any order, and checks that together
    /// they are one whole backup.
    pub(crate) fn open(sources: Vec<R>) -> Result<Self, Error> {
        let begin = |(source, input)| Stripe::begin(source, input);
        let mut stripes = sources
            .into_iter()
            .enumerate()
            .map(begin)
            .collect::<Result<Vec<_>, Error>>()?;
        let Some(first) = stripes.first() else {
            return Err(Error::Refused {
                source: None,
                reason: "no stripe was given".into(),
            });
        };
        let geometry = first.header.geometry;
        check_set(&stripes)?;
        stripes.sort_by_key(|stripe| stripe.header.stripe);
        Ok(Self {
            stripes,
            geometry,
            next: 1,
            image: vec![0; geometry.page_size as usize],
            digest: Hasher::new(),
        })
    }

    /// The header of the first stripe.
    pub(crate) fn header(&self) -> &Header {
        &self.stripes[0].header
    }

    /// Reads the next page; none after the last.
    pub(crate) fn page(&mut self) -> Result<Option<&[u8]>, Error> {
        let page = self.next;
        if page > self.geometry.page_count {
            return Ok(None);
        }
        let number = self.geometry.extent_of(page);
        let (first, count) = self.geometry.pages_of(number);
        let stripe = &mut self.stripes[self.geometry.stripe_of(number)];
        if page == first {
            stripe.extent(number)?;
        }
        stripe.page(page, &mut self.image)?;
        self.digest.update(&self.image);
        self.next += 1;
        if self.next == first + u64::from(count) {
            stripe.end_record(self.geometry.extent_bytes(count))?;
        }
        Ok(Some(&self.image))
    }

    /// Checks the ends of all stripes after the last page; gives the digest of the pages.
    pub(crate) fn finish(&mut self) -> Result<Digest, Error> {
        let digest = self.digest.finish();
        for stripe in &mut self.stripes {
            stripe.finish(digest)?;
        }
        Ok(digest)
    }
}

/// Checks that the stripes are all those of one backup, each once.
fn check_set<R: Read>(stripes: &[Stripe<R>]) -> Result<(), Error> {
    let Some(first) = stripes.first() else {
        return Ok(());
    };
    let count = first.header.geometry.stripes;
    let mut given = vec![false; count as usize];
    for stripe in stripes {
        if stripe.header.backup != first.header.backup {
            return Err(stripe.refused("belongs to another backup than the first one given"));
        }
        let expected = first.header.of_stripe(stripe.header.stripe);
        if stripe.header != expected {
            return Err(stripe.refused("contradicts the header of the first one given"));
        }
        let number = stripe.header.stripe + 1;
        let Some(place) = given.get_mut(stripe.header.stripe as usize) else {
            return Err(stripe.refused(format!("has an impossible stripe number, {number}")));
        };
        if std::mem::replace(place, true) {
            return Err(stripe.refused(format!("is stripe {number} of {count} a second time")));
        }
    }
    let missing: Vec<String> = (1..)
        .zip(given)
        .filter(|(_, given)| !given)
        .map(|(number, _): (u32, _)| number.to_string())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::Refused {
        source: None,
        reason: format!(
            "of the {count} stripes of this backup these are missing: {}; give all of them",
            missing.join(", ")
        ),
    })
}
