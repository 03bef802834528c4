"""What features cost: the program's definitions, and its primitives beside featuretools' stock ones.

    .venv/bin/python benchmarks/synthesis.py [--repeats 3]

Daily series with two columns that are known in advance and one that is observed. All goes through featuretools'
`calculate_feature_matrix`, is measured warm (the definitions are loaded) and counts CPU time of one thread; the best of
the repeats counts. Peak memory is that of the whole process after the program's definitions were computed.
"""

import argparse
import resource
import time
import warnings
from collections.abc import Callable, Iterator

import featuretools as ft
import numpy as np
import pandas as pd
from featuretools import primitives as stock
from project_runs import print_table
from threadpoolctl import threadpool_limits

from distributed_automl.parameters import Problem, Synthesis
from distributed_automl.scenario.canonical import canonical
from distributed_automl.scenario.design import Samples
from distributed_automl.scenario.entityset import CODE_COL, SAMPLES, entityset_of, row_frame
from distributed_automl.scenario.primitives.past import PastExpanding, PastStatistic, PastValue
from distributed_automl.scenario.synthesis import EntityTables, define, synthesize

SHAPES = ((1, 1_000), (10, 300), (70, 1_900))
"""Series and periods of each."""
KINDS = {"price": "numeric", "promotion": "categorical", "visitors": "numeric"}
PROBLEM = Problem(
    scenario_keys=("store",),
    series_keys=("dept",),
    timestamp="date",
    frequency="D",
    horizon=28,
    target="units",
    known_in_advance=("price", "promotion"),
)
LAGS, WINDOWS, GAP = (28, 35, 42, 49), (7, 28, 56), 28


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    warnings.simplefilter("ignore")  # featuretools deprecates some of its own primitives
    with threadpool_limits(limits=1):
        panels = [panel(n_series, n_periods) for n_series, n_periods in SHAPES]
        print_table(
            ["series x periods", "features", "ms per 1,000 rows", "per 40 features", "peak MB"],
            [whole_row(samples, repeats) for samples in panels],
        )
        print_table(
            ["series x periods", "primitives", "features", "ms per 1,000 rows", "per feature"],
            [row for samples in panels for row in compared_rows(samples, repeats)],
        )


def panel(n_series: int, n_periods: int) -> Samples:
    """Return canonical rows of some series."""
    rng, dates = np.random.default_rng(0), pd.date_range("2018-01-01", periods=n_periods)
    n_rows = n_series * n_periods
    frame = pd.DataFrame(
        {
            "store": "s",
            "dept": np.repeat([f"d{number:03d}" for number in range(n_series)], n_periods),
            "date": np.tile(dates, n_series),
            "units": rng.poisson(3.0, n_rows).astype(float),
            "price": 2.0 + rng.random(n_rows),
            "promotion": rng.choice(["none", "display", "mailer"], n_rows),
            "visitors": rng.poisson(50.0, n_rows).astype(float),
        }
    )
    return canonical(frame, PROBLEM, KINDS)


def whole_row(samples: Samples, repeats: int) -> list[object]:
    """Measure all that the program defines."""
    definitions = define(KINDS, PROBLEM, Synthesis(), season=7)
    milliseconds = best_ms(lambda: synthesize(samples, definitions, EntityTables()), repeats) / len(samples) * 1e3
    n_features = len(definitions.row_features())
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [shape_of(samples), n_features, milliseconds, milliseconds / n_features * 40, round(peak_mb)]


def compared_rows(samples: Samples, repeats: int) -> Iterator[list[object]]:
    """Measure lags, rolling and expanding statistics of the target by both families."""
    for family, make in (("this program's", own_features), ("featuretools' stock", stock_features)):
        features, entityset = make(samples)
        milliseconds = best_ms(lambda: ft.calculate_feature_matrix(features, entityset, n_jobs=1), repeats)  # noqa: B023
        per_thousand = milliseconds / len(samples) * 1e3
        yield [shape_of(samples), family, len(features), per_thousand, per_thousand / len(features)]


def own_features(samples: Samples) -> tuple[list[ft.Feature], ft.EntitySet]:
    rows = row_frame(samples.frame, KINDS, PROBLEM)
    entityset = entityset_of(rows, KINDS, PROBLEM, {})
    columns = [ft.Feature(entityset[SAMPLES].ww[name]) for name in (CODE_COL, PROBLEM.target)]
    statistics = [PastStatistic(name, window, GAP) for name in ("mean", "std", "min", "max") for window in WINDOWS]
    expanding = [PastExpanding(name, GAP) for name in ("mean", "std", "min", "max")]
    made = [*(PastValue(lag) for lag in LAGS), *statistics, *expanding]
    return [ft.Feature(columns, primitive=primitive) for primitive in made], entityset


def stock_features(samples: Samples) -> tuple[list[ft.Feature], ft.EntitySet]:
    """Return the same features by featuretools' own primitives, each grouped by series."""
    series, timestamp = PROBLEM.series_keys[0], str(PROBLEM.timestamp)
    rows = samples.frame[[series, timestamp, PROBLEM.target]].reset_index(names="row")
    entityset = ft.EntitySet("stock")
    entityset.add_dataframe(dataframe_name=SAMPLES, dataframe=rows, index="row", time_index=timestamp)
    entityset[SAMPLES].ww.set_types(logical_types={series: "Categorical", PROBLEM.target: "Double"})
    dates, target, by = (ft.Feature(entityset[SAMPLES].ww[name]) for name in (timestamp, PROBLEM.target, series))
    rolling = (stock.RollingMean, stock.RollingSTD, stock.RollingMin, stock.RollingMax)
    expanding = (stock.ExpandingMean, stock.ExpandingSTD, stock.ExpandingMin, stock.ExpandingMax)
    made = [stock.NumericLag(lag) for lag in LAGS]
    made += [kind(window_length=window, gap=GAP, min_periods=1) for kind in rolling for window in WINDOWS]
    made += [kind(gap=GAP, min_periods=1) for kind in expanding]
    return [ft.Feature([dates, target], groupby=by, primitive=primitive) for primitive in made], entityset


def best_ms(work: Callable[[], object], repeats: int) -> float:
    """Return the least CPU milliseconds of some calls after a first one."""
    work()
    seconds = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds) * 1e3


def shape_of(samples: Samples) -> str:
    n_series = samples.frame[PROBLEM.series_keys[0]].nunique()
    return f"{n_series} x {len(samples) // n_series}"


if __name__ == "__main__":
    main()
