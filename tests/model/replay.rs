//! Random runs that can be repeated.
//!
//! A run that fails prints its seed. `VDI_TEST_SEED`, 64 hexadecimal digits, makes the same choices
//! again, as long as `PROPTEST_CASES` and the tests are the same.

use proptest::prelude::RngCore;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::env;
use std::sync::OnceLock;

const VARIABLE: &str = "VDI_TEST_SEED";

type Seed = [u8; 32];

/// The seed of every test of this process.
fn seed() -> &'static Seed {
    static SEED: OnceLock<Seed> = OnceLock::new();
    SEED.get_or_init(|| match env::var(VARIABLE) {
        Ok(text) => {
            parse(&text).unwrap_or_else(|| panic!("{VARIABLE} is not 64 hexadecimal digits"))
        }
        Err(_) => {
            let mut seed = Seed::default();
            TestRunner::default().rng().fill_bytes(&mut seed);
            seed
        }
    })
}

fn parse(text: &str) -> Option<Seed> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut seed = Seed::default();
    for (index, byte) in seed.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(seed)
}

/// A runner with the seed of this process.
pub(crate) fn runner(config: Config) -> TestRunner {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, seed());
    TestRunner::new_with_rng(config, rng)
}

/// How to repeat the run.
pub(crate) fn hint() -> String {
    let digits: String = seed().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{VARIABLE}={digits} repeats this run")
}

#[test]
fn a_seed_is_read_as_it_is_printed() {
    let hint = hint();
    let (_, rest) = hint.split_once('=').unwrap();
    let digits = &rest[..64];
    assert_eq!(parse(digits).as_ref(), Some(seed()));
    assert_eq!(parse(&digits[1..]), None);
    assert_eq!(parse(&digits.replace(&digits[..1], "x")), None);
}
