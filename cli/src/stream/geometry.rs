//! How pages are dealt to extents and extents to stripes: pure arithmetic, known from the header.

use std::ops::RangeInclusive;

use super::extent;

/// Page sizes that SQLite has.
const PAGE_SIZES: RangeInclusive<u32> = 512..=65536;
/// Block sizes that a device set has.
const BLOCK_SIZES: RangeInclusive<u32> = 512..=65536;
/// Most pages that a SQLite database has.
const MAX_PAGES: u64 = 4_294_967_294;
/// Most pages in one extent.
const MAX_EXTENT_PAGES: u32 = 1 << 20;
/// Most stripes, as many as a set has devices.
const MAX_STRIPES: u32 = 64;

/// The shape of a backup: the same in every stripe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Geometry {
    /// How many stripes.
    pub(crate) stripes: u32,
    /// Every record is a multiple of this.
    pub(crate) block_size: u32,
    /// Bytes of a page.
    pub(crate) page_size: u32,
    /// Pages of the database.
    pub(crate) page_count: u64,
    /// Pages of an extent; the last extent may have fewer.
    pub(crate) extent_pages: u32,
}

impl Geometry {
    /// The number of pages whose extent fits best into one transfer of `transfer` bytes.
    pub(crate) fn pages_per_transfer(transfer: u32, page_size: u32) -> u32 {
        let room = u64::from(transfer).saturating_sub(extent::HEADER_BYTES as u64);
        let pages = room / (u64::from(page_size) + extent::CHECKSUM_BYTES as u64);
        u32::try_from(pages).map_or(MAX_EXTENT_PAGES, |pages| pages.clamp(1, MAX_EXTENT_PAGES))
    }

    /// Says what is impossible about this shape, if anything.
    pub(super) fn check(&self) -> Result<(), String> {
        let power = |value: u32, range: RangeInclusive<u32>| {
            value.is_power_of_two() && range.contains(&value)
        };
        if !(1..=MAX_STRIPES).contains(&self.stripes) {
            return Err(format!(
                "has an impossible number of stripes, {}",
                self.stripes
            ));
        }
        if !power(self.block_size, BLOCK_SIZES) {
            return Err(format!("has an impossible block size, {}", self.block_size));
        }
        if !power(self.page_size, PAGE_SIZES) {
            return Err(format!("has an impossible page size, {}", self.page_size));
        }
        if self.page_count > MAX_PAGES {
            return Err(format!(
                "has an impossible number of pages, {}",
                self.page_count
            ));
        }
        if !(1..=MAX_EXTENT_PAGES).contains(&self.extent_pages) {
            return Err(format!(
                "has an impossible extent size, {}",
                self.extent_pages
            ));
        }
        Ok(())
    }

    /// Number of extents in the whole backup.
    pub(super) fn extents(&self) -> u64 {
        self.page_count.div_ceil(u64::from(self.extent_pages))
    }

    /// The stripe that holds an extent.
    pub(super) fn stripe_of(&self, extent: u64) -> usize {
        // Less than 64, so it fits.
        (extent % u64::from(self.stripes)) as usize
    }

    /// The extent that holds a page; pages count from 1.
    pub(super) fn extent_of(&self, page: u64) -> u64 {
        (page - 1) / u64::from(self.extent_pages)
    }

    /// First page of an extent, and how many follow including it.
    pub(super) fn pages_of(&self, extent: u64) -> (u64, u32) {
        let before = extent * u64::from(self.extent_pages);
        let count = (self.page_count - before).min(u64::from(self.extent_pages));
        (before + 1, count as u32)
    }

    /// Number of extents in one stripe.
    pub(super) fn extents_in(&self, stripe: u32) -> u64 {
        let stripes = u64::from(self.stripes);
        (self.extents() + stripes - 1 - u64::from(stripe)) / stripes
    }

    /// Number of pages in one stripe.
    pub(super) fn pages_in(&self, stripe: u32) -> u64 {
        let full = self.extents_in(stripe) * u64::from(self.extent_pages);
        let last = self.extents().checked_sub(1);
        match last.filter(|last| self.stripe_of(*last) == stripe as usize) {
            Some(last) => full - u64::from(self.extent_pages - self.pages_of(last).1),
            None => full,
        }
    }

    /// Bytes of an extent of `pages` pages without its padding.
    pub(super) fn extent_bytes(&self, pages: u32) -> u64 {
        let page = u64::from(self.page_size) + extent::CHECKSUM_BYTES as u64;
        extent::HEADER_BYTES as u64 + u64::from(pages) * page
    }

    /// Bytes of zeros that follow a record of `bytes` bytes.
    pub(super) fn padding(&self, bytes: u64) -> u64 {
        bytes.next_multiple_of(u64::from(self.block_size)) - bytes
    }

    /// Bytes of one whole stripe.
    pub(super) fn stripe_bytes(&self, stripe: u32) -> u64 {
        let record = |bytes: u64| bytes + self.padding(bytes);
        let header_and_trailer = 2 * u64::from(self.block_size);
        let Some(last) = self.extents().checked_sub(1) else {
            return header_and_trailer;
        };
        let full = record(self.extent_bytes(self.extent_pages));
        let short = full - record(self.extent_bytes(self.pages_of(last).1));
        let extents = self.extents_in(stripe) * full;
        if self.stripe_of(last) == stripe as usize {
            header_and_trailer + extents - short
        } else {
            header_and_trailer + extents
        }
    }

    /// Bytes of all stripes together.
    pub(crate) fn total_bytes(&self) -> u64 {
        (0..self.stripes).map(|k| self.stripe_bytes(k)).sum()
    }
}
