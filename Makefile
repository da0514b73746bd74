# The commands of the project. `make demo` and `make test` need a Debian machine with Rust and a C
# compiler, and do the rest of the set-up themselves.

.PHONY: demo test lint build fmt clean

demo: ; @demo/run.sh
test: ; @ci/test.sh
lint: ; @ci/lint.sh
build: ; @ci/setup.sh && cargo build --workspace --release --locked
fmt: ; cargo fmt --all
clean: ; cargo clean && rm -rf build
