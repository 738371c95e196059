"""The pages over a real database, asked as users of each role of Airflow's simple auth manager."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Iterator

import pytest
from fastapi import HTTPException
from starlette.testclient import TestClient

from data_layer.model_settings import ModelSettings
from tests.support.furnished import furnish


@pytest.fixture(scope="session", autouse=True)
def airflow_home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow_home")))
        importlib.import_module("airflow.sdk")


@pytest.fixture
def app(airflow_home):
    from plugins.web.app import build_app

    return build_app()


@pytest.fixture
def over(monkeypatch) -> Iterator[Callable]:
    """Returns a function that lets the pages read a database, and the actions write it."""
    from airflow.models import Connection

    from plugins.web import reading
    from plugins.web.pages import data

    reading.pool.cache_clear()
    data.coverage.cache_clear()
    opened = []

    def read(database) -> None:
        uris = {
            "quant_reader": database.reader,
            "quant_data": database.writer,
            "quant_trainer": database.trainer,
        }
        held = {
            name: Connection(uri=uri.replace("postgresql://", "postgres://", 1)) for name, uri in uris.items()
        }
        monkeypatch.setattr(
            Connection, "get_connection_from_secrets", classmethod(lambda cls, conn_id: held[conn_id])
        )
        opened.append(database)

    yield read
    if opened:
        reading.pool().close()
        reading.pool.cache_clear()


@pytest.fixture
def as_role(app, monkeypatch) -> Callable[[str], TestClient]:
    """Returns a function that gives a client whose bearer token is a role's; tokens themselves are Airflow's."""
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    from plugins.web import guard

    async def user(token):
        if not token:
            raise HTTPException(401, "Not authenticated")
        return SimpleAuthManagerUser(username=token, role=None if token == "nobody" else token)

    monkeypatch.setattr(guard, "resolve_user_from_token", user)
    monkeypatch.setattr(guard, "get_auth_manager", SimpleAuthManager)

    def client(role: str) -> TestClient:
        headers = {"Authorization": f"Bearer {role}", "Accept": "text/html"}
        return TestClient(app, headers=headers, raise_server_exceptions=False)

    return client


@pytest.fixture
def furnished(chained, small_settings, tmp_path):
    """A chain's copy in which every page has rows."""
    artifacts = ModelSettings(str(tmp_path / "artifacts"), "")
    return furnish(chained, dataclasses.replace(small_settings, models=artifacts))


@pytest.fixture
def viewer(as_role, over, small_chain):
    over(small_chain)
    return as_role("viewer")
