"""What other libraries give for a column, from a dict of one symbol's adjusted arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pandas_ta_classic
import talib

from data_layer.sessions import sessions_between


def of_windows(name, windows, function):
    return {name.format(n): (lambda x, n=n: function(x, n)) for n in windows}


def outputs(function, *names):
    """One column each of what a function gives several of."""
    return {name: (lambda x, i=i: function(x)[i]) for i, name in enumerate(names) if name}


def lagged(values, n=1):
    return np.concatenate((np.full(n, np.nan), values[:-n]))


def bands(x):
    return talib.BBANDS(x["close"], 20, 2, 2)


def candles(function, lookback):
    """TA-Lib's candle function as a sign; it gives 0 on the rows before it can say."""

    def found(x):
        signs = np.sign(function(x["open"], *hlc(x))).astype(float)
        signs[:lookback] = np.nan
        return signs

    return found


def hlc(x):
    return x["high"], x["low"], x["close"]


def returns(x):
    return talib.ROCP(x["total"], 1)


def from_second(function, *series):
    """TA-Lib starts a window anew at a leading NaN only for some functions: leave it out, then put it back."""
    begin = int(np.flatnonzero(~np.isnan(sum(series)))[0])
    return np.concatenate((np.full(begin, np.nan), function(*(s[begin:] for s in series))))


def tsi(x):
    moved = x["close"][1:] - x["close"][:-1]
    up, path = (talib.EMA(talib.EMA(values, 25), 13) for values in (moved, np.abs(moved)))
    return np.concatenate(([np.nan], 100 * up / path))


def place(x, n):
    bottom = talib.MIN(x["low"], n)
    return (x["close"] - bottom) / (talib.MAX(x["high"], n) - bottom)


def keltner(x, side):
    return talib.EMA(x["close"], 20) + side * 2 * talib.ATR(*hlc(x), 10)


def vortex(x, one, two):
    moved = np.abs(x[one] - lagged(x[two]))
    return from_second(lambda m, t: talib.SMA(m, 14) / talib.SMA(t, 14), moved, talib.TRANGE(*hlc(x)))


def beta(x, n):
    def slope(market, own):
        return talib.CORREL(market, own, n) * talib.STDDEV(own, n) / talib.STDDEV(market, n)

    return from_second(slope, x["market"], returns(x))


def rows(x):
    return np.arange(len(x["close"]), dtype=float)


def classic(name, x, *columns, **options):
    frame = {column: pd.Series(x[column]) for column in columns}
    return getattr(pandas_ta_classic, name)(**frame, **options)


def super_trend(x):
    found = classic("supertrend", x, "high", "low", "close", length=10, multiplier=3.0)
    values = found.iloc[:, :2].to_numpy(copy=True)
    values[:10] = np.nan  # it gives 0 and 1 before there is a range
    return values[:, 0], values[:, 1]


def cloud(x):
    found = classic("ichimoku", x, "high", "low", "close", as_dataframe=True, include_chikou=False)
    return found.iloc[:, 0].to_numpy(), found.iloc[:, 1].to_numpy()


def rolled(statistic):
    return lambda x, n: getattr(pd.Series(returns(x)).rolling(n), statistic)().to_numpy()


def month_ends(x, period):
    """From the exchange's calendar itself."""
    dates = pd.DatetimeIndex(x["date"])
    around = pd.DatetimeIndex(sessions_between(dates[0].date(), (dates[-1] + pd.Timedelta(days=40)).date()))
    ends = pd.Series(around, index=around.to_period(period)).groupby(level=0).last()
    return dates.isin(ends).astype(float)


