"""Modules that the first requests would import: a session imports them when it is made.

Imported in the middle of a request, they would block the event loop and make one of its phases look
slow. ``import httptrace`` does without them, because many programs import it and make no session.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from importlib import import_module

_NEEDED = (
    "concurrent.futures.thread",  # system's resolver, certificates of the system, files
    "encodings.idna",  # names in TLS and look-ups
    "encodings.punycode",
    "idna.uts46data",  # host names that are not ASCII
    "httptrace.hdrs",  # names of received headers
    "httptrace.cookies.morsels",
    "httptrace.body.data",
    "httptrace.body.sse",
    "mimetypes",  # types of files
)


_EXPORTERS = ("HTTPTRACE_LOG", "HTTPTRACE_HAR")
"""Environment variables that ask for exporters."""


@cache
def install_exporters() -> None:
    """Install the exporters that the environment asks for, the first time."""
    if any(map(os.environ.get, _EXPORTERS)):
        import_module("httptrace.observers.environment").install_exporters()


@cache
def import_needed(trust_env: bool) -> None:
    """Import them, the first time; with `trust_env` also what reads the netrc file."""
    for name in (*_NEEDED, *["netrc"] * trust_env):
        with suppress(ImportError):  # what needs it tells what is missing
            import_module(name)
