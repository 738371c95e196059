"""`make limits [LIMIT=max_position VALUE=0.04 REASON=... SYMBOL=]`: the limits in force, or a change of one."""

from __future__ import annotations

import os

from data_layer.runtime.console import ends, say, table
from data_layer.runtime.home import Home
from data_layer.settings import home_path
from data_layer.storage.database import load_sql, transaction
from data_layer.storage.limits import change_limit, load_defaults, own_thresholds
from models.errors import ConfigError


def main() -> int:
    """Show the limits; with LIMIT, change it first."""
    name, text = os.environ.get("LIMIT", ""), os.environ.get("VALUE", "")
    symbol, reason = os.environ.get("SYMBOL", ""), os.environ.get("REASON", "")
    try:
        threshold = float(text) if name else 0.0
    except ValueError:
        raise ConfigError(
            "not a number", stage="limits", key="VALUE", value=text, remedy="write 0.04"
        ) from None
    with transaction(Home(home_path()).uri("quant_writer")) as connection:
        load_defaults(connection)
        if name:
            change_limit(connection, name, symbol, threshold, reason)
        rows = connection.execute(load_sql("risk_limits/select_limits")).fetchall()
    headers = ("limit", "symbol", "threshold", "unit", "changed by", "reason")
    table(
        headers,
        [
            (r["name"], r["symbol"], f"{r['threshold']:g}", r["unit"], r["changed_by"], r["reason"])
            for r in rows
        ],
    )
    own = own_thresholds()
    for row in rows:
        if row["symbol"] and row["name"] not in own:
            say(f"{row['name']} of {row['symbol']} is not used: the limit has one threshold for all")
    if name:
        say("counts from the next session decided")
    return 0


if __name__ == "__main__":
    ends(main)
