"""Everything that is wrong with a configuration comes in one report."""

import subprocess
import sys
from typing import Any

import pytest

from distributed_automl.configuration import BLOCKS, NAMES, ConfigurationError, _default_names, require_valid

PROBLEM = {
    "name": "demand",
    "scenario_keys": ["store"],
    "timestamp": "day",
    "frequency": "D",
    "target": "units",
    "objective": "wape",
}


def parameters(**blocks: Any) -> dict[str, Any]:
    return {**{name: {} for name in BLOCKS}, "problem": PROBLEM, **blocks}


def report(given: dict[str, Any], **global_values: Any) -> str:
    with pytest.raises(ConfigurationError) as raised:
        require_valid(given, global_values)
    return str(raised.value)


def test_when_all_is_well_then_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    require_valid(parameters(), {"problem_name": "demand"})
    assert caplog.messages == []


def test_when_much_is_wrong_then_all_of_it_is_in_one_report() -> None:
    told = report(
        parameters(
            problem={**PROBLEM, "horizon": 0, "frequency": "X", "objective": "wope"},
            automl={"candidates": ["ridge", "lightgmb"], "tuning": {"n_trails": 3, "sampler": "tpee"}},
            run={"engine": "sparc", "limits": {"seconds": -1}},
            pln={},
        ),
    )
    assert told.startswith("the configuration has 9 faults:\n  1. `problem.horizon`:")
    assert "found 0" in told
    assert "`automl.tuning.n_trails`: there is no such parameter; did you mean 'n_trials'?" in told
    assert "`run.engine`: Input should be 'spark' or 'local'; found 'sparc'" in told
    assert "`run.limits.seconds`" in told
    assert "`pln`: there is no such block; did you mean 'plan'?" in told


def test_when_names_of_strategies_are_wrong_then_each_is_told_with_its_nearest() -> None:
    told = report(
        parameters(
            problem={**PROBLEM, "objective": "wope", "frequency": "X"},
            automl={
                "candidates": ["ridge", "lightgmb"],
                "selection": {"methods": ["univariat"]},
                "tuning": {"sampler": "TPE"},
            },
        )
    )
    assert "`problem.objective`: there is no objective 'wope'; did you mean 'wape'?" in told
    assert "`automl.candidates`: there is no candidate 'lightgmb'; did you mean 'lightgbm'?" in told
    assert "`automl.selection.methods`: there is no selection method 'univariat'; did you mean 'univariate'?" in told
    assert "`automl.tuning.sampler`: there is no sampler 'TPE'; did you mean 'tpe'?" in told
    assert "`problem.frequency`:" in told


@pytest.mark.parametrize("task", ["forecasting", "regression"])
def test_when_an_objective_needs_a_season_then_only_forecasting_takes_it(task: str) -> None:
    given = parameters(problem={**PROBLEM, "task": task, "sample_id": "row", "objective": "mase"})
    if task == "forecasting":
        require_valid(given, {})
    else:
        assert "`problem.objective`: 'mase' does not suit the task 'regression'; there are wape, mae," in report(given)


def test_when_there_are_blocks_of_the_user_s_own_then_one_warning_names_them(caplog: pytest.LogCaptureFixture) -> None:
    require_valid(parameters(weather={}, prices={}, run_id="20260102T030000Z-nightly"), {})
    (warning,) = caplog.messages
    assert "['prices', 'weather']" in warning


@pytest.mark.parametrize("run_id", ["nightly", "20260102T030000Z", "20260102T030000Z-a/b", "20260102T030000Z-a b", 7])
def test_when_a_run_id_does_not_tell_its_time_or_is_no_plain_name_then_it_is_a_fault(run_id: object) -> None:
    assert f"as in 20260102T030000Z-nightly; found '{run_id}'" in report(parameters(run_id=run_id))


def test_when_a_block_is_missing_then_the_report_says_what_to_write() -> None:
    given = parameters()
    del given["plan"]
    assert "`plan`: the block is missing; write `plan: {}` for the defaults" in report(given)


def test_when_the_problem_and_the_folders_have_two_names_then_it_is_a_fault() -> None:
    assert "`problem.name`: is 'demand'" in report(parameters(), problem_name="sales")


@pytest.mark.parametrize("root", ["/data/a[1]", "s3://bucket/what?", "/data/*", "/data/{x}"])
def test_when_the_root_would_be_taken_for_a_pattern_then_it_is_a_fault(root: str) -> None:
    assert f"`data_root` in globals.yml: is '{root}'" in report(parameters(), data_root=root)


def test_when_the_root_is_one_that_only_spark_knows_then_it_is_a_fault() -> None:
    assert "is 'dbfs:/Volumes/a/b/automl', which Spark knows and Python" in report(
        parameters(), data_root="dbfs:/Volumes/a/b/automl"
    )


def test_when_the_root_has_other_odd_characters_then_nothing_is_said() -> None:
    require_valid(parameters(), {"data_root": "abfss://c@account.dfs.core.windows.net/größe 1/p%20q"})


def test_when_roles_clash_then_the_validator_s_own_words_are_given() -> None:
    told = report(parameters(problem={**PROBLEM, "static": ["units"]}))
    assert "column 'units' in `static` is a key, the timestamp or the target" in told


DIAGNOSIS = {"task": "classification", "scenario_keys": ["clinic"], "sample_id": "patient", "target": "diagnosis"}


@pytest.mark.parametrize("objective", ["log_loss", "roc_auc", "misclassification_cost", None])
def test_when_the_objective_is_one_of_classes_then_nothing_is_said(objective: str | None) -> None:
    chosen = {} if objective is None else {"objective": objective}
    require_valid(parameters(problem={**DIAGNOSIS, **chosen}), {})


def test_when_the_objective_is_one_of_another_task_then_those_of_this_one_are_named() -> None:
    told = report(parameters(problem={**DIAGNOSIS, "objective": "wape"}))
    assert "'wape' does not suit the task 'classification'; there are log_loss, brier" in told
    assert "'log_loss' does not suit the task 'forecasting'" in report(
        parameters(problem={**PROBLEM, "objective": "log_loss"})
    )


def test_when_no_candidate_suits_the_task_then_those_that_do_are_named() -> None:
    told = report(parameters(problem=DIAGNOSIS, automl={"candidates": ["ridge", "lightgbm"]}))
    assert "none of ['ridge', 'lightgbm'] suits the task 'classification'; there are prior, logistic_regression" in told
    require_valid(parameters(problem=DIAGNOSIS, automl={"candidates": ["ridge", "pooled"]}), {})


@pytest.mark.parametrize("path", [path for path in NAMES if path != "automl.candidates"])  # by default none is named
def test_when_names_are_the_defaults_then_they_are_known(path: str) -> None:
    """Defaults are not looked up at run time, so a wrong one must be found here."""
    _, names = NAMES[path]
    assert _default_names(path)
    assert _default_names(path) <= set(names())


def test_when_names_are_the_defaults_then_no_heavy_library_is_imported() -> None:
    program = (
        "import sys; from distributed_automl.configuration import BLOCKS, require_valid\n"
        f"require_valid({{**{{name: {{}} for name in BLOCKS}}, 'problem': {PROBLEM!r}}}, {{}})\n"
        "found = {'featuretools', 'lightgbm', 'mlflow', 'sklearn', 'pyspark'} & set(sys.modules)\n"
        "sys.exit(str(found) if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True)
    assert done.returncode == 0, done.stderr
