"""AutoTheta of statsforecast, per series."""

from interface import Answer, Part, serve
from statistical import forecast_with
from statsforecast.models import AutoTheta


def forecast(part: Part, budget: str) -> Answer:
    return forecast_with(AutoTheta, part, budget)


if __name__ == "__main__":
    serve(forecast)
