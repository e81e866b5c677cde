"""Figures of the Explore page. They draw tables; they do not compute."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.schema import BY_COLUMN
from core.wording import SIGNS, whole_percent, with_sign
from pages.figures.style import ACCENT, DIVERGING, NEUTRAL, ROW, apply_style, colours_of, ink, symbols_of

NO_GROUP = "no group"


def group_balance(table: pd.DataFrame, *, title: str = "Rows of each emotion") -> go.Figure:
    """Draw the number of rows of each group; table : columns group, rows, share."""
    colours = colours_of(table["group"].tolist())
    table = table.iloc[::-1]
    figure = go.Figure(
        go.Bar(
            x=table["rows"],
            y=[with_sign(e) for e in table["group"]],
            orientation="h",
            marker_color=[colours[e] for e in table["group"]],
            text=[
                f"{n} ({whole_percent(s)})" if s == s else f"{n}"
                for n, s in zip(table["rows"], table["share"], strict=True)
            ],
            textposition="auto",
            insidetextfont_color=[ink(colours[e]) for e in table["group"]],
            hovertemplate="%{y}: %{x} rows<extra></extra>",
        )
    )
    height = 136 + ROW * len(table)
    return apply_style(figure, title=title, height=height).update_xaxes(title="rows").update_yaxes(type="category")


def effects(tests: pd.DataFrame, *, name: str, alpha: float = 0.05) -> go.Figure:
    """Draw the effect size of each feature, the largest on top; pale if the corrected p is not below alpha.

    Parameters
    ----------
    tests
        Columns feature, effect, by_chance, p_corrected, highest and lowest (groups of rows).
    name
        Name of the test and its effect size.
    alpha
        Significance level.
    """
    tests = tests.dropna(subset=["effect"]).iloc[::-1]
    figure = go.Figure(
        go.Bar(
            x=tests["effect"],
            y=[f"{f} {SIGNS.get(h, '')}" for f, h in zip(tests["feature"], tests["highest"], strict=True)],
            orientation="h",
            marker={
                "color": ACCENT,
                "opacity": [1.0 if p < alpha else 0.35 for p in tests["p_corrected"]],
            },
            customdata=tests[["feature", "p_corrected", "highest", "lowest"]].to_numpy(),
            hovertemplate="%{customdata[0]}: %{x:.3f}, corrected p %{customdata[1]:.2g}<br>"
            "highest in %{customdata[2]}, lowest in %{customdata[3]}<extra></extra>",
        )
    )
    chance = float(tests["by_chance"].median())
    figure.add_vline(x=chance, line_dash="dot", line_color=NEUTRAL)
    return (
        apply_style(figure, title=name, height=130 + ROW * len(tests))
        .update_xaxes(
            title=f"effect size (0 = none, 1 = all)<br>dotted: {chance:.2g} by chance<br>"
            f"pale: corrected p of {alpha:g} or more",
            rangemode="tozero",
        )
        .update_yaxes(dtick=1)
    )


def correlation_map(correlation: pd.DataFrame, *, name: str) -> go.Figure:
    """Draw the correlation of each pair of features: blue positive, red negative; index and columns: features."""
    names = [BY_COLUMN[c].name for c in correlation.index]
    figure = go.Figure(
        go.Heatmap(
            z=correlation.to_numpy(),
            x=names,
            y=names,
            colorscale=DIVERGING,
            zmin=-1,
            zmax=1,
            colorbar={"thickness": 10, "tickvals": [-1, -0.5, 0, 0.5, 1]},
            hovertemplate="%{y}<br>%{x}<br>r = %{z:.2f}<extra></extra>",
        )
    )
    many = len(names) > 25  # same order as the rows; a phone has no space for the names
    size = 9 if many else 11
    return (
        apply_style(figure, title=f"Correlation, {name}", height=max(320, min(820, 160 + 13 * len(names))))
        .update_xaxes(tickangle=-90, dtick=1, tickfont_size=size, showgrid=False, showticklabels=not many)
        .update_yaxes(autorange="reversed", dtick=1, tickfont_size=size, showgrid=False)
    )


def projection(points: pd.DataFrame, *, x: str, y: str, shares: tuple[float, float]) -> go.Figure:
    """Draw clips on two principal components, one symbol and colour per group.

    Parameters
    ----------
    points
        Columns row, group (categorical or text; "" = no group) and the two components.
    x, y
        Columns of the two components.
    shares
        Share of the variance along x and y, in [0, 1].
    """
    figure = go.Figure()
    for name, colour, symbol in _looks(points["group"]):
        part = points[points["group"] == name]
        figure.add_trace(
            go.Scatter(
                x=part[x],
                y=part[y],
                mode="markers",
                name=name or NO_GROUP,
                marker={"color": colour, "symbol": symbol, "size": 9, "opacity": 0.8},
                customdata=part["row"],
                hovertemplate="row %{customdata}<extra>%{fullData.name}</extra>",
            )
        )
    return (
        apply_style(figure, title="Clips on two principal components", height=520)
        .update_xaxes(title=f"{x.upper()} ({whole_percent(shares[0])} of the variance)", zerolinecolor=NEUTRAL)
        .update_yaxes(title=f"{y.upper()} ({whole_percent(shares[1])} of the variance)", zerolinecolor=NEUTRAL)
        .update_layout(legend_y=-0.14)
    )


def outlier_map(outliers: pd.DataFrame, *, limit: float, most: int = 20) -> go.Figure:
    """Draw the robust z of each outlier, one line per feature; most outliers on top.

    Parameters
    ----------
    outliers
        Columns row, group, feature, value and score (robust z).
    limit
        Absolute robust z from which a value is an outlier.
    most
        Number of features that are drawn.
    """
    counts = outliers["feature"].value_counts().head(most)
    figure = go.Figure()
    drawn = outliers[outliers["feature"].isin(counts.index)]
    for name, colour, symbol in _looks(drawn["group"]):
        part = drawn[drawn["group"] == name]
        figure.add_trace(
            go.Scatter(
                x=part["score"],
                y=part["feature"],
                mode="markers",
                name=name or NO_GROUP,
                marker={"color": colour, "symbol": symbol, "size": 8, "opacity": 0.75},
                customdata=np.column_stack([part["row"], part["value"]]),
                hovertemplate="row %{customdata[0]}<br>%{y}: %{customdata[1]:.4g}<br>robust z %{x:.1f}"
                "<extra>%{fullData.name}</extra>",
            )
        )
    for edge in (-limit, limit):
        figure.add_vline(x=edge, line_dash="dot", line_color=NEUTRAL)
    return (
        apply_style(figure, title="Outliers by feature", height=150 + ROW * len(counts))
        .update_xaxes(title="robust z")
        .update_yaxes(categoryorder="array", categoryarray=list(counts.index[::-1]), dtick=1)
        .update_layout(legend_y=-(60 / (100 + ROW * len(counts))))
    )


def _looks(groups: pd.Series) -> list[tuple[str, str, str]]:
    """Name, colour and symbol of each group that has a row; rows without a group come last, in grey."""
    ordered = groups.cat.categories if isinstance(groups.dtype, pd.CategoricalDtype) else sorted(set(groups))
    names = [name for name in ordered if name]
    colours, symbols = colours_of(names), symbols_of(names)
    looks = [(name, colours[name], symbols[name]) for name in names if (groups == name).any()]
    return [*looks, ("", NEUTRAL, "circle-open")] if (groups == "").any() else looks


def before_after(counts: pd.DataFrame) -> go.Figure:
    """Draw the number of doubtful cells before and after cleaning; counts : index measure, columns before and after."""
    bars = [
        go.Bar(
            name=name,
            y=counts.index,
            x=counts[name],
            orientation="h",
            marker={"color": colour, "pattern_shape": shape},
            text=counts[name],
            textposition="outside",
            cliponaxis=False,
            hovertemplate=f"%{{y}}, {name}: %{{x}} cells<extra></extra>",
        )
        for name, colour, shape in (("before", "#D55E00", "/"), ("after", ACCENT, ""))
    ]
    return (
        apply_style(go.Figure(bars), title="Doubtful cells", height=120 + 40 * len(counts))
        .update_layout(barmode="group", legend_y=-0.18)
        .update_xaxes(title="cells", range=[0, 1.12 * max(1, counts.to_numpy().max())])
        .update_yaxes(autorange="reversed")
    )
