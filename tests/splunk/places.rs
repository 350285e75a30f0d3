//! Where the API is, and what stands between.

use std::process::Command;

use rhacs_tests::{Finished, Stage};
use secrecy::ExposeSecret;
use sim::faults::{RequestAction, RequestRule, Script};
use sim::splunk::{Splunk, Switches};

use crate::proxy::Proxy;
use crate::{SF_TOKEN, my_token, rotations, sf, stage};

/// Runs a command whose environment names no API.
fn nowhere(stage: &Stage, words: &str, change: impl FnOnce(&mut Command)) -> Finished {
    let words: Vec<&str> = words.split_whitespace().collect();
    stage.run_with(SF_TOKEN, &words, |command| {
        command.env_remove("SFX_API_URL");
        change(command);
    })
}

#[test]
fn no_realm_is_never_taken_for_us0() {
    let stage = stage();
    nowhere(&stage, "list", |_| {}).ends_with(2).says("--realm");
    nowhere(&stage, "list --realm nonsense", |_| {}).ends_with(2);
}

#[test]
fn an_unknown_realm_is_warned_of_and_both_domains_are_asked() {
    let stage = stage();
    for (words, host) in [
        ("list --realm zz9", "CONNECT api.zz9.observability.splunkcloud.com:443"),
        ("list --realm us1 --domain signalfx.com", "CONNECT api.us1.signalfx.com:443"),
    ] {
        // The proxy refuses, so that nothing leaves this computer.
        let proxy = Proxy::refusing_with("403 Forbidden");
        let finished = nowhere(&stage, words, |command| {
            command.env("HTTPS_PROXY", proxy.url());
        });
        assert_ne!(finished.code, Some(0));
        assert!(proxy.heard().starts_with(host), "{}", proxy.heard());
        assert_eq!(finished.stderr.contains("none of the realms"), words.contains("zz9"));
        let token = stage.splunk().admin_token();
        assert!(!proxy.heard().contains(token.expose_secret()), "the proxy hears no credential");
    }
}

#[test]
fn the_variables_name_a_realm() {
    let stage = stage();
    for name in ["SPLUNK_REALM", "SFX_REALM"] {
        let proxy = Proxy::refusing_with("403 Forbidden");
        nowhere(&stage, "list", |command| {
            command.env(name, "eu0").env("HTTPS_PROXY", proxy.url());
        });
        assert!(proxy.heard().contains("api.eu0."), "{}", proxy.heard());
    }
}

#[test]
fn the_collectors_variable_is_no_credential() {
    let stage = stage();
    let finished = stage.run_with(SF_TOKEN, &["list"], |command| {
        command.env_remove("SFX_AUTH_TOKEN").env("SPLUNK_ACCESS_TOKEN", "canary-ingest");
    });
    finished.ends_with(2).says("SPLUNK_ACCESS_TOKEN");
    assert!(stage.splunk().requests().is_empty());
}

#[test]
fn plain_http_is_for_this_computer_only() {
    let stage = stage();
    let url = stage.splunk().plain_url();
    sf(&stage, &format!("get myToken --api-url {url}")).ends_with(0);
    for url in ["http://10.0.0.1", "http://api.us1.signalfx.com", "ftp://127.0.0.1"] {
        sf(&stage, &format!("get myToken --api-url {url}")).ends_with(2);
    }
    sf(&stage, "get myToken --api-url https://ann:canary-x@127.0.0.1").ends_with(2);
}

#[test]
fn a_stranger_is_not_trusted() {
    let stage = stage();
    let other = Stage::with(Splunk::builder()).start();
    let authority = other.directory().join("authority.pem");
    stage
        .run_with(SF_TOKEN, &["get", "myToken"], |command| {
            command.env("SSL_CERT_FILE", &authority);
        })
        .says("cannot trust");
    assert!(stage.splunk().requests().is_empty());
    let own = stage.directory().join("authority.pem");
    let own = own.to_str().expect("a path");
    stage
        .run_with(SF_TOKEN, &["get", "myToken", "--ca", own], |command| {
            command.env("SSL_CERT_FILE", &authority);
        })
        .ends_with(0);
}

