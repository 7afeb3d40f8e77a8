"""Records to JSON and back. A broken value gives one error that names the key and the attribute.

Unknown attributes are ignored, so that an older reader understands a newer writer; attributes that hold
their default are left out.
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

import msgspec

from waypoint_core.errors import CodecError

Record = TypeVar("Record")


def encode(record: Any) -> bytes:
    """A record of `waypoint_core.model` as compact JSON."""
    shown = {
        item.name: value
        for item in dataclasses.fields(record)
        if (value := getattr(record, item.name)) != _default(item)
    }
    return msgspec.json.encode(shown)


def decode(kind: type[Record], value: bytes, key: str) -> Record:
    """The record in a registry value; key is named in the CodecError when it is not one."""
    try:
        return msgspec.json.decode(value, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise CodecError(f"cannot read {key} as {kind.__name__}: {error}") from error


def _default(item: dataclasses.Field[Any]) -> Any:
    if item.default_factory is not dataclasses.MISSING:
        return item.default_factory()
    return item.default
