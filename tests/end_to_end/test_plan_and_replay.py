"""What is printed before a run is what the run then does; what a run did can be done again."""

from collections.abc import Callable

import pandas as pd
import pytest
from tests.end_to_end.conftest import CONSTANT, ODD_STORES, Own, Run
from tests.end_to_end.project import Ended

pytestmark = [pytest.mark.spark, pytest.mark.slow]

Command = Callable[..., Ended]
LEDGERS = ("plan", "runs", "fits", "training_results")


def words(ended: Ended) -> str:
    ended.require_success()
    return " ".join(ended.output.split())


def test_when_a_plan_is_printed_then_nothing_is_done_and_the_next_run_does_what_it_says(
    own: Own, command: Command, run: Run
) -> None:
    before = {name: own.results.folders(name) for name in LEDGERS}
    printed = words(command("fleet", "plan", "--env=mine", "--from-inputs=master_df"))
    assert {name: own.results.folders(name) for name in LEDGERS} == before
    assert f"reuse {len(ODD_STORES)} unchanged" in printed
    assert "there is nothing to fit" in printed
    assert "kedro run --env=mine --pipelines=train --from-inputs=master_df" in printed
    ahead = own.results.latest("next_plan")
    run("mine", "train", "master_df")
    done = own.results.latest("plan")
    assert set(done["run_id"]).isdisjoint(ahead["run_id"])
    key = ["scenario_id"]
    ordered = [frame.drop(columns="run_id").sort_values(key, ignore_index=True) for frame in (ahead, done)]
    pd.testing.assert_frame_equal(*ordered)


def test_when_all_is_planned_again_then_costs_come_from_the_recorded_fits(own: Own, command: Command) -> None:
    printed = words(command("fleet", "plan", "--env=mine", "--from-inputs=master_df", "--params=plan.refit=all"))
    assert "fit 8 plan.refit is 'all'" in printed
    assert "from the latest fit of the same scenario" in printed
    assert "--params=plan.refit=all" in printed
    planned = own.results.latest("next_plan").set_index("scenario_id")
    recorded = own.fits["fit_seconds"]
    assert planned.loc[ODD_STORES[0], "estimated_seconds"] == recorded[ODD_STORES[0]]
    assert planned.loc[CONSTANT, "estimated_from"] == "rows"  # it was never fitted


@pytest.mark.parametrize("scenario", [ODD_STORES[3], "__pooled__/all"])
def test_when_a_fit_is_replayed_then_it_is_the_same_to_the_last_bit(own: Own, command: Command, scenario: str) -> None:
    told = words(command("fleet", "replay", scenario, "--env=mine", f"--run={own.fits.loc[scenario, 'run_id']}"))
    assert f"The fit of {scenario} by the run {own.fits.loc[scenario, 'run_id']}" in told
    assert "The same as recorded, to the last bit." in told


def test_when_a_prediction_is_replayed_then_it_is_the_same_to_the_last_bit(own: Own, command: Command) -> None:
    run_id = own.predictions["prediction_run_id"].iloc[0]
    told = words(command("fleet", "replay", ODD_STORES[0], "--env=mine", "--predict", f"--run={run_id}"))
    assert f"7 predictions of {ODD_STORES[0]} by the run {run_id}" in told
    assert "by champion" in told
    assert "The same as recorded, to the last bit." in told


def test_when_a_name_is_misspelt_then_one_message_helps(own: Own, command: Command) -> None:
    ended = command("fleet", "replay", "constnat", "--env=mine")
    assert ended.exit_code == 1
    assert "nothing was ever fitted for 'constnat' (did you mean ['constant']?)" in " ".join(ended.output.split())
