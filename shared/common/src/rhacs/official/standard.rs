//! What the objects have in common: API versions, the order to apply them, labels, annotations.

use serde_json::{Map, Value, json};

use super::condition::Point;
use crate::rhacs::Version;

/// The API version of a kind, where the data does not say another one.
pub(super) fn api_version(kind: &str) -> &'static str {
    match kind {
        "Deployment" | "DaemonSet" => "apps/v1",
        "Role" | "RoleBinding" | "ClusterRole" | "ClusterRoleBinding" => {
            "rbac.authorization.k8s.io/v1"
        }
        "NetworkPolicy" => "networking.k8s.io/v1",
        "PodSecurityPolicy" => "policy/v1beta1",
        "SecurityContextConstraints" => "security.openshift.io/v1",
        "ValidatingWebhookConfiguration" => "admissionregistration.k8s.io/v1",
        "HorizontalPodAutoscaler" => "autoscaling/v1",
        "ServiceMonitor" | "PrometheusRule" => "monitoring.coreos.com/v1",
        _ => "v1",
    }
}

/// Whether objects of the kind have no namespace.
pub(super) fn is_cluster_wide(kind: &str) -> bool {
    matches!(
        kind,
        "ClusterRole"
            | "ClusterRoleBinding"
            | "PodSecurityPolicy"
            | "SecurityContextConstraints"
            | "ValidatingWebhookConfiguration"
    )
}

/// The place of a kind among those applied together: what others refer to comes first.
pub(super) fn apply_rank(kind: &str) -> usize {
    APPLY_ORDER.iter().position(|known| *known == kind).unwrap_or(APPLY_ORDER.len())
}

const APPLY_ORDER: [&str; 16] = [
    "ServiceAccount",
    "PodSecurityPolicy",
    "SecurityContextConstraints",
    "Secret",
    "ConfigMap",
    "PersistentVolumeClaim",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "NetworkPolicy",
    "Service",
    "DaemonSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "ValidatingWebhookConfiguration",
];

/// Which of the two charts an object is of, and which component: `central/scanner`, `secured`.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    chart: &'a str,
    component: Option<&'a str>,
    auto_upgrade: bool,
}

impl<'a> Origin<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let (chart, component) = match text.split_once('/') {
            Some((chart, component)) => (chart, Some(component)),
            None => (text, None),
        };
        Self { chart, component, auto_upgrade: chart == "secured" }
    }

    /// The same for a pod template, which the automatic upgrade does not look at.
    pub(super) const fn of_pod(self) -> Self {
        Self { auto_upgrade: false, ..self }
    }

    /// The labels every object of the chart has.
    pub(super) fn labels(self, point: &Point<'_>) -> Map<String, Value> {
        let instance = self.instance();
        let chart = format!("{instance}-{}", chart_version(point.version));
        let mut labels = entries([
            ("app.kubernetes.io/instance", instance),
            ("app.kubernetes.io/managed-by", "Helm"),
            ("app.kubernetes.io/name", "stackrox"),
            ("app.kubernetes.io/part-of", instance),
            ("app.kubernetes.io/version", &point.version.tag()),
            ("helm.sh/chart", &chart),
        ]);
        // The chart of secured clusters names its components since 3.65.
        let named = self.chart == "central" || point.version.is_at_least(3, 65);
        if let Some(component) = self.component.filter(|_| named) {
            labels.insert("app.kubernetes.io/component".to_owned(), json!(component));
        }
        if self.auto_upgrade {
            labels.insert("auto-upgrade.stackrox.io/component".to_owned(), json!("sensor"));
        }
        labels
    }

    /// The annotations every object of the chart has.
    pub(super) fn annotations(self, point: &Point<'_>) -> Map<String, Value> {
        entries([
            ("email", "support@stackrox.com"),
            ("meta.helm.sh/release-name", self.instance()),
            ("meta.helm.sh/release-namespace", point.namespace),
            ("owner", "stackrox"),
        ])
    }

    fn instance(self) -> &'static str {
        if self.chart == "central" {
            "stackrox-central-services"
        } else {
            "stackrox-secured-cluster-services"
        }
    }
}

/// The version of the chart: 3.69.2 is 69.2.0, 4.8.3 is 400.8.3.
fn chart_version(version: &Version) -> String {
    let (minor, patch) = (version.minor(), version.patch());
    if version.major() == 3 {
        format!("{minor}.{patch}.0")
    } else {
        format!("{}.{minor}.{patch}", version.major() * 100)
    }
}

fn entries<const N: usize>(pairs: [(&str, &str); N]) -> Map<String, Value> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect()
}
