"""When the store refuses something in a batch of the sensors, all the rest of it is stored, whatever its kind."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from engine.sensors import _Batch
from tests.contracts.samples import NOON

_NOT_STORED = {"acknowledge"}  # told to the devices afterwards


def test_the_parts_of_a_batch_hold_everything_that_it_holds() -> None:
    batch = _Batch()
    for one in fields(_Batch):
        filled: Any = getattr(batch, one.name)
        if isinstance(filled, list):
            filled += [f"{one.name} 1", f"{one.name} 2"]
        elif isinstance(filled, tuple):
            setattr(batch, one.name, (f"{one.name} 1", f"{one.name} 2"))
        elif isinstance(filled, dict):
            filled |= {"quay": 1, "gate": 2}
        else:
            setattr(batch, one.name, NOON)
    parts = list(batch.parts())
    for one in fields(_Batch):
        if one.name in _NOT_STORED:
            continue
        whole: Any = getattr(batch, one.name)
        of_parts = [getattr(part, one.name) for part in parts if getattr(part, one.name)]
        if isinstance(whole, list | tuple):
            assert [thing for part in of_parts for thing in part] == list(whole), one.name
        elif isinstance(whole, dict):
            assert {name: value for part in of_parts for name, value in part.items()} == whole, one.name
        else:
            assert of_parts == [whole], one.name
        assert all(len(part) == 1 for part in of_parts if isinstance(part, list | tuple | dict)), one.name
