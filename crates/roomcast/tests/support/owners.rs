//! Who owns the heap: what `dhat` saw, grouped by the first frame of each allocation that tells its owner.
//!
//! In: the profile that `dhat` writes when it ends, and a list of owners with the words that their frames hold. Out: a
//! table, each owner with the bytes and blocks that were live at the end. What is odd: the frames are searched from
//! the allocation outwards, so whoever is named nearest to it owns it, however deep in somebody else's call it was.

use std::fmt;
use std::path::Path;

use serde::Deserialize;

/// An owner: its name, and words of which a frame of its allocations holds one.
pub(crate) type Owner = (&'static str, &'static [&'static str]);

/// What nobody on the list owns.
pub(crate) const REST: &str = "rest";

/// What an allocation costs besides its bytes, in glibc: a word in front, sizes in steps of two words.
const MALLOC_WORD: usize = 8;
const MALLOC_STEP: usize = 16;
const MALLOC_LEAST: usize = 32;

/// The live heap by owner.
#[derive(Debug)]
pub(crate) struct Owned {
    units: usize,
    rows: Vec<Row>,
    /// The frames of what nobody owns, for whoever has to find its owner.
    strangers: Vec<String>,
}

#[derive(Debug)]
struct Row {
    owner: &'static str,
    bytes: usize,
    blocks: usize,
    /// The bytes as the allocator rounds them.
    taken: usize,
}

/// The file that `dhat` writes, as far as it matters here.
#[derive(Deserialize)]
struct Profile {
    pps: Vec<Point>,
    ftbl: Vec<String>,
}

/// A place of the program that allocates.
#[derive(Deserialize)]
struct Point {
    /// Bytes and blocks that were live at the end.
    eb: usize,
    ebk: usize,
    /// Frames, the innermost first.
    fs: Vec<usize>,
}

impl Owned {
    /// Reads a profile; `units` is how many of the same thing were alive at its end.
    pub(crate) fn read(path: &Path, owners: &[Owner], units: usize) -> Self {
        let text = std::fs::read(path).expect("the profile has been written");
        let profile: Profile = serde_json::from_slice(&text).expect("dhat writes JSON");
        let names = owners.iter().map(|(owner, _)| *owner).chain([REST]);
        let rows = names.map(|owner| Row { owner, bytes: 0, blocks: 0, taken: 0 }).collect();
        let mut owned = Self { units, rows, strangers: Vec::new() };
        for point in profile.pps.iter().filter(|point| point.ebk > 0) {
            let frames: Vec<_> = point.fs.iter().map(|&index| profile.ftbl[index].as_str()).collect();
            owned.add(point, &frames, owners);
        }
        owned
    }

    /// Live bytes for each unit.
    pub(crate) fn bytes_each(&self) -> usize {
        self.rows.iter().map(|row| row.bytes).sum::<usize>() / self.units
    }

    /// Live bytes of one owner for each unit.
    pub(crate) fn bytes_of(&self, owner: &str) -> usize {
        let rows = self.rows.iter().filter(|row| row.owner == owner);
        rows.map(|row| row.bytes).sum::<usize>() / self.units
    }

    /// Where the rest was allocated.
    pub(crate) fn strangers(&self) -> &[String] {
        &self.strangers
    }

    fn add(&mut self, point: &Point, frames: &[&str], owners: &[Owner]) {
        let owner_of =
            |frame: &&str| owners.iter().position(|(_, words)| words.iter().any(|word| frame.contains(word)));
        let owner = frames.iter().find_map(owner_of).unwrap_or_else(|| {
            self.strangers.push(format!("{} bytes in {}:\n  {}", point.eb, point.ebk, frames.join("\n  ")));
            owners.len()
        });
        let row = &mut self.rows[owner];
        row.bytes += point.eb;
        row.blocks += point.ebk;
        // Blocks of one place mostly have one size.
        let size = (point.eb / point.ebk + MALLOC_WORD).next_multiple_of(MALLOC_STEP).max(MALLOC_LEAST);
        row.taken += size * point.ebk;
    }
}

#[expect(clippy::cast_precision_loss, reason = "a table for people")]
impl fmt::Display for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self
            .rows
            .iter()
            .fold((0, 0, 0), |sum, row| (sum.0 + row.bytes, sum.1 + row.blocks, sum.2 + row.taken));
        let each = |n: usize| n as f64 / self.units as f64;
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.bytes));
        writeln!(f, "{:<28}{:>9}{:>9}{:>9}{:>7}", "owner", "bytes", "malloc", "blocks", "%")?;
        for row in rows {
            let percent = 100.0 * row.bytes as f64 / total.0 as f64;
            let (bytes, taken, blocks) = (each(row.bytes), each(row.taken), each(row.blocks));
            writeln!(f, "{:<28}{bytes:>9.1}{taken:>9.1}{blocks:>9.2}{percent:>7.1}", row.owner)?;
        }
        let (bytes, taken, blocks) = (each(total.0), each(total.2), each(total.1));
        writeln!(f, "{:<28}{bytes:>9.1}{taken:>9.1}{blocks:>9.2}{:>7.1}", "all", 100.0)
    }
}
