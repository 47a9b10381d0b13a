//! Every input that a fuzzer has found worth keeping, given to its target again.

use std::path::Path;

#[test]
fn every_input_of_the_corpora_keeps_the_laws() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in libpod_fuzz::TARGETS {
        let directory = corpus.join(name);
        let mut count = 0;
        for entry in std::fs::read_dir(&directory).unwrap_or_else(|_| panic!("{name} has no corpus")) {
            let data = std::fs::read(entry.expect("readable").path()).expect("readable");
            target(&data);
            count += 1;
        }
        assert!(count > 0, "the corpus of {name} is empty");
    }
}

#[test]
fn every_target_is_a_program_of_its_own_name() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
    for (name, _) in libpod_fuzz::TARGETS {
        let text = std::fs::read_to_string(targets.join(format!("{name}.rs"))).expect("a program");
        assert!(text.contains(&format!("libpod_fuzz::{name}(data)")), "{name}");
    }
}
