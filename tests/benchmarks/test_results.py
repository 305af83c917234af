"""From samples to ratios, limits and tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import bars, report, results


def table(**values: list[float]) -> results.Table:
    """Return a table named `t` with one metric `cpu_us` and these samples by entrant."""
    lines = {
        key: results.Line([{"cpu_us": value} for value in seen]) for key, seen in values.items()
    }
    return results.Table("t", "A table", lines)


def test_ratio_is_taken_round_by_round() -> None:
    """A round in which the machine is slower does not change the ratio."""
    assert table(ours=[1, 10, 1], theirs=[4, 40, 4]).ratio("cpu_us", "ours", "theirs") == 0.25


def test_ratio_to_nobody_is_none() -> None:
    """Without the samples of the other entrant there is no ratio."""
    assert table(ours=[1]).ratio("cpu_us", "ours", "theirs") is None


@pytest.mark.parametrize(
    ("limit", "at_least", "verdict"),
    [(0.5, False, "PASS"), (0.4, False, "FAIL"), (0.5, True, "PASS"), (0.6, True, "FAIL")],
)
def test_bar_holds_up_to_its_limit(limit: float, at_least: bool, verdict: str) -> None:
    """A value that equals the limit is within it."""
    bar = bars.Bar("x", "t", "cpu_us", limit, entrant="ours", against="theirs", at_least=at_least)
    assert bar.verdict({"t": table(ours=[2], theirs=[4])}) == verdict


def test_entrant_without_figures_breaks_its_bar() -> None:
    """A limit is exceeded if its entrant failed, but not if its scenario did not run."""
    bar = bars.Bar("x", "t", "cpu_us", 1, entrant="ours")
    failed: results.Results = {
        "t": results.Table("t", "A table", {"ours": results.Line(missing="failed: why")})
    }
    assert bar.verdict(failed) == "not measured"
    assert bar.broken(failed)
    assert not bar.broken({})


def test_table_says_who_is_missing() -> None:
    """An entrant that is missing is named with the reason, below the others."""
    of = table(**{"aiohttp/uvloop": [100.0], "floor/uvloop": [25.0]})
    of.lines["httpx/uvloop"] = results.Line(missing="missing: No module named 'httpx'")
    *_, floor, last = report.table(of).splitlines()
    assert floor.split() == ["floor/uvloop", "25.00", "-", "0.25", "1.00"]
    assert last == "  httpx/uvloop: missing: No module named 'httpx'"


def test_json_has_every_sample(tmp_path: Path) -> None:
    """The JSON has the samples, their medians, the limits and the environment."""
    report.write({"t": table(ours=[1, 2, 9])}, tmp_path / "r.json", {"rounds": 3})
    document = json.loads((tmp_path / "r.json").read_text())
    line = document["tables"]["t"]["lines"]["ours"]
    assert [sample["cpu_us"] for sample in line["samples"]] == [1, 2, 9]
    assert line["median"] == {"cpu_us": 2}
    assert {bar["verdict"] for bar in document["bars"]} == {"not measured"}
    assert "python" in document["machine"]
