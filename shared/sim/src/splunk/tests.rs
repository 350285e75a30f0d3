//! The API over HTTP, as a client meets it.

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use jiff::SignedDuration;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{ADMIN, ADMIN_PASSWORD, Role, Seed, Splunk, Switches, User};
use crate::clock::Clock;
use crate::faults::{RequestAction, RequestRule, Script};

/// One request without TLS; the status and the body.
async fn ask(
    splunk: &Splunk,
    (method, path): (&str, &str),
    token: Option<&str>,
    body: Value,
) -> Result<(StatusCode, String), hyper::Error> {
    let address = splunk.plain_url().trim_start_matches("http://").to_owned();
    let socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    let task = tokio::spawn(connection);
    let mut request = Request::builder().method(Method::try_from(method).unwrap()).uri(path);
    if let Some(token) = token {
        request = request.header("X-SF-Token", token);
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = request.header("content-type", "application/json");
    let request = request.header("content-length", body.len());
    let answer = sender.send_request(request.body(Full::new(Bytes::from(body))).unwrap()).await?;
    let status = answer.status();
    let bytes = answer.into_body().collect().await?.to_bytes();
    task.abort();
    Ok((status, String::from_utf8(bytes.to_vec()).unwrap()))
}

async fn as_admin(splunk: &Splunk, line: &str, body: Value) -> (u16, Value) {
    let token = splunk.admin_token();
    let (status, text) =
        ask(splunk, line.split_once(' ').unwrap(), Some(token.expose_secret()), body)
            .await
            .unwrap();
    (status.as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

async fn probe(splunk: &Splunk, secret: &str) -> u16 {
    let event = ("POST", "/v2/event");
    ask(splunk, event, Some(secret), json!([])).await.unwrap().0.as_u16()
}

async fn with(seeds: Vec<Seed>) -> Splunk {
    Splunk::builder().tokens(seeds).start().await.unwrap()
}

#[tokio::test]
async fn a_rotation_keeps_the_old_secret_until_its_grace_ends() {
    let splunk = with(vec![Seed::ingest("myToken")]).await;
    let old = splunk.secret("myToken").unwrap();
    let line = "POST /v2/token/myToken/rotate?graceful=604800";
    let (status, token) = as_admin(&splunk, line, Value::Null).await;
    assert_eq!(status, 200);
    let new = token["secret"].as_str().unwrap();
    assert_ne!(new, old.expose_secret());
    assert_eq!(probe(&splunk, new).await, 200);
    assert_eq!(probe(&splunk, old.expose_secret()).await, 200);
    splunk.clock().advance_to(splunk.clock().now() + SignedDuration::from_hours(24 * 7));
    assert_eq!(probe(&splunk, old.expose_secret()).await, 401);
    assert_eq!(probe(&splunk, new).await, 200);
    let requests = splunk.requests();
    assert_eq!(requests[0].line(), line);
    assert_eq!(requests[0].header("x-sf-token"), Some("(session of admin)"));
    assert_eq!(requests[1].header("x-sf-token"), Some("(secret of myToken)"));
}

#[tokio::test]
async fn a_post_that_does_not_tell_its_length_is_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let splunk = with(vec![Seed::ingest("t")]).await;
    let address = splunk.plain_url().trim_start_matches("http://").to_owned();
    let token = splunk.admin_token();
    for (length, status) in [("", "411"), ("content-length: 0\r\n", "200")] {
        let mut socket = tokio::net::TcpStream::connect(&address).await.unwrap();
        let line =
            "POST /v2/token/t/rotate?graceful=60 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
        let head = format!("{line}x-sf-token: {}\r\n{length}\r\n", token.expose_secret());
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

#[tokio::test]
async fn pages_search_and_count() {
    let seeds = (0..45).map(|number| Seed::ingest(&format!("Token {number:02}"))).collect();
    let splunk = with(seeds).await;
    for (query, count, length) in [
        ("", 45, 20),
        ("?limit=0", 45, 20),
        ("?limit=100000", 45, 20),
        ("?limit=many", 45, 20),
        ("?limit=100", 45, 45),
        ("?limit=20&offset=40", 45, 5),
        ("?offset=45", 45, 0),
        ("?name=token+1", 10, 10),
        ("?name=4", 9, 9),
        ("?name=nobody", 0, 0),
    ] {
        let (status, page) = as_admin(&splunk, &format!("GET /v2/token{query}"), Value::Null).await;
        assert_eq!(status, 200);
        assert_eq!(page["count"], count, "{query}");
        assert_eq!(page["results"].as_array().unwrap().len(), length, "{query}");
    }
}

#[tokio::test]
async fn nothing_is_reached_above_the_ceiling() {
    let seeds = (0..10_005).map(|number| Seed::ingest(&number.to_string())).collect();
    let splunk = with(seeds).await;
    let (_, page) = as_admin(&splunk, "GET /v2/token?limit=100&offset=9990", Value::Null).await;
    assert_eq!(page["results"].as_array().unwrap().len(), 10);
}

#[tokio::test]
async fn who_is_no_admin_is_told_so_in_the_form_of_the_switch() {
    let user = User::new("ann@example.com", "secret word", Role::Power);
    let shared =
        json!({"acl": [{"principalId": "ann", "principalType": "USER", "actions": ["READ"]}]});
    let seeds = [
        Seed::ingest("shared").permissions(shared),
        Seed::ingest("hidden"),
        Seed::new("api", &[super::Scope::Api]).role("power"),
    ];
    let splunk = Splunk::builder().user(user).tokens(seeds).start().await.unwrap();
    let ann = splunk.session_of("ann@example.com").unwrap();
    let ann = Some(ann.expose_secret());
    let get = ("GET", "/v2/token");
    let (_, page) = ask(&splunk, get, ann, Value::Null).await.unwrap();
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!(page["results"][0]["name"], "shared");
    assert_eq!(page["count"], 1);
    let rotate = ("POST", "/v2/token/shared/rotate?graceful=60");
    let (status, text) = ask(&splunk, rotate, ann, Value::Null).await.unwrap();
    assert_eq!((status.as_u16(), text.starts_with("<html>")), (403, true));
    splunk.switch(|switches| *switches = Switches::opposite());
    let (status, text) = ask(&splunk, rotate, ann, Value::Null).await.unwrap();
    assert_eq!((status.as_u16(), text.as_str()), (401, "\"Unauthorized update.\""));
    let (status, text) = ask(&splunk, get, Some("nobody's"), Value::Null).await.unwrap();
    assert_eq!((status.as_u16(), text.as_str()), (401, "\"Invalid token specified.\""));
    let api = splunk.secret("api").unwrap();
    let (_, page) = ask(&splunk, get, Some(api.expose_secret()), Value::Null).await.unwrap();
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!((&page["count"], &page["results"][0]["name"]), (&json!(1), &json!("api")));
}

#[tokio::test]
async fn creating_and_updating_follow_the_rules() {
    let splunk = with(vec![Seed::ingest("taken").disabled()]).await;
    for (body, message) in [
        (json!({}), "Please provide a name for this token."),
        (json!({"name": ""}), "Please provide a name for this token."),
        (json!({"name": "taken"}), "A token with the same name already exists!"),
        (json!({"name": "a", "authScopes": ["RUM", "API"]}), "combined"),
        (json!({"name": "a", "authScopes": ["SHIP"]}), "deserialize"),
        (json!({"name": "a", "permissions": {"acl": null}}), "acl"),
        (json!({"name": "a", "limits": {"dpmQuota": 5}}), "DPM quota"),
        (json!({"name": "a", "secondsUntilExpiry": 0}), "secondsUntilExpiry"),
    ] {
        let (status, answer) = as_admin(&splunk, "POST /v2/token", body.clone()).await;
        assert_eq!(status, 400, "{body}");
        assert!(answer["message"].as_str().unwrap().contains(message), "{body}: {answer}");
    }
    let everyone = json!({"acl": [{"principalId": "EMBEDDED0AA", "principalType": "ORG", "actions": ["READ"]}]});
    let body = json!({"name": "new/one", "description": "d", "permissions": everyone, "secondsUntilExpiry": 60});
    let (status, token) = as_admin(&splunk, "POST /v2/token", body).await;
    assert_eq!((status, &token["authScopes"]), (200, &json!(["INGEST", "API"])));
    let rename = json!({"name": "other"});
    let (status, token) = as_admin(&splunk, "PUT /v2/token/new%2Fone", rename).await;
    assert_eq!((status, &token["description"]), (200, &json!("d")));
    assert_eq!(token["permissions"], everyone);
    let wiped = json!({"permissions": null});
    let (_, token) = as_admin(&splunk, "PUT /v2/token/other", wiped).await;
    assert_eq!(token["permissions"], Value::Null);
    assert_eq!(as_admin(&splunk, "DELETE /v2/token/other", Value::Null).await.0, 204);
    assert_eq!(as_admin(&splunk, "GET /v2/token/other", Value::Null).await.0, 404);
}

#[tokio::test]
async fn an_update_that_replaces_wipes_what_is_not_sent() {
    let splunk = with(vec![Seed::ingest("t").description("d").disabled()]).await;
    splunk.switch(|switches| switches.update = super::Update::Replace);
    assert_eq!(as_admin(&splunk, "PUT /v2/token/t", json!({"disabled": true})).await.0, 400);
    let (_, token) = as_admin(&splunk, "PUT /v2/token/t", json!({"name": "t"})).await;
    assert_eq!((&token["description"], &token["disabled"]), (&json!(""), &json!(false)));
}

#[tokio::test]
async fn graces_and_lives_have_their_limits() {
    let past = SignedDuration::from_secs(-1);
    let seeds = vec![
        Seed::ingest("t"),
        Seed::ingest("gone").expires_in(past),
        Seed::ingest("off").disabled(),
    ];
    let splunk = with(seeds).await;
    let rotate = |rest: &str| format!("POST /v2/token/{rest}");
    for (rest, usual, other) in [
        ("t/rotate?graceful=6048000", 400, 200),
        ("t/rotate?graceful=-1", 400, 400),
        ("t/rotate?graceful=7d", 400, 400),
        ("t/rotate?graceful=1&secondsUntilExpiry=5676000000", 400, 200),
        ("gone/rotate?graceful=1", 400, 403),
        ("off/rotate?graceful=1", 400, 200),
        ("nobody/rotate?graceful=1", 404, 404),
        ("../rotate?graceful=1", 404, 404),
    ] {
        for (switches, status) in [(Switches::default(), usual), (Switches::opposite(), other)] {
            splunk.switch(|current| *current = switches);
            let answer = as_admin(&splunk, &rotate(rest), Value::Null).await;
            assert_eq!(answer.0, status, "{rest}: {}", answer.1);
        }
    }
}

#[tokio::test]
async fn a_session_begins_with_a_password_and_ends_once() {
    let splunk = with(Vec::new()).await;
    let login = ("POST", "/v2/session");
    let body = json!({"email": ADMIN, "password": ADMIN_PASSWORD});
    let (status, text) = ask(&splunk, login, None, body.clone()).await.unwrap();
    assert_eq!(status, 200);
    let session: Value = serde_json::from_str(&text).unwrap();
    let session = session["accessToken"].as_str();
    let organization = ("GET", "/v2/organization");
    assert_eq!(ask(&splunk, organization, session, Value::Null).await.unwrap().0, 200);
    let logout = ("DELETE", "/v2/session");
    assert_eq!(ask(&splunk, logout, session, Value::Null).await.unwrap().0, 204);
    assert_eq!(ask(&splunk, logout, session, Value::Null).await.unwrap().0, 404);
    assert_eq!(ask(&splunk, organization, session, Value::Null).await.unwrap().0, 401);
    assert_eq!(ask(&splunk, login, Some(""), body.clone()).await.unwrap().0, 401);
    let wrong = json!({"email": ADMIN, "password": "guess"});
    assert_eq!(ask(&splunk, login, None, wrong).await.unwrap().0, 401);
    splunk.switch(|switches| switches.single_sign_on = true);
    assert_eq!(ask(&splunk, login, None, body).await.unwrap().0, 401);
    let log = format!("{:?}", splunk.requests());
    assert!(!log.contains(ADMIN_PASSWORD), "the log holds no password");
}

#[tokio::test]
async fn a_request_is_cut_before_or_after_it_takes_effect() {
    for (action, rotated) in [(RequestAction::CutBefore, false), (RequestAction::CutAfter, true)] {
        let rule = RequestRule::splunk(action).method("POST").times(1);
        let script = Script::default().request(rule);
        let token = Seed::ingest("t").secret("before");
        let splunk = Splunk::builder().token(token).faults(script).start().await.unwrap();
        let admin = splunk.admin_token();
        let line = ("POST", "/v2/token/t/rotate?graceful=60");
        assert!(ask(&splunk, line, Some(admin.expose_secret()), Value::Null).await.is_err());
        let changed = splunk.secret("t").unwrap().expose_secret() != "before";
        assert_eq!(changed, rotated);
        assert_eq!(splunk.requests()[0].status, 0);
    }
}

#[tokio::test]
async fn a_fault_answers_in_any_form() {
    let splunk = with(Vec::new()).await;
    for (message, starts) in [
        (None, "<html>"),
        (Some("<html><title>Sign in</title></html>"), "<html><title>Sign in"),
        (Some("\"just a string\""), "\"just"),
        (Some("said plainly"), "{\"code\":503,"),
    ] {
        let message = message.map(str::to_owned);
        let action = RequestAction::Refuse { status: 503, retry_after: Some(3), message };
        splunk.faults().replace(Script::default().request(RequestRule::splunk(action)));
        let (status, text) = ask(&splunk, ("GET", "/v2/token"), None, Value::Null).await.unwrap();
        assert_eq!(status, 503);
        assert!(text.starts_with(starts), "{text}");
    }
}

#[tokio::test]
async fn a_new_secret_takes_its_time_to_come_around() {
    let clock = Clock::real();
    let switches = Switches { propagation: 30, ..Switches::default() };
    let token = Seed::ingest("t");
    let splunk = Splunk::builder().clock(clock.clone()).switches(switches).token(token);
    let splunk = splunk.start().await.unwrap();
    as_admin(&splunk, "POST /v2/token/t/rotate?graceful=60", Value::Null).await;
    let secret = splunk.secret("t").unwrap();
    assert_eq!(probe(&splunk, secret.expose_secret()).await, 401);
    clock.advance_to(clock.now() + SignedDuration::from_secs(30));
    assert_eq!(probe(&splunk, secret.expose_secret()).await, 200);
}
