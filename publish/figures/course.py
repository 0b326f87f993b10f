"""The map of the course: once for each notebook, and once for the front page."""

from .primitives import INK, LINE, MARGIN, MUTED, SMALL, YELLOW, Figure, number

NAMES = {
    "01": ["Attention"],
    "02": ["Both", "directions"],
    "03": ["Masking"],
    "04": ["Sentence", "pairs"],
    "05": ["The", "encoder"],
    "06": ["Fine-tuning"],
    "07": ["[CLS]"],
    "08": ["Variants"],
}
ABOUT = {
    "01": "heads and masks",
    "02": "why hide words",
    "03": "80/10/10, loss",
    "04": "does B follow A?",
    "05": "BERT, line by line",
    "06": "your classifier",
    "07": "texts as vectors",
    "08": "smaller and faster",
}
W, H, UPPER, LOWER = 138, 34, 25, 94  # of the boxes; the tops of the two rows


def course_map(here: str) -> Figure:
    """Draw the eight notebooks in reading order, what each one needs, and where the reader is."""
    name = " ".join(NAMES[here])
    fig = Figure(
        f"map_{here}",
        f"Map of the course: you are in notebook {here}, {name}",
        "Eight boxes in two rows: 01 Attention, 02 Both directions, 03 Masking, 04 Sentence pairs; 05 The encoder, "
        "06 Fine-tuning, 07 [CLS], 08 Variants. An arrow says which notebook to do before which: 01 before 02, 02 "
        "before 03, 03 before 04, 03 and 04 before 05, 05 before 06, 06 before 07, 07 before 08, and 03 before 08. "
        f"Notebook {here} is marked: you are here.",
        150,
    )
    lefts = boxes(fig, H, UPPER, LOWER)
    for i, (label, lines) in enumerate(NAMES.items()):
        x, y = lefts[i % 4], LOWER if i > 3 else UPPER
        on = label == here
        fig.rect(x, y, W, H, YELLOW if on else "#ffffff", INK if on else LINE, 2.5 if on else 1.5, 8)
        fig.text(x + 8, y + 23, label, anchor="start", bold=True)
        fig.lines(x + 37, y + (23 if len(lines) == 1 else 15), *lines, size=16, color=INK, step=15)
        if on:
            fig.flag(x + W / 2, LOWER + H - 1 if i > 3 else UPPER - 19, 20)
    fig.text(620, 18 if here > "04" else 141, "A → B: do A before B", SMALL, MUTED, "end")
    return fig


def front_map() -> Figure:
    """Draw the eight notebooks with a line about each, and what each one needs."""
    fig = Figure(
        "map",
        "Map of the course: what each notebook is about, and what it needs",
        "Eight boxes in two rows. 01 Attention: heads and masks. 02 Both directions: why hide words. 03 Masking: "
        "80/10/10, loss. 04 Sentence pairs: does B follow A? 05 The encoder: BERT, line by line. 06 Fine-tuning: "
        "your classifier. 07 [CLS]: texts as vectors. 08 Variants: smaller and faster. An arrow says which "
        "notebook to do before which: 01 before 02, 02 before 03, 03 before 04, 03 and 04 before 05, 05 before 06, 06 "
        "before 07, 07 before 08, and 03 before 08.",
        182,
    )
    high, upper, lower = 50, 14, 104
    lefts = boxes(fig, high, upper, lower)
    for i, (label, lines) in enumerate(NAMES.items()):
        x, y = lefts[i % 4], lower if i > 3 else upper
        fig.rect(x, y, W, high, "#ffffff", LINE, 1.5, 8)
        fig.text(x + 8, y + 20, label, anchor="start", bold=True)
        fig.text(x + 33, y + 20, " ".join(lines), 13, INK, "start")
        fig.text(x + W / 2, y + 40, ABOUT[label], SMALL, MUTED)
    fig.text(620, 174, "A → B: do A before B", SMALL, MUTED, "end")
    return fig


def boxes(fig: Figure, high: float, upper: float, lower: float) -> list[float]:
    """Draw the arrows between two rows of four boxes; return the left edges of the boxes of a row."""
    lefts = [MARGIN + 153.5 * i for i in range(4)]
    for y in (upper, lower):
        for x in lefts[:3]:
            fig.arrow((x + W, y + high / 2), (x + 153.5, y + high / 2), width=2)
    to05, to08 = upper + high + 12, upper + high + 24  # the two lines between the rows, each on a height of its own
    three, four, five, eight = lefts[2] + 44, lefts[3] + 44, lefts[0] + W / 2, lefts[3] + W / 2 + 24
    fig.arrow((four, upper + high), (four, to05), (five, to05), (five, lower), width=2)
    fig.path(f"M{number(three)} {upper + high}V{to05}", width=2)
    fig.dot(three, to05)
    three += 60
    fig.arrow((three, upper + high), (three, to08), (eight, to08), (eight, lower), width=2, halo=6)
    return lefts


def figures():
    """Draw the map once for each notebook, and the one of the front page."""
    return [*map(course_map, NAMES), front_map()]
