//! The door of a registry: it hands out tokens, and lets in who has the right one.

use std::net::SocketAddr;

use bytes::Bytes;
use hyper::{Request, Uri, http::request::Parts};

use super::{exchange, layers::Layers, scope};
use crate::support::{
    azure::{
        front::{Entry, Keeper},
        striking::Strikes,
        tokens::Shared,
        words::Service,
    },
    server::Answer,
};

/// What keeps the door of the registry at this address.
#[derive(Debug)]
pub struct Door {
    pub address: SocketAddr,
    pub tokens: Shared,
    pub strikes: Strikes,
    pub layers: Layers,
}

impl Keeper for Door {
    fn enter(&self, head: &mut Parts) -> Entry {
        if !head.uri.path().starts_with("/v2/") {
            return Entry::Served;
        }
        self.strikes.hear_of_image();
        let name = self.address.to_string();
        let admitted = exchange::admit(&self.tokens.lock(), &name, head);
        if let Err(refusal) = admitted {
            return Entry::Answered(refusal);
        }
        self.forget_foreign_mount(&name, head);
        self.layers.lend(head);
        Entry::Passed
    }

    fn serve(&self, request: &Request<Bytes>) -> Option<Answer> {
        let name = self.address.to_string();
        let serve = || {
            let answer = exchange::serve(&mut self.tokens.lock(), &name, request);
            answer.unwrap_or_else(exchange::not_found)
        };
        match Service::at(request.uri().path()) {
            Some(Service::Registry) => {
                let call = (request.method(), request.uri());
                self.strikes.around(Service::Registry, call, serve)
            }
            _ => Some(serve()),
        }
    }
}

impl Door {
    /// A layer of another repository may be taken over only by who may pull it there; else the
    /// client sends it, which is what an upload without a `mount` asks for.
    fn forget_foreign_mount(&self, name: &str, head: &mut Parts) {
        let query = head.uri.query().unwrap_or_default();
        let query: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        let Some((_, from)) = query.iter().find(|(key, _)| key == "from") else { return };
        let tokens = self.tokens.lock();
        let scopes = exchange::bearer(head).and_then(|token| tokens.scopes(name, token));
        let may = scopes.is_some_and(|it| scope::opens(it, &format!("repository:{from}"), "pull"));
        if !may {
            head.uri = Uri::try_from(head.uri.path()).expect("a path is an address");
        }
    }
}
