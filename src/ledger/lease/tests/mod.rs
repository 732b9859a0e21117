//! Leases held, awaited, lost and stolen, on machines whose clocks differ by years.

mod world;

use futures_util::future::join_all;
use object_store::{ObjectStoreExt, path::Path};
use proptest::prelude::*;

use self::world::{Line, Machine, World, settle};
use super::*;

const YEAR: u64 = 365 * 24 * 3600;

/// A world with two machines; the clock of the second is a year ahead.
fn world() -> (Arc<World>, Machine, Machine) {
    let world = Arc::new(World::default());
    let (anna, ben) = (Machine::new(&world, "anna", 5), Machine::new(&world, "ben", YEAR));
    (world, anna, ben)
}

async fn take(machine: &Machine) -> Result<LeaseGuard> {
    machine.lock().acquire(machine.claim(), None).await
}

/// Takes the lock in the background, waiting for it; cancelled when there is a result.
async fn wait_for(machine: &Machine, seconds: u64) -> tokio::task::JoinHandle<Result<LeaseGuard>> {
    let machine = machine.clone();
    tokio::spawn(async move {
        machine.lock().acquire(machine.claim(), Some(Duration::from_secs(seconds))).await
    })
}

async fn stored(world: &World) -> String {
    let got = world.files.get(&Path::from("lock.json")).await.unwrap();
    String::from_utf8(got.bytes().await.unwrap().to_vec()).unwrap()
}

fn refused<T: std::fmt::Debug>(result: Result<T>) -> Error {
    let error = result.expect_err("refused");
    assert_eq!(error.kind, ErrorKind::Locked, "{error}");
    error
}

#[tokio::test]
async fn one_holds_it_and_the_other_learns_who() {
    let (world, anna, ben) = world();
    let guard = take(&anna).await.unwrap();
    world.pass(20).await;
    let error = refused(take(&ben).await);
    assert_eq!(
        error.to_string(),
        "board in environment production is locked: anna runs `mizan deploy` since \
         2026-05-01T12:00:00Z (process 7)"
    );
    assert_eq!(
        error.hints,
        [
            "wait until it has ended (`--wait`); should it be gone, the lock falls free in 60 s",
            "if it hangs, take the lock away from it: mizan unlock --force"
        ]
    );
    assert_eq!(guard.fencing(), 1);
    assert_eq!(guard.check().await, Ok(()));
    let holder = Holder { claim: anna.claim(), fencing: 1 };
    assert_eq!(ben.lock().holder().await, Ok(Some(holder)));
}

