"""The contracts of the tables: every column once, with its type. Spark's and pandas' schemas derive from here."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distributed_automl.errors import TableError

if TYPE_CHECKING:
    import pandas as pd

POOLED_PREFIX = "__pooled__/"
"""Scenario ids that start so are pools: their fit serves every scenario of the pool."""
PART_COL = "scenario_bucket"
"""Column of a table that is stored in parts of whole scenarios: the part. No feature, and not among what is hashed."""


def is_pool(scenario_id: str) -> bool:
    """Return whether an id is a pool's."""
    return scenario_id.startswith(POOLED_PREFIX)


def are_pools(scenario_ids: "pd.Series[str]") -> "pd.Series[bool]":
    """Return which ids are pools', as a mask; of no ids too."""
    return scenario_ids.str.startswith(POOLED_PREFIX).astype(bool)


@dataclass(frozen=True)
class Column:
    """One column: its name, its Spark SQL type, and what it means."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """A table's contract.

    Attributes:
        name: as in the catalog.
        columns: in order.
        key: the columns whose values are unique together.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def ddl(self) -> str:
        """Spark SQL schema, e.g. ``"`scenario_id` string, `wave` int"``."""
        return ", ".join(f"`{column.name}` {column.type}" for column in self.columns)

    def require(self, found: Iterable[str]) -> None:
        """Raise TableError unless every column is among the found ones."""
        found = list(found)
        missing = [name for name in self.names if name not in found]
        if missing:
            raise TableError(f"table '{self.name}' lacks the columns {missing}; it has {found}")


FITS = Table(
    "fits",
    (
        Column("scenario_id", "string", "the scenario, or a pool"),
        Column("run_id", "string", "the run that fitted it"),
        Column("wave", "int", "the Spark job that fitted it"),
        Column("fingerprint", "string", "what the fit depends on, hashed"),
        Column("fitted_at", "timestamp", "UTC"),
        Column("status", "string", "fitted | skipped | failed"),
        Column("stage", "string", "where it was skipped or failed; null when fitted"),
        Column("error_type", "string", "class of the error; null when fitted"),
        Column("message", "string", "the error's message, or the reason to skip; null when fitted"),
        Column("traceback", "string", "of a failure; else null"),
        Column("n_samples", "bigint", "rows of the scenario after completion of its calendar"),
        Column("n_features", "int", "features of the final model"),
        Column("n_trials", "int", "trials over all candidates"),
        Column("fit_seconds", "double", "wall time of the fit"),
        Column("peak_memory_mb", "double", "peak of the fit's process; null in-process"),
        Column("estimator", "string", "what predicts: a candidate's name, 'ensemble' or the baseline's name"),
        Column("hyperparameters", "string", "JSON: member -> hyper-parameters"),
        Column("features", "array<string>", "features of the final model, in order"),
        Column("selection", "string", "JSON: selection method -> the features that it voted for"),
        Column(
            "leaderboard",
            "string",
            "JSON list: candidate, rank, gain on the folds and its first trial's, weight, seconds, n_trials",
        ),
        Column("metrics", "map<string,double>", "holdout metrics; 'baseline_' + name is the baseline's"),
        Column("kpis", "map<string,double>", "holdout KPIs; 'baseline_' + name is the baseline's"),
        Column("model", "binary", "the serialized model; null unless fitted"),
        Column("model_bytes", "bigint", "its size"),
        Column("model_digest", "string", "its SHA-256, hexadecimal"),
        Column("pool_digest", "string", "SHA-256 of the pooled model that this model needs; null: of none"),
    ),
    key=("scenario_id", "run_id"),
)

PILOTS = Table(
    "pilots",
    (
        Column("scenario_id", "string", "the pilot"),
        Column("run_id", "string", "the run that judged configurations on it"),
        Column("fingerprint", "string", "hash of its rows"),
        Column("status", "string", "judged | skipped | failed"),
        Column("stage", "string", "where it was skipped or failed; null when judged"),
        Column("error_type", "string", "class of the error; null when judged"),
        Column("message", "string", "the error's message, or the reason to skip; null when judged"),
        Column("traceback", "string", "of a failure; else null"),
        Column("n_samples", "bigint", "rows of the pilot after completion of its calendar; else as they came in"),
        Column("trials", "string", "JSON list: candidate, configuration, gain on the folds; null unless judged"),
        Column("fit_seconds", "double", "wall time of all its fits"),
        Column("peak_memory_mb", "double", "peak of the pilot's process; null in-process"),
    ),
    key=("scenario_id", "run_id"),
)

