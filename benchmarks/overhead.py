"""What Spark, Kedro and MLflow cost over a bare process pool that fits the same scenarios.

    .venv/bin/python benchmarks/overhead.py [--scenarios 500] [--rounds 1] [--params automl.tuning.n_trials=8]

The scenarios are categories of the bundled data, again and again under other names, at the default parameters: about a
second each. Both fit the pooled model and then every scenario, from the same `master_df`, with as many processes as
there are cores. The pool is the same work for both and goes on one core, so that a large one would make the rest look
small: it learns from few rows here. Both are commands, timed from their start to their end, one after the other, in as
many rounds as are asked for; the median counts. The start of the JVM is listed apart. The models must be the same, byte
for byte.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
from made_panel import PART_COL, catalog, write_table
from project_runs import (
    ENVIRONMENT,
    PROJECT,
    jvm_start,
    kedro_run,
    prepare,
    print_table,
    read_fits,
    read_master,
    watched,
    watched_run,
)
from two_ways import Ways, keep

KEY = "product_category"
PAGE = PROJECT / "docs" / "benchmarks" / "overhead.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--pool-rows", type=int, default=20_000, help="that the pool learns from at most")
    parser.add_argument("--params", default="", help="further parameters, as `kedro run --params` takes them")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument(
        "--bare", type=Path, help="folder of a benchmark under way: only fit there, without the program"
    )
    arguments = parser.parse_args()
    params = f"plan.pool_max_samples={arguments.pool_rows}"
    params = f"{params},{arguments.params}" if arguments.params else params
    if arguments.bare:
        fit_bare(arguments.bare, params)
        return
    with tempfile.TemporaryDirectory() as folder:
        ways, told = compare(Path(folder), arguments, params)
    print_table(*ways.table())
    print_table(["", ""], told)
    keep(arguments.page, TITLE, ways, told)


TITLE = """# What a fleet costs over a bare process pool

`benchmarks/overhead.py`: categories of the bundled data at the default parameters, again and again under other names,
fitted by `kedro run --pipelines=train` and by a `ProcessPoolExecutor` that calls the same core on the same rows: pool
first, then every scenario, and nothing stored. Both are commands, timed from their start to their end."""


def compare(root: Path, arguments: argparse.Namespace, params: str) -> tuple[Ways, list[list[object]]]:
    """Fit both ways; return what they took, and what else is worth telling."""
    conf = prepare(root)
    kedro_run(conf, "--pipelines=data_engineering")
    rows = read_master(root / "data/03_primary/demand")
    n_rows = write_table(copies(rows, arguments.scenarios), root / "master_df", key=KEY)
    ways, same = Ways("kedro run --pipelines=train"), True
    own = [f"--pool-rows={arguments.pool_rows}", f"--params={arguments.params}"]
    for number in range(arguments.rounds):
        conf = prepare(root, data=f"data-{number}", catalog=catalog(root))
        ways.program.append(watched_run(conf, "--pipelines=train", "--from-inputs=master_df", f"--params={params}"))
        ways.bare.append(watched([sys.executable, __file__, f"--bare={root}", *own]))
        ways.jvm.append(jvm_start())
        digests = json.loads((root / "bare.json").read_text())
        same = same and stored_digests(root / f"data-{number}") == digests
    return ways, [
        ["scenarios", arguments.scenarios],
        ["fitted", len(digests)],
        ["rows", n_rows],
        ["rows that the pool learned from at most", arguments.pool_rows],
        ["models are the same bytes", same],
    ]


def copies(rows: pd.DataFrame, n_scenarios: int) -> Iterator[pd.DataFrame]:
    """Yield the rows of so many scenarios, one at a time; when all have been there, they come under another name."""
    categories = [frame for _, frame in rows.groupby(KEY)]
    for number in range(n_scenarios):
        frame = categories[number % len(categories)]
        yield frame.assign(**{KEY: frame[KEY] + f" #{number // len(categories)}"})


def fit_bare(root: Path, params: str) -> None:
    """Fit pool and scenarios in a process pool; write down the models' digests."""
    frame = pd.read_parquet(root / "master_df").drop(columns=PART_COL)
    with ProcessPoolExecutor(
        os.cpu_count(), initializer=prepare_worker, initargs=(str(root / "conf"), params)
    ) as workers:
        pool = workers.submit(
            fit_the_pool, pool_rows(frame, read_parameters(str(root / "conf"), params)["plan"])
        ).result()
        scenarios = sorted(frame.groupby(KEY), key=lambda pair: -len(pair[1]))
        fits = workers.map(fit_one, [(name, rows, pool) for name, rows in scenarios])
        digests = {name: digest for name, digest in fits if digest is not None}
    (root / "bare.json").write_text(json.dumps(digests))


