"""Hooks: a wrong configuration ends early, a run has an identity, Spark is configured and not started."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.config import MissingConfigException
from kedro.io import DataCatalog, MemoryDataset

from distributed_automl import hooks
from distributed_automl.configuration import ConfigurationError
from distributed_automl.datasets.ledger import LedgerDataset
from distributed_automl.hooks import RUN_ID, ParametersHook, RunIdHook, SparkHook, new_run_id


class Loader(dict[str, Any]):
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


def test_when_spark_is_local_then_it_is_configured_but_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed_automl.fleet import session

    seen: list[Any] = []
    monkeypatch.setattr(session, "configure", seen.append)
    monkeypatch.setattr(session, "needs_start", lambda: False)
    monkeypatch.setattr(session, "start", lambda _: pytest.fail("started"))
    monkeypatch.setattr(session, "require_java", seen.append)
    hook = SparkHook()
    hook.after_context_created(context(spark={"spark.master": "local[1]"}))
    hook.before_pipeline_run(SimpleNamespace(nodes=[1]))  # type: ignore[arg-type]
    assert seen == [{"spark.master": "local[1]"}] * 2


def test_when_spark_is_there_or_remote_then_settings_are_put_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed_automl.fleet import session

    seen: list[Any] = []
    monkeypatch.setattr(session, "configure", lambda _: None)
    monkeypatch.setattr(session, "needs_start", lambda: True)
    monkeypatch.setattr(session, "start", seen.append)
    hook = SparkHook()
    hook.after_context_created(context(spark={"spark.remote": "sc://x"}))
    hook.before_pipeline_run(SimpleNamespace(nodes=[1]))  # type: ignore[arg-type]
    assert seen == [{"spark.remote": "sc://x"}]


def test_when_there_is_no_spark_yml_then_there_are_no_settings() -> None:
    assert hooks._section(Loader(), "spark") == {}
