"""Promotion, refusal, waiver and rollback: one version in use, every number stored, nothing without its files."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from psycopg import errors

from data_layer.storage.database import transaction
from data_layer.storage.registry import decide, roll_back
from models.errors import BlockedError, ConfigError, DataQualityError
from plugins.ml.promotion import promote
from tests.plugins.ml.conftest import FAMILY, WAIVER
from tests.support.prepared import change
from tests.support.versions import OF_VERSIONS

PASSED = [{"name": "sharpe_ratio", "value": 1.0, "threshold": 0.5, "passed": True, "detail": "well"}]


def ids(workshop):
    return [row["id"] for row in workshop.rows("SELECT id FROM model_versions ORDER BY id")]


def states(workshop):
    return [row["state"] for row in workshop.rows("SELECT state FROM model_versions ORDER BY id")]


def version(workshop, place=-1):
    return workshop.rows("SELECT * FROM model_versions ORDER BY id")[place]


def model_file(workshop, place=-1):
    return Path(workshop.settings.models.artifacts) / version(workshop, place)["artifact_path"]


def test_a_refusal_stores_every_number_and_changes_nothing(workshop):
    decision, checks = promote(workshop.database.trainer, workshop.store, ids(workshop)[0], by="tester")
    assert decision == "refused" and states(workshop) == ["candidate"]
    stored = workshop.rows("SELECT * FROM promotion_checks ORDER BY name")
    assert [(c["name"], c["value"], c["threshold"], c["passed"]) for c in stored] == sorted(
        (c.name, c.value, c.threshold, c.passed) for c in checks
    )
    assert {c.name for c in checks} == {
        "sharpe_ratio", "win_rate", "deflated_sharpe", "better_than_promoted", "leakage",
    }  # fmt: skip
    (event,) = workshop.rows("SELECT * FROM audit_events WHERE event_type = 'model.refused'")
    assert len(event["payload"]["checks"]) == 5 and event["payload"]["by"] == "tester"


def test_a_waiver_needs_a_name_and_a_reason_and_stays_with_the_version(workshop):
    number = ids(workshop)[0]
    for waiver in (("", "why"), ("A. Tester", " ")):
        with pytest.raises(ConfigError, match="needs a name and a reason"):
            promote(workshop.database.trainer, workshop.store, number, by="tester", waiver=waiver)
    decision, _ = promote(workshop.database.trainer, workshop.store, number, by="tester", waiver=WAIVER)
    assert decision == "waived" and states(workshop) == ["promoted"]
    assert (version(workshop)["waiver_name"], version(workshop)["waiver_reason"]) == WAIVER
    (noted,) = workshop.rows("SELECT * FROM promotion_decisions")
    assert (noted["decision"], noted["waiver_name"], noted["waiver_reason"]) == ("waived", *WAIVER)
    # A second try of the task is no second decision.
    assert (
        promote(workshop.database.trainer, workshop.store, number, by="tester", waiver=WAIVER)[0]
        == "promoted"
    )
    assert len(workshop.rows("SELECT FROM promotion_decisions")) == 1


def test_promotion_retires_and_rollback_goes_back(workshop):
    workshop.train("run 2")
    first, second = ids(workshop)
    with pytest.raises(ConfigError, match="no version is in use"):
        roll_back(workshop.database.trainer, workshop.store, FAMILY, by="tester")
    promote(workshop.database.trainer, workshop.store, first, by="tester", waiver=WAIVER)
    with pytest.raises(ConfigError, match="no earlier version"):
        roll_back(workshop.database.trainer, workshop.store, FAMILY, by="tester")
    _, checks = promote(workshop.database.trainer, workshop.store, second, by="tester", waiver=WAIVER)
    better = next(c for c in checks if c.name == "better_than_promoted")
    assert better.passed and "refresh of version 1" in better.detail  # the same configuration, later data
    assert states(workshop) == ["retired", "promoted"]
    back = roll_back(workshop.database.trainer, workshop.store, FAMILY, by="tester")
    assert back["id"] == first and states(workshop) == ["promoted", "retired"]
    assert version(workshop, 0)["waiver_name"] == WAIVER[0]
    history = [r["decision"] for r in workshop.rows("SELECT decision FROM promotion_decisions ORDER BY id")]
    assert history == ["waived", "retired", "waived", "retired", "rolled_back"]
    again = roll_back(workshop.database.trainer, workshop.store, FAMILY, by="tester")
    assert again["id"] == second


def test_the_one_in_use_runs_on_the_candidates_folds(workshop):
    promote(workshop.database.trainer, workshop.store, ids(workshop)[0], by="tester", waiver=WAIVER)
    number = workshop.train("run 2", END="2005-09-30", PARAMETERS="rounds=2 stop_share=0")
    rows = workshop.rows("SELECT configuration, count(*) AS n FROM walk_forward_results WHERE training_run_id = "
                         "(SELECT max(id) FROM training_runs) GROUP BY 1 ORDER BY 1")  # fmt: skip
    assert [(r["configuration"], r["n"]) for r in rows] == [("candidate", 3), ("promoted", 3)]
    _, checks = promote(workshop.database.trainer, workshop.store, number, by="tester")
    better = next(c for c in checks if c.name == "better_than_promoted")
    theirs = workshop.rows("SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY sharpe_ratio) AS s FROM "
                           "walk_forward_results WHERE configuration = 'promoted'")  # fmt: skip
    assert better.threshold == pytest.approx(theirs[0]["s"])
    assert better.passed == (better.value > better.threshold)


OTHERS = {"seed": {"SEED": "7"}, "symbols": {"SYMBOLS": "AAPL MSFT"}, "training window": {"TRAIN_MONTHS": "6"}}


@pytest.mark.parametrize("what", OTHERS)
def test_another_seed_other_symbols_or_folds_are_no_refresh(workshop, what):
    """The one in use runs as it was trained, in the candidate's test windows: a candidate is never its own measure."""
    promote(workshop.database.trainer, workshop.store, ids(workshop)[0], by="tester", waiver=WAIVER)
    number = workshop.train("run 2", **OTHERS[what])
    _, checks = promote(workshop.database.trainer, workshop.store, number, by="tester")
    better = next(c for c in checks if c.name == "better_than_promoted")
    assert "refresh" not in better.detail and better.passed == (better.value > better.threshold)
    folds = workshop.rows("SELECT configuration, fold, train_start, test_start, test_end, n, sharpe_ratio FROM "
                          "walk_forward_results WHERE training_run_id = (SELECT max(id) FROM training_runs) "
                          "ORDER BY configuration, fold")  # fmt: skip
    own, theirs = folds[:3], folds[3:]
    assert [f["configuration"] for f in folds] == ["candidate"] * 3 + ["promoted"] * 3
    windows = [[(f["test_start"], f["test_end"]) for f in three] for three in (own, theirs)]
    assert windows[0] == windows[1]
    # As it was trained: on a year of all three symbols, with its own seed.
    assert [f["train_start"] == g["train_start"] for f, g in zip(own, theirs, strict=True)] == [
        what != "training window"] * 3  # fmt: skip
    assert [2 * g["n"] == 3 * f["n"] for f, g in zip(own, theirs, strict=True)] == [what == "symbols"] * 3
    workshop.train("run 3", PARAMETERS="rounds=5 stop_share=0")
    plain = workshop.rows("SELECT sharpe_ratio FROM walk_forward_results WHERE configuration = 'candidate' AND "
                          "training_run_id = (SELECT max(id) FROM training_runs) ORDER BY fold")  # fmt: skip
    assert [f["sharpe_ratio"] for f in theirs] == [f["sharpe_ratio"] for f in plain]


