"""AutoETS of statsforecast, per series."""

from interface import Answer, Part, serve
from statistical import forecast_with
from statsforecast.models import AutoETS


def forecast(part: Part, budget: str) -> Answer:
    return forecast_with(AutoETS, part, budget)


if __name__ == "__main__":
    serve(forecast)
