from datetime import date

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from distributed_automl.errors import TableError
from distributed_automl.monitoring.evaluation import evaluate, evaluation_contract
from distributed_automl.monitoring.matching import evaluate_on_spark, match, sum_by_period
from distributed_automl.parameters import Costs, Problem

pytestmark = pytest.mark.spark

PREDICTIONS = (
    "prediction_run_id string, origin date, sample_id string, scenario_id string, store int, `dept.name` string, "
    "timestamp date, step int, predicted_value double, lower_80 double, upper_80 double, baseline_value double, "
    "rung string"
)
DAYS = [date(2020, 1, day) for day in (1, 2, 3, 4)]
ORIGIN = date(2020, 1, 1)


@pytest.fixture(scope="module")
def problem() -> Problem:
    return Problem(
        scenario_keys=("store",),
        series_keys=("dept.name",),
        timestamp="day",
        frequency="D",
        target="units",
        horizon=3,
        levels=(0.8,),
    )


def predicted(store: int, dept: str | None, day: date, value: float, run: str = "run_2") -> tuple:
    name = f"{store}|{dept}|{day}"
    return (run, ORIGIN, name, str(store), store, dept, day, 1, value, value - 1, value + 1, 0.0, "champion")


@pytest.fixture(scope="module")
def predictions(spark: SparkSession) -> DataFrame:
    rows = [predicted(store, dept, day, 10.0) for store, dept in ((1, "x"), (1, None), (2, "x")) for day in DAYS[1:]]
    return spark.createDataFrame([*rows, predicted(1, "x", DAYS[1], 99.0, run="run_1")], PREDICTIONS)


@pytest.fixture(scope="module")
def actuals(spark: SparkSession) -> DataFrame:
    """Of store 1: all of x but day 3, a null and day 4 of the null dept; of store 2 day 2; store 9 was never asked."""
    rows = [
        (1, "x", DAYS[1], 12.0),
        (1, "x", DAYS[3], 10.0),
        (1, None, DAYS[1], None),
        (1, None, DAYS[3], 11.0),
        (2, "x", DAYS[1], 5.0),
        (9, "x", DAYS[1], 7.0),
        (1, "x", DAYS[0], 1000.0),
    ]
    return spark.createDataFrame(rows, "store long, `dept.name` string, day date, units double")


@pytest.fixture(scope="module")
def outcomes(predictions: DataFrame, actuals: DataFrame, problem: Problem) -> DataFrame:
    return match(predictions, actuals, problem).localCheckpoint()


def test_when_actuals_lack_columns_then_all_are_named(
    predictions: DataFrame, actuals: DataFrame, problem: Problem
) -> None:
    with pytest.raises(TableError, match=r"'actuals' lacks the columns \['day', 'units'\]"):
        match(predictions, actuals.drop("day", "units"), problem)


def matches(outcomes: DataFrame) -> dict[tuple, str]:
    found = outcomes.toPandas()
    keys = zip(
        found["store"], found["dept.name"].fillna("-"), [str(day)[:10] for day in found["timestamp"]], strict=True
    )
    return dict(zip(keys, found["match"], strict=True))


def test_when_matched_then_each_row_says_how_it_came_about(
    outcomes: DataFrame,
) -> None:
    found = matches(outcomes)
    assert found == {
        (1, "x", "2020-01-02"): "matched",
        (1, "x", "2020-01-03"): "absent",
        (1, "x", "2020-01-04"): "matched",
        (1, "-", "2020-01-02"): "missing",
        (1, "-", "2020-01-03"): "absent",
        (1, "-", "2020-01-04"): "matched",
        (2, "x", "2020-01-02"): "matched",
        (2, "x", "2020-01-03"): "absent",
        (2, "x", "2020-01-04"): "absent",
        (9, "x", "2020-01-02"): "extra",
    }


def test_when_actuals_end_early_then_later_periods_are_missing_and_not_zero(
    predictions: DataFrame, actuals: DataFrame, problem: Problem
) -> None:
    found = matches(match(predictions, actuals.where("day < '2020-01-04'"), problem))
    assert {key for key, how in found.items() if key[2] > "2020-01-02"} == {
        key for key, how in found.items() if how == "missing" and key[2] > "2020-01-02"
    }


def test_when_absent_means_unknown_then_nothing_is_filled(
    predictions: DataFrame, actuals: DataFrame, problem: Problem
) -> None:
    unknown = problem.model_copy(update={"missing_rows": "null"})
    found = match(predictions, actuals, unknown).toPandas()
    assert (found["match"] == "absent").sum() == 0
    assert (found["match"] == "missing").sum() == 5


def test_when_there_are_no_actuals_then_no_prediction_is_lost(
    predictions: DataFrame, actuals: DataFrame, problem: Problem
) -> None:
    found = match(predictions, actuals.limit(0), problem).toPandas()
    assert found["match"].tolist() == ["missing"] * 9
    assert found["sample_id"].is_unique


def test_when_judged_on_spark_then_pandas_says_the_same(outcomes: DataFrame, problem: Problem) -> None:
    on_spark = evaluate_on_spark(outcomes, problem, Costs()).toPandas().sort_values("scenario_id", ignore_index=True)
    in_pandas = evaluate(outcomes.toPandas(), problem, Costs())
    pd.testing.assert_frame_equal(on_spark, in_pandas, check_dtype=False)
    assert list(on_spark.columns) == evaluation_contract(problem).names
    by_hand = on_spark.set_index("scenario_id")
    # store 1: |10-12| + |10-0| + |10-10| and |10-0| + |10-11| over 12 + 10 + 11
    assert by_hand.loc["1", "wape"] == pytest.approx(23 / 33)
    assert by_hand.loc["1", ["n_predictions", "n_actuals", "n_missing", "n_extra"]].tolist() == [6, 5, 1, 0]
    assert by_hand.loc["9", ["n_predictions", "n_extra"]].tolist() == [0, 1]