ORACLES = {
    **of_windows("sma_{}", (5, 10, 20, 50, 100, 200), lambda x, n: talib.SMA(x["close"], n)),
    **of_windows("ema_{}", (5, 9, 12, 20, 26, 50, 100, 200), lambda x, n: talib.EMA(x["close"], n)),
    **of_windows("wma_{}", (10, 20, 50), lambda x, n: talib.WMA(x["close"], n)),
    **of_windows("dema_{}", (20, 50), lambda x, n: talib.DEMA(x["close"], n)),
    **of_windows("tema_{}", (20, 50), lambda x, n: talib.TEMA(x["close"], n)),
    **of_windows("kama_{}", (10, 30), lambda x, n: talib.KAMA(x["close"], n)),
    **of_windows("hma_{}", (9, 20), lambda x, n: classic("hma", x, "close", length=n).to_numpy()),
    "trima_20": lambda x: talib.TRIMA(x["close"], 20),
    **outputs(lambda x: talib.MACD(x["close"], 12, 26, 9), "macd", "macd_signal", "macd_hist"),
    "ppo": lambda x: talib.PPO(x["close"], 12, 26, matype=1),
    **outputs(bands, "bb_upper", "bb_middle", "bb_lower"),
    "bb_width": lambda x: (bands(x)[0] - bands(x)[2]) / bands(x)[1],
    "bb_percent": lambda x: (x["close"] - bands(x)[2]) / (bands(x)[0] - bands(x)[2]),
    "day_of_week": lambda x: pd.DatetimeIndex(x["date"]).dayofweek.to_numpy(float),
    "month_of_year": lambda x: pd.DatetimeIndex(x["date"]).month.to_numpy(float),
    "is_month_end": lambda x: month_ends(x, "M"),
    "is_quarter_end": lambda x: month_ends(x, "Q"),
    **of_windows("rsi_{}", (7, 14, 21), lambda x, n: talib.RSI(x["close"], n)),
    "cmo_14": lambda x: talib.CMO(x["close"], 14),
    **of_windows("roc_{}", (5, 10, 20, 60), lambda x, n: talib.ROC(x["close"], n)),
    **of_windows("mom_{}", (10, 20), lambda x, n: talib.MOM(x["close"], n)),
    **outputs(lambda x: talib.STOCH(*hlc(x), 14, 3, 0, 3, 0), "stochastic_k", "stochastic_d"),
    **outputs(lambda x: talib.STOCHRSI(x["close"], 14, 14, 3, 0), "stoch_rsi_k", "stoch_rsi_d"),
    "williams_r_14": lambda x: talib.WILLR(*hlc(x), 14),
    **of_windows("cci_{}", (14, 20), lambda x, n: talib.CCI(*hlc(x), n)),
    "trix_15": lambda x: talib.TRIX(x["close"], 15),
    "tsi": tsi,
    **outputs(lambda x: talib.AROON(x["high"], x["low"], 14), "aroon_down_14", "aroon_up_14"),
    "aroon_oscillator_14": lambda x: talib.AROONOSC(x["high"], x["low"], 14),
    "awesome_oscillator": lambda x: (
        talib.SMA((x["high"] + x["low"]) / 2, 5) - talib.SMA((x["high"] + x["low"]) / 2, 34)),
    "bop": lambda x: talib.BOP(x["open"], *hlc(x)),
    **of_windows("sma_distance_{}", (20, 50, 200), lambda x, n: x["close"] / talib.SMA(x["close"], n) - 1),
    **of_windows("return_{}", (1, 2, 3, 5, 10, 20, 60, 120, 252), lambda x, n: talib.ROCP(x["total"], n)),
    **of_windows("log_return_{}", (1, 5, 10, 20, 60, 120, 252),
                 lambda x, n: talib.LN(talib.ROCR(x["total"], n))),
    **of_windows("return_mean_{}", (20, 60), lambda x, n: from_second(lambda r: talib.SMA(r, n), returns(x))),
    **of_windows("return_std_{}", (5, 20, 60), rolled("std")),
    **of_windows("return_skew_{}", (20, 60), rolled("skew")),
    **of_windows("return_kurtosis_{}", (20, 60), rolled("kurt")),
    **of_windows("return_autocorrelation_{}", (20, 60), lambda x, n: from_second(
        lambda a, b: talib.CORREL(a, b, n), returns(x), lagged(returns(x)))),
    **of_windows("zscore_{}", (20, 60), lambda x, n: (
        (x["close"] - talib.SMA(x["close"], n)) / talib.STDDEV(x["close"], n))),
    **of_windows("drawdown_{}", (60, 252), lambda x, n: x["total"] / talib.MAX(x["total"], n) - 1),
    **of_windows("beta_{}", (60, 252), beta),
    **of_windows("correlation_{}", (60, 252), lambda x, n: from_second(
        lambda m, r: talib.CORREL(m, r, n), x["market"], returns(x))),
    "plus_di_14": lambda x: talib.PLUS_DI(*hlc(x), 14),
    "minus_di_14": lambda x: talib.MINUS_DI(*hlc(x), 14),
    "adx_14": lambda x: talib.ADX(*hlc(x), 14),
    "adxr_14": lambda x: talib.ADXR(*hlc(x), 14),
    "psar": lambda x: talib.SAR(x["high"], x["low"], 0.02, 0.2),
    **outputs(super_trend, "supertrend", "supertrend_direction"),
    "ichimoku_conversion": lambda x: talib.MIDPRICE(x["high"], x["low"], 9),
    "ichimoku_base": lambda x: talib.MIDPRICE(x["high"], x["low"], 26),
    **outputs(cloud, "ichimoku_span_a", "ichimoku_span_b"),
    **of_windows("linreg_{}", (20, 60), lambda x, n: talib.LINEARREG(x["close"], n)),
    **of_windows("linreg_slope_{}", (20, 60), lambda x, n: talib.LINEARREG_SLOPE(x["close"], n)),
    **of_windows("linreg_r2_{}", (20, 60), lambda x, n: talib.CORREL(x["close"], rows(x), n) ** 2),
    "high_52w_distance": lambda x: x["close"] / talib.MAX(x["high"], 252) - 1,
    "low_52w_distance": lambda x: x["close"] / talib.MIN(x["low"], 252) - 1,
    "vortex_plus_14": lambda x: vortex(x, "high", "low"),
    "vortex_minus_14": lambda x: vortex(x, "low", "high"),
    **of_windows("range_place_{}", (60, 252), place),
    "true_range": lambda x: talib.TRANGE(*hlc(x)),
    **of_windows("atr_{}", (7, 14, 20), lambda x, n: talib.ATR(*hlc(x), n)),
    "natr_14": lambda x: talib.NATR(*hlc(x), 14),
    "keltner_upper": lambda x: keltner(x, 1),
    "keltner_middle": lambda x: keltner(x, 0),
    "keltner_lower": lambda x: keltner(x, -1),
    **of_windows("donchian_upper_{}", (20, 55), lambda x, n: talib.MAX(x["high"], n)),
    **of_windows("donchian_middle_{}", (20, 55), lambda x, n: talib.MIDPRICE(x["high"], x["low"], n)),
    **of_windows("donchian_lower_{}", (20, 55), lambda x, n: talib.MIN(x["low"], n)),
    **of_windows("volatility_{}", (10, 20, 60, 252),
                 lambda x, n: talib.STDDEV(returns(x), n) * np.sqrt(n / (n - 1) * 252)),
    **of_windows("volume_mean_{}", (5, 10, 20, 50), lambda x, n: talib.SMA(x["volume"], n)),
    **of_windows("volume_ratio_{}", (5, 20, 50), lambda x, n: x["volume"] / talib.SMA(x["volume"], n)),
    "volume_zscore_20": lambda x: (x["volume"] - talib.SMA(x["volume"], 20)) / talib.STDDEV(x["volume"], 20),
    "obv": lambda x: talib.OBV(x["close"], x["volume"]),
    "ad": lambda x: talib.AD(*hlc(x), x["volume"]),
    "adosc": lambda x: talib.ADOSC(*hlc(x), x["volume"], 3, 10),
    "cmf_20": lambda x: classic("cmf", x, "high", "low", "close", "volume", length=20).to_numpy(),
    "mfi_14": lambda x: talib.MFI(*hlc(x), x["volume"], 14),
    **of_windows("vwap_{}", (5, 20, 60), lambda x, n: (
        talib.SMA(talib.TYPPRICE(*hlc(x)) * x["volume"], n) / talib.SMA(x["volume"], n))),
    "force_index_13": lambda x: from_second(
        lambda f: talib.EMA(f, 13), (x["close"] - lagged(x["close"])) * x["volume"]),
    "ease_of_movement_14": lambda x: classic("eom", x, "high", "low", "close", "volume", length=14).to_numpy(),
    "dollar_volume_20": lambda x: talib.SMA(x["close"] * x["volume"], 20),
    "cdl_doji": candles(talib.CDLDOJI, 10),
    "cdl_marubozu": candles(talib.CDLMARUBOZU, 10),
    "cdl_hammer": candles(talib.CDLHAMMER, 11),
    "cdl_hanging_man": candles(talib.CDLHANGINGMAN, 11),
    "cdl_inverted_hammer": candles(talib.CDLINVERTEDHAMMER, 11),
    "cdl_shooting_star": candles(talib.CDLSHOOTINGSTAR, 11),
    "cdl_engulfing": candles(talib.CDLENGULFING, 2),
    "cdl_harami": candles(talib.CDLHARAMI, 11),
    "cdl_piercing": candles(talib.CDLPIERCING, 11),
    "cdl_dark_cloud_cover": candles(talib.CDLDARKCLOUDCOVER, 11),
    "cdl_morning_star": candles(talib.CDLMORNINGSTAR, 12),
    "cdl_evening_star": candles(talib.CDLEVENINGSTAR, 12),
    "cdl_three_white_soldiers": candles(talib.CDL3WHITESOLDIERS, 12),
    "cdl_three_black_crows": candles(talib.CDL3BLACKCROWS, 13),
}  # fmt: skip
