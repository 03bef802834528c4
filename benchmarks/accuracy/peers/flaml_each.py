"""FLAML once per scenario, its time in proportion to the scenario's rows.

Forecasts are direct: lags and windows of the target that end a horizon before their row, calendar, and the columns
known in advance. The target as it is and as the difference from its latest seasonal lag share the time, and the smaller
loss on the validation by time wins; a skewed target is learned as a logarithm. Tabular rows go in as they are.
"""

import json
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from flaml import AutoML
from interface import SEED, Answer, Part, as_answer, long_frames, serve

SECONDS_PER_1000_ROWS = {"small": 1.0, "large": 3.0}
TABULAR_SECONDS_PER_1000_ROWS = {"small": 2.0, "large": 10.0}
LOWEST_SECONDS = 0.3
LEAST_ROWS = 20
"""Of fewer FLAML cannot make the folds of its validation by time: such a scenario is left without a prediction."""
SKEWED = 10.0
"""Largest over median target from which a non-negative target is learned as a logarithm."""
SQUARED = {"rmse", "r2"}


def forecast(part: Part, budget: str) -> Answer:
    if not part.is_forecasting:
        return tabular(part, budget)
    answers = [scenario_forecast(scenario, budget) for _, scenario in part.scenarios()]
    return pd.concat([rows for rows, _ in answers], ignore_index=True), sum(size for _, size in answers)


@dataclass(frozen=True)
class Target:
    """How the target is learned: shifted by a lag, or as a logarithm.

    Attributes:
        offset: what is taken off before and put back after; aligned with the features' rows.
        logarithm: learned as log(1 + y).
    """

    offset: pd.Series
    logarithm: bool

    def learned(self, y: pd.Series) -> pd.Series:
        return np.log1p(y) if self.logarithm else y - self.offset

    def restored(self, predicted: np.ndarray, rows: pd.Index) -> np.ndarray:
        return np.expm1(predicted) if self.logarithm else predicted + self.offset.loc[rows].to_numpy()


def scenario_forecast(part: Part, budget: str) -> Answer:
    history, future = long_frames(part)
    rows = pd.concat([history, future], ignore_index=True).sort_values(["ds", "unique_id"], ignore_index=True)
    X, latest = features_of(part, rows)
    fit_rows, asked = rows.index[rows["y"].notna()], rows.index[rows["y"].isna()]
    seconds = max(SECONDS_PER_1000_ROWS[budget] * len(fit_rows) / 1000.0, LOWEST_SECONDS)
    zero = pd.Series(0.0, index=rows.index)
    skewed = history["y"].min() >= 0 and history["y"].max() > SKEWED * max(history["y"].median(), 1.0)
    targets = [Target(zero, True)] if skewed else [Target(zero, False), Target(latest, False)]
    fits = []
    for target in targets:
        y = target.learned(rows["y"]).loc[fit_rows].dropna()
        if len(y) >= LEAST_ROWS:
            fits.append((search(part, X.loc[y.index], y, seconds / len(targets), by_time=True), target))
    if not fits:
        return as_answer(part, history[["unique_id", "ds"]].iloc[:0].assign(predicted_value=np.nan)), 0
    model, target = min(fits, key=lambda pair: pair[0].best_loss)
    values = target.restored(model.predict(X.loc[asked]), asked)
    found = rows.loc[asked, ["unique_id", "ds"]].assign(predicted_value=values)
    return as_answer(part, found.dropna()), size_of(model)


def features_of(part: Part, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Return features that know of nothing within the horizon, and the latest seasonal lag."""
    season, horizon = max(part.season, 1), part.horizon
    first = -(-horizon // season) * season
    grouped = rows.groupby("unique_id")["y"]
    lags = {f"lag_{lag}": grouped.shift(lag) for lag in (first + season * count for count in range(4))}
    lags[f"lag_{horizon}"] = grouped.shift(horizon)
    lags[f"lag_{horizon + 1}"] = grouped.shift(horizon + 1)
    past = rows.assign(y=grouped.shift(horizon)).groupby("unique_id")["y"]
    for window in (max(season, 4), 4 * max(season, 4), 8 * max(season, 4)):
        lags[f"mean_{window}"] = past.transform(lambda values, size=window: values.rolling(size, min_periods=1).mean())
    lags["seasonal_mean"] = sum(lags[f"lag_{first + season * count}"] for count in range(4)) / 4.0
    X = pd.DataFrame(lags).assign(time=rows.groupby("unique_id").cumcount(), **calendar_of(rows, season))
    X = X.join(rows[part.known])
    if part.problem.get("series_keys"):
        X["series"] = rows["unique_id"]
    texts = X.select_dtypes("object").columns
    X[texts] = X[texts].astype("category")
    return X, lags[f"lag_{first}"]


def calendar_of(rows: pd.DataFrame, season: int) -> dict[str, Any]:
    if not pd.api.types.is_datetime64_any_dtype(rows["ds"]):
        return {"in_season": rows["ds"] % season, "in_seven_seasons": rows["ds"] % (7 * season)} if season > 1 else {}
    dates = rows["ds"].dt
    return {"weekday": dates.dayofweek, "day": dates.day, "month": dates.month, "day_of_year": dates.dayofyear}


def search(part: Part, X: pd.DataFrame, y: pd.Series, seconds: float, *, by_time: bool) -> AutoML:
    """Let FLAML search for some seconds, its models on one thread."""
    is_class = part.problem["task"] == "classification"
    metric = "log_loss" if is_class else "rmse" if part.problem["objective"] in SQUARED else "mae"
    model = AutoML()
    model.fit(
        X,
        y,
        task="classification" if is_class else "regression",
        metric=metric,
        time_budget=seconds,
        n_jobs=1,
        seed=SEED,
        verbose=0,
        log_file_name="",
        **({"split_type": "time"} if by_time else {}),
    )
    return model


def tabular(part: Part, budget: str) -> Answer:
    X, asked = part.train[part.features], part.question[part.features]
    seconds = max(TABULAR_SECONDS_PER_1000_ROWS[budget] * len(X) / 1000.0, LOWEST_SECONDS)
    model = search(part, X, part.train[part.target], seconds, by_time=False)
    if part.problem["task"] == "regression":
        return part.question.assign(predicted_value=model.predict(asked)), size_of(model)
    rows = [dict(zip(map(str, model.classes_), row, strict=True)) for row in model.predict_proba(asked).tolist()]
    return part.question.assign(probabilities=[json.dumps(row) for row in rows]), size_of(model)


def size_of(model: AutoML) -> int:
    return len(pickle.dumps(model.model))


if __name__ == "__main__":
    serve(forecast)
