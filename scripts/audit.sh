#!/usr/bin/env bash
# Asks cargo-deny what may enter the dependency tree (deny.toml): licences, banned crates, sources and
# known advisories. cargo-deny is built once into target/tools when it is missing (under a minute on
# two cores, because an unoptimised build is enough for it).
# The advisories live in a git repository on github.com. Where that cannot be reached and no copy is
# on the machine, the last line says NOT CHECKED and the rest still counts.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
tools=$PWD/target/tools
export PATH=$PATH:$tools/bin
if ! cargo deny --version >/dev/null 2>&1; then
  echo "installing cargo-deny $version into target/tools"
  CARGO_TARGET_DIR=$tools/build CARGO_PROFILE_DEV_DEBUG=0 \
    cargo install --quiet --locked --debug --root "$tools" --version "$version" cargo-deny
  rm -rf "$tools/build"
fi

cargo deny check --hide-inclusion-graph licenses bans sources

database=https://github.com/RustSec/advisory-db
if timeout 20 git ls-remote --exit-code "$database" HEAD >/dev/null 2>&1; then
  cargo deny check --hide-inclusion-graph advisories
elif compgen -G "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/advisory-db-*/crates" >/dev/null; then
  echo "advisories: $database cannot be reached; using the copy on this machine, which may be old"
  cargo deny check --hide-inclusion-graph --disable-fetch advisories
else
  echo "advisories: NOT CHECKED, $database cannot be reached from here"
fi

# The browser tests' packages, from npm's own list of advisories.
if report=$(timeout 60 npm --prefix e2e audit --audit-level=high 2>&1); then
  echo "npm audit: nothing known"
elif grep -qE 'audit endpoint returned an error|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN' <<<"$report"; then
  echo "npm audit: NOT CHECKED, the registry does not answer audits from here"
else
  echo "$report"
  exit 1
fi
