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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for platform in root.join("bindings-node/npm").read_dir().unwrap() {
        let platform = platform.unwrap().file_name().into_string().unwrap();
        let manifest = read(&format!("bindings-node/npm/{platform}/package.json"));
        assert_eq!(between(&manifest, "\"version\": \"", "\""), version, "{platform}");
    }
    for module in
        ["bindings-kotlin/kotlin", "bindings-kotlin/kotlin/payamak", "bindings-kotlin/kotlin/payamak-testing"]
    {
        assert_eq!(
            between(&read(&format!("{module}/pom.xml")), "<version>", "</version>"),
            version,
            "{module}"
        );
    }
    for module in ["examples/kotlin", "examples/benchmarks/kotlin"] {
        assert_eq!(
            between(&read(&format!("{module}/pom.xml")), "<version>", "</version>"),
            version,
            "{module}"
        );
    }
    assert!(read("bindings-kotlin/Makefile").contains(&format!("payamak-examples-{version}.jar")));
    assert_eq!(between(&read("examples/node/package.json"), "\"payamak\": \"", "\""), version);
    // The wheel takes its version from Cargo: a second one would be a second source.
    let pyproject = read("bindings-python/pyproject.toml");
    assert!(between(&pyproject, "dynamic = [", "]").contains("\"version\""));
    assert_eq!(between(&read("CHANGELOG.md"), "\n## ", " "), version);
}

#[test]
fn no_crate_has_a_version_of_its_own() {
    for manifest in [
        "core",
        "core/emulator",
        "bindings-python",
        "bindings-node",
        "bindings-kotlin",
        "bindings-kotlin/bindgen",
        "bindings-kotlin/emulator",
        "examples/rust",
        "examples/benchmarks/rust",
    ] {
        assert!(
            read(&format!("{manifest}/Cargo.toml")).contains("\nversion.workspace = true\n"),
            "{manifest}"
        );
    }
}

/// What one README shows, the other shows too, but for the comments.
#[test]
fn both_readmes_show_the_same_code() {
    let code = |path: &str| {
        let text = read(path);
        let blocks: Vec<String> = text
            .split("```")
            .skip(1)
            .step_by(2)
            .map(|block| {
                let block = block.replacen("rust,no_run", "rust", 1);
                let without_comment =
                    |line: &str| line.split(['#', '/']).next().unwrap_or_default().trim_end().to_owned();
                block.lines().map(without_comment).collect::<Vec<_>>().join("\n")
            })
            .collect();
        blocks
    };
    let english = code("README.md");
    assert!(english.len() >= 4, "{english:?}");
    assert_eq!(english, code("README.fa.md"));
}
