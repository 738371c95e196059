from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from data_layer.runtime import downgrade, restore
from data_layer.runtime.home import Home
from data_layer.runtime.services import Services
from data_layer.settings import REMEMBERED, ROOT
from models.errors import ConfigError

REQUIREMENTS = [ROOT / "requirements-core.txt", ROOT / "requirements.txt"]
TARGETS = (
    "run", "stop", "status", "test", "lint", "faults", "verify", "help", "bench", "export", "quarantine", "accept",
    "quality-report", "data-docs", "backfill", "backtest", "sweep", "assess", "train", "predict", "models", "promote",
    "rollback", "mlflow", "approve", "revoke", "adopt", "soak", "deposit", "withdraw", "reset-account", "kill",
    "rearm", "limits", "evaluate-models", "report", "verify-audit", "paper-run", "backup", "restore", "downgrade",
    "logs", "env", "replay", "packages", "rotate-keys",
)  # fmt: skip


def run(*command, told=None, **environment):
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120, input=told,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MAKEFLAGS": "", "MAKELEVEL": "", **environment},
    )  # fmt: skip


def requirement_lines(path):
    return [line for line in path.read_text().splitlines() if line and not line.startswith(("#", "-r"))]


def test_help_lists_every_target():
    listed = {line.split()[0] for line in run("make", "help").stdout.splitlines()}
    assert listed == set(TARGETS)


def test_the_head_of_the_makefile_names_what_targets_ask_for():
    head, _, targets = (ROOT / "Makefile").read_text().partition("VENV ?=")
    listed = re.findall(r"\b[A-Z][A-Z_]+\b", head.partition("below names:")[2])
    own = {*re.findall(r"[A-Z_]{2,}(?==)", " ".join(re.findall("## (.*)", targets))), "SESSION"} - set(REMEMBERED)
    assert listed == sorted(listed) and set(listed) - set(REMEMBERED) == own - {"DATABASE_URL", "REDIS_URL", "DRY_RUN"}


def test_a_value_on_the_command_line_arrives_as_it_was_typed(tmp_path):
    """make reads $5 as a variable of its own: a password, or a reason that goes on record, would lose it."""
    (tmp_path / "Makefile").write_text(f"include {ROOT}/Makefile\nspoken:\n\t@printenv REASON\n")
    said = "lost $500 # and $(shell echo more), 50% of 'it'"
    assert run("make", "-f", str(tmp_path / "Makefile"), "spoken", f"REASON={said}").stdout == said + "\n"


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda p: p.name)
def test_every_requirement_is_pinned_and_says_what_for(path):
    for line in requirement_lines(path):
        assert re.fullmatch(r"[\w.-]+(\[\w+\])?==[\w.]+  # .{4,}", line), line


def test_constraints_agree_with_the_requirements():
    def name(text):
        return re.sub(r"[-_.]+", "-", text.split("[")[0]).lower()

    lines = [line for line in (ROOT / "deploy" / "constraints.txt").read_text().splitlines() if "==" in line]
    pinned = {name(line.split("==")[0]): line.split("==")[1] for line in lines}
    for path in REQUIREMENTS:
        for line in requirement_lines(path):
            package, version = line.split("  #")[0].split("==")
            assert pinned[name(package)] == version
    # What they bring along as well: all that stands beside this test, the installer itself left out.
    beside = {name(d.metadata["Name"]) for d in distributions()} - {"pip", "setuptools", "wheel"}
    assert beside - pinned.keys() == set()


@pytest.mark.parametrize("program", ["airflow", "psql"])
def test_wrapper_without_an_environment_says_what_to_do(program, tmp_path):
    done = run(str(ROOT / "bin" / program), VENV=str(tmp_path))
    assert done.returncode == 1
    assert "run make run first" in done.stderr


