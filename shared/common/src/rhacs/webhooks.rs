//! Admission webhooks: which requests one of them sees before they are carried out.

use serde_json::Value;

/// A request as admission sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// `CREATE`, `UPDATE` or `DELETE`.
    pub operation: &'static str,
    /// API group, empty for core.
    pub group: String,
    /// Plural resource, such as `deployments`.
    pub resource: String,
    /// The labels of the object, as far as they are known.
    pub labels: Value,
    /// The namespace with its labels; none for a cluster-wide object.
    pub namespace: Option<(String, Value)>,
}

/// The kinds of objects that configure webhooks.
pub const KINDS: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// The webhooks of a configuration that refuse what they cannot be asked about.
pub fn closed(configuration: &Value) -> impl Iterator<Item = &Value> {
    let all = configuration["webhooks"].as_array().into_iter().flatten();
    all.filter(|webhook| webhook["failurePolicy"] != "Ignore")
}

/// The namespace and the name of the Service that answers for a webhook; none when it is an URL.
#[must_use]
pub fn service_of(webhook: &Value) -> Option<(&str, &str)> {
    let service = &webhook["clientConfig"]["service"];
    Some((service["namespace"].as_str()?, service["name"].as_str()?))
}

/// Whether the webhook is asked about the request.
#[must_use]
pub fn intercepts(webhook: &Value, request: &Request) -> bool {
    // Otherwise nobody could mend a webhook that refuses everything.
    if request.group == "admissionregistration.k8s.io" {
        return false;
    }
    let mut rules = webhook["rules"].as_array().into_iter().flatten();
    if !rules.any(|rule| matches(rule, request)) {
        return false;
    }
    let of_namespace = request.namespace.as_ref().is_none_or(|(name, labels)| {
        let mut labels = labels.clone();
        // The API server gives every namespace this label.
        labels["kubernetes.io/metadata.name"] = name.as_str().into();
        selects(&webhook["namespaceSelector"], &labels)
    });
    of_namespace && selects(&webhook["objectSelector"], &request.labels)
}

/// Versions do not count: by default a webhook is also asked about equivalent ones.
fn matches(rule: &Value, request: &Request) -> bool {
    let names = |field: &str, wanted: &[&str]| {
        let mut all = rule[field].as_array().into_iter().flatten().filter_map(Value::as_str);
        all.any(|one| wanted.contains(&one))
    };
    let is_in_scope = match rule["scope"].as_str() {
        Some("Cluster") => request.namespace.is_none(),
        Some("Namespaced") => request.namespace.is_some(),
        _ => true,
    };
    is_in_scope
        && names("operations", &["*", request.operation])
        && names("apiGroups", &["*", &request.group])
        && names("resources", &["*", "*/*", &request.resource])
}

/// Whether a label selector selects an object with these labels; an absent one selects all.
fn selects(selector: &Value, labels: &Value) -> bool {
    let mut pairs = selector["matchLabels"].as_object().into_iter().flatten();
    let mut expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    pairs.all(|(key, value)| labels.get(key) == Some(value))
        && expressions.all(|expression| {
            let label = expression["key"].as_str().and_then(|key| labels.get(key));
            let is_one = || {
                let mut values = expression["values"].as_array().into_iter().flatten();
                label.is_some_and(|label| values.any(|value| value == label))
            };
            match expression["operator"].as_str() {
                Some("In") => is_one(),
                Some("NotIn") => !is_one(),
                Some("Exists") => label.is_some(),
                Some("DoesNotExist") => label.is_none(),
                _ => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(namespace: &str, labels: Value) -> Request {
        Request {
            operation: "CREATE",
            group: String::new(),
            resource: "pods".to_owned(),
            labels,
            namespace: Some((namespace.to_owned(), json!({"team": "security"}))),
        }
    }

    fn webhook(extra: Value) -> Value {
        let mut webhook = json!({"rules": [
            {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"],
             "resources": ["pods"], "scope": "*"}]});
        for (key, value) in extra.as_object().into_iter().flatten() {
            webhook[key] = value.clone();
        }
        webhook
    }

    #[test]
    fn rules_name_operation_group_and_resource() {
        let hook = webhook(json!({}));
        assert!(intercepts(&hook, &pod("stackrox", json!({}))));
        let update = Request { operation: "UPDATE", ..pod("stackrox", json!({})) };
        assert!(!intercepts(&hook, &update));
        let other = Request { resource: "secrets".to_owned(), ..pod("stackrox", json!({})) };
        assert!(!intercepts(&hook, &other));
        let all = webhook(json!({"rules": [
            {"operations": ["*"], "apiGroups": ["*"], "resources": ["*"], "scope": "Cluster"}]}));
        assert!(!intercepts(&all, &other));
        assert!(intercepts(&all, &Request { namespace: None, ..other.clone() }));
        let group = "admissionregistration.k8s.io".to_owned();
        assert!(!intercepts(&all, &Request { namespace: None, group, ..other }));
    }

    #[test]
    fn selectors_spare_namespaces_and_objects() {
        let by_name = |operator: &str| {
            webhook(json!({"namespaceSelector": {"matchExpressions": [
                {"key": "kubernetes.io/metadata.name", "operator": operator,
                 "values": ["stackrox"]}]}}))
        };
        assert!(!intercepts(&by_name("NotIn"), &pod("stackrox", json!({}))));
        assert!(intercepts(&by_name("In"), &pod("stackrox", json!({}))));
        let team = webhook(json!({"namespaceSelector": {"matchLabels": {"team": "security"}}}));
        assert!(intercepts(&team, &pod("stackrox", json!({}))));
        let opted = webhook(json!({"objectSelector": {"matchExpressions": [
            {"key": "inject", "operator": "Exists"}]}}));
        assert!(!intercepts(&opted, &pod("stackrox", json!({}))));
        assert!(intercepts(&opted, &pod("stackrox", json!({"inject": "yes"}))));
    }

    #[test]
    fn who_says_nothing_fails_closed() {
        let configuration = json!({"webhooks": [
            {"name": "a", "failurePolicy": "Ignore"}, {"name": "b"},
            {"name": "c", "failurePolicy": "Fail"}]});
        let names: Vec<_> = closed(&configuration).map(|webhook| &webhook["name"]).collect();
        assert_eq!(names, ["b", "c"]);
    }
}
