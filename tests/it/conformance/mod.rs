//! What every target must hold, written once: deploys that work, deploys that fail in every way,
//! and a fault at every step of the plan.
//!
//! A target joins by implementing [`Platform`] and naming itself in `conformance!`, with the sets of
//! scenarios that make sense for it. With `MIZAN_CONFORMANCE=full` every step is struck before,
//! while and after it runs, with `steps` at one of these in turn; otherwise a sample is.

mod aws;
mod azure;
mod behind;
mod calls;
mod deploys;
mod edges;
mod faults;
mod hands;
mod local;
mod platform;
mod table;
mod world;

pub use aws::Fargate;
pub use azure::Instances;
pub use behind::{Behind, HOST};
pub use platform::{App, Cloud, Platform};
pub use table::is_full;
pub use world::{Fact, World, assert_same};

/// The sets: what every target must hold, what those must that run services, what those must that
/// are reached by calls, what one that failed after a killed one leaves, and what one alone must.
macro_rules! scenarios {
    (all on $platform:ty) => {
        tests!($platform:
            deploys::a_first_deploy_and_nothing_to_change,
            deploys::a_new_version,
            deploys::a_rollback,
            deploys::destroy_leaves_nothing,
            deploys::two_at_once,
            deploys::two_at_once_who_wait,
            deploys::an_interrupt,
            deploys::something_of_somebody_else,
            deploys::a_change_of_mind_after_a_kill,
            faults::a_kill_at_every_step_of_a_first_deploy,
            faults::a_kill_at_every_step_of_an_update,
            faults::a_kill_at_every_step_of_a_destroy,
            faults::a_failure_at_every_step_of_a_first_deploy,
            faults::a_failure_at_every_step_of_an_update,
            faults::a_failure_of_every_undo,
        );
    };
    (services on $platform:ty) => {
        tests!($platform:
            deploys::a_release_that_is_not_healthy,
            deploys::a_release_that_crashes,
            deploys::an_image_that_cannot_start,
            deploys::a_release_step_that_fails,
            deploys::a_release_step_that_hangs,
            deploys::services_come_and_go,
            deploys::an_interrupt_of_the_release_step,
        );
    };
    (calls on $platform:ty) => {
        tests!($platform:
            calls::a_fault_at_every_call_of_a_first_deploy,
            calls::a_fault_at_every_call_of_an_update,
            calls::a_fault_at_every_call_of_a_destroy,
        );
    };
    (resumed on $platform:ty) => {
        tests!($platform:
            deploys::a_failure_that_goes_on_after_a_kill,
        );
    };
    (machine on $platform:ty) => {
        tests!($platform:
            deploys::a_front_that_died,
            deploys::a_web_service_that_nobody_reaches,
            deploys::a_page_that_a_browser_would_render_otherwise,
        );
    };
    (edges on $platform:ty) => {
        tests!($platform:
            edges::nothing_to_change_costs_six_calls_and_no_upload,
            edges::a_page_that_does_not_render,
            edges::a_bundle_that_does_not_start,
            edges::an_origin_that_is_not_healthy,
            edges::another_origin_is_no_new_version,
            edges::a_kill_between_the_hubs_version_and_its_deployment,
            edges::a_host_name_of_another_worker,
            edges::a_record_of_somebody_at_the_host_name,
            edges::what_somebody_set_on_our_edge,
        );
    };
}

/// One test per scenario.
macro_rules! tests {
    ($platform:ty: $($file:ident::$scenario:ident),+ $(,)?) => {
        $(#[test]
        fn $scenario() {
            crate::conformance::$file::$scenario(&<$platform>::default());
        })+
    };
}

/// One module of tests per target: every scenario of its sets.
macro_rules! conformance {
    ($($target:ident: $platform:ty = $($set:ident),+;)+) => {
        mod on {
            $(mod $target {
                $(scenarios!($set on $platform);)+
            })+
        }
    };
}

conformance! {
    local: crate::conformance::local::Local = all, services, machine;
    aws: crate::conformance::aws::Fargate = all, services, calls, resumed;
    azure: crate::conformance::azure::Instances = all, services, calls, resumed;
    origin: crate::conformance::behind::Behind = all, calls, resumed, edges;
}
