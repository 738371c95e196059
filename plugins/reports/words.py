"""How figures of a tear sheet are named, written and explained, on its page and on Almanac's alike."""

from __future__ import annotations

from collections.abc import Mapping

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
PARTS_OF_ONE = (  # measures that are shares; the others are plain numbers
    "return", "volatility", "drawdown", "risk", "alpha", "session", "month", "year", "positive",
)  # fmt: skip
SPOKEN = {
    "annual_return": "Compound return per 252 sessions",
    "volatility": "Deviation of session returns, a year",
    "sharpe_ratio": "Mean return beyond the risk-free rate over its deviation, a year",
    "sortino_ratio": "The same over the deviation of losses alone",
    "calmar_ratio": "Annual return over the depth of the deepest drawdown",
    "max_drawdown": "Deepest fall from a peak",
    "drawdown_sessions": "Longest stretch below a peak, sessions",
    "value_at_risk": "One session in twenty returns this or less",
    "conditional_value_at_risk": "Mean of those sessions",
    "tail_ratio": "The best twentieth of sessions over the worst, unsigned",
    "beta": "Slope of session returns on the benchmark's",
    "alpha": "Return a year beyond beta times the benchmark's",
    "skew": "Below 0: rare large losses; above: rare large gains",
    "kurtosis": "Above 0: extremes are more frequent than in a normal distribution",
    "correlation": "Of session returns with the benchmark's",
    "payoff_ratio": "Mean gain of a session over the mean loss",
    "information_ratio": "Mean return beyond the benchmark's over its deviation, a year",
    "profit_factor": "Sum of gains over sum of losses, by session",
    "recovery_ratio": "Total return over the depth of the deepest drawdown",
    "ulcer_index_drawdown": "Root of the mean squared drawdown: how long and how deep it was below a peak",
    "excess_return": "Total return less the benchmark's",
    "benchmark_annual_return": "The benchmark's compound return per 252 sessions",
    "benchmark_volatility": "Deviation of the benchmark's session returns, a year",
    "benchmark_sharpe_ratio": "The benchmark's mean return beyond the risk-free rate over its deviation, a year",
    "benchmark_max_drawdown": "The benchmark's deepest fall from a peak",
}

# Lists of a sheet by whose it is, in order: their names in its JSON, and their headings.
LISTS = {
    "model": {"winners": "Best trades", "losers": "Worst trades", "newest": "Newest closed trades"},
    "account": {
        "best": "Best trades, realized USD", "worst": "Worst trades, realized USD",
        "newest": "Newest closed trades, realized USD", "winners": "Symbols that gained most, realized USD",
        "losers": "Symbols that lost most, realized USD",
    },
}  # fmt: skip
# Figures of these lists; of those that are gains the sign shows.
LISTED = {
    "net_return": "{:.2%}", "realized": "{:,.2f}", "realized_usd": "{:,.2f}", "price_usd": "{:,.2f}", "shares": "{:,}",
}  # fmt: skip
GAINS = ("net_return", "realized", "realized_usd")


def written(name: str, value: float | None) -> str:
    """Return a figure as people read it: shares in percent, amounts in USD, ratios plain."""
    if value is None:
        return "–"
    if name.endswith("_usd"):
        return f"{_rounded(value, 2):,.2f} USD"
    if name == "drawdown_sessions":
        return f"{value:,.0f}"
    share = any(part in name for part in PARTS_OF_ONE) or name in {"win_rate", "cost_in_all"}
    return f"{_rounded(value, 4):,.2%}" if share and "ratio" not in name else f"{_rounded(value, 2):,.2f}"


def _rounded(value: float, digits: int) -> float:
    return round(value, digits) + 0.0  # there is no -0.00 to people


def said_of(name: str, value: object) -> str:
    """Return what a sheet is about as people read it: an amount, what was set, a name."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {part}" for key, part in sorted(value.items())) or "none"
    return written(name, value) if isinstance(value, float) else str(value)


def title_of(name: str) -> str:
    """Return what a figure is called."""
    return name.replace("_", " ").removesuffix(" usd").capitalize()
