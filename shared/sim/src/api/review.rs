//! Reviews: questions about rights and identities, answered and not stored.

use serde_json::{Value, json};

use super::access::{self, Attempt, bound_rules};
use super::body::{self, Answer};
use super::identity::{Identity, of_user};
use super::route::Names;
use super::service::{Call, not_allowed};
use super::verbs::{parse, writer};
use crate::patch::managed;
use crate::schema::kinds::Resource;
use crate::store::{Status, Subresource, meta};

/// Serves a request about a review; none if it is about something else.
pub(crate) fn serve(call: &Call, names: &Names) -> Option<Result<Answer, Status>> {
    let known = matches!(
        (names.group.as_str(), names.plural.as_str()),
        ("authentication.k8s.io", "selfsubjectreviews" | "tokenreviews")
            | (
                "authorization.k8s.io",
                "selfsubjectaccessreviews"
                    | "selfsubjectrulesreviews"
                    | "subjectaccessreviews"
                    | "localsubjectaccessreviews"
            )
    );
    (known && names.version == "v1").then(|| answer(call, names))
}

fn answer(call: &Call, names: &Names) -> Result<Answer, Status> {
    if call.method != "POST" {
        return Err(not_allowed());
    }
    let mut review = parse(call)?;
    if !review.is_object() {
        return Err(Status::bad_request("the body of the request is no object"));
    }
    let api_version = format!("{}/v1", names.group);
    let store = &call.shared.options.store;
    match names.plural.as_str() {
        "selfsubjectreviews" => {
            let metadata = json!({"creationTimestamp": meta::time(store.now())});
            review = json!({"metadata": metadata, "status": {"userInfo": user_info(&call.who)}});
            review["kind"] = "SelfSubjectReview".into();
        }
        "selfsubjectrulesreviews" => {
            let namespace = review["spec"]["namespace"].as_str().unwrap_or_default();
            let status = rules(call, namespace);
            review = json!({"kind": "SelfSubjectRulesReview", "metadata": {}, "spec": {},
                "status": status});
        }
        "tokenreviews" => review["status"] = token_status(call, &review),
        "selfsubjectaccessreviews" => {
            let decision = access::decide(store, &call.who, &attempt(&review));
            review["status"] = status_of(&decision);
            own(call, &mut review, "SelfSubjectAccessReview");
        }
        plural => {
            let spec = &review["spec"];
            let groups = spec["groups"].as_array().into_iter().flatten();
            let who = Identity {
                name: spec["user"].as_str().unwrap_or_default().to_owned(),
                uid: String::new(),
                groups: groups.filter_map(|group| group.as_str().map(str::to_owned)).collect(),
                impersonates: None,
            };
            let decision = access::decide(store, &who, &attempt(&review));
            review["status"] = status_of(&decision);
            let local = plural == "localsubjectaccessreviews";
            let kind = if local { "LocalSubjectAccessReview" } else { "SubjectAccessReview" };
            own(call, &mut review, kind);
        }
    }
    review["apiVersion"] = api_version.into();
    Ok(body::json(201, &review))
}

/// Records who asked, as a server does for these reviews too.
fn own(call: &Call, review: &mut Value, kind: &str) {
    let resource = Resource::review("authorization.k8s.io", kind);
    let by = writer(call, false);
    let moment = call.shared.options.store.now();
    review["kind"] = kind.into();
    managed::record(&resource, None, review, &by, Subresource::Main, moment);
}

fn attempt(review: &Value) -> Attempt {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let spec = &review["spec"];
    if let Some(path) = spec.get("nonResourceAttributes") {
        return Attempt {
            verb: text(path, "verb"),
            path: text(path, "path"),
            ..Attempt::default()
        };
    }
    let wanted = &spec["resourceAttributes"];
    Attempt {
        verb: text(wanted, "verb"),
        group: text(wanted, "group"),
        resource: text(wanted, "resource"),
        subresource: text(wanted, "subresource"),
        namespace: text(wanted, "namespace"),
        name: text(wanted, "name"),
        path: String::new(),
    }
}

fn status_of(decision: &access::Decision) -> Value {
    let mut status = json!({"allowed": decision.allowed});
    if !decision.reason.is_empty() {
        status["reason"] = decision.reason.as_str().into();
    }
    status
}

fn user_info(who: &Identity) -> Value {
    let mut info = json!({"username": who.name, "groups": who.groups});
    if !who.uid.is_empty() {
        info["uid"] = who.uid.as_str().into();
    }
    info
}

fn token_status(call: &Call, review: &Value) -> Value {
    let token = review["spec"]["token"].as_str().unwrap_or_default();
    let users = call.shared.users();
    match users.iter().find(|user| user.token == token) {
        Some(user) => json!({"authenticated": true, "user": user_info(&of_user(user))}),
        None => json!({"authenticated": false, "error": "invalid bearer token"}),
    }
}

fn rules(call: &Call, namespace: &str) -> Value {
    let (mut resources, mut paths) = (Vec::new(), Vec::new());
    for bound in bound_rules(&call.shared.options.store, &call.who, namespace) {
        for rule in bound.rules {
            if rule.get("nonResourceURLs").is_some() {
                paths.push(
                    json!({"verbs": rule["verbs"], "nonResourceURLs": rule["nonResourceURLs"]}),
                );
            } else {
                let mut shown = json!({});
                for key in ["verbs", "apiGroups", "resources", "resourceNames"] {
                    if let Some(value) = rule.get(key) {
                        shown[key] = value.clone();
                    }
                }
                resources.push(shown);
            }
        }
    }
    json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false})
}