def test_when_an_actual_stands_twice_then_predictions_are_not_doubled(
    predictions: DataFrame, actuals: DataFrame, problem: Problem
) -> None:
    outcomes = match(predictions, actuals.union(actuals), problem)
    assert outcomes.where("match <> 'extra'").count() == 9
    evaluation = evaluate_on_spark(outcomes, problem, Costs()).toPandas()
    assert evaluation.set_index("scenario_id")["n_doubled"].to_dict() == {"1": 4, "2": 1, "9": 1}


def test_when_the_fleet_is_summed_then_history_and_horizon_are_those_by_hand(
    outcomes: DataFrame, problem: Problem, spark: SparkSession
) -> None:
    history = spark.createDataFrame(
        [(day, units) for day, units in ((ORIGIN, 3), (ORIGIN, 4), (date(2019, 12, 31), 5), (DAYS[1], None))],
        "day date, units int",
    )
    summed = sum_by_period(outcomes, history, problem)
    assert summed["part"].tolist() == ["history", "history", "horizon", "horizon", "horizon"]
    assert summed["actual"].tolist() == [5.0, 7.0, 17.0, 0.0, 21.0]
    assert summed["predicted"].tolist()[2:] == [20.0, 30.0, 30.0]


def test_when_history_is_long_then_only_recent_periods_stay(
    outcomes: DataFrame, problem: Problem, spark: SparkSession
) -> None:
    days = [(day.date(), 1) for day in pd.date_range(end=ORIGIN, periods=50)]
    history = spark.createDataFrame(days, "day date, units int")
    summed = sum_by_period(outcomes, history, problem)
    assert (summed["part"] == "history").sum() == 9


def test_when_the_task_is_tabular_then_rows_are_matched_by_their_id(spark: SparkSession) -> None:
    problem = Problem(task="regression", scenario_keys=("city",), sample_id="house", target="price", levels=(0.8,))
    schema = (
        "prediction_run_id string, origin string, sample_id long, scenario_id string, city string, timestamp string, "
        "step int, predicted_value double, lower_80 double, upper_80 double, baseline_value double, rung string"
    )
    rows = [("r", None, house, "Bern", "Bern", None, 0, 10.0, 9.0, 11.0, 0.0, "champion") for house in (1, 2)]
    actuals = spark.createDataFrame([(1, "Bern", 8.0), (3, "Bern", 8.0)], "house int, city string, price double")
    outcomes = match(spark.createDataFrame(rows, schema), actuals, problem)
    (row,) = evaluate_on_spark(outcomes, problem, Costs()).toPandas().to_dict("records")
    assert [row[f"n_{name}"] for name in ("predictions", "actuals", "missing", "extra")] == [2, 1, 1, 1]
    assert row["wape"] == pytest.approx(2 / 8)
    assert sum_by_period(outcomes, actuals, problem).empty


def test_when_integer_timestamps_are_matched_then_types_are_aligned(spark: SparkSession) -> None:
    problem = Problem(scenario_keys=("id",), timestamp="t", frequency=1, target="y", horizon=2, levels=(0.8,))
    schema = PREDICTIONS.replace(
        "store int, `dept.name` string, timestamp date", "id string, timestamp bigint"
    ).replace("origin date", "origin bigint")
    rows = [("r", 10, f"s{t}", "H1", "H1", t, t - 10, 1.0, 0.0, 2.0, 1.0, "baseline") for t in (11, 12)]
    actuals = spark.createDataFrame([("H1", 11, 4.0), ("H1", 12, 1.0)], "id string, t int, y double")
    outcomes = match(spark.createDataFrame(rows, schema), actuals, problem)
    (row,) = evaluate_on_spark(outcomes, problem, Costs()).toPandas().to_dict("records")
    assert (row["abs_error_sum"], row["rung"]) == (3.0, "baseline")
    assert np.isclose(row["coverage_80"], 0.5)


@pytest.mark.parametrize(("kind", "rows"), [("int", [(1, 0), (2, 1)]), ("double", [(1, 0.0), (2, 1.0)]),
                                            ("string", [(1, "0"), (2, "1")])])  # fmt: skip
def test_when_the_target_is_a_class_then_it_is_matched_as_text(spark: SparkSession, kind: str, rows: list) -> None:
    problem = Problem.model_validate(
        {"task": "classification", "scenario_keys": ["city"], "sample_id": "house", "target": "sold"}
    )
    schema = (
        "prediction_run_id string, origin string, sample_id long, scenario_id string, city string, timestamp string, "
        "step int, predicted_class string, probabilities map<string,double>, baseline_class string, "
        "baseline_probabilities map<string,double>, rung string"
    )
    sure = {"0": 0.2, "1": 0.8}
    predicted = [("r", None, house, "Bern", "Bern", None, 1, "1", sure, "0", sure, "champion") for house in (1, 2, 3)]
    actuals = spark.createDataFrame([(house, "Bern", value) for house, value in [*rows, (3, None)]],
                                    f"house int, city string, sold {kind}")  # fmt: skip
    outcomes = match(spark.createDataFrame(predicted, schema), actuals, problem)
    (row,) = evaluate_on_spark(outcomes, problem, Costs()).toPandas().to_dict("records")
    assert [row[f"n_{name}"] for name in ("predictions", "actuals", "missing", "wrong")] == [3, 2, 1, 1]
    assert row["log_loss"] == pytest.approx(-(np.log(0.2) + np.log(0.8)) / 2)
