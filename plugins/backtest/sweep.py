"""`make sweep STRATEGY= GRID="x=20:40:5 y=1,2"`: every combination of parameters, each counted as a trial."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal, InvalidOperation

import numpy as np

from data_layer.runtime.console import ends, say, table
from data_layer.runtime.home import Home
from data_layer.settings import given_values, load_settings
from data_layer.storage.database import load_sql, transaction
from models.errors import ConfigError
from models.strategies.base import BaseStrategy
from plugins.backtest.outcome import Outcome
from plugins.backtest.request import NAMES, STAGE, Request, as_value, known_parameter, pairs, read_request
from plugins.backtest.run import SHOWN, accounts, warn
from plugins.backtest.store import store_run

MOST = 10_000  # combinations; more is a slip of the pen, and no ranking could tell so many apart
EXAMPLE = 'write GRID="oversold=20:40:5 exit_level=45,50,55"'


def combinations(request: Request, grid: str) -> list[BaseStrategy]:
    """Return a strategy per combination of the grid's values, the first name changing slowest.

    Args:
        request: its parameters hold for all of them.
        grid: name=first:last:step, both ends included, or name=a,b,c; separated by blanks.

    Raises:
        ConfigError: for an empty or malformed grid, one of more than MOST combinations, an unknown parameter, and a
            value out of a parameter's bounds.
    """
    axes = {known_parameter(request.strategy, k, v): _values(k, v) for k, v in pairs(grid, "GRID")}
    count = math.prod(len(values) for values in axes.values())
    if not axes or count > MOST:
        raise ConfigError("the grid is empty" if not axes else "the grid has too many combinations", stage=STAGE,
                          key="GRID", value=grid if not axes else count,
                          remedy=EXAMPLE if not axes else f"keep it to {MOST:,}")  # fmt: skip
    found = [
        request.strategy.from_parameters({**request.parameters, **dict(zip(axes, values, strict=True))})
        for values in itertools.product(*axes.values())
    ]
    return list({tuple(s.parameters().items()): s for s in found}.values())


def _values(name: str, text: str) -> list[float | str]:
    if ":" not in text:
        return [as_value(word) for word in dict.fromkeys(text.split(","))]
    try:
        first, last, step = (Decimal(word) for word in text.split(":"))
        steps = (last - first) / step
        if not (first.is_finite() and last.is_finite() and step > 0 and 0 <= steps < MOST):
            raise InvalidOperation
    except (InvalidOperation, ValueError, ArithmeticError):
        raise ConfigError(
            "not a range of the grid", stage=STAGE, key=name, value=text, remedy=EXAMPLE
        ) from None
    # Decimal: 0.1 + 0.2 would miss an end of 0.3.
    return [float(first + step * i) for i in range(int(steps) + 1)]


def sweep(uri: str, request: Request, grid: str) -> int:
    """Run, store and print every combination; return the id of the run."""
    strategies = combinations(request, grid)
    market = request.market(uri, voices=request.strategy.predictions)
    form = request.form_in(market)
    tried = [(strategy, accounts(market, strategy, request, form)) for strategy in strategies]
    run_id, new = store_run(
        uri, "sweep", market, request.rules, request.constraints, request.benchmark, tried, curves=False
    )
    warn(market)
    with transaction(uri) as connection:
        asked = {"strategy": request.strategy.name}
        row = connection.execute(load_sql("strategy_trials/count_trials"), asked).fetchone()
    names = [name for name, _ in pairs(grid, "GRID")]
    ranked = sorted(tried, key=lambda pair: -_median(pair[1], "sharpe_ratio"))
    shown = ("sharpe_ratio", "annual_return", "max_drawdown", "trades", "turnover")
    say(
        f"{request.strategy.name}, {form}, {len(market.symbols)} symbols, {len(tried)} combinations, the best of them:"
    )
    rows = [
        (*(strategy.parameters()[name] for name in names), *(_median(found, measure) for measure in shown))
        for strategy, found in ranked[:SHOWN]
    ]
    table((*names, *shown), rows)
    say(f"{row['trials'] if row else 0} configurations of {request.strategy.name} were tried so far: the best of many "
        "is good by luck as well; make assess says how much")  # fmt: skip
    say(
        f"run {run_id} of backtest_runs{'' if new else ', held since an earlier time'}: all are in backtest_results"
    )
    return run_id


def _median(outcomes: list[Outcome], measure: str) -> float:
    values = np.array([o.measures[measure] for o in outcomes])
    values = values[~np.isnan(values)]
    return float(np.median(values)) if len(values) else -math.inf


def main() -> int:
    """Run with what the command line names, in this home."""
    settings = load_settings()
    given = given_values(names=NAMES)
    request = read_request(given, settings)
    sweep(Home(settings.almanac_home).uri("quant_writer"), request, given.get("GRID", ""))
    return 0


if __name__ == "__main__":
    ends(main)
