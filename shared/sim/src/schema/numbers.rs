//! The numbers that fields have in protobuf.

use std::collections::HashMap;
use std::sync::OnceLock;

/// A field of a message: the numbers on the way to it, and its name in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// One number, or several where JSON leaves out the messages between.
    pub path: Vec<u64>,
    /// The name in JSON.
    pub name: &'static str,
}

/// The numbered fields of a built-in type; none if clients do not write it in protobuf.
#[must_use]
pub fn numbered(kind: &str) -> Option<&'static [Numbered]> {
    all().get(kind).map(Vec::as_slice)
}

/// Every type in `numbers.txt`, whose head explains its form.
fn all() -> &'static HashMap<&'static str, Vec<Numbered>> {
    static TABLE: OnceLock<HashMap<&'static str, Vec<Numbered>>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table: HashMap<&'static str, Vec<Numbered>> = HashMap::new();
        let mut current = "";
        for line in include_str!("numbers.txt").lines().filter(|line| !line.starts_with('#')) {
            let mut cells = line.split_whitespace();
            if !line.starts_with(' ') {
                current = cells.next().unwrap_or_default();
            }
            table.entry(current).or_default().extend(cells.filter_map(parse));
        }
        table
    })
}

fn parse(cell: &'static str) -> Option<Numbered> {
    let (name, path) = cell.split_once('=')?;
    let path = path.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    Some(Numbered { path, name })
}

#[cfg(test)]
mod tests {
    use super::{all, numbered};
    use crate::schema::fields::built_in_type;

    #[test]
    fn every_number_belongs_to_a_field_of_its_own() {
        for (kind, rows) in all() {
            let found = built_in_type(kind).unwrap_or_else(|| panic!("{kind} is a type"));
            for (place, row) in rows.iter().enumerate() {
                assert!(found.fields.contains_key(row.name), "{kind}.{} is a field", row.name);
                let twice = rows[..place].iter().any(|other| {
                    other.path.starts_with(&row.path) || row.path.starts_with(&other.path)
                });
                assert!(!twice, "{kind}.{} shares its number", row.name);
            }
        }
    }

    #[test]
    fn a_long_row_goes_on_in_the_next_line() {
        let container = numbered("Container").unwrap();
        assert!(container.iter().any(|row| row.name == "restartPolicy" && row.path == [24]));
    }
}
