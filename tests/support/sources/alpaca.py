"""Alpaca's market data, as the stub plays it."""

from tests.support.sources import REAL, vendor_settings
from tests.support.vendor_formats import alpaca_actions, alpaca_bars, alpaca_trades

CASES = vendor_settings("alpaca")
SYMBOLS, REPLAYS = REAL, True
ROUTES = (
    ("/v2/stocks/bars", alpaca_bars),
    ("/v2/stocks/trades/latest", alpaca_trades),
    ("/v1/corporate-actions", alpaca_actions),
)
