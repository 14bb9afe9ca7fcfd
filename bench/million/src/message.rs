//! What clients say, and what they expect to hear for it: texts of a fixed length that name themselves.
//!
//! In: room and number. Out: the packet of a client, or the one that every receiver must get, byte for byte. What is
//! odd: broadcasts and messages to rooms are numbered apart, so that a receiver knows the next one of both.

/// Bytes of a payload.
const SIZE: usize = 64;
/// Room and number, eight digits each, lie in it from here on.
const ROOM: usize = 2;
const NUMBER: usize = 11;

const HEAD: &[u8] = br#"42["msg",""#;
const TAIL: &[u8] = br#""]"#;

/// To whom a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    All,
    Room(u32),
}

/// The packet that a receiver gets.
pub(crate) type Packet = [u8; HEAD.len() + SIZE + TAIL.len()];

/// The packet with which message `number` arrives.
pub(crate) fn expected(scope: Scope, number: u32) -> Packet {
    let mut packet = [0; _];
    packet[..HEAD.len()].copy_from_slice(HEAD);
    packet[HEAD.len()..HEAD.len() + SIZE].copy_from_slice(&payload(scope, number));
    packet[HEAD.len() + SIZE..].copy_from_slice(TAIL);
    packet
}

/// Whether a packet is a message to the receiver's room, to all, or none of both.
pub(crate) fn is_to_room(packet: &[u8]) -> Option<bool> {
    match packet.strip_prefix(HEAD)?.first()? {
        b'r' => Some(true),
        b'b' => Some(false),
        _ => None,
    }
}

/// The packet with which a client sends message `number`.
pub(crate) fn send(scope: Scope, number: u32) -> String {
    let payload = payload(scope, number);
    let payload = std::str::from_utf8(&payload).expect("digits and letters");
    match scope {
        Scope::All => format!(r#"42["broadcast","{payload}"]"#),
        Scope::Room(room) => format!(r#"42["room","{}","{payload}"]"#, name(room)),
    }
}

/// The packet with which a client asks to join a room; its answer is [`JOINED`].
pub(crate) fn join(room: u32) -> String {
    format!(r#"421["join","{}"]"#, name(room))
}

/// The answer to [`join`].
pub(crate) const JOINED: &[u8] = b"431[]";

fn name(room: u32) -> String {
    format!("room {room}")
}

fn payload(scope: Scope, number: u32) -> [u8; SIZE] {
    let mut payload = *b"b 00000000 00000000 as long as a line of chat often is, no more.";
    if let Scope::Room(room) = scope {
        payload[0] = b'r';
        write(&mut payload[ROOM..ROOM + 8], room);
    }
    write(&mut payload[NUMBER..NUMBER + 8], number);
    payload
}

fn write(digits: &mut [u8], mut number: u32) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(scope: Scope, number: u32) -> String {
        String::from_utf8(expected(scope, number).to_vec()).unwrap()
    }

    #[test]
    fn what_is_sent_is_what_is_expected() {
        for (scope, event) in [(Scope::All, r#""broadcast""#), (Scope::Room(17), r#""room","room 17""#)] {
            let sent = send(scope, 12_345_678);
            assert_eq!(sent.replace(event, r#""msg""#), text(scope, 12_345_678));
        }
    }

    #[test]
    fn no_two_messages_are_alike_and_each_says_whom_it_is_for() {
        let texts: std::collections::HashSet<_> = (0..50)
            .flat_map(|n| [text(Scope::All, n), text(Scope::Room(0), n), text(Scope::Room(1), n)])
            .collect();
        assert_eq!(texts.len(), 150);
        assert_eq!(is_to_room(&expected(Scope::Room(3), 1)), Some(true));
        assert_eq!(is_to_room(&expected(Scope::All, 1)), Some(false));
        assert_eq!(is_to_room(br#"42["other"]"#), None);
    }
}
