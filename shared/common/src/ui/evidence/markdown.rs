//! The evidence as Markdown, for a wiki or a ticket that takes no page.

use super::content::{Block, Sheet};
use crate::ui::Look;

/// The whole text.
pub(super) fn text(sheet: &Sheet) -> String {
    let mut text = format!("# {}\n\n**{}**\n", plain(&sheet.title), plain(&sheet.verdict.1));
    for section in &sheet.sections {
        text.push_str(&format!("\n## {}\n", plain(section.title)));
        for block in &section.blocks {
            match block {
                Block::Words(words) => text.push_str(&format!("\n{}\n", plain(words))),
                Block::List(items) => {
                    text.push('\n');
                    items.iter().for_each(|item| text.push_str(&format!("- {}\n", plain(item))));
                }
                Block::Facts(facts) => {
                    let row =
                        |(name, value): &(&str, String)| vec![(*name).to_owned(), value.clone()];
                    table(&mut text, &["", ""], &facts.iter().map(row).collect::<Vec<_>>());
                }
                Block::Table { headers, rows } => table(&mut text, headers, rows),
                // What it shows, the tables below it say as well.
                Block::Drawing => {}
            }
        }
    }
    format!("{text}\n{}\n", plain(&sheet.footer))
}

fn table(text: &mut String, headers: &[&str], rows: &[Vec<String>]) {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    text.push('\n');
    text.push_str(&line(headers.iter().map(|header| plain(header)).collect()));
    text.push_str(&line(headers.iter().map(|_| "---".to_owned()).collect()));
    for row in rows {
        text.push_str(&line(row.iter().map(|cell| plain(cell)).collect()));
    }
}

/// `text` on one line, so that nothing in it is taken for Markdown or HTML.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in Look::plain().text(text).chars() {
        match character {
            '\n' => plain.push(' '),
            '<' => plain.push_str("&lt;"),
            '&' => plain.push_str("&amp;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '#' => {
                plain.push('\\');
                plain.push(character);
            }
            other => plain.push(other),
        }
    }
    plain
}
