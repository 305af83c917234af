"""`UnsetLocalError`: raised when a name is read that is not set, with a text that explains why."""

from __future__ import annotations

from types import CodeType, FrameType
from typing import NamedTuple

_HINT = (
    "If this runs in a thread or a callback, its context was not passed on; "
    "HTTPTRACE_STRICT_CONTEXT=1 tells where it was lost."
)


class Origin(NamedTuple):
    """Where a name was set. The line is computed from code and offset, for messages only."""

    scope: object
    code: CodeType
    offset: int

    @classmethod
    def of(cls, scope: object, frame: FrameType) -> Origin:
        return cls(scope, frame.f_code, frame.f_lasti)

    def __str__(self) -> str:
        where = f"{self.code.co_filename}:{self.line}"
        return (
            f"outside any Context at {where}"
            if self.scope is None
            else (f"in Context {str(self.scope)!r} at {where}")
        )

    @property
    def line(self) -> int:
        for start, end, line in self.code.co_lines():
            if line is not None and start <= self.offset < end:
                return line
        return self.code.co_firstlineno


class UnsetLocalError(AttributeError, ValueError):
    """A name of a `Local` has no value in the running context.

    It is an `AttributeError`, so that `hasattr` and `getattr` with a default work, and a
    `ValueError`. Its text says whether there is no context at all, the name was never set, or
    where and in which other scope it was set. The text is built on demand, because `hasattr`
    discards most of these errors.
    """

    # The details are in `args`: a constructor in Python would double the cost of a `hasattr`.
    args: tuple[str, str, object, Origin | None, str | None]

    def __str__(self) -> str:
        owner, name, scope, origin, hop = self.args
        parts = [f"{owner}.{name} is not set: {_reason(scope, origin)}."]
        if hop is not None:
            parts.append(hop)
        elif scope is None and origin is not None:
            parts.append(_HINT)
        return " ".join(parts)

    def __reduce__(self) -> tuple[type[AttributeError], tuple[str]]:
        # Code objects cannot be pickled; another process gets the text.
        return AttributeError, (str(self),)


def _reason(scope: object, origin: Origin | None) -> str:
    here = "there is no Context here" if scope is None else f"in Context {str(scope)!r}"
    if origin is None:
        return f"{here}, and the name was never set"
    if scope is not None and scope == origin.scope:
        where = f"{origin.code.co_filename}:{origin.line}"
        return f"{here}, where it was set at {where} by another task, or deleted since"
    return f"{here}; it was last set {origin}"
