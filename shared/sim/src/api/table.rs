//! Tables for people: the columns of built-in kinds, and those a definition names.

use std::sync::Arc;

use serde_json::{Value, json};

use super::table_rows;
use crate::schema::kinds::Resource;

/// A column: name, type, and whether only the wide form shows it.
pub(crate) type Column = (String, &'static str, bool);

/// The table of some objects; `include` is the query's `includeObject`.
pub(crate) fn table(
    resource: &Resource,
    objects: &[Arc<Value>],
    metadata: Value,
    include: Option<&str>,
    now: jiff::Timestamp,
) -> Value {
    let columns: Vec<Value> = columns(resource)
        .into_iter()
        .map(|(name, kind, wide)| {
            let format = if name == "Name" { "name" } else { "" };
            json!({"name": name, "type": kind, "format": format, "description": "",
                "priority": i32::from(wide)})
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let mut row = json!({"cells": cells(resource, object, now)});
            match include {
                Some("None") => {}
                Some("Object") => row["object"] = Value::clone(object),
                _ => row["object"] = partial(object),
            }
            row
        })
        .collect();
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": columns, "rows": rows})
}

/// The metadata of an object, as an object of its own.
pub(crate) fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
        "metadata": object["metadata"]})
}

/// The age of an instant as kubectl writes it.
pub(crate) fn age(stamp: Option<&Value>, now: jiff::Timestamp) -> String {
    let stamp = stamp.and_then(Value::as_str).and_then(|text| text.parse().ok());
    stamp.map_or_else(
        || "<unknown>".to_owned(),
        |stamp: jiff::Timestamp| short_duration(now.as_second() - stamp.as_second()),
    )
}

/// Seconds in the two largest units that say enough.
fn short_duration(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let pair = |large: i64, unit: char, small: i64, small_unit: char| {
        if small == 0 {
            format!("{large}{unit}")
        } else {
            format!("{large}{unit}{small}{small_unit}")
        }
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..120 => format!("{}s", seconds.max(0)),
        120..600 => pair(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => pair(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => pair(days, 'd', hours % 24, 'h'),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => pair(days / 365, 'y', days % 365, 'd'),
        _ => format!("{}y", days / 365),
    }
}

fn columns(resource: &Resource) -> Vec<Column> {
    if let Some(printed) = printer_columns(resource) {
        let mut columns = vec![("Name".to_owned(), "string", false)];
        columns.extend(printed.iter().map(|column| {
            let name = column["name"].as_str().unwrap_or_default().to_owned();
            let wide = column["priority"].as_i64().unwrap_or(0) > 0;
            (name, column_type(column), wide)
        }));
        return columns;
    }
    table_rows::columns(resource.key())
        .iter()
        .map(|name| match name.strip_prefix('+') {
            Some(name) => (name.to_owned(), "string", true),
            None => (name.to_string(), "string", false),
        })
        .collect()
}

fn column_type(column: &Value) -> &'static str {
    match column["type"].as_str() {
        Some("boolean") => "boolean",
        Some("integer") => "integer",
        Some("number") => "number",
        Some("date") => "date",
        _ => "string",
    }
}

fn printer_columns(resource: &Resource) -> Option<Vec<Value>> {
    let definition = resource.custom.as_ref()?;
    let versions = definition.pointer("/spec/versions")?.as_array()?;
    let found = versions.iter().find(|version| version["name"] == resource.version())?;
    let age = json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"});
    let columns = found["additionalPrinterColumns"].as_array().cloned();
    Some(columns.unwrap_or_else(|| vec![age]))
}

fn cells(resource: &Resource, object: &Value, now: jiff::Timestamp) -> Vec<Value> {
    let Some(printed) = printer_columns(resource) else {
        return table_rows::cells(resource.key(), object, now);
    };
    let mut cells = vec![object["metadata"]["name"].clone()];
    cells.extend(printed.iter().map(|column| printed_cell(column, object, now)));
    cells
}

fn printed_cell(column: &Value, object: &Value, now: jiff::Timestamp) -> Value {
    let path = column["jsonPath"].as_str().unwrap_or_default();
    let found = path
        .split('.')
        .filter(|step| !step.is_empty())
        .try_fold(object, |value, step| value.get(step));
    match (column["type"].as_str(), found) {
        (Some("date"), found) => age(found, now).into(),
        (_, None) => Value::Null,
        (Some("string"), Some(other)) if !other.is_string() => other.to_string().into(),
        (_, Some(found)) => found.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::short_duration;

    #[test]
    fn ages_are_short() {
        for (seconds, shown) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (700, "11m"),
            (11_000, "3h3m"),
            (90_000, "25h"),
            (180_000, "2d2h"),
            (1_000_000, "11d"),
            (70_000_000, "2y80d"),
        ] {
            assert_eq!(short_duration(seconds), shown, "{seconds}");
        }
    }
}
