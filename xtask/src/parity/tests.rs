use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::*;
use crate::record::{Ending, Ran};

const HEAD: &str = "| row | reference | Roomcast | proof |\n|---|---|---|---|\n";

/// A repository in miniature, gone when dropped.
struct Repository(PathBuf);

impl Repository {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("parity-{name}-{}", std::process::id()));
        let files = [
            ("crates/rooms/Cargo.toml", "[package]\nname = \"rooms\"\n"),
            ("crates/rooms/src/lib.rs", ""),
            ("crates/rooms/src/book/mod.rs", ""),
            ("crates/rooms/src/book/tests.rs", ""),
            ("crates/rooms/tests/model.rs", ""),
            ("web/tests/wire.test.mjs", ""),
            ("chat/tests/wire.test.mjs", ""),
            ("chat/node_modules/foreign/only.test.mjs", ""),
        ];
        for (path, text) in files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn faults(&self, rows: &str, list: &str) -> Vec<String> {
        self.faults_at(SystemTime::now() + Duration::from_secs(9), rows, list)
    }

    fn faults_at(&self, when: SystemTime, rows: &str, list: &str) -> Vec<String> {
        let ran = |ending, place: &str, name: &str| {
            (when, Ran { ending, place: place.to_owned(), name: name.to_owned() })
        };
        let record = Record(vec![
            ran(Ending::Passed, "rooms", "book::tests::a_room_is_found"),
            ran(Ending::Passed, "rooms::bin/rooms", "book::tests::a_program_starts"),
            ran(Ending::Passed, "rooms", "tests::at_the_door"),
            ran(Ending::Failed, "rooms::model", "it_holds"),
            ran(Ending::Passed, "rooms::model", "it_is_small"),
            ran(Ending::Passed, "crates/rooms/src/lib.rs", "Room::new"),
            ran(Ending::Passed, "web/tests/wire.test.mjs", "a frame | two"),
            ran(Ending::Passed, "web/tests/wire.test.mjs", "in each mode"),
            ran(Ending::Failed, "web/tests/wire.test.mjs", "in each mode"),
            ran(Ending::Skipped, "web/tests/wire.test.mjs", "left out"),
        ]);
        let page = Page::read(&format!("# Parity\n\n{HEAD}{rows}\n\n```rows\n{list}\n```\n"));
        faults(&page, &Evidence::new(&self.0, record))
    }

    /// What is said of a row with that proof.
    fn proof(&self, proof: &str) -> Vec<String> {
        self.faults(&format!("| A-1 | it is | `Io` | {proof} |"), "A-1")
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_page_whose_tests_have_passed_has_no_fault() {
    let repository = Repository::new("passes");
    let proofs = [
        "`book/tests.rs::a_room_is_found`",
        "`crates/rooms/src/book/mod.rs::a_room_is_found`, `book/mod.rs::a_program_starts`",
        "`rooms/src/lib.rs::at_the_door`<br>`rooms/src/lib.rs::Room::new`",
        "`model.rs::it_is_small`",
        r"`web/tests/wire.test.mjs::a frame \| two`",
        r"`wire.test.mjs::a frame \| two`",
        "differs: Rust has no such thing",
        "differs: it is faster, see `model.rs::it_is_small`",
    ];
    for proof in proofs {
        assert_eq!(repository.proof(proof), Vec::<String>::new(), "{proof}");
    }
}

#[test]
fn a_test_that_did_not_pass_proves_nothing() {
    let repository = Repository::new("fails");
    let proofs = [
        ("`model.rs::it_holds`", "failed"),
        ("`web/tests/wire.test.mjs::in each mode`", "failed"),
        ("`web/tests/wire.test.mjs::left out`", "was skipped"),
        ("`model.rs::it_never_was`", "did not run"),
        ("`book/tests.rs::room_is_found`", "did not run"),
        ("`model.rs::a_room_is_found`", "did not run"),
        ("`lost.rs::it_holds`", "no file"),
        ("`only.test.mjs::a frame`", "no file"),
        ("`wire.test.mjs::a frame`", "2 files"),
        ("`Io::new`", "not file::test"),
        ("`model.rs::it_is_small`, `model.rs::it_holds`", "failed"),
        ("differs: it is faster, see `model.rs::it_holds`", "failed"),
    ];
    for (proof, expected) in proofs {
        let faults = repository.proof(proof);
        assert_eq!(faults.len(), 1, "{proof}: {faults:?}");
        assert!(faults[0].contains(expected), "{proof}: {faults:?}");
        assert!(faults[0].starts_with("A-1 (line 5)"), "{faults:?}");
    }
}

#[test]
fn a_record_older_than_the_file_proves_nothing() {
    let repository = Repository::new("stale");
    let row = "| A-1 | it is | `Io` | `model.rs::it_is_small` |";
    let faults = repository.faults_at(SystemTime::UNIX_EPOCH, row, "A-1");
    assert!(faults.len() == 1 && faults[0].contains("has changed since"), "{faults:?}");
}

#[test]
fn a_row_without_content_is_a_fault() {
    let repository = Repository::new("blank");
    let rows = [
        ("| A-1 | it is | | `model.rs::it_is_small` |", "empty cell"),
        ("| A-1 | - | `Io` | `model.rs::it_is_small` |", "empty cell"),
        ("| A-1 | it is | TODO | `model.rs::it_is_small` |", "left for later"),
        ("| A-1 | it is | `Io` | `model.rs::it_is_small`, todo |", "left for later"),
        ("| A-1 | it is | `Io` | differs: |", "without a reason"),
        ("| A-1 | it is | `Io` | obvious |", "no test"),
        ("| A-1 | it is | `model.rs::it_is_small` |", "3 cells"),
        ("| A-1 | it is | `Io` | `model.rs::it_is_small` | more |", "5 cells"),
    ];
    for (row, expected) in rows {
        let faults = repository.faults(row, "A-1");
        assert!(faults.len() == 1 && faults[0].contains(expected), "{row}: {faults:?}");
    }
}

#[test]
fn every_listed_row_is_there_once() {
    let repository = Repository::new("census");
    let row = |id: &str| format!("| {id} it | is | `Io` | `model.rs::it_is_small` |\n");
    let rows = [row("HB-01"), row("`HB-02`"), row("path")].concat();
    assert_eq!(repository.faults(&rows, "HB-01..HB-02 path"), Vec::<String>::new());
    let lists = [
        ("HB-01..HB-03 path", "HB-03 is listed but has no row"),
        ("HB-01..HB-02", "path has a row but is not listed"),
        ("HB-01..HB-02 path path", "path is listed twice"),
        ("HB-01..HB-02 path a..b", "no range"),
        ("HB-01..HB-02 path HB-02..HB-01", "no range"),
    ];
    for (list, expected) in lists {
        let faults = repository.faults(&rows, list);
        assert!(faults.len() == 1 && faults[0].contains(expected), "{list}: {faults:?}");
    }
    let doubled = rows.clone() + &row("HB-01");
    assert_eq!(repository.faults(&doubled, "HB-01..HB-02 path"), ["HB-01 has 2 rows"]);
    assert!(repository.faults(&rows, "")[0].contains("missing or empty"));
}
