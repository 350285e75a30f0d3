//! Whose the Scanner's configuration is: a release's own, or the user's.

use serde_json::Value;

use super::{Platform, Version, official};

/// The ConfigMap's name.
pub const NAME: &str = "scanner-config";

/// Where a configuration comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// It is that of the release asked about.
    ThisRelease,
    /// Another release brought it, and nobody changed it.
    AnotherRelease,
    /// Somebody changed it.
    User,
}

/// Where `live`, the ConfigMap `scanner-config` of an installation, comes from, seen from the
/// release `version`.
#[must_use]
pub fn origin(live: &Value, version: &Version, platform: Platform, namespace: &str) -> Origin {
    let is_of = |release: &Version| {
        official::object("ConfigMap", NAME, release, platform, namespace)
            .is_some_and(|official| same_data(&official, live))
    };
    if is_of(version) {
        Origin::ThisRelease
    } else if official::lines().iter().any(is_of) {
        Origin::AnotherRelease
    } else {
        Origin::User
    }
}

/// Whether two ConfigMaps say the same; comments and the layout of YAML in them do not matter.
#[must_use]
pub fn same_data(one: &Value, other: &Value) -> bool {
    let (Some(one), Some(other)) = (one["data"].as_object(), other["data"].as_object()) else {
        return false;
    };
    let meaning = |text: &Value| -> Value {
        let yaml = text.as_str().and_then(|text| serde_saphyr::from_str::<Value>(text).ok());
        yaml.unwrap_or_else(|| text.clone())
    };
    let same =
        |key, value| other.get(key).is_some_and(|it| it == value || meaning(it) == meaning(value));
    one.len() == other.len() && one.iter().all(|(key, value)| same(key, value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FROM: Version = Version::release(3, 62, 1);
    const TO: Version = Version::release(3, 69, 2);

    fn of(release: &Version) -> Value {
        official::object("ConfigMap", NAME, release, Platform::Kubernetes, "stackrox").unwrap()
    }

    fn seen_from(release: &Version, live: &Value) -> Origin {
        origin(live, release, Platform::Kubernetes, "stackrox")
    }

    #[test]
    fn a_configuration_is_of_the_release_that_brought_it() {
        assert!(!same_data(&of(&FROM), &of(&TO)), "they differ in their ports");
        assert_eq!(seen_from(&TO, &of(&TO)), Origin::ThisRelease);
        assert_eq!(seen_from(&TO, &of(&FROM)), Origin::AnotherRelease);
        assert_eq!(seen_from(&FROM, &of(&TO)), Origin::AnotherRelease);
    }

    #[test]
    fn comments_do_not_make_it_the_users_but_settings_do() {
        let with = |text: String| json!({"data": {"config.yaml": text}});
        let official = of(&FROM)["data"]["config.yaml"].as_str().unwrap().to_owned();
        let commented = with(format!("# installed by hand\n{official}"));
        assert_eq!(seen_from(&FROM, &commented), Origin::ThisRelease);
        let changed = with("scanner:\n  logLevel: DEBUG\n".to_owned());
        assert_eq!(seen_from(&FROM, &changed), Origin::User);
        assert_eq!(seen_from(&FROM, &json!({"data": {}})), Origin::User);
    }
}
