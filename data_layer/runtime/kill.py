"""`make kill REASON=... [ACCOUNT=]`: latch the kill switch, and cancel what is out."""

from __future__ import annotations

import os

from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.settings import home_path
from data_layer.storage.database import transaction
from data_layer.storage.kill_switch import accounts, latch


def main() -> int:
    """Latch in this home's database: one account, or all of them."""
    reason, account = os.environ.get("REASON", ""), os.environ.get("ACCOUNT", "")
    with transaction(Home(home_path()).uri("quant_writer")) as connection:
        for name in [account] if account else accounts(connection):
            cancelled = latch(connection, name, reason)
            say(f"{name}: kill switch latched, {cancelled} open orders cancelled; exits rest on")
    return 0


if __name__ == "__main__":
    ends(main)
