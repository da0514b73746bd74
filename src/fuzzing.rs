//! What the fuzzer does with rules that no program reaches directly. Part of fuzzing builds and of
//! the unit tests only.
//!
//! A target panics when a rule is broken. The targets that come from outside, as a program or as
//! another process of a set, are in `fuzz/targets`.

use crate::protocol::codes::VDI_MAX_NAME;
use crate::protocol::config::{self, Configuration, ServerParameters};
use crate::protocol::message::{MAX_LEN, Message};
use crate::protocol::name::{Instance, Name};

/// A packet of another process: refused, or understood as one message that fits into a packet and
/// is the same when it is sent on.
pub fn messages(packet: &[u8]) {
    let Ok(message) = Message::decode(packet) else {
        return;
    };
    let again = message.encode();
    assert!(again.len() <= MAX_LEN, "{} bytes", again.len());
    let understood = Message::decode(&again).expect("what the library sends is understood");
    match &message {
        // A text may have had bytes that are no text; it is one now, and is cut.
        Message::Refused { .. } => assert_eq!(understood.encode(), again),
        _ => assert_eq!((&understood, again.as_slice()), (&message, packet)),
    }
}

/// Names, and the words of both sides' configuration, from a peer or a program.
pub fn values(bytes: &[u8]) {
    names(bytes);
    let mut words = bytes
        .chunks_exact(4)
        .map(|chunk| u32::from_le_bytes(chunk.try_into().expect("four bytes")));
    let mut word = || words.next().unwrap_or(0);
    let lenient = word() % 2 == 1;
    let inputs = Configuration::from_words(std::array::from_fn(|_| word()));
    let parameters = ServerParameters {
        features: word(),
        block_size: word(),
        alignment: word(),
        max_transfer_size: word(),
        timeout_ms: word(),
    };
    let decided = Configuration::from_words(std::array::from_fn(|_| word()));
    configurations(inputs, &parameters, decided, lenient);
}

fn names(bytes: &[u8]) {
    let fits = bytes.len() <= VDI_MAX_NAME as usize;
    let allowed = fits && !bytes.contains(&0) && !bytes.contains(&b'\\');
    assert_eq!(Instance::new(bytes).is_ok(), allowed);
    match Name::new(bytes) {
        Ok(name) => {
            assert!(allowed && name.as_bytes() == bytes);
            assert!(!name.to_string().is_empty());
        }
        Err(_) => assert!(!allowed || bytes.is_empty()),
    }
}

fn configurations(
    inputs: Configuration,
    parameters: &ServerParameters,
    decided: Configuration,
    lenient: bool,
) {
    assert_eq!(Configuration::from_words(inputs.to_words()), inputs);
    let Ok(requested) = inputs.requested(lenient) else {
        return;
    };
    let again = requested.requested(lenient);
    assert_eq!(again.expect("what was accepted stays so"), requested);
    let plausible = decided.plausible_for(&requested);
    for (decided, certain) in [
        (requested.merged(parameters).ok(), true),
        (Some(decided), plausible),
    ] {
        let Some(decided) = decided.filter(|_| certain) else {
            continue;
        };
        assert!(decided.plausible_for(&requested));
        let (block, alignment) = (decided.block_size, decided.alignment);
        assert!(block.is_power_of_two() && (512..=65536).contains(&block));
        assert!(alignment.is_power_of_two() && (block..=65536).contains(&alignment));
        assert_eq!(decided.device_count, requested.device_count);
        assert_eq!(decided.prefix_zone_size, requested.prefix_zone_size);
        let wish = parameters.alignment;
        if let Ok(real) = config::buffer_alignment(wish, alignment) {
            assert!(real.is_power_of_two() && real >= alignment && real >= wish);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// Runs a target on the seeds and on the cases that were found.
    fn replay(name: &str, target: fn(&[u8])) {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let folders = ["seeds", "found"].map(|kind| fuzz.join(kind).join(name));
        let cases: Vec<_> = folders
            .iter()
            .filter_map(|folder| fs::read_dir(folder).ok())
            .flatten()
            .map(|case| case.unwrap().path())
            .collect();
        assert!(!cases.is_empty(), "the seeds of {name} are missing");
        for case in cases {
            println!("{}", case.display());
            target(&fs::read(case).unwrap());
        }
    }

    /// [SEC-07]
    #[test]
    fn fuzzed_messages_are_refused_or_understood() {
        replay("messages", super::messages);
    }

    #[test]
    fn fuzzed_values_keep_their_rules() {
        replay("values", super::values);
    }
}
