//! Tables in kubectl's style: upper-case headers, three spaces between columns, no borders.

use std::convert::Infallible;

use unicode_width::UnicodeWidthStr;

use super::look::{Look, Role};

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    name: &'static str,
    wide: bool,
    wraps: bool,
}

/// A table being filled.
#[derive(Clone, Debug)]
pub struct Table {
    headers: Vec<Header>,
    rows: Vec<Vec<Cell>>,
}

/// One field of a table.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    role: Option<Role>,
}

impl Header {
    /// A column that is always shown; its name is upper-case.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, wide: false, wraps: false }
    }

    /// The same, shown with `-o wide` only.
    #[must_use]
    pub const fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    /// The same, with sentences that may go over several lines on a narrow terminal.
    #[must_use]
    pub const fn wrapping(mut self) -> Self {
        self.wraps = true;
        self
    }
}

impl Cell {
    /// Text in the colour of `role`.
    #[must_use]
    pub fn painted(role: Role, text: impl Into<String>) -> Self {
        Self { text: text.into(), role: Some(role) }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), role: None }
    }
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(headers: impl Into<Vec<Header>>) -> Self {
        Self { headers: headers.into(), rows: Vec::new() }
    }

    /// Adds a row; missing cells are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether it has no rows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text, a line feed at the end of each line, no spaces before it; nothing without rows.
    #[must_use]
    pub fn render(&self, look: Look, wide: bool) -> String {
        let mut text = String::new();
        let Ok(()) = self.clone().write(look, wide, |part| -> Result<(), Infallible> {
            text.push_str(part);
            Ok(())
        });
        text
    }

    /// Gives the text of [`Self::render`] to `write` in parts, so that of a long table only the
    /// rows are in memory.
    ///
    /// # Errors
    /// The first error of `write`.
    pub fn write<E>(
        mut self,
        look: Look,
        wide: bool,
        mut write: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let columns: Vec<usize> =
            (0..self.headers.len()).filter(|&index| wide || !self.headers[index].wide).collect();
        for row in &mut self.rows {
            *row = columns.iter().map(|&index| shown(row.get(index), look)).collect();
        }
        let names = columns.iter().map(|&index| Cell::from(self.headers[index].name)).collect();
        self.rows.insert(0, names);
        let limit = look.width().or_else(|| (!wide).then_some(UNATTENDED));
        let widths = widths(&columns, &self.headers, &self.rows, limit);
        if look.width().is_some_and(|limit| total(&widths) > limit) {
            return write(&stacked(&self.rows, look));
        }
        // What is broken cannot be copied: `-o wide` and logs have every word whole.
        let breaks_words = look.width().is_some() && !wide;
        let mut part = String::new();
        for row in self.rows {
            part.push_str(&render_row(&row, &widths, look, breaks_words));
            if part.len() >= PART {
                write(&part)?;
                part.clear();
            }
        }
        if part.is_empty() { Ok(()) } else { write(&part) }
    }
}

/// Columns that a row takes.
fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// Each row as lines of name and value, for a terminal too narrow for columns.
fn stacked(lines: &[Vec<Cell>], look: Look) -> String {
    let Some((headers, rows)) = lines.split_first() else { return String::new() };
    let widest = headers.iter().map(|header| header.text.width()).max().unwrap_or(0);
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        for (header, cell) in headers.iter().zip(row).filter(|(_, cell)| !cell.text.is_empty()) {
            let gap = " ".repeat(widest - header.text.width() + 1);
            let value = match cell.role {
                Some(role) => look.paint(role, &cell.text),
                None => cell.text.clone(),
            };
            text.push_str(&format!("{}{gap}{value}\n", header.text));
        }
    }
    text
}

/// Where there is no terminal, sentences go over several lines so that a row takes no more columns
/// than this: logs of CI systems show about as many. `-o wide` keeps every row on one line.
const UNATTENDED: usize = 160;
/// A part of a long table is about this long, in bytes.
const PART: usize = 32 << 10;
/// Three spaces, as kubectl has them.
const GAP: usize = 3;
/// A sentence in fewer columns than this cannot be read; then rows are stacked.
const LEAST_WRAPPED: usize = 16;

/// A cell as it will be seen: on one line, `<none>`-free, safe.
fn shown(cell: Option<&Cell>, look: Look) -> Cell {
    cell.map_or_else(
        || Cell::from(""),
        |cell| Cell { text: look.text(&cell.text).replace('\n', " "), role: cell.role },
    )
}

fn widths(
    columns: &[usize],
    headers: &[Header],
    lines: &[Vec<Cell>],
    limit: Option<usize>,
) -> Vec<usize> {
    let mut widths: Vec<usize> = (0..columns.len())
        .map(|column| lines.iter().map(|cells| cells[column].text.width()).max().unwrap_or(0))
        .collect();
    let Some(limit) = limit else { return widths };
    let wrapping: Vec<usize> =
        (0..columns.len()).filter(|&column| headers[columns[column]].wraps).collect();
    // Takes the columns one by one from the widest sentence.
    while total(&widths) > limit {
        let widest = wrapping.iter().copied().max_by_key(|&column| widths[column]);
        match widest {
            Some(column) if widths[column] > LEAST_WRAPPED => widths[column] -= 1,
            _ => break,
        }
    }
    widths
}

