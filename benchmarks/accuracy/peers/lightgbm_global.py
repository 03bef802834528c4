"""One LightGBM over all series by mlforecast, recursive, with the transform of the target chosen on the last horizon.

The small budget has 150 trees; the large one chooses between those and 600 slower ones, among one more transform, and
has intervals of mlforecast. Of tabular rows: one LightGBM per table; with the large budget early stopping finds the
number of trees.
"""

import json
import pickle
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from interface import LEVELS, SEED, Answer, Part, as_answer, long_frames, serve
from lightgbm import LGBMClassifier, LGBMRegressor, early_stopping
from mlforecast import MLForecast
from mlforecast.lag_transforms import RollingMean, RollingStd, SeasonalRollingMean
from mlforecast.target_transforms import Differences, GlobalSklearnTransformer, LocalStandardScaler
from mlforecast.utils import PredictionIntervals
from sklearn.preprocessing import FunctionTransformer

SQUARED = {"rmse", "r2"}
TREES = {
    "small": {"n_estimators": 150, "learning_rate": 0.08, "num_leaves": 31},
    "large": {"n_estimators": 600, "learning_rate": 0.03, "num_leaves": 63},
}
SAMPLING = {"min_child_samples": 20, "colsample_bytree": 0.7, "subsample": 0.8, "subsample_freq": 1}
SIZES = {"small": ("small",), "large": ("small", "large")}
TRANSFORMS = {"small": ("scaled", "differenced"), "large": ("scaled", "differenced", "logarithm")}
ENDS = {"lo": "lower", "hi": "upper"}
DATE_FEATURES = ["dayofweek", "day", "dayofyear", "month"]


def forecast(part: Part, budget: str) -> Answer:
    return panel_forecast(part, budget) if part.is_forecasting else tabular(part, budget)


def panel_forecast(part: Part, budget: str) -> Answer:
    history, future = encoded(part, *long_frames(part))
    forecaster = forecaster_of(part, *best_choice(part, budget, history))
    intervals = PredictionIntervals(n_windows=2, h=part.horizon) if budget == "large" else None
    fitted = fit(forecaster, part, history, intervals)
    found = predict(fitted, part, future, list(LEVELS) if intervals else None)
    names = {f"model-{end}-{level}": f"{name}_{level}" for end, name in ENDS.items() for level in LEVELS}
    found = found.rename(columns={"model": "predicted_value", **names})
    return as_answer(part, found), len(pickle.dumps(fitted.models_))


