//! A fault at every call to a cloud: refused, failed, cut off, with credentials that have expired,
//! or with the caller dead. Then the same command again, and all is as if nothing had happened.
//!
//! Calls are named by what they do and to what, since their order is another one in every run. What
//! is called again and again is struck the first and the last time.

use super::{
    App, Platform,
    deploys::deploy_version,
    hands::{Named, strike_all},
    platform::Cloud,
    table::{Table, is_full},
    world::assert_same,
};
use crate::support::{
    Ended,
    aws::{Fault, Moment},
    strikes::{Strike, Striker},
};

const STRIKES: [(Strike, &str); 7] = [
    (Strike::Kill(Moment::After), "kill -9 after"),
    (Strike::FromHere(Fault::Expired), "credentials expired"),
    (Strike::Once(Fault::Throttled), "throttled"),
    (Strike::Once(Fault::CutAfter), "cut after the effect"),
    (Strike::Once(Fault::Internal), "500"),
    // These two are as those after it where there is no effect.
    (Strike::Kill(Moment::Before), "kill -9 before"),
    (Strike::Once(Fault::CutBefore), "cut before the effect"),
];

/// So many of them, from the first on, are for each call that changes nothing.
const OF_READS: usize = 2;
/// And so many of the next for all of those at once.
const OF_ALL_READS: usize = 3;
/// Without a full run, of so many calls one is struck.
const STRIDE: usize = 7;
/// How often a call that did not come is waited for in another run.
const ATTEMPTS: usize = 3;

const RULES: [&str; 2] = [
    "Each row is a run of its own: a call is named by its action and by what it is about (ids, \
     numbers and dates are `*` and `N`). Of calls that repeat, the first and the last are struck. \
     A call that changes nothing has no effect to be cut before or after, so it is struck in five \
     ways, every other in seven. Three of the five are to be got over by asking again; if all such \
     calls of one run are struck at once and that run ends well, each was got over. The app has \
     its web service, a release step and a secret.",
    "*got over*: it ended well, and the next deploy found nothing to change. *not reached*: the \
     call came less often in these runs, which ended well.",
];

/// A place to strike.
#[derive(Debug, Clone)]
struct Site {
    /// As the striker writes it, with `{app}` for the app's name.
    name: String,
    count: usize,
    is_read: bool,
}

/// A strike at a call, or at several of a run.
#[derive(Debug, Clone)]
struct Blow {
    /// Where, and at which of the calls there.
    at: Vec<(Site, usize)>,
    strike: Strike,
    fault: &'static str,
}

impl Named for Blow {
    fn what(&self) -> String {
        let [(site, nth)] = &self.at[..] else {
            let which = if self.at[0].1 == 1 { "first" } else { "last" };
            return format!("every call that changes nothing, at once, {which}");
        };
        let name = site.name.replace("{app}", "app");
        match (site.count, nth) {
            (1, _) => name,
            (_, 1) => format!("{name}, first"),
            _ => format!("{name}, last"),
        }
    }

    fn fault(&self) -> &'static str {
        self.fault
    }

    fn comes_first(&self) -> bool {
        self.at.len() > 1 || !self.at[0].0.is_read
    }
}

/// The calls that a command makes, in their order; it is run for that.
fn sites<P: Cloud>(platform: &P, command: &[&str]) -> Vec<Site> {
    platform.striker().clear();
    platform.run(command).expect(0);
    let mut sites: Vec<Site> = Vec::new();
    for call in platform.striker().heard() {
        let name = call.site.replace(platform.app(), "{app}");
        match sites.iter_mut().find(|site| site.name == name) {
            Some(site) => site.count += 1,
            None => sites.push(Site { name, count: 1, is_read: call.is_read }),
        }
    }
    sites
}

/// The fewer the longer a run takes.
fn stride<P: Cloud>(_: &P) -> usize {
    STRIDE.max(P::STRIDE)
}

