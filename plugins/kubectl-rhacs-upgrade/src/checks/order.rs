//! The order of the product's parts: Central first, always.

use common::plan::{Finding, Severity};
use common::rhacs::images::Image;
use common::rhacs::{Component, Version, central_elsewhere};

use common::checks::Context;
use common::checks::Definition;

const CENTRAL_FIRST: Definition = Definition {
    code: "RHACS-CENTRAL-FIRST",
    severity: Severity::Block,
    meaning: "the Scanner or the secured cluster would be newer than Central",
    why: "Central does not support sensors and scanners that are newer than itself",
    source: "upgrade guide 3.69, section 2.2; product proto/storage/cluster.proto",
};
const CENTRAL_UNKNOWN: Definition = Definition {
    code: "RHACS-CENTRAL-UNKNOWN",
    severity: Severity::Accept,
    meaning: "it is not known whether Central is at the target already",
    why: "Central does not support sensors that are newer than itself: it has to be upgraded first",
    source: "upgrade guide 3.69, section 2.2; product proto/storage/cluster.proto",
};

pub(super) const DEFINITIONS: &[Definition] = &[CENTRAL_FIRST, CENTRAL_UNKNOWN];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let plan = context.plan;
    if plan.components.contains(&Component::Central) || plan.is_empty() {
        return Vec::new();
    }
    match central_version(context) {
        Some(central) if central < plan.to => {
            let what =
                format!("Central{} runs {central}, this plan goes to {}", at(context), plan.to);
            vec![CENTRAL_FIRST.found(what, upgrade_of_central(context))]
        }
        Some(_) => Vec::new(),
        None => vec![unknown(context)],
    }
}

fn unknown(context: &Context<'_>) -> Finding {
    let central = &context.snapshot.central;
    let reason = if !central.has_credentials {
        "there are no credentials for it".to_owned()
    } else if let Some(reason) = central.unreachable.as_ref().or(central.unauthorized.as_ref()) {
        reason.clone()
    } else if central.elsewhere {
        "its Deployment is not where it could be looked at".to_owned()
    } else {
        "neither its API nor its image says which version it is".to_owned()
    };
    let to = &context.plan.to;
    let what = format!("whether Central{} runs {to} already is not known: {reason}", at(context));
    let fix = format!(
        "see that it does, first {}; with `--endpoint HOST:PORT` and ROX_API_TOKEN it is asked",
        upgrade_of_central(context)
    );
    CENTRAL_UNKNOWN.found(what, fix)
}

/// Where Central is, when it is not here.
fn at(context: &Context<'_>) -> String {
    match central_elsewhere(context.snapshot) {
        Some(elsewhere) => format!(" at {} (as the sensor has it)", elsewhere.endpoint),
        None => String::new(),
    }
}

/// The command that upgrades Central, wherever that has to be typed.
fn upgrade_of_central(context: &Context<'_>) -> String {
    let (to, own) = (&context.plan.to, context.snapshot.namespace.as_str());
    let elsewhere = central_elsewhere(context.snapshot);
    let command = |namespace: &str| {
        let namespace = match namespace {
            "stackrox" => String::new(),
            namespace => format!("-n {namespace} "),
        };
        format!("`kubectl rhacs upgrade {namespace}--components central --to {to}`")
    };
    match elsewhere.map(|elsewhere| elsewhere.namespace) {
        None => command(own),
        Some(Some(namespace)) => command(&namespace),
        Some(None) => format!("on the cluster of Central: {}", command("stackrox")),
    }
}