def test_one_in_use_that_cannot_be_run_beside_a_candidate_refuses_it(workshop):
    promote(workshop.database.trainer, workshop.store, ids(workshop)[0], by="tester", waiver=WAIVER)
    change(workshop.database, """UPDATE training_runs SET folds = folds || '{"train_months": 240}'""")
    number = workshop.train("run 2")
    assert any("cannot be run" in line and "too little history" in line for line in workshop.said)
    _, checks = promote(workshop.database.trainer, workshop.store, number, by="tester")
    better = next(c for c in checks if c.name == "better_than_promoted")
    assert not better.passed and "never run on these folds" in better.detail


def test_the_database_itself_allows_one_promoted_version(workshop):
    workshop.train("run 2")
    with pytest.raises(errors.UniqueViolation):
        workshop.rows("UPDATE model_versions SET state = 'promoted' RETURNING id")


def test_of_two_promotions_at_once_exactly_one_wins(workshop):
    workshop.train("run 2")
    rows = [version(workshop, 0), version(workshop, 1)]
    barrier, outcomes = threading.Barrier(2), []

    def work(row):
        barrier.wait()
        try:
            outcomes.append(decide(workshop.database.trainer, workshop.store, row, None, PASSED, by="tester"))
        except BlockedError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=work, args=(row,)) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(states(workshop)) == ["candidate", "promoted"]
    assert sorted(o == "promoted" for o in outcomes) == [False, True]
    assert any("another version was promoted meanwhile" in o for o in outcomes)


