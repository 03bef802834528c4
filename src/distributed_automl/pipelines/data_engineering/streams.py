"""The contracts of the raw streams, and the gate that each passes before anything is made of it.

Columns and types are checked at once, from the schema alone. What only the rows can tell (a null key, a doubled key) is
checked by the query that reads them: the rows raise when they are computed, and no job runs earlier than that.
"""

from dataclasses import dataclass

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from distributed_automl.errors import TableError
from distributed_automl.tables import Column, Table

NARROWER = {
    "bigint": ("int", "smallint", "tinyint"),
    "double": ("float", "decimal"),
    "timestamp": ("timestamp_ntz", "date"),
}
"""Types that are cast without loss to the one that a contract states."""


@dataclass(frozen=True)
class Stream:
    """A raw table as it must arrive.

    Attributes:
        table: its columns; its key is unique, unless it is empty.
        required: columns that are never null.
    """

    table: Table
    required: tuple[str, ...]


TRANSACTIONS = Stream(
    Table(
        "transactions",
        (
            Column("basket_id", "bigint", "one visit to a till"),
            Column("product_id", "bigint", "what was bought"),
            Column("quantity", "bigint", "units"),
            Column("sales_value", "double", "dollars that the retailer received"),
            Column("week", "bigint", "the retailer's week, as in promotions"),
            Column("transaction_timestamp", "timestamp", "when; its UTC date is the day of the sale"),
        ),
        key=("basket_id", "product_id"),
    ),
    required=("basket_id", "product_id", "quantity", "sales_value", "week", "transaction_timestamp"),
)

PRODUCTS = Stream(
    Table(
        "products",
        (
            Column("product_id", "bigint", "the product"),
            Column("department", "string", "a group of categories"),
            Column("product_category", "string", "what one model is made for; null: unknown, such rows are dropped"),
        ),
        key=("product_id",),
    ),
    required=("product_id", "department"),
)

PROMOTIONS = Stream(
    Table(
        "promotions",
        (
            Column("product_id", "bigint", "what was promoted"),
            Column("store_id", "bigint", "where"),
            Column("week", "bigint", "when: the retailer's week"),
            Column("display_location", "string", "where in the store; '0': not on display"),
            Column("mailer_location", "string", "where in the mailer; '0': not in it"),
        ),
        key=(),
    ),
    required=("product_id", "store_id", "week", "display_location", "mailer_location"),
)

CAMPAIGNS = Stream(
    Table(
        "campaigns",
        (
            Column("campaign_id", "bigint", "the campaign"),
            Column("household_id", "bigint", "a household that got it"),
        ),
        key=("campaign_id", "household_id"),
    ),
    required=("campaign_id", "household_id"),
)

CAMPAIGN_DESCRIPTIONS = Stream(
    Table(
        "campaign_descriptions",
        (
            Column("campaign_id", "bigint", "the campaign"),
            Column("start_date", "timestamp", "its first day"),
            Column("end_date", "timestamp", "its last day"),
        ),
        key=("campaign_id",),
    ),
    required=("campaign_id", "start_date", "end_date"),
)

COUPONS = Stream(
    Table(
        "coupons",
        (
            Column("coupon_upc", "bigint", "the coupon"),
            Column("product_id", "bigint", "a product that it is for"),
            Column("campaign_id", "bigint", "the campaign that gives it out"),
        ),
        key=(),
    ),
    required=("coupon_upc", "product_id", "campaign_id"),
)

STREAMS = {s.table.name: s for s in (TRANSACTIONS, PRODUCTS, PROMOTIONS, CAMPAIGNS, CAMPAIGN_DESCRIPTIONS, COUPONS)}


def admit(frame: DataFrame, stream: Stream) -> DataFrame:
    """Return the stream's columns in their types, with guards against null and doubled keys inside.

    No job runs here: a guard raises when its rows are computed.

    Raises:
        TableError: columns are missing or have another type; all of them are named.
    """
    _check_schema(frame, stream.table)
    typed = frame.select(*(F.col(c.name).cast(c.type).alias(c.name) for c in stream.table.columns))
    present = typed.withColumns({name: _never_null(name, stream.table) for name in stream.required})
    return _never_doubled(present, stream.table) if stream.table.key else present


def _check_schema(frame: DataFrame, table: Table) -> None:
    table.require(frame.columns)
    found = {field.name: field.dataType.simpleString() for field in frame.schema}
    wrong = [c for c in table.columns if not _fits(found[c.name], c.type)]
    if wrong:
        faults = "; ".join(f"column '{c.name}' is {found[c.name]}, expected {c.type}" for c in wrong)
        raise TableError(f"stream '{table.name}': {faults}; cast it where the stream is written")


def _fits(found: str, expected: str) -> bool:
    return found == expected or found.split("(")[0] in NARROWER.get(expected, ())


def _never_null(name: str, table: Table) -> SparkColumn:
    message = f"stream '{table.name}': column '{name}' is null in a row; every row needs it: mend or drop that row"
    return F.when(F.col(name).isNull(), F.raise_error(F.lit(message))).otherwise(F.col(name))


def _never_doubled(frame: DataFrame, table: Table) -> DataFrame:
    """Keep one row per key; a key with several raises, whichever of the key's columns is read."""
    rest = [F.any_value(name).alias(name) for name in table.names if name not in table.key]
    counted = frame.groupBy(*table.key).agg(F.count("*").alias("n_rows"), *rest)
    return counted.withColumns({name: _only_once(name, table) for name in table.key}).select(*table.names)


def _only_once(name: str, table: Table) -> SparkColumn:
    values = F.concat_ws(", ", *(F.concat(F.lit(f"{key} = "), F.col(key).cast("string")) for key in table.key))
    message = F.concat(
        F.lit(f"stream '{table.name}': "),
        F.col("n_rows").cast("string"),
        F.lit(" rows have the key "),
        values,
        F.lit("; a key may occur once: was a delivery loaded twice?"),
    )
    return F.when(F.col("n_rows") > 1, F.raise_error(message)).otherwise(F.col(name))
