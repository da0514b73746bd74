use super::*;

impl Pool {
    /// For how many buffers there is room.
    pub(in crate::server) fn room(&self) -> usize {
        self.slots.capacity() + self.free.values().map(Vec::capacity).sum::<usize>()
    }
}

fn request(size: u32, alignment: u32, count: u32) -> BufferRequest {
    BufferRequest {
        size,
        alignment,
        count,
    }
}

fn pool(requests: &[BufferRequest], prefix: u32) -> Pool {
    let layout = Layout::new(requests, prefix).unwrap();
    let mut pool = Pool::default();
    pool.add(Area::create(0, layout.size).unwrap().0, &layout);
    pool
}

/// What nobody could count is refused, and what was there before is there after. [BUF-14]
#[test]
fn an_account_that_no_memory_holds_is_refused() {
    let mut pool = pool(&[request(512, 512, 3)], 0);
    let absurd = vec![request(1, 512, u32::MAX); 1 << 20];
    let layout = Layout::new(&absurd, 0).unwrap();
    assert_eq!(kind(pool.reserve(&layout)), ErrorKind::Memory);
    assert_eq!(pool.available(512, 512), 3);
}

fn kind<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("an error").kind()
}

/// Aligned, apart, each with its prefix zone before it. [BUF-03, BUF-05, BUF-07, SSET-ALLOC-02]
#[test]
fn buffers_do_not_overlap_and_are_aligned() {
    let requests = [
        request(65536, 65536, 3),
        request(512, 512, 5),
        request(5000, 1024, 4),
    ];
    for prefix in [0, 1, 512, 100_000] {
        let mut pool = pool(&requests, prefix);
        let mut ranges = Vec::new();
        for BufferRequest {
            size,
            alignment,
            count,
        } in requests
        {
            for _ in 0..count {
                let buffer = pool.allocate(size, alignment).unwrap();
                assert_eq!(buffer.address() % alignment as usize, 0);
                let start = buffer.address() - prefix as usize;
                ranges.push((start, buffer.address() + size as usize));
            }
        }
        ranges.sort_unstable();
        assert!(
            ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0),
            "{prefix}"
        );
        let span = ranges[ranges.len() - 1].1 - ranges[0].0;
        assert!(span as u64 <= pool.areas[0].size());
    }
}

/// [AMB-22, BUF-13, SSET-ALLOC-03]
#[test]
fn the_smallest_fitting_buffer_is_taken_until_none_is_left() {
    let mut pool = pool(&[request(1000, 512, 1), request(4096, 4096, 2)], 0);
    assert_eq!(pool.available(1, 512), 3);
    assert_eq!(pool.available(1000, 4096), 2);
    assert_eq!(pool.available(4097, 512), 0);
    let small = pool.allocate(700, 512).unwrap();
    assert_eq!(pool.available(1, 512), 2);
    assert_eq!(pool.available(1000, 512), 2, "the small one is gone");
    assert!(pool.allocate(700, 512).is_ok());
    assert!(pool.allocate(700, 512).is_ok());
    assert_eq!(kind(pool.allocate(1, 512)), ErrorKind::Memory);
    pool.free(small.address(), 700).unwrap();
    assert!(pool.allocate(1000, 512).is_ok(), "its whole size is back");
}

/// [SSET-FREE-02, SSET-FREE-03, SSET-SHARED-01]
#[test]
fn only_idle_allocated_buffers_can_be_freed() {
    let mut pool = pool(&[request(4096, 512, 1)], 0);
    let buffer = pool.allocate(4096, 512).unwrap();
    let address = buffer.address();
    assert!(pool.is_allocated(address));
    assert!(pool.is_allocated(address + 4095));
    assert!(!pool.is_allocated(address + 4096) && !pool.is_allocated(address - 1));
    assert_eq!(kind(pool.free(address, 4095)), ErrorKind::Invalid);
    assert_eq!(kind(pool.free(address + 512, 4096)), ErrorKind::Invalid);
    assert!(pool.lend(address, 4097).is_none());
    assert!(pool.lend(address, 4096).is_some());
    assert_eq!(kind(pool.free(address, 4096)), ErrorKind::Invalid);
    pool.take_back(address);
    pool.free(address, 4096).unwrap();
    assert_eq!(kind(pool.free(address, 4096)), ErrorKind::Invalid);
    assert!(pool.lend(address, 1).is_none());
}

/// Sums that no machine can hold are computed without overflow. [BUF-08]
#[test]
fn absurd_sums_are_refused_or_computed() {
    let huge = request(i32::MAX as u32, 65536, u32::MAX);
    let size = Layout::new(&[huge], 0).unwrap().size;
    assert!(size > 1 << 62);
    assert_eq!(
        kind(Layout::new(&[huge, huge, huge], 0)),
        ErrorKind::Invalid
    );
    assert_eq!(Layout::new(&[], 0).unwrap().size, 0);
}

/// Every alignment with sizes and prefix zones around it, in every order of two requests: each data
/// zone is aligned, no zone reaches into another one or out of the area, and the area is not much
/// larger than what is in it. [BUF-03, AMB-13]
#[test]
fn layouts_are_tight() {
    let sizes = [1, 511, 512, 4095, 4096, 4097, 65536, 100_000];
    let prefixes = [0, 1, 512, 4095, 65537, 1 << 20];
    let alignments: Vec<u32> = (0..=16).map(|bit| 1 << bit).collect();
    for (n, alignment) in alignments.iter().enumerate() {
        for size in sizes {
            for prefix in prefixes {
                let other = alignments[alignments.len() - 1 - n];
                check_layout(
                    &[request(size, *alignment, 3), request(700, other, 2)],
                    prefix,
                );
            }
        }
    }
}

fn check_layout(requests: &[BufferRequest], prefix: u32) {
    let layout = Layout::new(requests, prefix).unwrap();
    let mut end = 0;
    let mut room = 0;
    for ((size, alignment), first, stride, count) in &layout.runs {
        for n in 0..u64::from(*count) {
            let data = first + n * stride;
            assert_eq!(data % u64::from(*alignment), 0);
            assert!(data >= end + u64::from(prefix), "the prefix zone has room");
            end = data + u64::from(*size);
            room += u64::from(prefix) + u64::from(*size) + u64::from((*alignment).max(PAGE));
        }
    }
    assert!(end <= layout.size && layout.size <= room + AREA_UNIT);
}
