//! Looks at the account, and at the zone: what of this environment exists, and in which state.

pub mod dns;
