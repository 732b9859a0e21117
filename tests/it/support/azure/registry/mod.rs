//! The registry behind the tokens: Debian's `docker-registry`, with a front that hands out tokens
//! and asks for them. It ends when its standard input closes, so with this process at the latest.

mod door;
pub mod exchange;
mod layers;
mod program;
mod scope;

use door::Door;
use program::Program;

use super::{engine::forget_images, front::Front, striking::Strikes, tokens::Shared};

/// A running registry, without images at first; they go when it is dropped.
#[derive(Debug)]
pub struct Registry {
    front: Front,
    _program: Program,
}

impl Registry {
    /// Starts one. Who has these tokens may come in.
    pub fn start(tokens: Shared, strikes: Strikes) -> Self {
        let program = Program::start();
        let layers = program.layers().clone();
        let door = |address| Door { address, tokens, strikes, layers };
        Self { front: Front::start(program.address(), door), _program: program }
    }

    /// What its images begin with.
    pub fn login_server(&self) -> String {
        self.front.address().to_string()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // The engine knows images by the names that they have here.
        forget_images(&self.login_server());
    }
}
