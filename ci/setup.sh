#!/usr/bin/env bash
# Installs what the tests and the demo need beside Rust and a C compiler. Silent when all is there.
set -euo pipefail

command -v cargo >/dev/null || {
  echo "setup: Rust is missing: install rustup's stable toolchain, so that 'cargo' is on the PATH" >&2
  exit 1
}

# command:package
needed=(cc:gcc c++:g++ g++:g++ clang++:clang cmake:cmake pkg-config:pkg-config python3:python3 patch:patch)
packages=()
for entry in "${needed[@]}"; do
  command -v "${entry%%:*}" >/dev/null || packages+=("${entry##*:}")
done
[ ${#packages[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "setup: missing: ${packages[*]}. Install these packages, or run this as root on Debian" >&2
  exit 1
fi
echo "setup: installing ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
