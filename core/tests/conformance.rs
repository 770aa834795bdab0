//! Runs every case of `core/conformance/cases` through the public API, against the emulator's replay.
//!
//! What a case is, and what a runner checks, stands in `core/conformance/README.md`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod support {
    pub(crate) mod call;
    pub(crate) mod case;
}

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt as _;
use payamak_emulator::Emulator;

use self::support::case::{Case, Echoes};

/// How many cases run at once.
const AT_ONCE: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn every_case_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/cases");
    let files = case_files(&folder);
    let emulator = Arc::new(Emulator::builder().replay(&folder).start().await.unwrap());

    let outcomes = files.iter().map(|file| {
        let (file, emulator) = (file.clone(), emulator.clone());
        async move {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            // A task each, so that a panic in one case is that case's failure.
            let running = tokio::spawn(async move { run(&file, &emulator).await });
            (name, running.await.unwrap_or_else(|panic| vec![panic.to_string()]))
        }
    });
    let mut outcomes: Vec<_> = futures_util::stream::iter(outcomes).buffer_unordered(AT_ONCE).collect().await;
    outcomes.sort();

    let failures: Vec<_> = outcomes.iter().filter(|(_, faults)| !faults.is_empty()).collect();
    let mut report = String::new();
    for (name, faults) in &failures {
        writeln!(report, "\n{name}").unwrap();
        for fault in faults {
            writeln!(report, "    {}", fault.replace('\n', "\n    ")).unwrap();
        }
    }
    println!("{} of {} cases hold", outcomes.len() - failures.len(), files.len());
    assert!(failures.is_empty(), "{} of {} cases fail\n{report}", failures.len(), files.len());
    assert_eq!(outcomes.len(), files.len(), "a case was skipped");
    assert_eq!(emulator.replay_cases().len(), files.len(), "the emulator replays other cases");
}

fn case_files(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().expect("the cases are beside core");
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(
        files.iter().all(|file| file.extension().is_some_and(|extension| extension == "json")),
        "{files:?}"
    );
    // A floor, so that a behaviour cannot leave unnoticed.
    assert!(files.len() >= 579, "{} cases", files.len());
    files
}

/// What is wrong with a case, a line each; nothing where it holds.
async fn run(file: &Path, emulator: &Emulator) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let case: Case = match serde_json::from_str(&text) {
        Ok(case) => case,
        Err(error) => return vec![format!("not a case: {error}")],
    };
    let name = file.file_stem().unwrap().to_str().unwrap();
    let echoes: Option<Echoes> = case.echoes.then(|| {
        let text = std::fs::read_to_string(file.with_file_name("../echoes.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    });
    let about =
        echoes.as_ref().map_or(vec![""], |echoes| echoes.list.iter().map(|echo| &*echo.about).collect());
    let mut faults = Vec::new();
    for about in about {
        match support::call::call(&case, &emulator.replay_url(name)).await {
            Ok(outcome) => {
                let found = case.faults(outcome, echoes.as_ref());
                faults.extend(found.into_iter().map(|fault| format!("{about}: {fault}")));
            }
            Err(why) => return vec![why],
        }
    }
    let verdict = emulator.replay_verdict(name);
    if !verdict.complete {
        faults.push("the exchange is not complete: a request is missing".to_owned());
    }
    faults.extend(verdict.mismatches);
    faults
}
