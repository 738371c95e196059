"""Schemas come and go under a filled database: from the first commit's to today's, some steps back and forward."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from psycopg import sql

from data_layer.runtime.postgres import binary, embedded_postgres
from data_layer.runtime.verify_audit import breaks
from data_layer.storage.backup import restore_backup, write_backup
from data_layer.storage.database import transaction
from data_layer.storage.migrate import DB_INIT, migration_files, prepare_database, roll_back
from models.errors import ConfigError
from tests.support.chain import query
from tests.support.prepared import failed_checks

pytestmark = pytest.mark.faults
FIRST = (
    Path(__file__).resolve().parents[1] / "support" / "first_schema"
)  # as of the first commit, and rows for it
EARLIEST = "0032"  # from here on every migration can be taken back


def rows_of(uri, columns=None):
    """Every row of every table as JSON; of the columns named, where they are."""
    with transaction(uri) as connection:
        names = [row["tablename"] for row in connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND NOT tablename LIKE '%yoyo%'"
        )]  # fmt: skip
        found = {}
        for name in names:
            rows = connection.execute(
                sql.SQL("SELECT to_jsonb(t) AS r FROM {} t").format(sql.Identifier(name))
            )
            wanted = columns.get(name, ()) if columns is not None else None
            kept = [{k: v for k, v in row["r"].items() if wanted is None or k in wanted} for row in rows]
            found[name] = sorted(kept, key=str)
        return found


def shape(server):
    """How often each line stands in the schema as pg_dump writes it: without order, as columns came in another one."""
    where = [
        "--no-password",
        "--host=127.0.0.1",
        f"--port={server.home.port('postgres')}",
        "--username=postgres",
    ]
    done = subprocess.run(
        [str(binary("pg_dump")), *where, "--schema-only", "--exclude-table=(*yoyo*|features_*)", "quant_data"],
        capture_output=True, text=True, check=True, env={"PGPASSFILE": str(server.home.pgpass)},
    )  # fmt: skip
    lines = (line.strip().rstrip(",") for line in done.stdout.splitlines())
    return Counter(line for line in lines if not re.match(r"\\(un)?restrict|--|$", line))


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    with embedded_postgres(tmp_path_factory.mktemp("fresh") / "home") as server:
        prepare_database(server)
        yield server


def test_a_database_of_the_first_commit_comes_to_todays_schema_with_nothing_lost(fresh, tmp_path):
    with embedded_postgres(tmp_path / "home") as server:
        assert len(prepare_database(server, FIRST)) == 8
        with transaction(server.uri("postgres")) as connection:
            connection.execute((FIRST / "fill.sql").read_text())  # one transaction, no parameters
        before = rows_of(server.uri("postgres"))
        assert [name for name, rows in before.items() if not rows] == []
        columns = {name: set(rows[0]) for name, rows in before.items()}
        columns["risk_limits"] = {"name", "threshold", "unit", "description", "valid_from", "changed_by"}

        prepare_database(server)
        ours, theirs = shape(server), shape(fresh)
        assert (ours - theirs, theirs - ours) == (Counter(), Counter())
        after = rows_of(server.uri("postgres"), columns)
        # What was changed on purpose: a state that nothing writes any more, actions in batches of their own, ...
        (blocked,) = (row for row in before["stage_runs"] if row["status"] == "blocked")
        blocked |= {"status": "failed", "detail": {"rows": 0, "error": "blocked"}}
        made = [row for row in after["ingestion_batches"] if row["id"] > 2]
        assert [(row["accepted"], row["run_id"]) for row in made] == [(3, "first")]
        for table in ("corporate_actions", "corporate_actions_history"):
            for row in before[table]:
                row |= {name: made[0]["id"] for name in ("batch_id", "superseded_by") if name in row}
        # ... limits nobody had changed, whose defaults are written anew, and two columns' names.
        before["risk_limits"] = [row for row in before["risk_limits"] if row["name"] == "max_position"]
        for row in before["risk_limits"]:
            row["valid_from"], row["changed_by"] = row.pop("updated_at"), row.pop("updated_by")
        for name, rows in before.items():
            missing = [row for row in rows if row not in after[name]]
            assert missing == [], name
        assert "check_batches_complete" not in failed_checks(server.uri("quant_reader"))
        with transaction(server.uri("quant_reader")) as connection:
            assert breaks(connection) == []


def test_a_filled_database_goes_back_and_forward_with_nothing_lost_that_the_schema_holds(
    fresh, small_chain, tmp_path
):
    write_backup(small_chain.server.home, tmp_path / "backup", small_chain.name)
    restore_backup(fresh.home, tmp_path / "backup", replace=True)
    before, today = rows_of(fresh.uri("postgres")), shape(fresh)
    taken = roll_back(fresh.home, EARLIEST)
    newer = [path.stem for path in migration_files(DB_INIT / "migrations") if path.stem[:4] > EARLIEST]
    assert taken == newer[::-1]
    held = rows_of(fresh.uri("postgres"))
    for name, rows in held.items():
        columns = set(rows[0]) if rows else set()
        kept = sorted(({k: v for k, v in row.items() if k in columns} for row in before[name]), key=str)
        assert rows == kept, name
    assert prepare_database(fresh) == newer
    assert shape(fresh) == today
    again = rows_of(fresh.uri("postgres"), {name: set(rows[0]) for name, rows in held.items() if rows})
    assert {name: again[name] for name, rows in held.items() if rows} == {
        n: rows for n, rows in held.items() if rows
    }
    assert failed_checks(fresh.uri("quant_reader")) == []


def test_no_migration_is_taken_back_when_one_of_them_cannot_be(fresh, tmp_path):
    folder = shutil.copytree(DB_INIT, tmp_path / "db-init")
    (folder / "migrations" / "0050_audit_chain.rollback.sql").unlink()
    with pytest.raises(ConfigError, match=r"cannot be taken back.*0050_audit_chain"):
        roll_back(fresh.home, EARLIEST, folder)
    with pytest.raises(ConfigError, match="no such migration"):
        roll_back(fresh.home, "", folder)
    applied = query(fresh.uri("postgres"), "SELECT count(*) AS n FROM _yoyo_migration")
    assert applied == [{"n": len(migration_files(DB_INIT / "migrations"))}]
