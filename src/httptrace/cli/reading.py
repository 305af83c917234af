"""Reading the files that options name, and standard input."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from .failures import NOT_READ, Failure

_LINE_END = re.compile(r"\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")


def read_bytes(name: str, option: str) -> bytes:
    """The content of a file; ``-`` is standard input.

    Raises
    ------
    Failure
        With `NOT_READ`, naming the option, if it cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise Failure(NOT_READ, "", f"{option}: {name} cannot be read: {reason}") from exc


def header_lines(content: bytes) -> list[str]:
    """The header fields of a file, one a line. Empty lines and lines with ``#`` first are skipped.

    A line that begins with a space continues the one before.
    """
    text = _FOLD.sub(" ", content.decode("utf-8", "surrogateescape"))
    return [line for line in _LINE_END.split(text) if line.strip() and not line.startswith("#")]
