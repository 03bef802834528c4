"""What a person is told of an error: one message, where one says what is wrong and how to mend it."""

from collections.abc import Callable

from kedro.config import BadConfigException, MissingConfigException
from kedro.framework.project import pipelines
from kedro.io.core import DatasetError
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from distributed_automl.datasets.folders import complaint_of
from distributed_automl.errors import AutoMLError, causes

RAISED_IN_QUERY = "USER_RAISED_EXCEPTION"
"""Spark's name for what `raise_error` raises."""
NO_TABLE = "PATH_NOT_FOUND"
"""Spark's name for a table that is not there."""
OF_DATA = ("CAST_INVALID_INPUT", "CAST_OVERFLOW", "FAILED_READ_FILE", "NUMERIC_VALUE_OUT_OF_RANGE")
"""Spark's names for what is wrong with the data rather than with the query."""
WHILE_LOADING = "Failed while loading"
"""How Kedro says that it was a load that failed, and not a save."""
NO_VERSION = "Did not find any versions"
"""How Kedro says that a versioned table was never saved."""
ASKED = ("kedro.framework.session", "kedro.pipeline")
"""Modules that raise ValueError where a command asks for a pipeline, a node or an entry that there is not."""


def message_of(error: BaseException) -> str | None:
    """Return what a person needs to know of an error; None if only its frames tell, as of a bug."""
    return next(filter(None, (tell(one) for tell in TELLERS for one in causes(error))), None)


def _ours(error: BaseException) -> str | None:
    """Tell what we raised."""
    return str(error) if isinstance(error, AutoMLError) else None


def _a_guard_s(error: BaseException) -> str | None:
    """Tell what a guard inside a query raised."""
    return _parameter_of(error, RAISED_IN_QUERY, "errorMessage")


def _missing_table(error: BaseException) -> str | None:
    """Tell which entry of the catalog has no table where it looks for it."""
    if not isinstance(error, DatasetError) or not any(WHILE_LOADING in str(one) for one in causes(error)):
        return None
    path = next(filter(None, map(_path_missed_by, causes(error))), None)
    return path and (
        f"expected a table at {path}, for the catalog's entry '{_entry_of(error)}', found none: run the pipeline that "
        "saves it first, or mend the entry's filepath in conf/<environment>/catalog.yml (or `data_root` in globals.yml)"
    )


def _unreadable_table(error: BaseException) -> str | None:
    """Tell what Spark has against a table: no parquet, two columns whose names differ in their case alone."""
    if not isinstance(error, DatasetError) or WHILE_LOADING not in str(error):
        return None
    said = next(filter(None, map(_said_by_spark, causes(error))), None)
    return said and f"the catalog's entry '{_entry_of(error)}' cannot be read: {said}"


def _unfit_value(error: BaseException) -> str | None:
    """Tell of a value that is not what its column should hold, and of a file that cannot be read to its end."""
    said = _said_by_spark(error)
    return said if said and said.startswith(tuple(f"[{condition}" for condition in OF_DATA)) else None


def _entry_of(error: BaseException) -> str:
    """Return the name of the catalog's entry that an error of Kedro's about one begins with."""
    return str(error).split(":", 1)[0]


def _said_by_spark(error: BaseException) -> str | None:
    """Return the line in which Spark says what it has against a query, if it has a name for that."""
    from pyspark.errors import PySparkException

    is_named = isinstance(error, PySparkException) and error.getCondition() is not None
    return str(error).strip().split("\n", 1)[0] if is_named else None


def _path_missed_by(error: BaseException) -> str | None:
    if isinstance(error, FileNotFoundError):
        return str(error.filename or error)
    return _parameter_of(error, NO_TABLE, "path")


def _datasets(error: BaseException) -> str | None:
    """Tell what a dataset, or the file system below it, says by itself."""
    if not isinstance(error, DatasetError):
        return None
    root = [*causes(error)][-1]
    hint = ": run the pipeline that saves it first" if str(root).startswith(NO_VERSION) else ""
    return f"{error}{hint}" if isinstance(root, DatasetError | OSError) else None


def _closed_store(error: BaseException) -> str | None:
    """Tell which entry of the catalog lies in a store that is full or closed, as Spark found out."""
    said = complaint_of(error) if isinstance(error, DatasetError) else None
    return said and (
        f"the catalog's entry '{_entry_of(error)}' could not be saved or read: {said}. Make room, or let this user in "
        "(or it is Spark's own disk that is full: spark.local.dir), and start the same command again"
    )


def _configuration_s(error: BaseException) -> str | None:
    """Tell what is wrong with a file of the configuration."""
    if isinstance(error, YAMLError):
        return "\n".join(str(one) for one in causes(error))
    wrong = (OmegaConfBaseException, BadConfigException, MissingConfigException)
    return f"the configuration cannot be read: {error}" if isinstance(error, wrong) else None


def _asked_for(error: BaseException) -> str | None:
    """Tell that what a command asks for is not there."""
    if not isinstance(error, ValueError) or not _module_of(error).startswith(ASKED):
        return None
    hint = f"There are the pipelines {', '.join(sorted(pipelines))}" if "pipeline named" in str(error) else ""
    return f"{str(error).strip()} {hint}".strip()


TELLERS: tuple[Callable[[BaseException], str | None], ...] = (
    _ours,
    _a_guard_s,
    _missing_table,
    _unreadable_table,
    _unfit_value,
    _datasets,
    _closed_store,
    _configuration_s,
    _asked_for,
)
"""Who tells of an error, the most telling first."""


def _parameter_of(error: BaseException, condition: str, name: str) -> str | None:
    """Return a parameter of an error of Spark's; None if it is another error."""
    from pyspark.errors import PySparkException

    is_it = isinstance(error, PySparkException) and error.getCondition() == condition
    return (error.getMessageParameters() or {}).get(name) if is_it else None  # type: ignore[attr-defined]


def _module_of(error: BaseException) -> str:
    """Return the module that raised an error."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return str(frame.tb_frame.f_globals.get("__name__", "")) if frame else ""
