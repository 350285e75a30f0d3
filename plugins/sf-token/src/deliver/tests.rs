//! Deliveries on embedded clusters: who restarts, in which order, and what is told when it fails.

use std::time::Duration;

use clap::Parser;
use common::env::Env;
use common::plan::Severity;
use common::run::{Events, Interrupt};
use common::ui::{Ui, UiArgs};
use jiff::Timestamp;
use rhacs_tests::Stage;
use rhacs_tests::collector::{FOREIGN_KEY, TOKEN_KEY, small_collector};
use secrecy::SecretString;
use serde_json::{Value, json};
use sim::faults::{ClusterFault, RequestAction, RequestRule};
use sim::splunk::Splunk;
use tokio::runtime::Runtime;

use super::clusters::{Clusters, Listener};
use super::report::{Delivered, Restarted};
use super::restore::{is_wanted, put_back};
use super::run::{SiteOutcome, deliver_to_sites};
use super::site::Wishes;
use super::survey::{Survey, survey};
use super::work::Work;
use super::{ClusterArgs, DestinationArgs};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    destinations: DestinationArgs,
    #[command(flatten)]
    clusters: ClusterArgs,
}

/// A person with clusters whose collectors run with the secret `canary-old`.
struct Scene {
    stage: Stage,
    runtime: Runtime,
}

impl Scene {
    fn with(objects: Vec<Value>) -> Self {
        let stage = Stage::with(Splunk::builder()).cluster("prod", objects).start();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { stage, runtime }
    }

    /// Looks at the destinations that `flags` name.
    fn survey(&self, flags: &[&str]) -> (Survey, Cli) {
        let kubeconfig = self.stage.directory().join("kubeconfig");
        let mut words = vec!["x", "--kubeconfig", kubeconfig.to_str().unwrap()];
        words.extend(flags);
        let cli = Cli::parse_from(words);
        let env = Env::test();
        let ui = Ui::new(&env, &UiArgs::default(), false);
        let listener = Listener { events: quiet(), ui, names_requests: false };
        let wishes = Wishes {
            token: "myToken",
            realm: None,
            restarts: !cli.destinations.no_restart,
            deletes_pods: cli.destinations.delete_pods,
            tries_writes: true,
        };
        let survey = self.runtime.block_on(async {
            let clusters =
                Clusters::connect(&cli.destinations, &cli.clusters, &listener).await.unwrap();
            survey(&cli.destinations, &clusters, &env, wishes).await
        });
        (survey, cli)
    }

    /// Looks, and delivers `canary-new`.
    fn deliver<T>(&self, flags: &[&str], check: impl FnOnce(Vec<SiteOutcome<'_>>) -> T) -> T {
        let (survey, cli) = self.survey(flags);
        assert!(!survey.findings.iter().any(|found| found.severity == Severity::Block));
        let work = work(&cli.destinations);
        check(self.runtime.block_on(deliver_to_sites(&survey.sites, &work)))
    }

    fn created(&self, kind: &str, name: &str) -> Vec<(String, String)> {
        let pods = self.stage.objects("prod", kind);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        pods.iter()
            .filter(|pod| text(&pod["metadata"]["name"]).starts_with(name))
            .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null())
            .map(|pod| (text(&pod["metadata"]["uid"]), text(&pod["metadata"]["creationTimestamp"])))
            .collect()
    }
}

fn quiet() -> Events {
    Events::new("run", || Timestamp::UNIX_EPOCH, drop)
}

fn work(args: &DestinationArgs) -> Work {
    let secret = |text: &str| SecretString::from(text.to_owned());
    Work {
        token: "myToken".to_owned(),
        secret: secret("canary-new"),
        old: Some(secret("canary-old")),
        credential: None,
        rotated_at: "2026-01-02T12:00:00Z".to_owned(),
        restarts: !args.no_restart,
        timeout: args.timeout.or(Some(Duration::from_secs(30))),
        events: quiet(),
        interrupt: Interrupt::never(),
        step: "deliver".to_owned(),
    }
}

