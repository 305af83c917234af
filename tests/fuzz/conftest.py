"""`campaign`: the random cases of a test, and how to repeat one that failed."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from .campaign import Campaign


@pytest.fixture
def campaign(request: pytest.FixtureRequest) -> Campaign:
    """Cases for this test; the campaigns of a run share its time evenly."""
    items = [item for item in request.session.items if "campaign" in item.fixturenames]  # type: ignore[attr-defined]
    return Campaign(request.node.originalname, 1 / len(items))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to a failure how to repeat it."""
    report = yield
    used = getattr(item, "funcargs", {}).get("campaign")
    if report.failed and isinstance(used, Campaign):
        report.sections.append(("fuzz", used.report()))
    return report