#[test]
fn a_redirect_does_not_carry_the_credential_away() {
    let target = Stage::with(Splunk::builder().token(my_token())).start();
    for url in [target.splunk().url(), target.splunk().plain_url()] {
        let switches = Switches { redirect: Some(url), ..Switches::default() };
        let stage = Stage::with(Splunk::builder().token(my_token()).switches(switches)).start();
        sf(&stage, "list").says("redirect");
        sf(&stage, "rotate myToken --graceful 7d").ends_with(3);
    }
    assert!(target.splunk().requests().is_empty());
}

/// A proxy that leads to the stage's Splunk, as if it were the realm us1.
fn proxy_to(stage: &Stage) -> Proxy {
    Proxy::leading_to(stage.splunk().url().trim_start_matches("https://"))
}

#[test]
fn a_realm_leads_to_the_api_and_to_the_data_intake_in_both_domains() {
    for (words, domain) in [
        ("--realm us1", "observability.splunkcloud.com"),
        ("--realm us1 --domain signalfx.com", "signalfx.com"),
        ("--api-url https://api.us1.signalfx.com/v2", "signalfx.com"),
    ] {
        let stage = stage();
        let proxy = proxy_to(&stage);
        let words = format!("rotate myToken --graceful 604800 --output-file t {words}");
        let finished = nowhere(&stage, &words, |command| {
            command.env("https_proxy", proxy.url());
        });
        finished.ends_with(0);
        for service in ["api", "ingest"] {
            let line = format!("CONNECT {service}.us1.{domain}:443 HTTP/1.1");
            assert!(proxy.heard().contains(&line), "{}", proxy.heard());
        }
        let requests = stage.splunk().requests();
        let rotated = requests.iter().find(|one| one.path.ends_with("/rotate")).expect("rotated");
        let host = format!("api.us1.{domain}");
        assert_eq!(rotated.header("host"), Some(host.as_str()));
        assert_eq!(rotations(&stage).len(), 1);
        let probes = requests.iter().filter(|one| one.path == "/v2/event");
        assert!(probes.count() >= 1, "the new secret is tested");
    }
}

#[test]
fn the_refusals_of_a_proxy_are_told_from_splunks() {
    let stage = stage();
    for status in ["407 Proxy Authentication Required", "403 Forbidden", "502 Bad Gateway"] {
        let proxy = Proxy::refusing_with(status);
        let finished = nowhere(&stage, "get myToken --realm us1", |command| {
            command.env("HTTPS_PROXY", proxy.url());
        });
        assert_ne!(finished.code, Some(0));
        finished.says("proxy").says(&status[..3]);
    }
    let finished = nowhere(&stage, "rotate myToken --graceful 7d --realm us1", |command| {
        command.env("HTTPS_PROXY", "http://ann:canary-proxy@127.0.0.1:9");
    });
    finished.ends_with(3).says("proxy");
    assert!(stage.splunk().requests().is_empty());
}

#[test]
fn this_computer_is_reached_without_a_proxy() {
    let stage = stage();
    let proxy = Proxy::refusing_with("403 Forbidden");
    let finished = stage.run_with(SF_TOKEN, &["get", "myToken"], |command| {
        command.env("HTTPS_PROXY", proxy.url()).env("NO_PROXY", "127.0.0.1");
    });
    finished.ends_with(0);
    assert_eq!(proxy.heard(), "");
}

#[test]
fn every_form_of_an_error_is_read() {
    let stage = stage();
    for (status, message, says) in [
        (401, Some("\"Invalid token specified.\""), "Invalid token specified."),
        (403, None, "admin"),
        (403, Some("{\"code\":403,\"message\":\"Unauthorized update.\"}"), "Unauthorized update."),
        (404, Some("<html><title>Not here</title><p>a long page</p></html>"), "Not here"),
        (429, None, "429"),
        (200, Some("<html><title>Sign in to the network</title></html>"), "cannot be read"),
        (500, Some("{}"), "500"),
    ] {
        let message = message.map(str::to_owned);
        let action = RequestAction::Refuse { status, retry_after: None, message };
        stage.splunk().faults().replace(Script::default().request(RequestRule::splunk(action)));
        let finished = sf(&stage, "get myToken");
        assert_ne!(finished.code, Some(0), "{status}");
        assert!(!finished.stderr.contains("<html>"), "{}", finished.stderr);
        finished.says(says);
    }
    assert!(rotations(&stage).is_empty());
}
