#!/bin/sh
# See that the browser tests find a Chromium: ORION_TEST_CHROMIUM, one of the system's, or one installed now.
# The shell without windows comes first: the same engine, and a page in it costs a third.
set -eu

there() {
    for name; do
        command -v "$name" >/dev/null && return 0
    done
    return 1
}

install() {
    apt-get install -y -qq -o Acquire::Retries=5 --no-install-recommends "$1" >/dev/null 2>&1
}

there ${ORION_TEST_CHROMIUM:-} chromium-headless-shell && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing Chromium for the browser tests"
    { apt-get update -qq -o Acquire::Retries=5 && install chromium-headless-shell; } && exit 0
    there chromium chromium-browser google-chrome || install chromium && exit 0
fi
there chromium chromium-browser google-chrome && exit 0
echo "No Chromium found: the browser tests will fail. Install one:  sudo apt-get install chromium" >&2
