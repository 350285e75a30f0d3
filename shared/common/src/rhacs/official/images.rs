//! The official image references of each release, as the manifests of that release have them.

use crate::rhacs::Version;
use crate::rhacs::images::EarlyTags;

/// The reference of the image the data files call `<name>`; `None` for a name that is no image.
pub(super) fn reference(name: &str, version: &Version) -> Option<String> {
    if !IMAGES.contains(&name) {
        return None;
    }
    if !version.is_at_least(3, 68) {
        return Some(format!("registry.redhat.io/rh-acs/{name}:{}", early_tag(name, version)));
    }
    let slim = if name == "collector" && !version.is_at_least(4, 7) { "-slim" } else { "" };
    let rhel = if version.is_at_least(4, 11) { 9 } else { 8 };
    let tag = version.tag();
    Some(format!(
        "registry.redhat.io/advanced-cluster-security/rhacs-{name}{slim}-rhel{rhel}:{tag}"
    ))
}

const IMAGES: [&str; 9] = [
    "main",
    "central-db",
    "collector",
    "scanner",
    "scanner-slim",
    "scanner-db",
    "scanner-db-slim",
    "scanner-v4",
    "scanner-v4-db",
];

/// The tag before all images had the product's. A release whose tags are not known, such as 3.65,
/// gets those of the line before it.
fn early_tag(name: &str, version: &Version) -> String {
    let tags = EarlyTags::near(version);
    match name {
        "scanner" | "scanner-db" => tags.scanner.to_owned(),
        // The slim collector became the default with 3.62.
        "collector" if version.is_at_least(3, 62) => format!("{}-slim", tags.collector),
        "collector" => format!("{}-latest", tags.collector),
        _ => version.tag(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_era_has_its_names_and_tags() {
        for (name, version, expected) in [
            ("main", "3.0.62.1", "registry.redhat.io/rh-acs/main:3.0.62.1"),
            ("scanner-db", "3.66.1", "registry.redhat.io/rh-acs/scanner-db:2.20.0"),
            ("collector", "3.0.58.1", "registry.redhat.io/rh-acs/collector:3.1.20-latest"),
            ("collector", "3.67.2", "registry.redhat.io/rh-acs/collector:3.5.0-slim"),
            (
                "collector",
                "4.6.10",
                "registry.redhat.io/advanced-cluster-security/rhacs-collector-slim-rhel8:4.6.10",
            ),
            (
                "scanner-v4-db",
                "4.11.1",
                "registry.redhat.io/advanced-cluster-security/rhacs-scanner-v4-db-rhel9:4.11.1",
            ),
        ] {
            let version = version.parse().unwrap();
            assert_eq!(reference(name, &version).unwrap(), expected);
        }
        assert_eq!(reference("ns", &Version::release(4, 0, 0)), None);
    }
}
