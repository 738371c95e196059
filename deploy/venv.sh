#!/bin/sh
# Make $VENV and install one requirements file into it, unless it holds just that already.
# Usage: deploy/venv.sh requirements-core.txt|requirements.txt
set -eu
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
wanted=$1
python=${PYTHON:-python3}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "error: Python 3.11 or newer is needed; install python3, or name one with PYTHON=..." >&2
    exit 1
fi

version=$("$python" -V)
# The stamp is the content it was installed from. requirements.txt takes requirements-core.txt in.
stamp="$venv/.installed-$wanted"
content=$({ echo "$version"; cat requirements-core.txt "$wanted" deploy/constraints.txt; } | cksum)

# Two makes at once would write into the same folder; the second one waits and then finds it done.
exec 9>"$venv.lock"
flock 9
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$content" ] && exit 0

# Anew when there is none, when it was made by another Python, or when it does not run (an interrupted start).
if [ "$(cat "$venv/.python" 2>/dev/null)" != "$version" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    "$python" -m venv --clear "$venv" || {
        echo "error: cannot make $venv; on Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    }
    echo "$version" >"$venv/.python"
fi
echo "installing $wanted into $venv (some minutes the first time)" >&2
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    -r "$wanted" -c deploy/constraints.txt 9>&-
echo "$content" >"$stamp"
