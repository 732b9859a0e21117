//! Asks: the one place where a check meets the network. Few questions at a time, none without an
//! end, and every answer is kept as it came.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::Empty;
use hyper::client::conn::http1;
use tokio::{sync::Semaphore, time::timeout};

use super::{
    exchange::{Answer, Exchange, Pair},
    passage::Passage,
    place::Place,
    question::Question,
    report::Through,
    who::Credentials,
};
use crate::{
    error::Result,
    http::{HeaderMap, Http, Request, Timeouts, Uri, header},
    secret::SecretValue,
};

/// Questions at a time: an app in development has few workers.
pub const AT_A_TIME: usize = 4;
/// One answer may take this long.
const PATIENCE: Duration = Duration::from_secs(15);
/// A whole check may take this long; what was not asked by then has no answer.
const WHOLE: Duration = Duration::from_secs(180);
/// How often two questions are repeated while the data under them changes.
const TRIES: usize = 8;
/// How often a difference must be seen before it counts.
const CONFIRMED: usize = 2;
/// The example key of RFC 6455, and what a server makes of it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What proves that the server speaks the protocol.
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The app that is asked.
#[derive(Debug)]
pub struct Asker {
    http: Http,
    address: String,
    own: Place,
    /// Where visitors find the app, if it is asked elsewhere.
    public: Option<Place>,
    credentials: Credentials,
    passage: Passage,
    through: Through,
    turns: Semaphore,
    end: Instant,
}

impl Asker {
    /// Asks at `address`; with `public` as the edge does, which visitors find there.
    ///
    /// # Errors
    /// One of them is no URL of a site.
    pub fn new(
        address: &str,
        public: Option<&str>,
        credentials: Credentials,
        passage: Passage,
        through: Through,
    ) -> Result<Self> {
        let own = Place::of(address)?;
        Ok(Self {
            http: Http::with_timeouts(Timeouts { read: PATIENCE, ..Timeouts::default() })?,
            public: public.map(Place::of).transpose()?,
            address: passage.connect.clone().unwrap_or_else(|| own.reachable()),
            own,
            credentials,
            passage,
            through,
            turns: Semaphore::new(AT_A_TIME),
            end: Instant::now() + WHOLE,
        })
    }

    /// The address as it was given, scheme and host alone.
    pub fn url(&self) -> String {
        self.own.origin()
    }

    /// What browsers name as their Origin.
    pub fn public_origin(&self) -> String {
        self.public.as_ref().unwrap_or(&self.own).origin()
    }

    /// What is expected there.
    pub fn through(&self) -> Through {
        self.through
    }

    /// True if a visitor can be signed in.
    pub fn has_credentials(&self) -> bool {
        !self.credentials.is_empty()
    }

    /// What must not be shown.
    pub fn secrets(&self) -> Vec<SecretValue> {
        let word = self.passage.word.iter().map(|(_, value)| value.clone());
        self.credentials.secrets().into_iter().chain(word).collect()
    }

    /// Asks once.
    pub async fn ask(&self, question: Question) -> Exchange {
        let request = question.line();
        let Ok(_turn) = self.turns.acquire().await else {
            return Exchange { request, answer: Err("not asked".to_owned()) };
        };
        if Instant::now() >= self.end {
            let answer =
                Err(format!("not asked: the check took longer than {} s", WHOLE.as_secs()));
            return Exchange { request, answer };
        }
        let answer = match self.request(&question) {
            Ok(request) => self.fetch(request).await,
            Err(error) => Err(error),
        };
        Exchange { request, answer }
    }

    /// Asks both, and tells whether a difference between the bodies is one of the questions or of
    /// the moments.
    pub async fn compare(&self, plain: &Question, other: &Question) -> Pair {
        self.compare_by(plain, other, |answer| answer.body.clone()).await
    }

    /// The same, by what `told` takes from an answer. The other question is asked between two
    /// plain ones: where these two agree, the difference is the question's, if that is so twice (a
    /// visitor may have taken back at once what another had changed); and where the other agrees with
    /// one of them, there is none.
    pub async fn compare_by<T: PartialEq>(
        &self,
        plain: &Question,
        other: &Question,
        told: impl Fn(&Answer) -> T,
    ) -> Pair {
        // An answer that is none settles it, too.
        let agree = |one: &Exchange, two: &Exchange| match (&one.answer, &two.answer) {
            (Ok(one), Ok(two)) => told(one) == told(two),
            _ => true,
        };
        let settled = |plain, other| Pair { plain, other, is_restless: false };
        let mut differs = 0;
        let mut before = self.ask(plain.clone()).await;
        let mut between = self.ask(other.clone()).await;
        for _ in 0..TRIES {
            if agree(&before, &between) {
                return settled(before, between);
            }
            let after = self.ask(plain.clone()).await;
            differs += usize::from(agree(&before, &after));
            if agree(&after, &between) || differs == CONFIRMED {
                return settled(after, between);
            }
            (before, between) = (after, self.ask(other.clone()).await);
        }
        Pair { plain: before, other: between, is_restless: true }
    }

    /// Asks the same question several times at the same moment.
    pub async fn ask_at_once(&self, question: &Question, times: usize) -> Vec<Exchange> {
        join_all((0..times).map(|_| self.ask(question.clone()))).await
    }

    /// Asks for a WebSocket; an answer of 101 is all that is waited for.
    pub async fn upgrade(&self, path: &str) -> Exchange {
        let question = Question::get(path)
            .header("Upgrade", "websocket")
            .quietly("Connection", "Upgrade")
            .quietly("Sec-WebSocket-Version", "13")
            .quietly("Sec-WebSocket-Key", KEY)
            .quietly("Origin", &self.public_origin());
        let answer = match timeout(PATIENCE, self.shake_hands(&question)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        };
        Exchange { request: question.line(), answer }
    }

