"""The volume columns worked out anew in plain Python, as in reference.py."""

from __future__ import annotations

import itertools

from tests.data_layer.features.reference import typical
from tests.data_layer.features.reference_tools import NAN, anew, by_row, change, mean


def money_flow(b):
    return by_row(
        lambda h, l, c, v: ((c - l) - (h - c)) / (h - l) * v if h > l else 0.0,
        b["high"], b["low"], b["close"], b["volume"],
    )  # fmt: skip


def running(values):
    return anew(lambda run: list(itertools.accumulate(run)), values)


def obv(b):
    # A missing volume alone starts the sum anew without making the next session the first.
    closes = anew(lambda run: [1] + [(y > x) - (y < x) for x, y in itertools.pairwise(run)], b["close"])
    return running(by_row(lambda s, v: s * v, closes, b["volume"]))


def adosc(b):
    def begin(run):
        out, total, fast, slow = [], 0.0, 0.0, 0.0
        for i, flow in enumerate(run):
            total += flow
            fast = fast + (total - fast) * 2 / 4 if i else total
            slow = slow + (total - slow) * 2 / 11 if i else total
            out.append(fast - slow if i >= 9 else NAN)
        return out

    return anew(begin, money_flow(b))


def mfi(b):
    price = typical(b)
    moved, flow = change(price), by_row(lambda p, v: p * v, price, b["volume"])
    rising = mean(by_row(lambda m, f, p: f if m > 1e-13 * p else 0, moved, flow, price), 14)
    falling = mean(by_row(lambda m, f, p: f if m < -1e-13 * p else 0, moved, flow, price), 14)
    return by_row(lambda r, f: 100 * r / (r + f), rising, falling)
