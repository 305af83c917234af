"""Task-local context: values that follow one request or job through tasks, threads, log lines and
outgoing requests.

The names that the client needs are imported with the package, all others when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from httptrace.local.context import Context, current_context
from httptrace.local.errors import UnsetLocalError
from httptrace.local.ids import new_id
from httptrace.local.local import Local
from httptrace.local.request import (
    RequestContext,
    RequestLocal,
    current_baggage,
    current_request_id,
    current_trace_context,
    job_context,
    request,
)
from httptrace.local.w3c import TraceContext

if TYPE_CHECKING:
    from httptrace.local.baggage import Baggage
    from httptrace.local.celery_jobs import instrument_celery
    from httptrace.local.fields import bind
    from httptrace.local.json_logs import JsonFormatter, JsonLogConfiguration
    from httptrace.local.log_bridges import loguru_patcher, structlog_processor
    from httptrace.local.logs import (
        LogConfiguration,
        RequestIdLoggingFilter,
        configure_logging,
        request_fields,
    )
    from httptrace.local.propagation import Propagation
    from httptrace.local.sentry_tags import instrument_sentry
    from httptrace.local.strict import ContextLostWarning
    from httptrace.local.tasks import wrap_async, wrap_gather
    from httptrace.local.threads import (
        ContextThreadPoolExecutor,
        preserve_context_in_threads,
        run_in_thread,
    )

__all__ = [
    "Baggage",
    "Context",
    "ContextLostWarning",
    "ContextThreadPoolExecutor",
    "JsonFormatter",
    "JsonLogConfiguration",
    "Local",
    "LogConfiguration",
    "Propagation",
    "RequestContext",
    "RequestIdLoggingFilter",
    "RequestLocal",
    "TraceContext",
    "UnsetLocalError",
    "bind",
    "configure_logging",
    "current_baggage",
    "current_context",
    "current_request_id",
    "current_trace_context",
    "instrument_celery",
    "instrument_sentry",
    "job_context",
    "loguru_patcher",
    "new_id",
    "preserve_context_in_threads",
    "request",
    "request_fields",
    "run_in_thread",
    "structlog_processor",
    "wrap_async",
    "wrap_gather",
]

_LATER = {
    "Baggage": "baggage",
    "ContextLostWarning": "strict",
    "ContextThreadPoolExecutor": "threads",
    "JsonFormatter": "json_logs",
    "JsonLogConfiguration": "json_logs",
    "LogConfiguration": "logs",
    "Propagation": "propagation",
    "RequestIdLoggingFilter": "logs",
    "bind": "fields",
    "configure_logging": "logs",
    "instrument_celery": "celery_jobs",
    "instrument_sentry": "sentry_tags",
    "loguru_patcher": "log_bridges",
    "preserve_context_in_threads": "threads",
    "request_fields": "logs",
    "run_in_thread": "threads",
    "structlog_processor": "log_bridges",
    "wrap_async": "tasks",
    "wrap_gather": "tasks",
}


if not TYPE_CHECKING:  # or type checkers would accept every name

    def __getattr__(name: str) -> Any:
        module = _LATER.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        value = getattr(import_module(f"{__name__}.{module}"), name)
        globals()[name] = value
        return value


def _strict_if_asked() -> None:
    from os import environ

    if environ.get("HTTPTRACE_STRICT_CONTEXT", "") not in ("", "0"):
        from httptrace.local.strict import install

        install()


_strict_if_asked()
