"""Figures in one style: one idea each, labelled axes, a palette that colour-blind readers can tell apart (Okabe and
Ito 2008), alt text."""

import base64
import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.ticker import PercentFormatter

from ..device import check_int, shown

BLUE, ORANGE, GREEN, PURPLE, SKY, RED, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#666666",
)
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED, GREY)
DIAGRAMS = FilePath(__file__).parents[2] / "lessons" / "figures"
STYLE = {
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.prop_cycle": matplotlib.cycler(color=PALETTE),
    "legend.frameon": False,
    "figure.dpi": 100,
    "svg.hashsalt": "bert-by-hand",
}


class Picture:
    """A figure as a notebook shows it: a PNG whose alt text goes with it, and the alt text alone where no picture can
    be drawn."""

    def __init__(self, figure: Figure, alt: str):
        self.figure, self.alt = figure, alt

    def __repr__(self):
        return f"[figure] {self.alt}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        file = io.BytesIO()
        # Without the Software tag the same figure gives the same bytes under every matplotlib.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph")  # a sign that the font lacks is drawn as a box
            self.figure.savefig(file, format="png", bbox_inches="tight", metadata={"Software": None})
        png = base64.b64encode(file.getvalue()).decode("ascii")
        return {"image/png": png, "text/plain": repr(self)}, {"image/png": {"alt": self.alt}}


class Diagram:
    """One of the course's diagrams, shown as the output of a cell: for pictures that would give an answer away if they
    stood in the text."""

    def __init__(self, name: str, alt: str):
        path = DIAGRAMS / f"{name}.svg"
        if not path.is_file():
            raise FileNotFoundError(f"No diagram {name!r} in lessons/figures.")
        self.alt, self.svg = alt, path.read_text(encoding="utf-8")

    def __repr__(self):
        return f"[figure] {self.alt}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"image/svg+xml": self.svg, "text/plain": repr(self)}, {"image/svg+xml": {"alt": self.alt}}


