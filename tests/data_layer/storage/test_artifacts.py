"""Artifacts: safe formats only, whole or not at all, refused when one bit differs."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from data_layer.storage.artifacts import ArtifactStore, open_store
from models.errors import ConfigError, DataQualityError, RetryableError
from tests.support.chain import sample_settings

TREES = b"tree\nversion=v4\n"
NET = b"\x08\x08\x12\x07pytorch"


@pytest.fixture(params=["folder", "memory"])
def store(request, tmp_path):
    return ArtifactStore(
        str(tmp_path / "store") if request.param == "folder" else f"memory://{tmp_path.name}"
    )


@pytest.mark.parametrize(("form", "content"), [("lightgbm_text", TREES), ("onnx", NET)])
def test_what_is_written_is_read_back(store, form, content):
    metadata = {"features": ["a", "b"], "scale": 0.1, "days": 1e-07}
    stored = store.write("family", form, content, metadata)
    assert store.read(stored) == (content, metadata)
    assert store.write("family", form, content, metadata) == stored  # the same model is the same files
    assert store.write("family", form, content, {**metadata, "scale": 0.2}).path != stored.path


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("lightgbm_text", pickle.dumps({"a": 1})),
        ("onnx", pickle.dumps([1], 0)),
        ("onnx", b"PK\x03\x04zip"),
        ("onnx", b""),
    ],
    ids=["pickle", "old pickle", "zip", "nothing"],
)
def test_content_of_another_kind_is_refused(store, form, content):
    with pytest.raises(DataQualityError, match="artifact refused: not "):
        store.write("family", form, content, {})


def test_unknown_formats_are_refused_both_ways(store):
    with pytest.raises(ConfigError, match=r"not a safe artifact format.*pickle"):
        store.write("family", "pickle", b"tree\n", {})
    stored = store.write("family", "lightgbm_text", TREES, {})
    with pytest.raises(DataQualityError, match="format pickle is not one of"):
        store.read(replace(stored, format="pickle"))


def test_every_flipped_byte_is_found(tmp_path):
    store = ArtifactStore(str(tmp_path))
    stored = store.write("family", "lightgbm_text", TREES, {"a": 1})
    for name in (stored.path, stored.path.replace("model.txt", "metadata.json")):
        path = tmp_path / name
        whole = path.read_bytes()
        for place in range(len(whole)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            with pytest.raises(DataQualityError, match="SHA-256"):
                store.read(stored)
        path.write_bytes(whole)
    assert store.read(stored)[0] == TREES


def test_a_missing_file_and_a_path_out_of_the_store_are_refused(tmp_path):
    store = ArtifactStore(str(tmp_path / "store"))
    stored = store.write("family", "lightgbm_text", TREES, {})
    with pytest.raises(DataQualityError, match="not there"):
        store.read(replace(stored, path="family/nothing/model.txt"))
    (tmp_path / "model.txt").write_bytes(TREES)
    with pytest.raises(DataQualityError, match="out of the store"):
        store.read(replace(stored, path="../model.txt"))


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    store = ArtifactStore(str(tmp_path))

    def fail(*_args, **_kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(store._fs, "mv", fail)
    with pytest.raises(RetryableError, match="disk full"):
        store.write("family", "lightgbm_text", TREES, {})
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_the_store_is_a_setting(tmp_path):
    assert open_store(sample_settings(tmp_path)).url == str(tmp_path / "artifacts")
    assert open_store(sample_settings(tmp_path, almanac_artifacts="memory://x")).url == "memory://x"
    with pytest.raises(ConfigError, match=r"not an artifact store.*ALMANAC_ARTIFACTS"):
        open_store(sample_settings(tmp_path, almanac_artifacts="nonsense://x"))
