"""Figures carry alt text, are the same every time, and show the numbers they are given."""

import base64

import matplotlib
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

from helpers.classroom.plots import PALETTE, bars, curves, grouped_bars, heatmap, heatmaps, loss_curve, token_strip

MATRIX = [[0.1, 0.9], [0.6, 0.4]]
FIGURES = {
    "heatmap": lambda: heatmap(MATRIX, ["the", "cat"], ["the", "cat"], alt="Two words."),
    "heatmaps": lambda: heatmaps([("one", MATRIX), ("two", MATRIX)], ["a", "b"], ["a", "b"], alt="Two words."),
    "curves": lambda: curves({"loss": ([1, 2, 3], [3, 2, 1])}, "Two words.", "step", "loss", baselines={"floor": 1.0}),
    "loss_curve": lambda: loss_curve({"loss": [3.0, 2.0, 1.0]}, alt="Two words.", smooth=2),
    "bars": lambda: bars({"a": 0.5, "b": 0.7}, "Two words.", "accuracy", intervals={"a": (0.4, 0.6)}),
    "token_strip": lambda: token_strip(["the", "cat"], ["kept", "hidden"], {"kept": "w", "hidden": "y"}, "Two words."),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_a_figure_is_a_png_with_alt_text_and_the_same_every_time(draw):
    before = dict(matplotlib.rcParams)
    data, metadata = DisplayFormatter().format(draw())
    assert data["text/plain"] == "[figure] Two words."
    assert metadata["image/png"] == {"alt": "Two words."}
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert DisplayFormatter().format(draw())[0] == data
    assert dict(matplotlib.rcParams) == before, "a figure must not change the settings of the next one"


def test_a_heat_map_shows_its_numbers():
    (axis, *_) = heatmap(MATRIX, ["r1", "r2"], ["c1", "c2"], alt="").figure.axes
    np.testing.assert_allclose(axis.images[0].get_array(), MATRIX)
    assert [text.get_text() for text in axis.texts] == ["0.10", "0.90", "0.60", "0.40"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["r1", "r2"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["c1", "c2"]
    large = heatmap(np.zeros((9, 9)), list("abcdefghi"), list("abcdefghi"), alt="").figure.axes[0]
    assert not large.texts, "81 numbers would not be readable"


def test_heat_maps_side_by_side_share_one_scale():
    figure = heatmaps([("one", [[0.0, 0.2]]), ("two", [[0.5, 1.0]])], ["r"], ["a", "b"], alt="").figure
    images = [axis.images[0] for axis in figure.axes[:2]]
    assert [image.get_clim() for image in images] == [(0.0, 1.0)] * 2


def test_a_loss_curve_is_a_running_mean():
    axis = loss_curve({"loss": [4.0, 2.0, 3.0, 1.0]}, alt="", smooth=2).figure.axes[0]
    x, y = axis.lines[0].get_data()
    assert list(x) == [2, 3, 4] and list(y) == pytest.approx([3.0, 2.5, 2.0])


def test_bars_stand_in_order_with_their_whiskers():
    values, intervals = {"first": 0.5, "second": 0.7}, {"second": (0.6, 0.8)}
    figure = bars(values, "", "accuracy", intervals=intervals, baselines={"chance": 0.5}).figure
    (axis,) = figure.axes
    heights = {bar.get_y() + bar.get_height() / 2: bar.get_width() for bar in axis.patches}
    assert [heights[y] for y in sorted(heights, reverse=True)] == [0.5, 0.7]  # the first one on top
    whisker = next(line for line in axis.lines if list(line.get_xdata()) == [0.6, 0.8])
    assert list(whisker.get_ydata()) == [0, 0]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["chance"]


def test_grouped_bars_have_one_color_for_each_name_and_say_their_value():
    groups = {"first": {"noun": 0.5, "verb": 0.7}, "second": {"noun": 0.125, "verb": 1.0}}
    figure = grouped_bars(groups, "", "share", baselines={"chance": 1 / 8}).figure
    (axis,) = figure.axes
    bars_by_color = {}
    for bar in axis.patches:
        bars_by_color.setdefault(bar.get_facecolor(), []).append(round(bar.get_width(), 3))
    assert sorted(bars_by_color.values()) == [[0.5, 0.125], [0.7, 1.0]]
    tops = sorted((bar.get_y(), bar.get_width()) for bar in axis.patches)
    assert [width for _, width in tops[::-1]] == [0.5, 0.7, 0.125, 1.0], "in the order given, from the top"
    assert [text.get_text() for text in axis.texts] == ["50.0%", "12.5%", "70.0%", "100.0%"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["chance", "noun", "verb"]


def test_grouped_bars_show_plain_numbers_where_they_are_no_shares():
    groups = {"opposite": {"before": 0.891, "after": -0.377}}
    (axis,) = grouped_bars(groups, "", "cosine", limits=(-1, 1), percent=False).figure.axes
    axis.figure.canvas.draw()
    assert [text.get_text() for text in axis.texts] == ["0.89", "-0.38"]
    assert not any("%" in label.get_text() for label in axis.get_xticklabels())


def test_grouped_bars_show_intervals_as_whiskers_and_say_the_value_after_them():
    groups = {"first": {"noun": 0.5, "verb": 0.7}, "second": {"noun": 0.12, "verb": 1.0}}
    ends = {
        group: {name: (value - 0.1, value + 0.05) for name, value in each.items()} for group, each in groups.items()
    }
    (axis,) = grouped_bars(groups, "", "share", intervals=ends).figure.axes
    found = {}
    for line in (line for line in axis.lines if len(line.get_xdata()) == 2):
        (bar,) = (b for b in axis.patches if b.get_y() < line.get_ydata()[0] < b.get_y() + b.get_height())
        found[round(bar.get_width(), 2)] = tuple(round(float(x), 2) for x in line.get_xdata())
    assert found == {0.5: (0.4, 0.55), 0.7: (0.6, 0.75), 0.12: (0.02, 0.17), 1.0: (0.9, 1.05)}
    assert [text.get_text() for text in axis.texts] == ["50%", "12%", "70%", "100%"]
    assert [round(text.xy[0], 2) for text in axis.texts] == [0.55, 0.17, 0.75, 1.05]


def test_curves_zoom_in_where_told():
    whole, part = (curves({"a": ([1, 2], [9, 6])}, "", "x", "y", limits=limits) for limits in (None, (6.0, 7.0)))
    assert part.figure.axes[0].get_ylim() == (6.0, 7.0) and whole.figure.axes[0].get_ylim()[1] > 9


def test_a_baseline_has_the_color_of_its_own_line():
    axis = curves(
        {"a": ([1, 2], [1, 2]), "b": ([1, 2], [2, 1])}, "", "x", "y", baselines={"b: lowest": 0.5}
    ).figure.axes[0]
    colors = {line.get_label(): line.get_color() for line in axis.lines}
    assert colors["b: lowest"] == colors["b"] != colors["a"]


def test_a_token_strip_shows_the_original_below_a_changed_token():
    tokens, originals = ["the", "[MASK]", "sat"], ["the", "cat", "sat"]
    strip = token_strip(tokens, ["k", "h", "k"], {"k": "#ffffff", "h": "#ffff00"}, "", originals=originals)
    texts = [text.get_text() for text in strip.figure.axes[0].texts]
    assert texts == ["the", "[MASK]", "cat", "sat"]


def test_the_palette_keeps_its_colours_apart():
    assert len(set(PALETTE)) == len(PALETTE) == 7


def test_a_token_strip_wraps_and_colours_every_token():
    tokens, kinds = ["[MASK]", "costs", "$5", "and", "$6"] * 10, ["hidden", "kept", "kept", "kept", "kept"] * 10
    figure = token_strip(tokens, kinds, {"kept": "#ffffff", "hidden": "#ffff00"}, "").figure
    figure.canvas.draw()  # two dollars must not become a formula
    (axis,) = figure.axes
    cells = axis.patches
    assert [cell.get_facecolor() == (1, 1, 0, 1) for cell in cells] == [kind == "hidden" for kind in kinds]
    assert len({cell.get_y() for cell in cells}) > 2 and max(c.get_x() + c.get_width() for c in cells) <= 68
    assert [text.get_text().replace("\\", "") for text in axis.texts] == tokens


def test_a_sign_that_the_font_lacks_is_no_warning(recwarn):
    picture = token_strip(["##\u110f"], ["kept"], {"kept": "#ffffff"}, "A sign.")
    DisplayFormatter().format(picture)
    assert not recwarn.list


def test_an_exact_zero_has_no_number_and_a_small_weight_is_told_from_it():
    """Behind a mask a weight is zero; softmax alone never gives that."""
    axis = heatmap(np.array([[0.0, 0.004], [0.005, 0.53]]), ["r1", "r2"], ["c1", "c2"], alt="").figure.axes[0]
    assert [text.get_text() for text in axis.texts] == ["", "<.01", "0.01", "0.53"]


def numbers_in(picture) -> list[str]:
    return [text.get_text() for text in picture.figure.axes[0].texts]


def test_a_heatmap_of_counts_writes_whole_numbers_and_zeros():
    names = ["negative", "positive"]
    assert numbers_in(heatmap(np.array([[119, 0], [54, 1093]]), names, names, "counts")) == [
        "119",
        "0",
        "54",
        "1,093",
    ]
    assert numbers_in(heatmap(np.array([[0.25, 0.0]]), names[:1], names, "shares")) == ["0.25", ""]
