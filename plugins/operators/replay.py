"""The operator of a replay: past sessions decided again, and a failed task when something differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from plugins.operators.base import database_uri, final_errors


class ReplayOperator(BaseOperator):
    """Replays the sessions and logs what it found.

    Args:
        first: first session, ISO.
        last: last session, ISO.

    Raises:
        AirflowFailException: when a row differs; what a retry cannot mend.
    """

    template_fields: Sequence[str] = ("first", "last")

    def __init__(self, *, first: str, last: str, **kwargs: Any):
        super().__init__(**kwargs)
        self.first = first
        self.last = last

    def execute(self, context: Context) -> Any:
        """Replay, log the report, and return counts."""
        from data_layer.settings import load_settings, parse_date
        from plugins.replay.replay import replay, report_lines

        uri = database_uri()
        with final_errors():
            first, last = (parse_date(text, key="date", stage=self.dag_id) for text in (self.first, self.last))
            report = replay(uri, load_settings(), first, last)
            for line in report_lines(uri, report):
                self.log.info(line)
        if not report.is_identical:
            raise AirflowFailException("the replay differs from what was decided; the first difference is in the log")
        return {"sessions": len(report.sessions), "rows": sum(t.stored.rows for t in report.tables)}