/// What Central says, else what its image's tag says.
fn central_version(context: &Context<'_>) -> Option<Version> {
    let told = &context.snapshot.central;
    told.version.clone().or_else(|| told.deployed.clone()).or_else(|| {
        let central = context.snapshot.deployment("central")?;
        Image::classify(central.container("central")?.image())?.version()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{Installation, Subject};
    use super::*;

    const TO: &str = "3.69.2";

    fn codes(installation: &Subject, plan: &common::plan::Plan) -> Vec<String> {
        let findings = installation.findings_of(plan).into_iter();
        findings.map(|finding| finding.code).filter(|code| code.contains("-CENTRAL-")).collect()
    }

    /// A cluster that is secured only, whose sensor speaks to `endpoint`.
    fn secured(endpoint: &str) -> Subject {
        let mut installation = Installation::at("3.66.1").with("Deployment", "sensor", |sensor| {
            let env = &mut sensor["spec"]["template"]["spec"]["containers"][0]["env"];
            let env = env.as_array_mut().expect("env");
            env.retain(|entry| entry["name"] != "ROX_CENTRAL_ENDPOINT");
            env.push(json!({"name": "ROX_CENTRAL_ENDPOINT", "value": endpoint}));
        });
        let own = ["sensor", "collector", "admission-control"];
        installation.snapshot.objects.retain(|object| {
            let is_workload = matches!(object["kind"].as_str(), Some("Deployment" | "DaemonSet"));
            !is_workload || own.iter().any(|name| object["metadata"]["name"] == *name)
        });
        installation.snapshot.central = common::rhacs::CentralFacts {
            elsewhere: true,
            ..common::rhacs::CentralFacts::default()
        };
        installation
    }

    #[test]
    fn a_part_does_not_overtake_central() {
        let installation = Installation::at("3.66.1");
        let mut plan = installation.plan_for(TO);
        assert!(codes(&installation, &plan).is_empty());
        plan.components = vec![Component::Secured];
        assert_eq!(codes(&installation, &plan), ["RHACS-CENTRAL-FIRST"]);
        let fix = installation.findings_of(&plan).remove(0).fix;
        assert_eq!(fix, "`kubectl rhacs upgrade --components central --to 3.69.2`");
    }

    #[test]
    fn a_central_that_is_there_already_is_no_obstacle() {
        let installation = Installation::at("3.66.1")
            .central(|central| central.version = Some(Version::release(3, 69, 2)));
        let mut plan = installation.plan_for(TO);
        plan.components = vec![Component::Secured];
        let findings = installation.findings_of(&plan);
        assert!(findings.iter().all(|finding| finding.code != "RHACS-CENTRAL-FIRST"));
    }

    #[test]
    fn a_sensor_goes_ahead_of_no_central_that_is_not_known_to_be_there() {
        let alone = secured("central.example.com:443");
        let finding = alone.finding("RHACS-CENTRAL-UNKNOWN", TO);
        assert_eq!(finding.severity, Severity::Accept);
        assert_eq!(
            finding.what,
            "whether Central at central.example.com:443 (as the sensor has it) runs 3.69.2 already \
             is not known: there are no credentials for it"
        );
        // Nothing else is said of a Central that nobody spoke of.
        assert_eq!(codes(&alone, &alone.plan_for(TO)), ["RHACS-CENTRAL-UNKNOWN"]);
        let silent = secured("central.example.com:443").central(|it| {
            it.has_credentials = true;
            it.unreachable = Some("timed out".to_owned());
        });
        let finding = silent.finding("RHACS-CENTRAL-UNKNOWN", TO);
        assert!(finding.what.ends_with("is not known: timed out"), "{}", finding.what);
        assert_eq!(codes(&silent, &silent.plan_for(TO)), ["RHACS-CENTRAL-UNKNOWN"]);
    }

    #[test]
    fn a_sensor_never_goes_ahead_of_a_central_that_is_known_to_be_older() {
        for (version, code) in
            [("3.66.1", Some("RHACS-CENTRAL-FIRST")), ("3.69.2", None), ("3.70.0", None)]
        {
            let told = secured("central.example.com:443").central(|it| {
                it.has_credentials = true;
                it.version = version.parse().ok();
            });
            let expected: Vec<&str> = code.into_iter().collect();
            assert_eq!(codes(&told, &told.plan_for(TO)), expected, "{version}");
        }
        let neighbour = secured("central.acs.svc:443")
            .central(|it| it.deployed = Some(Version::release(3, 66, 1)));
        let finding = neighbour.finding("RHACS-CENTRAL-FIRST", TO);
        assert_eq!(finding.fix, "`kubectl rhacs upgrade -n acs --components central --to 3.69.2`");
        assert!(finding.what.starts_with("Central at central.acs.svc:443"), "{}", finding.what);
    }
}
