//! Strikes that do not depend on each other, by several hands at once: each has a platform of its
//! own. What was seen is written down as it is seen, so that an interrupted run can be resumed.

use std::{
    collections::HashMap,
    env, fs,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{
    Platform,
    table::{Table, is_full},
};

/// A strike, as the table names it.
pub trait Named: Sync {
    /// What is struck.
    fn what(&self) -> String;

    /// How.
    fn fault(&self) -> &'static str;

    /// It tells most, and is made before others.
    fn comes_first(&self) -> bool;
}

/// Strikes; whatever failed is told at the end, all of it.
pub fn strike_all<P: Platform + Default + Sync, S: Named, T>(
    platform: &P,
    table: &mut Table,
    strikes: &[S],
    prepare: impl Fn(&P) -> T + Sync,
    strike: impl Fn(&P, &mut T, &S) -> String + Sync,
) {
    let journal = Journal::open(table.name());
    let (next, seen) = (AtomicUsize::new(0), Mutex::new(vec![None; strikes.len()]));
    let mut order: Vec<_> = strikes.iter().enumerate().collect();
    order.sort_by_key(|(_, strike)| !strike.comes_first());
    let failures = Mutex::new(Vec::new());
    let turn = || order.get(next.fetch_add(1, Ordering::Relaxed)).copied();
    // After a failure a hand goes on with another platform: nobody knows what is left of the first.
    let work = |given: Option<&P>| {
        let mut turns = std::iter::from_fn(turn);
        let mut given = given;
        while let Some(first) = turns.next() {
            let own = given.is_none().then(P::default);
            let platform = given.take().or(own.as_ref()).expect("a platform");
            let mut state = prepare(platform);
            for (at, it) in std::iter::once(first).chain(turns.by_ref()) {
                if let Some(known) = journal.known(it) {
                    seen.lock().expect("the rows")[at] = Some(known);
                    continue;
                }
                match catch_unwind(AssertUnwindSafe(|| strike(platform, &mut state, it))) {
                    Ok(said) => {
                        journal.write(it, &said);
                        seen.lock().expect("the rows")[at] = Some(said);
                    }
                    Err(panic) => {
                        let what = format!("{} at {}: {}", it.fault(), it.what(), words(&*panic));
                        failures.lock().expect("the failures").push(what);
                        break;
                    }
                }
            }
        }
    };
    thread::scope(|scope| {
        for hand in 0..hands() {
            let work = &work;
            scope.spawn(move || work((hand == 0).then_some(platform)));
        }
    });
    let failures = failures.into_inner().expect("the failures");
    let all = strikes.len();
    assert!(
        failures.is_empty(),
        "{} of {all} failed:\n\n{}",
        failures.len(),
        failures.join("\n\n")
    );
    for (it, said) in strikes.iter().zip(seen.into_inner().expect("the rows")) {
        table.add(it.fault(), &it.what(), &said.expect("every strike was made"));
    }
}

/// Platforms at work at the same time: in a full run they mostly wait.
fn hands() -> usize {
    match env::var("MIZAN_CONFORMANCE_HANDS") {
        _ if !is_full() => 1,
        Ok(hands) => hands.parse().expect("a number"),
        Err(_) => 3,
    }
}

/// What a panic said.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// What was seen so far. With `MIZAN_CONFORMANCE_RESUME` it is not struck again.
struct Journal {
    file: PathBuf,
    known: HashMap<(String, String), String>,
    lock: Mutex<()>,
}

impl Journal {
    fn open(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("conformance");
        let file = folder.join(format!("{name}.jsonl"));
        fs::create_dir_all(folder).expect("a folder");
        if !is_full() || env::var_os("MIZAN_CONFORMANCE_RESUME").is_none() {
            let _ = fs::remove_file(&file);
        }
        let text = fs::read_to_string(&file).unwrap_or_default();
        let rows = text.lines().map(|line| serde_json::from_str(line).expect("a row"));
        let known = rows.map(|[what, fault, said]: [String; 3]| ((what, fault), said)).collect();
        Self { file, known, lock: Mutex::default() }
    }

    fn known(&self, strike: &impl Named) -> Option<String> {
        self.known.get(&(strike.what(), strike.fault().to_owned())).cloned()
    }

    fn write(&self, strike: &impl Named, said: &str) {
        let _one = self.lock.lock().expect("the journal");
        let row = serde_json::json!([strike.what(), strike.fault(), said]);
        let file = fs::OpenOptions::new().append(true).create(true).open(&self.file);
        writeln!(file.expect("the journal"), "{row}").expect("a row");
    }
}
