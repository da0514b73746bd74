# The commands of the project. `make demo` and `make test` need a Debian machine with Rust and a C
# compiler, and do the rest of the set-up themselves.

.PHONY: demo test lint build fmt clean conformance mutants all-mutants coverage \
  model models tsan fuzz death notice hostile shortage hammer memcheck asan soak bench

demo: ; @demo/run.sh
test: ; @ci/test.sh
lint: ; @ci/lint.sh
build: ; @ci/setup.sh && cargo build --workspace --release --locked
fmt: ; cargo fmt --all
clean: ; cargo clean && rm -rf build

# --- How good the tests are

# Writes docs/conformance.md.
conformance: ; @cargo run --quiet --locked --package vdi-conformance -- report
# Breaks the library as conformance/mutants lists, and expects the named tests to fail: a quarter of an hour.
mutants: ; @ci/programs.sh && cargo run --quiet --locked --package vdi-conformance -- mutants
# Breaks client, server, protocol and queue in every way that cargo-mutants knows: hours.
all-mutants: ; @ci/all-mutants.sh
# Lines and branches of src and sqlvdi that the tests reach: 5 minutes.
coverage: ; @ci/coverage.sh

# --- Longer loops; docs/reliability.md says what each shows

# Random calls against a model of the specification, random data.
model: ; @PROPTEST_CASES=10000 cargo test --locked --release --test model -- --nocapture
# Every order of the threads of small scenes, random orders of whole operations, and faults that the
# models must notice: 5 minutes.
models: ; @ci/models.sh
# Unit tests and C tests under ThreadSanitizer.
tsan: ; @ci/tsan.sh
# Any bytes as messages, streams, shared memory and calls: T seconds in all, shared by the targets.
fuzz: ; @ci/fuzz.sh $(or $(T),600)
# Ends each process of a set at each of its points, in every way, and at many random moments: 4 minutes.
death: ; @ci/death.sh
# How soon the death of a peer is noticed, beside the hang-up of a bare socket: half a minute.
notice: ; @ci/programs.sh && VDI_TEST_SECONDS=600 VDI_TEST_FULL=1 VDI_TEST_ROUNDS=200 build/c-tests/test_notice
# Hostile peers, with new seeds each time: 10 minutes.
hostile: ; @ci/hostile.sh
# Fails every system call in turn, with every error that it can have: 10 minutes.
shortage: ; @ci/shortage.sh
# Many threads call everything at once with the same handles, for some minutes.
hammer: ; @ci/programs.sh && VDI_TEST_ROUNDS=10000 VDI_TEST_SECONDS=3600 build/c-tests/test_hammer
# The C and Python tests under valgrind: half an hour.
memcheck: ; @ci/memcheck.sh
# All tests of the library with AddressSanitizer and UndefinedBehaviorSanitizer, by nightly Rust: a quarter of an hour.
asan: ; @ci/asan.sh
# Sets created, used, aborted, closed and killed at random for T minutes; VDI_TEST_SEED repeats the plans.
soak: ; @ci/programs.sh && VDI_SOAK_SECONDS=$$(($(or $(T),30) * 60)) VDI_TEST_SECONDS=$$(($(or $(T),30) * 60 + 300)) build/c-tests/test_soak

# --- How fast

# libvdi beside its alternatives and the limits of the machine; writes docs/performance.md: 6 minutes on a
# quiet machine. QUICK=1 looks at counters and digests only: a minute. ARGS: see vdi-bench --help.
bench: ; @ci/bench.sh $(if $(QUICK),quick) $(ARGS)
