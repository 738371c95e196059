"""Feature kernels against TA-Lib, pandas-ta-classic and pyqlib."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from data_layer.features.compute import compute, fill
from data_layer.features.panel import Rows
from data_layer.features.registry import select
from data_layer.storage.dataset import read, write
from tests.benchmarks.bars import panel
from tests.benchmarks.measure import Measure
from tests.benchmarks.peers import bench_python, qlib_script

# Common to TA-Lib and pandas-ta: name here, TA-Lib function, inputs, parameters.
COMMON = [
    *((f"sma_{n}", "SMA", "c", (n,)) for n in (10, 20, 50, 200)),
    *((f"ema_{n}", "EMA", "c", (n,)) for n in (12, 20, 26, 50)),
    *((f"wma_{n}", "WMA", "c", (n,)) for n in (10, 20)),
    ("dema_20", "DEMA", "c", (20,)), ("tema_20", "TEMA", "c", (20,)), ("kama_10", "KAMA", "c", (10,)),
    ("trima_20", "TRIMA", "c", (20,)), *((f"rsi_{n}", "RSI", "c", (n,)) for n in (7, 14)),
    ("roc_10", "ROC", "c", (10,)), ("mom_10", "MOM", "c", (10,)), ("cmo_14", "CMO", "c", (14,)),
    ("macd", "MACD", "c", (12, 26, 9)), ("bb_upper", "BBANDS", "c", (20, 2, 2)),
    ("stochastic_k", "STOCH", "hlc", (14, 3, 0, 3, 0)), ("williams_r_14", "WILLR", "hlc", (14,)),
    ("cci_14", "CCI", "hlc", (14,)), ("aroon_up_14", "AROON", "hl", (14,)), ("adx_14", "ADX", "hlc", (14,)),
    ("atr_14", "ATR", "hlc", (14,)), ("natr_14", "NATR", "hlc", (14,)), ("true_range", "TRANGE", "hlc", ()),
    ("obv", "OBV", "cv", ()), ("ad", "AD", "hlcv", ()), ("adosc", "ADOSC", "hlcv", (3, 10)),
    ("mfi_14", "MFI", "hlcv", (14,)), ("psar", "SAR", "hl", (0.02, 0.2)),
    ("linreg_slope_20", "LINEARREG_SLOPE", "c", (20,)), ("ichimoku_base", "MIDPRICE", "hl", (26,)),
]  # fmt: skip
FIELDS = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}
FOURTEEN = [
    "roc5", "ma5", "ma20", "ma60", "std20", "max20", "min20", "rsv20", "vma5", "vma20", "vstd20", "cntp20",
    "beta20", "rsqr20",
]  # fmt: skip
MARKET_SHAPE = (150, 2800)  # symbols and sessions: the 419 thousand rows the targets were set on


def timed(function: Callable[[], object], repeats: int = 5) -> float:
    """Median seconds after one run that does not count."""
    return timed_in_turns([function], repeats)[0]


def timed_in_turns(functions: list[Callable[[], object]], repeats: int = 11) -> list[float]:
    """Median seconds of each after one run that does not count, taken in turns: a busy moment hits all of them."""
    for function in functions:
        function()
    seconds: list[list[float]] = [[] for _ in functions]
    for _ in range(repeats):
        for function, taken in zip(functions, seconds, strict=True):
            began = time.perf_counter()
            function()
            taken.append(time.perf_counter() - began)
    return [median(taken) for taken in seconds]


def ours(bars: pd.DataFrame, names: list[str] | None, feature_set: str, threads: int) -> Callable[[], None]:
    """Arrays in, float32 matrix out, as the stage and the peers: reading the frame is not in it."""
    columns = select(names, feature_set)
    own = Rows.from_bars(bars)
    matrix = np.empty((len(columns), len(bars)), np.float32)
    return lambda: fill(matrix, columns, own, threads)


def talib_common(bars: pd.DataFrame) -> Callable[[], None]:
    """TA-Lib's C through its Python wrapper, symbol by symbol."""
    import talib

    symbols = [
        {key: rows[name].to_numpy(float, copy=True) for key, name in FIELDS.items()}
        for _, rows in bars.groupby("symbol", sort=False)
    ]
    calls = [(getattr(talib, function), inputs, parameters) for _, function, inputs, parameters in COMMON]

    def run() -> None:
        for fields in symbols:
            for function, inputs, parameters in calls:
                function(*(fields[key] for key in inputs), *parameters)

    return run


