//! Stands for DNS between the Edge and a load balancer: the emulator's load balancers have one
//! address, and are told apart by the name that they are called by.

use std::net::SocketAddr;

use hyper::{
    Request, Response, StatusCode, body::Incoming, client::conn::http1 as client, header,
    header::HeaderValue, server::conn::http1 as server, service::service_fn, upgrade,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// An address of this machine that leads to one load balancer; it ends with the test's runtime.
pub struct Entrance(SocketAddr);

impl Entrance {
    /// To the load balancer of this name, of an emulator at this port.
    pub async fn to(dns: &str, port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let name = HeaderValue::from_str(dns).unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let name = name.clone();
                let pass = service_fn(move |request| pass(request, name.clone(), port));
                let connection = server::Builder::new()
                    .serve_connection(TokioIo::new(stream), pass)
                    .with_upgrades();
                tokio::spawn(connection);
            }
        });
        Self(address)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.0)
    }
}

/// As it is, but for the name.
async fn pass(
    mut request: Request<Incoming>,
    name: HeaderValue,
    port: u16,
) -> Result<Response<Incoming>, Error> {
    request.headers_mut().insert(header::HOST, name);
    let visitor = upgrade::on(&mut request);
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection.with_upgrades());
    let mut response = sender.send_request(request).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let origin = upgrade::on(&mut response);
        tokio::spawn(async move {
            let (Ok(visitor), Ok(origin)) = tokio::join!(visitor, origin) else { return };
            // Whoever ends it, ends it for both.
            let _ = copy_bidirectional(&mut TokioIo::new(visitor), &mut TokioIo::new(origin)).await;
        });
    }
    Ok(response)
}
