"""The plots: pure functions from small pandas tables to plotly figures. Each also works with nothing to show."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from distributed_automl.parameters import Problem
from distributed_automl.reporting.style import ACTUAL, BASELINE, MUTED, OURS, WORSE, template

MAX_DOTS = 2_000
"""Scenarios that are drawn each by itself, those with the largest actuals: a browser stands about as many."""
N_BINS = 30
"""Of the seconds of fits: the page of a large fleet holds these, not every fit."""
LEAST_SECONDS = 0.01
"""Where their axis ends at least."""
LARGEST_MARKER = 26.0
"""Diameter in pixels of the scenario with the largest actuals."""
ERROR_RANGE = (0.01, 10.0)
"""Errors beyond are drawn at the edge; a label still tells their value."""
ERROR_TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]


def _figure(title: str, height: int = 380) -> go.Figure:
    return go.Figure(layout={"template": template(), "title": {"text": title}, "height": height})


def _empty(title: str, why: str) -> go.Figure:
    figure = _figure(title, height=160)
    figure.add_annotation(text=why, showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper", font={"color": MUTED})
    return figure.update_xaxes(visible=False).update_yaxes(visible=False)


def draw_fleet_forecast(by_period: pd.DataFrame, problem: Problem) -> go.Figure:
    """Draw the fleet's total: recent history, then forecast and baseline beside what came true."""
    title = f"{problem.target}: fleet total by period"
    horizon = by_period[by_period["part"] == "horizon"]
    if horizon.empty:
        return _empty(title, "Nothing was predicted over time.")
    figure = _figure(title, height=400)
    figure.add_trace(_line(by_period, "actual", "Actual", color=ACTUAL, width=1.6))
    figure.add_trace(_line(horizon, "baseline", "Baseline", color=BASELINE, width=1.6, dash="dot"))
    figure.add_trace(_line(horizon, "predicted", "Forecast", color=OURS, width=2.6))
    history = by_period.loc[by_period["part"] == "history", "timestamp"]
    if len(history):
        figure.add_vline(x=_plain(history.max()), line={"color": MUTED, "width": 1, "dash": "dash"})
        figure.add_annotation(
            x=_plain(history.max()), y=1, yref="paper", text="origin", showarrow=False, xanchor="right", xshift=-5,
            yanchor="top", font={"color": MUTED, "size": 12},
        )  # fmt: skip
    return figure.update_layout(hovermode="x unified").update_yaxes(rangemode="tozero", separatethousands=True)


def _line(table: pd.DataFrame, column: str, name: str, **line: object) -> go.Scatter:
    known = table[table[column].notna()]
    x = [_plain(value) for value in known["timestamp"]]
    values = known[column].astype(float).tolist()
    return go.Scatter(x=x, y=values, name=name, mode="lines", line=line, hovertemplate="%{y:,.0f}")


def _plain(value: object) -> object:
    """Return a timestamp as plotly and JSON know it: an ISO text, or a number."""
    return int(value) if isinstance(value, int | np.integer) else pd.Timestamp(str(value)).isoformat()


def draw_accuracy(scenarios: pd.DataFrame) -> go.Figure:
    """Draw each judged scenario's error against its baseline's: below the diagonal, the model is better."""
    title = "Error of each scenario against the baseline"
    judged = scenarios[scenarios["wape"].notna() & scenarios["baseline_wape"].notna()]
    if judged.empty:
        return _empty(title, "No scenario has been judged yet.")
    if len(judged) > MAX_DOTS:
        title = f"{title}: the {MAX_DOTS:,} largest of {len(judged):,}"
        judged = judged.nlargest(MAX_DOTS, "actual_sum")
    figure = _figure(title, height=480)
    figure.add_trace(_diagonal())
    change = np.sign(judged["baseline_abs_error"] - judged["abs_error"])
    for sign, name, color in ((1, "better", OURS), (0, "equal", BASELINE), (-1, "worse", WORSE)):
        group = judged[change == sign]
        if len(group):
            figure.add_trace(_dots(group, f"{name} ({len(group)})", color, judged["actual_sum"].abs().max()))
    axis = _error_axis(judged)
    figure.update_xaxes(title_text="Error of the baseline (logarithmic)", **axis)
    return figure.update_yaxes(title_text="Error of the model (logarithmic)", **axis)


