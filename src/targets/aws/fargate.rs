//! The sizes that Fargate has: pairs of CPU and memory, no others.
//! (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html>)

use std::fmt;

use crate::model::{CpuShares, Memory};

/// CPU units, and from, to and step of the memory in MiB that goes with them.
const SIZES: [(u32, u32, u32, u32); 8] = [
    (256, 512, 1024, 512),
    (256, 2048, 2048, 1024),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122_880, 8192),
];

/// A pair that Fargate has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    /// CPU units: 1024 are one core.
    pub cpu: u32,
    /// MiB of memory.
    pub memory: u32,
}

/// Fargate has no such pair; these are the next smaller and larger one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchSize {
    /// The largest pair below, and the smallest above.
    pub near: Vec<Size>,
}

impl Size {
    /// The size that was asked for. What is not said is as small as the other allows.
    ///
    /// # Errors
    /// Fargate has no such pair.
    pub fn choose(cpu: Option<CpuShares>, memory: Option<Memory>) -> Result<Self, NoSuchSize> {
        let fits = |size: &Self| {
            cpu.is_none_or(|cpu| size.millicores() == cpu.0)
                && memory.is_none_or(|memory| size.bytes() == memory.0)
        };
        all().find(fits).ok_or_else(|| NoSuchSize { near: near(cpu, memory) })
    }

    fn millicores(self) -> u32 {
        // Every CPU value is a power of two from a quarter of a core on.
        self.cpu * 1000 / 1024
    }

    fn bytes(self) -> u64 {
        u64::from(self.memory) << 20
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`cpu: {}` with `memory: {}`", cores(self.cpu), memory(self.memory))
    }
}

/// CPU units as `mizan.yaml` writes them.
pub fn cores(units: u32) -> String {
    (f64::from(units) / 1024.0).to_string()
}

/// MiB as `mizan.yaml` writes them.
pub fn memory(mebibytes: u32) -> String {
    match mebibytes % 1024 {
        0 => format!("{}GiB", mebibytes / 1024),
        _ => format!("{mebibytes}MiB"),
    }
}

/// All pairs, the smallest first.
fn all() -> impl Iterator<Item = Size> {
    SIZES.iter().flat_map(|&(cpu, from, to, step)| {
        (from..=to).step_by(step as usize).map(move |memory| Size { cpu, memory })
    })
}

/// What is there on both sides of a pair that is not.
fn near(cpu: Option<CpuShares>, memory: Option<Memory>) -> Vec<Size> {
    let cpu = cpu.map_or(0, |cpu| cpu.0);
    let memory = memory.map_or(0, |memory| memory.0);
    let below = all()
        .filter(|size| size.millicores() <= cpu.max(250) && size.bytes() <= memory.max(1 << 29))
        .last();
    let above = all().find(|size| size.millicores() >= cpu && size.bytes() >= memory);
    below.into_iter().chain(above).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(millicores: u32, mebibytes: u64) -> Result<Size, NoSuchSize> {
        let cpu = Some(CpuShares(millicores)).filter(|cpu| cpu.0 > 0);
        let memory = Some(Memory(mebibytes << 20)).filter(|memory| memory.0 > 0);
        Size::choose(cpu, memory)
    }

    #[test]
    fn what_is_not_said_is_as_small_as_possible() {
        assert_eq!(choose(0, 0), Ok(Size { cpu: 256, memory: 512 }));
        assert_eq!(choose(1000, 0), Ok(Size { cpu: 1024, memory: 2048 }));
        assert_eq!(choose(0, 4096), Ok(Size { cpu: 512, memory: 4096 }));
        assert_eq!(choose(0, 122_880), Ok(Size { cpu: 16384, memory: 122_880 }));
    }

    #[test]
    fn a_pair_that_is_there_is_taken() {
        assert_eq!(choose(500, 1024), Ok(Size { cpu: 512, memory: 1024 }));
        assert_eq!(choose(250, 2048), Ok(Size { cpu: 256, memory: 2048 }));
        assert_eq!(choose(8000, 20480), Ok(Size { cpu: 8192, memory: 20480 }));
    }

    #[test]
    fn a_pair_that_is_not_there_has_neighbours() {
        let near = |millicores, mebibytes| {
            let near = choose(millicores, mebibytes).expect_err("no such pair").near;
            near.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
        };
        assert_eq!(
            near(1000, 512),
            "`cpu: 0.25` with `memory: 512MiB` or `cpu: 1` with `memory: 2GiB`"
        );
        assert_eq!(
            near(300, 0),
            "`cpu: 0.25` with `memory: 512MiB` or `cpu: 0.5` with `memory: 1GiB`"
        );
        assert_eq!(
            near(250, 3072),
            "`cpu: 0.25` with `memory: 2GiB` or `cpu: 0.5` with `memory: 3GiB`"
        );
        assert_eq!(near(32000, 0), "`cpu: 0.25` with `memory: 512MiB`");
    }
}
