"""`ClientWSTimeout` as a value."""

from __future__ import annotations

import copy
import pickle
import sys

import attr
import pytest

from httptrace import ClientWSTimeout
from httptrace.ws.timeouts import DEFAULT_TIMEOUT


def test_attrs_functions_take_it() -> None:
    """attr.evolve, attr.asdict and attr.fields work as they do with aiohttp's class."""
    changed = attr.evolve(DEFAULT_TIMEOUT, ws_close=1)
    assert changed == ClientWSTimeout(ws_close=1) and DEFAULT_TIMEOUT.ws_close == 10
    assert attr.asdict(changed) == {"ws_receive": None, "ws_close": 1}
    assert [field.name for field in attr.fields(ClientWSTimeout)] == ["ws_receive", "ws_close"]


def test_attrs_functions_check_the_limits() -> None:
    """A changed copy is checked like any other object."""
    with pytest.raises(ValueError, match="ws_close"):
        attr.evolve(ClientWSTimeout(), ws_close=-1)


def test_it_cannot_be_changed() -> None:
    """Setting or deleting a limit is an error; `replace` returns a changed copy."""
    timeout = ClientWSTimeout(ws_receive=2, ws_close=3)
    with pytest.raises(AttributeError, match="replace"):
        timeout.ws_close = 1
    with pytest.raises(AttributeError, match="replace"):
        del timeout.ws_close
    assert timeout.replace(ws_close=1) == ClientWSTimeout(2, 1)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="copy.replace came with Python 3.13")
def test_copy_replace_takes_it() -> None:
    """copy.replace works."""
    assert copy.replace(ClientWSTimeout(1), ws_close=2) == ClientWSTimeout(1, 2)  # type: ignore[attr-defined, unused-ignore]


def test_copies_and_pickles_are_equal() -> None:
    """Copies and pickles have the same limits and the same hash."""
    timeout = ClientWSTimeout(ws_receive=2, ws_close=3)
    for same in (copy.copy(timeout), copy.deepcopy(timeout), pickle.loads(pickle.dumps(timeout))):
        assert same == timeout and hash(same) == hash(timeout)
    assert timeout != ClientWSTimeout(ws_receive=2) and timeout != (2, 3)
