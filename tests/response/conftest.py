"""Fixtures of `tests/client`: sessions and servers; each request is recorded and checked."""

from __future__ import annotations

from tests.client.conftest import clean, make_session, serve, session

__all__ = ["clean", "make_session", "serve", "session"]
