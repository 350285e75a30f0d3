//! The recorded exchanges with a real API server, replayed in order.

#[cfg(test)]
mod http;
#[cfg(test)]
mod replay;

use replay::{Exchange, Player};

/// What may differ, by exchange (`*` for all), JSON pointer prefix, and why.
const MAY_DIFFER: &[(&str, &str, &str)] = &[
    ("event-create", "/metadata/name", "the end of a generated name is random"),
    (
        "watch",
        "/3/object/spec",
        "a bookmark is known by its version alone; Go writes empty structs",
    ),
    ("watch", "/3/object/status", "as the line before"),
];

#[tokio::test]
async fn every_recorded_answer_is_given_again() {
    let Some(exchanges) = Exchange::recorded("apiserver-1.36.json") else {
        eprintln!("skipped: there are no recorded exchanges beside this workspace");
        return;
    };
    let mut player = Player::start().await;
    let mut differences = Vec::new();
    for exchange in &exchanges {
        let answer = player.play(exchange).await;
        differences.extend(answer.differences(exchange, MAY_DIFFER));
    }
    assert!(exchanges.len() > 80, "only {} exchanges", exchanges.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
