"""Action checks: splits and dividends that cannot be true, found before they bend a single price."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd

from data_layer.quality.quarantine import quarantine_rows
from data_layer.settings import is_symbol

COLUMNS = ("symbol", "ex_date", "action_type", "value")
KEY = ["symbol", "ex_date", "action_type"]
# The largest split of a listed US share is 1:1,000 or so, and none has paid that much in cash; the table
# holds the same bound.
HIGHEST_VALUE = Decimal(1_000_000)


@dataclass(frozen=True)
class CheckedActions:
    """Every action received is in exactly one place.

    Attributes:
        received: rows in the answer.
        accepted: actions as received, one per symbol, ex-date and kind.
        duplicates: rows that repeat another one value for value.
        quarantined: symbol, session_date (the ex-date), reason, raw (dict of texts), row_hash.
    """

    received: int
    accepted: pd.DataFrame
    duplicates: int
    quarantined: pd.DataFrame


def check_actions(actions: pd.DataFrame, eves: pd.DataFrame, *, source: str) -> CheckedActions:
    """Sort actions as received into accepted, repeated and impossible ones.

    A dividend must be below the close before it: it is paid out of the share. Closes and dividends are
    compared as forward_factors does, so that no accepted action is refused there: in the ex-date's share
    basis, and all dividends going ex between two bars taken together.

    Args:
        actions: as Source.actions gives them.
        eves: symbol, ex_date, date and close (raw, USD) of the last bar before each ex-date; no row where
            there is none, and then nothing to compare a dividend with.
        source: name of the source, part of a bad row's identity.

    Returns:
        The three kinds; their sizes add up to the actions received.
    """
    kept = actions.drop_duplicates(list(COLUMNS), ignore_index=True)
    reasons = pd.Series("", index=kept.index, dtype=object)
    reasons[kept.duplicated(KEY, keep=False)] = "two actions of one symbol, ex-date and kind differ"
    reasons[[not _is_possible(value) for value in kept["value"].to_list()]] = "the value is not a number above zero"
    malformed = [symbol for symbol in kept["symbol"].unique() if not is_symbol(symbol)]
    reasons[kept["symbol"].isin(malformed)] = "malformed symbol"
    reasons[_ruinous(kept[reasons == ""], eves)] = "the dividend is not below the close before"
    quarantined, repeated = quarantine_rows(source, _as_received(kept[reasons != ""], reasons))
    duplicates = int(actions.duplicated(list(COLUMNS)).sum()) + repeated
    accepted = kept[reasons == ""].reset_index(drop=True)
    return CheckedActions(len(actions), accepted, duplicates, quarantined)


def _is_possible(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and 0 < value < HIGHEST_VALUE


def _ruinous(actions: pd.DataFrame, eves: pd.DataFrame) -> list[int]:
    """Return the index of the dividends that leave nothing of the close before."""
    joined = actions.reset_index().merge(eves, on=["symbol", "ex_date"])
    # A split of the same day comes first: a dividend is per share held after it.
    joined["is_dividend"] = joined["action_type"] == "dividend"
    joined = joined.sort_values(["symbol", "ex_date", "is_dividend"])
    values = joined["value"].astype(float)
    bar = [joined["symbol"], joined["date"]]
    split = values.where(~joined["is_dividend"], 1.0).groupby(bar).cumprod()
    paid = (values.where(joined["is_dividend"], 0.0) * split / joined["close"]).groupby(bar).transform("sum")
    return joined.loc[joined["is_dividend"] & (paid >= 1.0), "index"].to_list()


def _as_received(bad: pd.DataFrame, reasons: pd.Series) -> Iterator[tuple[Any, str, Mapping[str, object]]]:
    for index, row in zip(bad.index, bad[list(COLUMNS)].to_dict("records"), strict=True):
        yield row["ex_date"], reasons[index], {str(name): value for name, value in row.items()}
