"""A database that is far away: a TCP proxy that lets everything through, later."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    try:
        while data := await reader.read(1 << 20):
            await asyncio.sleep(delay)
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # an end went away
    finally:
        writer.close()


async def _serve(port: int, delay: float, ready: Any) -> None:
    async def link(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        # Only questions are late: each statement takes that much longer, however long its answer is.
        await asyncio.gather(_pump(reader, far_writer, delay), _pump(far_reader, writer, 0.0))

    server = await asyncio.start_server(link, "127.0.0.1", 0)
    ready.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


@contextmanager
def slow_proxy(port: int, delay: float) -> Iterator[int]:
    """Yield a port whose server is the one at ``port``, each question of a client ``delay`` seconds late."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(
        target=lambda: asyncio.run(_serve(port, delay, theirs)), daemon=True
    )  # forked
    process.start()
    try:
        assert ours.poll(20)
        yield int(ours.recv())
    finally:
        process.terminate()
        process.join()