def classic_common(bars: pd.DataFrame, symbols: int) -> float:
    """Seconds of pandas-ta-classic for all symbols, measured on a few of them: it takes the same for each."""
    import pandas_ta_classic as ta

    names = {
        "SMA": "sma", "EMA": "ema", "WMA": "wma", "DEMA": "dema", "TEMA": "tema", "KAMA": "kama", "TRIMA": "trima",
        "RSI": "rsi", "ROC": "roc", "MOM": "mom", "CMO": "cmo", "MACD": "macd", "BBANDS": "bbands", "STOCH": "stoch",
        "WILLR": "willr", "CCI": "cci", "AROON": "aroon", "ADX": "adx", "ATR": "atr", "NATR": "natr",
        "TRANGE": "true_range", "OBV": "obv", "AD": "ad", "ADOSC": "adosc", "MFI": "mfi", "SAR": "psar",
        "LINEARREG_SLOPE": "linreg", "MIDPRICE": "midprice",
    }  # fmt: skip
    groups = [rows.reset_index(drop=True) for _, rows in list(bars.groupby("symbol", sort=False))[:symbols]]

    def run() -> None:
        for rows in groups:
            for _, function, inputs, parameters in COMMON:
                fields = {FIELDS[key]: rows[FIELDS[key]] for key in inputs}
                length = {"length": parameters[0]} if len(parameters) == 1 else {}
                slope = {"slope": True} if function == "LINEARREG_SLOPE" else {}
                getattr(ta, names[function])(**fields, **length, **slope, talib=False)

    return timed(run, 1) * bars["symbol"].nunique() / len(groups)


def indicators_36() -> Iterator[Measure]:
    """36 common columns of 420 thousand rows."""
    bars = panel(*MARKET_SHAPE)
    names = [name for name, *_ in COMMON]
    peer = talib_common(bars)
    one, two, theirs = timed_in_turns([*(ours(bars, names, "technical", n) for n in (1, 2)), peer])
    yield Measure("indicators_36_threads_1", one, theirs, 1.5)
    yield Measure("indicators_36_threads_2", two, theirs, 3.0)
    yield Measure("indicators_36_pandas_ta", one, classic_common(bars, 3), 60.0)


def technical_all() -> Iterator[Measure]:
    """Every technical column of 154 symbols over 2,800 sessions on two threads, against a quarter of a second."""
    mine = timed(ours(panel(154, 2800), None, "technical", 2))
    yield Measure("technical_all", mine, 0.25, 1.0)


def qlib_seconds(bars: pd.DataFrame, what: str, repeats: int) -> float:
    """Median seconds of pyqlib in its own environment, one thread."""
    python = bench_python()
    if python is None:
        raise SystemExit(
            "no pyqlib: make .venv-bench from requirements-bench.txt, or name it with BENCH_VENV"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.parquet"
        bars.to_parquet(path)
        done = subprocess.run([python, str(qlib_script()), str(path), "-", what, str(repeats)], check=True,
                              capture_output=True, text=True, env={**os.environ, "THREADS": "1"})  # fmt: skip
    return median(json.loads(done.stdout.strip().splitlines()[-1]))


def alpha158() -> Iterator[Measure]:
    """Alpha158 of 420 thousand rows, one thread each."""
    bars = panel(*MARKET_SHAPE)
    yield Measure("alpha158", timed(ours(bars, None, "alpha158", 1)), qlib_seconds(bars, "alpha158", 1), 40.0)


def features_14() -> Iterator[Measure]:
    """14 factors of 800 symbols over 3,300 sessions, one thread each; computed, and read back from where they are kept.

    Kept: either side has computed and stored them beforehand, and that is not in it. Qlib finds its dataset cache's
    file and reads it, we map a dataset file; then both sum every column, so every value has been in memory.
    """
    bars = panel(800, 3300)
    mine = timed(ours(bars, FOURTEEN, "alpha158", 1), 3)
    yield Measure("features_14", mine, qlib_seconds(bars, "features_14", 1), 25.0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fourteen.arrow"
        write(compute(bars, FOURTEEN, "alpha158"), path, "alpha158")

        def kept() -> float:
            frame = read(path, FOURTEEN, "alpha158")
            return sum(float(frame[name].to_numpy().sum()) for name in FOURTEEN)

        mine = timed(kept, 11)
    yield Measure("features_14_cached", mine, qlib_seconds(bars, "features_14_cached", 5), 5.0)


BENCHMARKS = (indicators_36, technical_all, alpha158, features_14)
