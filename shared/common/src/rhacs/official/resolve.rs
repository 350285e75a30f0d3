//! Works out conditions, fragments and placeholders of a tree at one point.

use super::condition::{self, Condition, Point};
use super::node::Node;
use super::{images, load};

/// What is left of `node` at `point`; `None` when nothing is.
pub(super) fn resolve(node: &Node, point: &Point<'_>) -> Option<Node> {
    match node {
        Node::Scalar(value) => Some(Node::Scalar(value.clone())),
        Node::Text(text) => resolve_text(text, point),
        Node::List(items) => {
            Some(Node::List(items.iter().filter_map(|item| resolve(item, point)).collect()))
        }
        Node::Map(entries) => resolve_map(entries, point),
    }
}

/// `text` with its placeholders replaced; what is in angle brackets and not known stays.
pub(super) fn substitute(text: &str, point: &Point<'_>) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        done.push_str(before);
        match after.split_once('>').and_then(|(name, tail)| Some((value(name, point)?, tail))) {
            Some((value, tail)) => {
                done.push_str(&value);
                rest = tail;
            }
            None => {
                done.push('<');
                rest = after;
            }
        }
    }
    done.push_str(rest);
    done
}

/// Base64 of `placeholder`: where the product reads base64, a placeholder has to be some.
const SECRET: &str = "cGxhY2Vob2xkZXI=";

fn value(name: &str, point: &Point<'_>) -> Option<String> {
    match name {
        "ns" => Some(point.namespace.to_owned()),
        "secret" => Some(SECRET.to_owned()),
        "scc" => Some(constraint_prefix(point).to_owned()),
        "central-scc" => Some(central_constraint_prefix(point)),
        image => images::reference(image, point.version),
    }
}

/// What SCC names begin with: nothing before 3.64.
fn constraint_prefix(point: &Point<'_>) -> &'static str {
    if point.version.is_at_least(3, 64) { "stackrox-" } else { "" }
}

/// The same for the chart of Central, which tells namespaces other than the default one apart.
fn central_constraint_prefix(point: &Point<'_>) -> String {
    let prefix = constraint_prefix(point);
    if prefix.is_empty() || point.namespace == "stackrox" {
        return prefix.to_owned();
    }
    let namespace = point.namespace.strip_prefix("stackrox-").unwrap_or(point.namespace);
    format!("{prefix}{namespace}-")
}

fn resolve_text(text: &str, point: &Point<'_>) -> Option<Node> {
    if let Some(fragment) = text.strip_prefix('$').and_then(load::fragment) {
        return resolve(fragment, point);
    }
    if text.trim_end().contains('\n') {
        let lines: Vec<&str> = text.split('\n').filter_map(|line| line_at(line, point)).collect();
        return Some(Node::Text(substitute(&lines.join("\n"), point)));
    }
    line_at(text, point).map(|line| Node::Text(substitute(line, point)))
}

/// The line without its condition, when that holds.
fn line_at<'a>(line: &'a str, point: &Point<'_>) -> Option<&'a str> {
    let (line, condition) = condition::split(line);
    condition.is_none_or(|condition| condition.holds(point)).then_some(line)
}

fn resolve_map(entries: &[(String, Node)], point: &Point<'_>) -> Option<Node> {
    let mut done: Vec<(String, Node)> = Vec::with_capacity(entries.len());
    for (key, node) in entries {
        let Some(key) = line_at(key, point) else { continue };
        if key == "when" {
            let condition = node.text().and_then(Condition::parse);
            if condition.is_some_and(|condition| !condition.holds(point)) {
                return None;
            }
        } else if key == "use"
            && let Some(Node::Map(base)) = node.text().and_then(load::fragment)
            && let Some(Node::Map(base)) = resolve_map(base, point)
        {
            done.extend(base);
        } else if let Some(node) = resolve(node, point) {
            let key = substitute(key, point);
            done.retain(|(known, _)| *known != key);
            done.push((key, node));
        }
    }
    Some(Node::Map(done))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rhacs::{Platform, Version};

    fn at(yaml: &str, version: Version) -> serde_json::Value {
        let point = Point { version: &version, platform: Platform::OpenShift, namespace: "acs" };
        let node: Node = serde_saphyr::from_str(yaml).unwrap();
        resolve(&node, &point).unwrap().into_value()
    }

    #[test]
    fn keys_items_and_lines_go_when_their_condition_does_not_hold() {
        let yaml = "
a @..3.69: old
a @3.69..: new
list: [one, two @3.69.., {when: ..3.69, b: 1}]
text: |
  x = 1
  y = 2 @kubernetes
";
        assert_eq!(
            at(yaml, Version::release(3, 68, 0)),
            serde_json::json!({"a": "old", "list": ["one", {"b": 1}], "text": "x = 1\n"})
        );
        assert_eq!(
            at(yaml, Version::release(3, 69, 0)),
            serde_json::json!({"a": "new", "list": ["one", "two"], "text": "x = 1\n"})
        );
    }

    #[test]
    fn placeholders_are_replaced_and_other_brackets_kept() {
        let yaml = "{host: sensor.<ns>.svc, other: a < b > c, name: <central-scc>central}";
        assert_eq!(
            at(yaml, Version::release(3, 69, 0)),
            serde_json::json!({
                "host": "sensor.acs.svc", "other": "a < b > c", "name": "stackrox-acs-central",
            })
        );
    }
}
