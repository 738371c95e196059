"""Yahoo, as the stub plays it."""

from tests.support.sources import REAL, vendor_settings
from tests.support.vendor_formats import yahoo_chart

CASES = vendor_settings("yfinance")
SYMBOLS, REPLAYS = REAL, True
ROUTES = (("/v8/finance/chart/", yahoo_chart),)
