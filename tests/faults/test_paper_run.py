"""make paper-run as a user meets it: a session on paper, and an exit code for each way it can fail."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from data_layer.runtime.console import ends
from data_layer.runtime.postgres import embedded_postgres
from data_layer.settings import ROOT
from data_layer.storage.database import transaction
from data_layer.storage.hashes import table_hashes
from data_layer.storage.migrate import prepare_database
from plugins.paper_run import main
from tests.support.chain import run_stage, sample_settings
from tests.support.processes import Child

pytestmark = pytest.mark.faults
SAMPLE = {"SYMBOLS": "AAPL IBM MSFT", "START": "2004-01-02", "END": "2005-12-30"}
LAST = "2005-12-30"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home that holds bars; what later stages made of them is not looked at."""
    folder = tmp_path_factory.mktemp("paper") / "home"
    with embedded_postgres(folder) as server:
        prepare_database(server)
        settings = sample_settings(folder, **SAMPLE)
        run_stage(server.uri("quant_writer"), settings, "data_ingestion")
        yield server


def environment(home: Path, folder: Path, variables: dict[str, str]) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "ALMANAC_HOME": str(home),
            "OUTPUT": str(folder / "run.json"), **variables}  # fmt: skip


def told_in(folder: Path):
    output = folder / "run.json"
    return json.loads(output.read_text()) if output.exists() else {}


def paper_run(home: Path, folder: Path, **variables: str):
    """The command that make types, and what it wrote."""
    done = subprocess.run(
        [sys.executable, "-m", "plugins.paper_run"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
        env=environment(home, folder, variables),
    )  # fmt: skip
    return done, told_in(folder)


def forked_run(home: Path, folder: Path, **variables: str):
    """The same in a process forked from this one, which has imported everything."""
    said, wanted = (folder / "out", folder / "err"), environment(home, folder, variables)

    def work():
        os.environ.clear()
        os.environ.update(wanted)
        sys.stdout, sys.stderr = (path.open("w") for path in said)
        try:
            ends(main)
        except SystemExit as end:
            sys.stdout.close()
            sys.stderr.close()
            os._exit(end.code)

    code = Child(work, folder / "traceback").wait()
    return subprocess.CompletedProcess([], code, *(path.read_text() for path in said)), told_in(folder)


def test_a_session_on_paper_leaves_the_home_alone(home, tmp_path):
    with psycopg.connect(home.uri("postgres")) as owner:
        owner.execute("UPDATE risk_limits SET threshold = 0.02, reason = 'careful' WHERE name = 'max_position'")
        owner.execute("UPDATE ensemble_settings SET publish_threshold = 0.1, factor_sideways = 1, factor_bear = 1")
    with transaction(home.uri("quant_writer")) as connection:
        before = table_hashes(connection)
    done, told = paper_run(home.home.path, tmp_path, SYMBOLS="AAPL MSFT", CAPITAL="50000")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (told["status"], told["exit_code"], told["session"]) == ("completed", 0, LAST)
    assert told["symbols"] == ["AAPL", "MSFT"]
    assert [s["stage"] for s in told["stages"]] == list(told["health"]["stages"])
    assert all(s["sessions"] == 1 for s in told["stages"])
    assert told["signals"] and told["positions"]
    equity = told["account"]["equity_usd"]
    assert all(0 < abs(p["market_value_usd"]) < 0.025 * equity for p in told["positions"])  # the home's own limit
    assert 40_000 < equity < 60_000
    assert f"Equity {equity:,.2f} USD" in done.stdout
    for word in ("postgres             answers", "Signals of", "Decisions of", "Orders of", "Fills of", "Positions of"):
        assert word in done.stdout
    with transaction(home.uri("quant_writer")) as connection:
        assert table_hashes(connection) == before


def test_a_dry_run_orders_nothing(home, tmp_path):
    done, told = paper_run(home.home.path, tmp_path, DRY_RUN="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert told["dry_run"] and told["symbols"] == ["AAPL", "IBM", "MSFT"]
    sent = [o for o in told["orders"] if o["state"] not in ("planned", "resting")]  # exits of what is held rest on
    assert not sent
    assert told["capital_usd"] == 100_000


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"SYMBOLS": "AAPL MSFTX"}, "SYMBOLS='MSFTX'); did you mean MSFT"),
        ({"SYMBOLS": "../x"}, "malformed symbol"),
        ({"CAPITAL": "much"}, "CAPITAL='much'); write USD"),
        ({"CAPITAL": "0.5"}, "not an amount"),
        ({"CAPITAL": "NaN"}, "not an amount"),
        ({"DRY_RUN": "perhaps"}, "DRY_RUN='perhaps'"),
        ({"OUTPUT": "/nowhere/run.json"}, "OUTPUT='/nowhere/run.json'"),
        ({"OUTPUT": "/proc/run.json"}, "OUTPUT='/proc/run.json'"),
        ({"BENCHMARK": "IBM", "SYMBOLS": "AAPL"}, "BENCHMARK is not among the symbols"),
    ],
)
def test_a_wrong_word_is_3(home, tmp_path, variables, words):
    done, told = forked_run(home.home.path, tmp_path, **variables)
    assert done.returncode == 3, done.stdout + done.stderr
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not told or (told["exit_code"], told["status"]) == (3, "failed")


def test_postgres_away_is_1(home, tmp_path):
    away = tmp_path / "home"
    shutil.copytree(home.home.path, away, ignore=shutil.ignore_patterns("pgdata", "logs"))
    ports = json.loads((away / "ports.json").read_text())
    (away / "ports.json").write_text(json.dumps({**ports, "postgres": 9}))
    done, told = forked_run(away, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "no connection to the database" in done.stderr and "make run" in done.stderr
    assert told["exit_code"] == 1


def test_no_home_is_1(tmp_path):
    done, _ = forked_run(tmp_path / "none", tmp_path)
    assert done.returncode == 1
    assert "never started" in done.stderr


def test_a_stage_that_fails_is_2(home, tmp_path):
    """Bars of most symbols are gone from one session: the rehearsal's own quality gate stops at it."""
    with psycopg.connect(home.uri("postgres")) as owner:
        owner.execute("CREATE TABLE kept AS SELECT * FROM market_data WHERE date = '2005-12-29' AND symbol <> 'IBM'")
        owner.execute("DELETE FROM market_data WHERE date = '2005-12-29' AND symbol <> 'IBM'")
    try:
        done, told = forked_run(home.home.path, tmp_path)
    finally:
        with psycopg.connect(home.uri("postgres")) as owner:
            owner.execute("INSERT INTO market_data SELECT * FROM kept")
            owner.execute("DROP TABLE kept")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "error: [data_ingestion]" in done.stderr and "2005-12-29" in done.stderr
    assert (told["status"], told["exit_code"]) == ("failed", 2)
    assert told["error"] in done.stderr
