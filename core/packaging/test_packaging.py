"""What the scripts of this folder promise, and what the crates hold as they are published."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from unittest import mock

import audit
import check_artifact
import notices

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET = notices.this_machine()


class Folder(unittest.TestCase):
    """A test with an empty folder of its own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


class Crates(unittest.TestCase):
    """The crates that crates.io gets."""

    def files(self, package: str) -> list[str]:
        return notices.cargo("package", "--package", package, "--list", "--allow-dirty").splitlines()

    def test_they_hold_what_it_takes_to_build_them_and_nothing_else(self) -> None:
        for package, of_its_own in (("payamak", "src/lib.rs"), ("payamak-emulator", "src/main.rs")):
            with self.subTest(package):
                files = self.files(package)
                for needed in ("Cargo.toml", "LICENSE", "README.md", of_its_own):
                    self.assertIn(needed, files)
                # The other two are cargo's own.
                root = {"Cargo.toml", "Cargo.toml.orig", "Cargo.lock", ".cargo_vcs_info.json", "LICENSE", "README.md"}
                self.assertEqual([file for file in files if file not in root and not file.startswith("src/")], [])
                self.assertEqual([file for file in files if file.startswith("src/") and not file.endswith(".rs")], [])

    def test_every_licence_of_ours_is_that_of_the_repository(self) -> None:
        licence = (ROOT / "LICENSE").read_bytes()
        for folder in ("core", "core/emulator", "bindings-node"):
            self.assertEqual((ROOT / folder / "LICENSE").read_bytes(), licence, folder)

    def test_no_other_crate_can_be_published_by_accident(self) -> None:
        metadata = json.loads(notices.cargo("metadata", "--locked", "--no-deps", "--format-version", "1"))
        open_to_all = {package["name"] for package in metadata["packages"] if package["publish"] != []}
        self.assertEqual(open_to_all, {"payamak", "payamak-emulator"})


class Notices(Folder):
    """The notices and the SBOM, of what is really built and of crates that lack something."""

    def crate(self, name: str, licence: str, **files: str) -> notices.Crate:
        folder = self.folder / name
        folder.mkdir()
        for file, text in files.items():
            self.write(f"{name}/{file}", text)
        return notices.Crate(name, "1.0.0", licence, "", ["Somebody <mail>"], folder, None, False, "c0ffee")

    def test_they_name_what_is_linked_and_no_more(self) -> None:
        crates = notices.crates_of("payamak-uniffi", [], [TARGET])
        names = {name for name, _ in crates}
        self.assertLessEqual({"payamak-uniffi", "payamak", "ring", "uniffi_core", "webpki-root-certs"}, names)
        # Of the tests, of build scripts, of macros, and of a feature that is off.
        self.assertFalse({"proptest", "rcgen", "cc", "syn", "serde_derive", "payamak-emulator"} & names)
        self.assertIn(
            "payamak-emulator", {name for name, _ in notices.crates_of("payamak-uniffi", ["emulator"], [TARGET])}
        )

    def test_several_targets_give_all_that_one_of_them_needs(self) -> None:
        both = notices.crates_of("payamak", [], [TARGET, "aarch64-unknown-linux-gnu"])
        self.assertLessEqual(notices.crates_of("payamak", [], [TARGET]).keys(), both.keys())
        self.assertEqual([crate.name for crate in both.values()].count("payamak"), 1)
        self.assertEqual(next(iter(both.values())).name, "payamak")

    def test_the_files_are_whole_and_the_same_each_time(self) -> None:
        def write(folder: str) -> tuple[str, str]:
            files = [self.folder / folder / name for name in ("notices", "sbom")]
            command = [sys.executable, str(HERE / "notices.py"), "--package", "payamak-emulator"]
            command += ["--purl", "pkg:generic/payamak-emulator", "--notices", str(files[0]), "--sbom", str(files[1])]
            subprocess.run(command, check=True)
            return files[0].read_text(encoding="utf-8"), files[1].read_text(encoding="utf-8")

        text, bill = write("first")
        self.assertEqual((text, bill), write("second"))
        sbom = json.loads(bill)
        self.assertEqual((sbom["bomFormat"], sbom["specVersion"]), ("CycloneDX", "1.5"))
        lock = (ROOT / "Cargo.lock").read_text(encoding="utf-8")
        for component in sbom["components"]:
            name, version = component["name"], component["version"]
            self.assertEqual(component["purl"], f"pkg:cargo/{name}@{version}")
            self.assertNotIn("/", component["licenses"][0]["expression"])
            if name.startswith("payamak"):
                continue
            self.assertIn(component["hashes"][0]["content"], lock)
            [entry] = re.findall(rf"^{re.escape(name)} {re.escape(version)}\n  licence: .*\n", text, re.MULTILINE)
            for number in re.findall(r"\[\d+\]", entry):
                self.assertIn(f"\n{number}\n\n", text)
        known = {component["bom-ref"] for component in sbom["components"]}
        known.add(sbom["metadata"]["component"]["bom-ref"])
        self.assertEqual({entry["ref"] for entry in sbom["dependencies"]}, known)
        self.assertTrue(all(known.issuperset(entry["dependsOn"]) for entry in sbom["dependencies"]))

    def test_a_text_comes_once_and_those_of_others_code_come_too(self) -> None:
        mit = f"MIT License\n\nCopyright (c) A\n\n{notices.MIT_STARTS} …"
        first = self.crate("first", "MIT", LICENSE=mit)
        second = self.crate(
            "second", "MIT", **{"LICENSE-MIT": mit.replace("\n\n", "\n \n"), "third_party/COPYING": "of C"}
        )
        self.write("second/src/license.rs", "fn main() {}")
        text = notices.notices("a", [first, second])
        self.assertEqual(text.count("Copyright (c) A"), 1)
        self.assertIn("of C", text)
        self.assertNotIn("fn main", text)
        self.assertIn("second 1.0.0\n  licence: MIT, [1] [2]\n", text)

    def test_a_crate_without_a_text_gets_that_of_its_licence(self) -> None:
        other = self.crate("other", "MIT", LICENSE=f"Copyright (c) Other\n\n{notices.MIT_STARTS} …")
        for licence, expected in (
            ("MIT", f"Copyright (c) Somebody\n\n{notices.MIT_STARTS} …"),
            ("Apache-2.0", "TERMS AND CONDITIONS FOR USE"),
            ("BSL-1.0 OR MIT", notices.MIT_STARTS),
            ("MPL-2.0", "https://mozilla.org/MPL/2.0/"),
        ):
            with self.subTest(licence):
                text = "\n".join(
                    notices.standard_text_of(
                        self.crate(licence.replace(" ", ""), licence), notices.standard_texts([other])
                    )
                )
                self.assertIn(expected, text)
                self.assertNotIn("Other", text)

    def test_a_crate_without_a_known_licence_is_an_error(self) -> None:
        other = self.crate("other", "MIT", LICENSE=f"Copyright (c) Other\n\n{notices.MIT_STARTS} …")
        for number, (licence, files) in enumerate(
            (("", {"LICENSE": "all mine"}), ("", {}), ("LicenseRef-Mine", {}), ("MIT AND BSL-1.0", {}))
        ):
            with self.subTest(licence), self.assertRaises(notices.NoticeError):
                notices.notices("a", [other, self.crate(f"crate{number}", licence, **files)])


