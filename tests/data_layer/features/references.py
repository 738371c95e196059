"""Which reference belongs to which technical column."""

from __future__ import annotations

import datetime as dt
import math

from tests.data_layer.features.reference import (
    adx,
    aroon,
    atr,
    beta,
    cci,
    centre_of_channel,
    cmo,
    correlation,
    directions,
    drawdown,
    fast_stochastic,
    hma,
    is_month_end,
    kama,
    kurtosis,
    line,
    macd_lines,
    middle,
    psar,
    returns,
    rsi,
    skew,
    stoch_rsi,
    stochastic,
    supertrend,
    trix,
    true_range,
    tsi,
    typical,
    wma,
)
from tests.data_layer.features.reference_candles import CANDLES
from tests.data_layer.features.reference_tools import (
    NAN,
    ago,
    by_row,
    change,
    deviation,
    each,
    ema,
    highest,
    lowest,
    mean,
    pairs,
)
from tests.data_layer.features.reference_volume import adosc, mfi, money_flow, obv, running


def of_windows(name, windows, function):
    return {name.format(n): (lambda b, n=n: function(b, n)) for n in windows}


def part(function, *names):
    """One column each of what a function gives several of."""
    return {name: (lambda b, i=i: function(b)[i]) for i, name in enumerate(names) if name}


def band(b, n, width):
    return by_row(lambda m, s: m + width * s, mean(b["close"], n), deviation(b["close"], n, 0))


def dema(b, n):
    once = ema(b["close"], n)
    return by_row(lambda x, y: 2 * x - y, once, ema(once, n))


def tema(b, n):
    once = ema(b["close"], n)
    twice = ema(once, n)
    return by_row(lambda x, y, z: 3 * x - 3 * y + z, once, twice, ema(twice, n))


def trima(b, n):
    weights = [min(i + 1, n - i) for i in range(n)]
    total = sum(weights)
    return each(b["close"], n, lambda w: math.fsum(x * y for x, y in zip(weights, w, strict=True)) / total)


def both_sides(b, n, side):
    return lowest(b["low"], n) if side else highest(b["high"], n)


def log_ratio(b, one, two):
    return by_row(lambda x, y: math.log(x / y), b[one], b[two])


def root_of_year(values, n):
    return by_row(lambda v: math.sqrt(v * 252), mean(values, n))


def rogers_satchell(b):
    return by_row(
        lambda u, d, c: u * (u - c) + d * (d - c),
        *(log_ratio(b, name, "open") for name in ("high", "low", "close")),
    )


def garman_klass(b, n):
    terms = by_row(
        lambda u, d, c: 0.5 * (u - d) ** 2 - (2 * math.log(2) - 1) * c * c,
        *(log_ratio(b, name, "open") for name in ("high", "low", "close")),
    )
    return root_of_year(terms, n)


def parkinson(b, n):
    terms = by_row(lambda r: r * r / (4 * math.log(2)), log_ratio(b, "high", "low"))
    return root_of_year(terms, n)


def yang_zhang(b, n):
    night = by_row(lambda o, c: math.log(o / c), b["open"], ago(b["close"], 1))
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    parts = (
        deviation(night, n, 1),
        deviation(log_ratio(b, "close", "open"), n, 1),
        mean(rogers_satchell(b), n),
    )
    return by_row(lambda a, o, r: math.sqrt(252 * (a * a + k * o * o + (1 - k) * r)), *parts)


def ulcer(b, n):
    fall = by_row(lambda c, t: (100 * (c / t - 1)) ** 2, b["close"], highest(b["close"], n))
    return by_row(math.sqrt, mean(fall, n))


def keltner(b, width):
    return by_row(
        lambda m, a: m + width * a, ema(b["close"], 20), atr(b, 10) if width else ema(b["close"], 20)
    )


def weighted_price(b, n):
    flow = by_row(lambda p, v: p * v, typical(b), b["volume"])
    return by_row(lambda f, v: f / v, mean(flow, n), mean(b["volume"], n))


def ease(b):
    moves = by_row(
        lambda m, h, l, v: m * (h - l) * 1e8 / v, change(middle(b)), b["high"], b["low"], b["volume"]
    )
    return mean(moves, 14)


def vortex(b, one, two):
    moved = by_row(lambda x, y: abs(x - y), b[one], ago(b[two], 1))
    return by_row(lambda m, t: m / t, mean(moved, 14), mean(true_range(b), 14))


def illiquidity(b):
    terms = by_row(lambda r, c, v: abs(r) * 1e6 / (c * v), returns(b), b["close"], b["volume"])
    return mean(terms, 20)


def since_ex_date(b):
    out, since = [], NAN
    for row in range(len(b["split"])):
        moved = row and (b["split"][row], b["factor"][row]) != (b["split"][row - 1], b["factor"][row - 1])
        since = 0.0 if moved else since + 1
        out.append(since)
    return out


