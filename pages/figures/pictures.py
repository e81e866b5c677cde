"""Draw a figure of the pages as PNG, SVG or PDF with a source line, with matplotlib and without a browser.

Only the kinds of traces and lines that the pages use are drawn. A test draws every figure of the pages.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

PICTURES = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}  # form -> MIME type
_DPI, _PIXELS = 200, 90  # of a PNG; pixels of the page that are drawn as one inch
_WIDTH = 8.0  # inches
_MARKERS = {
    **{"circle": "o", "circle-open": "o", "square": "s", "diamond": "D", "star": "*", "x": "x", "cross": "P"},
    **{"triangle-up": "^", "triangle-down": "v", "pentagon": "p", "hexagon": "h"},
}
_DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-.", "longdash": (0, (9, 4)), "longdashdot": "-."}


def draw_picture(figure: go.Figure, form: str, source: str, mark: str = "") -> bytes:
    """Draw a figure.

    Parameters
    ----------
    figure
        A figure of the pages.
    form
        "png", "svg" or "pdf".
    source
        The line below the figure.
    mark
        A large pale text across the figure.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    layout = figure.layout
    height = max(2.5, (layout.height or 380) / _PIXELS)
    drawing = Figure(figsize=(_WIDTH, height), layout="constrained")
    FigureCanvasAgg(drawing)
    axes = drawing.add_subplot()
    for name, axis in (("x", layout.xaxis), ("y", layout.yaxis)):
        if axis.categoryarray is not None:
            setattr(axes, f"names_{name}", {str(text): place for place, text in enumerate(axis.categoryarray)})
    bars = [trace for trace in figure.data if trace.type == "bar"]
    for number, trace in enumerate(figure.data):
        _draw(axes, trace, number, bars, stacked=layout.barmode in ("stack", "relative"))
    _lines(axes, layout.shapes)
    _axes(axes, layout)
    axes.set_title(_plain(layout.title.text), loc="left", fontsize=11)
    named = [trace for trace in figure.data if trace.name and trace.showlegend is not False]
    if len(named) > 1 and layout.showlegend is not False and axes.get_legend_handles_labels()[1]:
        drawing.legend(fontsize=8, loc="outside lower center", ncols=min(4, len(named)), frameon=False)
    if mark:
        drawing.text(0.5, 0.5, mark, fontsize=26, color="#999999", alpha=0.35, rotation=20, ha="center", va="center")
    drawing.supxlabel(source, fontsize=6, color="#555555", wrap=True)
    out = io.BytesIO()
    dates: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form, {})
    drawing.savefig(out, format=form, dpi=_DPI, facecolor="white", metadata={"Title": source[:200], **dates})
    return out.getvalue()


def _draw(axes: Any, trace: Any, number: int, bars: Sequence[Any], *, stacked: bool) -> None:
    """Draw one trace by its kind. Raises ValueError for a kind that no page uses."""
    kinds = {"scatter": _scatter, "scattergl": _scatter, "heatmap": _heatmap, "waterfall": _waterfall}
    if trace.type == "bar":
        _bar(axes, trace, bars, stacked=stacked)
    elif trace.type in ("box", "violin"):
        _spread(axes, trace, number)
    elif trace.type in kinds:
        kinds[trace.type](axes, trace)
    else:
        raise ValueError(f"A trace of the kind {trace.type!r} cannot be drawn as a picture.")


def _bar(axes: Any, trace: Any, bars: Sequence[Any], *, stacked: bool) -> None:
    flat = trace.orientation == "h"
    names, values = (trace.y, trace.x) if flat else (trace.x, trace.y)
    values = np.array([np.nan if v is None else v for v in values], dtype=float)
    places = _places(axes, names, "y" if flat else "x")
    width = 0.8 if stacked or len(bars) < 2 else 0.8 / len(bars)
    if not stacked and len(bars) > 1:
        places = places + (list(bars).index(trace) - (len(bars) - 1) / 2) * width
    before = _before(axes, names) if stacked else np.zeros(len(values))
    style = {"color": _colours(trace.marker.color, len(values)), "label": trace.name}
    opacity = trace.marker.opacity
    drawn = axes.barh(places, values, width, left=before, **style) if flat else axes.bar(
        places, values, width, bottom=before, **style
    )  # fmt: skip
    for patch, share in zip(drawn, np.broadcast_to(1.0 if opacity is None else opacity, len(values)), strict=True):
        patch.set_alpha(float(share))
    if stacked:
        for name, value in zip(names, values, strict=True):
            axes.stack[str(name)] = axes.stack.get(str(name), 0.0) + float(np.nan_to_num(value))
    texts = trace.text if isinstance(trace.text, tuple | list | np.ndarray) else []
    if len(texts) == len(values):
        axes.bar_label(drawn, labels=[_plain(t) for t in texts], fontsize=7, padding=2)


