"""The numbers of the account's tear sheet: its closes, its fills, its costs, and parity with the backtest engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from data_layer.storage.database import load_sql, transaction
from models.backtest.tear_sheet import tear_sheet
from models.errors import ConfigError

SHOWN = 10  # symbols, and trades, listed at either end


def account_numbers(uri: str, risk_free_rate: float, first: dt.date, last: dt.date) -> dict[str, Any]:
    """Return what the tear sheet of the account shows of a span, ready for JSON.

    A session's return is equity over that of the close before and what was paid in since (paid out is negative),
    so deposits are no gain.

    Args:
        uri: connection URI of a role that may read.
        risk_free_rate: per year.
        first: the span's first session.
        last: its last.

    Raises:
        ConfigError: when the account has no two closes in the span.
    """
    with transaction(uri) as connection:
        account = connection.execute(load_sql("reports/select_newest_account")).fetchone()
        name = account["account_id"] if account else ""
        rows = pd.DataFrame(
            connection.execute(load_sql("reports/select_account_sessions"), {"account": name}).fetchall()
        )
        if len(rows):
            basis = rows["equity"].shift() + rows["paid_in"]
            rows["net_return"] = (rows["equity"] / basis - 1.0).where(basis > 0)
            rows = rows[rows["net_return"].notna() & rows["session_date"].between(first, last)]
        if rows.empty:
            raise ConfigError("the account has no session in this span", stage="report", key="MODEL", value="account",
                              remedy="run the chain first, or name a longer span")  # fmt: skip
        asked = {"account": name, "first": first, "last": last}
        gains = connection.execute(load_sql("reports/select_gains"), asked).fetchall()
        closings = connection.execute(load_sql("reports/select_closings"), {**asked, "count": SHOWN}).fetchall()
        parity = connection.execute(load_sql("reports/select_parity"), asked).fetchone()
    numbers = {c: rows[c].to_numpy(np.float64, na_value=np.nan) for c in rows.select_dtypes("number")}
    dates = rows["session_date"].to_numpy().astype("datetime64[D]")
    sheet = tear_sheet(
        dates, numbers["net_return"], pd.to_numeric(rows["close_return"]).to_numpy(np.float64), risk_free_rate
    )
    equity = numbers["equity"]
    named = rows["benchmark"].dropna()  # of sessions that performance_testing has not come to yet there is none
    best = [g for g in gains if g["realized"] > 0]
    worst = [g for g in reversed(gains) if g["realized"] < 0]
    return {
        "subject": "account", "kind": "account", "synthetic": bool(rows["is_synthetic"].iloc[-1]),
        "about": {
            "account": name, "equity_usd": float(equity[-1]),
            "benchmark": named.iloc[-1] if len(named) else None,
        },
        **sheet,
        "gross_exposure": (numbers["gross"] / equity).tolist(), "net_exposure": (numbers["net"] / equity).tolist(),
        "turnover": (numbers["traded"] / equity).tolist(),
        "costs": {
            "turnover_a_session": float((numbers["traded"] / equity).mean()),
            "commission_usd": float(numbers["commission"].sum()), "slippage_usd": float(numbers["slippage"].sum()),
        },
        "trades": {
            "fills": int(numbers["fills"].sum()), "winners": best[:SHOWN], "losers": worst[:SHOWN],
            **{name: [_without(row, "list") for row in closings if row["list"] == name]
               for name in ("best", "worst", "newest")},
        },
        "parity": dict(parity) if parity and parity["sessions"] else None,
    }  # fmt: skip


def _without(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}