def encoded(part: Part, history: pd.DataFrame, future: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Turn texts into categories that both frames share, and add the series itself as one."""
    both = pd.concat([history, future], ignore_index=True)
    both["series"] = both["unique_id"]
    for name in both.columns.difference(["unique_id", "ds", "y"]):
        if both[name].dtype == object:
            both[name] = both[name].astype("category")
    return both.iloc[: len(history)], both.iloc[len(history) :].drop(columns="y")


def best_choice(part: Part, budget: str, history: pd.DataFrame) -> tuple[str, str]:
    """Return the trees and the transform with the smallest error on the last horizon of the history."""
    age = history.groupby("unique_id").cumcount(ascending=False)
    earlier, later = history[age >= part.horizon], history[age < part.horizon]
    later = later[later["unique_id"].isin(earlier["unique_id"])]
    errors = {}
    for trees, transform in product(SIZES[budget], TRANSFORMS[budget]):
        if transform == "logarithm" and history["y"].min() < 0:
            continue
        fitted = fit(forecaster_of(part, trees, transform), part, earlier, None)
        found = predict(fitted, part, later.drop(columns="y"), None)
        rows = found.merge(later[["unique_id", "ds", "y"]], on=["unique_id", "ds"])
        errors[trees, transform] = error_of(part, rows, earlier)
    return min(errors, key=errors.__getitem__)


def error_of(part: Part, rows: pd.DataFrame, earlier: pd.DataFrame) -> float:
    """Return the error that the problem's objective cares for: scaled per series, squared or absolute."""
    error = (rows["model"] - rows["y"]).abs()
    if part.problem["objective"] == "mase":
        change = earlier.groupby("unique_id")["y"].diff(part.season).abs()
        return float((error / rows["unique_id"].map(change.groupby(earlier["unique_id"]).mean())).mean())
    return float((error**2).mean() if part.problem["objective"] in SQUARED else error.mean())


def forecaster_of(part: Part, trees: str, transform: str) -> MLForecast:
    season = max(part.season, 4)
    model = LGBMRegressor(**settings(part, trees))
    dated = not isinstance(part.problem["frequency"], int)
    lags = sorted({1, 2, 3, *(season * count for count in (1, 2, 3, 4, 7, 52))})
    return MLForecast(
        models={"model": model},
        freq=part.problem["frequency"],
        lags=[lag for lag in lags if lag <= 400],
        lag_transforms={
            1: [RollingMean(season), RollingMean(4 * season), RollingStd(4 * season)],
            season: [SeasonalRollingMean(season, 4, min_samples=1), RollingMean(season)],
        },
        date_features=DATE_FEATURES if dated else [],
        target_transforms=transforms_of(transform, season),
        num_threads=1,
    )


def settings(part: Part, trees: str) -> Mapping[str, Any]:
    loss = "l2" if part.problem["objective"] in SQUARED else "l1"
    return {**TREES[trees], **SAMPLING, "objective": loss, "random_state": SEED, "n_jobs": 1, "verbosity": -1}


def transforms_of(name: str, season: int) -> list[Any]:
    return {
        "scaled": [LocalStandardScaler()],
        "differenced": [Differences([season]), LocalStandardScaler()],
        "logarithm": [GlobalSklearnTransformer(FunctionTransformer(np.log1p, np.expm1))],
    }[name]


def fit(forecaster: MLForecast, part: Part, history: pd.DataFrame, intervals: PredictionIntervals | None) -> MLForecast:
    longest = forecaster.ts.target_transforms[0] if forecaster.ts.target_transforms else None
    shortest = 2 * part.season + part.horizon * (3 if intervals else 1) if longest else 1
    lengths = history.groupby("unique_id")["y"].transform("size")
    return forecaster.fit(
        history[lengths > shortest],
        static_features=[*part.static, "series"],
        dropna=False,
        prediction_intervals=intervals,
    )


def predict(fitted: MLForecast, part: Part, future: pd.DataFrame, level: list[int] | None) -> pd.DataFrame:
    known = set(fitted.ts.uids)
    future = future[future["unique_id"].isin(known)]
    given = future[["unique_id", "ds", *part.known]] if part.known else None
    return fitted.predict(h=part.horizon, X_df=given, level=level, ids=None)


def tabular(part: Part, budget: str) -> Answer:
    """Fit one LightGBM; the large budget finds the number of trees on a fifth of the rows."""
    is_class = part.problem["task"] == "classification"
    learner = LGBMClassifier if is_class else LGBMRegressor
    X, asked = categories(part.train[part.features], part.question[part.features])
    y = part.train[part.target]
    options = {**TREES[budget], **SAMPLING, "random_state": SEED, "n_jobs": 1, "verbosity": -1}
    if budget == "large":
        judged = np.random.default_rng(SEED).random(len(y)) < 0.2
        trial = learner(**options)
        trial.fit(
            X[~judged], y[~judged], eval_set=[(X[judged], y[judged])], callbacks=[early_stopping(30, verbose=False)]
        )
        options["n_estimators"] = max(trial.best_iteration_, 5)
    model = learner(**options).fit(X, y)
    size = len(model.booster_.model_to_string())
    if not is_class:
        return part.question.assign(predicted_value=model.predict(asked)), size
    rows = [
        json.dumps(dict(zip(map(str, model.classes_), row, strict=True))) for row in model.predict_proba(asked).tolist()
    ]
    return part.question.assign(probabilities=rows), size


def categories(*frames: pd.DataFrame) -> list[pd.DataFrame]:
    """Turn texts into categories that the frames share."""
    both = pd.concat(frames, ignore_index=True)
    texts = both.select_dtypes("object").columns
    both[texts] = both[texts].astype("category")
    return [both.iloc[: len(frames[0])], both.iloc[len(frames[0]) :]]


if __name__ == "__main__":
    serve(forecast)
