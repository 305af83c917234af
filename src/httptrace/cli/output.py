"""Where a body is written: to a file, to standard output, or nowhere."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from ..body.disposition import without_path
from .failures import NOT_WRITTEN, USAGE, Failure

if TYPE_CHECKING:
    from yarl import URL

_NOT_IN_NAMES = dict.fromkeys(map(ord, "/\\\0"), "_")


class Sink(AbstractContextManager["Sink"]):
    """Counts and writes a body. `target` is a file's name, "-" for standard output, "" for nowhere.

    ``with`` opens the file and closes it.

    Raises
    ------
    Failure
        With `NOT_WRITTEN`, if the body cannot be written.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.size = 0
        self._last = b"\n"
        self._file: IO[bytes] | None = None

    @property
    def on_terminal(self) -> bool:
        """Whether the body and the report are printed on the same terminal."""
        return self.target == "-" and sys.stdout.isatty() and sys.stderr.isatty()

    def __enter__(self) -> Self:
        if self.target == "-":
            self._file = sys.stdout.buffer
        elif self.target:
            try:
                self._file = open(self.target, "wb")
            except OSError as exc:
                raise self._failure(exc) from exc
        return self

    def write(self, data: bytes) -> None:
        """Count and write a piece of the body."""
        self.size += len(data)
        self._last = data[-1:] or self._last
        if self._file is None:
            return
        try:
            self._file.write(data)
            if self.target == "-":
                self._file.flush()
        except OSError as exc:
            raise self._failure(exc) from exc

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.on_terminal and self._last != b"\n":
            print(file=sys.stderr)  # the report begins on a new line
        if self._file is None or self.target == "-":
            return
        try:
            self._file.close()
        except OSError as error:
            if exc is None:
                raise self._failure(error) from error

    def _failure(self, exc: OSError) -> Failure:
        name = "standard output" if self.target == "-" else self.target
        return Failure(NOT_WRITTEN, "output", f"{name} cannot be written: {exc.strerror or exc}")


def target_of(outputs: list[str | None], number: int, url: URL) -> str:
    """The target for the body of URL `number`; empty if there is no ``-o`` or ``-O`` for it.

    Raises
    ------
    Failure
        If the URL's path has no name for -O.
    """
    if number >= len(outputs):
        return ""
    target: Any = outputs[number]
    if target is not None:
        return str(target)
    name = unquote(PurePosixPath(url.raw_path).name).translate(_NOT_IN_NAMES)
    if not without_path(name):
        raise Failure(USAGE, "", f"-O finds no file name in {url}; give one with -o")
    return name if os.sep == "/" else without_path(name)
