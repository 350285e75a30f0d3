//! `list` and `expiring`.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use rhacs_tests::Stage;
use serde_json::Value;
use sim::faults::{RequestAction, RequestRule, Script};
use sim::splunk::{Scope, Seed, Splunk, Switches};

use crate::sf;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// An organization with a token of every kind.
fn mixed() -> Stage {
    let seeds = [
        Seed::ingest("a year").expires_in(DAY * 365),
        Seed::ingest("a week").expires_in(DAY * 6),
        Seed::new("api", &[Scope::Api]).role("power").expires_in(DAY * 20),
        Seed::new("rum", &[Scope::Rum]).expires_in(DAY * 40),
        Seed::ingest("off").disabled().expires_in(DAY * 3),
        Seed::ingest("gone").expires_in(-DAY),
    ];
    Stage::with(Splunk::builder().tokens(seeds)).start()
}

fn names(stage: &Stage, words: &str) -> Vec<String> {
    let finished = sf(stage, &format!("list -o name {words}")).ends_with(0);
    finished.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn a_list_is_filtered_and_sorted() {
    let stage = mixed();
    for (words, expected) in [
        ("--sort name", vec!["a week", "a year", "api", "gone", "off", "rum"]),
        ("--sort expiry --status active", vec!["a week", "api", "rum", "a year"]),
        ("--sort=-expiry --scope ingest", vec!["a year", "a week", "off", "gone"]),
        ("--status disabled", vec!["off"]),
        ("--status expired", vec!["gone"]),
        ("--scope RUM", vec!["rum"]),
        ("--expiring-within 30d --sort expiry --status active", vec!["a week", "api"]),
        ("--name pi", vec!["api"]),
        ("--name nobody", vec![]),
    ] {
        assert_eq!(names(&stage, words), expected, "{words}");
    }
}

#[test]
fn no_format_of_a_list_shows_a_secret() {
    let stage = mixed();
    for format in ["table", "wide", "json", "yaml", "name"] {
        let finished = sf(&stage, &format!("list -v -o {format}")).ends_with(0);
        assert!(finished.stdout.contains("a week"), "{format}: {}", finished.stdout);
    }
    let listed = sf(&stage, "list -o json").ends_with(0).json();
    let items = listed["items"].as_array().expect("items");
    assert_eq!(items.len(), 6);
    assert!(items.iter().all(|item| item.get("secret").is_none()));
}

#[test]
fn every_page_is_read_once_whatever_the_largest_page_is() {
    for switches in [Switches::default(), Switches::opposite(), tiny_pages()] {
        let seeds = (0..457).map(|number| Seed::ingest(&format!("token {number:03}")));
        let builder = Splunk::builder().tokens(seeds).switches(switches);
        let stage = Stage::with(builder).start();
        let listed: Vec<String> = names(&stage, "");
        let distinct: BTreeSet<&String> = listed.iter().collect();
        assert_eq!((listed.len(), distinct.len()), (457, 457));
        let mut lines: Vec<String> =
            stage.splunk().requests().iter().map(sim::splunk::Record::line).collect();
        let all = lines.len();
        lines.sort();
        lines.dedup();
        assert_eq!(lines.len(), all, "no page is asked for twice: {lines:?}");
    }
}

/// A server that takes every larger page for an invalid one, and gives 20 then.
fn tiny_pages() -> Switches {
    Switches { largest_page: 20, ..Switches::default() }
}

#[test]
fn a_search_is_encoded() {
    let seeds = ["100% & more", "100 others"].map(Seed::ingest);
    let stage = Stage::with(Splunk::builder().tokens(seeds)).start();
    let words = ["list", "-o", "name", "--name", "0% &"];
    let finished = stage.run(crate::SF_TOKEN, &words).ends_with(0);
    assert_eq!(finished.stdout, "100% & more\n");
}

#[test]
fn a_list_goes_on_after_a_passing_error() {
    let stage = mixed();
    let refuse = RequestRule::splunk(RequestAction::refuse(503)).times(1);
    let cut = RequestRule::splunk(RequestAction::CutAfter).times(1);
    stage.splunk().faults().replace(Script::default().request(refuse).request(cut));
    assert_eq!(names(&stage, "").len(), 6);
}

#[test]
fn more_tokens_than_the_api_can_show_are_warned_of() {
    let seeds = (0..10_003).map(|number| Seed::ingest(&format!("t{number}")));
    let stage = Stage::with(Splunk::builder().tokens(seeds)).start();
    let finished = sf(&stage, "list -o name").ends_with(0).says("10000");
    assert_eq!(finished.stdout.lines().count(), 10_000);
    // All that are shown live for a month; nobody knows about the others.
    let finished = sf(&stage, "expiring --within 1d -o json").ends_with(1).says("10000");
    assert_eq!(finished.json()["complete"], false);
}

#[test]
fn expiring_ends_with_the_codes_of_monitoring() {
    let stage = mixed();
    for (words, code) in [
        ("--within 2d --fail-within 1d --ignore-expired", 0),
        ("--within 10d --fail-within 1d --ignore-expired", 1),
        ("--within 30d --fail-within 7d --ignore-expired", 2),
        ("--within 2d --fail-within 1d", 2),
        ("--within 2d --fail-within 1d --name year", 0),
        ("--within 3d --ignore-expired", 0),
        ("--within 8d --ignore-expired", 2),
    ] {
        let finished = sf(&stage, &format!("expiring {words}"));
        assert_eq!(finished.code, Some(code), "{words}: {finished:?}");
    }
    let refused = RequestRule::splunk(RequestAction::refuse(401));
    stage.splunk().faults().replace(Script::default().request(refused));
    sf(&stage, "expiring").ends_with(3);
    sf(&stage, "expiring --within often").ends_with(3);
}

#[test]
fn expiring_speaks_to_prometheus() {
    let name = "say \"hi\" \\ there";
    let seeds = [Seed::ingest(name).expires_in(DAY * 5), Seed::ingest("b").expires_in(DAY * 50)];
    let stage = Stage::with(Splunk::builder().tokens(seeds)).start();
    let finished = sf(&stage, "expiring -o prometheus");
    assert_eq!(finished.code, Some(2), "{finished:?}");
    let text = &finished.stdout;
    assert!(text.contains(r#""say \"hi\" \\ there""#), "{text}");
    assert!(text.lines().any(|line| line.starts_with("# TYPE ")), "{text}");
    let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    for sample in samples {
        let value = sample.rsplit(' ').next().expect("a value");
        assert!(value.parse::<f64>().is_ok(), "{sample}");
    }
}

#[test]
fn json_of_expiring_is_complete() {
    let stage = mixed();
    let finished = sf(&stage, "expiring -o json");
    assert_eq!(finished.code, Some(2), "{finished:?}");
    let json: Value = finished.json();
    let text = json.to_string();
    assert!(text.contains("a week") && text.contains("gone"), "{text}");
}
