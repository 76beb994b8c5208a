#!/usr/bin/env bash
# All the tests, as `make test` and CI run them. Every step prints its time; a failing step does not stop
# the others. The last line is "N passed, N failed", added up over all test runners. A step that fails
# without naming a failed test (formatting, a lint, a build) counts as one failure.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
export CARGO_TERM_PROGRESS_WHEN=never
# What makes a second build quicker makes the first one slower.
[ -d target/debug ] || export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0}
logs=target/test-logs
mkdir -p "$logs"
rm -f "$logs"/*.log

passed=0 failed=0 not_run=0
summary=()
started=$SECONDS

# Adds a log's counts to the totals and leaves the number of its failed tests in `failures`.
# Understands cargo's harness ("test result: ok. 3 passed; 0 failed; 1 ignored; …") and Node's runner
# ("# pass 3", or "ℹ pass 3" from its other reporter).
count() { # log
  local ok skipped
  read -r ok failures skipped < <(awk '
    /^test result: /{ for (i = 2; i <= NF; i++) { if ($i ~ /^passed;/) p += $(i-1); if ($i ~ /^failed;/) f += $(i-1); if ($i ~ /^ignored;/) s += $(i-1) } }
    /^(#|ℹ) (pass|fail|cancelled|skipped|todo) [0-9]+$/{ if ($2 == "pass") p += $3; else if ($2 == "fail" || $2 == "cancelled") f += $3; else s += $3 }
    END { print p + 0, f + 0, s + 0 }' "$1")
  passed=$((passed + ok)) failed=$((failed + failures)) not_run=$((not_run + skipped))
}

step() { # name, command…
  local name=$1 log begun=$SECONDS status verdict failures=0
  shift
  log=$logs/${name//[^a-z0-9]/-}.log
  printf '\n── %s\n' "$name"
  "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  count "$log"
  if [ "$status" -ne 0 ] && [ "$failures" -eq 0 ]; then failed=$((failed + 1)); fi
  verdict=ok
  [ "$status" -eq 0 ] || verdict="FAILED (status $status)"
  printf '── %s: %s, %d s\n' "$name" "$verdict" $((SECONDS - begun))
  summary+=("$(printf '%5d s  %-28s %s' $((SECONDS - begun)) "$name" "$verdict")")
  return "$status"
}

step "install tools" scripts/install-test-tools.sh
step "format" cargo fmt --all --check
step "lints" cargo clippy --locked --workspace --all-targets -- -D warnings
step "dependencies" scripts/audit.sh
# One build for all: the tests and, in target/debug, the programs that integration and browser tests start. Built on their
# own the programs would share fewer features with the tests, and half of the dependencies would be compiled twice.
if step "build" cargo test --locked --workspace --no-run; then
  step "rust tests" scripts/with-postgres.sh cargo test --locked --workspace --no-fail-fast
  if [ -f e2e/package.json ]; then
    step "browser tests" env VORONKA_BIN_DIR="$PWD/target/debug" CHROMIUM_PATH="$(command -v chromium)" \
      scripts/with-postgres.sh npm --prefix e2e test
  fi
fi

printf '\n── summary, %d s in all (logs in %s)\n' $((SECONDS - started)) "$logs"
printf '%s\n' "${summary[@]}"
if grep -q 'NOT CHECKED' "$logs/dependencies.log"; then grep 'NOT CHECKED' "$logs/dependencies.log"; fi
if [ "$not_run" -gt 0 ]; then echo "$not_run not run (ignored, skipped or to do)"; fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
