"""A table in parts: each scenario whole in one of them, and no part opened that nobody asked for."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io.core import DatasetError, Version
from pyspark.sql import functions as F

from distributed_automl.datasets.bucketed import BucketedDataset
from distributed_automl.errors import TableError
from distributed_automl.tables import PART_COL

pytestmark = pytest.mark.spark

ROWS = pd.DataFrame({"k": [f"s{i % 9}" for i in range(36)], "odd `name": 1, "y": [float(i) for i in range(36)]})


def entry(folder: Path, **options: Any) -> BucketedDataset:
    return BucketedDataset(filepath=str(folder / "table"), by=["k", "odd `name"], n_buckets=4, **options)


def test_when_saved_then_every_scenario_is_whole_in_one_part_and_no_row_is_lost(spark: Any, tmp_path: Path) -> None:
    entry(tmp_path).save(spark.createDataFrame(ROWS).repartition(3))
    found = entry(tmp_path).load().toPandas()
    assert (found.groupby("k")[PART_COL].nunique() == 1).all()
    assert found[PART_COL].nunique() > 1
    assert set(found[PART_COL]) <= {0, 1, 2, 3}
    pd.testing.assert_frame_equal(found.drop(columns=PART_COL).sort_values("y", ignore_index=True), ROWS)


def test_when_saved_again_from_what_was_loaded_then_nothing_changes(spark: Any, tmp_path: Path) -> None:
    first, second = entry(tmp_path / "1"), entry(tmp_path / "2", version=Version(None, "2026-01-01T00.00.00.000Z"))
    first.save(ROWS)
    second.save(first.load())
    assert (tmp_path / "2" / "table" / "2026-01-01T00.00.00.000Z" / "table").is_dir()
    told = [table.load().toPandas().sort_values("y", ignore_index=True) for table in (first, second)]
    pd.testing.assert_frame_equal(*told)


def test_when_one_part_is_wanted_then_the_files_of_the_others_are_not_opened(spark: Any, tmp_path: Path) -> None:
    entry(tmp_path).save(ROWS)
    frame = entry(tmp_path).load()
    wanted = frame.select(PART_COL).first()[PART_COL]
    n_rows = frame.where(F.col(PART_COL) == wanted).select("y").count()
    for file in (tmp_path / "table").glob(f"{PART_COL}=*/*.parquet"):
        if file.parent.name != f"{PART_COL}={wanted}":
            file.write_bytes(b"not parquet")
    assert frame.where(F.col(PART_COL) == wanted).select("y").toPandas()["y"].count() == n_rows
    with pytest.raises(Exception, match="not a Parquet file"):
        frame.select("y").toPandas()


@pytest.mark.parametrize("version", [None, Version(None, "2026-01-02T00.00.00.000Z")])
def test_when_it_has_no_rows_then_saving_says_so_and_leaves_no_version(
    spark: Any, tmp_path: Path, version: Version | None
) -> None:
    entry(tmp_path / "other", version=Version(None, "2026-01-01T00.00.00.000Z")).save(ROWS)
    table = entry(tmp_path / ("other" if version else "plain"), version=version)
    with pytest.raises(DatasetError, match="table has no rows: check the engineering's inputs and") as raised:
        table.save(spark.createDataFrame(ROWS).where("false"))
    assert isinstance(raised.value.__cause__, TableError)
    later = entry(tmp_path / "other", version=Version(None, None))
    assert later.list_versions(full_path=False) == ["2026-01-01T00.00.00.000Z"]
    assert (table if version else later).load().count() == len(ROWS)


def test_when_it_is_described_wrongly_then_the_error_says_how(spark: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"the columns \['k', 'odd `name'\] to bucket by, \['k'\] are not among"):
        entry(tmp_path).save(ROWS.drop(columns="k"))
    with pytest.raises(DatasetError, match=r"found \[\] and 0"):
        BucketedDataset(filepath=str(tmp_path), by=[], n_buckets=0)
    assert "n_buckets=4" in str(entry(tmp_path))
