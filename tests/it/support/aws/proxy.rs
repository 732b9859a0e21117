//! A proxy between `mizan` and the emulators: it counts the calls, and strikes those it is told to.

use std::{
    collections::HashMap,
    convert::Infallible,
    fmt,
    net::TcpListener,
    sync::{Arc, Mutex, MutexGuard},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    Request, Response, body::Incoming, client::conn::http1 as client,
    server::conn::http1 as server, service::service_fn,
};
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{net::TcpStream, sync::oneshot};

use super::{At, Call, Fault, Moment, faults::Answer};

type Body = BoxBody<Bytes, hyper::Error>;
type Error = Box<dyn std::error::Error + Send + Sync>;
type Hook = Box<dyn FnMut(&Call) + Send>;

/// A proxy on a port of its own, in a thread of its own.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    ministack: u16,
    moto: u16,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    counts: HashMap<String, usize>,
    sites: HashMap<String, usize>,
    faults: Vec<Planned>,
    struck: usize,
    hooks: Vec<(At, Moment, Hook)>,
    victim: Option<Pid>,
    /// How often everything was forgotten.
    forgotten: usize,
}

struct Planned {
    at: At,
    fault: Fault,
    /// The first call that it has struck.
    since: Option<usize>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Proxy").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Proxy {
    /// In front of emulators at these ports of 127.0.0.1.
    pub fn before(ministack: u16, moto: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        listener.set_nonblocking(true).expect("a listener of tokio");
        let port = listener.local_addr().expect("its address").port();
        let shared = Arc::new(Shared { ministack, moto, state: Mutex::default() });
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&shared);
        let thread = thread::spawn(move || serve(listener, &serving, stopped));
        Self { port, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// Its address.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Every call so far, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    /// Their names, such as `ecs:CreateService`.
    pub fn names(&self) -> Vec<String> {
        self.calls().iter().map(Call::name).collect()
    }

    /// How often an action was called, by its name.
    pub fn count(&self, name: &str) -> usize {
        self.shared.state().counts.get(name).copied().unwrap_or_default()
    }

    /// How often an action was called about a target, as [`Call::site`] writes them.
    pub fn count_of_site(&self, site: &str) -> usize {
        self.shared.state().sites.get(site).copied().unwrap_or_default()
    }

    /// Forgets calls, faults, hooks and the victim: counting begins anew.
    pub fn clear(&self) {
        let mut state = self.shared.state();
        *state = State { forgotten: state.forgotten + 1, ..State::default() };
    }

    /// Strikes the calls that are meant. The first fault that fits counts.
    pub fn strike(&self, at: At, fault: Fault) {
        self.shared.state().faults.push(Planned { at, fault, since: None });
    }

    /// How many calls were struck by a fault or had a hook.
    pub fn struck(&self) -> usize {
        self.shared.state().struck
    }

    /// Runs the hook at the calls that are meant, while they wait.
    pub fn on(&self, at: At, moment: Moment, hook: impl FnMut(&Call) + Send + 'static) {
        self.shared.state().hooks.push((at, moment, Box::new(hook)));
    }

    /// Kills the process that [`victim`](Self::victim) names at the calls that are meant.
    pub fn kill(&self, at: At, moment: Moment) {
        let shared = Arc::downgrade(&self.shared);
        self.on(at, moment, move |_| {
            let Some(shared) = shared.upgrade() else { return };
            let victim = shared.wait_for_victim();
            kill_process(victim, Signal::KILL).expect("the process is there");
        });
    }

    /// Who is killed. A call waits until this is known, so it may be told after the start.
    pub fn victim(&self, process: u32) {
        let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
        self.shared.state().victim = Some(pid.expect("a process id"));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no hook has panicked")
    }

    fn upstream(&self, call: Option<&Call>) -> u16 {
        match call {
            Some(call) if call.service == "application-autoscaling" => self.moto,
            _ => self.ministack,
        }
    }

    fn wait_for_victim(&self) -> Pid {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(victim) = self.state().victim {
                return victim;
            }
            assert!(Instant::now() < deadline, "nobody said whom to kill");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The places of a call: among all, and among those of its name.
    fn record(&self, call: &Call) -> Place {
        let mut state = self.state();
        state.calls.push(call.clone());
        let of_all = state.calls.len();
        let of_name = state.counts.entry(call.name()).or_default();
        *of_name += 1;
        let of_name = *of_name;
        let of_site = state.sites.entry(call.site()).or_default();
        *of_site += 1;
        Place { of_all, of_name, of_site: *of_site }
    }

    fn fault(&self, call: &Call, place: Place) -> Option<Fault> {
        let mut state = self.state();
        let meant = state.faults.iter_mut().find(|planned| planned.means(call, place))?;
        meant.since.get_or_insert(place.of_all);
        let fault = meant.fault;
        state.struck += 1;
        Some(fault)
    }

    /// The hooks are taken out while they run: they may use the proxy themselves.
    fn run_hooks(&self, call: &Call, place: Place, moment: Moment) {
        let (mut meant, forgotten) = {
            let mut state = self.state();
            let is_meant =
                |(at, when, _): &(At, Moment, Hook)| *when == moment && at.means(call, place);
            let (meant, rest): (Vec<_>, Vec<_>) =
                std::mem::take(&mut state.hooks).into_iter().partition(is_meant);
            // In the same breath: a call beside this one may be meant by another.
            state.hooks = rest;
            state.struck += meant.len();
            (meant, state.forgotten)
        };
        for (_, _, hook) in &mut meant {
            hook(call);
        }
        self.keep(forgotten, meant);
    }

    /// Who was killed may be mourned, and all be forgotten, before a hook is done.
    fn keep(&self, forgotten: usize, hooks: Vec<(At, Moment, Hook)>) {
        let mut state = self.state();
        if state.forgotten == forgotten {
            state.hooks.extend(hooks);
        }
    }
}

#[derive(Clone, Copy)]
struct Place {
    of_all: usize,
    of_name: usize,
    of_site: usize,
}

impl Planned {
    fn means(&self, call: &Call, place: Place) -> bool {
        match &self.at {
            At::From(_) if self.since.is_some_and(|since| place.of_all >= since) => true,
            At::From(first) => self.since.is_none() && first.means(call, place),
            at => at.means(call, place),
        }
    }
}

impl At {
    fn means(&self, call: &Call, place: Place) -> bool {
        match self {
            Self::Call(number) => place.of_all == *number,
            Self::Action(name, number) => place.of_name == *number && call.name() == *name,
            Self::Site(site, number) => place.of_site == *number && call.site() == *site,
            // A hook has no memory of the first: of all calls, it is counted anew.
            Self::From(first) => match **first {
                Self::Call(number) => place.of_all >= number,
                _ => first.means(call, place),
            },
        }
    }
}

fn serve(listener: TcpListener, shared: &Arc<Shared>, mut stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        loop {
            let stream = tokio::select! {
                _ = &mut stopped => return,
                accepted = listener.accept() => accepted.expect("a connection").0,
            };
            let shared = Arc::clone(shared);
            tokio::spawn(async move {
                let answer = service_fn(|request| handle(&shared, request));
                // A connection that is cut ends in an error, as it should.
                let _ = server::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    });
}

/// An error here closes the connection without a word.
async fn handle(shared: &Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let call = Call::of(parts.method.as_str(), &parts.uri, &parts.headers, &body);
    let upstream = shared.upstream(call.as_ref());
    let request = Request::from_parts(parts, Full::new(body));
    let Some(call) = call else { return forward(upstream, request).await };
    let place = shared.record(&call);
    pause(shared, &call, place, Moment::Before).await?;
    match shared.fault(&call, place) {
        Some(Fault::CutBefore) => return Err("cut before the effect".into()),
        Some(Fault::CutAfter) => {
            forward(upstream, request).await?.into_body().collect().await?;
            return Err("cut after the effect".into());
        }
        Some(fault) => return Ok(refusal(fault.answer(&call.service).expect("an answer"))),
        None => {}
    }
    let answer = forward(upstream, request).await?;
    pause(shared, &call, place, Moment::After).await?;
    Ok(answer)
}

/// Hooks may block, so other calls must not wait for them.
async fn pause(
    shared: &Arc<Shared>,
    call: &Call,
    place: Place,
    moment: Moment,
) -> Result<(), Error> {
    if shared.state().hooks.is_empty() {
        return Ok(());
    }
    let (shared, call) = (Arc::clone(shared), call.clone());
    Ok(tokio::task::spawn_blocking(move || shared.run_hooks(&call, place, moment)).await?)
}

/// As it is, the `Host` too: it is part of what a signature covers.
async fn forward(port: u16, request: Request<Full<Bytes>>) -> Result<Response<Body>, Error> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?.map(BodyExt::boxed))
}

fn refusal(answer: Answer) -> Response<Body> {
    let body = Full::new(Bytes::from(answer.body)).map_err(|never: Infallible| match never {});
    let response = Response::builder()
        .status(answer.status)
        .header("content-type", answer.kind)
        .header("x-amzn-errortype", answer.code)
        .body(body.boxed());
    response.expect("a response")
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        process::{Command, Stdio},
    };

