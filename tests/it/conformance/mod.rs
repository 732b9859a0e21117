//! What every target must hold, written once: deploys that work, deploys that fail in every way,
//! and a fault at every step of the plan.
//!
//! A target joins by implementing [`Platform`] and naming itself in `conformance!`. With
//! `MIZAN_CONFORMANCE=full` every step is struck before, while and after it runs; otherwise once.

mod aws;
mod calls;
mod deploys;
mod faults;
mod hands;
mod local;
mod platform;
mod table;
mod world;

pub use aws::Fargate;
pub use platform::{App, Platform};
pub use table::is_full;
pub use world::{Fact, World};

/// One module of tests per target: every scenario of the suite.
macro_rules! conformance {
    ($target:ident, $platform:ty: $($file:ident::$scenario:ident),+ $(,)?) => {
        mod $target {
            $(#[test]
            fn $scenario() {
                super::super::$file::$scenario(&<$platform>::default());
            })+
        }
    };
}

/// What every target must hold, and what each must hold beside it.
macro_rules! every_scenario {
    ($($target:ident: $platform:ty { $($file:ident::$more:ident),* $(,)? })+) => {
        mod on {
            $(conformance!($target, $platform:
                deploys::a_first_deploy_and_nothing_to_change,
                deploys::a_new_version,
                deploys::a_release_that_is_not_healthy,
                deploys::a_release_that_crashes,
                deploys::an_image_that_cannot_start,
                deploys::a_release_step_that_fails,
                deploys::a_release_step_that_hangs,
                deploys::a_rollback,
                deploys::services_come_and_go,
                deploys::destroy_leaves_nothing,
                deploys::two_at_once,
                deploys::two_at_once_who_wait,
                deploys::an_interrupt,
                deploys::an_interrupt_of_the_release_step,
                deploys::something_of_somebody_else,
                deploys::a_change_of_mind_after_a_kill,
                faults::a_kill_at_every_step_of_a_first_deploy,
                faults::a_kill_at_every_step_of_an_update,
                faults::a_kill_at_every_step_of_a_destroy,
                faults::a_failure_at_every_step_of_a_first_deploy,
                faults::a_failure_at_every_step_of_an_update,
                faults::a_failure_of_every_undo,
                $($file::$more,)*
            );)+
        }
    };
}

every_scenario! {
    local: crate::conformance::local::Local {
        deploys::a_front_that_died,
        deploys::a_web_service_that_nobody_reaches,
    }
    aws: crate::conformance::aws::Fargate {
        calls::a_fault_at_every_call_of_a_first_deploy,
        calls::a_fault_at_every_call_of_an_update,
        calls::a_fault_at_every_call_of_a_destroy,
    }
}
