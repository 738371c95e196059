"""The registry: versions of trained models, which of them is in use, and every decision about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from data_layer.storage.alerts import close_alert, open_alert
from data_layer.storage.artifacts import ArtifactStore, Stored
from data_layer.storage.audit import event, write_events
from data_layer.storage.copy_encoder import json_text
from data_layer.storage.database import Connection, load_sql, take_lock, transaction
from models.errors import BlockedError, ConfigError, DataQualityError

LOCK = "model_registry"
Row = dict[str, Any]
Beside = Callable[[Connection, str], None]  # given what was decided


def register(
    uri: str, store: ArtifactStore, run: Mapping[str, Any], form: str, content: bytes, metadata: Mapping[str, Any],
    *, metrics: Mapping[str, Any], trained: tuple[dt.date, dt.date], seen_until: dt.date,
) -> Row:  # fmt: skip
    """Store an artifact and register it as a candidate; a run registers one version, however often it is asked to.

    The artifact is whole and read back before the version's row is written, in one transaction: whoever dies on
    the way leaves files nobody refers to, never a version without its files.

    Args:
        uri: trainer's connection URI.
        store: takes the files.
        run: row of training_runs.
        form: the artifact's format.
        content: the model.
        metadata: what else is needed to use it, JSON.
        metrics: by name, JSON.
        trained: first and last session learnt from.
        seen_until: last session whose prices its labels hold.

    Returns:
        The row of model_versions.
    """
    stored = store.write(run["family"], form, content, metadata)
    asked = {
        "family": run["family"], "run": run["id"], "metrics": json_text(metrics), "trained_from": trained[0],
        "trained_to": trained[1], "seen_until": seen_until, "format": stored.format, "path": stored.path,
        "sha256": stored.sha256, "metadata_sha256": stored.metadata_sha256,
    }  # fmt: skip
    with transaction(uri) as connection:
        take_lock(connection, LOCK, run["family"])
        connection.execute(load_sql("model_versions/insert_version"), asked)
        found = connection.execute(load_sql("model_versions/select_of_run"), {"run": run["id"]}).fetchone()
        assert found is not None  # noqa: S101  # it is there or was just inserted
        facts = {"version": found["version"], "sha256": found["artifact_sha256"], "metrics": dict(metrics)}
        write_events(connection, [_event(found, f"registered/{found['id']}", "registered", facts)])
    return dict(found)


def find_version(connection: Connection, version_id: int) -> Row:
    """Return a version.

    Raises:
        ConfigError: when there is none of this id.
    """
    found = connection.execute(load_sql("model_versions/select_version"), {"id": version_id}).fetchone()
    if found is None:
        raise ConfigError("no such model version", stage="registry", key="VERSION", value=version_id,
                          remedy="take an id that make models lists")  # fmt: skip
    return found


def promoted_version(connection: Connection, family: str) -> Row | None:
    """Return the version of a family in use, None without one."""
    return connection.execute(load_sql("model_versions/select_promoted"), {"family": family}).fetchone()


def load_artifact(uri: str, store: ArtifactStore, version: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """Return a version's model and metadata, their hashes compared; a refusal opens an alert, a success closes it.

    Raises:
        DataQualityError: when a file is missing or not the one registered.
    """
    kind, subject = "artifact_refused", f"{version['family']} version {version['version']}"
    try:
        loaded = store.read(stored_at(version))
    except DataQualityError as error:
        with transaction(uri) as connection:
            open_alert(connection, kind, subject, str(error), severity="critical")
        raise
    with transaction(uri) as connection:
        close_alert(connection, kind, subject)
    return loaded


def stored_at(version: Mapping[str, Any]) -> Stored:
    """Return where a version's artifact lies and what it must be."""
    return Stored(version["artifact_format"], version["artifact_path"], version["artifact_sha256"],
                  version["metadata_sha256"])  # fmt: skip


def decide(
    uri: str, store: ArtifactStore, version: Mapping[str, Any], replacing: int | None,
    checks: Sequence[Mapping[str, Any]], *, by: str, waiver: tuple[str, str] | None = None,
    beside: Beside | None = None,
) -> str:  # fmt: skip
    """Promote a version or refuse to, and store the decision with every number; one transaction under the lock.

    Args:
        uri: trainer's connection URI.
        store: holds the artifact, which is read before anything changes.
        version: row of model_versions.
        replacing: id of the version it was compared with, None when none was in use.
        checks: name, value, threshold, passed, detail of everything the gate looked at.
        by: who asks.
        waiver: name and reason of whoever promotes it although it was refused.
        beside: writes what must stand or fall with the decision, in its transaction.

    Returns:
        "promoted", "waived" or "refused"; "promoted" again for a version that is in use already.

    Raises:
        BlockedError: when another version was promoted since, so that the comparison does not hold any more.
        DataQualityError: when the artifact is missing or not the one registered; the version becomes failed.
    """
    failed = [c for c in checks if not c["passed"]]
    decision = "promoted" if not failed else "waived" if waiver else "refused"
    if decision != "refused":
        _read_or_fail(uri, store, version, by, beside)
    reason = "; ".join(str(c["detail"]) for c in failed) or "every check passed"
    with transaction(uri) as connection:
        take_lock(connection, LOCK, version["family"])
        current = promoted_version(connection, version["family"])
        if current and current["id"] == version["id"]:
            if beside:
                beside(connection, "promoted")
            return "promoted"
        if decision != "refused":
            if (current["id"] if current else None) != replacing:
                raise BlockedError(
                    "another version was promoted meanwhile", stage="registry", key="VERSION", value=version["id"],
                    remedy="see make models, and promote again to compare with the one in use now",
                )  # fmt: skip
            _exchange(connection, version, current, by, waiver if failed else None)
        _note(
            connection,
            version,
            decision,
            by,
            reason,
            checks,
            replaced=current,
            waiver=waiver if failed else None,
        )
        if beside:
            beside(connection, decision)
    return decision


