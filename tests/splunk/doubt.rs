//! A rotation whose answer is lost, late or nonsense is never sent again, and is found out about.

use rhacs_tests::Stage;
use secrecy::ExposeSecret;
use sim::faults::{RequestAction, RequestRule, Script};

use crate::{OLD, rotations, sf, stage};

const ROTATE: &str = "rotate myToken --graceful 604800 --output-file t";

/// What happens to the request that rotates.
fn on_rotation(stage: &Stage, action: RequestAction) {
    let rule = RequestRule::splunk(action).method("POST").path("*/rotate*");
    stage.splunk().faults().replace(Script::default().request(rule));
}

fn written(stage: &Stage) -> Option<String> {
    let text = std::fs::read_to_string(stage.directory().join("work/t")).ok()?;
    Some(text.trim_end().to_owned())
}

fn is_delivered(stage: &Stage) -> bool {
    let new = stage.splunk().secret("myToken").expect("a secret");
    written(stage).as_deref() == Some(new.expose_secret())
}

#[test]
fn a_request_cut_before_it_took_effect_was_no_rotation() {
    let stage = stage();
    on_rotation(&stage, RequestAction::CutBefore);
    sf(&stage, ROTATE).ends_with(3).says("nothing was changed");
    assert_eq!((rotations(&stage).len(), written(&stage)), (1, None));
    assert!(stage.splunk().accepts(OLD));
}

#[test]
fn a_request_cut_after_it_took_effect_is_found_and_delivered() {
    let stage = stage();
    on_rotation(&stage, RequestAction::CutAfter);
    sf(&stage, ROTATE).ends_with(0);
    assert_eq!(rotations(&stage).len(), 1);
    assert!(is_delivered(&stage) && stage.splunk().accepts(OLD));
}

#[test]
fn a_refusal_is_no_rotation_and_is_not_tried_again() {
    let stage = stage();
    for (number, status) in [400, 401, 403, 404, 409, 429].into_iter().enumerate() {
        on_rotation(&stage, RequestAction::refuse(status));
        sf(&stage, ROTATE).ends_with(3).says(&status.to_string());
        assert_eq!(rotations(&stage).len(), number + 1);
    }
    assert_eq!(written(&stage), None);
}

#[test]
fn an_internal_error_is_looked_into_before_it_is_called_no_rotation() {
    for status in [500, 503] {
        let stage = stage();
        on_rotation(&stage, RequestAction::refuse(status));
        sf(&stage, ROTATE).ends_with(3).says("nothing was changed");
        let requests = stage.splunk().requests();
        assert_eq!(requests.last().map(|one| one.method.as_str()), Some("GET"));
        assert_eq!(rotations(&stage).len(), 1);
    }
}

#[test]
fn a_page_in_place_of_an_answer_is_looked_into() {
    let stage = stage();
    let message = Some("<html><title>Sign in</title></html>".to_owned());
    on_rotation(&stage, RequestAction::Refuse { status: 200, retry_after: None, message });
    // The page came from something on the way: nothing was rotated, and nothing is delivered.
    sf(&stage, ROTATE).ends_with(3).says("nothing was changed");
    assert_eq!((rotations(&stage).len(), written(&stage)), (1, None));
}

#[test]
fn an_answer_that_comes_too_late_is_found_out_about() {
    let stage = stage();
    on_rotation(&stage, RequestAction::Delay { milliseconds: 2_500 });
    let words = format!("{ROTATE} --request-timeout 1s");
    let finished = sf(&stage, &words);
    assert_eq!(rotations(&stage).len(), 1, "{finished:?}");
    // The connection is gone when the server gets to it; whether it still acts is its own affair.
    let now = stage.splunk().secret("myToken").expect("a secret");
    let rotated = now.expose_secret() != OLD;
    finished.ends_with(if rotated { 0 } else { 3 });
    assert_eq!(is_delivered(&stage), rotated);
}

#[test]
fn a_rotation_that_cannot_be_looked_at_ends_in_doubt_and_sync_completes_it() {
    for action in [RequestAction::CutAfter, RequestAction::CutBefore] {
        let stage = stage();
        let rotated = action == RequestAction::CutAfter;
        on_rotation(&stage, action);
        // The first look is the preflight; none of the later ones succeeds.
        let blind = RequestRule::splunk(RequestAction::refuse(401)).method("GET");
        for number in 2..20 {
            stage.splunk().faults().add_rule(blind.clone().nth(number));
        }
        sf(&stage, ROTATE).ends_with(4).says("sync");
        assert_eq!((rotations(&stage).len(), written(&stage)), (1, None));
        stage.splunk().faults().clear();
        sf(&stage, "sync myToken --output-file t").ends_with(0);
        assert!(is_delivered(&stage));
        assert_eq!(rotations(&stage).len(), 1);
        assert_eq!(written(&stage).as_deref() == Some(OLD), !rotated);
    }
}

#[test]
fn a_token_that_shows_nothing_of_it_leaves_a_lost_answer_in_doubt() {
    let stage = stage();
    let shows = |shown: bool| {
        stage.splunk().switch(|switches| {
            switches.tells_rotations = shown;
            switches.reads_secrets = shown;
        });
    };
    shows(false);
    on_rotation(&stage, RequestAction::CutAfter);
    sf(&stage, ROTATE).ends_with(4).says("may have been rotated").says("sync");
    assert_eq!((rotations(&stage).len(), written(&stage)), (1, None));
    shows(true);
    sf(&stage, "sync myToken --output-file t").ends_with(0);
    assert!(is_delivered(&stage));
    assert_eq!(rotations(&stage).len(), 1);
}

#[test]
fn a_new_secret_that_does_not_work_is_not_delivered() {
    let stage = stage();
    let url = stage.splunk().url();
    stage.splunk().switch(|switches| switches.propagation = 3_600);
    let words = format!("{ROTATE} --ingest-url {url}");
    sf(&stage, &words).ends_with(4).says("not delivered");
    assert_eq!((rotations(&stage).len(), written(&stage)), (1, None));
    stage.splunk().switch(|switches| switches.propagation = 0);
    sf(&stage, &format!("sync myToken --output-file t --ingest-url {url}")).ends_with(0);
    assert!(is_delivered(&stage));
}
