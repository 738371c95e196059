"""The API over a real chain."""

from __future__ import annotations

import math

import psycopg
import pytest
from psycopg.rows import dict_row

V1 = "/api/v1"


@pytest.fixture
def sql(small_chain):
    with psycopg.connect(small_chain.reader, row_factory=dict_row) as connection:
        yield lambda statement: connection.execute(statement).fetchall()


def test_health_names_every_stage(viewer):
    told = viewer.get(f"{V1}/health").json()
    assert told["status"] == "ok"
    assert [s["last_session"] for s in told["stages"]] == ["2005-12-30"] * 5


def test_health_tells_a_failure_and_who_is_behind(as_role, over, chained):
    with psycopg.connect(chained.owner) as connection:
        connection.execute(
            "UPDATE stage_runs SET status = 'failed', detail = '{\"error\": \"no bars\"}' "
            "WHERE stage = 'model_execution' AND session_date = '2005-12-30' AND model = ''"
        )
    over(chained)
    told = as_role("viewer").get(f"{V1}/health").json()
    assert told["status"] == "failed"
    by_stage = {s["stage"]: s for s in told["stages"]}
    assert by_stage["model_execution"]["error"] == "no bars"
    assert by_stage["model_execution"]["last_session"] == "2005-12-29"


def test_health_of_nothing(as_role, over, database):
    over(database)
    assert as_role("viewer").get(f"{V1}/health").json()["status"] == "empty"


def test_signals_are_the_tables(viewer, sql):
    one = sql(
        "SELECT session_date, model_name, count(*) AS n FROM signals s JOIN models m ON m.id = s.model_id "
        "GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 1"
    )[0]
    path = f"{V1}/signals?session={one['session_date']}&model={one['model_name']}"
    assert len(viewer.get(path).json()) == one["n"]


def test_an_order_with_its_fills(viewer, sql):
    fill = sql(
        "SELECT o.client_order_id, f.* FROM fills f JOIN orders o ON o.id = f.order_id ORDER BY f.id LIMIT 1"
    )[0]
    told = viewer.get(f"{V1}/orders/{fill['client_order_id']}").json()
    assert told["fills"][0]["broker_fill_id"] == fill["broker_fill_id"]
    assert told["decision"] in ("approved", "reduced")


def test_holdings_add_up_to_the_account(viewer, sql):
    booked = sql("SELECT securities_usd FROM account_snapshots ORDER BY session_date DESC LIMIT 1")[0]
    held = viewer.get(f"{V1}/positions").json()
    assert sum(p["market_value_usd"] for p in held) == pytest.approx(float(booked["securities_usd"]))


def test_runs_and_what_became_of_signals(viewer):
    run = viewer.get(f"{V1}/runs").json()[0]
    told = viewer.get(f"{V1}/runs/{run['run_id']}").json()
    assert told["stages"] == [run]
    some = told["signal_orders"]
    assert len(some) > 2
    keys = {(one["session_date"], one["symbol"], one["model_name"]) for one in some}
    assert len(keys) == len(some)
    assert viewer.get(f"{V1}/runs/{run['run_id']}?limit=2&offset=1").json()["signal_orders"] == some[1:3]


def test_nobody_orders_through_the_api(as_role):
    answer = as_role("admin").post(f"{V1}/orders", json={"symbol": "AAPL"})
    assert answer.status_code == 403
    assert "approved risk decisions" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("orders/nope", 422), (f"orders/{'A' * 32}", 404), ("signals?limit=0", 422), ("signals?symbol=%27", 422),
        ("models/none_such", 404), ("runs/none", 404), ("rankings?scope=x", 422), ("rankings", 200), ("scenarios", 200),
        ("nothing", 404), ("runs/%00", 422),
    ],
)  # fmt: skip
def test_answers_are_json_with_a_reason(viewer, path, status):
    answer = viewer.get(f"{V1}/{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"


def test_every_route_is_documented(viewer):
    told = viewer.get(f"{V1}/openapi.json").json()
    assert {"/api/v1/health", "/api/v1/signals", "/api/v1/orders/{client_order_id}"} <= set(told["paths"])
    for path in told["paths"].values():
        for operation in path.values():
            assert operation["description"]


def test_metrics_are_what_prometheus_reads(as_role, over, chained):
    with psycopg.connect(chained.owner) as connection:
        connection.execute("SELECT latch_kill_switch('paper', 'look')")
        equity = connection.execute(
            "SELECT equity_usd FROM account_snapshots ORDER BY session_date DESC LIMIT 1"
        ).fetchone()[0]
    over(chained)
    told = as_role("viewer").get(f"{V1}/metrics")
    assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = told.text.splitlines()
    assert 'almanac_kill_switch_latched{account="paper"} 1' in lines
    assert f'almanac_account_equity_usd{{account="paper"}} {equity}' in lines
    assert 'almanac_stage_failed{stage="risk_execution"} 0' in lines
    assert 'almanac_stage_last_session_days{stage="data_ingestion"} 13147' in lines  # 2005-12-30
    samples = [line for line in lines if not line.startswith("#")]
    assert all(math.isfinite(float(line.rsplit(" ", 1)[1])) for line in samples)


def test_lineage_reaches_down_to_the_vendors_batch(viewer, sql):
    order = sql(
        "SELECT o.client_order_id, o.symbol, o.session_date, b.id AS batch, s.id AS signal FROM orders o "
        "JOIN market_data m ON m.symbol = o.symbol AND m.date = o.session_date "
        "JOIN ingestion_batches b ON b.id = m.batch_id "
        "JOIN signals s ON s.symbol = o.symbol AND s.session_date = o.session_date "
        "WHERE o.order_type = 'market' ORDER BY o.id LIMIT 1"
    )[0]
    told = viewer.get(f"{V1}/lineage/{order['client_order_id']}").json()
    assert told["bars"][0]["batch_id"] == order["batch"]
    assert told["bars"][0]["date"] == str(order["session_date"])
    assert told["order"]["checks"]
    assert sum(v["contribution"] for v in told["votes"]) == pytest.approx(told["votes"][0]["ensemble_score"])
    assert {f["feature_set"] for f in told["features"]} == {"technical", "alpha158"}
    assert told["fills"] and told["signals"]
