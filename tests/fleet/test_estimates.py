"""What fits are expected to cost, and how good that guess is."""

import math

import pandas as pd
import pytest

from distributed_automl.fleet.estimates import COSTS, estimate

POOL = "__pooled__/all"


def recorded(*latest: tuple[str, int, float, float | None], before: tuple[float, ...] = ()) -> pd.DataFrame:
    """(id, rows, seconds, MB) of each latest fit; `before`: the seconds of the fits before those, if there were any."""
    told = pd.DataFrame(latest, columns=["scenario_id", "rows", *COSTS]).astype(dict.fromkeys(COSTS, float))
    fits = {f"{name}_rows": told["rows"] for name in COSTS} | {f"{name}_before": math.nan for name in COSTS}
    told = told.assign(**fits)
    return told.assign(fit_seconds_before=before) if before else told


def sizes(**n_rows: int) -> pd.DataFrame:
    return pd.DataFrame({"scenario_id": list(n_rows), "n_rows": list(n_rows.values())})


def test_when_nothing_is_recorded_then_rows_alone_say_it_and_nothing_is_promised() -> None:
    found = estimate(sizes(a=1000, **{POOL: 10_000}), recorded())
    assert list(found["estimated_seconds"]) == pytest.approx([2.5, 9.0])  # 0.5 + 0.002 * 1000, 2 + 0.0007 * 10000
    assert list(found["estimated_memory_mb"]) == pytest.approx([310.0, 400.0])  # 300 + 0.01 * rows
    assert set(found["estimated_from"]) == {"guess"}
    assert found["estimate_factor"].isna().all()


def test_when_a_scenario_was_fitted_then_its_latest_fit_counts_and_others_go_at_the_common_pace() -> None:
    # a law of 1 s and 302.5 MB: three times as slow, twice as large
    found = estimate(sizes(a=250, new=1000), recorded(("a", 250, 3.0, 605.0), ("b", 250, 3.0, 605.0)))
    assert list(found["estimated_seconds"]) == pytest.approx([3.0, 7.5])  # 3 * 2.5
    assert list(found["estimated_memory_mb"]) == pytest.approx([605.0, 620.0])  # 2 * 310
    assert list(found["estimated_from"]) == ["own", "rows"]


def test_when_fits_were_repeated_then_half_of_them_lie_within_the_factor() -> None:
    latest = [("a", 250, 1.0, 300.0), ("b", 250, 2.0, 300.0), ("c", 250, 0.25, 300.0)]
    found = estimate(sizes(a=250, new=250), recorded(*latest, before=(1.0, 1.0, 1.0)))
    # own: 1, 2 and 1/4 of the fit before; by rows: the latest are 1, 2 and 1/4, the pace is their median, 1
    assert list(found["estimate_factor"]) == pytest.approx([2.0, 2.0])


def test_when_only_pools_or_only_scenarios_are_recorded_then_the_others_are_guessed() -> None:
    found = estimate(sizes(a=1000, **{POOL: 10_000}), recorded((POOL, 10_000, 90.0, 400.0)))
    assert list(found["estimated_seconds"]) == pytest.approx([2.5, 90.0])
    assert list(found["estimated_from"]) == ["guess", "own"]
    assert math.isnan(found["estimate_factor"].iloc[1])  # one fit tells nothing of the next


def test_when_memory_was_not_recorded_then_it_is_guessed() -> None:
    found = estimate(sizes(a=1000), recorded(("a", 1000, 3.0, None)))
    assert found["estimated_memory_mb"].item() == pytest.approx(310.0)
    assert found["estimated_seconds"].item() == 3.0
