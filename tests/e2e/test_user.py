"""What a user does, in order: make run, look, run again, add a strategy, trigger, stop."""

from __future__ import annotations

import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from data_layer.runtime.home import Home
from data_layer.storage.database import transaction
from data_layer.storage.hashes import table_hashes
from plugins.stages.context import CHAIN
from tests.support.bars import real_bars, write_bars

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.e2e
# Run by the fixture or by this file itself, or the very thing that runs this file.
ELSEWHERE = {"make run", "make test", "make stop", "make rotate-keys", "bin/airflow dags trigger model_execution"}


def documented_commands() -> list[str]:
    """Every command line in the README and docs: sh blocks, and code spans in the table of commands."""
    commands = []
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = page.read_text()
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
            commands += [line for line in block.replace("\\\n ", "").splitlines() if line.strip()]
        if page.name == "commands.md":
            commands += re.findall(r"`((?:bin/|make |\.venv/)[^`]+)`", text)
    return sorted(set(commands))


def hashes(installation):
    with transaction(Home(installation.tree / ".almanac").uri("quant_writer")) as connection:
        return table_hashes(connection)


def wait_for(check, seconds=120):
    until = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < until, "nothing happened"
        time.sleep(1)
    return found


def test_first_run_says_what_it_did(installation):
    text = (installation.tree / "first_run.txt").read_text()
    for stage in CHAIN:
        assert re.search(rf"{stage}\s+3,270", text), text
    for word in ("macd_alpha", "rsi_alpha", "ema_cross_alpha", "equity", "http://127.0.0.1:"):
        assert word in text, text


def test_the_first_run_leaves_tear_sheets(installation):
    found = {path.name for path in (installation.tree / ".almanac" / "reports").iterdir()}
    names = ("account", "ema_cross_alpha", "macd_alpha", "rsi_alpha")
    assert found == {f"{name}.{kind}" for name in names for kind in ("html", "json")}


def test_every_stage_completed_all_sessions(installation):
    rows = installation.sql(
        "select stage, count(distinct session_date) from stage_runs where status='completed' group by 1"
    )
    assert {r[0]: int(r[1]) for r in rows} == dict.fromkeys(CHAIN, 3270)


def test_the_last_sessions_were_daily_runs(installation):
    for stage in CHAIN:
        rows = installation.sql(
            f"select run_id, count(*), max(session_date) from stage_runs where stage = '{stage}' and model = '' "
            "group by 1 order by 3"
        )
        assert [int(r[1]) for r in rows] == [3268, 1, 1]


def test_second_run_processes_nothing_twice(installation):
    before = hashes(installation)
    started = time.monotonic()
    done = installation.run("make run")
    print(f"second make run took {time.monotonic() - started:.1f} s")
    assert done.returncode == 0, done.stdout
    assert hashes(installation) == before


def test_reader_may_not_write(installation):
    with (
        psycopg.connect(Home(installation.tree / ".almanac").uri("quant_reader")) as connection,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        connection.execute("DELETE FROM orders")


# A stage once more for a session long past.
RERUNS = [c for c in documented_commands() if c.startswith("bin/airflow dags test")]
COMMANDS = [c for c in documented_commands() if c not in ELSEWHERE and c not in RERUNS]


def attempt(installation, command, folder):
    """Run one documented command; None where it would start the project itself once more, or which tools it lacks."""
    # What needs a version of a model is run in its order by test_models.py.
    of_a_broker = r"approve .*|revoke|adopt"
    if re.match(
        rf"make (run .*|lint|faults|soak|{of_a_broker}|train|predict|promote|rollback|mlflow)\b|\.venv/", command
    ):
        return None
    if missing := [tool for tool in ("curl", "jq") if tool in command and not shutil.which(tool)]:
        return missing
    if "FILES=/data/bars.parquet" in command:
        write_bars(folder / "bars.parquet", real_bars("AAPL IBM MSFT", "2004-01-02", "2009-12-31"))
    return installation.run(command.replace("/data/", f"{folder}/"))


@pytest.fixture(scope="module")
def attempts(installation, tmp_path_factory):
    """Every documented command, two at a time as two people in one home would."""
    folders = [tmp_path_factory.mktemp("command") for _ in COMMANDS]
    with ThreadPoolExecutor(2) as pool:
        done = pool.map(lambda command, folder: attempt(installation, command, folder), COMMANDS, folders)
        return dict(zip(COMMANDS, done, strict=True))


@pytest.mark.parametrize("command", COMMANDS)
def test_documented_command_works(installation, attempts, command):
    done = attempts[command]
    if isinstance(done, list):
        pytest.skip(f"this machine lacks {done}")
    if done is None:  # that the target and its words exist is what can be shown
        listed = installation.run("make help").stdout
        assert command.startswith(".venv/bin/python -m pytest -m e2e") or command.split()[1] in listed
        return
    assert done.returncode == 0, done.stdout
    assert done.stdout.strip()


def test_rerun_of_a_past_session_beside_the_scheduler_changes_nothing(installation):
    assert {command.split()[3] for command in RERUNS} == set(CHAIN)
    before = hashes(installation)
    with ThreadPoolExecutor(2) as pool:
        for command, done in zip(RERUNS, pool.map(installation.run, RERUNS), strict=True):
            assert done.returncode == 0, done.stdout
            assert command.split()[4] in done.stdout
    assert hashes(installation) == before


def test_dags_test_fails_with_its_exit_code(installation):
    done = installation.run("bin/airflow dags test data_ingestion 2999-01-04")
    assert done.returncode != 0
    assert "has not closed yet" in done.stdout


def test_strategy_of_the_readme_can_be_added(installation):
    orders = installation.sql("select count(*), max(id) from orders")
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    path = re.search(r"`(models/strategies/\S+\.py)`", (ROOT / "README.md").read_text())
    (installation.tree / path[1]).write_text(code[1])
    assert installation.run("bin/airflow dags trigger model_execution").returncode == 0
    name = Path(path[1]).stem
    statement = (
        "select count(*) from signals s join models m on m.id = s.model_id "
        f"where m.model_name = '{name}' and s.side = 'long'"
    )
    assert wait_for(lambda: int(installation.sql(statement)[0][0])) > 1000
    statement = (
        "select count(*) from model_performance p join models m on m.id = p.model_id "
        f"where m.model_name = '{name}'"
    )
    assert wait_for(lambda: int(installation.sql(statement)[0][0]) == 3270)
    assert installation.sql("select count(*), max(id) from orders") == orders


def test_stop_ends_what_run_started(installation):
    assert "make stop" in installation.run("make rotate-keys || true").stdout  # while it runs
    assert installation.run("make stop").returncode == 0
    assert installation.run("make rotate-keys").returncode == 0
    assert "running" not in installation.run("make status").stdout.replace("not running", "")
