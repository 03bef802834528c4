"""AutoGluon-TimeSeries over all series: its statistical and tree models and its ensemble, no pretrained weights."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from autogluon.timeseries import TimeSeriesDataFrame, TimeSeriesPredictor
from interface import SEED, Answer, Part, as_answer, long_frames, serve

LOCAL = {"n_jobs": 1}
FAST = {"SeasonalNaive": LOCAL, "ETS": LOCAL, "Theta": LOCAL, "RecursiveTabular": {}, "DirectTabular": {}}
MODELS = {
    "small": FAST,
    "large": {**FAST, "AutoETS": LOCAL, "DynamicOptimizedTheta": LOCAL, "NPTS": LOCAL},
}
"""Its statistical models and its trees; its neural networks are left out, and what would have to download weights."""
N_WINDOWS = {"small": 1, "large": 2}
SECONDS = {"small": 300, "large": 1200}
"""At most; models whose turn does not come in time are left out."""
SKEWED = 5.0
"""Largest over median value of the median series from which non-negative targets are learned as logarithms."""
METRICS = {"wape": "WAPE", "rmse": "RMSSE", "mase": "MASE"}
QUANTILES = {0.025: "lower_95", 0.1: "lower_80", 0.9: "upper_80", 0.975: "upper_95"}
FIRST_HOUR = pd.Timestamp("2000-01-01")
"""Integer timestamps become hours where a season has 24 steps, else weeks: AutoGluon knows only dates."""


def forecast(part: Part, budget: str) -> Answer:
    history, future = dated(part, *long_frames(part))
    metric = METRICS[part.problem["objective"]]
    as_logarithms = metric == "WAPE" and is_skewed(history)  # the median and the quantiles survive the way back
    history = history.assign(y=np.log1p(history["y"])) if as_logarithms else history
    with tempfile.TemporaryDirectory() as folder:
        predictor = TimeSeriesPredictor(
            prediction_length=part.horizon,
            target="y",
            freq=frequency_of(part),
            known_covariates_names=part.known,
            eval_metric=metric,
            eval_metric_seasonal_period=part.season,
            quantile_levels=[*QUANTILES, 0.5],
            path=folder,
            verbosity=2,
            log_to_file=False,
        )
        predictor.fit(
            framed(part, history),
            hyperparameters=MODELS[budget],
            time_limit=SECONDS[budget],
            num_val_windows=N_WINDOWS[budget],
            random_seed=SEED,
        )
        given = framed(part, future)[part.known] if part.known else None
        found = predictor.predict(framed(part, history), known_covariates=given).reset_index()
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    point = "mean" if metric == "RMSSE" else "0.5"
    found = found.rename(columns={"item_id": "unique_id", point: "predicted_value"})
    found = found.rename(columns={str(quantile): name for quantile, name in QUANTILES.items()})
    if as_logarithms:
        values = ["predicted_value", *QUANTILES.values()]
        found[values] = np.expm1(found[values])
    found = found.merge(future[["unique_id", "timestamp", "ds"]], on=["unique_id", "timestamp"])
    return as_answer(part, found.drop(columns="timestamp")), size


def is_skewed(history: pd.DataFrame) -> bool:
    """Return whether the typical series has spikes far above its median, and no target is negative."""
    series = history.groupby("unique_id")["y"]
    return bool(history["y"].min() >= 0 and (series.max() / series.median().clip(lower=1.0)).median() > SKEWED)


def frequency_of(part: Part) -> str:
    frequency = part.problem["frequency"]
    return frequency if isinstance(frequency, str) else "h" if part.season == 24 else "W-SUN"


def dated(part: Part, history: pd.DataFrame, future: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Add the column `timestamp`: `ds`, or the dates that stand for integers."""
    if isinstance(part.problem["frequency"], str):
        return history.assign(timestamp=history["ds"]), future.assign(timestamp=future["ds"])
    calendar = pd.date_range(FIRST_HOUR, periods=int(future["ds"].max()) + 1, freq=frequency_of(part))
    return history.assign(timestamp=calendar[history["ds"]]), future.assign(timestamp=calendar[future["ds"]])


def framed(part: Part, rows: pd.DataFrame) -> TimeSeriesDataFrame:
    texts = rows.select_dtypes("object").columns.difference(["unique_id"])
    rows = rows.assign(**{name: rows[name].fillna("none").astype("category") for name in texts})
    static = rows[["unique_id", *part.static]].drop_duplicates("unique_id") if part.static else None
    columns = ["unique_id", "timestamp", *part.known, *(["y"] if "y" in rows else [])]
    return TimeSeriesDataFrame.from_data_frame(
        rows[columns], id_column="unique_id", timestamp_column="timestamp", static_features_df=static
    )


if __name__ == "__main__":
    serve(forecast)
