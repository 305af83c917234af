"""Logging in which every line has the id of its request or job."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from httptrace.local import scope
from httptrace.local.fields import as_text
from httptrace.local.request import (
    NO_FIELDS,
    RequestContext,
    ServedContext,
    current_work,
    trace_of,
)

ACCESS_LOGGERS = (
    "aiohttp.access", "gunicorn.access", "gunicorn.error", "uvicorn", "uvicorn.access",
    "uvicorn.error",
)  # fmt: skip
"""Loggers of servers that `LogConfiguration.as_dict_config` takes over on request."""

IDS = ("request_id", "request_path", "trace_id", "span_id")
_WORK_ATTRIBUTE = "__httptrace_work__"
_TEXT = "bound_fields"


def request_fields(error: BaseException | None = None) -> dict[str, Any]:
    """``request_id``, ``request_path``, ``trace_id`` and ``span_id`` of the running request or job,
    and the fields that `bind` set.

    The four are empty where there is none. Outside of any request or job, the fields are those of
    the one in which `error` was raised, by default the exception that is being handled: servers
    and job queues log an exception after the scope was left.
    """
    work: Mapping[str, Any] = current_work()
    if "id" not in work:
        error = error or sys.exception()
        if error is not None:
            work = work_of(error) or work
    if not work and scope.strict.warn_if_lost is not None:
        scope.strict.warn_if_lost()
    trace = trace_of(work)
    return {
        "request_id": str(work.get("id", "")),
        "request_path": str(work.get("path", "")),
        "trace_id": "" if trace is None else trace.trace_id,
        "span_id": "" if trace is None else trace.span_id,
        **work.get("fields", NO_FIELDS),
    }


def mark_error(error: BaseException, context: RequestContext | ServedContext) -> None:
    """Give log records about `error` the ids of `context`, even if they are written later.

    If several requests raise the same exception, its records have the ids of the last one.
    """
    here = current_work()  # with the fields that were bound since the scope began
    work = here if here.get("id") == context.work["id"] else context.work
    with contextlib.suppress(Exception):  # its class may not allow the attribute
        setattr(error, _WORK_ATTRIBUTE, work)


def work_of(error: BaseException) -> Mapping[str, Any]:
    """The fields that `mark_error` stored; empty if there are none."""
    work: Mapping[str, Any] = getattr(error, _WORK_ATTRIBUTE, NO_FIELDS)
    return work


class RequestIdLoggingFilter(logging.Filter):
    """Adds the fields of `request_fields` to each record, except those that the caller gave in
    ``extra``. ``bound_fields`` is the text of the fields that `bind` set, for formats.

    :param name: lets only records of this logger and its children pass, as in ``logging.Filter``.
    :param defaults: values of fields that a record has none for, such as
        ``{"request_id": "-", "user": "nobody"}``. A record that is written outside of any request
        or job has empty ids otherwise, and no other fields.

    Put it on a handler: a filter on a logger does not see the records of the logger's children.
    On a ``QueueHandler`` it runs in the task that logs, before the record crosses to the
    listener's thread.
    """

    def __init__(self, name: str = "", *, defaults: Mapping[str, Any] | None = None) -> None:
        super().__init__(name)
        self._defaults = dict(defaults or {})

    def filter(self, record: logging.LogRecord) -> bool:
        if not super().filter(record):
            return False
        present = record.__dict__
        if _TEXT not in present:  # otherwise a filter ran before, in the thread that logs
            fields = request_fields(_error_of(record))
            bound = {name: fields[name] for name in fields if name not in IDS}
            present[_TEXT] = as_text(bound)
            for field, value in fields.items():
                present.setdefault(field, value)
        for field, value in self._defaults.items():
            if present.get(field, "") == "":
                present[field] = value
        return True


def _error_of(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if isinstance(record.exc_info, tuple) else None


_FORMAT = "{}: [%(request_path)s#%(request_id)s] %(levelname)s - %(message)s%(bound_fields)s"


class LogConfiguration:
    """The parts of a service's logging. Derive from it and override what should be different.

    :param name: the service's name; `configure_logging` sets it. Where there is none, the process
        title or the program's name is used.
    """

    name: str | None = None
    """The service's name."""
    debug: bool = False
    """Whether the lines are for debugging; `configure_logging` sets it."""
    format: str = _FORMAT
    """The format of a line; the service's name takes the place of the braces."""
    debug_format: str = f"%(asctime)s %(name)s {_FORMAT}"
    """The format of a line for debugging, with time and logger. It is not used where `format` is
    overridden and this is not."""
    defaults: Mapping[str, Any] = MappingProxyType({})
    """Values of fields that a record has none for, such as ``{"request_id": "-"}``; see
    `RequestIdLoggingFilter`."""
    syslog_addresses: tuple[str, ...] = ("/dev/log", "/var/run/syslog")
    """Unix sockets of local syslog daemons; the first one that accepts connections is used."""

    def __init__(self, name: str | None = None) -> None:
        if name:
            self.name = name

    @property
    def service_name(self) -> str:
        """`name` or its substitute, on one line."""
        name = self.name or _process_title() or _program_name()
        return "".join(char if char.isprintable() else "_" for char in name)

    def get_filters(self) -> list[logging.Filter]:
        """The filters of the handler."""
        return [RequestIdLoggingFilter(defaults=self.defaults)]

    def get_formatter(self) -> logging.Formatter:
        """The formatter of the handler."""
        own = self.format != _FORMAT and self.debug_format == LogConfiguration.debug_format
        chosen = self.debug_format if self.debug and not own else self.format
        name = self.service_name.replace("%", "%%")
        missing = dict.fromkeys((*IDS, _TEXT), "") | dict(self.defaults)
        return logging.Formatter(chosen.replace("{}", name, 1), defaults=missing)

    def get_log_handler(self, debug: bool) -> logging.Handler:
        """Syslog when not debugging and there is one; otherwise the console (standard error)."""
        if not debug:
            from logging.handlers import SysLogHandler

            address = next(filter(_listens, self.syslog_addresses), None)
            if address is not None:
                return SysLogHandler(address=address)
        return logging.StreamHandler()

    def get_logging_level(self, debug: bool) -> int:
        """The level of the root logger."""
        return logging.DEBUG if debug else logging.INFO

    def as_dict_config(self, debug: bool = True, access_loggers: bool = False) -> dict[str, Any]:
        """The same as a dictionary for ``logging.config.dictConfig``.

        :param access_loggers: also send the access and error logs of aiohttp, gunicorn and
            uvicorn through this handler, instead of those that the servers install.
        """
        self.debug = debug
        filters = {
            f"httptrace_{index}": {"()": self._filter_at, "index": index}
            for index in range(len(self.get_filters()))
        }
        handler = {
            "()": self.get_log_handler,
            "debug": debug,
            "formatter": "httptrace",
            "filters": list(filters),
        }
        return {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": filters,
            "formatters": {"httptrace": {"()": self.get_formatter}},
            "handlers": {"httptrace": handler},
            "loggers": {name: _taken_over(name) for name in ACCESS_LOGGERS if access_loggers},
            "root": {"level": self.get_logging_level(debug), "handlers": ["httptrace"]},
        }

    def _filter_at(self, index: int) -> logging.Filter:
        # A method and an index instead of a closure: uvicorn pickles the dictionary for workers.
        return self.get_filters()[index]


