"""What Spark, Kedro and MLflow cost over a bare process pool that fits the same scenarios.

    .venv/bin/python benchmarks/overhead.py [--params automl.tuning.n_trials=8]

Both fit the pooled model and then every scenario of the bundled data, from the same `master_df`, with as many processes
as there are cores, in one run. The start of the JVM is listed apart. The models must be the same, byte for byte.
"""

import argparse
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
from project_runs import jvm_seconds, kedro_run, prepare, print_table, read_fits, read_master

BARE = "bare process pool"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", default="", help="further parameters, as `kedro run --params` takes them")
    arguments = parser.parse_args()
    params = [f"--params={arguments.params}"] if arguments.params else []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        conf = prepare(root)
        kedro_run(conf, "--pipelines=data_engineering", *params)
        jvm = jvm_seconds()
        program = kedro_run(conf, "--pipelines=train", "--from-inputs=master_df", *params)
        bare, digests = fit_bare(root / "data", conf, arguments.params)
        same = stored_digests(root / "data") == digests
    rows = [
        [BARE, bare, 1.0],
        ["kedro run --pipelines=train, without the JVM's start", program - jvm, (program - jvm) / bare],
        ["start of the JVM", jvm, jvm / bare],
    ]
    print_table(["", "seconds", "ratio"], rows)
    print_table(["", ""], [["models are the same bytes", same], ["scenarios fitted", len(digests)]])


def fit_bare(data: Path, conf: Path, params: str) -> tuple[float, dict[str, str]]:
    """Fit pool and scenarios in a process pool; return seconds and the models' digests."""
    frame = read_master(data / "03_primary/demand")
    started = time.perf_counter()
    with ProcessPoolExecutor(os.cpu_count(), initializer=prepare_worker, initargs=(str(conf), params)) as workers:
        pool = workers.submit(fit_the_pool, frame).result()
        scenarios = sorted(frame.groupby("product_category"), key=lambda pair: -len(pair[1]))
        fits = workers.map(fit_one, [(name, rows, pool) for name, rows in scenarios])
        digests = {name: digest for name, digest in fits if digest is not None}
    return time.perf_counter() - started, digests


def prepare_worker(conf: str, params: str) -> None:
    """Read the parameters and pin the worker to one core, once per process."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    STATE.update(read_parameters(conf, params))


STATE: dict = {}


def read_parameters(conf: str, params: str) -> dict:
    """Return the problem, the AutoML block and the features' definitions that the program would use."""
    from kedro.config import OmegaConfigLoader

    from distributed_automl.parameters import AutoML, Problem
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
        conf, env="benchmark", base_env="base", runtime_params=runtime, custom_resolvers=RESOLVERS
    )
    parameters = loader["parameters"]
    return {"problem": Problem(**parameters["problem"]), "automl": AutoML(**parameters["automl"])}


def definitions_of(frame: pd.DataFrame):
    from distributed_automl.scenario.calendar import season_of
    from distributed_automl.scenario.columns import kinds_of
    from distributed_automl.scenario.synthesis import define

    problem, automl = STATE["problem"], STATE["automl"]
    return define(kinds_of(frame, problem), problem, automl.synthesis, season_of(problem))


def fit_the_pool(frame: pd.DataFrame):
    """Fit the pooled model; return it with its digest."""
    from distributed_automl.scenario.fit_pool import fit_pool
    from distributed_automl.scenario.serialize import digest_of

    definitions = definitions_of(frame)
    fit = fit_pool(frame, STATE["problem"], STATE["automl"], pool_id="__pooled__/all", definitions=definitions)
    data = fit.model.to_bytes()
    return data, digest_of(data)


def fit_one(work) -> tuple[str, str | None]:
    """Fit one scenario; return its id and its model's digest, None if it is skipped."""
    from distributed_automl.errors import ScenarioSkipped
    from distributed_automl.scenario.fit import fit_scenario
    from distributed_automl.scenario.pool import load_pool
    from distributed_automl.scenario.serialize import digest_of

    name, rows, pool = work
    if "definitions" not in STATE:
        STATE["definitions"] = definitions_of(rows)
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
