//! What can happen to the calls of a command, whoever stands between it and the cloud.

use super::aws::{At, Fault, Moment, Proxy};

/// How a call goes wrong.
#[derive(Debug, Clone, Copy)]
pub enum Strike {
    /// This call only.
    Once(Fault),
    /// This call and all that follow.
    FromHere(Fault),
    /// The process dies while it waits for the answer.
    Kill(Moment),
}

/// Who hears every call, and can strike it.
pub trait Striker {
    /// Forgets calls and strikes: counting begins anew.
    fn clear(&self);

    /// The call with this number goes wrong, counted from 1.
    fn strike(&self, call: usize, how: Strike);

    /// Who makes the calls, and dies if one is deadly. It is told after the start.
    fn victim(&self, process: u32);

    /// The names of the calls so far, in the order of arrival.
    fn names(&self) -> Vec<String>;
}

impl Striker for Proxy {
    fn clear(&self) {
        Self::clear(self);
    }

    fn strike(&self, call: usize, how: Strike) {
        match how {
            Strike::Once(fault) => Self::strike(self, At::Call(call), fault),
            Strike::FromHere(fault) => Self::strike(self, At::From(call), fault),
            Strike::Kill(moment) => self.kill(At::Call(call), moment),
        }
    }

    fn victim(&self, process: u32) {
        Self::victim(self, process);
    }

    fn names(&self) -> Vec<String> {
        Self::names(self)
    }
}
