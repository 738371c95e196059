"""`make kill REASON=... [ACCOUNT=]`: latch the kill switch, and cancel what is out."""

from __future__ import annotations

import os

from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.settings import home_path
from data_layer.storage.database import transaction
from data_layer.storage.kill_switch import accounts, latch, latch_all
from models.errors import ConfigError


def main() -> int:
    """Latch in this home's database: one account that is traded, or all of them."""
    reason, account = os.environ.get("REASON", ""), os.environ.get("ACCOUNT", "")
    with transaction(Home(home_path()).uri("quant_writer")) as connection:
        traded = accounts(connection)
        if account and account not in traded:
            raise ConfigError("the account is not traded", stage="kill", key="ACCOUNT", value=account,
                              remedy=f"traded are: {', '.join(traded) or 'none yet'}")  # fmt: skip
        done = {account: latch(connection, account, reason)} if account else latch_all(connection, reason)
        for name, cancelled in done.items():
            say(f"{name}: kill switch latched, {cancelled} open orders cancelled; exits rest on")
    return 0


if __name__ == "__main__":
    ends(main)
