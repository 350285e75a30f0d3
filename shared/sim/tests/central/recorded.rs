//! The exchanges with a real Central, asked again of the embedded one, in their order.

use std::path::Path;

use serde_json::Value;

use crate::player::{Exchange, Player};

/// What may differ: of whom (`*` for all), in which exchange (a trailing `*` stands for any end),
/// in what, and why.
const MAY_DIFFER: &[(&str, &str, &str, &str)] = &[
    ("*", "generate not json", "words", "the words are those of a JSON reader"),
    ("*", "scanner zip nonsense", "words", "as the line before"),
    ("*", "GET /v1/centralhealth/upgradestatus admin*", "body", "sizes of a disk"),
    ("*", "GET /v1/database/status*", "body", "which PostgreSQL it is"),
    ("*", "GET /v1/credentialexpiry?component=SCANNER admin", "status", "no Scanner was there"),
    ("*", "GET /api/docs/swagger admin", "status", "a file was missing there; nobody asks for it"),
    ("*", "GET /api/docs/swagger admin", "type", "as the line before"),
    ("*", "certgen *", "body", "new keys; the order of YAML is free"),
    ("*", "backup gzip", "body", "nothing is compressed here, which clients have to take"),
    ("*", "cli range", "body", "a small program stands for roxctl"),
    (
        "real-3.74.9",
        "GET /api/cli/download/roxctl-linux admin",
        "status",
        "a file was missing there, which releases have",
    ),
    ("real-3.74.9", "GET /api/cli/download/roxctl-linux admin", "type", "as the line before"),
    (
        "real-3.74.9-postgres",
        "GET /v1/centralhealth/upgradestatus admin*",
        "status",
        "there was no volume of PostgreSQL, of which an installation has one",
    ),
    (
        "real-3.74.9-postgres",
        "GET /v1/clusters/nope admin",
        "status",
        "no id is looked for as a UUID here",
    ),
    // The development version, of which 4.11 has not everything.
    ("real-head", "GET /v1/metadata*", "body", "/compatibleSensorVersions is new"),
    ("real-head", "use expired metadata", "body", "as the line before"),
    ("real-head", "GET /v1/auth/status ci", "body", "/idpToken is new"),
    ("real-head", "GET /v1/auth/status sensorcreator", "body", "as the line before"),
    ("real-head", "GET /v1/central-capabilities*", "body", "each release brings more"),
    ("real-head", "GET /metrics*", "status", "new on this port"),
    ("real-head", "GET /metrics*", "type", "as the line before"),
    ("real-head", "GET /v1/cluster-defaults*", "body", "rhel9 took the place of rhel8"),
    (
        "real-head",
        "scanner zip ocp*",
        "status",
        "its chart refuses OpenShift 3, ours took it always",
    ),
    ("real-head", "scanner zip ocp*", "type", "as the line before"),
    ("real-head", "scanner zip ocp*", "file", "as the line before"),
];

#[tokio::test]
async fn a_real_central_is_answered_like() {
    replay("real-3.74.9", "3.74.9", false).await;
}

#[tokio::test]
async fn a_real_central_on_postgres_is_answered_like() {
    replay("real-3.74.9-postgres", "3.74.9", true).await;
}

#[tokio::test]
async fn what_4_x_shares_with_its_successor_is_answered_like() {
    replay("real-head", "4.11.2", true).await;
}

async fn replay(who: &str, tag: &str, postgres: bool) {
    let Some(exchanges) = recorded(who) else {
        eprintln!("skipped: there are no recorded exchanges beside this workspace");
        return;
    };
    assert!(exchanges.len() > 290, "only {} exchanges", exchanges.len());
    let mut player = Player::start(tag, postgres).await;
    let mut differences = Vec::new();
    let mut used = vec![false; MAY_DIFFER.len()];
    for exchange in &exchanges {
        for (part, words) in player.play(exchange).await {
            match MAY_DIFFER.iter().position(|rule| applies(rule, who, &exchange.name, part)) {
                Some(rule) => used[rule] = true,
                None => differences.push(format!("{} ({part}): {words}", exchange.name)),
            }
        }
    }
    for (rule, used) in MAY_DIFFER.iter().zip(used) {
        if !used && rule.0 == who {
            differences.push(format!("{} ({}): does not differ any more", rule.1, rule.2));
        }
    }
    assert!(differences.is_empty(), "{who}:\n{}", differences.join("\n"));
}

fn applies(rule: &(&str, &str, &str, &str), who: &str, name: &str, part: &str) -> bool {
    let named = match rule.1.strip_suffix('*') {
        Some(begin) => name.starts_with(begin),
        None => name == rule.1,
    };
    named && (rule.0 == "*" || rule.0 == who) && rule.2 == part
}

/// What was asked of that Central by HTTP; none when there are no recordings.
fn recorded(who: &str) -> Option<Vec<Exchange>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    let text = std::fs::read_to_string(path.join("central-real.jsonl")).ok()?;
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let asked = lines.filter(|line| line["who"] == who && line["request"].is_object());
    Some(asked.map(Exchange::read).collect())
}