MISTAKES = [
    ("run", {"SOURCE": "nonsense"}, "unknown source"),
    ("run", {"START": "2013-01-02", "END": "2012-01-03"}, "START lies after END"),
    ("run", {"SYMBOLS": "../x"}, "malformed symbol"),
    ("run", {"AIRFLOW_PORT": "80"}, "not a port"),
    ("run", {"END": "1999-01-04"}, "between START and END"),
    ("verify", {}, "never started"),
    ("verify_audit", {}, "never started"),
    ("backup", {}, "name one: OUT=folder"),
    ("backup", {"OUT": "backup"}, "never started"),
    ("restore", {}, "name one: FROM=folder"),
    ("downgrade", {"TO": "0041"}, "never started"),
    ("plugins.replay.run", {"DATE": "2012-06-01"}, "never started"),
    ("plugins.replay.run", {}, "no session is named"),
    ("plugins.replay.run", {"DATE": "soon"}, "not a date"),
    ("quarantine", {}, "never started"),
    ("accept", {"SESSION": "2005-03-10", "REASON": "halted"}, "never started"),
    ("accept", {"SESSION": "soon", "REASON": "halted"}, "not a date"),
    ("plugins.execution.kill", {"REASON": "no trust"}, "never started"),
    ("rotate", {}, "never started"),
    ("rearm", {"REASON": "mended"}, "never started"),
    ("limits", {}, "never started"),
    ("logs", {}, "no task has run here"),
    ("logs", {"SESSION": "soon"}, "not a date"),
    ("limits", {"LIMIT": "max_position", "VALUE": "much"}, "not a number"),
    ("data_docs", {}, "never started"),
    ("quality_report", {"OUT": "report"}, "never started"),
    ("quality_report", {}, "name one: OUT=report"),
    ("psql_cli", {}, "Postgres does not run"),
    ("mlflow_page", {}, "no training run is tracked"),
    ("mlflow_page", {"MLFLOW_TRACKING_URI": "http://me:secret@host"}, "no user or password in a URL"),
]
# Each command in a process of its own, forked from one that has imported what takes them longest; not ours, which
# reads the environment.
FORKING = """
import json, os, runpy, sys, traceback
import exchange_calendars, pandas, psycopg, pyarrow
for name, variables in json.load(sys.stdin):
    kept = [os.memfd_create("out"), os.memfd_create("err")]
    child = os.fork()
    if not child:
        os.environ.update(variables)
        os.dup2(kept[0], 1), os.dup2(kept[1], 2)
        sys.argv, status = [name], 0
        try:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
            print(end.code if isinstance(end.code, str) else "", end="", file=sys.stderr)
        except BaseException:
            traceback.print_exc()
            status = 1
        sys.stdout.flush()
        os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps([status, *(os.pread(f, 1 << 20, 0).decode() for f in kept)]), flush=True)
"""


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory):
    """What each of MISTAKES came to: its home, exit status, and what it said on stdout and stderr."""
    folder = tmp_path_factory.mktemp("homes")
    commands = []
    for number, (module, variables, _) in enumerate(MISTAKES):
        name = module if "." in module else f"data_layer.runtime.{module}"
        commands.append([name, {"ALMANAC_HOME": str(folder / str(number)), **variables}])
    done = run(sys.executable, "-c", FORKING, told=json.dumps(commands))
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(said) == len(MISTAKES), done.stderr
    return [(folder / str(number), *one) for number, one in enumerate(said)]


@pytest.mark.parametrize("number", range(len(MISTAKES)), ids=lambda n: "-".join([MISTAKES[n][0], *MISTAKES[n][1]]))
def test_mistake_is_one_clear_line_and_a_failure(mistaken, number):
    home, status, out, err = mistaken[number]
    assert status == 1, err
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert MISTAKES[number][2] in err
    assert "Traceback" not in err
    assert not (home / "settings.json").exists()
    assert not (home / "pgdata").exists()


def test_stop_and_status_without_a_home(tmp_path):
    home = str(tmp_path / "home")
    assert run(sys.executable, "-m", "data_layer.runtime.stop", ALMANAC_HOME=home).returncode == 0
    assert run(sys.executable, "-m", "data_layer.runtime.status", ALMANAC_HOME=home).returncode == 1
    assert not Path(home).exists()


def test_preload_brings_libraries_but_nothing_of_ours(tmp_path):
    """numba's registries and scipy, which loading the first kernel asks for, and no thread, which a fork would lose."""
    code = (
        "import sys, threading, data_layer.runtime.preload\n"
        "ours = [m for m in sys.modules if m.split('.')[0] in {'data_layer', 'models', 'plugins'}]\n"
        "there = {'numba.np.arraymath', 'scipy.linalg', 'pandas', 'great_expectations'} <= set(sys.modules)\n"
        "print(there, threading.active_count(), *sorted(ours))\n"
    )
    done = run(sys.executable, "-c", code, AIRFLOW_HOME=str(tmp_path))
    ours = "data_layer data_layer.runtime data_layer.runtime.preload"
    assert done.stdout == f"True 1 {ours}\n", done.stderr


@pytest.mark.parametrize(("command", "given"), [(restore, {"FROM": "backup"}), (downgrade, {"TO": "0041"})])
def test_a_database_is_not_taken_from_under_services_that_run(command, given, tmp_path, monkeypatch):
    Home(tmp_path / "home").settle_ports()
    for name, value in {"ALMANAC_HOME": str(tmp_path / "home"), **given}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Services, "states", lambda self: {"scheduler": "RUNNING"})
    with pytest.raises(ConfigError, match=r"services run in this home.*make stop"):
        command.main()
    assert not (tmp_path / "home" / "pgdata").exists()
