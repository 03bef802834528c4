"""The report: one HTML page that opens offline, for the manager who asks what it is worth and the engineer."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd
import plotly.graph_objects as go
import plotly.io
from plotly.offline import get_plotlyjs

from distributed_automl.parameters import Problem, Reporting
from distributed_automl.reporting.formats import (
    UNKNOWN,
    duration,
    money,
    number,
    percent,
    plural,
    signed,
)
from distributed_automl.reporting.page_style import CSS
from distributed_automl.reporting.summary import Figures

PLOT_OPTIONS = {"displayModeBar": False, "responsive": True}
N_EXTREMES = 8
"""Scenarios in each of the tables of best and worst."""


@dataclass(frozen=True)
class Content:
    """What the page is made of.

    Attributes:
        run_id: the run that planned and fitted.
        figures: the fleet's figures.
        scenarios: as `list_scenarios` returns them.
        candidates: as `rank_candidates` returns them.
        reasons: as `group_reasons` returns them.
        by_period: the fleet's sums over time; empty in tabular tasks.
        plots: "forecast", "accuracy" and "cost".
    """

    run_id: str
    figures: Figures
    scenarios: pd.DataFrame
    candidates: pd.DataFrame
    reasons: pd.DataFrame
    by_period: pd.DataFrame
    plots: Mapping[str, go.Figure]


def write_page(content: Content, problem: Problem, reporting: Reporting) -> str:
    """Return the whole page: self-contained, plotly's code inlined once."""
    sections = [
        _header(content, problem),
        _verdict(content.figures, problem),
        _tiles(content.figures, problem, reporting),
        _forecast(content, problem),
        _accuracy(content),
        _extremes(content.scenarios, problem),
        _candidates(content),
        _without_model(content),
        _cost(content),
        _glossary(problem),
    ]
    return page_of(f"{problem.name}: forecast report", "".join(sections))


