"""Time limits of a WebSocket: `ClientWSTimeout`."""

from __future__ import annotations

from typing import Any

from ..timeouts import AttrsFields

_FIELDS = ("ws_receive", "ws_close")


def seconds(name: str, value: Any) -> float | None:
    """Return `value` if it is a number of seconds or None.

    Raises
    ------
    TypeError, ValueError
        If it is anything else.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number of seconds or None, not {value!r}")
    if not value >= 0:  # false for NaN too
        raise ValueError(f"{name} must not be negative or NaN, but is {value!r}")
    return value


class ClientWSTimeout:
    """Limits in seconds; None and 0 mean no limit. An object is immutable.

    :param ws_receive: how long `receive` waits for a message.
    :param ws_close: how long `close` waits for the server's Close frame.
    :raises TypeError: a limit is not a number.
    :raises ValueError: a limit is negative or not a number (NaN).
    """

    __slots__ = _FIELDS

    ws_receive: float | None
    ws_close: float | None

    __attrs_attrs__ = AttrsFields("ClientWSTimeout", _FIELDS)

    def __init__(self, ws_receive: float | None = None, ws_close: float | None = None) -> None:
        object.__setattr__(self, "ws_receive", seconds("ws_receive", ws_receive))
        object.__setattr__(self, "ws_close", seconds("ws_close", ws_close))

    def replace(self, **changes: Any) -> ClientWSTimeout:
        """Return a copy with the named limits changed."""
        return type(self)(**{name: getattr(self, name) for name in _FIELDS} | changes)

    __replace__ = replace  # copy.replace() of Python 3.13

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"ClientWSTimeout cannot be changed: use replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"ClientWSTimeout cannot be changed: use replace({name}=None)")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.ws_receive, self.ws_close)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClientWSTimeout):
            return NotImplemented
        return (self.ws_receive, self.ws_close) == (other.ws_receive, other.ws_close)

    def __hash__(self) -> int:
        return hash((self.ws_receive, self.ws_close))

    def __repr__(self) -> str:
        return f"ClientWSTimeout(ws_receive={self.ws_receive!r}, ws_close={self.ws_close!r})"


DEFAULT_TIMEOUT = ClientWSTimeout(ws_close=10.0)
"""The limits of `ClientSession.ws_connect` if it is given none: aiohttp's default."""
