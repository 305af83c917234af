"""The line of the program that is being run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_OURS = str(Path(__file__).parent.parent)
_NOT_OF_PROGRAMS = ("asyncio", "contextlib", "uvloop")


def call_site() -> str | None:
    """The file, line and function that called this package; None in a callback of the loop."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_ours(frame):
        frame = frame.f_back
    if frame is None or frame.f_globals.get("__name__", "").partition(".")[0] in _NOT_OF_PROGRAMS:
        return None
    code = frame.f_code
    return f"{code.co_filename}:{frame.f_lineno} in {code.co_name}"


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_OURS)