def panels(count: int = 1, width: float = 6.4, height: float = 3.4):
    """Return a figure and a list of `count` axes side by side, in the course's style. Size in inches, per panel."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width * count, height), layout="constrained")
        return figure, [figure.add_subplot(1, count, i + 1) for i in range(count)]


def heatmap(
    matrix,
    rows: Sequence[str],
    columns: Sequence[str],
    alt: str,
    title: str = "",
    xlabel: str = "attended to (key)",
    ylabel: str = "attends (query)",
    numbers: bool | None = None,
    limits: tuple[float, float] | None = None,
) -> Picture:
    """Draw a matrix (rows, columns) as shades of blue, with its numbers where there is room (at most 8 × 8, unless
    said); an exact zero has none, unless all are counts."""
    return heatmaps([(title, matrix)], rows, columns, alt, xlabel, ylabel, numbers, limits)


def heatmaps(
    matrices: Sequence[tuple[str, object]],
    rows: Sequence[str],
    columns: Sequence[str],
    alt: str,
    xlabel: str = "attended to (key)",
    ylabel: str = "attends (query)",
    numbers: bool | None = None,
    limits: tuple[float, float] | None = None,
) -> Picture:
    """Draw (title, matrix) pairs side by side on one colour scale."""
    shape = (len(rows), len(columns))
    arrays = [numbers_of(matrix, f"The matrix {title!r}", shape) for title, matrix in matrices]
    check_some(arrays, "matrices")
    counts = all(array.dtype.kind in "iu" for array in arrays)
    arrays = [array.astype(float) for array in arrays]
    low, high = limits or (min(0.0, min(a.min() for a in arrays)), max(a.max() for a in arrays))
    show_numbers = numbers if numbers is not None else arrays[0].size <= 64
    cell = 0.45 if show_numbers else 0.3
    width, height = max(2.6, cell * len(columns) + 1.2), max(2.4, cell * len(rows) + 1.2)
    figure, axes = panels(len(arrays), width + 0.8, height)
    for axis, (title, _), array in zip(axes, matrices, arrays, strict=True):
        image = axis.imshow(array, cmap="Blues", vmin=low, vmax=high, aspect="auto")
        axis.set_xticks(
            range(len(columns)),
            columns,
            rotation=60 if max(map(len, columns)) > 2 else 0,
            ha="right" if max(map(len, columns)) > 2 else "center",
        )
        axis.set_yticks(range(len(rows)), rows if axis is axes[0] else [])
        axis.set_title(title)
        axis.set_xlabel(xlabel)
        axis.spines[:].set_visible(False)
        if show_numbers:
            for (i, j), value in np.ndenumerate(array):
                dark = value > low + 0.6 * (high - low)
                # an exact zero, as behind a mask, stays blank: small is not zero
                text = "" if value == 0 else "<.01" if 0 < value < 0.005 else f"{value:.2f}"
                text = f"{value:,.0f}" if counts else text
                axis.text(j, i, text, ha="center", va="center", fontsize=9, color="white" if dark else "black")
    axes[0].set_ylabel(ylabel)
    if not show_numbers:
        figure.colorbar(image, ax=axes, shrink=0.8)
    return Picture(figure, alt)


def curves(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    alt: str,
    xlabel: str,
    ylabel: str,
    title: str = "",
    baselines: Mapping[str, float] | None = None,
    logx: bool = False,
    logy: bool = False,
    limits: tuple[float, float] | None = None,
) -> Picture:
    """Draw lines by name, (x, y) each, and dashed horizontal `baselines` to hold them against. A baseline has the color
    of the line whose name its own begins with. `limits` zooms in on a part of the y axis."""
    check_series(series)
    check_most(baselines, 3, "baselines")
    figure, (axis,) = panels()
    for (name, (x, y)), marker in zip(series.items(), "osD^vPX*" * len(series), strict=False):
        axis.plot(x, y, label=name, linewidth=1.8, marker=marker if len(x) <= 15 else None, markersize=5)
    lines = dict(zip(series, PALETTE, strict=False))
    for (name, level), color in zip((baselines or {}).items(), (GREY, RED, PURPLE), strict=False):
        color = next((own for line, own in lines.items() if name.startswith(line)), color)
        axis.axhline(level, linestyle="--", color=color, linewidth=1.2, label=name)
    if logx:
        axis.set_xscale("log")
    if logy:
        axis.set_yscale("log")
    axis.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if limits:
        axis.set_ylim(*limits)
    axis.legend(frameon=False)
    return Picture(figure, alt)


def loss_curve(
    losses: Mapping[str, Sequence[float]],
    alt: str,
    title: str = "",
    baselines: Mapping[str, float] | None = None,
    smooth: int = 20,
) -> Picture:
    """Draw training losses by step, each as a running mean over `smooth` steps: single steps are too noisy to read."""
    check_named(losses, "losses")
    check_int(smooth, "smooth", 1)
    series = {}
    for name, values in losses.items():
        check_some(numbers_of(values, f"The loss of {name!r}"), f"The loss of {name!r}")
        window = min(smooth, len(values))
        means = np.convolve(values, np.ones(window) / window, mode="valid")
        series[name] = (np.arange(len(means)) + window, means)
    return curves(series, alt, xlabel="step", ylabel="loss (nats)", title=title, baselines=baselines)


def bars(
    values: Mapping[str, float],
    alt: str,
    xlabel: str,
    title: str = "",
    intervals: Mapping[str, tuple[float, float]] | None = None,
    baselines: Mapping[str, float] | None = None,
    limits: tuple[float, float] | None = None,
) -> Picture:
    """Draw horizontal bars by name, with 95 % intervals as whiskers where given, and dashed `baselines`."""
    check_bars(values, intervals)
    check_most(baselines, 2, "baselines")
    names = list(values)
    figure, (axis,) = panels(height=0.42 * len(names) + 1.3)
    positions = range(len(names))[::-1]
    axis.barh(positions, [values[name] for name in names], color=BLUE, height=0.62)
    for position, name in zip(positions, names, strict=True):
        if intervals and name in intervals:
            low, high = intervals[name]
            axis.plot([low, high], [position, position], color="black", linewidth=1.6, marker="|", markersize=9)
    for (name, level), color in zip((baselines or {}).items(), (GREY, RED), strict=False):
        axis.axvline(level, linestyle="--", color=color, linewidth=1.2, label=name)
    axis.set_yticks(positions, names)
    axis.set(xlabel=xlabel, title=title)
    if limits:
        axis.set_xlim(*limits)
    if min(values.values()) < 0:  # long names leave little room: zero and the ends are enough
        axis.axvline(0, color="black", linewidth=0.8)
        axis.set_xticks([*axis.get_xlim(), 0])
    if baselines:
        figure.legend(frameon=False, loc="outside lower center", ncols=2)
    return Picture(figure, alt)


def grouped_bars(
    groups: Mapping[str, Mapping[str, float]],
    alt: str,
    xlabel: str,
    title: str = "",
    baselines: Mapping[str, float] | None = None,
    limits: tuple[float, float] | None = None,
    intervals: Mapping[str, Mapping[str, tuple[float, float]]] | None = None,
    percent: bool = True,
) -> Picture:
    """Draw horizontal bars in groups, group -> name -> value: one color for each name, and the value beside its bar,
    or, where `intervals` has one, its 95% interval as a whisker and the value after it. Values are shares, shown in
    percent, or plain numbers."""
    check_named(groups, "groups")
    for group, members in groups.items():
        check_bars(members, None if intervals is None else intervals.get(group, {}), every=intervals is not None)
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    check_most(names, len(PALETTE), "names in a group")
    check_most(baselines, 2, "baselines")
    height = 0.8 / len(names)
    figure, (axis,) = panels(height=0.36 * len(names) * len(groups) + 1.3)
    for i, (name, color) in enumerate(zip(names, PALETTE, strict=False)):
        positions = [-g + (0.4 - (i + 0.5) * height) for g, group in enumerate(groups.values()) if name in group]
        values = [group[name] for group in groups.values() if name in group]
        drawn = axis.barh(positions, values, height * 0.9, color=color, label=name)
        if not intervals:
            axis.bar_label(drawn, fmt="{:.1%}" if percent else "{:.2f}", padding=4)
            continue
        ends = [intervals[group][name] for group, members in groups.items() if name in members]
        for position, value, (low, high) in zip(positions, values, ends, strict=True):
            axis.plot([low, high], [position, position], color="black", linewidth=1.4, marker="|", markersize=6)
            axis.annotate(
                f"{value:.0%}", (high, position), (5, 0), textcoords="offset points", va="center", fontsize=10
            )
    for (name, level), color in zip((baselines or {}).items(), (GREY, RED), strict=False):
        axis.axvline(level, linestyle="--", color=color, linewidth=1.2, label=name)
    axis.set_yticks([-g for g in range(len(groups))], list(groups))
    if percent:
        axis.xaxis.set_major_formatter(PercentFormatter(1))
    axis.set(xlabel=xlabel, title=title)
    if limits:
        axis.set_xlim(*limits)
    columns = 4 if len("".join(map(str, names))) < 50 else 3
    figure.legend(frameon=False, loc="outside lower center", ncols=columns, columnspacing=1.2)
    return Picture(figure, alt)


def token_strip(
    tokens: Sequence[str],
    kinds: Sequence[str],
    colors: Mapping[str, str],
    alt: str,
    title: str = "",
    originals: Sequence[str] | None = None,
) -> Picture:
    """Write tokens on colored cells, wrapped like a paragraph: `kinds` says of what kind each token is, `colors` the
    color of each kind, in the order of the legend. With `originals`, a token that was changed has its own below it."""
    below = originals or tokens
    check_strip(tokens, kinds, colors, below)
    places, line, column = [], 0, 0.0
    for token, original in zip(tokens, below, strict=True):
        width = max(len(token), len(original)) + 1
        if column + width > 68:
            line, column = line + 1, 0.0
        places.append((column, line * (1.7 if originals else 1), width))
        column += width + 0.4
    last = places[-1][1]
    figure, (axis,) = panels(height=0.3 * last + 1.4)
    middle = {"ha": "center", "va": "center", "family": "monospace", "fontsize": 8}
    for token, original, kind, (column, top, width) in zip(tokens, below, kinds, places, strict=True):
        axis.add_patch(Rectangle((column, top), width, 0.8, color=colors[kind], linewidth=0))
        axis.text(column + width / 2, top + 0.42, token.replace("$", r"\$"), **middle)
        if original != token:
            axis.text(column + width / 2, top + 1.15, original.replace("$", r"\$"), **middle, style="italic")
    axis.set(xlim=(0, 68), ylim=(last + (1.5 if originals else 1), 0), title=title)
    axis.set_axis_off()
    handles = [Rectangle((0, 0), 1, 1, color=color, label=kind) for kind, color in colors.items()]
    figure.legend(handles=handles, frameon=False, loc="outside lower center", ncols=len(colors))
    return Picture(figure, alt)


def arcs(rows: Sequence[tuple[Sequence[str], int, Sequence[float]]], alt: str, title: str = "") -> Picture:
    """Draw what one token of each sentence attends to: an arc to every token, as wide as its weight, with the weight
    below.

    rows: (tokens, index of the token that attends, weights (tokens,)), one sentence a row.
    """
    check_arcs(rows)
    longest = max(len(tokens) for tokens, _, _ in rows)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(0.95 * longest + 0.4, 1.7 * len(rows) + 0.3 * bool(title)), layout="constrained")
        axes = [figure.add_subplot(len(rows), 1, i + 1) for i in range(len(rows))]
    for axis, (tokens, asking, weights) in zip(axes, rows, strict=True):
        for i, (token, weight) in enumerate(zip(tokens, weights, strict=True)):
            edge = BLUE if i == asking else GREY
            box = FancyBboxPatch((i - 0.4, 0), 0.8, 0.5, boxstyle="round,pad=0.02", facecolor="white", edgecolor=edge)
            box.set_linewidth(2.5 if i == asking else 1.2)
            axis.add_patch(box)
            axis.text(i, 0.23, token.replace("$", r"\$"), ha="center", va="center", fontsize=10)
            shade = "black" if weight >= 0.1 else GREY
            axis.text(i, -0.32, f"{weight:.2f}", ha="center", va="center", fontsize=10, color=shade)
            if weight < 0.005:  # printed as 0.00
                continue
            start, height = (asking, 0.9 + 0.22 * abs(i - asking))
            ends = (asking - 0.12, asking + 0.12) if i == asking else (start, i)
            curve = [(ends[0], 0.55), (ends[0], 0.55 + height), (ends[1], 0.55 + height), (ends[1], 0.55)]
            path = Path(curve, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
            axis.add_patch(
                PathPatch(path, fill=False, edgecolor=BLUE, linewidth=max(0.5, 14 * float(weight)), zorder=0)
            )
        axis.set(xlim=(-0.7, longest - 0.3), ylim=(-0.55, 2.1))
        axis.set_axis_off()
    if title:
        figure.suptitle(title, x=0.02, ha="left", fontsize=12)
    return Picture(figure, alt)


# ---------------------------------------------------------------- input checks


def numbers_of(values, name: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Return numbers as an array. Raises TypeError for what are none, ValueError for another shape or for nan."""
    found = np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)
    if found.dtype.kind not in "biuf":
        raise TypeError(f"{name} is {shown(values)}; it must hold numbers.")
    if shape is not None and found.shape != shape:
        raise ValueError(f"{name} has shape {found.shape}; its labels ask for {shape}.")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} holds a number that is not finite, which cannot be drawn.")
    return found


