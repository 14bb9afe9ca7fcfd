use super::*;
use crate::check::Faults;
use crate::frame::{Kind, push_plain};
use crate::measure::Patience;
use crate::net::Dialer;

const SIZE: usize = 40;

/// A fleet without connections, which only counts.
fn fleet() -> Fleet {
    Fleet::new(Dialer::new(1, false).unwrap(), std::time::Duration::ZERO).unwrap()
}

/// A script of four messages for two clients, of which only the second is looked at.
fn script() -> Script {
    let mut script = Script::new(Template::msg(SIZE), 2);
    (0..4).for_each(|_| script.push());
    script
}

fn frames(numbers: &[u64]) -> Vec<u8> {
    let mut template = Template::msg(SIZE);
    numbers.iter().flat_map(|number| template.numbered(*number).to_vec()).collect()
}

/// What the checker says when these bytes come in pieces of this size, and the client has had its time.
fn faults_of(bytes: &[u8], piece: usize) -> Vec<(Fault, u64)> {
    let (mut fleet, mut script) = (fleet(), script());
    let mut carry: Vec<u8> = Vec::new();
    for piece in bytes.chunks(piece) {
        carry.extend_from_slice(piece);
        let (used, _) = script.take(&mut fleet, 1, &carry);
        carry.drain(..used);
        carry.splice(0..0, fleet.kept(1));
    }
    script.settle(&mut fleet, 1..2);
    counts(&fleet.faults)
}

fn counts(faults: &Faults) -> Vec<(Fault, u64)> {
    let kinds = [Fault::Lost, Fault::Doubled, Fault::Reordered, Fault::Altered, Fault::Stray];
    kinds.into_iter().map(|kind| (kind, faults.count(kind))).filter(|(_, count)| *count > 0).collect()
}
