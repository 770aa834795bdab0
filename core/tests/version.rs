//! One version everywhere: what is published in every language is the same thing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where it fails"
)]

use std::path::Path;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The first text between two marks.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let after = text.split_once(start).unwrap_or_else(|| panic!("no {start} in {text:.200}")).1;
    after.split_once(end).unwrap().0
}

#[test]
fn every_package_has_the_version_of_the_workspace() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(between(&read("bindings-node/package.json"), "\"version\": \"", "\""), version);
    assert_eq!(between(&read("bindings-kotlin/kotlin/pom.xml"), "<version>", "</version>"), version);
    // The wheel takes its version from Cargo: a second one would be a second source.
    let pyproject = read("bindings-python/pyproject.toml");
    assert!(between(&pyproject, "dynamic = [", "]").contains("\"version\""));
    assert_eq!(between(&read("CHANGELOG.md"), "\n## ", " "), version);
}

#[test]
fn no_crate_has_a_version_of_its_own() {
    for manifest in
        ["core", "core/emulator", "bindings-python", "bindings-node", "bindings-kotlin", "examples/rust"]
    {
        assert!(
            read(&format!("{manifest}/Cargo.toml")).contains("\nversion.workspace = true\n"),
            "{manifest}"
        );
    }
}
