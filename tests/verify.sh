#!/usr/bin/env bash
# Everything that must hold before a change lands: format, lint, types, import directions, unused code,
# and every test, in a real browser where a page is concerned. Installs what the tests need.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n\033[1m== %s\033[0m\n' "$1"; }

need_debian() {
  local missing=()
  command -v ffmpeg >/dev/null || missing+=(ffmpeg)
  command -v chromium >/dev/null || missing+=(chromium)
  command -v espeak-ng >/dev/null || missing+=(espeak-ng)
  [ -e /usr/lib/x86_64-linux-gnu/libvulkan.so.1 ] || [ "$(uname -m)" != x86_64 ] || missing+=(libvulkan1)
  # Servers and players that nobody here wrote.
  [ -x /usr/bin/turnserver ] || missing+=(coturn)
  command -v janus >/dev/null || missing+=(janus)
  local package
  for package in python3-gst-1.0 gir1.2-gst-plugins-bad-1.0 gstreamer1.0-nice gstreamer1.0-plugins-good \
    gstreamer1.0-plugins-bad gstreamer1.0-libav; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local as_root=(); [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  command -v apt-get >/dev/null || {
    echo "verify: please install ${missing[*]} (no apt-get on this machine)" >&2; exit 1; }
  say "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -q
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}"
}

need_debian
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

say "format, lint, types, import directions, unused code"
npm run -s check
say "clients"
npm run -s build
say "tests"
npm run -s test -- --reporter=default --reporter=json --outputFile.json="$results/vitest.json"
say "training tests"
bash training/run test --junitxml "$results/pytest.xml"

say "verified"
node tests/count.ts "$results/vitest.json" "$results/pytest.xml"
