"""The assessment's grid against vectorbt, and against its own budgets of time.

Strategies: the eleven below (ml_ensemble needs trained models, the alpha models are beyond eleven). Symbols: the 153
of most dollar volume among those held from first to last session, so that none of the 53,856 backtests is empty.
Windows: the dated ones of include/scenarios.toml that the bars hold, then calendar years from the last one back.
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from data_layer.runtime.postgres import embedded_postgres
from data_layer.settings import parse_settings
from data_layer.storage.migrate import prepare_database
from models.backtest.grid import run_grid
from models.backtest.rules import Rules
from models.backtest.scenarios import Scenario, definition
from plugins.backtest.assessment import lay_out, rows_of
from plugins.backtest.assessment_run import contenders_from_files, rules_for
from plugins.backtest.market import Market, market_from_file
from plugins.backtest.orders import Orders, orders
from plugins.backtest.scenario_file import read_scenarios
from tests.benchmarks.bars import MARKET, panel
from tests.benchmarks.measure import Measure
from tests.benchmarks.peers import ROOT, bench_python

ELEVEN = (
    "buy_and_hold", "dollar_cost_averaging", "golden_cross", "trend_following", "mean_reversion", "rsi_reversion",
    "momentum", "dual_momentum", "volatility_targeting", "balanced_portfolio", "enhanced_momentum",
)  # fmt: skip
SYMBOLS, WINDOWS = 153, 32
PLAIN = Rules(commission_per_share=0.0, commission_minimum=0.0, commission_bps=10.0, borrow_rate=0.0,
              whole_shares=False)  # fmt: skip  # what vectorbt can say as well
PROCESS = """
import sys
from pathlib import Path
from data_layer.runtime.console import ends
from plugins.backtest import scenario_file

def main():
    scenario_file.SCENARIOS_FILE = Path(sys.argv[2])
    if sys.argv[1] == "files":
        from plugins.backtest.assess import assess_files
        found = assess_files({"FILES": sys.argv[3], "STRATEGIES": sys.argv[4], "OUT": sys.argv[5]})[2]
    else:
        from data_layer.features.memory import share_freed_memory, without_collections
        share_freed_memory()
        with without_collections(for_good=True):  # as assess.from_home
            from data_layer.settings import parse_settings
            from plugins.backtest.assessment_run import Asked, run_here
            asked = Asked(strategies=tuple(sys.argv[4].split(",")))
            found = run_here(sys.argv[3], parse_settings(Path("."), {}), asked)[1]
    print(int((found.sessions > 0).sum()), found.errors)
    return 0

