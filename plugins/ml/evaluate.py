"""`make evaluate-models FILES= [MODEL= PARAMETERS= START= SPLIT= END= SYMBOLS= SEED=]`: a model against plain rules.

Trained once on START to SPLIT, judged after it to END, beside a 5-session reversal and a 12-1 momentum. Nothing is
stored and no home is needed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data_layer.runtime.console import ends, say, table
from data_layer.settings import given_values, parse_date, validate_symbol
from models.errors import ConfigError
from models.ml.base import Artifact, Dataset, Index, Trainer, trainer_class
from models.ml.baselines import MEASURES, baseline_scores, intervals
from models.ml.evaluate import COST_BPS, Evaluation, evaluate
from plugins.backtest.market import Market, market_from_file
from plugins.backtest.request import as_value, pairs
from plugins.ml.dataset import dataset_for

NAMES = ("FILES", "MODEL", "PARAMETERS", "START", "SPLIT", "END", "SYMBOLS", "SEED")
# Ten years to learn from and the five after: set before anything was run, and never moved.
DEFAULTS = {
    "MODEL": "alpha158_lightgbm",
    "START": "2006-01-01",
    "SPLIT": "2015-12-31",
    "END": "2020-12-31",
    "SEED": "0",
}
EMBARGO = 1  # as in the walk-forward


@dataclass(frozen=True)
class Compared:
    """Evaluations of the test window by contender, the model first; its version; costs aside as well."""

    artifact: Artifact
    found: dict[str, Evaluation]
    before_costs: dict[str, float]  # Sharpe


def compare(
    market: Market, trainer: Trainer, start: dt.date, split: dt.date, seed: int, top: int = 50
) -> Compared:
    """Train up to a day, judge from then on.

    The training window ends the trainer's reach and an embargo of one session before the test window, so no label
    learnt touches it.

    Raises:
        ConfigError: when the bars do not reach over both windows, or the label spans several sessions.
        DataQualityError: as Trainer.fit.
    """
    if trainer.label_horizon != 1:
        raise ConfigError("judged are labels of one session", stage="training", key="horizon",
                          value=trainer.label_horizon, remedy="leave horizon at 1")  # fmt: skip
    first, begin = (
        int(np.searchsorted(market.sessions, np.datetime64(day))) for day in (start, split + dt.timedelta(1))
    )
    last = begin - 1 - trainer.reach - EMBARGO
    if last <= first or begin + trainer.reach >= len(market.sessions):
        raise ConfigError("no bars on both sides of SPLIT", stage="training", key="SPLIT", value=str(split),
                          remedy=f"bars are of {market.sessions[0]} to {market.sessions[-1]}")  # fmt: skip
    data = dataset_for(market, trainer, max(first - trainer.memory, 0))
    spans = [
        f"{data.sessions[i]} to {data.sessions[k]}" for i, k in ((first, last), (begin, -1 - trainer.reach))
    ]
    say(
        f"{len(data):,} rows of {len(data.symbols)} symbols; learns from {spans[0]}, is judged from {spans[1]}"
    )
    artifact = trainer.fit(data, data.rows_between(first, last), seed, say)
    rows = data.rows_between(begin, len(data.sessions) - 1)
    scores = {trainer.family: trainer.predict(artifact, data, rows).score, **_baselines(market, data, rows)}
    found = {name: evaluate(data, rows, score, top=top) for name, score in scores.items()}
    free = {name: evaluate(data, rows, score, top=top, cost_bps=0.0).sharpe for name, score in scores.items()}
    return Compared(artifact, found, free)


def _baselines(market: Market, data: Dataset, rows: Index) -> dict[str, np.ndarray]:
    closes = np.full((len(market.sessions), len(market.symbols)), np.nan)
    total = (market.frame["close"] * market.frame["return_factor"]).to_numpy(np.float64)
    closes[market.row_session, market.row_symbol] = total
    return {k: v[data.session[rows], data.symbol[rows]] for k, v in baseline_scores(closes).items()}


def show(compared: Compared, family: str) -> None:
    """Print the measures with their intervals, a line a contender and a line a lead."""
    bounds = intervals(compared.found, family)
    names = list(dict.fromkeys(name for name, _ in bounds))
    say(f"95 % of a stationary bootstrap over {len(compared.found[family].sessions):,} sessions in brackets; Sharpe "
        f"per year after {COST_BPS:g} bps of what is traded")  # fmt: skip
    table(("", *MEASURES), [(name, *(_interval(bounds[name, m]) for m in MEASURES)) for name in names])
    table(("", "win rate", "turnover a session", "Sharpe before costs", "rows"), [
        (name, e.win_rate, e.turnover, compared.before_costs[name], e.n) for name, e in compared.found.items()
    ])  # fmt: skip
    weights = sorted(compared.artifact.metadata["importances"].items(), key=lambda item: -item[1])[:10]
    say("importances: " + ", ".join(f"{name} {share:.1%}" for name, share in weights))


def _interval(found: tuple[float, float, float]) -> str:
    value, low, high = found
    return f"{value:.4f} [{low:.4f}, {high:.4f}]"


def main() -> int:
    """Run with what the environment names."""
    given = {**DEFAULTS, **{name: value for name, value in given_values(names=NAMES).items() if value}}
    market, trainer, start, split, seed = asked(given)
    show(compare(market, trainer, start, split, seed), trainer.family)
    return 0


def asked(given: Mapping[str, str]) -> tuple[Market, Trainer, dt.date, dt.date, int]:
    """Return what the variables ask for.

    Raises:
        ConfigError: without FILES, and for what cannot be read.
    """
    if not given.get("FILES"):
        raise ConfigError("no bars named", stage="training", key="FILES", value="",
                          remedy="make evaluate-models FILES=/data/bars.parquet")  # fmt: skip
    days = {key: parse_date(given[key], key=key, stage="training") for key in ("START", "SPLIT", "END")}
    if not given["SEED"].isdecimal():
        raise ConfigError(
            "not a whole number", stage="training", key="SEED", value=given["SEED"], remedy="SEED=0"
        )
    parameters = {key: as_value(value) for key, value in pairs(given.get("PARAMETERS", ""), "PARAMETERS")}
    trainer = trainer_class(given["MODEL"]).from_parameters(parameters)
    symbols = [
        validate_symbol(s, stage="training") for s in given.get("SYMBOLS", "").replace(",", " ").split()
    ]
    return (
        market_from_file(given["FILES"], symbols, end=days["END"]),
        trainer,
        days["START"],
        days["SPLIT"],
        int(given["SEED"]),
    )


if __name__ == "__main__":
    ends(main)
