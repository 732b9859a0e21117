//! An AWS account of its own for a test: emulators that start and end with it, a proxy that strikes
//! between `mizan` and them, and eyes that do not depend on what is tested.

mod account;
mod client;
mod emulators;
mod faults;
mod proxy;
mod target;
#[cfg(test)]
mod tests;
mod xml;

pub use account::{Account, Resource};
pub use client::{Client, Refusal};
pub use emulators::{ACCOUNT, Aws, Options, REGION};
pub use faults::{At, Call, Fault, Moment};
pub use proxy::Proxy;
