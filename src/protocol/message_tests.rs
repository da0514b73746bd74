use super::*;

fn samples() -> Vec<Message> {
    let mut samples = vec![
        Message::Hello {
            role: Role::Server,
            instance: Vec::new(),
            name: b"{5F1C} / \xff\xfe 'x'".to_vec(),
        },
        Message::Hello {
            role: Role::Secondary,
            instance: vec![b'i'; VDI_MAX_NAME as usize],
            name: vec![b'n'; VDI_MAX_NAME as usize],
        },
        Message::Welcome {
            participant: 7,
            size: 1 << 40,
        },
        Message::Area {
            index: u32::MAX,
            size: u64::MAX,
        },
    ];
    samples.extend(KINDS.map(|kind| Message::Refused {
        kind,
        text: "the set has a server already".to_owned(),
    }));
    samples
}

/// Small generator with a fixed seed: failures repeat.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

#[test]
fn every_message_survives_the_round_trip_and_fits_a_packet() {
    for message in samples() {
        let packet = message.encode();
        assert!(packet.len() <= MAX_LEN, "{message:?}");
        assert_eq!(Message::decode(&packet), Ok(message));
    }
}

/// A packet that is cut or continued is refused. [SEC-07]
#[test]
fn every_prefix_and_every_continuation_is_refused() {
    for message in samples() {
        let mut packet = message.encode();
        for len in 0..packet.len() {
            assert!(Message::decode(&packet[..len]).is_err(), "{len} bytes");
        }
        packet.push(0);
        assert!(Message::decode(&packet).is_err());
    }
}

/// Whatever decodes is a message that encodes to the same bytes, or a text that was not UTF-8;
/// nothing panics. [SEC-07]
#[test]
fn altered_and_random_packets_never_mislead() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let samples = samples();
    for _ in 0..20_000 {
        let mut packet = samples[random.below(samples.len())].encode();
        for _ in 0..=random.below(4) {
            let at = random.below(packet.len());
            packet[at] = random.next() as u8;
        }
        check(&packet);
        let noise: Vec<u8> = (0..random.below(64)).map(|_| random.next() as u8).collect();
        check(&noise);
        let mut tagged = samples[0].encode()[..12].to_vec();
        tagged.extend(&noise);
        check(&tagged);
    }
}

fn check(packet: &[u8]) {
    match Message::decode(packet) {
        Ok(Message::Refused { text, .. }) if text.contains('\u{fffd}') => {}
        Ok(message) => assert_eq!(message.encode(), packet),
        Err(reason) => assert!(!reason.is_empty()),
    }
}

#[test]
fn foreign_magic_and_version_are_told_apart() {
    let good = samples()[0].encode();
    let mut foreign = good.clone();
    foreign[0] = b'V';
    assert!(Message::decode(&foreign).unwrap_err().contains("library"));
    let mut newer = good;
    newer[4] += 1;
    assert!(Message::decode(&newer).unwrap_err().contains("version"));
}

/// A length is checked against the limit of its field, not only against the packet. [SEC-07]
#[test]
fn names_and_texts_have_limits() {
    let longer = |len: usize| Message::Hello {
        role: Role::Server,
        instance: Vec::new(),
        name: vec![b'n'; len],
    };
    let limit = VDI_MAX_NAME as usize;
    assert!(Message::decode(&longer(limit).encode()).is_ok());
    assert!(Message::decode(&longer(limit + 1).encode()).is_err());

    // Two bytes per character: the limit falls between two of them, or into one.
    for (text, kept) in [
        ("é".repeat(400) + "x", "é".repeat(256)),
        (
            "x".to_owned() + &"é".repeat(400),
            "x".to_owned() + &"é".repeat(255),
        ),
    ] {
        let refused = Message::Refused {
            kind: ErrorKind::Busy,
            text,
        };
        let Ok(Message::Refused { text, .. }) = Message::decode(&refused.encode()) else {
            panic!("a long text is cut, not refused");
        };
        assert_eq!(text, kept);
    }
}

#[test]
fn a_text_that_is_not_utf_8_is_still_told() {
    let mut packet = Message::Refused {
        kind: ErrorKind::Security,
        text: "user x".to_owned(),
    }
    .encode();
    *packet.last_mut().unwrap() = 0xff;
    let Ok(Message::Refused { text, .. }) = Message::decode(&packet) else {
        panic!("a text in another encoding is a text");
    };
    assert_eq!(text, "user \u{fffd}");
}