def _error_axis(judged: pd.DataFrame) -> dict[str, object]:
    """Return a logarithmic axis round all errors: large and small scenarios differ by orders of magnitude."""
    errors = judged[["wape", "baseline_wape"]].to_numpy(dtype=float).clip(*ERROR_RANGE)
    ends = [float(np.log10(errors.min() / 1.15)), float(np.log10(errors.max() * 1.15))]
    return {"type": "log", "range": ends, "tickvals": ERROR_TICKS, "ticktext": [f"{tick:.0%}" for tick in ERROR_TICKS]}


def _diagonal() -> go.Scatter:
    ends = [ERROR_RANGE[0] / 10, ERROR_RANGE[1] * 10]
    line = {"color": BASELINE, "width": 1, "dash": "dot"}
    return go.Scatter(x=ends, y=ends, mode="lines", line=line, hoverinfo="skip", showlegend=False)


def _dots(group: pd.DataFrame, name: str, color: str, largest: float) -> go.Scatter:
    relative = np.sqrt(group["actual_sum"].abs().fillna(0.0) / (largest if largest > 0 else 1.0))
    size = (5.0 + (LARGEST_MARKER - 5.0) * relative).tolist()
    return go.Scatter(
        x=group["baseline_wape"].clip(*ERROR_RANGE).tolist(),
        y=group["wape"].clip(*ERROR_RANGE).tolist(),
        customdata=group[["baseline_wape", "wape"]].to_numpy(dtype=float).tolist(),
        text=group["scenario_id"].map(escape_label).tolist(),
        name=name,
        mode="markers",
        marker={"color": color, "size": size, "opacity": 0.6, "line": {"width": 0.8, "color": "#ffffff"}},
        hovertemplate="<b>%{text}</b><br>model %{customdata[1]:.1%} · baseline %{customdata[0]:.1%}<extra></extra>",
    )


def escape_label(text: object) -> str:
    """Keep plotly from reading a name as markup."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def draw_candidates(candidates: pd.DataFrame) -> go.Figure:
    """Draw each candidate's share of the models that predict."""
    title = "What predicts: share of the models by candidate"
    if candidates.empty:
        return _empty(title, "No scenario has a model.")
    rows = candidates[candidates["share"] > 0].iloc[::-1]
    figure = _figure(title, height=110 + 34 * len(rows))
    figure.add_trace(
        go.Bar(
            x=rows["share"].tolist(),
            y=rows["candidate"].map(escape_label).tolist(),
            orientation="h",
            marker={"color": OURS},
            text=[f"{share:.0%}" for share in rows["share"]],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.1%}<extra></extra>",
        )
    )
    return figure.update_xaxes(visible=False).update_layout(bargap=0.35)


def draw_training_cost(scores: pd.DataFrame) -> go.Figure:
    """Draw how the seconds of the fits of this run are distributed."""
    title = "Seconds of a fit"
    seconds = scores.loc[scores["status"] == "fitted", "fit_seconds"].dropna().astype(float)
    if seconds.empty:
        return _empty(title, "Nothing was fitted in this run.")
    figure = _figure(title, height=260)
    counts, edges = np.histogram(seconds, N_BINS, range=(0.0, max(float(seconds.max()), LEAST_SECONDS)))
    figure.add_trace(
        go.Bar(
            x=((edges[:-1] + edges[1:]) / 2).tolist(),
            y=counts.tolist(),
            width=np.diff(edges).tolist(),
            customdata=np.column_stack([edges[:-1], edges[1:]]).tolist(),
            marker={"color": OURS, "line": {"color": "#ffffff", "width": 1}},
            hovertemplate="%{customdata[0]:.3g} to %{customdata[1]:.3g} s: %{y} scenarios<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="seconds", rangemode="tozero", showgrid=False)
    return figure.update_yaxes(title_text="scenarios")