def date_of(day):
    return dt.date(1970, 1, 1) + dt.timedelta(days=int(day))


def of_year(b, n, name):
    return by_row(lambda c, x: c / x - 1, b["close"], (highest if name == "high" else lowest)(b[name], n))


def of_window(b, n):
    return by_row(lambda c, h, l: (c - l) / (h - l), b["close"], highest(b["high"], n), lowest(b["low"], n))


def of_market(b, n, function):
    return each(pairs(b["market"], returns(b)), n, function)


REFERENCES = {
    **of_windows("sma_{}", (5, 10, 20, 50, 100, 200), lambda b, n: mean(b["close"], n)),
    **of_windows("ema_{}", (5, 9, 12, 20, 26, 50, 100, 200), lambda b, n: ema(b["close"], n)),
    **of_windows("wma_{}", (10, 20, 50), lambda b, n: wma(b["close"], n)),
    **of_windows("dema_{}", (20, 50), dema),
    **of_windows("tema_{}", (20, 50), tema),
    **of_windows("kama_{}", (10, 30), lambda b, n: kama(b["close"], n)),
    **of_windows("hma_{}", (9, 20), lambda b, n: hma(b["close"], n)),
    "trima_20": lambda b: trima(b, 20),
    **part(lambda b: macd_lines(b["close"]), "macd", "macd_signal", "macd_hist"),
    "ppo": lambda b: by_row(lambda f, s: 100 * (f - s) / s, ema(b["close"], 12), ema(b["close"], 26)),
    "bb_upper": lambda b: band(b, 20, 2),
    "bb_middle": lambda b: band(b, 20, 0),
    "bb_lower": lambda b: band(b, 20, -2),
    "bb_width": lambda b: by_row(lambda s, m: 4 * s / m, deviation(b["close"], 20, 0), mean(b["close"], 20)),
    "bb_percent": lambda b: by_row(
        lambda c, u, l: (c - l) / (u - l), b["close"], band(b, 20, 2), band(b, 20, -2)),
    "day_of_week": lambda b: [date_of(day).weekday() for day in b["days"]],
    "month_of_year": lambda b: [date_of(day).month for day in b["days"]],
    "is_month_end": lambda b: [float(is_month_end(day)) for day in b["days"]],
    "is_quarter_end": lambda b: [
        float(is_month_end(day) and date_of(day).month % 3 == 0) for day in b["days"]],
    "sessions_since_ex_date": since_ex_date,
    **of_windows("rsi_{}", (7, 14, 21), lambda b, n: rsi(b["close"], n)),
    "cmo_14": lambda b: cmo(b["close"], 14),
    **of_windows("roc_{}", (5, 10, 20, 60),
                 lambda b, n: by_row(lambda x, y: 100 * (y / x - 1), ago(b["close"], n), b["close"])),
    **of_windows("mom_{}", (10, 20), lambda b, n: by_row(lambda x, y: y - x, ago(b["close"], n), b["close"])),
    **part(stochastic, "stochastic_k", "stochastic_d"),
    **part(stoch_rsi, "stoch_rsi_k", "stoch_rsi_d"),
    "williams_r_14": lambda b: by_row(
        lambda x: x - 100, fast_stochastic(b["close"], highest(b["high"], 14), lowest(b["low"], 14))),
    **of_windows("cci_{}", (14, 20), cci),
    "trix_15": lambda b: trix(b["close"], 15),
    "tsi": lambda b: tsi(b["close"]),
    **part(lambda b: aroon(b, 14), "aroon_up_14", "aroon_down_14", "aroon_oscillator_14"),
    "awesome_oscillator": lambda b: by_row(lambda x, y: x - y, mean(middle(b), 5), mean(middle(b), 34)),
    "bop": lambda b: by_row(
        lambda o, h, l, c: (c - o) / (h - l), b["open"], b["high"], b["low"], b["close"]),
    **of_windows("sma_distance_{}", (20, 50, 200),
                 lambda b, n: by_row(lambda c, m: c / m - 1, b["close"], mean(b["close"], n))),
    **of_windows("return_{}", (1, 2, 3, 5, 10, 20, 60, 120, 252), returns),
    **of_windows("log_return_{}", (1, 5, 10, 20, 60, 120, 252),
                 lambda b, n: by_row(lambda x, y: math.log(y / x), ago(b["total"], n), b["total"])),
    **of_windows("return_mean_{}", (20, 60), lambda b, n: mean(returns(b), n)),
    **of_windows("return_std_{}", (5, 20, 60), lambda b, n: deviation(returns(b), n, 1)),
    **of_windows("return_skew_{}", (20, 60), lambda b, n: each(returns(b), n, skew)),
    **of_windows("return_kurtosis_{}", (20, 60), lambda b, n: each(returns(b), n, kurtosis)),
    **of_windows("return_autocorrelation_{}", (20, 60),
                 lambda b, n: each(pairs(returns(b), ago(returns(b), 1)), n, correlation)),
    **of_windows("zscore_{}", (20, 60), lambda b, n: by_row(
        lambda c, m, s: (c - m) / s, b["close"], mean(b["close"], n), deviation(b["close"], n, 0))),
    "drawdown": lambda b: drawdown(b["total"]),
    **of_windows("drawdown_{}", (60, 252),
                 lambda b, n: by_row(lambda c, t: c / t - 1, b["total"], highest(b["total"], n))),
    **of_windows("beta_{}", (60, 252), lambda b, n: of_market(b, n, beta)),
    **of_windows("correlation_{}", (60, 252), lambda b, n: of_market(b, n, correlation)),
    **part(lambda b: directions(b, 14), "plus_di_14", "minus_di_14"),
    "adx_14": lambda b: adx(b, 14),
    "adxr_14": lambda b: by_row(lambda x, y: (x + y) / 2, adx(b, 14), ago(adx(b, 14), 13)),
    "psar": psar,
    **part(supertrend, "supertrend", "supertrend_direction"),
    "ichimoku_conversion": lambda b: centre_of_channel(b, 9),
    "ichimoku_base": lambda b: centre_of_channel(b, 26),
    "ichimoku_span_a": lambda b: ago(
        by_row(lambda x, y: (x + y) / 2, centre_of_channel(b, 9), centre_of_channel(b, 26)), 26),
    "ichimoku_span_b": lambda b: ago(centre_of_channel(b, 52), 26),
    **of_windows("linreg_{}", (20, 60), lambda b, n: each(b["close"], n, lambda w: line(w)[0])),
    **of_windows("linreg_slope_{}", (20, 60), lambda b, n: each(b["close"], n, lambda w: line(w)[1])),
    **of_windows("linreg_r2_{}", (20, 60), lambda b, n: each(b["close"], n, lambda w: line(w)[2])),
    "high_52w_distance": lambda b: of_year(b, 252, "high"),
    "low_52w_distance": lambda b: of_year(b, 252, "low"),
    "vortex_plus_14": lambda b: vortex(b, "high", "low"),
    "vortex_minus_14": lambda b: vortex(b, "low", "high"),
    **of_windows("range_place_{}", (60, 252), of_window),
    "true_range": true_range,
    **of_windows("atr_{}", (7, 14, 20), atr),
    "natr_14": lambda b: by_row(lambda a, c: 100 * a / c, atr(b, 14), b["close"]),
    "keltner_upper": lambda b: keltner(b, 2),
    "keltner_middle": lambda b: keltner(b, 0),
    "keltner_lower": lambda b: keltner(b, -2),
    **of_windows("donchian_upper_{}", (20, 55), lambda b, n: both_sides(b, n, 0)),
    **of_windows("donchian_middle_{}", (20, 55), centre_of_channel),
    **of_windows("donchian_lower_{}", (20, 55), lambda b, n: both_sides(b, n, 1)),
    **of_windows("volatility_{}", (10, 20, 60, 252),
                 lambda b, n: by_row(lambda s: s * math.sqrt(252), deviation(returns(b), n, 1))),
    **of_windows("parkinson_{}", (20, 60), parkinson),
    **of_windows("garman_klass_{}", (20, 60), garman_klass),
    **of_windows("rogers_satchell_{}", (20, 60), lambda b, n: root_of_year(rogers_satchell(b), n)),
    **of_windows("yang_zhang_{}", (20, 60), yang_zhang),
    "ulcer_index_14": lambda b: ulcer(b, 14),
    **of_windows("volume_mean_{}", (5, 10, 20, 50), lambda b, n: mean(b["volume"], n)),
    **of_windows("volume_ratio_{}", (5, 20, 50),
                 lambda b, n: by_row(lambda v, m: v / m, b["volume"], mean(b["volume"], n))),
    "volume_zscore_20": lambda b: by_row(
        lambda v, m, s: (v - m) / s, b["volume"], mean(b["volume"], 20), deviation(b["volume"], 20, 0)),
    "obv": obv,
    "ad": lambda b: running(money_flow(b)),
    "adosc": adosc,
    "cmf_20": lambda b: by_row(lambda f, v: f / v, mean(money_flow(b), 20), mean(b["volume"], 20)),
    "mfi_14": mfi,
    **of_windows("vwap_{}", (5, 20, 60), weighted_price),
    "force_index_13": lambda b: ema(by_row(lambda m, v: m * v, change(b["close"]), b["volume"]), 13),
    "ease_of_movement_14": ease,
    "dollar_volume_20": lambda b: mean(by_row(lambda c, v: c * v, b["close"], b["volume"]), 20),
    "illiquidity_20": illiquidity,
    **CANDLES,
}  # fmt: skip
