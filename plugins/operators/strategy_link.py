"""The way from the task that runs a strategy to the strategy's page."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperatorLink

from plugins.operators.stage_step import StageStepOperator


class StrategyLink(BaseOperatorLink):
    """A button beside the task; Airflow asks for its address once the task is over, when its model is known."""

    name = "Strategy"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address; empty, which shows no button, for a task that is about no model."""
        model = (getattr(operator, "arguments", None) or {}).get("model_id")
        return f"/almanac/model/{int(model)}" if model is not None else ""


class ModelStepOperator(StageStepOperator):
    """A step that is mapped over models."""

    operator_extra_links = (StrategyLink(),)
