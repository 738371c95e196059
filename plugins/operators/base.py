"""What all operators share: the way to the database, and which errors end a task at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException

from models.errors import AlmanacError, RetryableError


def database_uri(connection: str = "quant_data") -> str:
    """Return the URI of one of Airflow's connections to quant_data, in the form drivers take.

    Args:
        connection: quant_data (the writer), quant_reader or quant_trainer.
    """
    return str(BaseHook.get_connection(connection).get_uri()).replace("postgres://", "postgresql://", 1)


@contextmanager
def final_errors() -> Iterator[None]:
    """Let a task fail at once on what a retry cannot mend; everything else goes through, to be tried again.

    Raises:
        AirflowFailException: for an error of ours that is no RetryableError: settings, data, a block.
    """
    try:
        yield
    except RetryableError:
        raise
    except AlmanacError as error:
        raise AirflowFailException(str(error)) from error
