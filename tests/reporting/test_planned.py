"""A plan as people read it."""

import io
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from distributed_automl.reporting.planned import WIDTH, megabytes, print_plan

COLUMNS = ["scenario_id", "action", "reason", "wave", "n_rows", "estimated_seconds", "estimated_memory_mb"]
COLUMNS += ["n_trials", "expected_gain"]
POOL = "__pooled__/all"
ROWS: list[tuple[Any, ...]] = [
    (POOL, "fit", "new", 0, 5000, 30.0, 900.0),
    ("a", "fit", "new", 1, 40, 2.0, 300.0),
    ("b", "fit", "new", 1, 400, 3.0, 301.0),
    ("c", "fit", "its fit is 40 days old", 1, 4000, 4.0, 2048.0),
    ("d", "fit", "its fit is 41 days old", 2, 4001, 4.0, 2048.0),
    ("e[red]", "reuse", "unchanged", None, 9, 1.0, 300.0),
    ("f", "skip", "the target is constant", None, 9, 1.0, 300.0),
]
FIGURES = {
    "plan.n_fit": 4, "plan.n_pools": 1, "plan.n_waves": 3, "plan.core_hours": 43 / 3600, "plan.wall_seconds": 90,
    "plan.longest_seconds": 30, "plan.fit_memory_mb": 2048, "plan.host_memory_needed_mb": 4096, "cluster.n_cores": 4,
    "cluster.n_hosts": 2, "cluster.host_memory_mb": 16384, "estimate.share_own": 0.75, "estimate.share_rows": 0.25,
    "estimate.share_guess": 0.0, "estimate.factor": 1.234,
}  # fmt: skip
NO_TROUBLE = pd.DataFrame(columns=["subject", "trouble", "remedy"])


def printed(planned: list[tuple[Any, ...]], warnings: pd.DataFrame = NO_TROUBLE, **figures: float) -> str:
    console = Console(file=io.StringIO(), width=140)
    rows = [(name, value, "") for name, value in (FIGURES | figures).items()]
    summary = pd.DataFrame(rows, columns=["name", "value", "meaning"])
    filled = [(*row, *[None] * (len(COLUMNS) - len(row))) for row in planned]
    print_plan(pd.DataFrame(filled, columns=COLUMNS, dtype=object), summary, warnings, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def lines_with(text: str, *words: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if all(word in line for word in words)]


def test_when_a_plan_is_printed_then_actions_come_with_counts_and_reasons() -> None:
    text = printed(ROWS)
    assert lines_with(text, "new")[0] == "2 new"
    assert lines_with(text, "days old") == ["fit 2 e.g. its fit is 40 days old"]  # one reason, but for its number
    assert lines_with(text, "unchanged") == ["reuse 1 unchanged"]
    assert lines_with(text, "constant") == ["skip 1 the target is constant"]
    assert lines_with(text, "pools") == [f"pools 1 to fit, e.g. {POOL}: new"]
    assert "leave out" not in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_when_a_plan_is_printed_then_sizes_are_told_by_magnitude_without_pools() -> None:
    text = printed(ROWS)
    assert lines_with(text, "10 – 99") == ["10 – 99 1 2 s ████████████"]
    assert lines_with(text, "1,000 – 9,999") == ["1,000 – 9,999 2 8 s ████████████████████████"]


def test_when_a_plan_is_printed_then_its_cost_is_told_with_how_good_that_is() -> None:
    words = " ".join(printed(ROWS).split())
    assert "about 1 min 30 s on 4 cores of 2 hosts, in 3 waves; the longest fit takes 30 s" in words
    assert "up to 2.0 GB for one fit, 4.0 GB for as many as a host works on at once" in words
    assert "75% from the latest fit of the same scenario, 25% from rows, at the pace of recorded fits" in words
    assert "half of the recorded fits lie within a factor of 1.2 of such estimates" in words
    assert lines_with(printed(ROWS), POOL)[-1] == f"{POOL} 5,000 30 s 900 MB 0"


def test_when_an_auction_was_held_then_its_winners_are_named_with_what_they_are_expected_to_bring() -> None:
    assert "Auction" not in printed(ROWS)
    reused = (*ROWS[5], 9, 9.0)
    words = " ".join(printed([*ROWS[:2], (*ROWS[2], 6, 0.002), (*ROWS[3], 32, 0.0105), ROWS[4], reused]).split())
    assert "Auction 2 of 4 get more trials per candidate than usual, most c (32), b (6); expected" in words
    assert "to better the fleet's objective by 0.0125 on the folds" in words
    assert "by how much, no recorded search tells yet" in " ".join(printed([(*ROWS[2], 6, None)]).split())


def test_when_no_fit_is_recorded_then_it_promises_little() -> None:
    guess = {"estimate.share_own": 0.0, "estimate.share_rows": 0.0, "estimate.share_guess": 1.0}
    words = " ".join(printed(ROWS, **guess, **{"estimate.factor": float("nan")}).split())
    assert "from rows alone, since no fit is recorded yet: it may be several times more or less" in words


def test_when_nothing_is_to_be_fitted_then_it_says_so_and_shows_no_sizes() -> None:
    text = printed(ROWS[5:], **{"plan.n_fit": 0, "plan.n_pools": 0})
    assert "none: there is nothing to fit" in text
    assert "Rows" not in text
    assert "Costliest" not in text


@pytest.mark.parametrize(("n_warnings", "more"), [(2, ""), (12, "and 2 more: see plan_warnings")])
def test_when_something_will_not_fit_then_it_is_named_with_what_is_done_about_it(n_warnings: int, more: str) -> None:
    found = [(f"s[{number}]", "too slow", "raise it") for number in range(n_warnings - 1)]
    warnings = pd.DataFrame([("", "the host is small", "fewer cores"), *found], columns=NO_TROUBLE.columns)
    text = printed(ROWS, warnings)
    assert f"Will not fit ({n_warnings})" in text
    assert lines_with(text, "s[0]") == ["s[0]: too slow raise it"]
    assert lines_with(text, "the host is small") == ["the host is small fewer cores"]
    assert more in text


def test_when_memory_is_large_then_it_is_told_in_gigabytes() -> None:
    assert [megabytes(value) for value in (923.2, 1536.0, float("nan"))] == ["923 MB", "1.5 GB", "–"]
