#!/bin/sh
# See that the browser tests find a Chromium: ORION_TEST_CHROMIUM, one of the system's, or one installed now.
set -eu

for name in ${ORION_TEST_CHROMIUM:-} chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing Chromium for the browser tests"
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null
else
    echo "No Chromium found: the browser tests will fail. Install one:  sudo apt-get install chromium" >&2
fi
