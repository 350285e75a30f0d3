//! The script of a bad day: which requests fail and what goes wrong in the cluster, as plain data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What goes wrong, in the order in which it is looked up: the first request rule that fits decides.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// Faults of single requests to one of the servers.
    pub requests: Vec<RequestRule>,
    /// Faults of the cluster and of the product in it.
    pub cluster: Vec<ClusterFault>,
}

impl Script {
    /// Adds a rule about requests.
    #[must_use]
    pub fn request(mut self, rule: RequestRule) -> Self {
        self.requests.push(rule);
        self
    }

    /// Adds a fault of the cluster.
    #[must_use]
    pub fn cluster(mut self, fault: ClusterFault) -> Self {
        self.cluster.push(fault);
        self
    }

    /// Reads a script from YAML or JSON.
    ///
    /// # Errors
    /// A message that says what could not be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_saphyr::from_str(text).map_err(|error| format!("cannot read fault script: {error}"))
    }
}

/// Which server a request is made to.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum On {
    /// The Kubernetes API server.
    #[default]
    Api,
    /// Central's HTTPS server.
    Central,
    /// The server of Splunk Observability Cloud.
    Splunk,
}

/// One rule: the requests it means and what happens to them. Absent conditions match everything.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RequestRule {
    /// The server.
    #[serde(default)]
    pub on: On,
    /// The HTTP method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// A pattern of the path with its query; `*` stands for any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A pattern of the `User-Agent` header; `*` stands for any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Only the N-th request that fits the conditions above, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Only the N-th request to this server at all, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<u64>,
    /// Only this many times; without it every time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What happens.
    pub action: RequestAction,
}

impl RequestRule {
    /// A rule about every request to the API server.
    #[must_use]
    pub const fn api(action: RequestAction) -> Self {
        Self {
            on: On::Api,
            method: None,
            path: None,
            user_agent: None,
            nth: None,
            request: None,
            times: None,
            action,
        }
    }

    /// A rule about every request to Central.
    #[must_use]
    pub const fn central(action: RequestAction) -> Self {
        let mut rule = Self::api(action);
        rule.on = On::Central;
        rule
    }

    /// A rule about every request to Splunk.
    #[must_use]
    pub const fn splunk(action: RequestAction) -> Self {
        let mut rule = Self::api(action);
        rule.on = On::Splunk;
        rule
    }

    /// Narrows the rule to a method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Narrows the rule to paths of a pattern.
    #[must_use]
    pub fn path(mut self, pattern: &str) -> Self {
        self.path = Some(pattern.to_owned());
        self
    }

    /// Narrows the rule to user agents of a pattern.
    #[must_use]
    pub fn user_agent(mut self, pattern: &str) -> Self {
        self.user_agent = Some(pattern.to_owned());
        self
    }

    /// Narrows the rule to the N-th request that fits, counted from 1.
    #[must_use]
    pub const fn nth(mut self, nth: u64) -> Self {
        self.nth = Some(nth);
        self
    }

    /// Narrows the rule to the N-th request to the server, counted from 1.
    #[must_use]
    pub const fn request(mut self, number: u64) -> Self {
        self.request = Some(number);
        self
    }

    /// Lets the rule act only so many times.
    #[must_use]
    pub const fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }
}

/// What happens to a request.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RequestAction {
    /// The server answers with an error and does nothing.
    Refuse {
        /// The HTTP status: 401, 403, 409, 429, 500, 503 …
        status: u16,
        /// Seconds of the `Retry-After` header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u32>,
        /// The message, in place of the usual one of that status.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// The answer comes this many real milliseconds late.
    Delay {
        /// Real milliseconds: it is the client's patience that is tested.
        milliseconds: u64,
    },
    /// The connection is dropped before the request took effect.
    CutBefore,
    /// The request takes effect, but the connection is dropped before the answer.
    CutAfter,
    /// A watch ends at once, as when the connection behind it is lost.
    DropWatch,
    /// A watch is answered with 410 Gone, as when its resourceVersion is too old.
    ExpireWatch,
}

impl RequestAction {
    /// A refusal with the usual message of the status.
    #[must_use]
    pub const fn refuse(status: u16) -> Self {
        Self::Refuse { status, retry_after: None, message: None }
    }
}

