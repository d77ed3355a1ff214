//! Traces of seeds that once went wrong, each shortened and fixed since: what went wrong in them must not come back. They consist
//! of steps, so they stay the same however seeds are drawn today.

use cadenza_simulator::{Trace, play};
use std::path::Path;

#[test]
fn what_was_mended_stays_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("kept");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder of kept traces can be read")
        .map(|entry| entry.expect("its files can be listed").path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "trace"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no traces: this test says nothing", folder.display());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("it can be read");
        let trace = Trace::parse(&text).unwrap_or_else(|error| panic!("{}: {error:#}", file.display()));
        let story = play(&trace, None, true).expect("the engine starts");
        assert!(
            story.wrong.is_empty(),
            "{} goes wrong again: {:#?}\nits story: cargo run --release -p cadenza-simulator -- --trace {}\n{}",
            file.display(),
            story.wrong,
            file.display(),
            story.lines.join("\n"),
        );
    }
}