fn edited(edit: impl Fn(&mut Value)) -> Vec<Value> {
    let mut objects = small_collector("canary-old");
    objects.iter_mut().for_each(edit);
    objects
}

fn restarts<'a>(outcomes: &'a [SiteOutcome<'_>]) -> Vec<(&'a str, Restarted)> {
    let consumers = outcomes.iter().flat_map(|outcome| &outcome.report.consumers);
    consumers.map(|row| (row.object.name.as_str(), row.restarted)).collect()
}

#[test]
fn every_consumer_restarts_in_order_and_a_second_time_nothing_happens() {
    let scene = Scene::with(small_collector("canary-old"));
    let flags = ["--to-collector", "prod/monitoring"];
    scene.deliver(&flags, |outcomes| {
        assert_eq!(outcomes[0].report.delivered, Delivered::Done, "{outcomes:?}");
        assert_eq!(
            restarts(&outcomes),
            [
                ("otel-agent", Restarted::Yes),
                ("otel-receiver", Restarted::Yes),
                ("otel", Restarted::Yes),
            ]
        );
    });
    let value = |key: &str| scene.stage.secret_value("prod", "otel", key);
    assert_eq!(value(TOKEN_KEY).as_deref(), Some("canary-new"));
    assert_eq!(value(FOREIGN_KEY).as_deref(), Some("another product's token"));
    let before = scene.created("Pod", "");
    scene.deliver(&flags, |outcomes| {
        assert_eq!(outcomes[0].report.delivered, Delivered::Done);
        assert!(restarts(&outcomes).iter().all(|(_, restarted)| *restarted == Restarted::Before));
    });
    assert_eq!(scene.created("Pod", ""), before, "no pod was replaced");
    for object in scene.stage.objects("prod", "Secret") {
        let annotations = object["metadata"]["annotations"].to_string();
        assert!(!annotations.contains("canary"), "{annotations}");
        assert!(annotations.contains("\"sf-token/name\":\"myToken\""), "{annotations}");
    }
}

#[test]
fn a_key_that_was_put_back_and_written_again_restarts_consumers_once_more() {
    let scene = Scene::with(small_collector("canary-old"));
    let flags = ["--to-secret", "prod/monitoring/otel"];
    scene.deliver(&flags, |outcomes| assert_eq!(outcomes[0].report.delivered, Delivered::Done));
    let (survey, cli) = scene.survey(&flags);
    let site = &survey.sites[0];
    let record = super::secret::Record { token: "x".to_owned(), rotated_at: String::new() };
    let old = SecretString::from("canary-old".to_owned());
    scene.runtime.block_on(super::write::write(site, &site.state, &old, &record)).unwrap();
    drop(cli);
    scene.deliver(&flags, |outcomes| {
        assert!(restarts(&outcomes).iter().all(|(_, restarted)| *restarted == Restarted::Yes));
    });
}