class Artifacts(Folder):
    """What is looked for in a finished package."""

    def test_a_path_of_this_machine_is_found_wherever_it_hides(self) -> None:
        leaks = [
            str(ROOT / "core/src/lib.rs"),
            str(Path.home() / "x"),
            "/home/somebody/x",
            "/opt/cargo/.cargo/registry/src/x",
        ]
        for leak in leaks:
            content = b"\0\1" + leak.encode() + b"\0"
            inner = self.write("classes.so", content)
            with zipfile.ZipFile(self.folder / "inner.jar", "w") as archive:
                archive.write(inner, "native/classes.so")
            with zipfile.ZipFile(self.folder / "outer.aar", "w") as archive:
                archive.write(self.folder / "inner.jar", "classes.jar")
            with tarfile.open(self.folder / "package.tgz", "w:gz") as tar:
                tar.add(inner, "package/classes.so")
            for name in ("classes.so", "inner.jar", "outer.aar", "package.tgz", ""):
                with self.subTest(leak=leak, artifact=name):
                    self.assertTrue(check_artifact.faults_of(self.folder / name, []))

    def test_paths_that_stand_for_no_machine_are_none(self) -> None:
        path = self.write(
            "fit.so", b"\0crates/index.crates.io/ring-0.17.14/src/lib.rs\0/rustc/abc/library\0core/src/lib.rs"
        )
        self.assertEqual(check_artifact.faults_of(path, []), [])

    def test_what_is_missing_or_empty_is_named(self) -> None:
        with zipfile.ZipFile(self.folder / "a.jar", "w") as archive:
            archive.writestr("META-INF/LICENSE", "text")
            archive.writestr("META-INF/NOTICES", "")
        faults = check_artifact.faults_of(self.folder / "a.jar", ["META-INF/LICENSE", "META-INF/NOTICES", "*.json"])
        self.assertEqual(faults, ["a.jar lacks *.json", "a.jar lacks META-INF/NOTICES"])


