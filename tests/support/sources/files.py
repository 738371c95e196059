"""Files: one of each kind, and a folder of both."""

from tests.support.bars import files_settings, real_bars, write_bars
from tests.support.sources import REAL, WANTED


def rows():
    return real_bars("AAPL IBM MSFT", "2005-01-03", "2005-12-30")


def csv_file(home, _stub):
    return files_settings(home, write_bars(home / "bars.csv", rows()), **WANTED)


def parquet_file(home, _stub):
    return files_settings(home, write_bars(home / "bars.parquet", rows()), **WANTED)


def folder(home, _stub):
    for symbol, part in rows().groupby("symbol"):
        below = home / "bars" / str(symbol)
        below.mkdir(parents=True)
        write_bars(below / ("part.csv" if symbol == "MSFT" else "part.parquet"), part)
    return files_settings(home, home / "bars", **WANTED)


CASES = {"csv_file": csv_file, "parquet_file": parquet_file, "folder": folder}
SYMBOLS, REPLAYS = REAL, True
