//! Plans as files: each folder of cases has its plan beside what it is made from.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folder of all fixtures.
pub fn fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"))
}

/// Every case below `cases` has the plan that is in its `plan.txt`; with UPDATE=1 it gets that.
#[track_caller]
pub fn assert_plans(cases: &str, at_least: usize, plan_of: impl Fn(&Path) -> String) {
    let update = std::env::var_os("UPDATE").is_some();
    let folders = fs::read_dir(fixtures().join(cases)).expect("the fixtures");
    let folders: Vec<PathBuf> = folders.map(|it| it.expect("a folder").path()).collect();
    let mut stale = Vec::new();
    for folder in &folders {
        let found = plan_of(folder);
        let expected = folder.join("plan.txt");
        if update {
            fs::write(&expected, &found).expect("the plan is written");
        }
        if fs::read_to_string(&expected).unwrap_or_default() != found {
            stale.push(format!("{}:\n{found}", folder.display()));
        }
    }
    assert!(stale.is_empty(), "other plans than expected:\n{}", stale.join("\n"));
    assert!(folders.len() >= at_least, "only {} cases", folders.len());
}