#[tokio::test]
async fn the_stored_form_is_stable_and_the_number_stays_when_it_is_given_back() {
    let (world, anna, ben) = world();
    let guard = take(&anna).await.unwrap();
    let mut settings = insta::Settings::clone_current();
    settings.add_filter("[0-9a-f]{32}", "[mark]");
    let _settings = settings.bind_to_scope();
    insta::assert_snapshot!(stored(&world).await, @r#"
    {
      "format": "mizan-lease",
      "version": 1,
      "fencing": 1,
      "mark": "[mark]",
      "held": {
        "holder": "anna",
        "pid": 7,
        "command": "mizan deploy",
        "since": "2026-05-01T12:00:00Z",
        "lease_seconds": 60,
        "expires": "1970-01-01T00:01:05Z"
      }
    }
    "#);
    guard.release().await.unwrap();
    insta::assert_snapshot!(stored(&world).await, @r#"
    {
      "format": "mizan-lease",
      "version": 1,
      "fencing": 1,
      "mark": "[mark]"
    }
    "#);
    assert_eq!(ben.lock().holder().await, Ok(None));
    assert_eq!(take(&ben).await.unwrap().fencing(), 2);
}

#[tokio::test]
async fn who_renews_keeps_it_for_hours() {
    let (world, anna, ben) = world();
    let guard = take(&anna).await.unwrap();
    for _ in 0..100 {
        world.pass(97).await;
        assert_eq!(guard.check().await, Ok(()));
        refused(take(&ben).await);
    }
    assert!(!guard.lost().is_cancelled());
}

#[tokio::test]
async fn a_lock_whose_holder_is_gone_falls_free_by_the_clock_of_the_store() {
    let (world, anna, ben) = world();
    drop(take(&anna).await.unwrap());
    world.pass(64).await;
    let error = refused(take(&ben).await);
    assert!(error.hints[0].ends_with("falls free in 1 s"), "{:?}", error.hints);
    world.pass(1).await;
    assert_eq!(ben.lock().holder().await, Ok(None));
    assert_eq!(take(&ben).await.unwrap().fencing(), 2);
}

#[tokio::test]
async fn a_lock_of_a_dead_process_of_this_machine_is_taken_at_once() {
    let (_, anna, _) = world();
    let here = |kernel: &str| LeaseLock { kernel: Some(kernel.into()), ..anna.lock() };
    let (dead, alive) = (u32::try_from(i32::MAX).unwrap(), std::process::id());
    let claim = |pid| Claim { pid, ..anna.claim() };
    drop(here("this").acquire(claim(dead), None).await.unwrap());
    refused(here("another").acquire(claim(alive), None).await);
    refused(anna.lock().acquire(claim(alive), None).await);
    assert_eq!(here("this").holder().await, Ok(None));
    let guard = here("this").acquire(claim(alive), None).await.unwrap();
    assert_eq!(guard.fencing(), 2);
    refused(here("this").acquire(claim(dead), None).await);
}

#[tokio::test]
async fn nobody_waits_for_a_lock_that_was_left_long_ago() {
    let (world, anna, ben) = world();
    drop(take(&ben).await.unwrap());
    world.pass(3600).await;
    let before = world.now();
    assert_eq!(take(&anna).await.unwrap().fencing(), 2);
    assert_eq!(world.now(), before);
}

#[tokio::test]
async fn of_many_who_take_a_free_or_an_abandoned_lock_exactly_one_wins() {
    let (world, _, _) = world();
    for round in 1..=2 {
        let many: Vec<_> = (0..30).map(|at| Machine::new(&world, "somebody", at * 977)).collect();
        let results = join_all(many.iter().map(take)).await;
        let won: Vec<_> = results.into_iter().filter_map(Result::ok).collect();
        assert_eq!(won.iter().map(LeaseGuard::fencing).collect::<Vec<_>>(), [round]);
        drop(won);
        world.pass(66).await;
    }
}

#[tokio::test]
async fn who_waits_gets_it_when_it_is_given_back() {
    let (world, anna, ben) = world();
    let guard = take(&anna).await.unwrap();
    let waiting = wait_for(&ben, 600).await;
    world.pass(100).await;
    assert!(!waiting.is_finished());
    guard.release().await.unwrap();
    world.pass(POLL.as_secs()).await;
    assert_eq!(waiting.await.unwrap().unwrap().fencing(), 2);
}

#[tokio::test]
async fn who_waits_gets_it_when_its_holder_is_gone_and_is_told_when_that_takes_too_long() {
    let (world, anna, ben) = world();
    drop(take(&anna).await.unwrap());
    let (long, short) = (wait_for(&ben, 600).await, wait_for(&ben, 30).await);
    world.pass(64).await;
    refused(short.await.unwrap());
    assert!(!long.is_finished());
    world.pass(3).await;
    assert_eq!(long.await.unwrap().unwrap().fencing(), 2);
}

#[tokio::test]
async fn an_outage_shorter_than_the_lease_changes_nothing() {
    let (world, anna, ben) = world();
    let guard = take(&anna).await.unwrap();
    anna.line(Line::Down);
    world.pass(40).await;
    assert_eq!(guard.check().await, Ok(()));
    anna.line(Line::Good);
    world.pass(60).await;
    assert_eq!(guard.check().await, Ok(()));
    refused(take(&ben).await);
}

#[tokio::test]
async fn who_cannot_renew_stops_before_another_can_have_it() {
    for line in [Line::Down, Line::Hangs] {
        let (world, anna, ben) = world();
        let guard = take(&anna).await.unwrap();
        anna.line(line);
        world.pass(49).await;
        assert_eq!(guard.check().await, Ok(()));
        world.pass(15).await;
        assert!(guard.lost().is_cancelled());
        let error = refused(guard.check().await);
        assert_eq!(error.causes[0], "it could not be renewed before it ran out");
        refused(take(&ben).await);
        world.pass(1).await;
        assert_eq!(take(&ben).await.unwrap().fencing(), 2);
    }
}

#[tokio::test]
async fn an_answer_that_got_lost_loses_no_lock() {
    let (world, anna, ben) = world();
    // That it was taken.
    anna.line(Line::LosesAnAnswer);
    let guard = take(&anna).await.unwrap();
    assert_eq!(guard.fencing(), 1);
    // That it was renewed.
    anna.line(Line::LosesAnAnswer);
    world.pass(100).await;
    assert_eq!(guard.check().await, Ok(()));
    // That it was given back.
    anna.line(Line::LosesAnAnswer);
    guard.release().await.unwrap();
    assert_eq!(ben.lock().holder().await, Ok(None));
}

#[tokio::test]
async fn a_renewal_that_was_never_heard_of_is_known_for_ours_later() {
    let (world, anna, ben) = world();
    let guard = take(&anna).await.unwrap();
    world.pass(RENEW.as_secs() - 1).await;
    // The renewal gets through, then the line is down: nobody can look whether it did.
    anna.line(Line::LosesTheRest);
    world.pass(20).await;
    anna.line(Line::Good);
    world.pass(100).await;
    assert_eq!(guard.check().await, Ok(()));
    refused(take(&ben).await);
}

#[tokio::test]
async fn a_suspended_machine_asks_before_it_goes_on() {
    let (world, anna, ben) = world();
    let guard = take(&anna).await.unwrap();
    world.suspend(70);
    assert_eq!(guard.check().await, Ok(()), "nobody has taken it");
    refused(take(&ben).await);
    world.suspend(70);
    let second = take(&ben).await.unwrap();
    let error = refused(guard.check().await);
    assert_eq!(
        error.to_string(),
        "the lock of board in environment production was lost: ben runs `mizan deploy` since \
         2026-05-01T12:00:00Z (process 7)"
    );
    assert!(guard.lost().is_cancelled());
    assert_eq!(second.check().await, Ok(()));
}

#[tokio::test]
async fn who_has_lost_it_gives_nothing_back() {
    let (world, anna, ben) = world();
    let first = take(&anna).await.unwrap();
    world.suspend(70);
    let second = take(&ben).await.unwrap();
    first.release().await.unwrap();
    let holder = Holder { claim: ben.claim(), fencing: 2 };
    assert_eq!(anna.lock().holder().await, Ok(Some(holder)));
    world.pass(100).await;
    assert_eq!(second.check().await, Ok(()));
}

#[tokio::test]
async fn one_that_cannot_be_given_back_runs_out() {
    let (world, anna, _) = world();
    let guard = take(&anna).await.unwrap();
    anna.line(Line::Down);
    assert_eq!(guard.release().await.unwrap_err().kind, ErrorKind::Unavailable);
    anna.line(Line::Good);
    world.pass(65).await;
    assert_eq!(anna.lock().holder().await, Ok(None));
}

#[tokio::test]
async fn a_lock_taken_by_force_is_free_only_when_its_holder_has_noticed() {
    let (world, anna, ben) = world();
    let guard = take(&anna).await.unwrap();
    let unlock = {
        let ben = ben.clone();
        tokio::spawn(async move { ben.lock().force_release(ben.claim()).await })
    };
    world.pass(NOTICE.as_secs() - 1).await;
    refused(take(&ben).await);
    assert!(guard.lost().is_cancelled());
    assert!(refused(guard.check().await).to_string().contains("lost: ben runs"));
    world.pass(1).await;
    let former = Holder { claim: anna.claim(), fencing: 1 };
    assert_eq!(unlock.await.unwrap(), Ok(Some(former)));
    assert_eq!(take(&anna).await.unwrap().fencing(), 3);
}

#[tokio::test]
async fn forcing_waits_for_nobody_who_is_gone() {
    let (world, anna, ben) = world();
    assert_eq!(ben.lock().force_release(ben.claim()).await, Ok(None));
    drop(take(&anna).await.unwrap());
    world.pass(66).await;
    let before = world.now();
    let former = ben.lock().force_release(ben.claim()).await.unwrap();
    assert_eq!(former.map(|holder| holder.fencing), Some(1));
    assert_eq!(world.now(), before);
    assert_eq!(take(&anna).await.unwrap().fencing(), 3);
}

#[tokio::test]
async fn a_lock_whose_file_was_removed_is_lost() {
    let (world, anna, _) = world();
    let guard = take(&anna).await.unwrap();
    world.files.delete(&Path::from("lock.json")).await.unwrap();
    world.pass(RENEW.as_secs()).await;
    let error = refused(guard.check().await);
    assert_eq!(error.causes, ["its file was removed from the ledger"]);
}

#[tokio::test]
async fn a_write_that_never_arrived_is_repeated() {
    let (_, anna, ben) = world();
    anna.line(Line::LosesAWrite);
    let guard = take(&anna).await.unwrap();
    anna.line(Line::LosesAWrite);
    guard.release().await.unwrap();
    assert_eq!(ben.lock().holder().await, Ok(None));
}

#[tokio::test]
async fn a_lock_whose_holder_removes_its_file_is_not_lost() {
    let (world, anna, ben) = world();
    let guard = take(&anna).await.unwrap();
    guard.removed().cancel();
    world.files.delete(&Path::from("lock.json")).await.unwrap();
    world.pass(100).await;
    assert_eq!(guard.check().await, Ok(()));
    assert!(!guard.lost().is_cancelled());
    // Whoever comes next begins anew, and is left alone.
    let next = take(&ben).await.unwrap();
    guard.release().await.unwrap();
    assert_eq!((next.fencing(), next.check().await), (1, Ok(())));
}

#[tokio::test]
async fn a_damaged_file_is_not_taken_for_a_free_lock() {
    let (_, anna, _) = world();
    let text = r#"{"format": "mizan-lease", "version": 1, "fencing": 3, "mark": "", "held": {}}"#;
    anna.lock().register.store.put(&Path::from("lock.json"), text.into()).await.unwrap();
    let error = take(&anna).await.expect_err("damaged");
    assert_eq!(error.message, "the ledger's file s3://ledger/lock.json cannot be used");
}

/// Something that happens to a machine.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Takes,
    Dies,
    GivesBack,
    Line(Line),
}

fn any_fate() -> impl Strategy<Value = (usize, Fate, u64)> {
    let fate = prop_oneof![
        4 => Just(Fate::Takes),
        1 => Just(Fate::Dies),
        1 => Just(Fate::GivesBack),
        2 => Just(Fate::Line(Line::Good)),
        1 => Just(Fate::Line(Line::Down)),
        1 => Just(Fate::Line(Line::Hangs)),
        1 => Just(Fate::Line(Line::LosesAnAnswer)),
    ];
    (0..3_usize, fate, 0..80_u64)
}

proptest! {
    #[test]
    fn no_two_may_write_at_once_and_numbers_only_rise(
        fates in prop::collection::vec(any_fate(), 1..25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(live_through(&fates));
    }
}

async fn live_through(fates: &[(usize, Fate, u64)]) {
    let world = Arc::new(World::default());
    let machines = [0, 1000, YEAR].map(|skew| Machine::new(&world, "somebody", skew));
    let mut guards = [None, None, None];
    let mut highest = 0;
    for (at, fate, seconds) in fates {
        let (machine, guard) = (&machines[*at], &mut guards[*at]);
        // What needs an answer that never comes is cut short.
        tokio::select! {
            biased;
            () = meet(*fate, machine, guard, &mut highest) => {}
            () = settle() => {}
        }
        world.pass(*seconds).await;
        let mut allowed = 0;
        for guard in guards.iter().flatten() {
            tokio::select! {
                biased;
                check = guard.check() => allowed += u32::from(check.is_ok()),
                () = settle() => {}
            }
        }
        assert!(allowed <= 1, "{allowed} may write");
    }
}

async fn meet(fate: Fate, machine: &Machine, guard: &mut Option<LeaseGuard>, highest: &mut u64) {
    match fate {
        Fate::Line(line) => machine.line(line),
        Fate::Dies => *guard = None,
        Fate::GivesBack => {
            if let Some(guard) = guard.take() {
                // Without a line it falls free by itself.
                let _ = guard.release().await;
            }
        }
        Fate::Takes => {
            if let Ok(taken) = take(machine).await {
                assert!(taken.fencing() > *highest);
                *highest = taken.fencing();
                *guard = Some(taken);
            }
        }
    }
}
