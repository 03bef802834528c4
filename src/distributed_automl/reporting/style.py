"""One look for everything that people see: a font stack, a colour-blind-safe palette, a plotly template."""

import plotly.graph_objects as go

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
INK = "#1c2127"
MUTED = "#5c6570"
RULE = "#e3e6ea"
OURS = "#0072b2"
"""Blue of Okabe and Ito (2008): what the program predicts, and what is better."""
WORSE = "#d55e00"
"""Vermilion of Okabe and Ito: what is worse."""
BASELINE = "#8b939c"
ACTUAL = INK


def _axis() -> dict[str, object]:
    return {
        "gridcolor": RULE,
        "linecolor": RULE,
        "zeroline": False,
        "ticks": "",
        "automargin": True,
        "title": {"font": {"size": 13, "color": MUTED}, "standoff": 10},
        "tickfont": {"size": 12, "color": MUTED},
    }


def template() -> go.layout.Template:
    """Return the layout that every figure starts from."""
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 13, "color": INK},
            "title": {"font": {"size": 16}, "x": 0, "xanchor": "left", "xref": "paper"},
            "paper_bgcolor": "#ffffff",
            "plot_bgcolor": "#ffffff",
            "colorway": [OURS, WORSE, BASELINE],
            "margin": {"l": 10, "r": 16, "t": 56, "b": 10},
            "hoverlabel": {"bgcolor": "#ffffff", "bordercolor": RULE, "font": {"family": FONT, "color": INK}},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
            "xaxis": _axis(),
            "yaxis": _axis(),
        }
    )
