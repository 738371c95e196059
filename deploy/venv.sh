#!/bin/sh
# Make $VENV and install one requirements file into it, unless it holds just that already.
# Usage: deploy/venv.sh requirements-core.txt|requirements.txt
set -eu
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
wanted=$1
python=${PYTHON:-python3}

# Two makes at once would write into the same folder; the second one waits and then finds it done.
exec 9<deploy/venv.sh
flock 9

# An interpreter that does not run, or finds no pip of its own, is a start that was interrupted, or a system
# Python that has been replaced since.
if ! "$venv/bin/python" -c "import pip" 2>/dev/null; then
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "error: Python 3.11 or newer is needed; install python3, or name one with PYTHON=..." >&2
        exit 1
    fi
    "$python" -m venv --clear "$venv" || {
        echo "error: cannot make $venv; on Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    }
fi

# A stamp is the content a file was installed from.
content() {
    { "$venv/bin/python" -V; cat "$1" deploy/constraints.txt; } | cksum
}
is_installed() {
    [ "$(cat "$venv/.installed-$1" 2>/dev/null)" = "$(content "$1")" ]
}
is_installed "$wanted" && is_installed requirements-core.txt && exit 0

echo "installing $wanted into $venv (some minutes the first time)" >&2
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    -r "$wanted" -c deploy/constraints.txt
# requirements.txt takes requirements-core.txt in.
content requirements-core.txt >"$venv/.installed-requirements-core.txt"
content "$wanted" >"$venv/.installed-$wanted"