def pool_rows(frame: pd.DataFrame, plan) -> pd.DataFrame:
    """Return the rows that the program's plan would give the pool."""
    from distributed_automl.fleet.plan import sample_members

    members = frame.groupby(KEY).size().rename_axis("scenario_id").rename("n_rows").reset_index()
    return frame[frame[KEY].isin(sample_members(members.assign(rows_fingerprint=""), plan.pool_max_samples))]


def prepare_worker(conf: str, params: str) -> None:
    """Read the parameters and pin the worker to one core, once per process."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    STATE.update(read_parameters(conf, params))


STATE: dict = {}


def read_parameters(conf: str, params: str) -> dict:
    """Return the problem, the AutoML block and the features' definitions that the program would use."""
    from kedro.config import OmegaConfigLoader

    from distributed_automl.parameters import AutoML, Plan, Problem
    from distributed_automl.resolvers import RESOLVERS

    runtime: dict = {}
    for pair in filter(None, params.split(",")):
        path, value = pair.split("=")
        block = runtime
        *parents, leaf = path.split(".")
        for parent in parents:
            block = block.setdefault(parent, {})
        block[leaf] = float(value) if "." in value else int(value) if value.isdigit() else value
    loader = OmegaConfigLoader(
        conf, env=ENVIRONMENT, base_env="base", runtime_params=runtime, custom_resolvers=RESOLVERS
    )
    parameters = loader["parameters"]
    kinds = {"problem": Problem, "automl": AutoML, "plan": Plan}
    return {name: kind(**parameters[name]) for name, kind in kinds.items()}


def fit_the_pool(frame: pd.DataFrame):
    """Fit the pooled model; return it with its digest."""
    from distributed_automl.scenario.fit import definitions_of
    from distributed_automl.scenario.fit_pool import fit_pool
    from distributed_automl.scenario.serialize import digest_of

    definitions = definitions_of(frame, STATE["problem"], STATE["automl"])
    fit = fit_pool(frame, STATE["problem"], STATE["automl"], pool_id="__pooled__/all", definitions=definitions)
    data = fit.model.to_bytes()
    return data, digest_of(data)


def fit_one(work) -> tuple[str, str | None]:
    """Fit one scenario; return its id and its model's digest, None if it is skipped."""
    from distributed_automl.errors import ScenarioSkipped
    from distributed_automl.scenario.fit import definitions_of, fit_scenario
    from distributed_automl.scenario.pool import load_pool
    from distributed_automl.scenario.serialize import digest_of

    name, rows, pool = work
    if "definitions" not in STATE:
        STATE["definitions"] = definitions_of(rows, STATE["problem"], STATE["automl"])
    try:
        fit = fit_scenario(
            rows, STATE["problem"], STATE["automl"], definitions=STATE["definitions"], pool=load_pool(*pool)
        )
    except ScenarioSkipped:
        return name, None
    return name, digest_of(fit.model.to_bytes())


def stored_digests(data: Path) -> dict[str, str]:
    """Return scenario -> digest of the models that the program stored."""
    fitted = read_fits(data, ["scenario_id", "model_digest"]).dropna()
    return dict(zip(fitted["scenario_id"], fitted["model_digest"], strict=True))


if __name__ == "__main__":
    main()
