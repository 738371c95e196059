"""What the API's answers look like; also its documentation."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from data_layer.settings import SYMBOL_PATTERN

# No table takes a NUL, and no log should be given a terminal's commands; lines may end.
PLAIN_TEXT = r"^[^\x00-\x08\x0b-\x1f\x7f]+$"
Status = Literal["ok", "behind", "failed", "empty"]


class StageHealth(BaseModel):
    """How far one stage is."""

    stage: str
    last_session: dt.date | None = Field(description="Last session it completed")
    age_seconds: float | None = Field(description="Since it completed that session")
    status: Status = Field(description="behind: the stage before it has completed a later session")
    error: str | None = None


class Health(BaseModel):
    """How far the chain is; the worst stage gives the status."""

    status: Status
    stages: list[StageHealth]


class Signal(BaseModel):
    """What a model wants of a symbol after a session's close."""

    session_date: dt.date
    model_name: str
    symbol: str
    side: Literal["long", "short", "flat"]
    score: float = Field(description="Wanted position from -1 to 1")
    confidence: float
    expected_return: float | None
    position_size: float | None = Field(description="Fraction of the model's capital")
    stop_loss: float | None = Field(description="Distance from the entry price, fraction")
    take_profit: float | None = Field(description="Distance from the entry price, fraction")
    trailing_stop_usd: float | None
    created_at: dt.datetime


class Model(BaseModel):
    """A model and its newest figures, after costs."""

    model_name: str
    model_version: str
    strategy_class: str
    parameters: dict[str, Any]
    capital_usd: float
    is_active: bool
    created_at: dt.datetime
    run_date: dt.date | None = Field(description="Session the figures are as of")
    rank: int | None
    total_return: float | None
    sharpe_ratio: float | None
    volatility: float | None
    max_drawdown: float | None
    win_rate: float | None
    total_trades: int | None


class Order(BaseModel):
    """An order, the decision that allows it and its fills."""

    client_order_id: str
    account_id: str
    session_date: dt.date
    symbol: str
    side: Literal["buy", "sell"]
    quantity: int
    order_type: str
    time_in_force: str
    state: str
    filled_quantity: int
    reference_price: float = Field(description="Close it was decided on, USD")
    stop_price: float | None
    limit_price: float | None
    reason: str
    created_at: dt.datetime
    updated_at: dt.datetime
    decision: str
    approved_quantity: int
    decision_reason: str
    fills: list[dict[str, Any]]


class Position(BaseModel):
    """A holding at a session's close."""

    account_id: str
    session_date: dt.date
    symbol: str
    quantity: int
    average_cost: float | None
    price: float | None
    price_date: dt.date
    market_value_usd: float
    unrealized_pnl_usd: float
    realized_pnl_usd: float


class Run(BaseModel):
    """What one run of a stage did."""

    run_id: str
    stage: str
    sessions: int
    first_session: dt.date
    last_session: dt.date
    failed: int
    rows_written: int
    finished_at: dt.datetime


class SignalOrder(BaseModel):
    """A signal and the order its symbol got that session, if any."""

    session_date: dt.date
    symbol: str
    model_name: str
    side: str
    score: float
    client_order_id: str | None
    quantity: int | None
    state: str | None


class RunDetail(BaseModel):
    """A run by stage, and which signals of its sessions became which orders."""

    stages: list[Run]
    signal_orders: list[SignalOrder]


class Scenario(BaseModel):
    """A window the assessment tries strategies in."""

    name: str
    kind: Literal["historical", "stress", "regime"]
    category: str
    why: str
    start_date: dt.date | None
    end_date: dt.date | None
    shock: dict[str, Any] | None
    regime: str | None


class Ranking(BaseModel):
    """A strategy's place in an assessment; those with one rank cannot be told apart at 95 %."""

    run_id: int
    scope: str
    rank: int | None
    shared_by: int | None
    strategy: str
    sessions: int
    sharpe_ratio: float | None
    annual_return: float | None
    max_drawdown: float | None
    probabilistic_sharpe: float | None
    deflated_sharpe: float | None
    in_best_set: bool
    beats_benchmark: bool | None = Field(description="Null when it was compared with none")
    trials: int


class Reasoned(BaseModel):
    """Why something is done; it stays on record."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500, pattern=PLAIN_TEXT)
    ] = Field(description="Stays on record")


class Switched(Reasoned):
    """Of which account, and why."""

    account: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,30}$")


class ToStart(Reasoned):
    """Up to which session the chain shall run."""

    end: dt.date | None = Field(default=None, description="Last session; all there are when left out")


class Done(BaseModel):
    """What came of an action, in words."""

    said: str


class Started(Done):
    """A run that was started."""

    dag_id: str
    run_id: str


class Lineage(BaseModel):
    """Where an order came from; the rows as the tables have them."""

    order: dict[str, Any]
    fills: list[dict[str, Any]]
    votes: list[dict[str, Any]] = Field(description="The ensemble's members: weight, score, contribution")
    signals: list[dict[str, Any]]
    features: list[dict[str, Any]]
    bars: list[dict[str, Any]] = Field(description="As they were known when the signals were made")


class Hint(BaseModel):
    """Whether a call was new; a repeated one changes nothing."""

    new: bool


class ToGenerate(BaseModel):
    """Which symbols to rank, as of when, and how many to hold."""

    model_config = ConfigDict(extra="forbid")

    symbols: list[Annotated[str, Field(pattern=f"^{SYMBOL_PATTERN.pattern}$")]] = Field(
        min_length=1, max_length=1000
    )
    as_of_date: dt.date = Field(description="The last session up to it is looked at")
    top_n: int = Field(ge=0, le=1000, description="Best ones to hold, half of the equity together")
    bottom_n: int = Field(ge=0, le=1000, description="Worst ones to sell short, half of the equity together")
    model: str | None = Field(
        default=None, pattern=r"^[a-z][a-z0-9_]{0,60}$",
        description="Of a trained version; the only one in use when left out",
    )  # fmt: skip


class GeneratedSignal(BaseModel):
    """What the model says of one symbol."""

    symbol: str
    score: float = Field(description="What symbols are ranked by; any scale")
    predicted_return: float | None = Field(
        description="Median of its nearest horizon, fraction; null for a model that foretells no return: "
        "alpha158_lightgbm learns the order of a session's returns, its score is no return of any size"
    )
    rank: int = Field(description="1 for the highest score; equal ones by symbol")
    target_weight: float = Field(
        description="Signed fraction of the equity, before limits: half of it in equal parts on each side"
    )


class Generated(BaseModel):
    """A ranking of symbols by one version of one model."""

    model: str
    version: int
    session_date: dt.date
    signals: list[GeneratedSignal]
    without_opinion: list[str]


class Reloaded(BaseModel):
    """A version in use."""

    model: str
    version: int
    id: int
