"""How long a WebSocket may be silent: `ClientWSTimeout`."""

from __future__ import annotations

from typing import Any


def seconds(name: str, value: Any) -> float | None:
    """`value` if it is a number of seconds, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number of seconds or None, not {value!r}")
    if not value >= 0:  # false for NaN too
        raise ValueError(f"{name} must not be negative or NaN, but is {value!r}")
    return value


class ClientWSTimeout:
    """Limits of a WebSocket in seconds; None is no limit.

    `ws_receive` is how long `receive` waits for a message, `ws_close` how long `close` waits for
    the server's answer.
    """

    __slots__ = ("ws_close", "ws_receive")

    def __init__(self, ws_receive: float | None = None, ws_close: float | None = None) -> None:
        self.ws_receive = seconds("ws_receive", ws_receive)
        self.ws_close = seconds("ws_close", ws_close)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClientWSTimeout):
            return NotImplemented
        return (self.ws_receive, self.ws_close) == (other.ws_receive, other.ws_close)

    def __hash__(self) -> int:
        return hash((self.ws_receive, self.ws_close))

    def __repr__(self) -> str:
        return f"ClientWSTimeout(ws_receive={self.ws_receive!r}, ws_close={self.ws_close!r})"


DEFAULT_TIMEOUT = ClientWSTimeout(ws_close=10.0)
