"""What every diagram is made of: token, vector, grid, learned matrix, arrow, arc, band, block, badge, flag.

A figure is 640 units wide, so that type has the same size in all of them, on a white panel with 20 units of margin.
Labels are placed for DejaVu Sans, which is wide; other fonts leave more room.
"""

import math
import re
from html import escape

WIDTH, MARGIN = 640, 20

# Okabe and Ito's palette, each color with one meaning
BLUE = "#0072B2"  # queries, and the attention they pay
ORANGE = "#E69F00"  # keys
GREEN = "#009E73"  # values, and what is mixed from them
SKY = "#56B4E9"  # [MASK]
VERMILION = "#D55E00"  # a token that was changed
PURPLE = "#CC79A7"  # a second, separate model
YELLOW = "#F0E442"  # you are here
INK, MUTED, FAINT, LINE, PALE, TILE = "#1a1a1a", "#565656", "#6e6e6e", "#7a7a7a", "#d4d4d4", "#e6e6e6"

TITLE, BODY, SMALL, SUBSCRIPT = 18, 16, 14, 12
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"


def blend(color: str, amount: float, into: int = 255) -> str:
    """Mix a color with white, or with black if `into` is 0: an amount of 1 is the color."""
    parts = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(into + (part - into) * amount):02x}" for part in parts)


# for text and thin outlines
DARK = {
    color: blend(color, amount, into=0)
    for color, amount in ((BLUE, 0.7), (ORANGE, 0.52), (GREEN, 0.55), (VERMILION, 0.72), (PURPLE, 0.7))
}


def number(value: float) -> str:
    """Write a coordinate with at most one decimal."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


def points(*corners: tuple[float, float]) -> str:
    """Write a path's straight lines through the corners."""
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in corners)


def markup(text: str) -> str:
    """Turn *italic*, **bold**, and W_{q} into tspans."""
    text = escape(text, quote=False)
    text = re.sub(r"\*\*(.+?)\*\*", r'<tspan font-weight="bold">\1</tspan>', text)
    text = re.sub(r"\*(.+?)\*", r'<tspan font-style="italic">\1</tspan>', text)
    before, *rest = re.split(r"_\{(.+?)\}", text)
    for low, after in zip(rest[::2], rest[1::2]):
        before += f'<tspan dy="3" font-size="{SUBSCRIPT}">{low}</tspan>'
        before += f'<tspan dy="-3">{after}</tspan>' if after else ""
    return before