def test_a_version_that_is_not_there_is_a_clear_error(workshop):
    with pytest.raises(ConfigError, match=r"no such model version.*VERSION=77"):
        promote(workshop.database.trainer, workshop.store, 77, by="tester")


SPOILT = {
    "a flipped byte": (lambda p: p.write_bytes(p.read_bytes()[:-2] + b"?\n"), "SHA-256 is"),
    "missing": (lambda p: p.unlink(), "not there"),
    "other metadata": (lambda p: (p.parent / "metadata.json").write_text("{}"), "SHA-256 is"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_artifact_is_never_promoted(workshop, how):
    spoil, message = SPOILT[how]
    spoil(model_file(workshop))
    with pytest.raises(DataQualityError, match=f"artifact refused.*{message}"):
        promote(workshop.database.trainer, workshop.store, ids(workshop)[0], by="tester", waiver=WAIVER)
    assert states(workshop) == ["failed"]
    assert [r["decision"] for r in workshop.rows("SELECT * FROM promotion_decisions")] == ["failed"]
    (alert,) = workshop.rows(f"SELECT * FROM alerts WHERE closed_at IS NULL AND {OF_VERSIONS}")
    assert (alert["kind"], alert["severity"]) == ("artifact_refused", "critical")


def test_history_is_only_added_to(workshop):
    promote(workshop.database.trainer, workshop.store, ids(workshop)[0], by="tester")
    for uri in (workshop.database.trainer, workshop.database.writer):
        for table in ("promotion_decisions", "promotion_checks", "walk_forward_results"):
            for verb in (
                f"DELETE FROM {table}",
                f"TRUNCATE {table}",
                f"UPDATE {table} SET recorded_at = DEFAULT",
            ):
                with (
                    pytest.raises((errors.InsufficientPrivilege, errors.UndefinedColumn)),
                    transaction(uri) as c,
                ):
                    c.execute(verb)


def test_numbers_that_pass_promote_and_a_finding_alone_refuses(workshop):
    returns = [0.004, 0.004, -0.004] * 84
    good = "UPDATE walk_forward_results SET sharpe_ratio = 2, win_rate = 0.6, daily_returns = %(r)s"
    change(workshop.database, good, {"r": returns})
    found = '[{"check": "future_in_feature", "value": 3, "threshold": 0, "detail": "kmid knows tomorrow"}]'
    change(workshop.database, "UPDATE training_runs SET findings = %(f)s", {"f": found})
    number = ids(workshop)[0]
    decision, checks = promote(workshop.database.trainer, workshop.store, number, by="tester")
    assert decision == "refused" and [c.name for c in checks if not c.passed] == ["leakage"]
    assert "kmid knows tomorrow" in checks[-1].detail
    change(workshop.database, "UPDATE training_runs SET findings = '[]'")
    decision, checks = promote(workshop.database.trainer, workshop.store, number, by="tester")
    assert decision == "promoted" and all(c.passed for c in checks)
    assert version(workshop)["waiver_name"] is None
