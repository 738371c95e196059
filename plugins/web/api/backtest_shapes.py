"""What is asked of backtests and answered about them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from data_layer.settings import SYMBOL_PATTERN
from models.backtest.constraints import BOUNDS
from plugins.web.api.shapes import Reasoned

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,60}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.+-]{1,60}$")]
Amount = Annotated[float, Field(gt=-1e12, lt=1e12)]


def _bounded(name: str, said: str) -> Any:
    low, high = BOUNDS[name]
    return Field(default=None, ge=low, le=high, description=f"Portfolio: {said}, at most")


class ToBacktest(Reasoned):
    """One strategy, on what and under which terms; what is left out is as in `make backtest`."""

    strategy: Name
    parameters: dict[Name, Amount | Word] = Field(default_factory=dict, max_length=50)
    symbols: list[Annotated[str, Field(pattern=f"^{SYMBOL_PATTERN.pattern}$")]] = Field(
        default_factory=list, max_length=1000, description="All that are held when empty"
    )
    start: dt.date | None = None
    end: dt.date | None = None
    cash: float | None = Field(default=None, gt=0, lt=1e15, description="USD the account starts with")
    form: Literal["grid", "portfolio"] | None = Field(
        default=None, description="An account for each symbol, or one for all; by their number when left out"
    )
    weighting: Literal["equal", "score", "target"] | None = None
    rebalance: Literal["change", "session", "week", "month"] | None = None
    max_weight: float | None = _bounded("max_weight", "one symbol's weight")
    gross: float | None = _bounded("gross", "sum of the unsigned weights")
    net: float | None = _bounded("net", "sum of the weights")
    cash_buffer: float | None = Field(default=None, ge=0, lt=1, description="Fraction that no order uses")
    costs: dict[Name, Amount] = Field(default_factory=dict, max_length=20, description="See the DAG's form")

    def words(self) -> dict[str, str]:
        """Return it as the texts that `make backtest` reads, by their names; empty for what is left out."""
        plain = self.model_dump(exclude={"reason", "parameters", "symbols", "costs"})
        texts = {name.upper(): "" if value is None else str(value) for name, value in plain.items()}
        return {
            **texts,
            "PARAMETERS": " ".join(f"{name}={value}" for name, value in self.parameters.items()),
            "SYMBOLS": " ".join(dict.fromkeys(self.symbols)),
            "COSTS": ",".join(f"{name}={value}" for name, value in self.costs.items()),
        }


class Answer(BaseModel):
    """What came of a backtest that was asked for."""

    run_id: str = Field(description="Of Airflow's run")
    state: Literal["waiting", "stored", "failed"] = Field(description="waiting: queued or running")
    id: int | None = Field(description="Of the backtest, once it is stored")
    error: str | None
    asked: dict[str, Any] = Field(description="Who asked, why, and the words of the form")


class Backtest(BaseModel):
    """A backtest: the same question to the same bars and code is the same one."""

    id: int
    form: Literal["grid", "portfolio", "sweep", "assessment"]
    strategies: list[str]
    symbols: int
    first_session: dt.date
    last_session: dt.date
    cash_usd: float = Field(description="Of each account at the start")
    data_version: str
    code_version: str
    has_delisted: bool = Field(description="False: results are those of survivors, and too good")
    synthetic: bool = Field(description="True: the bars are made up")
    recorded_at: dt.datetime


class Account(BaseModel):
    """What came of one account; measures are fractions unless backtest_results says otherwise, null while undefined."""

    strategy: str
    parameters: dict[str, Any]
    symbol: str = Field(description="Empty for a portfolio")
    scenario: str = Field(description="Empty for the window of the backtest")
    sessions: int
    measures: dict[str, float | None]


class BacktestDetail(Backtest):
    """A backtest with its terms and results."""

    parameters: dict[str, Any]
    results: list[Account]
