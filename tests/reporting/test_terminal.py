import io
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from distributed_automl.parameters import Problem, Reporting
from distributed_automl.reporting.summary import summarize
from distributed_automl.reporting.terminal import nearby, print_summary
from distributed_automl.reporting.training import group_reasons


@pytest.fixture
def printed(
    scores: pd.DataFrame,
    distributions: dict[str, float],
    problem: Problem,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
):
    monkeypatch.chdir(tmp_path)

    def print_fleet(results: pd.DataFrame = scores) -> str:
        console = Console(file=io.StringIO(), width=200)
        reporting = Reporting(
            currency="USD", predictions=str(tmp_path / "data" / "predictions"), report="s3://b/r.html"
        )
        print_summary(summarize(results, distributions, {}), group_reasons(results), problem, reporting, console)
        return console.file.getvalue()

    return print_fleet


def test_when_a_run_ends_then_a_person_reads_what_it_did_and_where_it_is(printed) -> None:
    lines = printed()
    assert "6 planned: 2 fitted, 1 reused, 2 skipped, 1 failed" in lines
    assert "50% less error than the baseline" in lines
    assert "67% of scenarios beat the baseline on their holdout, by wape; half of all by 50.0% or more" in lines
    assert "40 USD" in lines
    assert "data/predictions" in lines
    assert "s3://b/r.html" in lines
    assert "kedro mlflow ui" in lines
    assert "kedro viz run" in lines
    assert "2 skipped: e.g. only 3 periods" in lines


def test_when_nothing_was_fitted_then_the_summary_says_so(printed, scores) -> None:
    lines = printed(scores[scores["status"] == "failed"])
    assert "1 planned: 0 fitted, 0 reused, 0 skipped, 1 failed" in lines
    assert "No scenario has been judged" in lines


def test_when_a_reason_has_square_brackets_then_they_are_printed(printed, scores) -> None:
    reasons = scores["reason"].where(scores["status"] != "failed", "bad [red]column[/red]")
    assert "bad [red]column[/red]" in printed(scores.assign(reason=reasons))


def test_when_a_place_is_a_uri_then_it_stays_as_it_is() -> None:
    assert nearby("hdfs://name/data") == "hdfs://name/data"
    assert nearby("") == ""
