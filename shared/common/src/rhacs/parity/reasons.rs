//! The table of reasons why an upgraded installation still differs from the official objects.

mod table;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rhacs::images::{Image, Role};
use table::{GUIDED, ROWS};

/// Why a field of a live installation is not that of the official objects.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// Labels and descriptive annotations; the manual steps leave them as they were installed.
    Labels,
    /// The same image from another registry, or pinned by digest.
    CustomRegistry,
    /// The full collector in place of the slim one, or the reverse.
    CollectorVariant,
    /// Resources, replicas, scheduling, pull secrets: whoever runs the installation chooses.
    OperatorsChoice,
    /// The text of a configuration, kept because it may have been customised.
    Configuration,
    /// Keys of a Secret: their values are the installation's own.
    Secrets,
    /// Came with a later release than the installation; the manual steps do not add it.
    AddedLater,
    /// Set by an earlier release, or added by whoever runs the installation.
    Kept,
    /// The trusted CA bundle that OpenShift injects since 3.69.
    InjectedCaBundle,
    /// Signing in through OpenShift, which the guide leaves to choose.
    OpenShiftLogin,
    /// Another form of an address of the same service.
    AddressForm,
    /// The layout of the scanner's database pod, which the manual steps change only in part.
    ScannerDatabase,
    /// Network policies; not part of the manual steps.
    NetworkPolicies,
    /// Rules and versions of the admission webhook; not part of the manual steps up to 3.74.
    Webhook,
    /// Objects of a kind that not every cluster serves.
    NotServed,
    /// No row of the table explains it: the upgrade forgot something, or someone changed it.
    Unexplained,
}

impl Reason {
    /// The reason in a few words, for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Labels => "the guide does not change labels and annotations",
            Self::CustomRegistry => "custom registry or digest kept",
            Self::CollectorVariant => "full or slim collector: the operator's choice",
            Self::OperatorsChoice => "the operator's to choose",
            Self::Configuration => "configuration kept because it may be customised",
            Self::Secrets => "secrets are the installation's own",
            Self::AddedLater => "added by a later release, not part of the manual upgrade",
            Self::Kept => "from an earlier release or added by hand; kept",
            Self::InjectedCaBundle => {
                "added in 3.69, not part of the manual upgrade: injected CA bundle"
            }
            Self::OpenShiftLogin => "signing in through OpenShift is optional",
            Self::AddressForm => "another form of the same address",
            Self::ScannerDatabase => {
                "the manual upgrade changes the scanner database's pod in part"
            }
            Self::NetworkPolicies => "network policies are not part of the manual upgrade",
            Self::Webhook => "the webhook is not part of the manual upgrade",
            Self::NotServed => "not every cluster serves objects of this kind",
            Self::Unexplained => "unexplained",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// The reason why `object` has `is` at `path` and the official one `official`.
///
/// What the manual steps are there to change (images, probe, security contexts, SCCs, roles, some
/// variables) is never explained by the table: only a mirror or another collector explains an image.
#[must_use]
pub fn reason(object: &str, path: &str, is: Option<&Value>, official: Option<&Value>) -> Reason {
    if path.ends_with(".image") {
        return image_reason(is, official).unwrap_or(Reason::Unexplained);
    }
    if GUIDED.iter().any(|(kind, field)| matches(kind, object) && matches(field, path)) {
        return Reason::Unexplained;
    }
    let row = ROWS.iter().find(|row| {
        row.side.fits(is.is_some(), official.is_some())
            && row.objects.iter().any(|pattern| matches(pattern, object))
            && row.paths.iter().any(|pattern| matches(pattern, path))
    });
    row.map_or(Reason::Unexplained, |row| row.reason)
}

/// One line of the table.
struct Row {
    objects: &'static [&'static str],
    paths: &'static [&'static str],
    side: Side,
    reason: Reason,
}

/// Which of the two has the field.
#[derive(Clone, Copy)]
enum Side {
    Any,
    /// Only the official object.
    Missing,
    /// Only the live one.
    Extra,
}

impl Side {
    const fn fits(self, live: bool, official: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Missing => official && !live,
            Self::Extra => live && !official,
        }
    }
}

