//! Reads the data files: YAML with conditions, placeholders and short forms.
//!
//! ```text
//! KIND/NAME:               one object; its apiVersion follows from the kind unless it is written
//! key @CONDITION: value    the entry is there when the condition holds (so are `- text @CONDITION`,
//!                          a line of a longer text, and a map in a list with `when: CONDITION`)
//! @openshift 3.69..4.3     on OpenShift, from 3.69 until before 4.3; alternatives after commas
//! <ns> <main> <scc> ...    the namespace, an image reference, a prefix; <secret> a placeholder
//! $NAME   use: NAME        the fragment of that name; a map that starts from that fragment
//! of: CHART/COMPONENT      the standard labels and annotations of that chart: central, secured, or
//!                          fixed (secured, but left alone by the automatic upgrade)
//! app: NAME   pod: {...}   a workload's app label and selector, and its pod's spec
//! K[F]: {NAME: ...}        the list K of maps that have NAME as their F
//! binds: KIND/ROLE         with `to: [ACCOUNT]`: roleRef and subjects
//! placeholders.K: [KEY]    the map K with a placeholder per key
//! ```
//! Values have short forms too, see [`super::expand`]: `env` texts, volumes, mounts, `resources`
//! (`REQUEST..LIMIT`), role `rules` (`VERBS GROUPS/RESOURCES NAMES`) and affinities.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::condition::{self, Condition};
use super::node::Node;

/// One object for all releases.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) kind: String,
    /// May hold placeholders.
    pub(super) name: String,
    /// When the object exists at all.
    pub(super) condition: Option<Condition>,
    pub(super) body: Node,
}

/// All objects, in the order of the files.
pub(super) fn templates() -> &'static [Template] {
    static TEMPLATES: LazyLock<Vec<Template>> =
        LazyLock::new(|| FILES.iter().copied().flat_map(entries).filter_map(template).collect());
    &TEMPLATES
}

/// The fragment `name`.
pub(super) fn fragment(name: &str) -> Option<&'static Node> {
    static FRAGMENTS: LazyLock<Vec<(String, Node)>> =
        LazyLock::new(|| entries(include_str!("data/fragments.yaml")));
    FRAGMENTS.iter().find(|(known, _)| known == name).map(|(_, node)| node)
}

/// The minor releases at which anything changes, by what the conditions say.
pub(super) fn boundaries() -> &'static BTreeSet<(u32, u32)> {
    static BOUNDARIES: LazyLock<BTreeSet<(u32, u32)>> = LazyLock::new(|| {
        let mut found = BTreeSet::new();
        for template in templates() {
            if let Some(condition) = &template.condition {
                found.extend(condition.boundaries());
            }
            collect_boundaries(&template.body, &mut found);
        }
        found
    });
    &BOUNDARIES
}

const FILES: [&str; 7] = [
    include_str!("data/access.yaml"),
    include_str!("data/security.yaml"),
    include_str!("data/config.yaml"),
    include_str!("data/network.yaml"),
    include_str!("data/central.yaml"),
    include_str!("data/scanner.yaml"),
    include_str!("data/secured.yaml"),
];

/// The entries of one embedded file. The files are part of the program and a test reads them all,
/// so there is nothing a caller could do about an unreadable one: it counts as empty.
fn entries(text: &str) -> Vec<(String, Node)> {
    match serde_saphyr::from_str(text) {
        Ok(Node::Map(entries)) => entries,
        Ok(Node::Scalar(_) | Node::Text(_) | Node::List(_)) | Err(_) => Vec::new(),
    }
}

fn template((key, body): (String, Node)) -> Option<Template> {
    let (object, condition) = condition::split(&key);
    let (kind, name) = object.split_once('/')?;
    Some(Template { kind: kind.to_owned(), name: name.to_owned(), condition, body })
}

fn collect_boundaries(node: &Node, found: &mut BTreeSet<(u32, u32)>) {
    let add = |text: &str| {
        if let (_, Some(condition)) = condition::split(text) {
            found.extend(condition.boundaries());
        }
    };
    match node {
        Node::Scalar(_) => {}
        Node::Text(text) => text.lines().for_each(add),
        Node::List(items) => items.iter().for_each(|item| collect_boundaries(item, found)),
        Node::Map(entries) => {
            for (key, node) in entries {
                match node.text().filter(|_| key == "when").and_then(Condition::parse) {
                    Some(condition) => found.extend(condition.boundaries()),
                    None => {
                        if let (_, Some(condition)) = condition::split(key) {
                            found.extend(condition.boundaries());
                        }
                        collect_boundaries(node, found);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_readable() {
        for (index, text) in FILES.iter().enumerate() {
            let node: Node =
                serde_saphyr::from_str(text).unwrap_or_else(|e| panic!("{index}: {e}"));
            assert!(matches!(node, Node::Map(entries) if !entries.is_empty()), "{index}");
        }
        assert!(fragment("scc").is_some());
    }

    #[test]
    fn every_object_is_there_once() {
        let mut seen = BTreeSet::new();
        for template in templates() {
            assert!(seen.insert((&template.kind, &template.name)), "{template:?}");
        }
        assert!(seen.len() > 150, "{}", seen.len());
    }
}
