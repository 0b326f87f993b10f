"""The map of the course, once for each notebook."""

from .primitives import INK, LINE, MARGIN, MUTED, SMALL, YELLOW, Figure

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
W, H, UPPER, LOWER = 138, 36, 26, 90  # of the boxes; the tops of the two rows


def course_map(here: str) -> Figure:
    """Draw the eight notebooks in reading order, what each one needs, and where the reader is."""
    name = " ".join(NAMES[here])
    fig = Figure(
        f"map_{here}",
        f"Map of the course: you are in notebook {here}, {name}",
        "Eight boxes in two rows: 01 Attention, 02 Both directions, 03 Masking, 04 Sentence pairs; 05 The encoder, "
        "06 Fine-tuning, 07 [CLS], 08 Variants. Arrows say what is needed for what: 01 for 02, 02 for 03, 03 for 04, "
        f"03 and 04 for 05, then 05 for 06, 06 for 07, 07 for 08; 03 is also needed for 08. Notebook {here} is "
        "marked: you are here.",
        150,
    )
    lefts = [MARGIN + 153.5 * i for i in range(4)]
    for y in (UPPER, LOWER):
        for x in lefts[:3]:
            fig.arrow((x + W, y + H / 2), (x + 153.5, y + H / 2), width=2)
    centers = [x + W / 2 for x in lefts]
    fig.path(f"M{centers[2] - 24} {UPPER + H}V70", width=2)
    fig.arrow((centers[3] - 24, UPPER + H), (centers[3] - 24, 70), (centers[0], 70), (centers[0], LOWER), width=2)
    third, last = centers[2] + 24, centers[3] + 24
    fig.arrow((third, UPPER + H), (third, 78), (last, 78), (last, LOWER), width=2, halo=3)
    for i, (label, lines) in enumerate(NAMES.items()):
        x, y = lefts[i % 4], LOWER if i > 3 else UPPER
        on = label == here
        fig.rect(x, y, W, H, YELLOW if on else "#ffffff", INK if on else LINE, 2.5 if on else 1.5, 8)
        fig.text(x + 8, y + 24, label, anchor="start", bold=True)
        fig.lines(x + 37, y + (24 if len(lines) == 1 else 15), *lines, size=16, color=INK, step=16)
        if on:
            fig.flag(x + W / 2, 126 if i > 3 else 6, 20)
    fig.text(620, 18 if here > "04" else 141, "A → B: you need A for B", SMALL, MUTED, "end")
    return fig


def figures():
    """Draw the map once for each notebook."""
    return [course_map(here) for here in NAMES]
