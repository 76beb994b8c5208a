#!/usr/bin/env bash
# Installs, without a question, what the tests need and this machine lacks: Debian packages and the
# browser tests' npm packages. Works as root and as a user who may sudo without a password.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=()
find /usr/lib/postgresql -path '*/bin/postgres' 2>/dev/null | grep -q . || packages+=(postgresql postgresql-contrib)
command -v pdftotext >/dev/null && command -v pdftoppm >/dev/null || packages+=(poppler-utils)
if [ -f e2e/package.json ]; then
  command -v chromium >/dev/null || packages+=(chromium)
  # Without fonts a headless browser draws Cyrillic and emoji as boxes.
  [ -n "$(find /usr/share/fonts -name 'DejaVuSans.ttf' 2>/dev/null)" ] || packages+=(fonts-dejavu-core)
  [ -n "$(find /usr/share/fonts -name 'NotoColorEmoji.ttf' 2>/dev/null)" ] || packages+=(fonts-noto-color-emoji)
fi

if [ ${#packages[@]} -gt 0 ]; then
  echo "installing: ${packages[*]}"
  if ! command -v apt-get >/dev/null; then
    echo "there is no apt-get here; please install by hand: ${packages[*]}" >&2
    exit 69
  fi
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      echo "sudo asks for a password; please run: sudo apt-get install ${packages[*]}" >&2
      exit 77
    fi
    as_root=(sudo -n)
  fi
  apt=("${as_root[@]+"${as_root[@]}"}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120)
  "${apt[@]}" update -qq
  "${apt[@]}" install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
else
  echo "Debian packages: nothing missing"
fi

if [ -f e2e/package.json ]; then
  # A browser of npm's own would be a second one: the tests drive Debian's.
  export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 PUPPETEER_SKIP_DOWNLOAD=1
  npm --prefix e2e ci --no-audit --no-fund --loglevel=error
fi
