"""The deadline of a session: a stated time of day in New York, for every stage's run."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert

from plugins.dag_defaults import NEW_YORK


@dataclass(eq=False)
class SessionDeadline(BaseDeadlineReference):
    """The first time of day, New York, after a run was made."""

    at: str = "09:15"

    def serialize_reference(self) -> dict[str, Any]:
        """Return what the scheduler keeps."""
        return {"reference_type": self.reference_name, "at": self.at}

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> SessionDeadline:
        """Return it as the scheduler has kept it."""
        return cls(reference_data["at"])

    def _evaluate_with(self, *, session: Any, **_: Any) -> dt.datetime:
        return first_after(dt.datetime.now(dt.UTC), dt.time.fromisoformat(self.at))


def first_after(instant: dt.datetime, at: dt.time) -> dt.datetime:
    """Return the first time of day in New York after an instant, as UTC."""
    here = instant.astimezone(ZoneInfo(NEW_YORK))
    due = here.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    if due <= here:
        due += dt.timedelta(days=1)  # of the clock on the wall
    return due.astimezone(dt.UTC)


def session_deadline(at: dt.time) -> DeadlineAlert:
    """Return the alert of a stage's run that has not ended by a time of day, New York."""
    text = f"{at:%H:%M}"
    callback = AsyncCallback("plugins.notify.telling.tell_deadline", kwargs={"deadline": f"{text} New York"})
    return DeadlineAlert(SessionDeadline(text), dt.timedelta(0), callback, name=f"not done by {text} New York")
