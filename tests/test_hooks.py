"""Hooks: a wrong configuration ends early, a run has an identity, Spark is configured and not started."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.config import MissingConfigException
from kedro.io import DataCatalog, MemoryDataset, Version
from kedro.pipeline import Node, Pipeline

from distributed_automl import hooks
from distributed_automl.configuration import ConfigurationError
from distributed_automl.datasets.complete import CompleteDataset
from distributed_automl.datasets.ledger import LedgerDataset
from distributed_automl.errors import RunError
from distributed_automl.hooks import (
    HEAVY,
    RUN_ID,
    NewRunHook,
    ParametersHook,
    ProgressHook,
    RunIdHook,
    SparkHook,
    new_run_id,
    require_environment,
)

FITS = Pipeline([Node(lambda run: run, "params:run", "fits", name="fit", tags="train")])
REPORTS = Pipeline([Node(lambda run: run, "params:run", "report", name="report", tags="report")])
PLAN = Pipeline([Node(lambda run: run, "params:run", "summary", name="look_ahead", tags="plan")])
EVALUATION = Pipeline([Node(lambda rows: rows, "outcomes", "evaluation", name="evaluate_scenarios", tags="evaluate")])
CATALOG = DataCatalog({"params:run": MemoryDataset({})})


class Loader(dict[str, Any]):
    conf_source, env = "conf", None

    def __missing__(self, name: str) -> Any:
        raise MissingConfigException(name)


def context(**sections: Any) -> Any:
    return SimpleNamespace(config_loader=Loader(sections))


def test_when_run_ids_are_made_then_they_sort_by_time_and_differ() -> None:
    one, two = new_run_id(), new_run_id()
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", one)
    assert one != two


def test_when_parameters_are_wrong_then_the_context_is_not_made() -> None:
    with pytest.raises(ConfigurationError, match=r"`run.engine`"):
        ParametersHook().after_context_created(context(parameters={"run": {"engine": "x"}}))


def test_when_a_catalog_is_made_then_nodes_and_ledgers_get_one_run_id() -> None:
    catalog = DataCatalog({"fits": LedgerDataset(filepath="x", table="fits"), "other": MemoryDataset(1)})
    RunIdHook().after_catalog_created(catalog, {})
    run_id = catalog.load(RUN_ID)
    fits = catalog.get("fits")
    assert isinstance(fits, LedgerDataset)
    assert fits.run_id == run_id
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", run_id)


def test_when_a_run_id_is_given_then_it_is_kept() -> None:
    catalog = DataCatalog({})
    RunIdHook().after_catalog_created(catalog, {RUN_ID: "mine"})
    assert catalog.load(RUN_ID) == "mine"


@pytest.fixture
def run(tmp_path: Path) -> tuple[RunIdHook, DataCatalog, LedgerDataset]:
    """A run that is about to begin."""
    fits = LedgerDataset(filepath=str(tmp_path / "fits"), table="fits")
    hook, catalog = RunIdHook(), DataCatalog({"fits": fits, "params:run": MemoryDataset({})})
    hook.after_catalog_created(catalog, {RUN_ID: "mine"})
    return hook, catalog, fits


@pytest.mark.parametrize("end", [RunIdHook.after_pipeline_run, RunIdHook.on_pipeline_error])
def test_when_a_run_touches_a_ledger_then_it_says_so_until_it_ends(run: Any, end: Callable[[RunIdHook], None]) -> None:
    hook, catalog, fits = run
    assert list(fits.store.writers()) == []
    hook.before_pipeline_run(FITS, catalog)
    (told,) = fits.store.writers()
    assert (told.folder, told.began) == ("runs/mine", fits.as_of)
    end(hook)
    assert list(fits.store.writers()) == []


def test_when_a_run_reads_an_old_version_then_it_counts_as_one_that_began_when_that_was_the_latest(
    run: Any, tmp_path: Path
) -> None:
    hook, catalog, fits = run
    read, other = (
        CompleteDataset(filepath=str(tmp_path / name), version=Version(f"2026-01-0{day}T00.00.00.000Z", None))
        for name, day in (("master_df", 2), ("other", 1))
    )
    catalog["master_df"], catalog["other"] = read, other
    hook.before_pipeline_run(Pipeline([Node(print, "master_df", None)]), catalog)  # no ledger, but what is cleaned up
    (told,) = fits.store.writers()
    assert told.began == datetime(2026, 1, 2, tzinfo=UTC)


def test_when_a_run_touches_no_ledger_then_nothing_is_written(run: Any, tmp_path: Path) -> None:
    hook, catalog, _ = run
    hook.before_pipeline_run(REPORTS, catalog)
    hook.before_pipeline_run(FITS, DataCatalog({}))
    assert list(tmp_path.iterdir()) == []


def test_when_the_note_cannot_be_written_then_the_run_goes_on(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    hook, catalog, fits = run
    Path(fits.store.root).write_text("a file where a folder should be")
    hook.before_pipeline_run(FITS, catalog)
    assert "could not note that the run lives" in caplog.text


def test_when_the_id_of_a_run_was_used_for_what_it_saves_then_it_is_refused(tmp_path: Path) -> None:
    plan, runs = (
        LedgerDataset(filepath=str(tmp_path), table=name, runs=of) for name, of in (("plan", "latest"), ("runs", "all"))
    )
    hook, catalog = NewRunHook(), DataCatalog({"plan": plan, "runs": runs})
    RunIdHook().after_catalog_created(catalog, {RUN_ID: "mine"})
    plans, records = (Pipeline([Node(lambda run: run, RUN_ID, name, name="save")]) for name in ("plan", "runs"))
    (tmp_path / "mine" / "0000-killed").mkdir(parents=True)
    hook.before_pipeline_run(plans, catalog)
    plan.store.commit("mine/0000-killed")
    with pytest.raises(RunError, match="the run_id 'mine' was used: `plan` was saved under it"):
        hook.before_pipeline_run(plans, catalog)
    hook.before_pipeline_run(records, catalog)
    hook.before_pipeline_run(REPORTS, catalog)


def test_when_spark_is_local_then_it_is_configured_but_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed_automl.fleet import session

    seen: list[Any] = []
    monkeypatch.setattr(session, "configure", seen.append)
    monkeypatch.setattr(session, "needs_start", lambda: False)
    monkeypatch.setattr(session, "start", lambda _: pytest.fail("started"))
    monkeypatch.setattr(session, "require_java", seen.append)
    monkeypatch.setattr(session, "import_meanwhile", seen.append)
    hook = SparkHook()
    hook.after_context_created(context(spark={"spark.master": "local[1]"}))
    hook.before_pipeline_run(FITS, CATALOG)
    assert seen == [{"spark.master": "local[1]"}, {"spark.master": "local[1]"}, HEAVY]
    hook.before_pipeline_run(REPORTS, CATALOG)
    assert seen[3:] == [{"spark.master": "local[1]"}]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What was started and asked, where workers are elsewhere."""
    from distributed_automl.fleet import handshake, session

    seen: dict[str, Any] = {}
    monkeypatch.setattr(session, "configure", lambda _: None)
    monkeypatch.setattr(session, "needs_start", lambda: False)
    monkeypatch.setattr(session, "require_java", lambda _: None)
    monkeypatch.setattr(session, "works_elsewhere", lambda _: True)
    monkeypatch.setattr(session, "start", lambda settings: seen.setdefault("started", settings))
    monkeypatch.setattr(handshake, "require_parity", lambda spark: seen.setdefault("asked", spark))
    return seen


