"""`make mlflow`: MLflow's page over the training runs of this home, on a free port, until Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from data_layer.model_settings import tracking_folder, tracking_uri
from data_layer.runtime.console import ends, say
from data_layer.runtime.environment import quiet_mlflow
from data_layer.settings import load_settings
from models.errors import ConfigError


def main() -> int:
    """Serve the page."""
    settings = load_settings()
    if settings.models.tracking:
        say(f"training runs are tracked on a server: {settings.models.tracking}")
        return 0
    folder = tracking_folder(settings.almanac_home)
    if not (folder / "mlflow.db").exists():
        raise ConfigError("no training run is tracked in this home yet", stage="mlflow", key="ALMANAC_HOME",
                          value=str(settings.almanac_home), remedy="make train MODEL=alpha158_lightgbm")  # fmt: skip
    quiet_mlflow()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    say(f"http://127.0.0.1:{port} (Ctrl-C ends it)")
    command = [
        sys.executable, "-m", "mlflow", "server",
        "--backend-store-uri", tracking_uri(settings.models, settings.almanac_home),
        "--default-artifact-root", (folder / "artifacts").as_uri(), "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1",
    ]  # fmt: skip
    # MLflow starts workers by name: they must come from this environment.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return serve(command, {**os.environ, "PATH": path})


def serve(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a server until it ends by itself, or until Ctrl-C or SIGTERM ends it; a second one does not ask.

    Its workers outlive the process that started them, so the group is ended as one.
    """
    asked: list[int] = []
    server: subprocess.Popen[bytes] | None = None

    def stop(*_: object) -> None:
        asked.append(1)
        if server is not None:  # else it is on its way, and ended as soon as it is there
            _end(server, signal.SIGTERM if len(asked) == 1 else signal.SIGKILL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    server = subprocess.Popen(command, env=environment, start_new_session=True)
    if asked:
        _end(server, signal.SIGTERM)
    while (code := server.poll()) is None:
        time.sleep(0.1)  # a signal just before a wait without end would be heard only after it
    _end(server, signal.SIGKILL)  # who did not listen
    return 0 if asked else code  # how it is meant to end


def _end(server: subprocess.Popen[bytes], how: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, how)


if __name__ == "__main__":
    ends(main)