    async fn shake_hands(&self, question: &Question) -> Result<Answer, String> {
        let url: Uri = self.address.parse().map_err(|_| "no URL".to_owned())?;
        let connection = self.http.connect(&url).await.map_err(|error| error.to_string())?;
        let (mut sender, connection) =
            http1::handshake(connection).await.map_err(|error| error.to_string())?;
        let connection = connection.with_upgrades();
        let mut request = self.request(question)?.map(|_| Empty::<Bytes>::new());
        *request.uri_mut() = question.target.parse().map_err(|_| "no path".to_owned())?;
        let exchange = async {
            let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
            let (head, _) = answer.into_parts();
            Ok(Answer { status: head.status, headers: head.headers, body: Bytes::new() })
        };
        tokio::pin!(exchange);
        tokio::select! {
            answer = &mut exchange => answer,
            // The connection may end before the answer is taken; the answer decides.
            _ = connection => exchange.await,
        }
    }

    fn request(&self, question: &Question) -> Result<Request<Bytes>, String> {
        let url = format!("{}{}", self.address, question.target);
        let host = |own: &Place| question.host.clone().unwrap_or_else(|| own.host.clone());
        let mut request = Request::builder().method(question.method.clone()).uri(url);
        request = match &self.public {
            None => request.header(header::HOST, host(&self.own)),
            Some(public) => request
                .header(header::HOST, &self.own.host)
                .header("X-Forwarded-Host", host(public))
                .header("X-Forwarded-Proto", &public.scheme),
        };
        for (name, value) in &question.headers {
            request = request.header(name, value);
        }
        if let Some((name, value)) = &self.passage.word {
            request = request.header(name, value.expose());
        }
        let cookies = self.cookies(question);
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        for (name, value) in self.credentials.headers.iter().filter(|_| question.signed_in) {
            request = request.header(name, value.expose());
        }
        request.body(question.body.clone()).map_err(|error| error.to_string())
    }

    /// The question's own cookies, and of the visitor's those that it does not set itself.
    fn cookies(&self, question: &Question) -> Vec<String> {
        let name = |cookie: &str| cookie.split('=').next().unwrap_or_default().trim().to_owned();
        let own: Vec<String> = question.cookies.iter().map(|cookie| name(cookie)).collect();
        let given = self.credentials.cookie.iter().filter(|_| question.signed_in);
        let given = given.flat_map(|cookies| cookies.expose().split(';').map(str::trim));
        let given = given.filter(|cookie| !own.contains(&name(cookie))).map(str::to_owned);
        given.chain(question.cookies.iter().cloned()).collect()
    }

    async fn fetch(&self, request: Request<Bytes>) -> Result<Answer, String> {
        let answer = self.http.fetch(request).await.map_err(|error| error.to_string())?;
        let (head, body) = answer.into_parts();
        let headers: HeaderMap = head.headers;
        Ok(Answer { status: head.status, headers, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::header::HeaderName;

    fn asker(address: &str, public: Option<&str>) -> Result<Asker> {
        let mut credentials = Credentials::default();
        credentials.set_cookie("SESSION", "sessionid=abc; csrftoken=old")?;
        credentials.add_header("TOKEN", "Authorization: Bearer abc")?;
        Asker::new(address, public, credentials, Passage::default(), Through::Origin)
    }

    #[test]
    fn a_question_shows_no_credential_and_comes_as_from_the_edge() {
        let asker = asker("http://127.0.0.1:8000", Some("https://board.example.com")).unwrap();
        let question = Question::get("/x/").cookie("csrftoken", "new").signed_in(true);
        assert_eq!(question.line(), "GET /x/ (cookie csrftoken, signed in)");
        let request = asker.request(&question).unwrap();
        assert_eq!(request.uri(), "http://127.0.0.1:8000/x/");
        assert_eq!(request.headers()["host"], "127.0.0.1:8000");
        assert_eq!(request.headers()["x-forwarded-host"], "board.example.com");
        assert_eq!(request.headers()["x-forwarded-proto"], "https");
        assert_eq!(request.headers()["cookie"], "sessionid=abc; csrftoken=new");
        assert_eq!(request.headers()["authorization"], "Bearer abc");
        let request = asker.request(&Question::get("/x/").at_host("other")).unwrap();
        assert_eq!(request.headers()["x-forwarded-host"], "other");
        assert!(!request.headers().contains_key("cookie"));
        assert!(!request.headers().contains_key("authorization"));
    }

    #[test]
    fn a_passage_leads_elsewhere_by_a_word_and_the_host_stays() {
        let passage = Passage {
            connect: Some("http://127.0.0.1:4566".into()),
            word: Some((HeaderName::from_static("x-word"), SecretValue::new("sesame".into()))),
        };
        let public = Some("https://board.example.com");
        let origin = "https://origin.example.com";
        let asker =
            Asker::new(origin, public, Credentials::default(), passage, Through::Origin).unwrap();
        assert_eq!(asker.url(), origin);
        let question = Question::get("/x/");
        assert_eq!(question.line(), "GET /x/");
        let request = asker.request(&question).unwrap();
        assert_eq!(request.uri(), "http://127.0.0.1:4566/x/");
        assert_eq!(request.headers()["host"], "origin.example.com");
        assert_eq!(request.headers()["x-word"], "sesame");
        let secrets = asker.secrets();
        assert!(secrets.iter().any(|secret| secret.expose() == "sesame"));
    }
}
