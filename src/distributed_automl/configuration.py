"""Check a configuration as a whole: every block, every name, in one report, before anything starts."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError

from distributed_automl.errors import AutoMLError
from distributed_automl.parameters import (
    CLASSIFICATION_DEFAULTS,
    AutoML,
    Engineering,
    Pilots,
    Plan,
    Prediction,
    Problem,
    Reporting,
    Run,
    Tracking,
)

logger = logging.getLogger(__name__)

BLOCKS: dict[str, type[BaseModel]] = {
    "problem": Problem,
    "automl": AutoML,
    "plan": Plan,
    "pilots": Pilots,
    "run": Run,
    "prediction": Prediction,
    "tracking": Tracking,
    "engineering": Engineering,
    "reporting": Reporting,
}
"""Blocks of parameters.yml and what they may hold."""
PATTERN_CHARACTERS = "*?[]{}\\"
"""What Spark (paths to read) and Kedro (versions) take for patterns."""
RUN_ID = "run_id"
"""The one parameter beside the blocks: the identity of a run, where it is given."""
RUN_IDS = r"\d{8}T\d{6}Z-[A-Za-z0-9_-]+"
"""What it looks like: the latest run is the one whose id sorts last, and it names folders."""


class ConfigurationError(AutoMLError):
    """The parameters are wrong; the message lists every fault."""


def require_valid(parameters: Mapping[str, object], global_values: Mapping[str, object]) -> None:
    """Raise ConfigurationError unless every block is valid; warn of blocks that only the user's own nodes can read.

    Args:
        parameters: parameters.yml, merged over base, environment and command line.
        global_values: globals.yml, merged.
    """
    faults = list(faults_of(parameters, global_values))
    if faults:
        lines = "\n".join(f"  {number}. {fault}" for number, fault in enumerate(faults, start=1))
        raise ConfigurationError(f"the configuration has {len(faults)} fault{'s' * (len(faults) > 1)}:\n{lines}")
    others = sorted({*parameters} - {*BLOCKS, RUN_ID})
    if others:
        logger.warning("parameters that only nodes of your own can read: %s. Ours are %s", others, sorted(BLOCKS))


def faults_of(parameters: Mapping[str, object], global_values: Mapping[str, object]) -> Iterator[str]:
    """Yield every fault: where, what was found, what is allowed."""
    valid: dict[str, BaseModel] = {}
    for name, model in BLOCKS.items():
        if name not in parameters:
            yield f"`{name}`: the block is missing; write `{name}: {{}}` for the defaults"
            continue
        try:
            valid[name] = model.model_validate(parameters[name])
        except ValidationError as error:
            yield from (_fault(name, model, detail) for detail in error.errors())
    yield from _run_id_fault(parameters)
    yield from _unknown_blocks(parameters)
    yield from _name_faults(parameters)
    yield from _problem_name_fault(valid.get("problem"), global_values)
    yield from _data_root_fault(global_values)


def _fault(block: str, model: type[BaseModel], detail: Mapping[str, object]) -> str:
    """Return one of pydantic's complaints as a line."""
    location = detail["loc"]
    assert isinstance(location, tuple)
    where = ".".join(str(part) for part in (block, *location))
    if detail["type"] == "extra_forbidden":
        return f"`{where}`: there is no such parameter{_hint(str(location[-1]), _fields(model, location[:-1]))}"
    if detail["type"] == "missing":
        return f"`{where}`: is required"
    found = "" if isinstance(detail["input"], Mapping) else f"; found {detail['input']!r}"
    return f"`{where}`: {str(detail['msg']).removeprefix('Value error, ')}{found}"


def _fields(model: type[BaseModel], path: Iterable[object]) -> list[str]:
    """Return the names that are known at a place inside a block."""
    inside: object = model
    for part in path:
        field = inside.model_fields.get(str(part)) if _is_model(inside) else None  # type: ignore[attr-defined]
        inside = field.annotation if field else None
    return sorted(inside.model_fields) if _is_model(inside) else []  # type: ignore[attr-defined]


