//! Faults: the running side of a script, asked by the API server, by Central and by the controllers.

mod script;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub use script::{ClusterFault, On, RequestAction, RequestRule, Script};

/// The faults in force. Clones share them, so a test can change them while the cluster runs.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Armed>,
    cluster: Vec<ClusterFault>,
    requests: HashMap<On, u64>,
    wakes: Option<Arc<Notify>>,
}

#[derive(Debug)]
struct Armed {
    rule: RequestRule,
    matched: u64,
    acted: u64,
}

/// What is known of a request when it is decided.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The server.
    pub on: On,
    /// The HTTP method.
    pub method: &'a str,
    /// The path with its query.
    pub path: &'a str,
    /// The `User-Agent` header, empty when absent.
    pub user_agent: &'a str,
}

impl Faults {
    /// The faults of a script.
    #[must_use]
    pub fn new(script: Script) -> Self {
        let faults = Self::default();
        faults.replace(script);
        faults
    }

    /// Puts another script in place of all faults; counters start again.
    pub fn replace(&self, script: Script) {
        let rules = script.requests.into_iter().map(Armed::new).collect();
        self.change(|state| {
            let wakes = state.wakes.take();
            *state = State { cluster: script.cluster, rules, wakes, ..State::default() };
        });
    }

    /// Whom to wake when faults change.
    pub(crate) fn wakes(&self, whom: Arc<Notify>) {
        self.lock().wakes = Some(whom);
    }

    /// Adds a rule about requests; its own counters start now.
    pub fn add_rule(&self, rule: RequestRule) {
        self.change(|state| state.rules.push(Armed::new(rule)));
    }

    /// Adds a fault of the cluster.
    pub fn add(&self, fault: ClusterFault) {
        self.change(|state| state.cluster.push(fault));
    }

    /// Takes every fault away that equals this one.
    pub fn remove(&self, fault: &ClusterFault) {
        self.change(|state| state.cluster.retain(|present| present != fault));
    }

    /// Takes all faults away.
    pub fn clear(&self) {
        self.replace(Script::default());
    }

    /// Counts a request and says what is to happen to it, if anything.
    #[must_use]
    pub fn decide(&self, asked: Asked<'_>) -> Option<RequestAction> {
        let mut state = self.lock();
        let counter = state.requests.entry(asked.on).or_default();
        *counter += 1;
        let number = *counter;
        // Every rule counts what fits it, also after another rule has decided.
        let mut decided = None;
        for armed in &mut state.rules {
            if armed.acts(asked, number) && decided.is_none() {
                armed.acted += 1;
                decided = Some(armed.rule.action.clone());
            }
        }
        decided
    }

    /// How many requests the rules in force have decided, those that are still held included.
    #[must_use]
    pub fn decided(&self) -> u64 {
        self.lock().rules.iter().map(|armed| armed.acted).sum()
    }

    /// Whether any fault in force satisfies the question.
    pub fn any(&self, question: impl FnMut(&ClusterFault) -> bool) -> bool {
        self.lock().cluster.iter().any(question)
    }