PLAN = Table(
    "plan",
    (
        Column("run_id", "string", "this run"),
        Column("scenario_id", "string", "the scenario, or a pool"),
        Column("pool_id", "string", "the pool whose fit serves the scenario; for a pool its own id"),
        Column("n_rows", "bigint", "rows in master_df"),
        Column(PART_COL, "int", "the part of master_df that holds them; null for pools, and where it has no parts"),
        Column("first_timestamp", "string", "first period; null for tabular tasks"),
        Column("last_timestamp", "string", "last period; null for tabular tasks"),
        Column("rows_fingerprint", "string", "hash of the scenario's rows alone"),
        Column("core_fingerprint", "string", "the fingerprint but for the pool; for a pool its fingerprint"),
        Column("pool_fingerprint", "string", "fingerprint of the pooled fit that the fit may use; null: of none"),
        Column("fingerprint", "string", "hash of rows, parameters, code, portfolio, n_trials if there are, and pool"),
        Column("n_trials", "int", "trials per candidate that the auction gave it; null: the usual ones"),
        Column("expected_gain", "double", "what they bring to the fleet's objective, by the records; null: unknown"),
        Column("auctioned_by", "string", "the run whose auction decided n_trials; null: none has"),
        Column("estimated_seconds", "double", "expected core-seconds of the fit"),
        Column("estimated_memory_mb", "double", "expected memory of its process at the peak"),
        Column("estimated_from", "string", "own (its latest fit) | rows (and other fits' pace) | guess (rows alone)"),
        Column(
            "estimate_factor",
            "double",
            "half of the recorded fits lie within this factor of what would have been estimated so; null: unknown",
        ),
        Column(
            "action",
            "string",
            "fit | reuse | skip | outside (not in this run, but its pool is made from it)",
        ),
        Column("reason", "string", "why"),
        Column("wave", "int", "the wave that fits it; null unless action is fit"),
        Column("bucket", "int", "its task inside the wave; null unless action is fit"),
        Column("fit_run_id", "string", "the run whose fit is reused, or whose outcome stands; null when action is fit"),
    ),
    key=("run_id", "scenario_id"),
)

RUNS = Table(
    "runs",
    (
        Column("run_id", "string", "the run"),
        Column("pipeline", "string", "train | predict: one run may do both"),
        Column("started_at", "timestamp", "UTC; before the first fit or prediction"),
        Column("parameters", "string", "JSON: block -> its values, every default spelt out"),
        Column("table_version", "string", "version of master_df, or of master_df_predict; null if it has none"),
        Column("portfolio", "string", "JSON: the portfolio that searches started from"),
        Column("code_digest", "string", "hash of the core's sources and of the libraries' versions"),
        Column("packages", "string", "JSON: library -> version, and Python's"),
    ),
    key=("run_id", "pipeline"),
)

TRAINING_RESULTS = Table(
    "training_results",
    (
        Column("run_id", "string", "this run"),
        Column("scenario_id", "string", "the scenario"),
        Column("status", "string", "fitted | reused | skipped | failed"),
        Column("reason", "string", "the plan's reason, or why it was skipped or failed"),
        Column("fit_run_id", "string", "the run whose model this is; null without a model"),
        Column("fingerprint", "string", "of the fit"),
        Column("pool_id", "string", "the scenario's pool"),
        Column("stage", "string", "where it was skipped or failed"),
        Column("error_type", "string", "class of the error"),
        Column("fitted_at", "timestamp", "UTC"),
        Column("n_samples", "bigint", "rows trained on"),
        Column("n_features", "int", "features of the final model"),
        Column("n_trials", "int", "trials over all candidates"),
        Column("fit_seconds", "double", "wall time of the fit"),
        Column("peak_memory_mb", "double", "peak of the fit's process"),
        Column("estimator", "string", "what predicts"),
        Column("hyperparameters", "string", "JSON"),
        Column("selection", "string", "JSON: selection method -> the features that it voted for"),
        Column("leaderboard", "string", "JSON"),
        Column("metrics", "map<string,double>", "holdout metrics, and the baseline's"),
        Column("kpis", "map<string,double>", "holdout KPIs, and the baseline's"),
        Column("model_bytes", "bigint", "size of the model"),
        Column("model_digest", "string", "SHA-256 of the model"),
    ),
    key=("run_id", "scenario_id"),
)

CHAMPIONS = Table(
    "champions",
    (
        Column("scenario_id", "string", "the scenario"),
        Column("fit_run_id", "string", "the run whose fit predicts from now on"),
        Column("since", "timestamp", "UTC; the latest row of a scenario wins, but for promotions after a pin"),
        Column("decision", "string", "first | promoted | pinned | unpinned | rolled_back"),
        Column("reason", "string", "why"),
        Column("by", "string", "who or what decided"),
    ),
    key=("scenario_id", "since"),
)
PINNED, UNPINNED, ROLLED_BACK = BY_HAND = ("pinned", "unpinned", "rolled_back")
"""Decisions of people. A promotion right after a pin does not count: it was under way when the pin was set."""


