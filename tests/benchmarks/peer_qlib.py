"""Run pyqlib over bars: its own provider, expression engine and Alpha158 loader, in an environment of its own.

Usage: python peer_qlib.py BARS.parquet OUT.parquet|- alpha158|features_14|features_14_cached [REPEATS]
Prints the seconds of each repeat, without making the files Qlib reads and without its start. Cached: its dataset cache
holds the frame already (SimpleDatasetCache, the one that works without a Redis server), is read back, and every column
summed, so that no value is promised only.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

FIELDS = ("open", "high", "low", "close", "volume", "vwap")
FOURTEEN = [
    "Ref($close, 5)/$close", "Mean($close, 5)/$close", "Mean($close, 20)/$close", "Mean($close, 60)/$close",
    "Std($close, 20)/$close", "Max($high, 20)/$close", "Min($low, 20)/$close",
    "($close-Min($low, 20))/(Max($high, 20)-Min($low, 20)+1e-12)", "Mean($volume, 5)/($volume+1e-12)",
    "Mean($volume, 20)/($volume+1e-12)", "Std($volume, 20)/($volume+1e-12)", "Mean($close>Ref($close, 1), 20)",
    "Slope($close, 20)/$close", "Rsquare($close, 20)",
]  # fmt: skip


def write_provider(bars: pd.DataFrame, folder: Path) -> None:
    """Qlib's files: a calendar, the instruments, and one float32 file per symbol and field."""
    calendar = np.sort(pd.to_datetime(bars["date"].unique()))
    (folder / "calendars").mkdir(parents=True)
    (folder / "instruments").mkdir()
    (folder / "calendars" / "day.txt").write_text("\n".join(str(day)[:10] for day in calendar))
    lines = []
    for symbol, rows in bars.groupby("symbol", sort=False):
        dates = pd.to_datetime(rows["date"]).to_numpy()
        lines.append(f"{symbol}\t{str(dates[0])[:10]}\t{str(dates[-1])[:10]}")
        home = folder / "features" / str(symbol).lower()
        home.mkdir(parents=True)
        first = np.searchsorted(calendar, dates[0])
        for field in FIELDS:
            values = np.full(np.searchsorted(calendar, dates[-1]) - first + 1, np.nan, "<f4")
            values[np.searchsorted(calendar, dates) - first] = rows[field].to_numpy("f4")
            np.hstack([[first], values]).astype("<f4").tofile(home / f"{field}.day.bin")
    (folder / "instruments" / "all.txt").write_text("\n".join(lines))


def main() -> None:
    source, target, what, *more = sys.argv[1:]
    bars = pd.read_parquet(source)
    with tempfile.TemporaryDirectory() as folder:
        write_provider(bars, Path(folder))
        with contextlib.redirect_stdout(sys.stderr):
            import qlib
            from qlib.contrib.data.loader import Alpha158DL
            from qlib.data import D

            threads = os.environ.get("THREADS", "1")
            cached = what.endswith("_cached")
            qlib.init(provider_uri=folder, region="us", kernels=int(threads), joblib_backend="threading",
                      expression_cache=None, dataset_cache="SimpleDatasetCache" if cached else None,
                      local_cache_path=f"{folder}/cache", logging_level=40)  # fmt: skip
            config = {
                "kbar": {},
                "price": {"windows": [0], "feature": ["OPEN", "HIGH", "LOW", "VWAP"]},
                "rolling": {},
            }
            fields, names = Alpha158DL.get_feature_config(config)
            if what.startswith("features_14"):
                fields, names = FOURTEEN, [f"f{i}" for i in range(14)]
            from qlib.data.cache import H

            symbols = list(bars["symbol"].unique())
            if cached:  # the first time fills it
                D.features(symbols, fields, freq="day", disk_cache=1)
            seconds = []
            for _ in range(int(more[0]) if more else 1):
                H.clear()
                began = time.perf_counter()
                frame = D.features(symbols, fields, freq="day", disk_cache=int(cached))
                if cached:
                    sum(float(frame[name].to_numpy().sum()) for name in frame.columns)
                seconds.append(time.perf_counter() - began)
    frame.columns = names
    if target != "-":
        keys = pd.MultiIndex.from_arrays([bars["symbol"], pd.to_datetime(bars["date"])])
        frame.reindex(keys).reset_index(drop=True).to_parquet(target)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
