# make demo   runs the main job against the bundled emulator, in every language
# make test   runs everything that must pass
# make help   lists the rest

.DEFAULT_GOAL := help
.PHONY: help demo test lint fmt bench fuzz soak size audit emulator parity clean check test-rust test-packaging \
	test-python test-node test-kotlin test-swift demo-rust demo-python demo-node demo-kotlin

include core/packaging/paths.mk

# What is installed by `make`, where it is missing.
CARGO_DENY := cargo-deny@0.20.2
CARGO_FUZZ := cargo-fuzz@0.13.2

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

demo: check demo-rust demo-python demo-node demo-kotlin ## the main job against the emulator, in every language

demo-rust:
	cargo run --quiet -p payamak-examples --bin demo

demo-python:
	$(MAKE) -C bindings-python demo

demo-node:
	$(MAKE) -C bindings-node demo

demo-kotlin:
	$(MAKE) -C bindings-kotlin demo

test: check lint test-rust parity test-packaging test-python test-node test-kotlin test-swift ## everything that must pass

test-rust: ## core, emulator and examples in Rust
	cargo test --workspace

test-packaging: ## what goes into every package: notices, SBOM, crates, and no path of this machine
	python3 -m unittest discover --start-directory core/packaging --buffer

test-python: ## the wheel, installed and tried
	$(MAKE) -C bindings-python test

test-node: ## the npm package, installed and tried
	$(MAKE) -C bindings-node test

test-kotlin: ## the Kotlin library on the JVM
	$(MAKE) -C bindings-kotlin test-kotlin

test-swift: ## the Swift package; sets up its toolchain outside the checkout
	$(MAKE) -C bindings-kotlin test-swift

lint: ## formatting and clippy, warnings being errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

fmt: ## formats the Rust code
	cargo fmt --all

parity: ## every operation in every language, as a table without a hole
	python3 core/conformance/parity.py

bench: check ## payamak beside its peers, every number of it; half an hour
	$(MAKE) -C examples/benchmarks bench

fuzz: ## SECONDS (600) of fuzzing of TARGET, or of every target
	@cargo fuzz --version >/dev/null 2>&1 || { echo "cargo-fuzz is missing: cargo install --locked $(CARGO_FUZZ)" >&2; exit 1; }
	@c++ --version >/dev/null 2>&1 || { echo "a C++ compiler is missing: libFuzzer is built from source" >&2; exit 1; }
	cd core && for target in $(or $(TARGET),$$(cargo fuzz list)); do \
		cargo fuzz run -s none $$target -- -max_total_time=$(or $(SECONDS),600) -max_len=8192 || exit 1; done

soak: ## 1,000,000 sends through random faults; a quarter of an hour
	cargo test -p payamak --test soak -- --ignored --nocapture

size: ## how large the library for apps is
	$(MAKE) -C bindings-kotlin size

audit: ## advisories, licences, bans and sources of the dependencies; core/packaging/audit.py says what it takes
	@cargo deny --version >/dev/null 2>&1 || cargo install --locked $(CARGO_DENY)
	@python3 core/packaging/audit.py

emulator: ## the program payamak-emulator as it is given away, into dist/
	cargo build --locked --release -p payamak-emulator
	rm -rf dist/payamak-emulator && mkdir -p dist/payamak-emulator
	cp '$(built)/$(if $(CARGO_BUILD_TARGET),$(CARGO_BUILD_TARGET)/)release/payamak-emulator' LICENSE dist/payamak-emulator/
	python3 core/packaging/notices.py --package payamak-emulator --purl pkg:generic/payamak-emulator \
		$(if $(CARGO_BUILD_TARGET),--target $(CARGO_BUILD_TARGET)) \
		--notices dist/payamak-emulator/THIRD-PARTY-NOTICES.txt --sbom dist/payamak-emulator/payamak-emulator.cdx.json
	python3 core/packaging/check_artifact.py dist/payamak-emulator \
		--holds payamak-emulator --holds LICENSE --holds THIRD-PARTY-NOTICES.txt --holds payamak-emulator.cdx.json

# What is made after this by the same call of make finds its options again.
clean: ## everything that was built
	cargo clean
	rm -rf dist
	$(write_paths)
	$(MAKE) -C bindings-python clean
	$(MAKE) -C bindings-node clean
	$(MAKE) -C bindings-kotlin clean

check: ## whether the toolchains are there, and new enough
	@missing=; lacks() { missing="$$missing $$1"; }; \
	cargo --version >/dev/null 2>&1 || lacks "Rust(cargo)"; \
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || lacks "Python-3.10(python3)"; \
	node -e 'process.exit(process.versions.node.split(".")[0] < 18 ? 1 : 0)' 2>/dev/null || lacks "Node-18(node)"; \
	npm --version >/dev/null 2>&1 || lacks "npm"; \
	javac --version >/dev/null 2>&1 || lacks "JDK-17(javac)"; \
	mvn --version >/dev/null 2>&1 || lacks "Maven(mvn)"; \
	if [ -n "$$missing" ]; then echo "payamak needs, and this machine lacks:$$missing" >&2; exit 1; fi
