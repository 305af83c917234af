"""The progress bar of a long body, on standard error if that is a terminal."""

from __future__ import annotations

import sys
from time import monotonic
from typing import TYPE_CHECKING, Any

from .terminal import console

if TYPE_CHECKING:
    from ..response.response import ClientResponse

_PATIENCE = 0.5
"""Seconds before the bar is drawn."""
_PERIOD = 0.1


class Progress:
    """Counts bytes and draws a bar once `_PATIENCE` has passed; without rich, a plain line."""

    def __init__(self, total: int | None, shown: bool, plain: bool) -> None:
        self._total = total
        self._shown = shown
        self._plain = plain
        self._done = 0
        self._began = monotonic()
        self._due = self._began + _PATIENCE
        self._bar: Any = None
        self._drawn = False

    def add(self, size: int) -> None:
        """Count `size` further bytes, and draw them if a drawing is due."""
        self._done += size
        if not self._shown or (now := monotonic()) < self._due:
            return
        self._due = now + _PERIOD
        if not self._drawn:
            self._drawn = True
            self._bar = None if self._plain else _rich_bar(self._total)
        self._draw(now)

    def close(self) -> None:
        """Remove the bar from the screen."""
        if self._bar is not None:
            self._bar.stop()
        elif self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _draw(self, now: float) -> None:
        speed = _size(int(self._done / (now - self._began)))
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done, speed=f"{speed}/s")
            return
        total = f" of {_size(self._total)}, {self._done / self._total:.0%}" if self._total else ""
        print(f"\r\x1b[K{_size(self._done)}{total}, {speed}/s", end="", file=sys.stderr, flush=True)


def progress_for(response: ClientResponse, quiet: bool, no_color: bool) -> Progress:
    """The progress of a response's body; drawn if stderr is a terminal and `quiet` is false."""
    length = response.headers.get("Content-Length", "")
    is_decoded = "Content-Encoding" in response.headers
    total = int(length) if length.isdecimal() and not is_decoded else None
    shown = not quiet and sys.stderr.isatty()
    return Progress(total or None, shown, no_color)


def _rich_bar(total: int | None) -> Any:
    stderr = console(sys.stderr)
    if stderr is None:
        return None
    from rich import progress

    bar = progress.Progress(
        progress.BarColumn(),
        progress.DownloadColumn(binary_units=True),
        progress.TextColumn("{task.fields[speed]}", style="progress.data.speed"),
        progress.TimeRemainingColumn(),
        console=stderr,
        transient=True,
    )
    bar.add_task("", total=total, speed="")
    bar.start()
    return bar


def _size(count: int) -> str:
    if count < 1 << 20:
        return f"{count / 1024:.1f} KiB"
    return f"{count / (1 << 20):.1f} MiB"
