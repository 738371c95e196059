"""Forward adjustment: factors that make prices comparable through time and that no later action moves."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data_layer.features.layout import STAGE, iso_date, require_columns, symbol_rows, to_days, to_floats
from models.errors import DataQualityError

BAR_COLUMNS = ("symbol", "date", "open", "high", "low", "close", "volume")
ACTION_COLUMNS = ("symbol", "ex_date", "action_type", "value")
_DAY_BITS = 32  # of the (symbol, day) key; days since 1970 fit in 31 bits and a sign


def forward_factors(bars: pd.DataFrame, actions: pd.DataFrame) -> pd.DataFrame:
    """Add the split factor and the total-return factor of each bar.

    The factors go forward as in CRSP's cumulative factors: both are 1 on a symbol's first bar and change on
    ex-dates, so `close * split_factor` and `close * return_factor` compare through time, and an action after
    a bar changes no bit of that bar's factors (backward adjustment rewrites the whole past).

    - split_factor(t): product of the ratios (new shares for one old) of the splits with ex-date <= t.
    - return_factor(t): the same, times 1 / (1 - D / C) for each bar on which dividends go ex. D is the cash
      per share as held on the ex-date (after a split of that very day); C is the raw close of the bar before,
      put into the same share basis by the splits that went ex since that bar. Several dividends on one bar
      add up. This is the return of one who reinvests at the ex-dividend price C - D (CRSP's RET, Yahoo's and
      Alpha Vantage's adjusted close).

    An ex-date without a bar of its symbol counts on the next bar; until there is one, it is ignored. An
    action on or before the first bar is ignored, for there is no earlier bar to compare with, and so is one
    of a symbol without bars.

    Args:
        bars: symbol, date, open, high, low, close (raw, USD), volume (raw, shares); each symbol's rows
            together and in date order.
        actions: symbol, ex_date, action_type ('split' or 'dividend'), value (new shares for one old; USD per
            share); any order.

    Returns:
        The bars with float64 columns split_factor and return_factor; never NaN.

    Raises:
        DataQualityError: a missing column, unsorted or duplicated bars, an unknown action_type, a value that
            is not finite and above 0, two splits of a symbol on one ex-date, a dividend that is not below the
            close before (also when that close is NaN). The message names symbol and date.
    """
    found = _ex_bars(bars, actions)
    if found is None:
        return bars.assign(split_factor=1.0, return_factor=1.0)
    starts, symbols, steps = found
    # Cumulative over the ex-bars alone, each symbol from its first one on: sequential, hence bit-stable.
    factors = steps.groupby("code")[["split", "total"]].cumprod()
    edges = np.concatenate((starts[:-1], steps["bar"].to_numpy(np.int64)))
    order = np.argsort(edges)
    lengths = np.diff(np.append(edges[order], len(bars)))
    columns = {}
    for column, step in (("split_factor", "split"), ("return_factor", "total")):
        levels = np.concatenate((np.ones(len(symbols)), factors[step].to_numpy(np.float64)))
        columns[column] = np.repeat(levels[order], lengths)
    return bars.assign(**columns)


def return_steps(bars: pd.DataFrame, actions: pd.DataFrame) -> np.ndarray:
    """Return by how much each bar multiplies its symbol's return_factor: 1 on all bars but those going ex.

    A step depends on its bar, the bar before and the actions in between, and on nothing earlier: a piece of a
    history gives the bits of the whole, which factors, being products from the first bar on, do not.

    Args:
        bars: as ``forward_factors`` takes them.
        actions: as ``forward_factors`` takes them.

    Returns:
        float64, one number a bar; never NaN.

    Raises:
        DataQualityError: as ``forward_factors``.
    """
    result = np.ones(len(bars))
    found = _ex_bars(bars, actions)
    if found is not None:
        result[found[2]["bar"].to_numpy(np.int64)] = found[2]["total"].to_numpy(np.float64)
    return result


def _ex_bars(
    bars: pd.DataFrame, actions: pd.DataFrame
) -> tuple[np.ndarray, pd.Index, pd.DataFrame] | None:
    """Each symbol's first row, the symbols and the ex-bars' steps; None when there is nothing to adjust."""
    require_columns(bars, BAR_COLUMNS, "bars")
    require_columns(actions, ACTION_COLUMNS, "actions")
    if bars.empty or actions.empty:
        if not bars.empty:
            symbol_rows(bars)
        return None
    starts, codes, symbols, days = symbol_rows(bars)
    events = _checked(actions)
    events["code"] = symbols.get_indexer(pd.Index(events["symbol"]))
    events = events[events["code"] >= 0]
    # One ascending key finds each action's bar in a single binary search over all symbols.
    bar_keys = (codes << _DAY_BITS) + days
    event_codes = events["code"].to_numpy(np.int64)
    events["bar"] = np.searchsorted(bar_keys, (event_codes << _DAY_BITS) + events["day"].to_numpy())
    in_reach = (events["bar"] > starts[event_codes]) & (events["bar"] < starts[event_codes + 1])
    return starts, symbols, _steps(events[in_reach], to_floats(bars["close"]))


def _checked(actions: pd.DataFrame) -> pd.DataFrame:
    """The actions with their day as a number, in the one order all products and sums are taken in."""
    events = pd.DataFrame({
        "symbol": actions["symbol"].to_numpy(),
        "day": to_days(actions["ex_date"]),
        # False sorts before True: a split of the same day comes first, a dividend is per share held after it.
        "is_dividend": (actions["action_type"] == "dividend").to_numpy(bool),
        "value": to_floats(actions["value"]),
    })  # fmt: skip
    unknown = ~actions["action_type"].isin(["split", "dividend"]).to_numpy(bool)
    if unknown.any():
        kind = actions["action_type"].to_numpy()[unknown][0]
        raise _refused(f"unknown action_type {kind!r}", events[unknown].iloc[0], "use split or dividend")
    bad = ~(events["value"] > 0).to_numpy(bool)
    if bad.any():
        raw = actions["value"].to_numpy()[bad][0]
        raise _refused(f"value {raw} is not finite and above 0", events[bad].iloc[0], "correct the action")
    splits = events[~events["is_dividend"]]
    twice = splits.duplicated(["symbol", "day"]).to_numpy(bool)
    if twice.any():
        raise _refused("two splits on one ex-date", splits[twice].iloc[0], "keep the one that happened")
    return events.sort_values(["symbol", "day", "is_dividend", "value"], kind="stable", ignore_index=True)


def _steps(events: pd.DataFrame, close: np.ndarray) -> pd.DataFrame:
    """One row per ex-bar: code, bar, and by how much it multiplies the two factors."""
    events = events.sort_values("bar", kind="stable")
    ratio = events["value"].where(~events["is_dividend"], 1.0)
    events = events.assign(split=ratio.groupby(events["bar"]).cumprod())
    cash = events["value"].where(events["is_dividend"], 0.0)
    previous_close = close[events["bar"].to_numpy(np.int64) - 1]
    # cash / (previous_close / split): the close before in the share basis of the dividend's ex-date. A bar
    # without dividends adds an exact 0, also after a NaN close.
    events["paid"] = np.where(events["is_dividend"], cash * events["split"] / previous_close, 0.0)
    events["bad"] = events["paid"].isna()  # a sum passes over it
    steps = events.groupby("bar", as_index=False).agg(
        code=("code", "first"), split=("split", "last"), paid=("paid", "sum"), bad=("bad", "any")
    )
    ruinous = steps[(steps["paid"] >= 1.0) | steps["bad"]]
    if len(ruinous):
        event = events[(events["bar"] == ruinous["bar"].iloc[0]) & events["is_dividend"]].iloc[-1]
        before = close[int(event["bar"]) - 1]
        raise _refused(
            f"dividend of {event['value']:g} is not below the close before, {before:g}", event,
            "correct the dividend, or the close before it",
        )  # fmt: skip
    return steps.assign(total=steps["split"] / (1.0 - steps["paid"]))


def _refused(problem: str, event: pd.Series, remedy: str) -> DataQualityError:
    day = iso_date(event["day"])
    return DataQualityError(
        f"{problem}: {event['symbol']} on {day}", stage=STAGE, key="corporate_actions",
        value=float(event["value"]), remedy=remedy,
    )  # fmt: skip
