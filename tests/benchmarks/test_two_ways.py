"""The start of the JVM is taken off the program, and off nothing else."""

from pathlib import Path

import pytest
from benchmarks.project_runs import Start, Usage
from benchmarks.two_ways import Ways, keep


@pytest.fixture
def ways() -> Ways:
    return Ways(
        "the program",
        program=[Usage(121.0, 250.0, 1.0, 1.0), Usage(500.0, 900.0, 1.0, 1.0), Usage(115.0, 230.0, 1.0, 1.0)],
        bare=[Usage(100.0, 200.0, 1.0, 1.0)] * 3,
        jvm=[Start(11.0, 10.0)] * 3,
    )


def test_when_rounds_are_told_then_medians_are_beside_the_bare_pool(ways: Ways) -> None:
    header, rows = ways.table()
    assert header[1:] == ["wall seconds", "ratio", "CPU-seconds", "ratio"]
    assert [row[1:] for row in rows] == [[100.0, 1.0, 200.0, 1.0], [110.0, 1.1, 240.0, 1.2], [11.0, 0.11, 10.0, 0.05]]


def test_when_a_page_is_kept_then_it_says_where_models_differ(ways: Ways, tmp_path: Path) -> None:
    keep(tmp_path / "page.md", "# Title", ways, [["scenarios", 5000], ["the same bytes", False]])
    text = (tmp_path / "page.md").read_text()
    assert "| the program, without the JVM's start | 110.0 | 1.100 | 240.0 | 1.200 |" in text
    assert text.endswith("scenarios: 5,000; the same bytes: NO.\n")
