"""The ids of a request in the Celery tasks that it sends. Only the call imports Celery."""

from __future__ import annotations

from typing import Any

from httptrace.local.carrier import KEY, carried_ids, job_scope

_SCOPE = "_httptrace_scope"


def instrument_celery() -> None:
    """Give every Celery task the ids of the request or job that sent it.

    Call it once in the module of the Celery application, which senders and workers import. A
    message then carries the request id and the trace in its headers, and the worker runs the task
    in a scope of its own: ``request.id`` is the sender's, ``request.path`` the task's name, and
    ``request.trace`` a span of the sender's trace. A task that was sent outside of any request or
    job has its task id as ``request.id``.

    :raises ImportError: Celery is not installed.
    """
    from celery import signals

    signals.before_task_publish.connect(_publish, weak=False, dispatch_uid="httptrace")
    signals.task_prerun.connect(_begin, weak=False, dispatch_uid="httptrace")
    signals.task_postrun.connect(_end, weak=False, dispatch_uid="httptrace")


def _publish(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is not None and (ids := carried_ids()):
        headers[KEY] = ids


def _begin(task_id: str, task: Any, **_: Any) -> None:
    # A task that runs in the process of its sender (task_always_eager) has no message.
    ids = getattr(task.request, KEY, None) or carried_ids()
    scope = job_scope(task.name, ids, task_id)
    setattr(task.request, _SCOPE, scope)
    scope.__enter__()


def _end(task: Any, **_: Any) -> None:
    scope = getattr(task.request, _SCOPE, None)
    if scope is not None:
        scope.__exit__(None, None, None)