class Registry(BaseHTTPRequestHandler):
    """A registry of npm that answers the question for advisories as a test says."""

    status = 200
    advisories: ClassVar[dict[str, list[dict[str, object]]]] = {}

    def do_POST(self) -> None:
        """Answers any question."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(self.status)
        body = json.dumps(self.advisories).encode()
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


class Audit(Folder):
    """What `make audit` makes of npm's answers; those of cargo-deny are its exit status."""

    def audit(self, status: int, advisories: dict[str, list[dict[str, object]]]) -> tuple[list[str], list[str]]:
        handler = type("Handler", (Registry,), {"status": status, "advisories": advisories})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.addCleanup(server.server_close)
        threading.Thread(target=server.serve_forever).start()
        self.addCleanup(server.shutdown)
        failed: list[str] = []
        unchecked: list[str] = []
        settings = {
            "npm_config_registry": f"http://127.0.0.1:{server.server_port}/",
            "npm_config_cache": tempfile.mkdtemp(dir=self.folder),
            "npm_config_fetch_retries": "0",
            "NO_PROXY": "127.0.0.1",
        }
        with (
            mock.patch.dict(os.environ, settings),
            mock.patch.object(audit, "failed", failed),
            mock.patch.object(audit, "unchecked", unchecked),
            redirect_stdout(io.StringIO()) as self.said,
            redirect_stderr(io.StringIO()),
        ):
            audit.npm(audit.LOCKS[0])
        return failed, unchecked

    def test_each_answer_is_told_from_the_others(self) -> None:
        """Nothing known, something known, and no answer: only the first is well, and none looks like another."""

        def known(severity: str) -> dict[str, list[dict[str, object]]]:
            about = {"id": 1, "url": "x", "title": "x", "severity": severity, "vulnerable_versions": "*"}
            return {"typescript": [about]}

        self.assertEqual(self.audit(200, {}), ([], []))
        self.assertRegex(self.said.getvalue(), r"^audit: advisories for \d+ npm packages of bindings-node: checked\n$")
        self.assertEqual(self.audit(200, known("moderate")), ([], []))
        self.assertRegex(self.said.getvalue(), r"checked, \d+ of them affected, none highly\n$")
        failed, unchecked = self.audit(200, known("critical"))
        self.assertEqual((len(failed), unchecked), (1, []))
        failed, [unchecked_one] = self.audit(405, {})
        self.assertEqual((failed, self.said.getvalue()), ([], ""))
        self.assertIn("405", unchecked_one)


class Paths(Folder):
    """What rustc and the C compiler are told."""

    def test_a_build_with_the_options_holds_no_path(self) -> None:
        folder = self.folder / "built"
        # As in a crate of the registry: an absolute path, here one below cargo's home.
        home = self.folder / "cargo"
        environment = {**os.environ, "CARGO_HOME": str(home)}
        subprocess.run([HERE / "paths.sh", folder], check=True, env=environment)
        source = self.write("cargo/registry/src/a/lib.rs", 'pub fn f(x: Option<u8>) -> u8 { x.expect("x") }')
        compiled = self.folder / "lib.rlib"
        command = ["rustc", "--crate-type=rlib", "-g", "-o", str(compiled), str(source)]
        subprocess.run(command, check=True, cwd=ROOT)
        self.assertIn(str(home).encode(), compiled.read_bytes())
        subprocess.run([*command, f"@{folder}/paths/rustc"], check=True, cwd=ROOT)
        self.assertNotIn(str(home).encode(), compiled.read_bytes())
        self.assertNotIn(f"{ROOT}/".encode(), compiled.read_bytes())
        self.assertIn(b"crates/a", compiled.read_bytes())

    def test_the_options_are_written_once(self) -> None:
        files = [self.folder / "paths" / name for name in ("rustc", "cc")]
        subprocess.run([HERE / "paths.sh", self.folder], check=True)
        before = [path.stat().st_ino for path in files]
        subprocess.run([HERE / "paths.sh", self.folder], check=True)
        self.assertEqual([path.stat().st_ino for path in files], before)
        self.assertEqual(sorted((self.folder / "paths").iterdir()), sorted(files))

    def test_every_makefile_has_the_same_options_for_every_call(self) -> None:
        """Also a make within a make: with others, everything is built twice."""
        print_flags = "--eval=print-flags:;@echo $(RUSTFLAGS) $(CFLAGS)"
        for folder in (".", "bindings-python", "bindings-node", "bindings-kotlin", "examples/benchmarks"):
            command = ["make", "--no-print-directory", "-C", str(ROOT / folder), print_flags, "print-flags"]
            target = self.folder / "target"
            environment = {**os.environ, "CARGO_TARGET_DIR": str(target), "RUSTFLAGS": "-g", "CFLAGS": ""}
            environment.pop("MAKEFLAGS", None)
            once = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
            self.assertEqual(once, f"-g @{target}/paths/rustc @{target}/paths/cc\n", folder)
            environment |= {"RUSTFLAGS": f"-g @{target}/paths/rustc", "CFLAGS": f"@{target}/paths/cc"}
            again = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
            self.assertEqual(again, once, folder)


if __name__ == "__main__":
    unittest.main()
