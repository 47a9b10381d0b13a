# make demo   build, then run a container from the machine's own files, with no network
# make test   install what the tests need, run every test
# make check  format, lints, types, stubs, import directions
# make fuzz   every fuzz target, of Rust and of Python, for FUZZ_SECONDS (default 600) each
# make deny   licences and advisories of the crates
# make msrv   the crates with the oldest compiler that is supported (root, on Debian)
# make bench  libpod beside its peers on this machine; writes docs/benchmarks.md

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
SOURCES := $(shell git ls-files rust python build_backend wheel.data Cargo.toml Cargo.lock pyproject.toml 2>/dev/null)

.PHONY: demo test test-rust test-python check bench fuzz deny msrv install clean test-packages

# One real install of the wheel, as a user gets it; made again when a source is newer.
install: $(VENV)/installed

$(VENV)/installed: $(SOURCES)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[test,check]'
	@touch $@

demo: install
	PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/demo.sh

# Peers and tools that the lanes need. Debian and Ubuntu only; elsewhere the lanes say what they miss and are skipped.
TEST_PACKAGES := busybox-static podman runc conmon skopeo buildah umoci docker-registry apache2-utils netavark catatonit \
	containernetworking-plugins iptables debootstrap iproute2 nftables curl openssl python3-seccomp libseccomp-dev xz-utils bzip2 \
	zstd attr libcap2-bin uidmap

test-packages:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  missing=$$(for p in $(TEST_PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done); \
	  if [ -n "$$missing" ]; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	  fi; \
	else echo "not root on Debian: the lanes that need a peer will be skipped"; fi

test: test-packages test-rust test-python

test-rust: test-packages
	cargo test --locked --workspace --quiet

# Commands of other users write what they covered, too.
COVERED := target/coverage
COVERAGE := $(BIN)/python -m coverage

test-python: install test-packages
	rm -rf $(COVERED) && mkdir -p $(COVERED) && chmod 1777 $(COVERED)
	$(COVERAGE) run -m pytest
	$(COVERAGE) combine --quiet
	$(COVERAGE) report
	$(COVERAGE) report --include='*/container/*,*/image/*,*/network/*,*/volume/*' --omit='*/cli/*' --fail-under=85 | tail -1

check: install
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd / && $(CURDIR)/$(BIN)/python -m mypy.stubtest libpod._core
	$(BIN)/python -m pytest -q tests/unit/test_import_direction.py

bench: install test-packages
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[bench]'
	$(BIN)/python benches/run.py

# libFuzzer's coverage needs unstable compiler flags, which RUSTC_BOOTSTRAP allows on a stable compiler.
FUZZ_SECONDS ?= 600
FUZZ_TARGETS := $(patsubst rust/fuzz/fuzz_targets/%.rs,%,$(wildcard rust/fuzz/fuzz_targets/*.rs))
FUZZ := RUSTC_BOOTSTRAP=1 cargo fuzz
FUZZ_FLAGS := --fuzz-dir rust/fuzz --features libfuzzer --sanitizer none

fuzz: install
	command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
	$(FUZZ) build $(FUZZ_FLAGS)
	set -e; for target in $(FUZZ_TARGETS); do \
	  mkdir -p target/fuzz-corpus/$$target; \
	  $(FUZZ) run $(FUZZ_FLAGS) $$target target/fuzz-corpus/$$target rust/fuzz/corpus/$$target \
	    -- -max_total_time=$(FUZZ_SECONDS) -timeout=20 -print_final_stats=1; \
	done
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '.[fuzz]'
	set -e; for target in $(notdir $(wildcard tests/fuzz/corpus/*)); do \
	  mkdir -p target/fuzz-corpus/python/$$target; \
	  $(BIN)/python -m tests.fuzz $$target target/fuzz-corpus/python/$$target tests/fuzz/corpus/$$target \
	    -max_total_time=$(FUZZ_SECONDS) -timeout=20 -print_final_stats=1; \
	done

DENY_CHECKS ?= advisories bans licenses sources

deny:
	command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny --locked check $(DENY_CHECKS)

msrv: install
	$(BIN)/python -m tests.support.oldest

clean:
	rm -rf $(VENV) target dist