def _before(axes: Any, names: Sequence[Any]) -> np.ndarray:
    """Where the next bar of a stack starts."""
    axes.stack = getattr(axes, "stack", {})
    return np.array([axes.stack.get(str(name), 0.0) for name in names])


def _waterfall(axes: Any, trace: Any) -> None:
    values, names = np.array(trace.x, dtype=float), list(trace.y)
    places = _places(axes, names, "y")
    ends = np.cumsum(values[:-1])
    starts = np.concatenate([[0.0], ends[:-1], [0.0]])
    lengths = np.concatenate([values[:-1], [ends[-1]]])
    up, down = trace.increasing.marker.color, trace.decreasing.marker.color
    total = trace.totals.marker.color or "#888888"
    colours = [total, *(up if v >= 0 else down for v in values[1:-1]), total]
    drawn = axes.barh(places, lengths, 0.7, left=starts, color=colours)
    axes.bar_label(drawn, labels=[_plain(t) for t in trace.text], fontsize=7, padding=2)


def _scatter(axes: Any, trace: Any) -> None:
    x, y = (_values(axes, getattr(trace, name), name) for name in ("x", "y"))
    colour = trace.marker.color if isinstance(trace.marker.color, str) else trace.line.color
    label = trace.name if trace.showlegend is not False else None
    mode = trace.mode or "lines"
    if trace.fill in ("tonexty", "toself"):
        axes.fill(x, y, color=_colour(trace.fillcolor or colour), alpha=0.2, linewidth=0)
    if "lines" in mode:
        dash = _DASHES.get(trace.line.dash or "solid", "-")
        width = trace.line.width
        width = 1.2 if width is None else 0.7 * width
        step = {"hv": "steps-post", "vh": "steps-pre"}.get(trace.line.shape, "default")
        axes.plot(x, y, color=_colour(colour), linestyle=dash, linewidth=width, label=label, drawstyle=step)
        label = None
    if "markers" in mode:
        _points(axes, x, y, trace, label)
    if trace.error_x.array is not None:
        low = trace.error_x.arrayminus if trace.error_x.arrayminus is not None else trace.error_x.array
        axes.errorbar(x, y, xerr=np.abs([low, trace.error_x.array]), fmt="none", ecolor=_colour(colour), capsize=2)
    if trace.error_y.array is not None:
        low = trace.error_y.arrayminus if trace.error_y.arrayminus is not None else trace.error_y.array
        axes.errorbar(x, y, yerr=np.abs([low, trace.error_y.array]), fmt="none", ecolor=_colour(colour), capsize=2)
    if "text" in mode and trace.text is not None:
        for a, b, text in zip(x, y, np.broadcast_to(trace.text, len(x)), strict=True):
            axes.annotate(_plain(text), (a, b), fontsize=7, ha="center")


def _points(axes: Any, x: np.ndarray, y: np.ndarray, trace: Any, label: str | None) -> None:
    marker, given = trace.marker, trace.marker.color
    symbols = [marker.symbol or "circle"] if isinstance(marker.symbol, str | None) else list(marker.symbol)
    size = 6.0 if marker.size is None else np.asarray(marker.size, dtype=float)
    alpha = marker.opacity if isinstance(marker.opacity, int | float) else None
    numbers = not isinstance(given, str | None) and len(given) and not isinstance(given[0], str)
    for symbol in dict.fromkeys(symbols):
        part = np.array([s == symbol for s in symbols]) if len(symbols) > 1 else np.ones(len(x), dtype=bool)
        colour = np.asarray(given, dtype=float)[part] if numbers else _colours(given, len(x))
        style: dict[str, Any] = {"c": colour, "cmap": "viridis"} if numbers else {"color": colour}
        if not numbers and not isinstance(colour, str):
            style["color"] = [c for c, keep in zip(colour, part, strict=True) if keep]
        if symbol.endswith("-open"):
            style = {"facecolors": "none", "edgecolors": style.get("color", "#888888")}
        area = np.square(0.6 * np.broadcast_to(size, len(x))[part])
        axes.scatter(x[part], y[part], s=area, marker=_MARKERS.get(symbol, "o"), alpha=alpha, label=label, **style)
        label = None


