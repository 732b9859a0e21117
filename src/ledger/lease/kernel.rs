//! Where a process number means something: one run of one kernel, and one of its namespaces.

use std::fs;

/// The name of the place that this process's number is from, unlike any other in the world; `None`
/// where the system does not tell.
pub(super) fn this() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), namespace.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_for_all_processes_of_this_place() {
        assert_eq!(this(), this());
        #[cfg(target_os = "linux")]
        assert!(this().expect("a name").contains("pid:["));
    }
}
