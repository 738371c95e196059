"""What the collector makes of a line of a task's log: its configuration read, and its stages taken as it takes them.

Only what deploy/observability/alloy/config.alloy holds is known here; anything else is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TOKEN = re.compile(r'\s*(?:(//[^\n]*)|("(?:[^"\\]|\\.)*")|([A-Za-z_][\w.]*)|([{}\[\]=,]))')
SELECTOR = re.compile(r'\{(\w+)(!?=)"([^"]*)"\}')


@dataclass
class Block:
    """A block: its attributes, and the blocks in it in their order."""

    name: str
    label: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)


@dataclass
class Line:
    """A line on its way: what was read of it, and what Loki is to be given beside it."""

    text: str
    labels: dict[str, str]
    read: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)


def parse(text: str) -> list[Block]:
    """Return the blocks of a configuration.

    Raises:
        ValueError: for what is no block, attribute, map or list.
    """
    tokens, at = [], 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        if not found:
            raise ValueError(f"not understood: {text[at : at + 40]!r}")
        at = found.end()
        if not found[1]:
            tokens.append(found[0].strip())
    top = Block("")
    _body(tokens, top)
    if tokens:
        raise ValueError(f"too many closing braces before {tokens}")
    return top.blocks


def _body(tokens: list[str], into: Block) -> None:
    while tokens and tokens[0] != "}":
        name = tokens.pop(0)
        if not re.match(r"[A-Za-z_]", name):
            raise ValueError(f"no name: {name}")
        if tokens[0] == "=":
            tokens.pop(0)
            into.attributes[name] = _value(tokens)
            continue
        block = Block(name, json.loads(tokens.pop(0)) if tokens[0].startswith('"') else "")
        if tokens.pop(0) != "{":
            raise ValueError(f"{name}: neither = nor a block")
        _body(tokens, block)
        if not tokens:
            raise ValueError(f"{name} is never closed")
        tokens.pop(0)
        into.blocks.append(block)


def _value(tokens: list[str]) -> Any:
    token = tokens.pop(0)
    if token.startswith('"'):
        return json.loads(token)
    if token not in "{[":
        return token  # a reference to another component
    found: list[Any] = []
    while tokens[0] not in "}]":
        key = tokens.pop(0) if token == "{" else None
        if key and tokens.pop(0) != "=":
            raise ValueError(f"no value of {key}")
        found.append((key, _value(tokens)) if key else _value(tokens))
        if tokens[0] == ",":
            tokens.pop(0)
    tokens.pop(0)
    return dict(found) if token == "{" else found


def collected(stages: list[Block], text: str, labels: Mapping[str, str]) -> Line:
    """Return a line as it leaves the stages, read from a file whose lines have some labels."""
    line = Line(text, dict(labels))
    _take(stages, line)
    return line


def _take(stages: list[Block], line: Line) -> None:
    for stage in stages:
        values = stage.attributes.get("values", {})
        if stage.name == "stage.json":
            line.read |= _fields(line.text, stage.attributes["expressions"])
        elif stage.name == "stage.labels":
            line.labels |= _named(values, line.read)
        elif stage.name == "stage.structured_metadata":
            # Of labels as well, which are labels no longer.
            line.metadata |= _named(values, line.read) | _named(values, line.labels)
            line.labels = {name: value for name, value in line.labels.items() if name not in values}
        elif stage.name == "stage.static_labels":
            line.labels |= values
        elif stage.name == "stage.label_drop":
            line.labels = {name: value for name, value in line.labels.items() if name not in values}
        elif stage.name == "stage.match":
            matched = SELECTOR.fullmatch(stage.attributes["selector"])
            assert matched, stage.attributes
            name, how, value = matched.groups()
            if (line.labels.get(name, "") == value) == (how == "="):
                _take(stage.blocks, line)
        elif stage.name != "stage.timestamp":
            raise ValueError(f"a stage this does not know: {stage.name}")


def _fields(text: str, wanted: Mapping[str, str]) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return {name: found.get(path or name) for name, path in wanted.items()} if isinstance(found, dict) else {}


def _named(values: Mapping[str, str], read: Mapping[str, Any]) -> dict[str, str]:
    """What is missing becomes nothing, not an empty label."""
    chosen = {name: read.get(source or name) for name, source in values.items()}
    return {name: str(value) for name, value in chosen.items() if value is not None}
