#!/bin/sh
# See that the browser tests find axe-core, the accessibility checker: ORION_TEST_AXE, or one installed now through npm.
set -eu

folder=${ORION_AXE_FOLDER:-build/axe}
found=${ORION_TEST_AXE:-$folder/node_modules/axe-core/axe.min.js}

[ -f "$found" ] && exit 0
if ! command -v npm >/dev/null; then
    echo "No npm found: the accessibility tests are skipped. Install it:  sudo apt-get install npm" >&2
    exit 0
fi
mkdir -p "$folder"
npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts --prefix "$folder" axe-core@4.14.1 >/dev/null ||
    echo "axe-core could not be installed: the accessibility tests are skipped." >&2
