"""A home whose chain has run and one trained version in it, made once and copied."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from data_layer.model_settings import ModelSettings
from data_layer.settings import Settings
from data_layer.storage.artifacts import ArtifactStore, open_store
from plugins.ml import training as steps
from plugins.ml.asked import read_asked
from plugins.ml.training import Training
from tests.support.chain import query

FAMILY = "alpha158_lightgbm"
# Two years of three symbols: little, but every step is the real one.
SMALL = {"MODEL": FAMILY, "FOLDS": "3", "PARAMETERS": "rounds=5 stop_share=0"}
WAIVER = ("A. Tester", "the gate is not what is tested here")


@dataclass
class Workshop:
    """A database, where its artifacts lie, and what was said."""

    database: Any
    settings: Settings
    said: list[str]

    @property
    def store(self) -> ArtifactStore:
        return open_store(self.settings)

    def training(self) -> Training:
        return Training(self.database.trainer, self.settings, self.said.append)

    def train(self, key: str = "run 1", **more: str) -> int:
        """Take all steps but the last; return the version's id."""
        training = self.training()
        run_id = training.build_dataset(read_asked({**SMALL, **more}, key, "tester"))
        training.run_walk_forward(run_id)
        training.evaluate(run_id)
        return training.register_version(run_id)

    def rows(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        return query(self.database.trainer, statement, parameters)


@pytest.fixture(autouse=True)
def untracked(monkeypatch):
    """MLflow takes seconds to start; its own test has it."""
    monkeypatch.setattr(steps, "track", lambda *_args: {"tracking_run": "none in tests"})


@pytest.fixture(scope="session")
def trained_once(small_chain, copy_database, small_settings, tmp_path_factory):
    """One registered version, made by the real steps."""
    settings = replace(small_settings, models=ModelSettings(str(tmp_path_factory.mktemp("artifacts")), ""))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(steps, "track", lambda *_args: {"tracking_run": "none in tests"})
        made = Workshop(copy_database(small_chain.name, keep=True), settings, [])
        made.train(END="2005-09-30")
    return made


@pytest.fixture
def workshop(trained_once, copy_database, tmp_path):
    """A copy of it to change, the artifacts too."""
    import shutil

    folder = tmp_path / "artifacts"
    shutil.copytree(trained_once.settings.models.artifacts, folder)
    settings = replace(trained_once.settings, models=ModelSettings(str(folder), ""))
    return Workshop(copy_database(trained_once.database.name), settings, [])