def _heatmap(axes: Any, trace: Any) -> None:
    z = np.array(trace.z, dtype=float)
    diverging = trace.zmin is not None and trace.zmin < 0
    drawn = axes.imshow(z, aspect="auto", cmap="RdBu" if diverging else "Blues", vmin=trace.zmin, vmax=trace.zmax)
    for axis, names in ((axes.xaxis, trace.x), (axes.yaxis, trace.y)):
        if names is None:
            continue
        every = max(1, len(names) // 50)
        shown = [_plain(n) for n in names][::every]
        axis.set_ticks(range(0, len(names), every), shown, fontsize=5 if len(names) > 12 else 8)
    axes.tick_params(axis="x", rotation=90 if z.shape[1] > 8 else 0)
    if trace.text is not None and z.size <= 64:
        for (row, column), text in np.ndenumerate(np.array(trace.text, dtype=object).reshape(z.shape)):
            axes.text(column, row, _plain(text), ha="center", va="center", fontsize=8)
    if trace.showscale is not False:
        axes.figure.colorbar(drawn, ax=axes, fraction=0.03)


def _spread(axes: Any, trace: Any, number: int) -> None:
    values = np.array([v for v in trace.y if v is not None], dtype=float)
    values, colour = values[~np.isnan(values)], _colour(trace.marker.color)
    ticks = [*getattr(axes, "groups", []), _plain(trace.name)]
    axes.groups = ticks
    if trace.type == "violin" and len(values) > 1 and np.ptp(values) > 0:
        for body in axes.violinplot([values], [number], widths=0.8, showextrema=False)["bodies"]:
            body.set(facecolor=colour, alpha=0.4)
        axes.boxplot([values], positions=[number], widths=0.15, showfliers=False, medianprops={"color": "black"})
    elif trace.type == "box" and trace.boxpoints == "all":
        jitter = np.random.default_rng(0).uniform(-0.25, 0.25, len(values))
        axes.scatter(number + jitter, values, s=10, color=colour, alpha=0.7)
    elif len(values):
        style = {"patch_artist": True, "boxprops": {"facecolor": colour}, "medianprops": {"color": "black"}}
        axes.boxplot([values], positions=[number], widths=0.5, **style)
    axes.set_xticks(range(len(ticks)), ticks)


def _lines(axes: Any, shapes: Sequence[Any]) -> None:
    """Draw straight lines and outlines."""
    from matplotlib.patches import Rectangle

    for shape in shapes:
        colour, dash = shape.line.color or "#888888", _DASHES.get(shape.line.dash or "solid", "-")
        if shape.type == "line" and shape.yref and "domain" in shape.yref:
            axes.axvline(shape.x0, color=colour, linestyle=dash, linewidth=1)
        elif shape.type == "line" and shape.xref and "domain" in shape.xref:
            axes.axhline(shape.y0, color=colour, linestyle=dash, linewidth=1)
        elif shape.type == "line":
            axes.plot([shape.x0, shape.x1], [shape.y0, shape.y1], color=colour, linestyle=dash, linewidth=1)
        elif all(isinstance(v, int | float) for v in (shape.x0, shape.x1, shape.y0, shape.y1)):
            size = shape.x1 - shape.x0, shape.y1 - shape.y0
            axes.add_patch(Rectangle((shape.x0, shape.y0), *size, fill=False, edgecolor=colour, linestyle=dash))


def _axes(axes: Any, layout: Any) -> None:
    for name, axis in (("x", layout.xaxis), ("y", layout.yaxis)):
        getattr(axes, f"set_{name}label")(_plain(axis.title.text), fontsize=8)
        if axis.range is not None and all(isinstance(v, int | float) for v in axis.range):
            getattr(axes, f"set_{name}lim")(*axis.range)
        if axis.type == "log":
            getattr(axes, f"set_{name}scale")("log")
        if axis.tickformat and "%" in axis.tickformat:
            from matplotlib.ticker import PercentFormatter

            getattr(axes, f"{name}axis").set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        names = getattr(axes, f"names_{name}", None)
        if names:
            getattr(axes, f"{name}axis").set_ticks(list(names.values()), [_plain(n) for n in names], fontsize=7)
    if layout.yaxis.autorange == "reversed" and not axes.yaxis_inverted():
        axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7)


def _values(axes: Any, given: Any, name: str) -> np.ndarray:
    """Numbers of an axis; names get places in the order in which they come."""
    values = list(given) if given is not None else []
    if any(isinstance(v, str) for v in values):
        return _places(axes, values, name)
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def _places(axes: Any, given: Sequence[Any], name: str) -> np.ndarray:
    """Place of each name on an axis; numbers stay."""
    if not any(isinstance(v, str) for v in given):
        return np.array(given, dtype=float)
    known: dict[str, int] = getattr(axes, f"names_{name}", {})
    for text in given:
        known.setdefault(str(text), len(known))
    setattr(axes, f"names_{name}", known)
    return np.array([known[str(text)] for text in given], dtype=float)


def _colours(given: Any, count: int) -> Any:
    if isinstance(given, str | None):
        return _colour(given)
    return [_colour(c) for c in list(given)[:count]]


def _colour(given: Any) -> Any:
    """A colour that matplotlib knows: ``rgba(1, 2, 3, 0.4)`` becomes four numbers."""
    if isinstance(given, str) and given.startswith("rgb"):
        parts = [float(p) for p in given[given.index("(") + 1 : -1].split(",")]
        return (*(p / 255 for p in parts[:3]), *parts[3:])
    return given or "#0072B2"


def _plain(text: Any) -> str:
    """Text without the marks of plotly. A dollar sign would begin a formula."""
    return str(text or "").replace("<br>", "\n").replace("<b>", "").replace("</b>", "").replace("$", r"\$")
