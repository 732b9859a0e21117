//! What can happen to the calls of a command, whoever stands between it and the cloud.

use super::aws::{At, Call, Fault, Moment, Proxy};

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

/// A call that was heard.
#[derive(Debug)]
pub struct Heard {
    /// What is asked, and about what: the place in the program that it comes from, as far as one
    /// sees that from outside.
    pub site: String,
    /// It changes nothing.
    pub is_read: bool,
}

/// Who hears every call, and can strike it.
pub trait Striker {
    /// Forgets calls and strikes: counting begins anew.
    fn clear(&self);

    /// The calls so far, in the order of arrival.
    fn heard(&self) -> Vec<Heard>;

    /// The n-th call of this site goes wrong, counted from 1.
    fn strike(&self, site: &str, nth: usize, how: Strike);

    /// Who makes the calls, and dies if one is deadly. It is told after the start.
    fn victim(&self, process: u32);

    /// How many calls were struck.
    fn struck(&self) -> usize;

    /// How many calls of this site there were.
    fn count_of(&self, site: &str) -> usize;
}

impl Striker for Proxy {
    fn clear(&self) {
        Self::clear(self);
    }

    fn heard(&self) -> Vec<Heard> {
        let heard = |call: &Call| Heard { site: call.site(), is_read: call.is_read() };
        self.calls().iter().map(heard).collect()
    }

    fn strike(&self, site: &str, nth: usize, how: Strike) {
        let at = At::Site(site.to_owned(), nth);
        match how {
            Strike::Once(fault) => Self::strike(self, at, fault),
            Strike::FromHere(fault) => Self::strike(self, At::From(Box::new(at)), fault),
            Strike::Kill(moment) => {
                self.kill(at.clone(), moment);
                // The dead do not call.
                if moment == Moment::Before {
                    Self::strike(self, at, Fault::CutBefore);
                }
            }
        }
    }

    fn victim(&self, process: u32) {
        Self::victim(self, process);
    }

    fn struck(&self) -> usize {
        Self::struck(self)
    }

    fn count_of(&self, site: &str) -> usize {
        self.count_of_site(site)
    }
}
