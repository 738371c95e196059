"""Sixty-four at once decide a session of fifty orders: no limit is passed, no order is there twice."""

from __future__ import annotations

import threading

import pytest

from tests.support.chain import STEPS, open_stage, query, run_stage, sample_settings, take_step
from tests.support.prepared import EAGER, change, failed_checks

pytestmark = pytest.mark.faults
STAGE = "risk_execution"
THREADS, SYMBOLS = 64, 50
GROSS = 0.15


@pytest.fixture(scope="module")
def eve(copy_database, tmp_path_factory):
    """A market of fifty symbols on the eve of the first session in which all limits can be evaluated."""
    database = copy_database("quant_data")
    change(database, EAGER)
    change(database, "INSERT INTO risk_limits (name, threshold, unit, description) VALUES "
                     "('max_gross_exposure', %(gross)s, 'fraction of equity', 'tight')", {"gross": GROSS})  # fmt: skip
    settings = sample_settings(
        tmp_path_factory.mktemp("home"), source="synthetic", synthetic_symbols=str(SYMBOLS), start="2010-01-04",
        end="2010-04-30", full_score_weight="0.05",
    )  # fmt: skip
    for stage in ("data_ingestion", "feature_engineering", "model_execution"):
        run_stage(database.writer, settings, stage)
    done = query(
        database.reader,
        "SELECT session_date FROM stage_runs WHERE stage = 'model_execution' AND model = '' ORDER BY 1",
    )
    sessions = [str(r["session_date"]) for r in done]
    run_stage(database.writer, settings, STAGE, end=sessions[58])
    return database, settings, sessions[59]


def test_sixty_four_at_once_never_pass_a_limit(eve):
    database, settings, session = eve
    ready, failures = threading.Barrier(THREADS), []

    def decide():
        stage = open_stage(database.writer, settings, STAGE, end=session)
        ready.wait()
        try:
            for step in STEPS[STAGE][: STEPS[STAGE].index("submit_orders") + 1]:
                take_step(stage, step)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=decide) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    orders = query(database.reader, "SELECT symbol, quantity * reference_price AS usd FROM orders "
                                    "WHERE session_date = %(d)s AND order_type = 'market'", {"d": session})  # fmt: skip
    equity = query(database.reader, "SELECT equity_usd FROM risk_snapshots WHERE session_date = %(d)s", {"d": session})
    assert len(equity) == 1
    room = equity[0]["equity_usd"]
    assert len(orders) == len({o["symbol"] for o in orders}) > SYMBOLS / 2
    assert all(o["usd"] <= 0.05 * room + 1e-6 for o in orders)
    assert 0.13 * room < sum(float(o["usd"]) for o in orders) <= GROSS * room + 1e-6
    decisions = query(database.reader, "SELECT decision FROM risk_decisions WHERE session_date = %(d)s", {"d": session})
    assert "reduced" in {d["decision"] for d in decisions}
    assert failed_checks(database.reader) == []
