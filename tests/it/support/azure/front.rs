//! The front of a service: it answers some requests itself, refuses or cuts others, and passes on the
//! rest without looking at it.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    Request, Response, body::Incoming, client::conn::http1 as client, http::request::Parts,
    server::conn::http1 as server, service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::oneshot};

use crate::support::server::Answer;

type Body = BoxBody<Bytes, hyper::Error>;
type Error = Box<dyn std::error::Error + Send + Sync>;

/// What a front does with a request.
pub enum Entry {
    /// It is passed on.
    Passed,
    /// It is passed on, but its answer is not: somebody may die instead.
    Swallowed(Box<dyn FnOnce() + Send>),
    /// It is answered with this.
    Answered(Answer),
    /// It is answered once all of it is there.
    Served,
    /// The connection breaks.
    Cut,
}

/// What decides that.
pub trait Keeper: Send + Sync + 'static {
    /// A request comes; its head may be changed.
    fn enter(&self, head: &mut Parts) -> Entry;

    /// The answer to a request that is [`Entry::Served`]; none cuts the connection.
    fn serve(&self, request: &Request<Bytes>) -> Option<Answer>;
}

/// A running front, in a thread of its own.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Front {
    /// Starts it on a free port of 127.0.0.1, before the service at `behind`. The keeper is made for
    /// the front's address.
    pub fn start<K: Keeper>(behind: SocketAddr, keeper: impl FnOnce(SocketAddr) -> K) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let keeper: Arc<dyn Keeper> = Arc::new(keeper(address));
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                tokio::select! {
                    () = serve(listener, behind, keeper) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it was reported where it happened.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, behind: SocketAddr, keeper: Arc<dyn Keeper>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    while let Ok((stream, _)) = listener.accept().await {
        let keeper = Arc::clone(&keeper);
        tokio::spawn(async move {
            let answer = service_fn(|request| handle(behind, &*keeper, request));
            // A connection that is cut ends in an error, as it should.
            let _ = server::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

/// An error here closes the connection without a word.
async fn handle(
    behind: SocketAddr,
    keeper: &dyn Keeper,
    request: Request<Incoming>,
) -> Result<Response<Body>, Error> {
    let (mut head, body) = request.into_parts();
    match keeper.enter(&mut head) {
        Entry::Passed => forward(behind, Request::from_parts(head, body)).await,
        Entry::Swallowed(then) => {
            let answer = forward(behind, Request::from_parts(head, body)).await?;
            answer.into_body().collect().await?;
            then();
            Err("cut after the effect".into())
        }
        Entry::Answered(answer) => Ok(written(answer)),
        Entry::Served => {
            let request = Request::from_parts(head, body.collect().await?.to_bytes());
            keeper.serve(&request).map(written).ok_or_else(|| "cut".into())
        }
        Entry::Cut => Err("cut before the effect".into()),
    }
}

/// As it is, the `Host` too.
async fn forward(behind: SocketAddr, request: Request<Incoming>) -> Result<Response<Body>, Error> {
    let stream = TcpStream::connect(behind).await?;
    let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?.map(BodyExt::boxed))
}

fn written(answer: Answer) -> Response<Body> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = Full::new(Bytes::from(answer.body)).map_err(|never| match never {});
    response.body(body.boxed()).expect("a response")
}