class Figure:
    """A panel that shapes are drawn on, one over the other. `name` is the file's stem."""

    def __init__(self, name: str, title: str, desc: str, height: int):
        self.name, self.title, self.desc, self.height = name, title, desc, height
        self.parts: list[str] = []

    # --- plain shapes

    def rect(self, x, y, w, h, fill="#ffffff", stroke=None, width=1.5, r=0, dash=None):
        """Draw a rectangle with rounded corners of radius r."""
        extra = f' rx="{number(r)}"' if r else ""
        extra += f' stroke="{stroke}" stroke-width="{number(width)}"' if stroke else ""
        extra += f' stroke-dasharray="{dash}"' if dash else ""
        size = f'width="{number(w)}" height="{number(h)}"'
        self.parts.append(f'<rect x="{number(x)}" y="{number(y)}" {size} fill="{fill}"{extra}/>')

    def path(self, d, stroke=LINE, width=1.6, dash=None, halo=0):
        """Draw an open line; a halo cuts a gap into what it crosses."""
        if halo:
            self.path(d, "#ffffff", width + 2 * halo)
        extra = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(f'<path d="{d}" fill="none" stroke="{stroke}" stroke-width="{number(width)}"{extra}/>')

    def shape(self, *corners, fill):
        """Draw a filled polygon."""
        self.parts.append(f'<path d="{points(*corners)}Z" fill="{fill}"/>')

    def text(self, x, y, text, size=BODY, color=INK, anchor="middle", bold=False, back=None):
        """Write one line; `back` is the color of a plate behind it, for a label that sits on a line."""
        if back:
            plate = len(re.sub(r"[*{}_]", "", text)) * size * 0.58 + 8
            self.rect(x - plate / 2, y - size * 0.85, plate, size * 1.15, back)
        extra = f' font-size="{size}"' if size != BODY else ""
        extra += f' fill="{color}"' if color != INK else ""
        extra += f' text-anchor="{anchor}"' if anchor != "middle" else ""
        extra += ' font-weight="bold"' if bold else ""
        self.parts.append(f'<text x="{number(x)}" y="{number(y)}"{extra}>{markup(text)}</text>')

    # --- words

    def heading(self, text, y=34):
        """Write the figure's title."""
        self.text(MARGIN, y, text, TITLE, INK, "start", bold=True)

    def lines(self, x, y, *lines, size=SMALL, color=MUTED, anchor="start", step=19):
        """Write lines of text, one under the other."""
        for i, line in enumerate(lines):
            self.text(x, y + step * i, line, size, color, anchor)

    def label(self, y, name, *notes, color=INK, faint=MUTED):
        """Name a row in the left gutter; the notes under it are mostly shapes."""
        self.text(MARGIN, y, name, SMALL, color, "start", bold=True)
        self.lines(MARGIN, y + 18, *notes, color=faint, step=18)

    def key(self, x, y, color, text, size=BODY):
        """Write one line of a legend: a swatch of the color, and what it stands for."""
        side = size - 3
        self.rect(x, y - side + 1, side, side, color, r=3)
        self.text(x + side + 6, y, text, size, anchor="start")

    def badge(self, x, y, label, on=False):
        """Draw the number of the notebook in which the student builds a part; `on` marks the notebook at hand."""
        self.rect(x, y, 30, 20, YELLOW if on else INK, INK if on else None, 1.5, 5)
        self.text(x + 15, y + 15, label, SMALL, INK if on else "#ffffff", bold=True)

    def flag(self, cx, y, h=24):
        """Mark the place at which the reader is."""
        self.rect(cx - 59, y, 118, h, YELLOW, INK, 1.5, h / 2)
        self.text(cx, y + h / 2 + 5, "you are here", SMALL, bold=True)

    # --- the vocabulary

    def token(self, cx, y, word, kind="plain", w=68, h=32):
        """Draw a token. kind: plain, asking (its query is followed), target, mask, changed, ghost (not seen)."""
        fill, stroke, width, color, dash = {
            "plain": ("#ffffff", LINE, 1.5, INK, None),
            "asking": (blend(BLUE, 0.18), BLUE, 3, INK, None),
            "target": ("#ffffff", INK, 3, INK, None),
            "mask": (blend(SKY, 0.75), INK, 3, INK, None),
            "changed": (blend(VERMILION, 0.55), INK, 3, INK, None),
            "ghost": ("#ffffff", PALE, 1.5, FAINT, "4 3"),
        }[kind]
        self.rect(cx - w / 2, y, w, h, fill, stroke, width, 8, dash)
        self.text(cx, y + h / 2 + 5.5, word, BODY, color, bold=kind in ("asking", "target", "changed"))

    def vector(self, cx, y, values, color, w=34, h=19, show=True, top=2.0):
        """Draw a column of cells: the larger the number, the darker its cell. `top` is as dark as it gets."""
        outline = DARK.get(color, color)
        for i, value in enumerate(values):
            self.cell(cx - w / 2, y + i * h, w, h, blend(color, 0.1 + 0.6 * min(abs(value) / top, 1)), outline)
            if show:
                self.text(cx, y + (i + 0.5) * h + 5, f"{value:g}", SMALL)

    def cell(self, x, y, w, h, fill="#ffffff", stroke=LINE, label="", size=SMALL):
        """Draw one cell of a vector or a grid."""
        self.rect(x, y, w, h, fill, stroke, 1)
        if label:
            self.text(x + w / 2, y + h / 2 + 5, label, size)

    def matrix(self, cx, y, label, color, w=36, h=28):
        """Draw a learned matrix: a filled tile in the color of what it makes."""
        self.rect(cx - w / 2, y, w, h, color, r=3)
        self.text(cx, y + h / 2 + 4, label, SMALL, "#ffffff" if color in (BLUE, FAINT) else INK, bold=True)

    def node(self, cx, cy, sign, color=LINE, r=10):
        """Draw a circle in which two things meet."""
        place = f'cx="{number(cx)}" cy="{number(cy)}" r="{number(r)}"'
        self.parts.append(f'<circle {place} fill="#ffffff" stroke="{color}" stroke-width="1.6"/>')
        self.text(cx, cy + 5.5, sign, bold=True)

    def dot(self, cx, cy, color=LINE, r=4):
        """Draw a filled dot: two lines join here, they do not cross."""
        self.parts.append(f'<circle cx="{number(cx)}" cy="{number(cy)}" r="{number(r)}" fill="{color}"/>')

    def block(self, x, y, w, h, name, shape="", colors=(TILE, LINE, INK, MUTED)):
        """Draw a part of the network with its name and the shape it works on; colors: fill, outline, name, shape."""
        fill, stroke, ink, muted = colors
        self.rect(x, y, w, h, fill, stroke, 1.5, 8)
        if shape:
            self.text(x + w / 2, y + h / 2 - 3, name, BODY, ink, bold=True)
            self.text(x + w / 2, y + h / 2 + 15, shape, SMALL, muted)
        else:
            self.text(x + w / 2, y + h / 2 + 5.5, name, BODY, ink, bold=True)

    # --- what flows

    def arrow(self, *corners, label=None, color=LINE, width=1.6, dash=None, halo=0):
        """Draw a line through the corners with a head at its end; the label stands right of its first stretch."""
        (x0, y0), (x1, y1) = corners[-2:]
        length = math.hypot(x1 - x0, y1 - y0) or 1
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        size = 6 + width
        side = size * 0.55
        x, y = x1 - ux * size, y1 - uy * size  # the line ends where the head begins
        self.path(points(*corners[:-1], (x, y)), color, width, dash, halo)
        self.shape((x1, y1), (x - uy * side, y + ux * side), (x + uy * side, y - ux * side), fill=color)
        if label:
            (xa, ya), (xb, yb) = corners[:2]
            self.text((xa + xb) / 2 + 9, (ya + yb) / 2 + 4, label, SMALL, MUTED, "start")

    def arc(self, x1, x2, y, weight, color=BLUE, scale=40):
        """Draw attention between two tokens, as wide as its weight: `scale` units for a weight of one."""
        if abs(x2 - x1) < 20:  # a token that attends to itself
            a, b, top = x1 - 9, x2 + 9, number(y - 44)
        else:
            a, b, top = x1, x2, number(y - 34 - abs(x2 - x1) * 0.22)
        d = f"M{number(x1)} {number(y)}C{number(a)} {top} {number(b)} {top} {number(x2)} {number(y)}"
        self.path(d, color, max(1.5, weight * scale))

    def arcs(self, asking, lanes, y, weights, color=BLUE, scale=40):
        """Draw the attention of one token to all; there the arcs stand side by side, so that none hides another."""
        # they land in this order: left neighbors from near to far, the token itself (two legs), right ones far to near
        order = [*range(asking - 1, -1, -1), asking, *range(len(lanes) - 1, asking, -1)]
        widths = [max(1.5, weight * scale) for weight in weights]
        room = [widths[i] * (2.5 if i == asking else 1) + 4 for i in order]
        x = lanes[asking] - (sum(room) - 4) / 2
        for i, space in zip(order, room):
            start = x + widths[i] / 2
            self.arc(start, start + 1.5 * widths[i] if i == asking else lanes[i], y, weights[i], color, scale)
            x += space

    def band(self, start, end, width, color, low=0.5, halo=0):
        """Draw a ribbon that carries a share downwards, as wide as the share; `low` is where it runs across."""
        (x1, y1), (x2, y2) = start, end
        middle = number(y1 + (y2 - y1) * low)
        d = f"M{number(x1)} {number(y1)}C{number(x1)} {middle} {number(x2)} {middle} {number(x2)} {number(y2)}"
        self.path(d, color, width, halo=halo)

    def bracket(self, x1, x2, y, text, depth=10, color=LINE):
        """Join two things from below (depth > 0) or above, and say what they have in common."""
        self.path(f"M{number(x1)} {number(y)}v{depth}H{number(x2)}v{-depth}", color)
        self.text((x1 + x2) / 2, y + depth + 5, text, back="#ffffff")

    # --- the file

    def svg(self) -> str:
        """Return the file's text."""
        body = "\n".join(self.parts)
        panel = f'width="{WIDTH - 1}" height="{self.height - 1}" rx="14" fill="#ffffff" stroke="#e2e2e2"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{self.height}" '
            f'viewBox="0 0 {WIDTH} {self.height}" style="max-width:100%;height:auto" role="img">\n'
            f"<title>{escape(self.title)}</title>\n<desc>{escape(self.desc)}</desc>\n"
            f'<rect x="0.5" y="0.5" {panel}/>\n'
            f'<g font-family="{FONT}" font-size="{BODY}" fill="{INK}" text-anchor="middle">\n{body}\n</g>\n</svg>\n'
        )