def _taken_over(logger: str) -> dict[str, Any]:
    # gunicorn's worker for uvicorn gives the handlers of gunicorn's loggers to uvicorn's loggers,
    # and stops the propagation of those.
    own = logger.startswith("gunicorn.")
    return {"handlers": ["httptrace"] if own else [], "propagate": not own, "level": "INFO"}


def configure_logging(
    service_name: str | None,
    debug: bool = True,
    logconf: LogConfiguration | type[LogConfiguration] | None = None,
) -> logging.Handler:
    """Configure the root logger for a service, and return the handler that was installed.

    A second call replaces what the first one installed; handlers of the program's own stay.

    :param service_name: names the service in each line. Where it is empty, the configuration's name
        is used, then the process title, then the program's name.
    :param debug: log from ``DEBUG`` to the console, with time and logger; otherwise from ``INFO``
        to syslog if there is one. The configuration decides all of this.
    :raises TypeError: `logconf` is not a `LogConfiguration`.
    """
    configuration = logconf() if isinstance(logconf, type) else logconf or LogConfiguration()
    if not isinstance(configuration, LogConfiguration):
        raise TypeError(f"logconf must be a LogConfiguration, not {type(logconf).__name__}")
    if service_name:
        configuration.name = service_name
    configuration.debug = debug
    handler = configuration.get_log_handler(debug)
    handler.setFormatter(configuration.get_formatter())
    for each in configuration.get_filters():
        handler.addFilter(each)
    root = logging.getLogger()
    root.setLevel(configuration.get_logging_level(debug))
    _install(root, handler)
    return handler


_installed: logging.Handler | None = None


def _install(root: logging.Logger, handler: logging.Handler) -> None:
    global _installed
    former, _installed = _installed, handler
    root.addHandler(handler)
    if former is not None and former is not handler:
        root.removeHandler(former)
        former.close()


def _process_title() -> str | None:
    """The process title that was set with setproctitle, if it is in use."""
    module = sys.modules.get("setproctitle")
    return None if module is None else str(module.getproctitle())


def _program_name() -> str:
    path = sys.argv[0] if sys.argv else ""
    name = os.path.basename(path)
    if name == "__main__.py":  # python -m package
        name = os.path.basename(os.path.dirname(path))
    return name.removesuffix(".py") or "python"


def _listens(path: str) -> bool:
    if not hasattr(socket, "AF_UNIX"):
        return False
    # SysLogHandler accepts a socket where nobody listens, and would lose every record.
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, kind) as probe:
            probe.connect(path)
            return True
    return False
