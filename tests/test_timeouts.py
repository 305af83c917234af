from __future__ import annotations

import copy
import math
import pickle
import sys
from typing import Any

import attr
import pytest

from httptrace.timeouts import DEFAULT_TIMEOUT, ClientTimeout

LIMITS = ("total", "connect", "sock_read", "sock_connect", "pool", "dns", "tls", "response_headers")


def test_positional_order_is_aiohttps() -> None:
    """The first five limits can be given by position, in aiohttp's order."""
    timeout = ClientTimeout(1, 2, 3, 4, 6)
    assert (timeout.total, timeout.connect, timeout.sock_read) == (1, 2, 3)
    assert (timeout.sock_connect, timeout.ceil_threshold) == (4, 6)


def test_nothing_is_limited_by_default() -> None:
    """A ClientTimeout without arguments has no limits."""
    timeout = ClientTimeout()
    assert [getattr(timeout, name) for name in LIMITS] == [None] * len(LIMITS)
    assert timeout.ceil_threshold == 5


def test_default_of_a_session_is_aiohttps() -> None:
    """A session's default is five minutes in all and half a minute to connect a socket."""
    assert ClientTimeout(total=300, sock_connect=30) == DEFAULT_TIMEOUT


@pytest.mark.parametrize("name", LIMITS)
def test_zero_is_kept_and_infinity_is_no_limit(name: str) -> None:
    """Zero is kept, infinity becomes None: both mean no limit."""
    assert getattr(ClientTimeout(**{name: 0}), name) == 0
    assert getattr(ClientTimeout(**{name: math.inf}), name) is None


@pytest.mark.parametrize("name", (*LIMITS, "ceil_threshold"))
@pytest.mark.parametrize("value", [-1, -0.001, math.nan, -math.inf])
def test_impossible_time_is_refused_by_name(name: str, value: float) -> None:
    """A negative limit or NaN raises a ValueError that names it."""
    with pytest.raises(ValueError, match=rf"ClientTimeout\.{name} "):
        ClientTimeout(**{name: value})


@pytest.mark.parametrize("name", (*LIMITS, "ceil_threshold"))
@pytest.mark.parametrize("value", ["5", True, [], object()])
def test_wrong_type_is_refused_by_name(name: str, value: Any) -> None:
    """A limit that is not a number of seconds raises a TypeError that names it."""
    with pytest.raises(TypeError, match=rf"ClientTimeout\.{name} "):
        ClientTimeout(**{name: value})


def test_cannot_be_changed() -> None:
    """Setting or deleting a limit raises an AttributeError that suggests replace()."""
    timeout = ClientTimeout(total=1)
    with pytest.raises(AttributeError, match=r"replace\(total="):
        timeout.total = 2
    with pytest.raises(AttributeError, match="cannot be changed"):
        del timeout.total
    assert timeout.total == 1


def test_replace_changes_only_what_is_named() -> None:
    """replace() returns a changed copy and checks its arguments."""
    timeout = ClientTimeout(total=1, pool=2)
    assert timeout.replace(total=None, dns=3) == ClientTimeout(pool=2, dns=3)
    assert timeout == ClientTimeout(total=1, pool=2)
    with pytest.raises(ValueError, match="total"):
        timeout.replace(total=-1)
    with pytest.raises(TypeError, match="nonsense"):
        timeout.replace(nonsense=1)


def test_attrs_functions_take_it() -> None:
    """attr.evolve and attr.asdict work as they do with aiohttp's class."""
    timeout = ClientTimeout(total=1, pool=2)
    assert attr.evolve(timeout, total=5) == ClientTimeout(total=5, pool=2)
    assert attr.asdict(timeout)["total"] == 1


@pytest.mark.skipif(sys.version_info < (3, 13), reason="copy.replace came with Python 3.13")
def test_copy_replace_takes_it() -> None:
    """copy.replace works."""
    assert copy.replace(ClientTimeout(total=1), total=2) == ClientTimeout(total=2)  # type: ignore[attr-defined, unused-ignore]


def test_equality_and_hash_go_by_value() -> None:
    """Two objects with the same limits are equal and hash alike; others are not equal."""
    assert ClientTimeout(total=1) == ClientTimeout(total=1.0)
    assert hash(ClientTimeout(total=1)) == hash(ClientTimeout(total=1.0))
    assert ClientTimeout(total=1) != ClientTimeout(total=1, tls=2)
    assert ClientTimeout() != object()


def test_survives_pickle_and_copy() -> None:
    """Pickling and copying return an equal object."""
    timeout = ClientTimeout(total=1, response_headers=7)
    assert pickle.loads(pickle.dumps(timeout)) == timeout
    assert copy.copy(timeout) == copy.deepcopy(timeout) == timeout


def test_repr_shows_further_parts_only_when_set() -> None:
    """The repr is aiohttp's, followed by our limits if they are set."""
    assert repr(ClientTimeout(total=1)) == (
        "ClientTimeout(total=1, connect=None, sock_read=None, sock_connect=None, ceil_threshold=5)"
    )
    assert repr(ClientTimeout(tls=2)).endswith("ceil_threshold=5, tls=2)")
