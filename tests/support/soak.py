"""How many times as often the fault suites kill, race and lose answers: `make soak` sets ten."""

from __future__ import annotations

import os

TIMES = int(os.environ.get("SOAK", "1"))
