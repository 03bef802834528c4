"""Made scenarios: whole in one part, and regular."""

from pathlib import Path

import pandas as pd
from benchmarks.made_panel import N_DAYS, PART_COL, catalog, parameters, small_scenarios, write_table
from kedro.io import DataCatalog

from distributed_automl import tables
from distributed_automl.parameters import AutoML, Plan, Problem


def test_when_a_panel_is_written_then_every_scenario_is_whole_in_one_part(tmp_path: Path) -> None:
    n_rows = write_table(small_scenarios(7), tmp_path / "master_df")
    found = pd.read_parquet(tmp_path / "master_df")
    assert len(found) == n_rows == 7 * N_DAYS
    by_store = found.groupby("store")
    assert by_store["date"].nunique().tolist() == [N_DAYS] * 7
    assert by_store[PART_COL].nunique().tolist() == [1] * 7
    assert PART_COL == tables.PART_COL


def test_when_its_environment_is_written_then_the_program_understands_it(tmp_path: Path) -> None:
    import yaml

    blocks = yaml.safe_load(parameters())
    assert Problem(**blocks["problem"]).keys == ("store", "item")
    assert AutoML(**blocks["automl"]).candidates == ("ridge",)
    assert Plan(**blocks["plan"]).pool_max_samples == 100 * N_DAYS
    entries = DataCatalog.from_config(yaml.safe_load(catalog(tmp_path)))
    assert str(tmp_path / "master_df") in str(entries["master_df"])