ends(main)
"""


@dataclass(frozen=True)
class Grid:
    """What the measures share."""

    bars: pd.DataFrame
    market: Market
    scenarios: tuple[Scenario, ...]
    windows: np.ndarray  # [S, W, 2]
    orders: Orders
    rate: float

    def run(self) -> np.ndarray:
        """The grid once."""
        market = self.market
        return run_grid(market.bars, market.offsets, *self.orders, self.windows, market.benchmark, self.rate)


def _bars() -> pd.DataFrame:
    if not MARKET.exists():
        return panel(SYMBOLS, 5400)[["symbol", "date", "open", "high", "low", "close", "volume"]]
    bars = pd.read_parquet(MARKET)
    spans = bars.groupby("symbol")["date"].agg(["min", "max"])
    whole = spans.index[(spans["min"] == spans["min"].min()) & (spans["max"] == spans["max"].max())]
    volume = (bars["close"] * bars["volume"]).groupby(bars["symbol"]).sum()[whole]
    return bars[bars["symbol"].isin(volume.nlargest(SYMBOLS).index)].reset_index(drop=True)


def _scenarios(market: Market) -> tuple[Scenario, ...]:
    dated = [s for s in read_scenarios() if s.kind == "historical"]
    course = lay_out(market, dated)
    found = [s for s, place in zip(dated, course.places, strict=True) if not place.skipped]
    last = market.sessions[-1].astype("datetime64[Y]").astype(int) + 1969
    for year in range(last, last - WINDOWS + len(found), -1):
        found.append(Scenario(f"Year {year}", "historical", "year", "a calendar year", dt.date(year, 1, 1),
                              dt.date(year, 12, 31)))  # fmt: skip
    return tuple(found)


@cache
def grid() -> Grid:
    """Bars, windows and orders, made once."""
    bars = _bars()
    with tempfile.TemporaryDirectory() as folder:
        bars.to_parquet(f"{folder}/bars.parquet", index=False)
        market = market_from_file(f"{folder}/bars.parquet")
    scenarios = _scenarios(market)
    windows = rows_of(market, scenarios, lay_out(market, scenarios).places)
    assert windows.shape == (SYMBOLS, WINDOWS, 2) and (windows[:, :, 0] >= 0).all()
    rules = rules_for(parse_settings(Path(), {}), {})
    strategies = [c.strategy for c in contenders_from_files(ELEVEN) if c.strategy]
    return Grid(bars, market, scenarios, windows, orders(market, strategies, rules), rules.cash_rate)


def _timed(function, repeats: int = 7) -> float:
    function()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return median(seconds)


def backtest_grid() -> Iterator[Measure]:
    """The parts vectorbt does as well; then, against budgets, what it does not."""
    whole = grid()
    yield from _against_vectorbt(whole)
    count = len(ELEVEN) * SYMBOLS * WINDOWS
    yield Measure("backtest_grid_300000", _timed(whole.run) / count * 300_000, 1.0, 1.0)  # a second is the budget
    yield from _processes(whole, count)


def _against_vectorbt(whole: Grid) -> Iterator[Measure]:
    python = bench_python("vectorbt")
    if not python:
        print("backtest_grid skipped: no environment with vectorbt (BENCH_VENV, or make peers)")
        return
    market, (targets, *_, rules) = whole.market, whole.orders
    sessions, symbols = len(market.sessions), len(market.symbols)
    factor = market.frame["split_factor"].to_numpy()
    prices = np.full((3, sessions, symbols), np.nan)
    for i, column in enumerate((0, 3)):
        prices[i, market.row_session, market.row_symbol] = market.bars[:, column] * factor
    wanted = np.zeros((len(targets), sessions, symbols))
    wanted[:, market.row_session, market.row_symbol] = np.clip(np.nan_to_num(targets), None, 1e9)
    amounts = np.array([row[Rules._fields.index("buys_amounts")] != 0.0 for row in rules])
    filled = [pd.DataFrame(p).ffill().bfill().to_numpy() for p in prices[:2]]
    places = [p for p in lay_out(market, whole.scenarios).places if not p.skipped]
    plain = np.array([PLAIN._replace(buys_amounts=bool(a)) for a in amounts], float)
    none = np.full((1, targets.shape[1]), np.nan), np.full(len(targets), -1)
    taken = (market.bars, market.offsets, targets, *none, plain, whole.windows, market.benchmark, 0.0)
    ours = _timed(lambda: run_grid(*taken))
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/in.npz", open=filled[0], close=filled[1], target=wanted, amounts=amounts,
                 windows=[(p.first, p.last) for p in places], fees=0.001, slippage=0.0005, cash=100_000.0)  # fmt: skip
        script = ROOT / "tests" / "benchmarks" / "peer_vectorbt_grid.py"
        done = subprocess.run([python, script, f"{folder}/in.npz"], check=True, capture_output=True, text=True)
    yield Measure("backtest_grid", ours, float(done.stdout.split()[-1]), 40.0)


def _processes(whole: Grid, count: int) -> Iterator[Measure]:
    """Whole processes against their budgets: start, read, compute, write; without the ranking."""
    with tempfile.TemporaryDirectory() as folder:
        bars, file = f"{folder}/bars.parquet", Path(folder) / "scenarios.toml"
        whole.bars.to_parquet(bars, index=False)
        file.write_text("\n".join(map(_entry, whole.scenarios)))
        seconds = _process(count, "files", file, bars, f"{folder}/out.parquet")
        yield Measure("backtest_grid_files", seconds, 2.0, 1.0)
        with embedded_postgres(Path(folder) / "postgres") as server:
            prepare_database(server)
            uri = server.uri("quant_writer", "quant_data")
            _load(uri, Path(folder), bars)
            yield Measure("backtest_grid_database", _process(count, "database", file, uri, ""), 4.0, 1.0)


def _entry(scenario: Scenario) -> str:
    lines = [f'{k} = "{v}"' if k not in {"start", "end"} else f"{k} = {v}" for k, v in definition(scenario).items()]
    return "\n".join(["[[scenario]]", *lines])


def _process(count: int, *arguments: object) -> float:
    # Modules are compiled once, as for any user: some CI and containers forbid Python to keep that.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPATH": str(ROOT)}
    kind, file, source, out = map(str, arguments)
    command = [sys.executable, "-c", PROCESS, kind, file, source, ",".join(ELEVEN), out]
    seconds = []
    for _ in range(4):
        began = time.perf_counter()
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        seconds.append(time.perf_counter() - began)
        assert f"{count} {{}}" in done.stdout, done.stdout[-500:]
    return median(seconds[1:])  # the first one compiles what the cache lacks


def _load(uri: str, folder: Path, bars: str) -> None:
    from tests.support.chain import run_stage, sample_settings

    run_stage(uri, sample_settings(folder, source="files", files=bars), "data_ingestion")


BENCHMARKS = (backtest_grid,)