/// Every strike at these calls; if this is no full run, one at one of so many.
fn blows(sites: &[Site], stride: usize) -> Vec<Blow> {
    let ends = |site: &Site| if site.count == 1 { vec![1] } else { vec![1, site.count] };
    let calls = sites.iter().flat_map(|site| ends(site).into_iter().map(|nth| (site.clone(), nth)));
    let calls: Vec<_> = calls.collect();
    let blow = |at: &[(Site, usize)], (strike, fault): (Strike, &'static str)| Blow {
        at: at.to_vec(),
        strike,
        fault,
    };
    if !is_full() {
        let sample = calls.chunks(stride).enumerate();
        let turn = |(turn, chunk): (usize, &[_])| blow(&chunk[..1], STRIKES[turn % STRIKES.len()]);
        return sample.map(turn).collect();
    }
    let kinds = |site: &Site| if site.is_read { &STRIKES[..OF_READS] } else { &STRIKES[..] };
    let each = calls.chunks(1).flat_map(|call| kinds(&call[0].0).iter().map(|it| blow(call, *it)));
    // What is asked again counts as the next call: the last ones are for a run of their own.
    let reads = calls.iter().filter(|(site, _)| site.is_read).cloned();
    let (firsts, lasts): (Vec<_>, Vec<_>) = reads.partition(|(_, nth)| *nth == 1);
    let strikes = STRIKES[OF_READS..][..OF_ALL_READS].iter();
    let all = strikes.flat_map(|it| [blow(&firsts, *it), blow(&lasts, *it)]);
    all.chain(each).collect()
}

/// A command whose calls are struck; before each attempt, `ready` makes everything as it is to be.
/// Nothing if they never came.
fn struck<P: Cloud>(
    platform: &P,
    command: &[&str],
    blow: &Blow,
    mut ready: impl FnMut(usize),
) -> Option<Ended> {
    let striker = platform.striker();
    let named = |(site, nth): &(Site, usize)| (site.name.replace("{app}", platform.app()), *nth);
    let mut calls: Vec<_> = blow.at.iter().map(named).collect();
    // The last calls of some may not come this time, the first of all do.
    let enough = if calls[0].1 == 1 { calls.len() } else { calls.len().div_ceil(2) };
    for attempt in 0..ATTEMPTS {
        ready(attempt);
        striker.clear();
        for (site, nth) in &calls {
            striker.strike(site, *nth, blow.strike);
        }
        let child = platform.mizan(command).spawn().expect("mizan starts");
        striker.victim(child.id());
        let ended: Ended = child.wait_with_output().expect("its end").into();
        let struck = striker.struck();
        // How often it asks whether something is done yet is not the same each time.
        calls.iter_mut().for_each(|(site, nth)| *nth = (*nth).min(striker.count_of(site)).max(1));
        striker.clear();
        if struck >= enough {
            return Some(ended);
        }
        ended.expect(0);
    }
    None
}

/// What a struck command may end with: the fault was got over, or it was told, and nothing hung.
#[track_caller]
fn told(ended: &Ended, blow: &Blow) -> String {
    let fine = match (blow.strike, ended.code) {
        _ if blow.at.len() > 1 => ended.code == Some(0),
        (Strike::Kill(_), code) => matches!(code, None | Some(0)),
        (_, Some(0)) => true,
        (_, Some(70 | 71 | 75 | 77 | 78)) => ended.stderr.contains("error: "),
        _ => false,
    };
    assert!(fine, "{:?}\n{}", ended.code, ended.stderr);
    match ended.code {
        None => "killed".to_owned(),
        Some(0) => "got over".to_owned(),
        Some(code) => format!("exit code {code}"),
    }
}

const DEPLOY: [&str; 2] = ["deploy", "--yes"];
const DESTROY: [&str; 3] = ["destroy", "--yes", "--volumes"];
const NOT_REACHED: &str = "not reached";

fn table<P: Platform>(scenario: &str) -> Table {
    let mut table = Table::new::<P>(scenario).about("call");
    RULES.iter().for_each(|rule| table.note(*rule));
    table
}