    use serde_json::{Value, json};

    use super::*;
    use crate::support::aws::{Client, Refusal};

    /// Answers every request with an empty object, and counts them.
    struct Upstream {
        port: u16,
        heard: Arc<Mutex<Vec<String>>>,
    }

    impl Upstream {
        fn start() -> Self {
            let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            let heard = Arc::<Mutex<Vec<String>>>::default();
            let hears = Arc::clone(&heard);
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let mut stream = stream.unwrap();
                    let mut request = vec![0; 4096];
                    let read = stream.read(&mut request).unwrap();
                    let request = String::from_utf8_lossy(&request[..read]).into_owned();
                    hears.lock().unwrap().push(request);
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
                    stream.write_all(answer).unwrap();
                }
            });
            Self { port, heard }
        }

        fn heard(&self) -> usize {
            self.heard.lock().unwrap().len()
        }
    }

    fn call(proxy: &Proxy, service: &str, action: &str) -> Result<Value, Refusal> {
        Client::new(proxy.port, proxy.port).json(service, action, &json!({}))
    }

    /// The HTTP status, 0 if there was no answer.
    fn status(answer: &Result<Value, Refusal>) -> u16 {
        answer.as_ref().map_or_else(|refusal| refusal.status, |_| 200)
    }

    #[test]
    fn calls_are_counted_and_go_to_their_emulator() {
        let (ministack, moto) = (Upstream::start(), Upstream::start());
        let proxy = Proxy::before(ministack.port, moto.port);
        call(&proxy, "ecs", "CreateService").unwrap();
        call(&proxy, "ecs", "CreateService").unwrap();
        call(&proxy, "application-autoscaling", "DescribeScalableTargets").unwrap();
        assert_eq!((ministack.heard(), moto.heard()), (2, 1));
        assert_eq!(proxy.count("ecs:CreateService"), 2);
        let scaling = "application-autoscaling:DescribeScalableTargets";
        assert_eq!(proxy.names(), ["ecs:CreateService", "ecs:CreateService", scaling]);
        let host = format!("127.0.0.1:{}", proxy.port);
        assert!(ministack.heard.lock().unwrap()[0].contains(&host), "the Host is not as it was");
        proxy.clear();
        assert!(proxy.calls().is_empty());
    }

    #[test]
    fn the_meant_call_is_struck_and_no_other() {
        let upstream = Upstream::start();
        let proxy = Proxy::before(upstream.port, upstream.port);
        proxy.strike(At::Action("ecs:CreateService", 2), Fault::Throttled);
        proxy.strike(At::Call(4), Fault::Internal);
        proxy.strike(At::From(Box::new(At::Call(6))), Fault::Expired);
        let statuses: Vec<_> = ["RunTask", "CreateService", "CreateService", "RunTask"]
            .iter()
            .chain(&["RunTask", "RunTask", "CreateService"])
            .map(|action| status(&call(&proxy, "ecs", action)))
            .collect();
        assert_eq!(statuses, [200, 200, 400, 500, 200, 400, 400]);
        assert_eq!(upstream.heard(), 3);
        let refused = call(&proxy, "ecs", "RunTask").unwrap_err();
        assert_eq!(refused.code, "ExpiredTokenException");
    }

    #[test]
    fn a_cut_has_its_effect_or_has_not() {
        let upstream = Upstream::start();
        let proxy = Proxy::before(upstream.port, upstream.port);
        proxy.strike(At::Call(1), Fault::CutBefore);
        proxy.strike(At::Call(2), Fault::CutAfter);
        assert_eq!(status(&call(&proxy, "ecs", "RunTask")), 0);
        assert_eq!(upstream.heard(), 0);
        assert_eq!(status(&call(&proxy, "ecs", "RunTask")), 0);
        assert_eq!(upstream.heard(), 1);
        assert_eq!(status(&call(&proxy, "ecs", "RunTask")), 200);
    }

    #[test]
    fn the_victim_dies_at_the_meant_call() {
        let upstream = Upstream::start();
        for (moment, heard) in [(Moment::Before, 0), (Moment::After, 1)] {
            let proxy = Proxy::before(upstream.port, upstream.port);
            let before = upstream.heard();
            let seen = Arc::<Mutex<usize>>::default();
            proxy.kill(At::Call(1), moment);
            let (sees, heard_by) = (Arc::clone(&seen), Arc::clone(&upstream.heard));
            proxy.on(At::Call(1), moment, move |_| {
                *sees.lock().unwrap() = heard_by.lock().unwrap().len();
            });
            let mut victim = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
            proxy.victim(victim.id());
            call(&proxy, "ecs", "RunTask").unwrap();
            assert!(!victim.wait().unwrap().success());
            assert_eq!(*seen.lock().unwrap(), before + heard);
        }
    }

    #[test]
    fn images_and_visitors_pass_uncounted() {
        let upstream = Upstream::start();
        let proxy = Proxy::before(upstream.port, upstream.port);
        proxy.strike(At::From(Box::new(At::Call(1))), Fault::CutBefore);
        let answer = crate::support::get(&proxy.endpoint(), "/v2/board/manifests/1").unwrap();
        assert_eq!(answer, "{}");
        assert!(proxy.calls().is_empty());
    }
}