def check_some(values, name: str) -> None:
    """Raise ValueError if there is nothing to draw."""
    if not len(values):
        raise ValueError(f"{name} is empty: there is nothing to draw.")


def check_most(values, most: int, name: str) -> None:
    """Raise ValueError for more than can be told apart by color."""
    if values is not None and len(values) > most:
        raise ValueError(f"There are {len(values)} {name}; this plot has colors for {most}.")


def check_named(values, name: str) -> None:
    """Raise TypeError unless this is a mapping by name, ValueError if it is empty."""
    if not isinstance(values, Mapping):
        raise TypeError(f"{name} is {shown(values)}; it must be a dictionary by name.")
    check_some(values, name)


def check_series(series: Mapping) -> None:
    """Raise TypeError or ValueError unless each line is (x, y), equally long."""
    check_named(series, "series")
    for name, points in series.items():
        if not isinstance(points, tuple | list) or len(points) != 2:
            raise TypeError(f"The line {name!r} is {shown(points)}; it must be (x, y).")
        x, y = (numbers_of(values, f"The line {name!r}") for values in points)
        check_some(x, f"The line {name!r}")
        if x.shape != y.shape:
            raise ValueError(f"The line {name!r} has {x.shape} values of x and {y.shape} of y; they must be alike.")


def check_bars(values: Mapping, intervals: Mapping | None, every: bool = False) -> None:
    """Raise TypeError or ValueError unless each bar is a number and each interval two, of a bar that is there."""
    check_named(values, "values")
    for name, value in values.items():
        numbers_of(value, f"The bar {name!r}", ())
    if wrong := [name for name in intervals or {} if name not in values]:
        raise ValueError(f"There is an interval for {wrong[0]!r}, but no such bar.")
    if every and (wrong := [name for name in values if name not in intervals]):
        raise ValueError(f"The bar {wrong[0]!r} has no interval; give one for each bar, or none at all.")
    for name, interval in (intervals or {}).items():
        numbers_of(interval, f"The interval of {name!r}", (2,))


