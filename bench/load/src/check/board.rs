//! The messages on their way, when many senders write into many rooms.
//!
//! In: a message with its sender and receivers, then the bytes of each client; out: what arrived where, and which
//! message has reached all. Odd: a message is one frame in the form of its namespace, with the number of its slot, so a
//! whole frame is compared with one other frame and found; a slot has a bit for each client that the message has not reached, so all bits are clear when it is
//! done.

use std::time::Instant;

use super::faults::Fault;
use super::template::{Template, write_number};
use crate::fleet::{Fleet, Inbound, Namespaces};

/// Slots have the last four digits of a number.
const SLOTS: u64 = 10_000;

/// A message on its way, or one that has arrived.
#[derive(Debug)]
struct Slot {
    frame: Vec<u8>,
    /// The namespace whose form the frame has.
    namespace: usize,
    number: u64,
    sent: Instant,
    sender: usize,
    receivers: Vec<u32>,
    /// One bit for each client that it has not reached.
    missing: Vec<u64>,
    left: usize,
    /// The slot and number of the last message of the same sender that was on its way when this one was sent.
    earlier: Option<(usize, u64)>,
}

/// The messages on their way.
#[derive(Debug)]
pub(crate) struct Board {
    namespaces: Namespaces,
    /// One for each of them.
    templates: Vec<Template>,
    slots: Vec<Slot>,
    next: u64,
}

/// What bytes of a client were.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// How many bytes it took; 0 when no whole frame was there.
    pub(crate) used: usize,
    /// The slot and when its message was sent, if a message has arrived as it should.
    pub(crate) message: Option<(usize, Instant)>,
}

impl Board {
    /// So many messages with payloads of this size on their way at most.
    pub(crate) fn new(namespaces: Namespaces, size: usize, slots: usize, clients: usize) -> Self {
        let form = |prefix: &String| Template::msg_in(prefix, size);
        let templates: Vec<_> = namespaces.prefixes().iter().map(form).collect();
        let slot = |_| Slot {
            frame: templates[0].clone().numbered(0).to_vec(),
            namespace: 0,
            number: 0,
            sent: Instant::now(),
            sender: 0,
            receivers: Vec::new(),
            missing: vec![0; clients.div_ceil(64)],
            left: 0,
            earlier: None,
        };
        let slots = (0..slots.min(SLOTS as usize)).map(slot).collect();
        Self { namespaces, templates, slots, next: 1 }
    }

    /// Puts a message into a slot that is done; returns the number that it carries.
    pub(crate) fn send(&mut self, slot: usize, sender: usize, receivers: impl Iterator<Item = u32>) -> u64 {
        let number = self.next * SLOTS + slot as u64;
        self.next += 1;
        let of_sender =
            self.slots.iter().enumerate().filter(|(_, other)| other.left > 0 && other.sender == sender);
        let earlier = of_sender.map(|(at, other)| (at, other.number)).max_by_key(|(_, number)| *number);
        let namespace = self.namespaces.of(sender);
        let slot = &mut self.slots[slot];
        if slot.namespace == namespace {
            write_number(&mut slot.frame, self.templates[namespace].number_at(), number);
        } else {
            slot.namespace = namespace;
            slot.frame.clear();
            slot.frame.extend_from_slice(self.templates[namespace].numbered(number));
        }
        (slot.number, slot.sender, slot.earlier, slot.sent) = (number, sender, earlier, Instant::now());
        slot.receivers.clear();
        slot.receivers.extend(receivers);
        for who in &slot.receivers {
            slot.missing[*who as usize / 64] |= 1 << (who % 64);
        }
        slot.left = slot.receivers.len();
        number
    }

    /// Whether the message of a slot has reached all.
    pub(crate) fn is_done(&self, slot: usize) -> bool {
        self.slots[slot].left == 0
    }

    /// Takes the first frame off the bytes of a client.
    pub(crate) fn take(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> Arrival {
        let template = &self.templates[self.namespaces.of(who)];
        let (length, at) = (template.len(), template.number_at());
        if let Some(frame) = bytes.get(..length) {
            let slot =
                frame[at + 12..at + 16].iter().fold(0, |sum, digit| sum * 10 + usize::from(digit & 15));
            if self.slots.get(slot).is_some_and(|slot| slot.frame == frame) {
                let message = self.arrive(fleet, who, slot);
                return Arrival { used: length, message };
            }
        }
        self.take_other(fleet, who, bytes)
    }

    fn arrive(&mut self, fleet: &mut Fleet, who: usize, slot: usize) -> Option<(usize, Instant)> {
        let (word, bit) = (who / 64, 1 << (who % 64));
        if let Some((earlier, number)) = self.slots[slot].earlier {
            let earlier = &self.slots[earlier];
            if earlier.number == number && earlier.missing[word] & bit != 0 {
                fleet.fault(Fault::Reordered, who, || {
                    format!("{number} comes after {}", self.slots[slot].number)
                });
            }
        }
        let slot_of = &mut self.slots[slot];
        if slot_of.missing[word] & bit == 0 {
            let number = slot_of.number;
            let member = slot_of.receivers.iter().any(|receiver| *receiver as usize == who);
            let fault = if member { Fault::Doubled } else { Fault::Stray };
            fleet.fault(fault, who, || format!("{number} is not for it now"));
            return None;
        }
        slot_of.missing[word] &= !bit;
        slot_of.left -= 1;
        Some((slot, slot_of.sent))
    }

    #[cold]
    fn take_other(&mut self, fleet: &mut Fleet, who: usize, bytes: &[u8]) -> Arrival {
        let (used, message) = match fleet.inbound(who, bytes) {
            Inbound::Part => (0, None),
            Inbound::Handled(used) => (used, None),
            Inbound::Text(message, used) => (used, self.judge(fleet, who, message)),
            Inbound::Binary(_, used) => {
                fleet.fault(Fault::Stray, who, || "a binary message".into());
                (used, None)
            }
        };
        Arrival { used, message }
    }

    /// A message whose frame is none of those on the board.
    fn judge(&mut self, fleet: &mut Fleet, who: usize, message: &[u8]) -> Option<(usize, Instant)> {
        let number = self.templates[self.namespaces.of(who)].number_in(message);
        let slot = number.map(|number| (number % SLOTS) as usize);
        let Some((number, slot)) = number.zip(slot.filter(|slot| *slot < self.slots.len())) else {
            fleet.fault(Fault::Altered, who, || {
                String::from_utf8_lossy(&message[..message.len().min(80)]).into_owned()
            });
            return None;
        };
        match number.cmp(&self.slots[slot].number) {
            // The same message in a frame of another form.
            std::cmp::Ordering::Equal => return self.arrive(fleet, who, slot),
            // It has reached all, else its slot would be its own still.
            std::cmp::Ordering::Less => fleet.fault(Fault::Doubled, who, || format!("{number} was complete")),
            std::cmp::Ordering::Greater => {
                fleet.fault(Fault::Stray, who, || format!("{number} was never sent"))
            }
        }
        None
    }

    /// At the end of a run, everything must have come.
    pub(crate) fn settle(&self, fleet: &mut Fleet) {
        for slot in &self.slots {
            for who in slot.receivers.iter().map(|who| *who as usize) {
                if slot.missing[who / 64] & (1 << (who % 64)) != 0 {
                    fleet.fault(Fault::Lost, who, || format!("{} of client {}", slot.number, slot.sender));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
