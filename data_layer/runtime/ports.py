"""Ports of one home: chosen free, remembered, never shared with another home."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from models.errors import ConfigError

SERVICES = ("postgres", "airflow", "supervisor")
GIVEN = {"postgres": "POSTGRES_PORT", "airflow": "AIRFLOW_PORT"}
# Above the registered services' crowd, below the range the kernel takes for outgoing connections (32768 on
# Linux), where a port could be busy for a moment.
FIRST, COUNT = 20000, 10000


def is_free(port: int) -> bool:
    """Tell whether a server can listen at the port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # a just-closed server's TIME_WAIT is no hindrance
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_ports(
    home: Path,
    remembered: Mapping[str, int],
    given: Mapping[str, int],
    ours: Callable[[str], bool],
) -> tuple[dict[str, int], list[str]]:
    """Return a port per service, and a line for each remembered port that had to change.

    Args:
        home: the home's folder; the search starts at a place drawn from its name, so that two homes started
            at the same moment look in different places.
        remembered: ports of the last run, kept whenever they are ours or free.
        given: ports a user asked for by ``POSTGRES_PORT`` or ``AIRFLOW_PORT``.
        ours: tells whether the service of that name runs now, at its remembered port.

    Raises:
        ConfigError: when a port asked for on purpose is busy, or a running service would have to move.
    """
    ports: dict[str, int] = {}
    messages: list[str] = []
    for service in SERVICES:
        old, wanted = remembered.get(service), given.get(service)
        if old is not None and ours(service):
            if wanted not in {None, old}:
                raise ConfigError(
                    f"{service} runs at port {old}",
                    stage="run",
                    key=GIVEN[service],
                    value=wanted,
                    remedy="run `make stop` first",
                )
            ports[service] = old
        elif wanted is not None:
            if not is_free(wanted) or wanted in ports.values():
                raise ConfigError(
                    "port is busy",
                    stage="run",
                    key=GIVEN[service],
                    value=wanted,
                    remedy=f"free it, name another {GIVEN[service]}, or leave it out",
                )
            ports[service] = wanted
        elif old is not None and old not in ports.values() and is_free(old):
            ports[service] = old
        else:
            taken = {*ports.values(), *remembered.values(), *given.values()}
            ports[service] = _search(f"{home} {service}", taken)
            if old is not None:
                messages.append(
                    f"port {old} of {service} is taken by another program; it moves to {ports[service]}"
                )
    return ports, messages


def _search(name: str, taken: set[int]) -> int:
    start = zlib.crc32(name.encode())
    for step in range(COUNT):
        port = FIRST + (start + step) % COUNT
        if port not in taken and is_free(port):
            return port
    raise ConfigError(
        "no free port",
        stage="run",
        key="ports",
        value=f"{FIRST}-{FIRST + COUNT - 1}",
        remedy="end some of the servers on this machine",
    )
