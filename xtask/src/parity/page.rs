//! The page as rows and as a list of rows.
//!
//! In: Markdown. Out: the rows of its tables, and the ids of its list: a fenced block named `rows`, where `HB-01..HB-06`
//! stands for six. What is odd: a `|` inside of a cell is written `\|`, as Markdown wants it even in code.

/// Cells that say nothing.
const BLANK: [&str; 5] = ["", "-", "–", "?", "..."];

/// What no cell may promise.
const LATER: &str = "todo";

/// What a row says that has no test, or not only tests.
const DIFFERS: &str = "differs:";

const COLUMNS: usize = 4;

#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Row>,
    pub(crate) listed: Vec<String>,
    pub(crate) faults: Vec<String>,
}

/// A line of a table: row, what the reference does, our name, proof.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) line: usize,
    cells: Vec<String>,
}

impl Page {
    /// Takes the tables and the list out of a page.
    pub(crate) fn read(text: &str) -> Self {
        let mut page = Self::default();
        let mut fence: Option<&str> = None;
        let mut in_table = false;
        for (line, text) in text.lines().map(str::trim).enumerate().map(|(index, text)| (index + 1, text)) {
            if let Some(kind) = text.strip_prefix("```") {
                fence = if fence.is_none() { Some(kind) } else { None };
                continue;
            }
            match fence {
                Some("rows") => page.list(line, text),
                Some(_) => {}
                None if text.starts_with('|') => {
                    // The first line of a table is its head.
                    if in_table && !text.contains("|---") {
                        page.rows.push(Row { line, cells: cells(text) });
                    }
                    in_table = true;
                }
                None => in_table = false,
            }
        }
        page
    }

    fn list(&mut self, line: usize, text: &str) {
        for word in text.split_whitespace() {
            match word.split_once("..") {
                None => self.listed.push(word.to_owned()),
                Some((first, last)) => match range(first, last) {
                    Some(ids) => self.listed.extend(ids),
                    None => self.faults.push(format!("line {line}: {word} is no range of rows")),
                },
            }
        }
    }
}

impl Row {
    /// The first word of the first cell.
    pub(crate) fn id(&self) -> &str {
        let first = self.cells.first().map_or("", String::as_str);
        first.split_whitespace().next().unwrap_or("").trim_matches('`')
    }

    /// What is wrong with the row as it stands there.
    pub(crate) fn form(&self) -> Vec<String> {
        if self.cells.len() != COLUMNS {
            return vec![format!("{} cells in place of {COLUMNS}", self.cells.len())];
        }
        let later = |cell: &String| cell.to_lowercase().contains(LATER);
        let mut faults: Vec<String> = Vec::new();
        if self.cells.iter().any(|cell| BLANK.contains(&cell.as_str())) {
            faults.push("an empty cell".to_owned());
        }
        if self.cells.iter().any(later) {
            faults.push("something is left for later".to_owned());
        }
        let reason = self.proof().split_once(DIFFERS).map(|(_, reason)| reason.trim());
        match reason {
            Some(reason) if reason.split_whitespace().count() < 2 => {
                faults.push("differs without a reason".to_owned());
            }
            None if self.tests().next().is_none() => faults.push("no test, and does not differ".to_owned()),
            _ => {}
        }
        faults
    }

    pub(crate) fn differs(&self) -> bool {
        self.proof().contains(DIFFERS)
    }

    /// What the last cell names in code as `file::test`.
    pub(crate) fn tests(&self) -> impl Iterator<Item = &str> {
        self.proof().split('`').skip(1).step_by(2).map(str::trim).filter(|code| code.contains("::"))
    }

    fn proof(&self) -> &str {
        self.cells.get(COLUMNS - 1).map_or("", String::as_str)
    }
}

fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut rest = line.strip_prefix('|').unwrap_or(line).chars().peekable();
    while let Some(letter) = rest.next() {
        let cell = cells.last_mut().expect("there is one from the beginning");
        match letter {
            '\\' if rest.peek() == Some(&'|') => cell.extend(rest.next()),
            // The last one ends the line.
            '|' if rest.peek().is_some() => cells.push(String::new()),
            '|' => {}
            _ => cell.push(letter),
        }
    }
    cells.into_iter().map(|cell| cell.trim().to_owned()).collect()
}

/// `HB-01` to `HB-06`, with as many digits.
fn range(first: &str, last: &str) -> Option<Vec<String>> {
    let (name, from) = first.rsplit_once('-')?;
    let (same, to) = last.rsplit_once('-')?;
    let width = from.len();
    let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
    (name == same && from <= to)
        .then(|| (from..=to).map(|number| format!("{name}-{number:0width$}")).collect())
}
