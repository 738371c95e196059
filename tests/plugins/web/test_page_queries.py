"""What the pages ask of the tables, over rows where the easy question gives another answer."""

from __future__ import annotations

import json

import pytest

from data_layer.storage.database import load_sql, transaction
from tests.support.planted import plant

DAYS = ("2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20")


def ask(database, name, **parameters):
    with transaction(database.reader) as connection:
        return connection.execute(load_sql(name), parameters).fetchall()


def test_neither_a_withdrawal_is_a_loss_nor_a_deposit_a_gain(database):
    """40,000 USD are taken out of a flat account; a tenth is lost, and 50,000 come in the day after."""
    equity, units = (100_000, 60_000, 54_000, 104_000), (1, 1, 0.9, 0.9)
    moved = {DAYS[1]: 40_000, DAYS[3]: -50_000}  # a credit of the capital is a deposit
    plant(
        database.owner, ("accounts", {"id": "paper", "broker": "simulated"}),
        *(("account_snapshots", {"account_id": "paper", "session_date": day, "equity_usd": usd, "cash_usd": usd,
                                 "securities_usd": 0, "gross_exposure_usd": 0, "net_exposure_usd": 0})
          for day, usd in zip(DAYS, equity, strict=True)),
        *(("risk_snapshots", {"account_id": "paper", "session_date": day, "unit_value": unit, "peak": 1, "cause": "",
                              "event": ""}) for day, unit in zip(DAYS, units, strict=True)),
        *(("ledger_entries", {"account_id": "paper", "session_date": day, "transaction_key": day, "kind": "deposit",
                              "ledger_account": "capital", "amount_usd": usd}) for day, usd in moved.items()),
    )  # fmt: skip
    found = ask(database, "pages/select_equity", account="paper")
    assert [row["equity"] for row in found] == list(equity)
    assert [row["drawdown"] for row in found] == pytest.approx([0, 0, -0.1, -0.1])
    made = [ask(database, "pages/select_account", account="paper", session=day)[0]["change_usd"] for day in DAYS]
    assert made == [None, 0, -6_000, 0]


def test_a_limit_of_a_symbols_own_is_used_by_that_symbol_alone(database):
    def decision(number, symbol, value, threshold, allowed=10):
        checks = [{"limit": "max_position", "value": value, "threshold": threshold, "allowed_quantity": allowed}]
        return "risk_decisions", {
            "id": number, "account_id": "paper", "session_date": DAYS[3], "symbol": symbol, "requested_quantity": 10,
            "approved_quantity": allowed, "decision": "approved" if allowed == 10 else "reduced",
            "checks": json.dumps(checks),
        }  # fmt: skip

    limits = (("risk_limits", {"name": "max_position", "symbol": symbol, "threshold": threshold})
              for symbol, threshold in (("", 0.05), ("IBM", 0.03)))  # fmt: skip
    plant(
        database.owner, *limits, decision(1, "MSFT", 0.048, 0.05), decision(2, "IBM", 0.01, 0.03, allowed=5),
    )  # fmt: skip
    general, own = ask(database, "pages/select_limit_use", account="paper", session=DAYS[3])
    told = ("name", "symbol", "value", "bound")
    assert [general[name] for name in told] == ["max_position", "MSFT", 0.048, 0]
    assert general["used"] == pytest.approx(0.96)
    assert [own[name] for name in told] == ["max_position IBM", "IBM", 0.01, 1]
    assert own["used"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(("parameters", "year"), [("{}", 252), ('{"horizon": 5}', 50)])
def test_a_walk_forward_sharpe_of_returns_over_a_week_is_not_one_of_days(database, parameters, year):
    word = "a" * 64
    plant(
        database.owner,
        ("model_versions", {"id": 7, "family": "tft", "version": 2, "state": "promoted", "training_run_id": 3,
                            "seen_until": DAYS[3], "code_version": word, "artifact_sha256": word,
                            "metadata_sha256": word, "artifact_format": "onnx"}),
        ("training_runs", {"id": 3, "family": "tft", "sharpe_per_session": 0.1, "first_session": DAYS[0],
                           "parameters": parameters, "data_version": word, "label_version": word,
                           "code_version": word}),
    )  # fmt: skip
    (found,) = ask(database, "metrics/select_sharpe")
    assert found["sharpe"] == pytest.approx(0.1 * year**0.5)
