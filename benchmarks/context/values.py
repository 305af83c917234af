"""Reading, writing and scoping of values: ours, a bare ContextVar, werkzeug and asgiref."""

from __future__ import annotations

from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import asgiref.local
import werkzeug.local
from yarl import URL

from benchmarks.context.clock import Entry
from httptrace.local import (
    Context,
    Local,
    Propagation,
    current_request_id,
    job_context,
    request,
)

# What a program would write itself for attributes of any name.
BARE = "ContextVar.get().name, SimpleNamespace"
GET = "read an attribute"
SET = "write an attribute"


class _Plain:
    """The interpreter reads attributes of such an object without a look-up, as long as all of them
    are set in its constructor and none ever changes: the least that any read can cost."""

    def __init__(self) -> None:
        self.spam = 1
        self.eggs = 2


class _Typed(Local):
    ham: int = 3


def groups() -> dict[str, dict[str, Entry]]:
    """What is measured, by table. The first line of a table is what the others are held against."""
    namespace: ContextVar[Any] = ContextVar("namespace")
    namespace.set(SimpleNamespace(spam=1, eggs=2))
    instance: ContextVar[Any] = ContextVar("instance")
    instance.set(_Plain())
    locals = [_Typed(), werkzeug.local.Local(), asgiref.local.Local()]
    for local in locals:
        local.spam, local.eggs = 1, 2
    ours, werkzeugs, asgirefs = locals
    return {
        GET: {
            BARE: Entry("o.get().spam", namespace),
            "ContextVar.get().name, fixed class": Entry("o.get().spam", instance),
            "httptrace Local": Entry("o.spam", ours),
            "werkzeug Local": Entry("o.spam", werkzeugs),
            "asgiref Local": Entry("o.spam", asgirefs),
            "httptrace Local, default of the class": Entry("o.ham", ours),
            "httptrace Local, getattr of an unset name": Entry("getattr(o, 'none', None)", ours),
            "werkzeug Local, getattr of an unset name": Entry(
                "getattr(o, 'none', None)", werkzeugs
            ),
        },
        SET: {
            "bare ContextVar.set()": Entry("o.set(1)", ContextVar("other")),
            "httptrace Local": Entry("o.spam = 1", ours),
            "werkzeug Local": Entry("o.spam = 1", werkzeugs),
            "asgiref Local": Entry("o.spam = 1", asgirefs),
        },
        "the work that is running": _work(),
        "open and leave a scope": _scopes(ours),
    }


def _work() -> dict[str, Entry]:
    propagation = Propagation([".internal.example", "api.example"])
    url = URL("http://api.example/")
    return {
        "bare ContextVar.get(None)": Entry("o.get(None)", ContextVar("unset")),
        "current_request_id() without any": Entry("o()", current_request_id),
        "headers_for() without any": Entry("o[0].headers_for(o[1])", (propagation, url)),
    }


def _scopes(local: Local) -> dict[str, Entry]:
    return {
        "one ContextVar set and reset": Entry("o.reset(o.set(1))", ContextVar("third")),
        "Context(locals=(local,))": Entry("with o[0](locals=(o[1],)): pass", (Context, local)),
        "Context()": Entry("with o(): pass", Context),
        "Context(locals=(local,)), one write": Entry(
            "with o[0](locals=(o[1],)):\n    o[1].spam = 1", (Context, local)
        ),
        "job_context(name)": Entry("with o('job'): pass", job_context),
        "current_request_id() inside": Entry("o[1]()", (request, current_request_id)),
    }
