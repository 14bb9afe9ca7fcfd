//! Is every row of `docs/parity.md` proven? What it names must have passed in the last run of the tests.
//!
//! In: the page, the record that `cargo xtask test` leaves, the files of the repository. Out: how many rows there are, or
//! everything that is wrong with them. What is odd: the page lists its rows a second time, in short, so that a row that
//! gets lost is missed.

// The page as rows and as a list of rows.
mod page;

// Which file a row means, and which tests of the record are that test.
mod proof;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::record::Record;
use crate::root;
use crate::step::{Failure, Outcome};

use page::{Page, Row};
use proof::Evidence;

const PAGE: &str = "docs/parity.md";

/// Checks the page, and says how much it proves.
pub(crate) fn run() -> Outcome {
    let text = fs::read_to_string(root().join(PAGE)).map_err(|error| Failure(format!("{PAGE}: {error}")))?;
    let evidence = Evidence::new(root(), Record::load()?);
    let page = Page::read(&text);
    let faults = faults(&page, &evidence);
    if !faults.is_empty() {
        let list: String = faults.iter().map(|fault| format!("\n  {fault}")).collect();
        return Err(Failure(format!("{PAGE} has {} faults:{list}", faults.len())));
    }
    let differs = page.rows.iter().filter(|row| row.differs()).count();
    let tests: usize = page.rows.iter().map(|row| row.tests().count()).sum();
    println!("parity: {} rows, {differs} of them differ, {tests} proofs passed", page.rows.len());
    Ok(())
}

/// Everything that is wrong with the page.
fn faults(page: &Page, evidence: &Evidence<'_>) -> Vec<String> {
    let mut faults = page.faults.clone();
    faults.extend(census(page));
    for row in &page.rows {
        let at = |what: String| format!("{} (line {}): {what}", row.id(), row.line);
        faults.extend(row.form().into_iter().map(at));
        faults.extend(row.tests().filter_map(|test| evidence.doubt(test)).map(at));
    }
    faults
}

/// Rows that are missing, doubled, or in no list.
fn census(page: &Page) -> Vec<String> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for row in &page.rows {
        *seen.entry(row.id()).or_default() += 1;
    }
    let mut faults = Vec::new();
    if page.listed.is_empty() {
        faults.push("the list of rows is missing or empty".to_owned());
    }
    let mut listed: HashMap<&str, usize> = HashMap::new();
    for id in &page.listed {
        *listed.entry(id).or_default() += 1;
        match seen.get(id.as_str()) {
            None => faults.push(format!("{id} is listed but has no row")),
            Some(1) => {}
            Some(times) => faults.push(format!("{id} has {times} rows")),
        }
    }
    faults.extend(
        listed.iter().filter(|(_, times)| **times > 1).map(|(id, _)| format!("{id} is listed twice")),
    );
    let unlisted = page.rows.iter().map(Row::id).filter(|id| !listed.contains_key(id));
    faults.extend(unlisted.map(|id| format!("{id} has a row but is not listed")));
    faults
}

/// Whether a path of the repository is one that may hold tests.
fn holds_tests(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| ["rs", "mjs", "js", "ts"].iter().any(|known| extension == *known))
}

#[cfg(test)]
mod tests;
