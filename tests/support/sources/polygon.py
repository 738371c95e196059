"""Polygon, as the stub plays it."""

from tests.support import vendor_polygon as stub
from tests.support.sources import REAL, vendor_settings

CASES = vendor_settings("polygon")
SYMBOLS, REPLAYS = REAL, True
ROUTES = (
    ("/v2/aggs/ticker/", stub.history), ("/v2/aggs/grouped/", stub.market),
    ("/v3/reference/tickers/", stub.details), ("/v3/reference/tickers", stub.tickers),
    ("/vX/reference/tickers/", stub.events), ("/v3/reference/splits", stub.actions),
    ("/v3/reference/dividends", stub.actions),
)  # fmt: skip
