"""Style, scripts and the chart library: served from here, kept by browsers for as long as their bytes are the same."""

from __future__ import annotations

import hashlib
import importlib.metadata
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

# The chart library comes with its Python package: nothing is fetched from elsewhere, and pages work offline.
FOLDERS = {
    "static": Path(__file__).parent / "static",
    "charts": Path(str(importlib.metadata.distribution("plotly").locate_file("plotly/package_data"))),
}
# An address that names the bytes never has to be asked for again; private: it is sent to who has logged in.
KEPT = "private, max-age=31536000, immutable"
ASKED_AGAIN = "private, no-cache"


@cache
def version(folder: str, name: str) -> str:
    """Return what stands for a file's bytes in its address: the beginning of their SHA-256."""
    return hashlib.sha256((FOLDERS[folder] / name).read_bytes()).hexdigest()[:16]


def address(folder: str, name: str) -> str:
    """Return the path of a file below /almanac, which changes with its bytes."""
    return f"/{folder}/{name}?v={version(folder, name)}"


class Files(StaticFiles):
    """A folder of files that says how long each may be kept."""

    def __init__(self, folder: str):
        """Take one of FOLDERS."""
        super().__init__(directory=FOLDERS[folder])
        self.folder = folder

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file; for good when the address names its bytes."""
        response = await super().get_response(path, scope)
        asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("v", [""])[0]
        named = response.status_code < 300 and asked and asked == version(self.folder, path)
        response.headers["Cache-Control"] = KEPT if named else ASKED_AGAIN
        return response
