"""`make backtest STRATEGY= [PARAMETERS=] [SYMBOLS=] [START=] [END=] [CASH=] [FORM=] ...`: one strategy, stored."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from data_layer.runtime.console import ends, say, table
from data_layer.runtime.home import Home
from data_layer.settings import given_values, load_settings
from models.backtest.grid import RESULTS
from models.errors import ConfigError
from models.strategies.base import BaseStrategy
from plugins.backtest.market import Market
from plugins.backtest.outcome import Outcome
from plugins.backtest.portfolio import run_whole
from plugins.backtest.request import NAMES, STAGE, Request, Terms, read_request
from plugins.backtest.single import run_single
from plugins.backtest.store import store_run

SHOWN = 10  # trades and symbols that are printed; the tables have all


def backtest(uri: str, request: Request) -> int:
    """Run, store and print a backtest; return the id of its run.

    Raises:
        ConfigError: no bars of a symbol, or none from START to END.
    """
    strategy = request.strategy.from_parameters(request.parameters)
    return run_stored(uri, request.market(uri, voices=strategy.predictions), strategy, request)


def run_stored(uri: str, market: Market, strategy: BaseStrategy, request: Terms) -> int:
    """Run a strategy on bars at hand, store and print it; return the id of its run."""
    form = request.form_in(market)
    outcomes = accounts(market, strategy, request, form)
    run_id, new = store_run(
        uri, form, market, request.rules, request.constraints, request.benchmark, [(strategy, outcomes)], curves=True
    )  # fmt: skip
    warn(market)
    span = f"{outcomes[0].sessions[0]} to {outcomes[0].sessions[-1]}"
    say(f"{strategy.name} {strategy.parameters() or ''}, {form}, {len(market.symbols)} symbols, {span}, "
        f"{request.rules.cash:,.0f} USD each account")  # fmt: skip
    summarize(outcomes)
    say(f"run {run_id} of backtest_runs{'' if new else ', held since an earlier time'}: curve and trades are in "
        "backtest_equity and backtest_trades")  # fmt: skip
    return run_id


def accounts(market: Market, strategy: BaseStrategy, request: Terms, form: str) -> list[Outcome]:
    """Run a strategy in the form asked for.

    Raises:
        ConfigError: the market has sessions from START to END, but none with a bar of these symbols.
    """
    last = int(market.row_session.max())
    if last < market.begin:
        held = f"{market.sessions[market.row_session.min()]} to {market.sessions[last]}"
        raise ConfigError("no bars of the symbols from START to END", stage=STAGE, key="START..END",
                          value=f"{request.start or ''}..{request.end or ''}",
                          remedy=f"held of them are bars of {held}")  # fmt: skip
    if form == "portfolio":
        return [run_whole(market, strategy, request.rules, request.constraints)]
    return run_single(market, strategy, request.rules)


def warn(market: Market) -> None:
    """Say first what a reader must know of the bars."""
    if not market.has_delisted:
        say(
            "these bars hold none or hardly any of the shares that have left the market: results are those of "
            "survivors, and too good"
        )
    if market.synthetic:
        say("these bars are synthetic: no result says anything about a market")


def summarize(outcomes: Sequence[Outcome]) -> None:
    """Print every measure: of the one account, or the median, lowest and highest of many."""
    if len(outcomes) == 1:
        only = outcomes[0]
        table(("measure", "value"), [(name, _shown(only.measures[name])) for name in RESULTS])
        return
    values = np.array([[o.measures[name] for name in RESULTS] for o in outcomes])
    rows = []
    for i, name in enumerate(RESULTS):
        column = values[:, i][~np.isnan(values[:, i])]
        figures = (np.median(column), column.min(), column.max()) if len(column) else (math.nan,) * 3
        rows.append((name, *(_shown(float(f)) for f in figures)))
    table(("measure", "median", "lowest", "highest"), rows)


def _shown(value: float) -> float | str:
    return "-" if math.isnan(value) else value


def main() -> int:
    """Run with what the command line names, in this home."""
    settings = load_settings()
    request = read_request(given_values(names=NAMES), settings)
    backtest(Home(settings.almanac_home).uri("quant_writer"), request)
    return 0


if __name__ == "__main__":
    ends(main)