fn render_row(cells: &[Cell], widths: &[usize], look: Look, breaks_words: bool) -> String {
    let parts = cells.iter().zip(widths);
    let wrapped: Vec<Vec<&str>> =
        parts.map(|(cell, &width)| wrap(&cell.text, width, breaks_words)).collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for index in 0..height {
        let mut pending = 0;
        for ((parts, cell), &width) in wrapped.iter().zip(cells).zip(widths) {
            let part = parts.get(index).copied().unwrap_or_default();
            if !part.is_empty() {
                text.push_str(&" ".repeat(pending));
                pending = 0;
                match cell.role {
                    Some(role) => text.push_str(&look.paint(role, part)),
                    None => text.push_str(part),
                }
            }
            pending += width.saturating_sub(part.width()) + GAP;
        }
        text.push('\n');
    }
    text
}

/// Breaks `text` at spaces so that each part is at most `width` columns wide, where words allow;
/// `breaks_words`, such as long names of images, where they do not.
fn wrap(text: &str, width: usize, breaks_words: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim_end();
    while rest.width() > width {
        let fits = |&(index, _): &(usize, &str)| rest[..index].width() <= width;
        let spaces = || rest.match_indices(' ');
        let fitting = spaces().take_while(fits).last().map(|(index, _)| index);
        let index = match fitting {
            None if breaks_words => Some(place_in_word(rest, width)),
            None => spaces().next().map(|(index, _)| index),
            fitting => fitting,
        };
        let Some(index) = index.filter(|index| *index < rest.len()) else { break };
        parts.push(rest[..index].trim_end());
        rest = rest[index..].trim_start();
    }
    parts.push(rest);
    parts
}

/// Where a word wider than `width` is broken: behind the last of its own joints that fits, else
/// where the line is full.
fn place_in_word(word: &str, width: usize) -> usize {
    let ends = word.char_indices().map(|(start, letter)| (start + letter.len_utf8(), letter));
    let fitting: Vec<(usize, char)> =
        ends.take_while(|(end, _)| word[..*end].width() <= width.max(1)).collect();
    let joint = fitting.iter().rev().find(|(_, letter)| "/:@,-_.".contains(*letter));
    let first = word.chars().next().map_or(0, char::len_utf8);
    joint.or_else(|| fitting.last()).map_or(first, |(end, _)| *end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new([
            Header::new("STEP"),
            Header::new("WHY").wrapping(),
            Header::new("UNDO"),
            Header::new("SOURCE").wide(),
        ]);
        table.row(["central".into(), "the server goes first".into(), "yes".into(), "1.2".into()]);
        table.row(["日本".into(), "".into(), Cell::painted(Role::Warning, "no")]);
        table
    }

    #[test]
    fn columns_are_aligned_by_what_is_seen() {
        insta::assert_snapshot!(table().render(Look::plain(), false), @r"
        STEP      WHY                     UNDO
        central   the server goes first   yes
        日本                              no
        ");
    }

    #[test]
    fn wide_shows_all_columns_and_no_trailing_spaces() {
        let text = table().render(Look::plain(), true);
        assert!(text.starts_with("STEP      WHY                     UNDO   SOURCE\n"), "{text}");
        assert!(text.lines().all(|line| line == line.trim_end()));
    }

    #[test]
    fn sentences_wrap_on_a_narrow_terminal() {
        let look = Look::plain().with_width(Some(34));
        insta::assert_snapshot!(table().render(look, false), @r"
        STEP      WHY                 UNDO
        central   the server goes     yes
                  first
        日本                          no
        ");
    }

    #[test]
    fn a_word_wider_than_its_column_is_broken_at_its_joints() {
        let image = "registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:3.69.2";
        let mut table = Table::new([Header::new("STEP"), Header::new("CHANGE").wrapping()]);
        table.row(["central".into(), format!("central ← {image}").into()]);
        let narrow = Look::plain().with_width(Some(44));
        insta::assert_snapshot!(table.render(narrow, false), @r"
        STEP      CHANGE
        central   central ←
                  registry.redhat.io/advanced-
                  cluster-security/rhacs-main-rhel8:
                  3.69.2
        ");
        assert!(table.render(narrow, true).contains(image), "wide has it whole");
        assert!(table.render(Look::plain(), false).contains(image), "logs have it whole");
        assert_eq!(wrap("日本語", 2, true), ["日", "本", "語"]);
        assert_eq!(wrap("日本", 1, true), ["日", "本"]);
    }

    #[test]
    fn rows_are_stacked_where_columns_do_not_fit() {
        let narrow = Look::plain().with_width(Some(24));
        insta::assert_snapshot!(table().render(narrow, false), @r"
        STEP central
        WHY  the server goes first
        UNDO yes

        STEP 日本
        UNDO no
        ");
    }

    #[test]
    fn without_a_terminal_only_sentences_wrap_and_wide_rows_stay_on_one_line() {
        let mut table = Table::new([Header::new("NAME"), Header::new("WHY").wrapping()]);
        table.row(["x".repeat(40).into(), "why not ".repeat(40).into()]);
        let text = table.render(Look::plain(), false);
        assert!(text.lines().count() > 2, "{text}");
        assert!(text.lines().all(|line| line.width() <= UNATTENDED), "{text}");
        assert_eq!(table.render(Look::plain(), true).lines().count(), 2);
        let mut names = Table::new([Header::new("NAME"), Header::new("IMAGE")]);
        names.row(["x".repeat(100).into(), "y".repeat(100).into()]);
        assert_eq!(names.render(Look::plain(), false).lines().count(), 2, "nothing to wrap");
    }

    #[test]
    fn a_table_without_rows_is_nothing() {
        assert_eq!(Table::new([Header::new("NAME")]).render(Look::plain(), false), "");
    }
}
