"""A statsforecast model per series, with its own intervals; the small budget sees less of the past."""

import pickle
from collections.abc import Callable
from typing import Any

from interface import LEVELS, Answer, Part, as_answer, long_frames

SEASONS_OF_SMALL = 20
"""Seasons, or at least four horizons, that the small budget sees."""
ENDS = {"lo": "lower", "hi": "upper"}


def forecast_with(model_of: Callable[..., Any], part: Part, budget: str) -> Answer:
    """Fit `model_of(season_length=...)` to every series."""
    from statsforecast import StatsForecast

    history, _ = long_frames(part)
    history = history[["unique_id", "ds", "y"]]
    if budget == "small":
        history = history.groupby("unique_id").tail(max(SEASONS_OF_SMALL * part.season, 4 * part.horizon))
    forecaster = StatsForecast(
        models=[model_of(season_length=part.season, alias="model")],
        freq=part.problem["frequency"],
        n_jobs=1,
        fallback_model=seasonal_mean(part.season),
    )
    forecaster.fit(history)
    found = forecaster.predict(h=part.horizon, level=list(LEVELS)).reset_index()
    names = {f"model-{end}-{level}": f"{name}_{level}" for end, name in ENDS.items() for level in LEVELS}
    return as_answer(part, found.rename(columns={"model": "predicted_value", **names})), size_of(forecaster)


def seasonal_mean(season: int) -> Any:
    """Return what stands in for a series that the model cannot fit."""
    from statsforecast.models import HistoricAverage, SeasonalNaive

    return SeasonalNaive(season_length=season, alias="model") if season > 1 else HistoricAverage(alias="model")


def size_of(forecaster: Any) -> int:
    return len(pickle.dumps(forecaster.fitted_))
