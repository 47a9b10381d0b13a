//! Containers in real namespaces: root, this kernel, and a static busybox.
//!
//! One thread, one test after the other, so that the runtime may fork. Without root, or where namespaces are refused, everything is
//! skipped with the reason; with `LIBPOD_TEST_REQUIRE_ALL=1` that is a failure. A word on the command line selects tests by name.

mod attacks;
mod basics;
mod bench;
mod descriptors;
mod exec;
mod limits;
mod mounts;
mod users;

use std::panic::catch_unwind;
use std::process::ExitCode;

/// A test: a rule, and what shows it.
type Test = (&'static str, fn());

fn main() -> ExitCode {
    let filter: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let all =
        [basics::TESTS, mounts::TESTS, attacks::TESTS, users::TESTS, limits::TESTS, exec::TESTS, descriptors::TESTS]
            .concat();
    let wanted = |name: &str| filter.is_empty() || filter.iter().any(|word| name.contains(word.as_str()));
    if let Err(reason) = bench::probe() {
        eprintln!("privileged: skipped: {reason}");
        let required = std::env::var("LIBPOD_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
        return if required { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let before = bench::leftovers();
    let mut failed = Vec::new();
    let mut count = 0;
    for (name, test) in all.into_iter().filter(|(name, _)| wanted(name)) {
        count += 1;
        let passed = catch_unwind(test).is_ok();
        eprintln!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        if !passed {
            failed.push(name);
        }
    }
    let left = bench::leftovers();
    if left != before {
        eprintln!("left behind: {left:?}, before: {before:?}");
        failed.push("nothing_is_left_behind");
    }
    eprintln!("privileged: {count} run, {} failed {failed:?}", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
