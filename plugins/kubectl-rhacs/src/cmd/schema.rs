//! `kubectl rhacs schema`: the JSON Schemas of what the suite prints for programs.

use common::exit::Exit;
use common::failure::Failure;
use common::schemas::{DOCUMENTS, Document, find};
use common::ui::{Header, Look, Output, Table, Ui, to_json, to_yaml};
use serde::Serialize;

/// One line of the list.
#[derive(Serialize)]
struct Line {
    name: &'static str,
    about: &'static str,
}

/// Prints the schema of the document `name`: as JSON, which is what it is, unless YAML is asked for.
/// Without a name, what there is.
///
/// # Errors
/// A name that is not there, and a standard output that cannot be written.
pub fn run(ui: &Ui, name: Option<&str>) -> Result<Exit, Failure> {
    let Some(name) = name else {
        let line = |document: &Document| Line { name: document.name, about: document.about };
        let lines: Vec<Line> = DOCUMENTS.iter().map(line).collect();
        ui.print(&lines, |output, look| list(&lines, output, look))?;
        return Ok(Exit::Done);
    };
    let document = find(name).ok_or_else(|| {
        Failure::usage(format!("there is no schema `{name}`")).hint("kubectl rhacs schema")
    })?;
    let schema = document.schema();
    let text = if ui.output() == Output::Yaml { to_yaml(&schema)? } else { to_json(&schema)? };
    ui.data(&text).map(|()| Exit::Done)
}

fn list(lines: &[Line], output: Output, look: Look) -> String {
    if output == Output::Name {
        return lines.iter().map(|line| format!("{}\n", line.name)).collect();
    }
    let mut table = Table::new([Header::new("NAME"), Header::new("DOCUMENT").wrapping()]);
    for line in lines {
        table.row([line.name.into(), line.about.into()]);
    }
    table.render(look, output.is_wide())
}
