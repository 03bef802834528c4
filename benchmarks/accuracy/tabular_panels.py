"""The tabular panels: ten regressions and ten classifications, most of them from data that installed packages bring."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from benchmarks.accuracy.forecasting_panels import orange_juice
from benchmarks.accuracy.measures import RELATIVE_LOG_LOSS, RELATIVE_RMSE
from benchmarks.accuracy.panel import Panel, Part

TEST_SHARE = 0.3
N_ROWS = 3_000
"""Rows taken of a larger table."""
OJ_STORES = (5, 44, 86, 121)

Table = tuple[pd.DataFrame, str]
"""Rows, and the name of the target among their columns."""


def tabular_regression(data: Path, cache: Path) -> Panel:
    """Ten regressions, 30% of the rows asked for; four are stores of Dominick's, where its data is there."""
    tables = dict(REGRESSIONS)
    if (data / "dominicks_oj").is_dir():
        tables |= {f"oj_store_{store}": oj_of_store(data, store) for store in OJ_STORES}
    parts = [regression_part(name, *table()) for name, table in tables.items()]
    return Panel("tabular_regression", RELATIVE_RMSE, "every feature", parts)


def tabular_classification(data: Path, cache: Path) -> Panel:
    """Ten classifications, 30% of the rows asked for."""
    parts = [classification_part(name, *table()) for name, table in CLASSIFICATIONS.items()]
    return Panel("tabular_classification", RELATIVE_LOG_LOSS, "every feature", parts)


def regression_part(name: str, rows: pd.DataFrame, target: str) -> Part:
    """Cut one regression; `scale` of the actuals is the training rows' mean."""
    rows, is_asked = labelled(rows, name)
    mean = float(rows.loc[~is_asked, target].mean())
    return tabular_part(name, rows.astype({target: float}), is_asked, objective="rmse", target=target, scale=mean)


def classification_part(name: str, rows: pd.DataFrame, target: str) -> Part:
    """Cut one classification; `scale` of the actuals holds the training rows' class shares as JSON."""
    rows, is_asked = labelled(rows, name)
    rows = rows.assign(**{target: rows[target].astype(str)})
    shares = json.dumps(rows.loc[~is_asked, target].value_counts(normalize=True).to_dict())
    return tabular_part(name, rows, is_asked, objective="log_loss", target=target, scale=shares)


def labelled(rows: pd.DataFrame, name: str) -> tuple[pd.DataFrame, pd.Series]:
    """Name the rows, take at most N_ROWS of them, and choose those that are asked for."""
    rng = np.random.default_rng(0)
    rows = rows.iloc[rng.permutation(len(rows))[:N_ROWS]].reset_index(drop=True)
    rows = rows.assign(table=name, row_id=[f"r{number}" for number in range(len(rows))])
    return rows, pd.Series(rng.random(len(rows)) < TEST_SHARE)


def tabular_part(
    name: str, rows: pd.DataFrame, is_asked: pd.Series, *, objective: str, target: str, scale: float | str
) -> Part:
    """Cut one table into training rows, rows asked for and actuals; its objective tells the task."""
    task = "classification" if objective == "log_loss" else "regression"
    problem = {
        "name": "tabular",
        "task": task,
        "scenario_keys": ("table",),
        "sample_id": "row_id",
        "target": target,
        "objective": objective,
    }
    actuals = rows.loc[is_asked, ["table", "row_id", target]].rename(columns={target: "actual"}).assign(scale=scale)
    asked = rows[is_asked].assign(**{target: np.nan if task == "regression" else None})
    frames = (frame.reset_index(drop=True) for frame in (rows[~is_asked], asked, actuals))
    return Part(name, *frames, problem)


def oj_of_store(data: Path, store: int) -> Callable[[], Table]:
    """Return what loads one store's rows of Dominick's: the logarithm of units from prices, brand and week."""

    def load() -> Table:
        rows, attributes = orange_juice(data)
        rows = rows[rows["store"] == store].drop(columns=["store", *attributes])
        rows = rows.assign(log_units=np.log(rows["units"]), brand="brand " + rows["brand"].astype(str))
        return rows.drop(columns="units"), "log_units"

    return load


def of_sklearn(
    name: str, target: str, *, is_class: Callable[[pd.Series], pd.Series] | None = None
) -> Callable[[], Table]:
    """Return what loads one of scikit-learn's tables; `target` is its own target or one of its other columns."""

    def load() -> Table:
        import sklearn.datasets

        rows = getattr(sklearn.datasets, f"load_{name}")(as_frame=True).frame
        rows.columns = [str(column).replace(" ", "_").replace("/", "_per_") for column in rows]
        return (rows if is_class is None else rows.assign(**{target: is_class(rows[target])})), target

    return load


def of_statsmodels(
    name: str, target: str, *, without: tuple[str, ...] = (), is_class: Callable[[pd.Series], pd.Series] | None = None
) -> Callable[[], Table]:
    """Return what loads one of statsmodels' tables without the columns that give the target away."""

    def load() -> Table:
        from statsmodels import datasets

        rows = getattr(datasets, name).load_pandas().data.drop(columns=list(without))
        return (rows if is_class is None else rows.assign(**{target: is_class(rows[target])})), target

    return load


REGRESSIONS: dict[str, Callable[[], Table]] = {
    "diabetes": of_sklearn("diabetes", "target"),
    "wine_proline": of_sklearn("wine", "proline"),
    "affairs": of_statsmodels("fair", "affairs"),
    "doctor_visits": of_statsmodels("randhie", "mdvis"),
    "income": of_statsmodels("anes96", "income"),
    "school_maths": of_statsmodels("star98", "NABOVE", without=("NBELOW",)),
}
CLASSIFICATIONS: dict[str, Callable[[], Table]] = {
    "breast_cancer": of_sklearn("breast_cancer", "target"),
    "wine": of_sklearn("wine", "target"),
    "iris": of_sklearn("iris", "target"),
    "digits": of_sklearn("digits", "target"),
    "digit_8": of_sklearn("digits", "target", is_class=lambda digit: digit == 8),
    "diabetes_above_median": of_sklearn("diabetes", "target", is_class=lambda value: value > value.median()),
    "affair": of_statsmodels("fair", "affairs", is_class=lambda value: value > 0),
    "doctor_visit": of_statsmodels("randhie", "mdvis", is_class=lambda value: value > 0),
    "vote": of_statsmodels("anes96", "vote"),
    "party": of_statsmodels("anes96", "PID"),
}
