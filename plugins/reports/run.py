"""`make report [MODEL=] [START= END=] OUT=folder`: tear sheets of a model, or of every active one and the account."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.settings import given_values, load_settings, parse_date
from models.errors import ConfigError
from plugins.reports.sheet import headings, write_sheets

NAMES = ("MODEL", "START", "END", "OUT")


def main() -> int:
    """Write the tear sheets and print where they are."""
    settings, given = load_settings(), {k: v for k, v in given_values(names=NAMES).items() if v}
    if "OUT" not in given:
        raise ConfigError("no folder for the tear sheets", stage="report", key="OUT", value="",
                          remedy="name one: OUT=report")  # fmt: skip
    first, last = (
        parse_date(given[key], key=key, stage="report") if key in given else default
        for key, default in (("START", dt.date.min), ("END", dt.date.max))
    )
    if first > last:
        raise ConfigError("START lies after END", stage="report", key="START", value=str(first),
                          remedy="swap them")  # fmt: skip
    pages = write_sheets(
        Home(settings.almanac_home).uri("quant_reader"), Path(given["OUT"]), model=given.get("MODEL", ""),
        first=first, last=last, risk_free_rate=settings.risk_free_rate,
    )  # fmt: skip
    if not pages:
        raise ConfigError("nothing has traded in this span", stage="report", key="START, END", value=f"{first}, {last}",
                          remedy="run the chain first, or name a longer span")  # fmt: skip
    for line in headings(pages):
        say(line)
    return 0


if __name__ == "__main__":
    ends(main)
