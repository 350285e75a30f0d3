//! The rows: first what the guide changes itself, then why all else may differ.

use super::{Reason, Row, Side};

/// Objects and fields the manual steps are there to change; no row explains these. Source: the
/// steps of the upgrade guide of 3.69, completed from its later editions.
pub(super) const GUIDED: &[(&str, &str)] = &[
    ("*", "*securityContext*"),
    ("*", "*readinessProbe.httpGet.path"),
    ("*", "*ontainers[*].env[ROX_NAMESPACE]*"),
    ("*", "*ontainers[*].env[ROX_SCANNER_DB_INIT]*"),
    ("*", "*ontainers[*].env[POSTGRES_PASSWORD_FILE]*"),
    ("*", "*ontainers[*].env[ROX_ENABLE_OPENSHIFT_AUTH]*"),
    ("SecurityContextConstraints/*", ""),
    ("SecurityContextConstraints/*", "allowP*"),
    ("SecurityContextConstraints/*", "allowedCapabilities"),
    ("SecurityContextConstraints/*", "users*"),
    ("SecurityContextConstraints/*", "runAsUser*"),
    ("SecurityContextConstraints/*", "readOnlyRootFilesystem"),
    ("Role/edit", "rules*"),
    ("Role/stackrox-central-diagnostics", "rules*"),
];

/// Every object.
const ALL: &[&str] = &["*"];

const WORKLOADS: &[&str] = &["Deployment/*", "DaemonSet/*"];

/// Why a field may differ; the first row that fits counts.
pub(super) const ROWS: &[Row] = &[
    // What describes objects rather than making them work.
    row(
        ALL,
        &["metadata.labels*", "spec.template.metadata.labels*", "spec.template.metadata.namespace"],
        Side::Any,
        Reason::Labels,
    ),
    row(
        &["ServiceAccount/central"],
        &["metadata.annotations[serviceaccounts.openshift.io/oauth-redirect*"],
        Side::Missing,
        Reason::OpenShiftLogin,
    ),
    row(
        ALL,
        &["metadata.annotations*", "spec.template.metadata.annotations*"],
        Side::Any,
        Reason::Labels,
    ),
    // What each installation has of its own.
    row(&["Secret/*"], &["data*", "type"], Side::Any, Reason::Secrets),
    row(
        &["Secret/stackrox-generated-*", "Secret/central-htpasswd"],
        &[""],
        Side::Any,
        Reason::Secrets,
    ),
    row(&["ConfigMap/injected-cabundle-*"], &["*"], Side::Any, Reason::InjectedCaBundle),
    row(&["ConfigMap/*"], &["data*"], Side::Any, Reason::Configuration),
    row(
        WORKLOADS,
        &["*.volumes[trusted-ca-volume]*", "*.volumeMounts[/etc/pki/injected-ca-trust/]*"],
        Side::Any,
        Reason::InjectedCaBundle,
    ),
    // What whoever runs the installation sets: sizes, places, ways to pull and to collect.
    row(
        WORKLOADS,
        &[
            "*.resources*",
            "spec.replicas",
            "spec.strategy*",
            "spec.updateStrategy*",
            "spec.minReadySeconds",
            "spec.revisionHistoryLimit",
            "spec.template.spec.affinity*",
            "spec.template.spec.tolerations*",
            "spec.template.spec.nodeSelector*",
            "spec.template.spec.priorityClassName",
            "spec.template.spec.topologySpreadConstraints*",
            "*.imagePullPolicy",
            "spec.template.spec.imagePullSecrets*",
            "*.env[COLLECTION_METHOD]*",
            "*.env[ROX_OFFLINE_MODE]*",
            "*.env[ROX_TELEMETRY*",
            "*.volumes[stackrox-db]*",
        ],
        Side::Any,
        Reason::OperatorsChoice,
    ),
    // A Central that keeps its data on the node needs this one.
    row(
        &["SecurityContextConstraints/*central"],
        &["allowHostDirVolumePlugin"],
        Side::Any,
        Reason::OperatorsChoice,
    ),
    row(&["HorizontalPodAutoscaler/*"], &["spec*"], Side::Any, Reason::OperatorsChoice),
    row(&["PersistentVolumeClaim/*"], &["*"], Side::Any, Reason::OperatorsChoice),
    row(&["ServiceAccount/*"], &["imagePullSecrets*"], Side::Any, Reason::OperatorsChoice),
    row(
        &["Service/*"],
        &["spec.type", "spec.ports*", "spec.*oadBalancer*", "spec.externalTrafficPolicy"],
        Side::Any,
        Reason::OperatorsChoice,
    ),
    // What not every cluster serves: Kubernetes has no pod security policies since 1.25.
    row(
        &["PodSecurityPolicy/*", "ServiceMonitor/*", "PrometheusRule/*"],
        &[""],
        Side::Missing,
        Reason::NotServed,
    ),
    // What the product wrote otherwise at some release, and both work.
    row(
        WORKLOADS,
        &[
            "*.env[GRPC_SERVER].value",
            "*.env[SNI_HOSTNAME].value",
            "*.env[ROX_ADVERTISED_ENDPOINT].value",
            "*.env[ROX_SENSOR_ENDPOINT].value",
            "*.env[ROX_CENTRAL_ENDPOINT].value",
        ],
        Side::Any,
        Reason::AddressForm,
    ),
    row(&["NetworkPolicy/*"], &["spec*", ""], Side::Any, Reason::NetworkPolicies),
    row(&["ValidatingWebhookConfiguration/stackrox"], &["webhooks*"], Side::Any, Reason::Webhook),
    // Since 3.71 the scanner's database keeps its data in a volume of another name, and its init
    // container makes the database; the guide rewrites parts of that only.
    row(
        &["Deployment/scanner-db"],
        &[
            "*.command",
            "*.ports[https-db]",
            "*.ports[tcp-postgresql]",
            "*.volumes[db-data]",
            "*.volumes[scanner-db-data]",
            "*.volumeMounts[/var/lib/postgresql/data]*",
            "*.volumeMounts[/run/secrets/stackrox.io/*",
        ],
        Side::Any,
        Reason::ScannerDatabase,
    ),
    // What came or went with a release and the guide does not speak of.
    row(
        WORKLOADS,
        &[
            "*.env[*]",
            "*.volumes[*]",
            "*.volumeMounts[*]",
            "*.volumeMounts[*].readOnly",
            "*.ports[*]",
        ],
        Side::Missing,
        Reason::AddedLater,
    ),
    row(
        WORKLOADS,
        &["*.env[*]", "*.env", "*.volumes[*]", "*.volumeMounts[*]", "*.ports[*]"],
        Side::Extra,
        Reason::Kept,
    ),
    row(
        &["Role/use-central-db-scc", "RoleBinding/central-db-use-scc"],
        &[""],
        Side::Missing,
        Reason::AddedLater,
    ),
];

const fn row(
    objects: &'static [&'static str],
    paths: &'static [&'static str],
    side: Side,
    reason: Reason,
) -> Row {
    Row { objects, paths, side, reason }
}