/// What goes wrong in the cluster. Workloads are given as `deployment/NAME`, `daemonset/NAME` or just `NAME`;
/// patterns may hold `*`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ClusterFault {
    /// Images that fit the pattern cannot be pulled.
    BrokenPull {
        /// A pattern of the whole image reference.
        image: String,
    },
    /// The containers of new pods of a workload exit soon after their start.
    CrashLoop {
        /// The workload.
        workload: String,
        /// Only pods of this image, as a pattern.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image: Option<String>,
    },
    /// New pods of a workload take longer to become ready.
    SlowReadiness {
        /// The workload.
        workload: String,
        /// Virtual seconds on top of the usual time.
        seconds: u64,
    },
    /// New pods of a workload never become ready.
    NeverReady {
        /// The workload.
        workload: String,
    },
    /// New pods of a workload fit no node.
    Unschedulable {
        /// The workload.
        workload: String,
    },
    /// A quota forbids new pods of a workload.
    QuotaExceeded {
        /// The workload.
        workload: String,
    },
    /// An admission webhook denies new pods of a workload.
    WebhookDenial {
        /// The workload.
        workload: String,
        /// What the webhook says.
        message: String,
    },
    /// Central's migrator fails when it has to change the database.
    FailedMigration {
        /// The text after `Migrator failed: `.
        message: String,
    },
    /// Central's backup ends early, although it was answered with 200.
    TruncatedBackup {
        /// Bytes that are sent.
        bytes: u64,
    },
    /// Central cannot read a key while it sends a backup: the archive ends properly, without that
    /// key and its version, what went wrong follows it, and all of it was answered with 200.
    FailedBackup {
        /// Central's words after the archive.
        message: String,
    },
    /// Central refuses to make a backup.
    BackupRefused {
        /// 401 or 403.
        status: u16,
    },
    /// Central accepts connections but answers nothing.
    CentralNeverAnswers,
    /// The sensor of a cluster does not connect again.
    SensorStaysAway {
        /// The cluster's name in Central; `*` for all.
        cluster: String,
    },
    /// The sensor upgrader ends in a state such as `UPGRADE_ERROR_ROLLED_BACK`.
    UpgraderFails {
        /// The last state.
        state: String,
        /// What Central says about it; something fitting if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
        /// Only for clusters of this name in Central, as a pattern.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cluster: Option<String>,
    },
    /// The sensor upgrader never leaves a state, and Central does not give it up.
    UpgraderStays {
        /// The state, such as `UPGRADER_LAUNCHING`.
        state: String,
        /// Only for clusters of this name in Central, as a pattern.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cluster: Option<String>,
    },
    /// The disk of Central is too full for the copy that a rollback needs.
    FullDisk,
}

impl ClusterFault {
    /// A pull that fails for images of a pattern.
    #[must_use]
    pub fn broken_pull(image: &str) -> Self {
        Self::BrokenPull { image: image.to_owned() }
    }

    /// A workload whose new pods crash.
    #[must_use]
    pub fn crash_loop(workload: &str) -> Self {
        Self::CrashLoop { workload: workload.to_owned(), image: None }
    }

    /// A workload whose new pods need longer.
    #[must_use]
    pub fn slow_readiness(workload: &str, extra: Duration) -> Self {
        Self::SlowReadiness { workload: workload.to_owned(), seconds: extra.as_secs() }
    }

    /// A workload whose new pods never become ready.
    #[must_use]
    pub fn never_ready(workload: &str) -> Self {
        Self::NeverReady { workload: workload.to_owned() }
    }

    /// A workload whose new pods fit no node.
    #[must_use]
    pub fn unschedulable(workload: &str) -> Self {
        Self::Unschedulable { workload: workload.to_owned() }
    }

    /// A workload whose new pods exceed a quota.
    #[must_use]
    pub fn quota_exceeded(workload: &str) -> Self {
        Self::QuotaExceeded { workload: workload.to_owned() }
    }

    /// A workload whose new pods a webhook denies.
    #[must_use]
    pub fn webhook_denial(workload: &str, message: &str) -> Self {
        Self::WebhookDenial { workload: workload.to_owned(), message: message.to_owned() }
    }

    /// A migration that fails with a message.
    #[must_use]
    pub fn failed_migration(message: &str) -> Self {
        Self::FailedMigration { message: message.to_owned() }
    }

    /// An automatic upgrade of every cluster that ends in this state.
    #[must_use]
    pub fn upgrader_fails(state: &str) -> Self {
        Self::UpgraderFails { state: state.to_owned(), detail: None, cluster: None }
    }

    /// An automatic upgrade of every cluster that stays in this state.
    #[must_use]
    pub fn upgrader_stays(state: &str) -> Self {
        Self::UpgraderStays { state: state.to_owned(), cluster: None }
    }

    /// A sensor that does not come back.
    #[must_use]
    pub fn sensor_stays_away(cluster: &str) -> Self {
        Self::SensorStaysAway { cluster: cluster.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_reads_from_yaml() {
        let script = Script::parse(
            "requests:\n- {method: PATCH, path: '*/deployments/central', nth: 2, action: {refuse: {status: 429, retry_after: 1}}}\n\
             - {on: central, action: cut-after, times: 1}\n\
             cluster:\n- broken-pull: {image: '*rhacs-main*:3.69.2'}\n- central-never-answers\n",
        )
        .unwrap();
        let refuse = RequestAction::Refuse { status: 429, retry_after: Some(1), message: None };
        let expected = Script::default()
            .request(RequestRule::api(refuse).method("PATCH").path("*/deployments/central").nth(2))
            .request(RequestRule::central(RequestAction::CutAfter).times(1))
            .cluster(ClusterFault::broken_pull("*rhacs-main*:3.69.2"))
            .cluster(ClusterFault::CentralNeverAnswers);
        assert_eq!(script, expected);
    }

    #[test]
    fn a_script_survives_its_text() {
        let script = Script::default()
            .request(RequestRule::api(RequestAction::refuse(503)).user_agent("kubectl*").request(7))
            .cluster(ClusterFault::crash_loop("sensor"));
        let text = serde_json::to_string(&script).unwrap();
        assert_eq!(Script::parse(&text).unwrap(), script);
    }

    #[test]
    fn an_unknown_word_is_refused() {
        assert!(Script::parse("requests:\n- {verb: GET, action: cut-before}\n").is_err());
    }
}