def interval_names(level: float) -> tuple[str, str]:
    """Names of an interval's columns: 0.8 gives ("lower_80", "upper_80"), 0.975 gives ("lower_97.5", ...)."""
    percent = f"{100 * level:.6g}"
    return f"lower_{percent}", f"upper_{percent}"


def predictions_table(
    key_types: dict[str, str],
    timestamp_type: str | None,
    *,
    sample_id_type: str,
    levels: Iterable[float],
    of_classes: bool = False,
) -> Table:
    """Contract of ``predictions``, whose key columns keep the types that they have in the user's table.

    Args:
        key_types: scenario keys and series keys with their Spark SQL types, in order.
        timestamp_type: Spark SQL type of the timestamp; None for tabular tasks, where the column is a null string.
        sample_id_type: Spark SQL type of the sample id.
        levels: nominal coverages; each adds a lower and an upper column.
        of_classes: whether the target is a class: then classes and probabilities stand in place of values.
    """
    predicted = CLASS_COLUMNS if of_classes else _value_columns(levels)
    columns = (
        Column("prediction_run_id", "string", "this run"),
        Column("origin", timestamp_type or "string", "last timestamp that the prediction knew of"),
        Column("sample_id", sample_id_type, "the row asked for"),
        Column("scenario_id", "string", "its scenario"),
        *(Column(name, kind, "key, with its own type") for name, kind in key_types.items()),
        Column("timestamp", timestamp_type or "string", "the period"),
        Column("step", "int", "periods after the origin"),
        *predicted,
        Column("rung", "string", "champion | pooled | baseline"),
        Column("reason", "string", "why this rung; null on the champion's"),
        Column("fit_run_id", "string", "the run whose fit predicted; null on the baseline's"),
    )
    return Table("predictions", columns, key=("prediction_run_id", "sample_id"))


CLASS_COLUMNS = (
    Column("predicted_class", "string", "the class decided for, as text; null if no class is known at all"),
    Column("probabilities", "map<string,double>", "class -> probability; they sum to one"),
    Column("baseline_class", "string", "what the baseline would have said"),
    Column("baseline_probabilities", "map<string,double>", "likewise"),
)
"""What a prediction says of a class."""


def _value_columns(levels: Iterable[float]) -> tuple[Column, ...]:
    """Return what a prediction says of a number."""
    bounds = [Column(name, "double", "bound of an interval") for level in levels for name in interval_names(level)]
    return (
        Column("predicted_value", "double", "the point forecast"),
        *bounds,
        Column("baseline_value", "double", "what the baseline would have said"),
    )


def evaluation_table(metrics: Iterable[str], kpis: Iterable[str], levels: Iterable[float]) -> Table:
    """Contract of ``evaluation``: one row per scenario, what its predictions were worth once the actuals came.

    Args:
        metrics: names of the metrics; each adds a column, and one with the prefix ``baseline_``.
        kpis: names of the KPIs, likewise.
        levels: nominal coverages; each adds a column ``coverage_80``.
    """
    scored = [name for names in (metrics, kpis) for name in names]
    columns = (
        Column("scenario_id", "string", "the scenario"),
        Column("prediction_run_id", "string", "the run that predicted; null if nothing was predicted"),
        Column("rung", "string", "where most of its predictions came from: champion | pooled | baseline"),
        Column("n_predictions", "bigint", "rows predicted"),
        Column("n_actuals", "bigint", "predictions whose actual is known"),
        Column("n_missing", "bigint", "predictions whose actual is not known"),
        Column("n_extra", "bigint", "actuals after the origin that no prediction was asked for"),
        Column("n_doubled", "bigint", "actuals that are there more than once; an error unless 0"),
        Column("actual_sum", "double", "over the known actuals; of classes their number"),
        Column("abs_actual_sum", "double", "sum of their absolute values; of classes their number"),
        Column("predicted_sum", "double", "over the same rows; of classes their number"),
        Column("abs_error_sum", "double", "over the same rows; of classes the rows in a wrong one"),
        Column("baseline_abs_error_sum", "double", "over the same rows, likewise"),
        Column("forecast_value_added", "double", "the baseline's WAPE or error rate minus ours: positive is better"),
        *(Column(f"{prefix}{name}", "double", "on the actuals") for name in scored for prefix in ("", "baseline_")),
        *(Column(coverage_name(level), "double", "share of the actuals inside the interval") for level in levels),
    )
    return Table("evaluation", columns, key=("scenario_id",))


def coverage_name(level: float) -> str:
    """Name of a coverage column: 0.8 gives "coverage_80"."""
    return interval_names(level)[0].replace("lower", "coverage")
