#!/usr/bin/env bash
# Runs a command beside a private PostgreSQL server and leaves nothing behind.
#
#   scripts/with-postgres.sh [--durable] COMMAND [ARGUMENT…]
#
# The server listens on a free port of 127.0.0.1 only, keeps its data in a temporary folder and takes
# any user without a password. The command finds it in TEST_POSTGRES_URL.
# --durable keeps fsync on, for measurements; tests do without, their data has no future.
# Exit status: the command's own; 69 when there is no server to start.
set -uo pipefail

durable=no
if [ "${1:-}" = --durable ]; then
  durable=yes
  shift
fi
if [ $# -eq 0 ]; then
  sed -n '2,8p' "$0" | cut -c3- >&2
  exit 64
fi

say() { printf 'with-postgres: %s\n' "$*" >&2; }

bin=$(find /usr/lib/postgresql /usr/local/lib/postgresql /opt/homebrew/opt -maxdepth 3 -name postgres -path '*/bin/*' 2>/dev/null |
  sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(command -v postgres || true)
if [ -z "$bin" ]; then
  say "no PostgreSQL server found; install it with: apt-get install postgresql"
  exit 69
fi
bin=$(dirname "$bin")

# PostgreSQL refuses to run as root, so root lends the server Debian's own account.
# The server is tied to this script's life: even kill -9 of the script takes it down.
as_server=()
if command -v setpriv >/dev/null 2>&1; then
  as_server=(setpriv)
  [ "$(id -u)" -ne 0 ] || as_server+=(--reuid=postgres --regid=postgres --init-groups)
  bound_server=("${as_server[@]}" --pdeathsig INT)
  [ "$(id -u)" -eq 0 ] || as_server=()
elif [ "$(id -u)" -eq 0 ]; then
  as_server=(runuser -u postgres --)
  bound_server=("${as_server[@]}")
else
  bound_server=()
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/voronka-postgres.XXXXXX") || exit 73
server=
command_group=

# shellcheck disable=SC2317  # reached through the trap
clean_up() {
  trap '' INT TERM HUP
  if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
    kill -INT "$server" 2>/dev/null
    for _ in $(seq 100); do
      kill -0 "$server" 2>/dev/null || break
      sleep 0.1
    done
    kill -QUIT "$server" 2>/dev/null
    wait "$server" 2>/dev/null
  fi
  rm -rf "$folder"
}
# shellcheck disable=SC2317
interrupted() { # signal name, exit status
  trap '' INT TERM HUP
  if [ -n "$command_group" ]; then
    kill "-$1" -- "-$command_group" 2>/dev/null
    wait "$command_group" 2>/dev/null
  fi
  exit "$2"
}
trap clean_up EXIT
trap 'interrupted INT 130' INT
trap 'interrupted TERM 143' TERM
trap 'interrupted HUP 129' HUP

[ "$(id -u)" -ne 0 ] || chown postgres "$folder"
cd "$folder" || exit 73
if ! "${as_server[@]+"${as_server[@]}"}" "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 \
  --no-sync >"$folder/initdb.log" 2>&1; then
  say "initdb failed:"
  cat "$folder/initdb.log" >&2
  exit 69
fi

settings=(-c listen_addresses=127.0.0.1 -c "unix_socket_directories=$folder" -c max_connections=300
  -c shared_buffers=128MB -c log_min_messages=warning -c log_checkpoints=off)
[ $durable = yes ] || settings+=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off)

# A port may be taken between the choice and the start, so a few are tried. They lie under the range
# that the kernel hands out to clients.
for _ in 1 2 3 4 5 6; do
  port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
  "${bound_server[@]+"${bound_server[@]}"}" "$bin/postgres" -D "$folder/data" -p "$port" "${settings[@]}" \
    >"$folder/server.log" 2>&1 </dev/null &
  server=$!
  ready=no
  for _ in $(seq 300); do
    if "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"; then ready=yes; break; fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  # Someone else's server may answer on a port that ours could not take.
  if [ $ready = yes ] && kill -0 "$server" 2>/dev/null && [ -S "$folder/.s.PGSQL.$port" ]; then break; fi
  kill -QUIT "$server" 2>/dev/null
  wait "$server" 2>/dev/null
  server=
done
if [ -z "$server" ]; then
  say "the server did not start:"
  tail -n 20 "$folder/server.log" >&2
  exit 69
fi
cd "$OLDPWD" || exit 73
export TEST_POSTGRES_URL="postgres://postgres@127.0.0.1:$port/postgres"

# The command gets a process group of its own: a signal to this script reaches all of it at once.
set -m
"$@" <&0 &
command_group=$!
set +m
wait "$command_group"
status=$?
command_group=
exit "$status"