def before_run(pipeline: Pipeline, catalog: DataCatalog) -> None:
    hook = SparkHook()
    hook.after_context_created(context(spark={"spark.master": "spark://x"}))
    hook.before_pipeline_run(pipeline, catalog)


def test_when_spark_is_there_already_then_settings_are_put_on_it(
    started: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed_automl.fleet import session

    monkeypatch.setattr(session, "needs_start", lambda: True)
    monkeypatch.setattr(session, "works_elsewhere", lambda _: False)
    before_run(FITS, CATALOG)
    assert started == {"started": {"spark.master": "spark://x"}}


@pytest.mark.parametrize("pipeline", [FITS, PLAN, EVALUATION], ids=["fit", "plan what they fit", "evaluate"])
def test_when_workers_are_elsewhere_then_they_are_asked_before_they_work(
    started: dict[str, Any], pipeline: Pipeline
) -> None:
    before_run(pipeline, CATALOG)
    assert started == {"started": {"spark.master": "spark://x"}, "asked": {"spark.master": "spark://x"}}


@pytest.mark.parametrize(
    ("pipeline", "engine"),
    [(FITS, "local"), (PLAN, "local"), (REPORTS, "spark")],
    ids=["fits in this process", "plans for this process", "no Python on workers"],
)
def test_when_workers_run_no_python_then_they_are_not_asked(
    started: dict[str, Any], pipeline: Pipeline, engine: str
) -> None:
    before_run(pipeline, DataCatalog({"params:run": MemoryDataset({"engine": engine})}))
    assert started == {"started": {"spark.master": "spark://x"}}


def test_when_a_run_begins_then_its_progress_sees_the_ledgers_and_tells_the_tracking() -> None:
    from distributed_automl.fleet import progress

    catalog = DataCatalog({"fits": LedgerDataset(filepath="x", table="fits"), "other": MemoryDataset(1)})
    hook, told = ProgressHook(sink := told_to([])), progress.sinks[:]
    try:
        hook.after_catalog_created(catalog)
        hook.before_pipeline_run()
        hook.before_pipeline_run()
        fits = catalog.get("fits")
        assert isinstance(fits, LedgerDataset)
        assert fits.watch is progress.watching
        assert progress.sinks == [sink]
    finally:
        progress.sinks[:] = told


def told_to(figures: list[dict[str, float]]) -> Callable[[dict[str, float]], None]:
    return figures.append


def test_when_there_is_no_spark_yml_then_there_are_no_settings() -> None:
    assert hooks._section(Loader(), "spark") == {}


def test_when_there_is_no_such_environment_then_the_error_names_those_that_are_there(tmp_path: Path) -> None:
    for name in ("base", "cluster"):
        (tmp_path / name).mkdir()
    with pytest.raises(ConfigurationError, match=r"no environment 'nope' in .*: expected one of \['base', 'cluster'\]"):
        require_environment(tmp_path, "nope")
    require_environment(tmp_path, "cluster")
    require_environment(tmp_path, None)
    require_environment(tmp_path / "conf.tar.gz", "nope")
