"""Exporters that the environment asks for; read once, when the first session is made."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from ..trace.observer import install

if TYPE_CHECKING:
    from collections.abc import Callable

    from .exporter import Exporter

logger = logging.getLogger("httptrace")


def install_exporters() -> None:
    """Install the exporters that variables ask for. A value that is wrong is told by a warning."""
    for variable, make in _EXPORTERS.items():
        value = os.environ.get(variable, "")
        if not value:
            continue
        try:
            install(make(value))
        except (OSError, ValueError, ImportError) as exc:
            logger.warning("The environment variable %s has no effect: %s", variable, exc)


def _log(value: str) -> Exporter:
    from .log import RequestLog

    if value not in ("1", "json"):
        raise ValueError(f"it is {value!r}, and should be 1 or json")
    requests = logging.getLogger("httptrace.requests")
    if requests.level == logging.NOTSET:
        requests.setLevel(logging.INFO)
    requests.addHandler(_OnlyHandler())
    return RequestLog(json=value == "json")


class _OnlyHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to stderr while the program has not configured logging itself."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, unless another handler does."""
        if not logging.getLogger().handlers:
            super().emit(record)


def _har(value: str) -> Exporter:
    from .har import HarFile

    return HarFile(value)


_EXPORTERS: dict[str, Callable[[str], Exporter]] = {"HTTPTRACE_LOG": _log, "HTTPTRACE_HAR": _har}
