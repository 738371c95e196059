"""Starting a run through Airflow, in the web server's own process."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import HTTPException


def start(
    dag: str, who: str, *, why: str, conf: Mapping[str, str] | None = None, run_id: str | None = None
) -> str | None:
    """Queue a run as Airflow's Trigger button does, and return its id.

    Args:
        dag: DAG id.
        who: stands in Airflow as who triggered it.
        why: becomes the run's note.
        conf: values of its form.
        run_id: id to use; None for Airflow's own.

    Returns:
        The run's id; None when there is one of this id already.

    Raises:
        HTTPException: 409 when Airflow does not know the DAG, or its form does not take the values; 503 while
            Airflow's own database does not answer.
    """
    from airflow.api.common import trigger_dag
    from airflow.exceptions import DagNotFound, DagRunAlreadyExists, ParamValidationError
    from airflow.utils.types import DagRunTriggeredByType
    from sqlalchemy.exc import OperationalError

    try:
        run = trigger_dag.trigger_dag(
            dag, triggered_by=DagRunTriggeredByType.REST_API, triggering_user_name=who, conf=dict(conf or {}),
            logical_date=None, run_id=run_id, note=why,
        )  # fmt: skip
    except DagRunAlreadyExists:
        return None
    except (DagNotFound, ParamValidationError, ValueError) as error:
        raise HTTPException(409, f"Airflow does not start {dag}: {error}") from error
    except OperationalError as error:
        raise HTTPException(503, "Airflow's own database does not answer; nothing was started.") from error
    return run.run_id if run else None
