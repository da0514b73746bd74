//! Deals pages to stripes.

use std::io::{self, Write};

use super::trailer::Trailer;
use super::wire::Block;
use super::{Digest, Hasher, Header, extent};

/// One stripe being written.
struct Stripe<W> {
    header: Header,
    sink: W,
    /// Digest of the header, the extent headers and the page checksums.
    digest: Hasher,
}

impl<W: Write> Stripe<W> {
    fn begin(header: Header, sink: W) -> io::Result<Self> {
        let block = header.encode();
        let mut stripe = Self {
            header,
            sink,
            digest: Hasher::new(),
        };
        stripe.digest.update(&block.0);
        stripe.block(&block)?;
        Ok(stripe)
    }

    /// Writes what the digest of the stripe covers.
    fn digested(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.sink.write_all(bytes)
    }

    /// Ends a record of `bytes` bytes: pads it to whole blocks and lets the sink send it.
    fn end_record(&mut self, bytes: u64) -> io::Result<()> {
        const ZEROS: [u8; 4096] = [0; 4096];
        let mut padding = self.header.geometry.padding(bytes);
        while padding > 0 {
            let part = padding.min(ZEROS.len() as u64);
            self.sink.write_all(&ZEROS[..part as usize])?;
            padding -= part;
        }
        self.sink.flush()
    }

    /// Writes a header or trailer as a record.
    fn block(&mut self, block: &Block) -> io::Result<()> {
        self.sink.write_all(&block.0)?;
        self.end_record(block.0.len() as u64)
    }
}

/// Writes a backup: takes the pages in order, then the end.
///
/// Each record (header, extent, trailer) ends with a `flush` of its sink, which means "this record
/// is complete", not "make it durable".
pub(crate) struct Writer<W> {
    stripes: Vec<Stripe<W>>,
    /// Number of the next page.
    next: u64,
    digest: Hasher,
}

impl<W: Write> Writer<W> {
    /// Begins one stripe in each sink. `header` is that of the first; there are as many sinks as
    /// it says stripes.
    pub(crate) fn new(header: &Header, sinks: Vec<W>) -> io::Result<Self> {
        header.geometry.check().map_err(io::Error::other)?;
        if sinks.len() != header.geometry.stripes as usize {
            return Err(io::Error::other("as many sinks as stripes are needed"));
        }
        let begin = |(k, sink)| Stripe::begin(header.of_stripe(k), sink);
        Ok(Self {
            stripes: (0..).zip(sinks).map(begin).collect::<io::Result<_>>()?,
            next: 1,
            digest: Hasher::new(),
        })
    }

    /// Writes the next page.
    pub(crate) fn page(&mut self, image: &[u8]) -> io::Result<()> {
        let page = self.next;
        let geometry = self.stripes[0].header.geometry;
        if image.len() != geometry.page_size as usize || page > geometry.page_count {
            return Err(io::Error::other("the database is not what its header says"));
        }
        let number = geometry.extent_of(page);
        let (first, count) = geometry.pages_of(number);
        let stripe = &mut self.stripes[geometry.stripe_of(number)];
        if page == first {
            let backup = stripe.header.backup;
            stripe.digested(&extent::header(&backup, number, first, count))?;
        }
        stripe.sink.write_all(image)?;
        stripe.digested(&extent::checksum(page, image))?;
        self.digest.update(image);
        self.next += 1;
        if self.next == first + u64::from(count) {
            stripe.end_record(geometry.extent_bytes(count))?;
        }
        Ok(())
    }

    /// Ends all stripes; gives the digest of the pages and the sinks.
    pub(crate) fn finish(mut self) -> io::Result<(Digest, Vec<W>)> {
        if self.next != self.stripes[0].header.geometry.page_count + 1 {
            return Err(io::Error::other("the database is not what its header says"));
        }
        let digest = self.digest.finish();
        for stripe in &mut self.stripes {
            let trailer = Trailer {
                stripe_digest: stripe.digest.finish().0,
                backup_digest: digest.0,
            };
            stripe.block(&trailer.encode(&stripe.header))?;
        }
        let sinks = self.stripes.into_iter().map(|stripe| stripe.sink).collect();
        Ok((digest, sinks))
    }
}