def roll_back(uri: str, store: ArtifactStore, family: str, *, by: str, reason: str = "") -> Row:
    """Put the version that was in use before into use again, and return it.

    Raises:
        ConfigError: when no version is in use, or none was before.
        DataQualityError: when that version's artifact is missing or spoilt.
        BlockedError: when something was promoted meanwhile.
    """
    with transaction(uri) as connection:
        current = promoted_version(connection, family)
        earlier = connection.execute(load_sql("model_versions/select_before"), {"family": family}).fetchone()
    if current is None or earlier is None:
        what = "no version is in use" if current is None else "no earlier version was in use"
        raise ConfigError(what, stage="registry", key="MODEL", value=family, remedy="see make models")
    _read_or_fail(uri, store, earlier, by)
    own = (earlier["waiver_name"], earlier["waiver_reason"]) if earlier["waiver_name"] else None
    with transaction(uri) as connection:
        take_lock(connection, LOCK, family)
        now = promoted_version(connection, family)
        if now is None or now["id"] != current["id"]:
            raise BlockedError("another version was promoted meanwhile", stage="registry", key="MODEL", value=family,
                               remedy="see make models and roll back again")  # fmt: skip
        _exchange(connection, earlier, now, by, own)
        why = reason or f"rolled back from version {now['version']}"
        _note(connection, earlier, "rolled_back", by, why, (), replaced=now)
    return earlier


def _exchange(
    connection: Connection,
    version: Mapping[str, Any],
    current: Row | None,
    by: str,
    waiver: tuple[str, str] | None,
) -> None:
    """Retire the version in use, then promote: the index allows one at a time."""
    name, reason = waiver or (None, None)
    nobody = {"waiver_name": None, "waiver_reason": None}
    if current:
        connection.execute(
            load_sql("model_versions/update_state"), {"id": current["id"], "state": "retired", **nobody}
        )
        _note(
            connection,
            current,
            "retired",
            by,
            f"replaced by version {version['version']}",
            (),
            replaced=version,
        )
    promoted = {"id": version["id"], "state": "promoted", "waiver_name": name, "waiver_reason": reason}
    connection.execute(load_sql("model_versions/update_state"), promoted)
    close_alert(connection, "model_blocked", version["family"])


def _read_or_fail(
    uri: str, store: ArtifactStore, version: Mapping[str, Any], by: str, beside: Beside | None = None
) -> None:
    try:
        load_artifact(uri, store, version)
    except DataQualityError as error:
        with transaction(uri) as connection:
            take_lock(connection, LOCK, version["family"])
            current = promoted_version(connection, version["family"])
            if not (current and current["id"] == version["id"]):
                failed = {"id": version["id"], "state": "failed", "waiver_name": None, "waiver_reason": None}
                connection.execute(load_sql("model_versions/update_state"), failed)
            _note(connection, version, "failed", by, str(error), ())
            if beside:
                beside(connection, "failed")
        raise


def _note(
    connection: Connection, version: Mapping[str, Any], decision: str, by: str, reason: str,
    checks: Sequence[Mapping[str, Any]], *, replaced: Mapping[str, Any] | None = None,
    waiver: tuple[str, str] | None = None,
) -> None:  # fmt: skip
    name, why = waiver or (None, None)
    row = {
        "version": version["id"], "decision": decision, "replaced": replaced["id"] if replaced else None,
        "waiver_name": name, "waiver_reason": why, "reason": reason[:4000], "by": by,
    }  # fmt: skip
    noted = connection.execute(load_sql("promotion_decisions/insert_decision"), row).fetchone()
    assert noted is not None  # noqa: S101  # RETURNING gives the row
    measured = {"decision": noted["id"], "rows": json_text([dict(c) for c in checks])}
    connection.execute(load_sql("promotion_checks/insert_checks"), measured)
    facts = {
        **row,
        "family": version["family"],
        "number": version["version"],
        "checks": [dict(c) for c in checks],
    }
    write_events(connection, [_event(version, f"decision/{noted['id']}", decision, facts)])


def _event(version: Mapping[str, Any], key: str, what: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    return event(f"model/{key}", f"model.{what}", version["seen_until"], "model_training", facts,
                 correlation=f"model/{version['family']}/{version['version']}")  # fmt: skip
