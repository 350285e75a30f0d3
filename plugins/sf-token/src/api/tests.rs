//! The client against the embedded Splunk, also on its bad days.

use std::time::Duration;

use common::cluster::{Backoff, Options};
use common::web::Trust;
use secrecy::ExposeSecret;
use sim::faults::{RequestAction, RequestRule, Script};
use sim::splunk::{Seed, Splunk};

use super::{
    ApiError, Client, ClientOptions, Credential, Outcome, Place, Source, Token, TokenName,
    TokenPatch,
};

async fn splunk(seeds: Vec<Seed>) -> Splunk {
    Splunk::builder().tokens(seeds).start().await.unwrap()
}

fn client(splunk: &Splunk) -> Client {
    let backoff = Backoff { first: Duration::from_millis(1), ..Backoff::default() };
    let credential = Credential::new(splunk.admin_token().expose_secret(), Source::Stdin).unwrap();
    let options = ClientOptions {
        place: Place::at(&splunk.url()).unwrap(),
        credential: Some(credential),
        trust: Trust::authority(splunk.ca_pem().as_bytes()).unwrap(),
        timeout: Duration::from_secs(5),
        observers: Options { backoff, ..Options::default() },
    };
    Client::new(options, |_| None).unwrap()
}

fn name(text: &str) -> TokenName {
    text.parse().unwrap()
}

fn lines(splunk: &Splunk) -> Vec<String> {
    splunk.requests().iter().map(sim::splunk::Record::line).collect()
}

#[tokio::test]
async fn a_rotation_is_sent_as_the_guide_says_and_once() {
    let splunk = splunk(vec![Seed::ingest("myToken")]).await;
    let token = client(&splunk).rotate(&name("myToken"), 604_800, None).await.unwrap();
    let told = token.secret.unwrap();
    assert_eq!(told.expose_secret(), splunk.secret("myToken").unwrap().expose_secret());
    let requests = splunk.requests();
    assert_eq!(lines(&splunk), ["POST /v2/token/myToken/rotate?graceful=604800"]);
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    // The stand-in answers 411 without it, as front ends do.
    assert_eq!(requests[0].header("content-length"), Some("0"));
    assert_eq!(requests[0].header("x-sf-token"), Some("(session of admin)"));
}

#[tokio::test]
async fn a_cut_answer_leaves_doubt_and_no_second_request() {
    let rule = RequestRule::splunk(RequestAction::CutAfter).method("POST");
    let script = Script::default().request(rule);
    let builder = Splunk::builder().token(Seed::ingest("t").secret("before")).faults(script);
    let splunk = builder.start().await.unwrap();
    let error = client(&splunk).rotate(&name("t"), 60, Some(3600)).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    assert_eq!(lines(&splunk), ["POST /v2/token/t/rotate?graceful=60&secondsUntilExpiry=3600"]);
    assert_ne!(splunk.secret("t").unwrap().expose_secret(), "before");
}

#[tokio::test]
async fn reading_is_repeated_until_it_works() {
    let rule = RequestRule::splunk(RequestAction::CutAfter).times(2);
    let script = Script::default().request(rule);
    let builder = Splunk::builder().token(Seed::ingest("t")).faults(script);
    let splunk = builder.start().await.unwrap();
    assert_eq!(client(&splunk).get(&name("t")).await.unwrap().name, "t");
    assert_eq!(splunk.requests().len(), 3);
}

#[tokio::test]
async fn all_pages_are_read_in_order_also_where_pages_are_small() {
    let seeds: Vec<Seed> = (0..250).map(|i| Seed::ingest(&format!("t{i:03}"))).collect();
    let splunk = splunk(seeds).await;
    for largest in [1000, 20] {
        splunk.switch(|switches| switches.largest_page = largest);
        let mut names = Vec::new();
        let take = |page: Vec<Token>, _| {
            names.extend(page.into_iter().map(|token| token.name));
            Ok::<(), ApiError>(())
        };
        let listed = client(&splunk).each_page(None, take).await.unwrap();
        assert_eq!((listed.read, listed.count), (250, 250), "{largest}");
        assert!(names.is_sorted() && names.len() == 250, "{largest}: {names:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let splunk = splunk(Vec::new()).await;
    let elsewhere = "https://elsewhere.example.com/v2".to_owned();
    splunk.switch(|switches| switches.redirect = Some(elsewhere));
    let error = client(&splunk).organization().await.unwrap_err();
    assert!(
        matches!(&error, ApiError::Redirect { target: Some(host), .. } if host == "elsewhere.example.com"),
        "{error}"
    );
    assert_eq!(splunk.requests().len(), 1);
}

#[tokio::test]
async fn odd_names_reach_the_token_they_mean() {
    let names = ["my token", "a/b", ";v=1", "100%", "%20", "päss", "...", "a?b#c"];
    let splunk = splunk(names.iter().map(|name| Seed::ingest(name)).collect()).await;
    for text in names {
        let token = client(&splunk).get(&name(text)).await.unwrap();
        assert_eq!(token.name, text);
    }
}

#[tokio::test]
async fn an_update_of_one_thing_changes_nothing_else() {
    let seed =
        Seed::ingest("t").description("old").limit("categoryQuota", serde_json::json!({"1": 5}));
    let splunk = splunk(vec![seed]).await;
    let before = client(&splunk).get(&name("t")).await.unwrap();
    let patch = TokenPatch { disabled: Some(true), ..TokenPatch::default() };
    let after = client(&splunk).update(&name("t"), &patch).await.unwrap();
    assert!(after.disabled);
    assert_eq!((&after.description, &after.limits), (&before.description, &before.limits));
    assert_eq!(after.latest_rotation, before.latest_rotation);
}
