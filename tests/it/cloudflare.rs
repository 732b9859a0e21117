//! DNS records at a stand-in for Cloudflare: put, kept, changed, removed; and what others made
//! stays as it is.

use std::time::Duration;

use mizan::{
    cloudflare::{Alias, Cloudflare, Owner, Retries},
    error::ErrorKind,
    http::Http,
    model::{AppName, EnvName},
    secret::SecretValue,
};

use crate::support::cloudflare::{Answer, Cloudflare as StandIn, TOKEN};

const QUICK: Retries =
    Retries { attempts: 3, pause: Duration::from_millis(5), longest: Duration::from_secs(2) };

fn client(server: &StandIn, token: &str) -> Cloudflare {
    let token = SecretValue::new(token.to_owned());
    Cloudflare::new(Http::new().unwrap(), &server.base_url(), token, QUICK)
}

fn owner(env: &str) -> Owner {
    Owner::new(&AppName::new("board").unwrap(), &EnvName::new(env).unwrap())
}

fn alias(target: &str) -> Alias {
    Alias { name: "origin.board.example.org".into(), target: target.into(), shareable: false }
}

#[tokio::test]
async fn an_alias_is_made_once_then_kept_then_changed_then_removed() {
    let server = StandIn::start();
    server.add_zone("example.org");
    let cloudflare = client(&server, TOKEN);
    let zone = cloudflare.zone_of("origin.board.example.org").await.unwrap();

    let made = cloudflare.put_alias(&zone, &alias("one.elb.test"), &owner("production")).await;
    let made = made.unwrap();
    let [record] = &server.records()[..] else { panic!("one record") };
    assert_eq!((record.content.as_str(), record.proxied), ("one.elb.test", false));
    assert_eq!(record.comment.as_deref(), Some("mizan:board:production"));

    server.take_log();
    cloudflare.put_alias(&zone, &alias("one.elb.test"), &owner("production")).await.unwrap();
    let log = server.take_log();
    assert!(log.iter().all(|line| line.starts_with("GET ")), "a write for nothing: {log:?}");

    let moved = cloudflare.put_alias(&zone, &alias("two.elb.test"), &owner("production")).await;
    assert_eq!(moved.unwrap().id, made.id);
    assert_eq!(server.records()[0].content, "two.elb.test");

    let seen = cloudflare.records_of_owner(&zone, &owner("production")).await.unwrap();
    cloudflare.remove_record(&zone, &seen[0], &owner("production")).await.unwrap();
    cloudflare.remove_record(&zone, &seen[0], &owner("production")).await.unwrap();
    assert_eq!(server.records(), []);
}

#[tokio::test]
async fn a_record_that_a_person_proxied_is_put_right() {
    let server = StandIn::start();
    server.add_zone("example.org");
    let cloudflare = client(&server, TOKEN);
    let zone = cloudflare.zone_of("example.org").await.unwrap();
    cloudflare.put_alias(&zone, &alias("one.elb.test"), &owner("production")).await.unwrap();
    server.change_record("origin.board.example.org", |record| record.proxied = true);

    cloudflare.put_alias(&zone, &alias("one.elb.test"), &owner("production")).await.unwrap();

    assert!(!server.records()[0].proxied);
}

#[tokio::test]
async fn what_others_made_is_named_and_stays() {
    let server = StandIn::start();
    let zone_id = server.add_zone("example.org");
    server.add_record(&zone_id, "A", "origin.board.example.org", "192.0.2.7");
    let cloudflare = client(&server, TOKEN);
    let zone = cloudflare.zone_of("example.org").await.unwrap();
    let before = server.records();

    let told = cloudflare.put_alias(&zone, &alias("one.elb.test"), &owner("production")).await;
    let told = told.unwrap_err().to_string();
    assert_eq!(
        told,
        "the DNS record A origin.board.example.org exists and is not ours: in the zone \
         example.org it says 192.0.2.7, with no comment"
    );

    server.change_record("origin.board.example.org", |record| {
        record.comment = Some("mizan:board:staging".into());
    });
    let told = cloudflare.put_alias(&zone, &alias("one.elb.test"), &owner("production")).await;
    assert!(told.unwrap_err().to_string().contains("with the comment \"mizan:board:staging\""));
    let seen = cloudflare.records_of_name(&zone, "origin.board.example.org").await.unwrap();
    cloudflare.remove_record(&zone, &seen[0], &owner("production")).await.unwrap();
    server.change_record("origin.board.example.org", |record| record.comment = None);
    assert_eq!(server.records(), before);
}

