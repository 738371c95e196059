"""The sample, which is all there."""

from data_layer.settings import parse_settings
from tests.support.sources import REAL, WANTED

CASES = {"sample": lambda home, _stub: parse_settings(home, {k.upper(): v for k, v in WANTED.items()})}
SYMBOLS, REPLAYS = REAL, True
