//! Ports for servers that a test starts later.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU32, Ordering},
};

/// A free port of 127.0.0.1. Below those that the system gives to connections, else one of a test
/// beside this one could have it by the time it is used. Tests are processes or threads of one: none
/// looks where another does.
pub fn free_port() -> u16 {
    static TURN: AtomicU32 = AtomicU32::new(0);
    loop {
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + (std::process::id().wrapping_mul(7).wrapping_add(turn)) % 20_000;
        let port = u16::try_from(port).expect("below 30000");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
