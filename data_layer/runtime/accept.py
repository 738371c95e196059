"""`make accept SESSION=... [SYMBOL=...] REASON=...`: let the gate pass a session, or one symbol in it, as it is."""

from __future__ import annotations

import datetime as dt
import os

from data_layer.quality.decisions import accept
from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.runtime.remember import home_settings
from data_layer.settings import home_path, parse_date
from data_layer.sources.universe import asked_for, read_universe
from data_layer.storage.database import transaction


def main() -> int:
    """Accept in this home's database."""
    session = parse_date(os.environ.get("SESSION", ""), key="SESSION", stage="accept")
    symbol, reason = os.environ.get("SYMBOL", ""), os.environ.get("REASON", "")
    settings, _ = home_settings(home_path())
    asked = asked_for(settings, read_universe(settings)).symbols
    uri = Home(settings.almanac_home).uri("quant_writer")
    with transaction(uri) as connection:
        done = accept(connection, session, symbol, reason, now=dt.datetime.now(dt.UTC), asked_for=asked)
    say(f"{session} {symbol or 'as a whole'} accepted" + ("" if done else " already"))
    return 0


if __name__ == "__main__":
    ends(main)
