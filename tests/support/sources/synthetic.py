"""Made-up bars, which are nobody's."""

from tests.support.chain import sample_settings
from tests.support.sources import WANTED

SYMBOLS, REPLAYS = ("SYN000001", "SYN000002"), False
CASES = {
    "synthetic": lambda home, _stub: sample_settings(
        home, source="synthetic", **{**WANTED, "symbols": " ".join(SYMBOLS)}
    )
}
