"""The bundled data: what the engineering makes of it, against pandas on the same files."""

from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from pyspark.sql import SparkSession

from distributed_automl.parameters import Engineering, Problem
from distributed_automl.pipelines.data_engineering import create_pipeline
from distributed_automl.pipelines.data_engineering.streams import STREAMS
from distributed_automl.resolvers import demo_data

pytestmark = [pytest.mark.spark, pytest.mark.slow]


@pytest.fixture(scope="module")
def expected() -> pd.DataFrame:
    """Units of 2017 by category (rows) and day (columns)."""
    lines = pd.read_parquet(f"{demo_data()}/transactions.parquet", columns=COLUMNS)
    products = pd.read_parquet(f"{demo_data()}/products.parquet")
    counted = products[~products.department.isin(["FUEL", "MISCELLANEOUS"]) & products.product_category.notna()]
    lines = lines.merge(counted[["product_id", "product_category"]], on="product_id")
    lines["date"] = lines.transaction_timestamp.dt.normalize()
    units = lines.groupby(["product_category", "date"]).quantity.sum().unstack(fill_value=0)
    return units.reindex(columns=pd.date_range("2017-01-01", "2017-12-31"), fill_value=0)


COLUMNS = ["product_id", "quantity", "transaction_timestamp"]


@pytest.fixture(scope="module")
def found(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    """The three tables, written and read again."""
    problem = Problem(scenario_keys=("product_category",), timestamp="date", frequency="D", target="units", horizon=28)
    inputs: dict[str, object] = {name: spark.read.parquet(f"{demo_data()}/{name}.parquet") for name in STREAMS}
    inputs |= {"params:engineering": Engineering(), "params:problem": problem}
    catalog = DataCatalog({name: MemoryDataset(value, copy_mode="assign") for name, value in inputs.items()})
    root = tmp_path_factory.mktemp("bundled")
    for name, output in SequentialRunner().run(create_pipeline(), catalog).items():
        output.load().write.parquet(f"{root}/{name}")
    return {path.name: pd.read_parquet(path) for path in Path(root).iterdir()}


def _panel(frame: pd.DataFrame, days: pd.Index) -> pd.DataFrame:
    dated = frame.assign(date=pd.to_datetime(frame.date))
    return dated.pivot_table(index="product_category", columns="date", values="units").reindex(columns=days)


def test_when_the_bundled_data_is_engineered_then_units_are_those_of_pandas(
    found: dict[str, pd.DataFrame], expected: pd.DataFrame
) -> None:
    past, future = expected.loc[:, :"2017-12-03"], expected.loc[:, "2017-12-04":]
    assert (expected.shape, expected.to_numpy().sum()) == ((301, 365), 1_896_631)
    pd.testing.assert_frame_equal(_panel(found["master_df"], past.columns).fillna(0), past, check_dtype=False)
    pd.testing.assert_frame_equal(_panel(found["actuals"], future.columns), future, check_dtype=False)


def test_when_the_bundled_data_is_engineered_then_each_category_is_asked_for_28_days(
    found: dict[str, pd.DataFrame],
) -> None:
    asked = found["master_df_predict"].query("units.isna()")
    assert asked.groupby("product_category").size().eq(28).sum() == 301
    assert len(asked) == 301 * 28
    assert asked.drop(columns=["units", "revenue_cents"]).notna().all(axis=None)


def test_when_the_bundled_promotions_are_shared_then_one_category_and_week_is_that_of_pandas(
    found: dict[str, pd.DataFrame],
) -> None:
    promotions = pd.read_parquet(f"{demo_data()}/promotions.parquet", filters=[("week", "==", 45)])
    products = pd.read_parquet(f"{demo_data()}/products.parquet").query("product_category == 'BACON'")
    shown = promotions[promotions.product_id.isin(products.product_id)]
    places = len(products) * promotions.store_id.nunique()
    master_df = found["master_df"]
    bacon = master_df[(master_df.product_category == "BACON") & (master_df.date.astype(str).between(*WEEK_45))]
    assert len(bacon) == 7
    assert set(bacon.display_share) == {(shown.display_location != "0").sum() / places}
    assert set(bacon.mailer_share) == {(shown.mailer_location != "0").sum() / places}


WEEK_45 = ("2017-10-30", "2017-11-05")
