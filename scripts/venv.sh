#!/bin/sh
# Build the environment of a make target: venv.sh FOLDER EXTRAS, with any Python from 3.11 on.
set -eu

folder=$1
extras=$2

fits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if command -v "$name" >/dev/null && fits "$name"; then
            echo "$name"
            return
        fi
    done
    echo "orion needs Python 3.11 or newer; none was found. Install one, or name it: make PYTHON=/path/to/python3" >&2
    exit 1
}

apt() {
    apt-get "$@" -y -qq -o Acquire::Retries=5
}

# Debian ships Python without ensurepip; its package brings it.
ensure_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt update && { apt install "$package" || apt install python3-venv; } >/dev/null
    else
        echo "This Python has no ensurepip. Run this once, then make again:  sudo apt-get install $package" >&2
        exit 1
    fi
}

python=$(find_python)
if ! [ -x "$folder/bin/python" ] || ! fits "$folder/bin/python"; then
    ensure_venv "$python"
    echo "building $folder with $("$python" -V)"
    "$python" -m venv --clear "$folder"
fi
echo "installing orion${extras:+ with $extras}; the first time takes a minute"
"$folder/bin/python" -m pip install -q --disable-pip-version-check -e ".${extras:+[$extras]}"