pub fn a_fault_at_every_call_of_a_first_deploy<P: Cloud + Default + Sync>(platform: &P) {
    let prepare = |platform: &P| {
        platform.lighten();
        platform.write(&App::version(1));
        platform.deploy().expect(0);
        let expected = platform.world().shape();
        platform.destroy();
        expected
    };
    prepare(platform);
    let blows = blows(&sites(platform, &DEPLOY), stride(platform));
    platform.destroy();
    let mut table = table::<P>("faults at calls of a first deploy");
    strike_all(platform, &mut table, &blows, prepare, |platform, expected, blow| {
        let ended = struck(platform, &DEPLOY, blow, |attempt| match attempt {
            0 => {}
            _ => platform.destroy(),
        });
        let Some(ended) = ended else { return NOT_REACHED.to_owned() };
        let seen = converges(platform, "1", &ended, blow, expected);
        platform.destroy();
        assert_same("after destroy", &[], &platform.world().identity());
        seen
    });
    table.write();
}

pub fn a_fault_at_every_call_of_an_update<P: Cloud + Default + Sync>(platform: &P) {
    // From the third on, every deploy also forgets a release.
    let prepare = |platform: &P| {
        platform.lighten();
        for version in 1..=4 {
            deploy_version(platform, version);
        }
        (4, platform.world().shape())
    };
    prepare(platform);
    platform.write(&App::version(5));
    let blows = blows(&sites(platform, &DEPLOY), stride(platform));
    platform.destroy();
    let mut table = table::<P>("faults at calls of an update");
    strike_all(platform, &mut table, &blows, prepare, |platform, (version, expected), blow| {
        let ended = struck(platform, &DEPLOY, blow, |_| {
            *version += 1;
            platform.write(&App::version(*version));
        });
        let Some(ended) = ended else { return NOT_REACHED.to_owned() };
        let serving = platform.serving().expect("somebody answers");
        let (old, new) = ((*version - 1).to_string(), version.to_string());
        assert!(serving == old || serving == new, "{serving} answers");
        converges(platform, &new, &ended, blow, expected)
    });
    table.write();
}

pub fn a_fault_at_every_call_of_a_destroy<P: Cloud + Default + Sync>(platform: &P) {
    let prepare = |platform: &P| {
        platform.lighten();
        platform.write(&App::version(1));
    };
    prepare(platform);
    platform.deploy().expect(0);
    let blows = blows(&sites(platform, &DESTROY), stride(platform));
    let mut table = table::<P>("faults at calls of a destroy");
    strike_all(platform, &mut table, &blows, prepare, |platform, (), blow| {
        let ended = struck(platform, &DESTROY, blow, |_| drop(platform.deploy().expect(0)));
        let Some(ended) = ended else { return NOT_REACHED.to_owned() };
        let told = told(&ended, blow);
        if ended.code == Some(0) {
            assert_same("after the struck destroy", &[], &platform.world().identity());
            return told;
        }
        platform.destroy();
        assert_same("after the next destroy", &[], &platform.world().identity());
        format!("{told}, the next destroy leaves nothing")
    });
    table.write();
}

/// The next deploy ends where one without a fault would have, and finds nothing more to do.
#[track_caller]
fn converges<P: Platform>(
    platform: &P,
    version: &str,
    ended: &Ended,
    blow: &Blow,
    expected: &[String],
) -> String {
    const NOTHING: &str = "Nothing to change.";
    let told = told(ended, blow);
    let again = platform.deploy();
    let said = &again.stderr;
    assert_eq!(again.code, Some(0), "the next deploy after\n{}\n{said}", ended.stderr);
    assert_eq!(platform.serving().as_deref(), Ok(version));
    let what = format!("after the next deploy, which said\n{said}after\n{}", ended.stderr);
    assert_same(&what, expected, &platform.world().shape());
    if ended.code == Some(0) {
        assert!(said.contains(NOTHING), "it was not done after\n{}\n{said}", ended.stderr);
        return told;
    }
    if !said.contains(NOTHING) {
        platform.deploy().expect(0).says(&[NOTHING]);
    }
    format!("{told}, the next deploy converges")
}
