"""`make rearm REASON=... [ACCOUNT=]`: arm a latched kill switch again, once the books reconcile."""

from __future__ import annotations

import os

from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.settings import home_path
from data_layer.storage.database import transaction
from data_layer.storage.kill_switch import accounts, read_switch, rearm


def main() -> int:
    """Arm in this home's database: one account, or all that are latched."""
    reason, account = os.environ.get("REASON", ""), os.environ.get("ACCOUNT", "")
    with transaction(Home(home_path()).uri("quant_writer")) as connection:
        latched = [name for name in accounts(connection) if read_switch(connection, name).cause]
        for name in [account] if account else latched:
            rearm(connection, name, reason)
            say(f"{name}: kill switch armed")
        if not account and not latched:
            say("no kill switch is latched")
    return 0


if __name__ == "__main__":
    ends(main)