#[tokio::test]
async fn a_shared_proof_is_as_good_as_ours() {
    let server = StandIn::start();
    let zone_id = server.add_zone("example.org");
    server.add_record(&zone_id, "CNAME", "_abc.board.example.org", "_def.acm-validations.aws");
    let cloudflare = client(&server, TOKEN);
    let zone = cloudflare.zone_of("board.example.org").await.unwrap();
    let proof = Alias {
        name: "_abc.board.example.org".into(),
        target: "_def.acm-validations.aws.".into(),
        shareable: true,
    };
    let before = server.records();
    cloudflare.put_alias(&zone, &proof, &owner("production")).await.unwrap();
    assert_eq!(server.records(), before);

    let other = Alias { target: "_else.acm-validations.aws".into(), ..proof };
    cloudflare.put_alias(&zone, &other, &owner("production")).await.unwrap_err();
    assert_eq!(server.records(), before);
}

#[tokio::test]
async fn the_zone_is_the_longest_that_the_token_sees() {
    let server = StandIn::start();
    server.add_zone("example.org");
    server.add_zone("board.example.org");
    server.add_zone_with_status("pending.example", "pending");
    let cloudflare = client(&server, TOKEN);

    let zone = cloudflare.zone_of("a.b.board.example.org").await.unwrap();
    assert_eq!(zone.name, "board.example.org");
    let zone = cloudflare.zone_of("dashboard.example.org").await.unwrap();
    assert_eq!(zone.name, "example.org");

    let error = cloudflare.zone_of("www.pending.example").await.unwrap_err();
    assert!(error.message.contains("pending.example is pending, not active"), "{error}");
    assert!(error.hints[0].contains("bob.ns.cloudflare.com"), "{:?}", error.hints);

    server.take_log();
    let error = cloudflare.zone_of("www.example.com").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert_eq!(server.take_log(), ["GET zones?name=www.example.com", "GET zones?name=example.com"]);
}

#[tokio::test]
async fn a_wrong_token_is_denied_in_the_vendors_words_and_never_shown() {
    let server = StandIn::start();
    let cloudflare = client(&server, "canary-wrong");
    let error = cloudflare.zone_of("example.org").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert_eq!(
        error.to_string(),
        "cannot find the Cloudflare zone of example.org: Invalid access token (code 9109)"
    );
    assert!(error.hints[0].contains("the permission Zone Read for the zone"), "{:?}", error.hints);
    let shown = format!("{error:?} {cloudflare:?}");
    assert!(!shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn passing_troubles_are_waited_out_and_lasting_ones_told() {
    let server = StandIn::start();
    server.add_zone("example.org");
    let cloudflare = client(&server, TOKEN);
    server.interrupt(Answer::error(429, 10429, "Rate limited").with("retry-after", "1"));
    server.interrupt(Answer::plain(502, "<html>Bad gateway</html>"));
    let begin = std::time::Instant::now();
    cloudflare.zone_of("example.org").await.unwrap();
    assert!(begin.elapsed() >= Duration::from_secs(1), "Retry-After was not heard");

    for _ in 0..3 {
        server.interrupt(Answer::plain(503, "<html>busy</html>"));
    }
    let error = cloudflare.zone_of("example.org").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.to_string().ends_with("Cloudflare answered 503 Service Unavailable"), "{error}");

    // A wait of five minutes is not made.
    server.interrupt(Answer::error(429, 971, "throttled").with("retry-after", "300"));
    let error = cloudflare.zone_of("example.org").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_failure_with_status_200_is_a_failure_and_large_codes_are_kept() {
    let server = StandIn::start();
    server.interrupt(Answer::error(200, 100_117, "something of Workers"));
    let error = client(&server, TOKEN).zone_of("example.org").await.unwrap_err();
    assert!(error.to_string().ends_with("something of Workers (code 100117)"), "{error}");
}

#[tokio::test]
async fn a_record_whose_creation_was_not_answered_is_found_and_not_made_twice() {
    let server = StandIn::start();
    server.add_zone("example.org");
    let cloudflare = client(&server, TOKEN);
    let zone = cloudflare.zone_of("example.org").await.unwrap();
    server.lose_answer(Answer::plain(502, "<html>Bad gateway</html>"));

    cloudflare.put_alias(&zone, &alias("one.elb.test"), &owner("production")).await.unwrap();

    assert_eq!(server.records().len(), 1);
}

#[tokio::test]
async fn the_stand_in_refuses_what_the_vendor_does_not_know() {
    let server = StandIn::start();
    let zone = server.add_zone("example.org");
    let http = Http::new().unwrap();
    let body = r#"{"type":"CNAME","name":"a.example.org","content":"b","ttl":60,"owner":"me"}"#;
    let request = hyper::Request::post(format!("{}zones/{zone}/dns_records", server.base_url()))
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(body.into())
        .unwrap();
    let answer = http.fetch(request).await.unwrap();
    let text = String::from_utf8_lossy(answer.body());
    assert_eq!(answer.status(), 400);
    assert!(text.contains("'owner' was unexpected"), "{text}");
}
