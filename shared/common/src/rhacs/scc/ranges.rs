//! What OpenShift hands out to each namespace: users, groups, an SELinux level.

use serde_json::Value;

/// The annotation with the users.
const USERS: &str = "openshift.io/sa.scc.uid-range";
/// The annotation with the groups; without it they are the users'.
const GROUPS: &str = "openshift.io/sa.scc.supplemental-groups";
/// The annotation with the level.
const LEVEL: &str = "openshift.io/sa.scc.mcs";

/// The first user of any namespace, which every range is above.
const FIRST_USER: i64 = 1_000_000_000;
const RANGE_LENGTH: i64 = 10_000;

/// What a namespace hands out to its pods.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ranges {
    /// The first user and the last.
    pub users: (i64, i64),
    /// The first group and the last of each block.
    pub groups: Vec<(i64, i64)>,
    /// The SELinux level.
    pub level: String,
}

impl Default for Ranges {
    /// What stands in for a namespace that cannot be read: ranges that no fixed user of a pod is
    /// in, as on a real cluster.
    fn default() -> Self {
        let users = (FIRST_USER, FIRST_USER + RANGE_LENGTH - 1);
        Self { users, groups: vec![users], level: "s0:c1,c0".to_owned() }
    }
}

impl Ranges {
    /// Reads the annotations of a Namespace; what is missing is as in [`Self::default`].
    #[must_use]
    pub fn of(namespace: &Value) -> Self {
        let annotation = |key: &str| namespace["metadata"]["annotations"][key].as_str();
        let mut ranges = Self::default();
        if let Some(users) = annotation(USERS).and_then(block) {
            ranges.users = users;
            ranges.groups = vec![users];
        }
        let groups = annotation(GROUPS).map(|text| text.split(',').filter_map(block).collect());
        if let Some(groups) = groups.filter(|groups: &Vec<_>| !groups.is_empty()) {
            ranges.groups = groups;
        }
        if let Some(level) = annotation(LEVEL) {
            level.clone_into(&mut ranges.level);
        }
        ranges
    }

    /// Whether a Namespace has been given its ranges.
    #[must_use]
    pub fn are_given(namespace: &Value) -> bool {
        namespace["metadata"]["annotations"].get(USERS).is_some()
    }

    /// The annotations that give a namespace these ranges.
    #[must_use]
    pub fn annotations(&self) -> [(&'static str, String); 3] {
        let (first, last) = self.users;
        let range = format!("{first}/{}", last - first + 1);
        [(USERS, range.clone()), (GROUPS, range), (LEVEL, self.level.clone())]
    }
}

/// `FIRST/LENGTH`, or `FIRST-LAST`.
fn block(text: &str) -> Option<(i64, i64)> {
    if let Some((first, length)) = text.split_once('/') {
        let first: i64 = first.trim().parse().ok()?;
        let length: i64 = length.trim().parse().ok()?;
        return (length > 0).then_some((first, first + length - 1));
    }
    let (first, last) = text.split_once('-')?;
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ranges_come_from_the_namespaces_annotations() {
        let namespace = json!({"metadata": {"annotations": {
            USERS: "1000650000/10000", LEVEL: "s0:c26,c5", GROUPS: "1000650000/10000,5-9",
        }}});
        let ranges = Ranges::of(&namespace);
        assert_eq!(ranges.users, (1_000_650_000, 1_000_659_999));
        assert_eq!(ranges.groups, [(1_000_650_000, 1_000_659_999), (5, 9)]);
        assert_eq!(ranges.level, "s0:c26,c5");
        assert!(Ranges::are_given(&namespace) && !Ranges::are_given(&json!({})));
        assert_eq!(Ranges::of(&json!({})), Ranges::default());
    }

    #[test]
    fn what_is_handed_out_can_be_read_again() {
        let ranges = Ranges::default();
        let mut namespace = json!({"metadata": {"annotations": {}}});
        for (key, value) in ranges.annotations() {
            namespace["metadata"]["annotations"][key] = json!(value);
        }
        assert_eq!(Ranges::of(&namespace), ranges);
    }
}