def _is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _hint(name: str, known: Iterable[str]) -> str:
    known = sorted(known)
    close = get_close_matches(name.casefold(), known, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; there are {', '.join(known)}" if known else ""


def _unknown_blocks(parameters: Mapping[str, object]) -> Iterator[str]:
    """Yield blocks that look misspelt; other blocks may belong to pipelines of the user's own."""
    for name in parameters:
        close = get_close_matches(name, BLOCKS, n=1, cutoff=0.75)
        if name not in BLOCKS and close:
            yield f"`{name}`: there is no such block; did you mean '{close[0]}'?"


def _run_id_fault(parameters: Mapping[str, object]) -> Iterator[str]:
    given = parameters.get(RUN_ID)
    if given is not None and not re.fullmatch(RUN_IDS, str(given)):
        yield (
            f"`{RUN_ID}`: expected the UTC time at which the run begins and a name without blanks, since runs are "
            f"ordered by it, as in 20260102T030000Z-nightly; found '{given}'. Leave it out, and one is made"
        )


def _problem_name_fault(problem: BaseModel | None, global_values: Mapping[str, object]) -> Iterator[str]:
    wanted = global_values.get("problem_name")
    if isinstance(problem, Problem) and wanted is not None and wanted != problem.name:
        yield f"`problem.name`: is '{problem.name}', but `problem_name` in globals.yml (the folders) is '{wanted}'"


def _data_root_fault(global_values: Mapping[str, object]) -> Iterator[str]:
    """Yield a root below which Spark, the driver's Python or Kedro's versions do not find what was saved."""
    root = str(global_values.get("data_root", ""))
    if root.startswith("dbfs:"):
        yield (
            f"`data_root` in globals.yml: is '{root}', which Spark knows and Python does not; write the same place as "
            "a path, /Volumes/... or /dbfs/..."
        )
    found = sorted({*root} & {*PATTERN_CHARACTERS})
    if found:
        yield (
            f"`data_root` in globals.yml: is '{root}', and Spark and Kedro take {' '.join(found)} in a path for a "
            f"pattern; choose a folder without any of {' '.join(PATTERN_CHARACTERS)}"
        )


# --- names of strategies ---------------------------------------------------------------------------------------------


def _candidates() -> Iterable[str]:
    from distributed_automl.scenario.estimators import CANDIDATES

    return CANDIDATES


def _selectors() -> Iterable[str]:
    from distributed_automl.scenario.selection import SELECTORS

    return SELECTORS


def _samplers() -> Iterable[str]:
    from distributed_automl.scenario.samplers import SAMPLERS

    return SAMPLERS


def _objectives() -> Iterable[str]:
    from distributed_automl.scenario.metrics import objective_names

    return objective_names()


NAMES: dict[str, tuple[str, Callable[[], Iterable[str]]]] = {
    "problem.objective": ("objective", _objectives),
    "automl.candidates": ("candidate", _candidates),
    "automl.selection.methods": ("selection method", _selectors),
    "automl.tuning.sampler": ("sampler", _samplers),
}
"""Parameters that name strategies: what they name, and where the names are."""


def _name_faults(parameters: Mapping[str, object]) -> Iterator[str]:
    """Yield names that no strategy has, also from blocks that have other faults.

    Tables of strategies import whole libraries, so only a name that differs from the defaults is looked up.
    """
    for path, (what, names) in NAMES.items():
        given = set(_values(parameters, path)) - _default_names(path)
        known = set(names()) if given else set()
        yield from (f"`{path}`: there is no {what} '{name}'{_hint(name, known)}" for name in sorted(given - known))
    yield from _objective_fault(parameters)
    yield from _candidates_fault(parameters)
    yield from _frequency_fault(parameters)


def _values(parameters: Mapping[str, object], path: str) -> tuple[str, ...]:
    """Return the names that a parameter holds; none if it is not there, or holds something else."""
    value: object = parameters
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)
    several = value if isinstance(value, list | tuple) else [value]
    return tuple(name for name in several if isinstance(name, str))


def _default_names(path: str) -> set[str]:
    problem = Problem(task="regression", scenario_keys=("k",), target="t", sample_id="i")
    return set(_values({"automl": AutoML(), "problem": problem}, path))


def _objective_fault(parameters: Mapping[str, object]) -> Iterator[str]:
    """Yield an objective that is known, but means nothing for the task."""
    task = _task(parameters)
    usual = CLASSIFICATION_DEFAULTS if task == "classification" else {}
    default = usual.get("objective", Problem.model_fields["objective"].default)
    for name in set(_values(parameters, "problem.objective")) - {default}:
        from distributed_automl.scenario.metrics import objective_names

        suiting = objective_names(task)
        if suiting and name in objective_names() and name not in suiting:
            yield f"`problem.objective`: '{name}' does not suit the task '{task}'; there are {', '.join(suiting)}"


def _candidates_fault(parameters: Mapping[str, object]) -> Iterator[str]:
    """Yield candidates that are known, but none of them for the task: only the baseline would be left."""
    given = _values(parameters, "automl.candidates")
    if not given:
        return
    from distributed_automl.scenario.estimators import CANDIDATES

    known = [CANDIDATES[name] for name in given if name in CANDIDATES]
    task = _task(parameters)
    if known and not any(task in candidate.tasks for candidate in known):
        suiting = ", ".join(name for name, candidate in CANDIDATES.items() if task in candidate.tasks)
        yield f"`automl.candidates`: none of {list(given)} suits the task '{task}'; there are {suiting}"


def _task(parameters: Mapping[str, object]) -> str:
    return next(iter(_values(parameters, "problem.task")), str(Problem.model_fields["task"].default))


def _frequency_fault(parameters: Mapping[str, object]) -> Iterator[str]:
    from distributed_automl.scenario.calendar import offset_of

    for frequency in _values(parameters, "problem.frequency"):
        try:
            offset_of(frequency)
        except ValueError as error:
            yield f"`problem.frequency`: {str(error).removeprefix('`frequency` ')}"