    /// The first answer that a fault in force gives to the question.
    pub fn find<T>(&self, question: impl FnMut(&ClusterFault) -> Option<T>) -> Option<T> {
        self.lock().cluster.iter().find_map(question)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        if let Some(whom) = &state.wakes {
            whom.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Armed {
    const fn new(rule: RequestRule) -> Self {
        Self { rule, matched: 0, acted: 0 }
    }

    fn acts(&mut self, asked: Asked<'_>, number: u64) -> bool {
        let rule = &self.rule;
        let fits = rule.on == asked.on
            && rule
                .method
                .as_deref()
                .is_none_or(|method| method.eq_ignore_ascii_case(asked.method))
            && rule.path.as_deref().is_none_or(|pattern| matches(pattern, asked.path))
            && rule.user_agent.as_deref().is_none_or(|pattern| matches(pattern, asked.user_agent))
            && (!rule.action.means_watches() || is_watch(asked.path));
        if !fits {
            return false;
        }
        self.matched += 1;
        rule.nth.is_none_or(|nth| nth == self.matched)
            && rule.request.is_none_or(|wanted| wanted == number)
            && rule.times.is_none_or(|times| self.acted < times)
    }
}

impl RequestAction {
    const fn means_watches(&self) -> bool {
        matches!(self, Self::DropWatch | Self::ExpireWatch)
    }
}

fn is_watch(path: &str) -> bool {
    path.split_once('?').is_some_and(|(_, query)| {
        query.split('&').any(|pair| matches!(pair, "watch=true" | "watch=1"))
    })
}

/// Whether `text` fits `pattern`, in which `*` stands for any text.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(head) else {
        return false;
    };
    let ends = rest.char_indices().map(|(index, _)| index).chain([rest.len()]);
    ends.into_iter().any(|index| matches(tail, &rest[index..]))
}

/// Whether a fault's `workload` means the workload of this kind and name.
#[must_use]
pub fn means_workload(pattern: &str, kind: &str, name: &str) -> bool {
    match pattern.split_once('/') {
        Some((of_kind, of_name)) => of_kind.eq_ignore_ascii_case(kind) && matches(of_name, name),
        None => matches(pattern, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> Asked<'_> {
        Asked { on: On::Api, method: "GET", path, user_agent: "kubectl/v1.33" }
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("/api/*/pods", "/api/v1/pods", true),
            ("/api/*/pods", "/api/v1/nodes", false),
            ("*:3.69.2", "r/main:3.69.2", true),
            ("a*b*c", "aXbYbZc", true),
            ("exact", "exactly", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn only_the_nth_fitting_request_is_refused() {
        let rule = RequestRule::api(RequestAction::refuse(503)).path("/a*").nth(2);
        let faults = Faults::new(Script::default().request(rule));
        let decided: Vec<bool> =
            ["/a", "/b", "/a/1", "/a"].map(|path| faults.decide(get(path)).is_some()).to_vec();
        assert_eq!(decided, [false, false, true, false]);
    }

    #[test]
    fn the_nth_request_overall_is_counted_per_server() {
        let rule = RequestRule::api(RequestAction::CutBefore).request(3);
        let faults = Faults::new(Script::default().request(rule));
        let central = Asked { on: On::Central, ..get("/v1/ping") };
        assert_eq!(faults.decide(get("/a")), None);
        assert_eq!(faults.decide(central), None);
        assert_eq!(faults.decide(get("/b")), None);
        assert_eq!(faults.decide(get("/c")), Some(RequestAction::CutBefore));
    }

    #[test]
    fn a_rule_with_times_wears_out() {
        let rule = RequestRule::api(RequestAction::refuse(429)).times(2);
        let faults = Faults::new(Script::default().request(rule));
        let refused = (0..5).filter(|_| faults.decide(get("/x")).is_some()).count();
        assert_eq!(refused, 2);
        assert_eq!(faults.decided(), 2);
        faults.clear();
        assert_eq!(faults.decided(), 0);
    }

    #[test]
    fn watch_rules_leave_lists_alone() {
        let faults = Faults::new(
            Script::default().request(RequestRule::api(RequestAction::ExpireWatch).path("*pods*")),
        );
        assert_eq!(faults.decide(get("/api/v1/pods?limit=5")), None);
        assert_eq!(
            faults.decide(get("/api/v1/pods?limit=5&watch=true")),
            Some(RequestAction::ExpireWatch)
        );
    }

    #[test]
    fn workloads_are_named_with_or_without_kind() {
        assert!(means_workload("central", "Deployment", "central"));
        assert!(means_workload("daemonset/collector", "DaemonSet", "collector"));
        assert!(!means_workload("deployment/collector", "DaemonSet", "collector"));
    }
}