#[test]
fn sets_that_update_on_deletion_are_told_or_rolled_one_by_one() {
    let objects = edited(|object| {
        if object["kind"] == "DaemonSet" {
            object["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
        }
    });
    let scene = Scene::with(objects);
    let before = scene.created("Pod", "otel-agent");
    scene.deliver(&["--to-collector", "prod/monitoring"], |outcomes| {
        let report = &outcomes[0].report;
        assert_eq!(report.delivered, Delivered::NotRestarted);
        assert_eq!(report.consumers[0].restarted, Restarted::Spared);
        assert!(report.consumers[0].message.contains("kubectl delete pod otel-agent-"));
        assert_eq!(report.consumers[2].restarted, Restarted::Yes, "the others restart");
        assert!(!is_wanted(&outcomes[0]), "nothing is in trouble");
    });
    assert_eq!(scene.created("Pod", "otel-agent"), before);
    scene.deliver(&["--to-collector", "prod/monitoring", "--delete-pods"], |outcomes| {
        assert_eq!(outcomes[0].report.delivered, Delivered::Done, "{:?}", outcomes[0].report);
        assert_eq!(outcomes[0].report.consumers[0].restarted, Restarted::Yes);
    });
    let after = scene.created("Pod", "otel-agent");
    assert_eq!(after.len(), before.len());
    assert!(after.iter().all(|pod| !before.contains(pod)), "{after:?}");
}

#[test]
fn a_consumer_that_does_not_come_up_stops_the_others_and_gets_the_old_secret_back() {
    let scene = Scene::with(small_collector("canary-old"));
    let faults = scene.stage.cluster("prod").faults();
    faults.add(ClusterFault::crash_loop("otel-agent"));
    let (survey, cli) = scene.survey(&["--to-collector", "prod/monitoring"]);
    let work = work(&cli.destinations);
    let mut outcomes = scene.runtime.block_on(deliver_to_sites(&survey.sites, &work));
    let outcome = outcomes.remove(0);
    assert_eq!(outcome.report.delivered, Delivered::NotRestarted);
    assert_eq!(
        restarts(std::slice::from_ref(&outcome)),
        [
            ("otel-agent", Restarted::No),
            ("otel-receiver", Restarted::Stopped),
            ("otel", Restarted::Stopped)
        ]
    );
    assert!(!format!("{:?}", outcome.report).contains("canary"), "{:?}", outcome.report);
    assert!(is_wanted(&outcome));
    faults.clear();
    let report = scene.runtime.block_on(put_back(outcome, &work));
    assert_eq!(report.delivered, Delivered::PutBack);
    assert!(report.consumers[0].message.ends_with("it runs with the old secret again"));
    let value = scene.stage.secret_value("prod", "otel", TOKEN_KEY);
    assert_eq!(value.as_deref(), Some("canary-old"));
}

#[test]
fn a_cut_answer_to_the_write_is_no_failure() {
    let scene = Scene::with(small_collector("canary-old"));
    for action in [RequestAction::CutAfter, RequestAction::CutBefore] {
        let (survey, cli) = scene.survey(&["--to-secret", "prod/monitoring/otel", "--no-restart"]);
        let rule = RequestRule::api(action).method("PATCH").path("*/secrets/otel*").nth(1);
        let faults = scene.stage.cluster("prod").faults();
        faults.clear();
        faults.add_rule(rule);
        let work = work(&cli.destinations);
        let outcomes = scene.runtime.block_on(deliver_to_sites(&survey.sites, &work));
        assert_eq!(outcomes[0].report.delivered, Delivered::Done, "{outcomes:?}");
        assert!(
            restarts(&outcomes).iter().all(|(_, restarted)| *restarted == Restarted::LeftAlone)
        );
    }
}

#[test]
fn what_the_cluster_would_refuse_is_known_before() {
    let objects = edited(|object| {
        if object["kind"] == "Secret" {
            object["immutable"] = json!(true);
        }
    });
    let scene = Scene::with(objects);
    let codes = |flags: &[&str]| -> Vec<String> {
        let (survey, _) = scene.survey(flags);
        let blocking = survey.findings.into_iter().filter(|found| found.is_blocking());
        blocking.map(|found| found.code).collect()
    };
    assert_eq!(codes(&["--to-secret", "prod/monitoring/otel"]), ["SF-SECRET-IMMUTABLE"]);
    assert_eq!(codes(&["--to-secret", "prod/monitoring/none"]), ["SF-SECRET-MISSING"]);
    let foreign = format!("prod/monitoring/otel:{FOREIGN_KEY}");
    assert_eq!(codes(&["--to-secret", &foreign]), ["SF-KEY"]);
    assert_eq!(codes(&["--to-collector", "prod/default"]), ["SF-NO-COLLECTOR"]);
}

#[test]
fn one_key_named_in_two_ways_is_written_once() {
    let scene = Scene::with(small_collector("canary-old"));
    let (survey, _) = scene.survey(&[
        "--to-collector",
        "prod/monitoring",
        "--to-secret",
        "monitoring/otel:splunk_observability_access_token",
    ]);
    assert_eq!(survey.sites.len(), 1);
}