def check_strip(tokens: Sequence[str], kinds: Sequence[str], colors: Mapping, below: Sequence[str]) -> None:
    """Raise TypeError or ValueError unless each token has its kind, each kind its color, and each original its
    token."""
    if isinstance(tokens, str):
        raise TypeError(f"tokens is one string, {shown(tokens)}: give a list of tokens.")
    check_some(tokens, "tokens")
    if not len(tokens) == len(kinds) == len(below):
        raise ValueError(f"There are {len(tokens)} tokens, {len(kinds)} kinds, {len(below)} originals; each needs one.")
    if wrong := [kind for kind in kinds if kind not in colors]:
        raise ValueError(f"The kind {wrong[0]!r} has no color; colors has {', '.join(map(str, colors))}.")
    for kind, color in colors.items():
        if not matplotlib.colors.is_color_like(color):
            raise ValueError(f"The color of {kind!r} is {color!r}, which Matplotlib does not know.")


def check_arcs(rows: Sequence) -> None:
    """Raise TypeError or ValueError unless each row's token is there and has a weight for every token."""
    check_some(rows, "rows")
    for tokens, asking, weights in rows:
        check_int(asking, "The index of the token that attends", 0, len(tokens) - 1)
        numbers_of(weights, "The weights of a row", (len(tokens),))
