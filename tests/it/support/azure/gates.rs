//! The address of a container group with a host name: one of 127.0.0.0/8 that follows from the name.
//! While the group runs, what comes there is handed on to it as it is.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    thread::{self, JoinHandle},
};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::{io::copy_bidirectional, net::TcpStream, sync::oneshot, task::JoinSet};

use super::State;

/// Where visitors come in, if a group listens there.
const HTTPS: u16 = 443;

/// An open gate, in a thread of its own; it closes, with every connection, when it is dropped.
#[derive(Debug)]
pub struct Gate {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Gate {
    fn open(outside: SocketAddr, inside: SocketAddr) -> Self {
        let listener = TcpListener::bind(outside)
            .unwrap_or_else(|error| panic!("nobody else listens at {outside}: {error}"));
        listener.set_nonblocking(true).expect("a socket");
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                tokio::select! {
                    () = pass(listener, inside) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it was reported where it happened.
            let _ = thread.join();
        }
    }
}

async fn pass(listener: TcpListener, inside: SocketAddr) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    let mut connections = JoinSet::new();
    while let Ok((mut visitor, _)) = listener.accept().await {
        connections.spawn(async move {
            // Who finds nobody inside, or leaves, ends the connection.
            if let Ok(mut group) = TcpStream::connect(inside).await {
                let _ = copy_bidirectional(&mut visitor, &mut group).await;
            }
        });
    }
}

/// Opens the gate of a group that has a host name and listens somewhere.
pub fn open(state: &mut State, id: &str, body: &Value, ports: &[u16]) {
    let id = id.to_lowercase();
    state.gates.remove(&id);
    let location = body["location"].as_str().unwrap_or_default();
    let host = host(&body["properties"]["ipAddress"], location);
    let port = ports.iter().find(|port| **port == HTTPS).or_else(|| ports.first());
    let inside = port.and_then(|port| state.engine.published(&id, *port));
    if let (Some(host), Some(inside)) = (host, inside) {
        let outside = (address_of(&host), state.groups_port).into();
        state.gates.insert(id, Gate::open(outside, (Ipv4Addr::LOCALHOST, inside).into()));
    }
}

/// The host name that an `ipAddress` gets in a location.
pub fn host(address: &Value, location: &str) -> Option<String> {
    let label = address["dnsNameLabel"].as_str()?;
    Some(format!("{label}.{location}.azurecontainer.io"))
}

/// The address that a host name stands for on this machine.
pub fn address_of(host: &str) -> Ipv4Addr {
    let hash = Sha256::digest(host);
    Ipv4Addr::new(127, hash[0] % 254 + 1, hash[1], hash[2] % 254 + 1)
}
