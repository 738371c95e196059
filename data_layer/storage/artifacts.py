"""Model artifacts as files: formats that hold no code, written whole or not at all, compared before every load."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fsspec.core import url_to_fs

from data_layer.settings import Settings
from models.errors import ConfigError, DataQualityError, RetryableError

# How a file of each format begins; reading either never runs code that stands in it.
BEGINS = {"lightgbm_text": b"tree\n", "onnx": b"\x08"}  # field 1 of an ONNX model: its IR version
FILES = {"lightgbm_text": "model.txt", "onnx": "model.onnx"}
METADATA = "metadata.json"


@dataclass(frozen=True)
class Stored:
    """Where an artifact lies and what it must be: a row of model_versions holds the same."""

    format: str
    path: str  # of the model file, within the store
    sha256: str
    metadata_sha256: str


class ArtifactStore:
    """A folder or any URL that fsspec knows.

    A version's two files lie in ``<family>/<hash>/``, named by what is in them, so a second write of the same
    model is the same files. Files are written under another name and renamed when complete.
    """

    def __init__(self, url: str):
        """Open the store.

        Raises:
            ConfigError: when fsspec does not know the URL, or its package is not installed.
        """
        self.url = url
        try:
            self._fs, self._root = url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise ConfigError(f"not an artifact store: {error}", stage="artifacts", key="ALMANAC_ARTIFACTS",
                              value=url, remedy="name a folder or a URL fsspec knows") from error  # fmt: skip

    def write(self, family: str, form: str, content: bytes, metadata: Mapping[str, Any]) -> Stored:
        """Write a model and its metadata; both are read back before anything may refer to them.

        Raises:
            ConfigError: for a format that is not safe, or content that is not of its format.
            RetryableError: when the store cannot be written.
        """
        _check_format(form, content, "the artifact to store")
        described = json.dumps(metadata, sort_keys=True, allow_nan=False, separators=(",", ":")).encode()
        digests = hashlib.sha256(content).hexdigest(), hashlib.sha256(described).hexdigest()
        folder = f"{family}/{hashlib.sha256(''.join(digests).encode()).hexdigest()[:24]}"
        stored = Stored(form, f"{folder}/{FILES[form]}", *digests)
        try:
            self._put(f"{folder}/{METADATA}", described)
            self._put(stored.path, content)
        except OSError as error:
            raise RetryableError(f"the artifact store takes no file: {error}", stage="artifacts",
                                 key="ALMANAC_ARTIFACTS", value=self.url,
                                 remedy="mend what it names and train again") from error  # fmt: skip
        self.read(stored)
        return stored

    def read(self, stored: Stored) -> tuple[bytes, dict[str, Any]]:
        """Return a model and its metadata, both compared with the hashes they were registered with.

        Raises:
            DataQualityError: when a file is missing, was changed, or is of no safe format.
            RetryableError: when the store cannot be reached.
        """
        if stored.format not in BEGINS:
            raise _refused(f"format {stored.format} is not one of {', '.join(BEGINS)}", stored.path)
        folder = stored.path.rpartition("/")[0]
        content = self._get(stored.path, stored.sha256)
        _check_format(stored.format, content, stored.path)
        metadata = json.loads(self._get(f"{folder}/{METADATA}", stored.metadata_sha256))
        return content, dict(metadata)

    def _where(self, path: str) -> str:
        if path.startswith("/") or ".." in path.split("/"):
            raise _refused("the path leads out of the store", path)
        return f"{self._root.rstrip('/')}/{path}"

    def _put(self, path: str, content: bytes) -> None:
        where = self._where(path)
        unfinished = f"{where}.{uuid.uuid4().hex}.unfinished"
        self._fs.makedirs(where.rpartition("/")[0], exist_ok=True)
        try:
            with self._fs.open(unfinished, "wb") as file:
                file.write(content)
                file.flush()
                with contextlib.suppress(AttributeError, OSError):  # only local files have a descriptor
                    os.fsync(file.fileno())
            self._fs.mv(unfinished, where)
        except BaseException:
            with contextlib.suppress(Exception):
                self._fs.rm(unfinished)
            raise

    def _get(self, path: str, sha256: str) -> bytes:
        try:
            content: bytes = self._fs.cat_file(self._where(path))
        except FileNotFoundError as error:
            raise _refused("the registry points at a file that is not there", path) from error
        except OSError as error:
            raise RetryableError(f"no answer from the artifact store: {error}", stage="artifacts",
                                 key="path", value=path, remedy="see ALMANAC_ARTIFACTS") from error  # fmt: skip
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            raise _refused(f"SHA-256 is {found[:16]}, registered was {sha256[:16]}", path)
        return content


def open_store(settings: Settings) -> ArtifactStore:
    """Return the store the settings name: ALMANAC_ARTIFACTS, else folder ``artifacts`` of the home."""
    return ArtifactStore(settings.models.artifacts or str(settings.almanac_home / "artifacts"))


def _check_format(form: str, content: bytes, what: str) -> None:
    if form not in BEGINS:
        raise ConfigError("not a safe artifact format", stage="artifacts", key="format", value=form,
                          remedy=f"store one of {', '.join(BEGINS)}: others can hold code")  # fmt: skip
    if not content.startswith(BEGINS[form]):
        raise _refused(f"not {form}: it begins with {content[:8]!r}", what)


def _refused(why: str, path: str) -> DataQualityError:
    return DataQualityError(f"model artifact refused: {why}", stage="artifacts", key="path", value=path,
                            remedy="restore the file from a backup, or train again and promote; "
                            "make rollback MODEL= goes back meanwhile")  # fmt: skip