def page_of(title: str, body: str) -> str:
    """Wrap a body into a complete page with style and plotly's code."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{CSS}</style><script>{get_plotlyjs()}</script></head><body><main>{body}</main></body></html>"
    )


def plots_page(title: str, plots: Mapping[str, go.Figure]) -> str:
    """Return a page of plots alone, each with its title."""
    return page_of(title, "".join(f"<section>{_plot(plot, keep_title=True)}</section>" for plot in plots.values()))


def _plot(plot: go.Figure, *, keep_title: bool = False) -> str:
    shown = go.Figure(plot)
    label = escape(str(shown.layout.title.text or ""), quote=True)
    if not keep_title:
        shown.update_layout(title=None, margin={"t": 34})
    html = plotly.io.to_html(
        shown, include_plotlyjs=False, full_html=False, config=PLOT_OPTIONS, default_height=f"{shown.layout.height}px"
    )
    return f'<div class="plot" role="img" aria-label="{label}">{html}</div>'


def _section(heading: str, *parts: str) -> str:
    return f"<section><h2>{escape(heading)}</h2>{''.join(parts)}</section>"


def _text(words: str) -> str:
    """Return a paragraph. The words may hold markup: escape what comes from data."""
    return f"<p>{words}</p>"


def _header(content: Content, problem: Problem) -> str:
    period = judged_period(content.by_period)
    where = f" · {period[0]} to {period[1]}" if period else ""
    keys = ", ".join(problem.scenario_keys)
    return (
        f"<header><h1>{escape(problem.name.replace('_', ' ').capitalize())}</h1>"
        f"<p>One model per {escape(keys)}, predicting {escape(problem.target)}{escape(where)}"
        f'<span class="run">run {escape(content.run_id)}</span></p></header>'
    )


def judged_period(by_period: pd.DataFrame) -> tuple[str, str] | None:
    """Return the first and the last period of the horizon, as text; None without any."""
    horizon = by_period.loc[by_period["part"] == "horizon", "timestamp"]
    return (day(horizon.min()), day(horizon.max())) if len(horizon) else None


def day(value: object) -> str:
    """Write a timestamp: a day without its midnight, an integer as it is."""
    text = str(value)
    return text.removesuffix(" 00:00:00")


def _verdict(figures: Figures, problem: Problem) -> str:
    return f'<p class="verdict">{escape(verdict(figures, problem))}</p>'


def verdict(figures: Figures, problem: Problem) -> str:
    """Say in one sentence what the models are worth."""
    ours, baseline = figures.judged("wape"), figures.judged("baseline_wape")
    if percent(ours) == UNKNOWN:
        return "No scenario has been judged: there is neither a model with a holdout nor a prediction with an actual."
    change = figures.judged("error_reduction")
    direction = f"{percent(abs(change), 0)} {'less' if change >= 0 else 'more'} error than"
    compared = "as much error as" if percent(abs(change), 0) == "0%" else direction
    measure = f"{_error_of(percent(ours), problem)}, against {percent(baseline)}"
    return f"The models make {compared} the baseline: {measure}{_judged_where(figures)}."


def _error_of(share: str, problem: Problem) -> str:
    if problem.is_classification:
        return f"{share} of the rows in a wrong class of {problem.target}"
    return f"an error of {share} of {problem.target}"


def _error_name(problem: Problem) -> str:
    return "Error rate" if problem.is_classification else "WAPE"


def _judged_where(figures: Figures) -> str:
    if figures.judged_on == "evaluation":
        return ", on what came true"
    return ", on the last part of the history, which no model had seen. Nothing has been judged on new actuals yet"


def _tiles(figures: Figures, problem: Problem, reporting: Reporting) -> str:
    tiles = [
        _tile(f"Forecast error ({_error_name(problem)})", percent(figures.judged("wape")), _against(figures)),
        _tile("Beat the baseline", percent(figures.judged("share_better"), 0), _better(figures)),
        _tile("Saved", *_saved(figures, reporting)),
        *([_tile("Interval coverage", *_coverage(figures))] if figures.coverages() else []),
        _tile("Scenarios modelled", f"{_n_models(figures):,}", _statuses(figures)),
    ]
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _tile(label: str, value: str, detail: str) -> str:
    parts = f'<div class="label">{label}</div><div class="value">{escape(value)}</div><div>{escape(detail)}</div>'
    return f'<div class="tile">{parts}</div>'


def _against(figures: Figures) -> str:
    return f"baseline {percent(figures.judged('baseline_wape'))}"


def _better(figures: Figures) -> str:
    better, worse = (round(_or_zero(figures.judged(name))) for name in ("n_better", "n_worse"))
    equal = round(_or_zero(figures.judged("n_scenarios_judged"))) - better - worse
    return f"{better:,} better, {equal:,} equal, {worse:,} worse"


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _saved(figures: Figures, reporting: Reporting) -> tuple[str, str]:
    if not figures.judged("n_scenarios_judged"):
        return UNKNOWN, ""
    saved = figures.judged("money_saved")
    cost = figures[f"{figures.judged_on}.total_cost"]
    detail = "in margin lost and units held over"
    return money(saved, reporting.currency), f"of {number(cost + saved)} {detail}" if math.isfinite(cost) else detail


def _coverage(figures: Figures) -> tuple[str, str]:
    found = figures.coverages()
    (level, share), *others = found.items()
    rest = ", ".join(f"{name}% holds {percent(value)}" for name, value in others)
    return percent(share), f"of actuals in the {level}% interval" + (f"; {rest}" if rest else "")


def _n_models(figures: Figures) -> int:
    return figures.count("training.n_fitted") + figures.count("training.n_reused")


def _statuses(figures: Figures) -> str:
    statuses = ("fitted", "reused", "skipped", "failed")
    return ", ".join(f"{figures.count(f'training.n_{status}'):,} {status}" for status in statuses)


def _forecast(content: Content, problem: Problem) -> str:
    if content.by_period.empty:
        return ""
    words = (
        f"All scenarios together, in {escape(problem.target)} per period. Left of the origin is what the models could "
        "know; right of it, the forecast and the baseline beside what then happened."
    )
    return _section("The whole fleet over time", _text(words), _plot(content.plots["forecast"]), _missing(content))


def _missing(content: Content) -> str:
    missing, extra = (content.figures.count(f"evaluation.{name}") for name in ("n_missing", "n_extra"))
    asked, known = (content.figures.count(f"evaluation.{name}") for name in ("n_predictions", "n_actuals"))
    text = f"{asked:,} predictions, {known:,} with a known actual."
    text += f" {missing:,} still miss theirs and are left out." if missing else ""
    text += f" {extra:,} actuals belong to no prediction." if extra else ""
    return f'<p class="note">{text}</p>'


def _accuracy(content: Content) -> str:
    if content.scenarios["wape"].count() < 2:
        return ""
    words = (
        "One dot is one scenario, the larger the more it sells. Below the dotted diagonal the model errs less than the "
        "baseline, above it more."
    )
    return _section("Each scenario against the baseline", _text(words), _plot(content.plots["accuracy"]))


def _extremes(scenarios: pd.DataFrame, problem: Problem) -> str:
    judged = scenarios[scenarios["errors_avoided"].notna()]
    best = judged[judged["errors_avoided"] > 0].head(N_EXTREMES)
    worst = judged[judged["errors_avoided"] < 0].iloc[::-1].head(N_EXTREMES)
    if judged.empty:
        return ""
    words = f"Ranked by {escape(problem.target)} of error that the model avoids, or adds, compared with the baseline."
    name = _error_name(problem)
    tables = [_extreme("Where it helps most", best, name), _extreme("Where the baseline was better", worst, name)]
    return _section("Best and worst scenarios", _text(words), f'<div class="pair">{"".join(tables)}</div>')


def _extreme(heading: str, rows: pd.DataFrame, error_name: str) -> str:
    columns = [
        Col("scenario_id", "Scenario", str, is_text=True),
        Col("estimator", "Model", _name, is_text=True),
        Col("wape", error_name, percent),
        Col("baseline_wape", "Baseline", percent),
        Col("errors_avoided", "Error avoided", signed),
    ]
    return f"<div><h3>{heading}</h3>{table_of(rows, columns)}</div>"


def _name(value: object) -> str:
    return UNKNOWN if pd.isna(value) else str(value).replace("_", " ")  # type: ignore[call-overload]


def _candidates(content: Content) -> str:
    columns = [
        Col("candidate", "Candidate", _name, is_text=True),
        Col("share", "Share of models", percent, is_bar=True),
        Col("n_alone", "Ships alone", number),
        Col("n_in_ensembles", "In ensembles", number),
        Col("n_first", "Best on the folds", number),
        Col("n_trials", "Trials", number),
        Col("seconds", "Search time", duration),
    ]
    words = (
        "Every candidate competes in every scenario; the best one, or a weighted mix, ships. Where none beats the "
        "baseline on the validation folds, the baseline itself ships."
    )
    if content.candidates.empty:
        return ""
    return _section("Which candidate won", _text(words), table_of(content.candidates, columns))


def _without_model(content: Content) -> str:
    if content.reasons.empty:
        return _section("Scenarios without a model", _text("None: every planned scenario has one."))
    columns = [
        Col("n_scenarios", "Scenarios", number),
        Col("status", "Status", str, is_text=True),
        Col("stage", "Stage", _name, is_text=True),
        Col("example", "Reason (of one of them)", str, is_text=True),
        Col("scenarios", "Which", str, is_text=True, is_long=True),
    ]
    words = "They are predicted all the same: by the pooled model of similar scenarios, else by the baseline."
    return _section("Scenarios without a model", _text(words), table_of(content.reasons, columns))


def _cost(content: Content) -> str:
    figures = content.figures
    if not figures.count("training.n_fitted"):
        return _section("Cost of training", _text("Nothing was fitted in this run: every model was reused."))
    words = (
        f"{duration(figures['training.fit_seconds'])} of one core for "
        f"{plural(figures.count('training.n_fitted'), 'fit')} and {figures.count('training.n_trials'):,} trials; a "
        f"middling fit takes {duration(figures['training.fit_seconds_median'])}. All models together: "
        f"{number(figures['training.model_mb'])} MB."
    )
    fitted = content.scenarios[content.scenarios["status"] == "fitted"].sort_values("fit_seconds", ascending=False)
    columns = [
        Col("scenario_id", "Costliest scenarios", str, is_text=True),
        Col("n_samples", "Samples", number),
        Col("fit_seconds", "Fit time", duration),
    ]
    return _section("Cost of training", _text(words), _plot(content.plots["cost"]), table_of(fitted.head(5), columns))


def _glossary(problem: Problem) -> str:
    errors = {
        "WAPE": "sum of absolute errors divided by the sum of actuals: 30% means that 30 of 100 "
        f"{problem.target} stood in the wrong place.",
        "Error rate": "share of the rows whose predicted class is not the one that came true.",
    }
    name = _error_name(problem)
    words = {
        name: errors[name],
        "Baseline": "the simplest forecast that anyone could make by hand: the last known value of the same season "
        "(tabular tasks: the mean; of classes, how frequent each is). A model has to beat it.",
        "Holdout": "the last part of the history, kept away from every choice, on which each model is scored once.",
        "Interval coverage": "how many actuals fell inside the interval that was to hold that share of them.",
        "Saved": "cost of the baseline's errors minus cost of the models' errors, priced by the cost parameters.",
        "Reused": "nothing that the model depends on has changed since it was fitted, so it was not fitted again.",
        "Skipped": "too little or unusable data for a model of its own; not an error.",
        "Failed": "the fit ended in an error, or was stopped by its limits.",
    }
    entries = "".join(f"<dt>{escape(word)}</dt><dd>{escape(meaning)}</dd>" for word, meaning in words.items())
    return f"<section><details><summary>How to read this</summary><dl>{entries}</dl></details></section>"


@dataclass(frozen=True)
class Col:
    """One column of a table on the page: where it comes from, its heading, and how a value is written."""

    name: str
    heading: str
    write: Callable[..., str]
    is_text: bool = False
    is_long: bool = False
    is_bar: bool = False

    @property
    def css(self) -> str:
        return "long" if self.is_long else "text" if self.is_text else "bar" if self.is_bar else "number"


def table_of(rows: pd.DataFrame, columns: Sequence[Col]) -> str:
    """Return an HTML table; numbers are right-aligned, everything from data is escaped."""
    if rows.empty:
        return '<p class="note">None.</p>'
    head = "".join(f'<th class="{column.css}" scope="col">{escape(column.heading)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(_cells(record, columns))}</tr>" for record in rows.to_dict("records"))
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cells(record: Mapping[object, object], columns: Sequence[Col]) -> Iterable[str]:
    for column in columns:
        value = record[column.name]
        text = UNKNOWN if pd.isna(value) else column.write(value)  # type: ignore[call-overload]
        bar = f' style="--share:{float(str(value)):.4f}"' if column.is_bar else ""
        yield f'<td class="{column.css}"><div{bar}>{escape(text)}</div></td>'