fn image_reason(is: Option<&Value>, official: Option<&Value>) -> Option<Reason> {
    let is = Image::classify(is?.as_str()?)?;
    let official = Image::classify(official?.as_str()?)?;
    if is.role != official.role || !tag_fits(&is, &official) {
        None
    } else if is.slim != official.slim {
        Some(Reason::CollectorVariant)
    } else {
        Some(Reason::CustomRegistry)
    }
}

/// Whether both are of one build. Up to 3.67 the collector's tag ends with its variant.
fn tag_fits(is: &Image, official: &Image) -> bool {
    let Some(tag) = is.tag.as_deref() else { return is.digest.is_some() };
    let Some(official_tag) = official.tag.as_deref() else { return false };
    let is_variant = is.role == Role::Collector && is.slim != official.slim;
    tag == official_tag || (is_variant && build(tag) == build(official_tag))
}

/// `3.4.1` of `3.4.1-slim` and `3.4.1-latest`.
fn build(tag: &str) -> &str {
    tag.strip_suffix("-slim").or_else(|| tag.strip_suffix("-latest")).unwrap_or(tag)
}

/// Whether `text` fits `pattern`, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| text.strip_prefix(start)) else {
        return false;
    };
    let Some(mut last) = pattern.contains('*').then(|| parts.next_back().unwrap_or_default())
    else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(found) = rest.find(part) else { return false };
        rest = &rest[found + part.len()..];
    }
    std::mem::swap(&mut rest, &mut last);
    last.ends_with(rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "abc", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abde", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn only_a_mirror_explains_another_image() {
        let path = "spec.template.spec.containers[central].image";
        let official =
            json!("registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:3.69.2");
        let because =
            |is: &str| reason("Deployment/central", path, Some(&json!(is)), Some(&official));
        assert_eq!(
            because("mirror.example.com/acs/rhacs-main-rhel8:3.69.2"),
            Reason::CustomRegistry
        );
        assert_eq!(because("mirror.example.com/acs/rhacs-main-rhel8:3.69.1"), Reason::Unexplained);
        assert_eq!(because("docker.io/library/nginx:3.69.2"), Reason::Unexplained);
    }

    #[test]
    fn a_collector_of_the_other_variant_is_the_operators_choice() {
        let path = "spec.template.spec.containers[collector].image";
        let old = "registry.redhat.io/rh-acs/collector";
        let new = "registry.redhat.io/advanced-cluster-security/rhacs-collector";
        for (is, official, expected) in [
            (format!("{old}:3.4.1-latest"), format!("{old}:3.4.1-slim"), Reason::CollectorVariant),
            (
                "mirror.example/acs/collector:3.1.20-slim".to_owned(),
                format!("{old}:3.1.20-latest"),
                Reason::CollectorVariant,
            ),
            (
                format!("{new}-rhel8:3.69.2"),
                format!("{new}-slim-rhel8:3.69.2"),
                Reason::CollectorVariant,
            ),
            (format!("{old}:3.2.0-latest"), format!("{old}:3.4.1-slim"), Reason::Unexplained),
            (format!("{old}:3.2.0-slim"), format!("{old}:3.4.1-slim"), Reason::Unexplained),
            (
                "mirror.example/acs/collector:3.4.1-slim".to_owned(),
                format!("{old}:3.4.1-slim"),
                Reason::CustomRegistry,
            ),
        ] {
            let reason =
                reason("DaemonSet/collector", path, Some(&json!(is)), Some(&json!(official)));
            assert_eq!(reason, expected, "{is} for {official}");
        }
    }

    #[test]
    fn what_the_guide_changes_is_never_explained_away() {
        let variable = "spec.template.spec.containers[central].env[ROX_NAMESPACE]";
        let missing = reason("Deployment/central", variable, None, Some(&json!({})));
        assert_eq!(missing, Reason::Unexplained);
        let probe = "spec.template.spec.containers[sensor].readinessProbe.httpGet.path";
        let old = reason("Deployment/sensor", probe, Some(&json!("/a")), Some(&json!("/b")));
        assert_eq!(old, Reason::Unexplained);
    }
}
