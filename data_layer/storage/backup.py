"""Backups of `quant_data`: one dump of one snapshot, the model artifacts, and a manifest that says what must come out.

A restore goes into a database beside the one in use, is compared with the manifest there, and takes its place in one
transaction: whatever is wrong with a backup, nothing has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from data_layer.runtime.elsewhere import SUPERUSER
from data_layer.runtime.files import write_atomically
from data_layer.runtime.home import Home
from data_layer.runtime.postgres import binary
from data_layer.runtime.verify_audit import breaks, head
from data_layer.storage.database import Connection, load_sql
from data_layer.storage.hashes import table_hashes
from data_layer.storage.migrate import DB_INIT, migration_files, prepare_database, run_script
from data_layer.storage.scratch import PREFIX
from models.errors import ConfigError, DataQualityError

FORMAT = 1
DUMP, MANIFEST, ARTIFACTS, SETTINGS = "quant_data.dump", "manifest.json", "artifacts", "settings.json"
CURRENT, RESTORED, REPLACED = "quant_data", "quant_data_restored", "quant_data_replaced"
FILLED = (
    "stage_runs",
    "ingestion_batches",
    "market_data",
    "audit_events",
)  # a database in use has a row in one


def write_backup(home: Home, folder: Path, database: str = "quant_data") -> dict[str, Any]:
    """Write a backup; whoever writes to the database meanwhile is not in it, nor in its way.

    Args:
        home: its Postgres must run.
        folder: must not exist; it is there once the backup is whole.
        database: what to back up.

    Returns:
        The manifest: migrations, rows and hashes by table, the head of the audit chain, files.

    Raises:
        ConfigError: when the folder is there already, or pg_dump fails.
    """
    if folder.exists():
        raise _refused("there is something there already", folder, "name a new folder")
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True, mode=0o700)
    with psycopg.connect(home.uri("postgres", database), row_factory=dict_row) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        snapshot = connection.execute("SELECT pg_export_snapshot() AS id").fetchone()
        assert snapshot is not None  # noqa: S101  # a function's one row
        # Replays' schemas come and go: the dump would fail over one that is dropped, or hold its end up.
        options = (
            "--format=custom", f"--snapshot={snapshot['id']}", f"--file={unfinished / DUMP}",
            f"--exclude-schema={PREFIX}*",
        )  # fmt: skip
        _run(home, "pg_dump", database, *options)
        manifest = {"format": FORMAT, **_contents(connection)}
    if (home.path / ARTIFACTS).is_dir():
        shutil.copytree(home.path / ARTIFACTS, unfinished / ARTIFACTS)
    if (home.path / SETTINGS).is_file():
        shutil.copy(home.path / SETTINGS, unfinished / SETTINGS)
    manifest["files"] = {
        str(p.relative_to(unfinished)): _sha256(p) for p in sorted(unfinished.rglob("*")) if p.is_file()
    }
    write_atomically(unfinished / MANIFEST, json.dumps(manifest, indent=2) + "\n")
    unfinished.rename(folder)
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a backup's manifest, its files compared with it.

    Raises:
        DataQualityError: when a file is missing, cut short, changed or not of the backup.
        ConfigError: when it is none, or made by newer code.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        files, migrations = dict(manifest["files"]), list(manifest["migrations"])
        if manifest["format"] != FORMAT or not {"tables", "audit_head"} <= set(manifest):
            raise KeyError("format")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _refused(
            f"not a backup ({type(error).__name__}: {error})", folder, "name a folder make backup wrote"
        ) from error
    there = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} - {MANIFEST}
    for name in sorted(there | set(files)):
        if name not in there or name not in files or _sha256(folder / name) != files[name]:
            raise _spoilt(f"{name} is missing, changed or not of it", folder)
    known = {path.stem for path in migration_files(DB_INIT / "migrations")}
    if newer := [name for name in migrations if name not in known]:
        raise _refused(
            f"it was made by newer code, which has migration {newer[0]}", folder, "restore it with that code"
        )
    return manifest


def restore_backup(home: Home, folder: Path, *, replace: bool = False) -> dict[str, Any]:
    """Put a backup in the place of `quant_data`, and bring it to today's schema.

    Args:
        home: its Postgres must run, and nobody else be connected to `quant_data`.
        folder: as write_backup left it.
        replace: throw away what is in the database now.

    Returns:
        The manifest.

    Raises:
        ConfigError: when the database holds something and replace is False, or is in use.
        DataQualityError: when the backup is spoilt, or what comes out of it is not what its manifest says.
    """
    manifest = read_manifest(folder)
    for script in sorted(DB_INIT.glob("00_*.sql")):
        run_script(home, script)  # the roles that own and may use what is restored
    if not replace and _is_filled(home):
        raise _refused("the database is not empty", folder, "restore into a new home, or set REPLACE=yes")
    with psycopg.connect(home.uri("postgres", "postgres"), autocommit=True) as server:
        for name in (RESTORED, REPLACED):  # of a restore that was killed
            _drop(server, name)
        _execute(server, "CREATE DATABASE {} OWNER quant_owner TEMPLATE template0", RESTORED)
        try:
            options = ("--exit-on-error", "--single-transaction", str(folder / DUMP))
            _run(home, "pg_restore", RESTORED, *options)
            with psycopg.connect(home.uri("postgres", RESTORED), row_factory=dict_row) as connection:
                _compare(manifest, _contents(connection), folder)
        except (ConfigError, DataQualityError):
            _drop(server, RESTORED)
            raise
        if (folder / ARTIFACTS).is_dir():  # named by what is in them: those there already are the same
            shutil.copytree(folder / ARTIFACTS, home.path / ARTIFACTS, dirs_exist_ok=True)
        if (folder / SETTINGS).is_file() and not (home.path / SETTINGS).exists():
            shutil.copy(folder / SETTINGS, home.path / SETTINGS)
        _swap(server)
    prepare_database(home)
    return manifest


def _swap(server: psycopg.Connection) -> None:
    try:
        with server.transaction():
            for name, instead in ((CURRENT, REPLACED), (RESTORED, CURRENT)):
                _execute(server, "ALTER DATABASE {} RENAME TO {}", name, instead)
    except psycopg.errors.ObjectInUse as error:
        _drop(server, RESTORED)
        raise ConfigError("somebody is connected to the database", stage="restore", key="database", value="quant_data",
                          remedy="make stop, close other clients, and restore again") from error  # fmt: skip
    _drop(server, REPLACED)


def _drop(server: psycopg.Connection, name: str) -> None:
    _execute(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def _execute(server: psycopg.Connection, statement: LiteralString, *names: str) -> None:
    server.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _contents(connection: Connection) -> dict[str, Any]:
    """Return what a database holds, in the form a manifest has it."""
    connection.execute("SET LOCAL timezone = 'UTC'")  # hashes are of texts
    hashes = table_hashes(connection)
    names = [row["name"] for row in connection.execute(load_sql("catalogue/select_tables"))]
    tables: dict[str, dict[str, Any]] = {}
    for name in names:
        counted = connection.execute(
            sql.SQL("SELECT count(*) AS n FROM {}").format(sql.Identifier(name))
        ).fetchone()
        tables[name] = {"rows": counted["n"] if counted else 0, "hash": hashes.get(name)}
    applied = connection.execute(
        "SELECT migration_id AS id FROM _yoyo_migration ORDER BY migration_id"
    ).fetchall()
    chained = "audit_chain" in names  # a backup of a schema before it has none
    return {
        "migrations": [row["id"] for row in applied],
        "tables": tables,
        "audit_head": head(connection) if chained else None,
        "audit_breaks": breaks(connection) if chained else [],
    }


def _compare(manifest: Mapping[str, Any], found: Mapping[str, Any], folder: Path) -> None:
    for name in sorted(set(manifest["tables"]) | set(found["tables"])):
        if manifest["tables"].get(name) != found["tables"].get(name):
            raise _spoilt(f"table {name} does not come out as it went in", folder)
    for part in ("migrations", "audit_head", "audit_breaks"):
        if manifest.get(part) != found[part]:
            raise _spoilt(f"{part} of it does not come out as it went in", folder)


def _is_filled(home: Home) -> bool:
    with psycopg.connect(home.uri("postgres")) as connection:
        for table in FILLED:
            if connection.execute("SELECT to_regclass(%s)", (f"public.{table}",)).fetchone() != (None,):
                query = sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table))
                if connection.execute(query).fetchone():
                    return True
    return False


def _run(home: Home, program: str, database: str, *arguments: str) -> None:
    where = f"--dbname={home.conninfo(SUPERUSER, database)}"
    command = [str(binary(program)), "--no-password", where, *arguments]
    environment = {"PATH": os.defpath, "PGPASSFILE": str(home.pgpass)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise ConfigError(f"{program} failed: {done.stderr.strip()[-1000:]}", stage="backup", key="program",
                          value=program, remedy="mend what it names and try again")  # fmt: skip


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refused(problem: str, folder: Path, remedy: str) -> ConfigError:
    return ConfigError(problem, stage="backup", key="folder", value=str(folder), remedy=remedy)


def _spoilt(problem: str, folder: Path) -> DataQualityError:
    return DataQualityError(f"a spoilt backup: {problem}", stage="restore", key="folder", value=str(folder),
                            remedy="nothing was changed; take another backup")  # fmt: skip
