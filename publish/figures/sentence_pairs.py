"""The figures of notebook 04: which text follows, the row for two texts, truncation, false pairs, what cues achieve."""

from .primitives import BLUE, DARK, GREEN, INK, LINE, MUTED, ORANGE, PALE, SKY, SMALL, VERMILION, Figure, blend

A = "I bought this DVD for my kids because they love the cartoon."
CANDIDATES = (
    "They watched it twice on the first day.",
    "My kids love cartoons.",
    "The war scenes are brutal and realistic.",
)


def question():
    """Draw the opening: one text, and three that may follow it."""
    fig = Figure(
        "04_question",
        "Which text follows?",
        f"Text A: {A} Three arrows lead from it to three candidates for text B, each with a question mark: "
        + " ".join(CANDIDATES),
        272,
    )
    fig.heading("Which text follows A?")
    fig.rect(20, 54, 600, 40, blend(BLUE, 0.18), BLUE, 2, 8)
    fig.text(36, 79, f"**A**  {A}", SMALL, anchor="start")
    for i, text in enumerate(CANDIDATES):
        y = 124 + 46 * i
        fig.arrow((40 + 14 * i, 94), (40 + 14 * i, y + 18), (126, y + 18), color=INK)
        fig.rect(128, y, 430, 36, "#ffffff", LINE, 1.5, 8)
        fig.text(144, y + 23, f"**B?**  {text}", SMALL, anchor="start")
    return fig


IDS = [101, 2009, 3092, 102, 2057, 2253, 2188, 102, 0]  # of the row's tokens in BERT's vocabulary; a test holds them


def row():
    """Draw one row for two texts: the tokens, and the three embeddings that are added at each position."""
    tokens = ["[CLS]", "it", "ended", "[SEP]", "we", "went", "home", "[SEP]", "[PAD]"]
    segments = [0, 0, 0, 0, 1, 1, 1, 1, 0]
    fig = Figure(
        "04_row",
        "One row for two texts",
        "The tokens [CLS] it ended [SEP] we went home [SEP] and one [PAD]. Each position has three numbers: the "
        "token's id, its position from 0 to 8, and its segment, which is 0 up to the first [SEP], 1 up to the second, "
        "and 0 at [PAD]. Each number picks a vector from a table of its own, and the three vectors are added. The "
        "attention mask is 1 everywhere but at [PAD].",
        452,
    )
    fig.heading("One row for two texts")
    lanes = [141 + 56.5 * i for i in range(9)]
    for a, b, name, color in ((0, 3, "segment 0: text A", BLUE), (4, 7, "segment 1: text B", ORANGE)):
        fig.rect(lanes[a] - 27, 52, lanes[b] - lanes[a] + 54, 26, blend(color, 0.25), r=6)
        fig.text((lanes[a] + lanes[b]) / 2, 70, name, SMALL)
    for x, token in zip(lanes, tokens):
        fig.token(x, 84, token, "ghost" if token == "[PAD]" else "plain", w=54)
    pads = [PALE if token == "[PAD]" else None for token in tokens]
    tables = (
        ("token", "30,522 rows", [(7, 2, 9), (3, 8, 4), (9, 5, 1), (2, 6, 8), (5, 1, 7), (8, 9, 3), (4, 7, 6)], GREEN),
        ("position", "512 rows", [(1, 5, 8), (4, 8, 2), (7, 3, 5), (9, 1, 4), (6, 2, 9), (3, 7, 1), (8, 4, 6)], SKY),
        ("segment", "2 rows", [(2, 4, 2), (8, 6, 9)], None),
    )
    for r, (name, size, shades, color) in enumerate(tables):
        y = 128 + 74 * r
        fig.label(y + 22, name, size)
        for i, x in enumerate(lanes):
            number = (IDS, range(9), segments)[r][i]
            paint = pads[i] or color or (BLUE, ORANGE)[segments[i]]
            picked = shades[number] if name == "segment" else shades[i % 7]
            fig.text(x, y + 14, str(number), SMALL, MUTED if pads[i] else INK, bold=name == "segment")
            for k, shade in enumerate(picked):
                fig.cell(x - 24 + 16 * k, y + 20, 16, 26, blend(paint, 0.1 + 0.07 * shade))
            fig.text(x, y + 64, "+" if r < 2 else "=", SMALL, MUTED)
    fig.label(370, "input", "(seq, hidden)")
    for i, x in enumerate(lanes):
        for k in range(3):
            shade = (sum(table[2][i % len(table[2])][k] for table in tables) * 7 + 3 * k) % 10
            fig.cell(x - 24 + 16 * k, 354, 16, 26, blend(pads[i] or MUTED, 0.1 + 0.06 * shade))
    fig.label(412, "attention", "mask")
    for x, token in zip(lanes, tokens):
        fig.text(x, 420, "0" if token == "[PAD]" else "1", bold=token == "[PAD]")
    return fig


def truncate():
    """Draw how the longer text loses tokens until both fit."""
    lost_a, lost_b = {0: 2, 1: 4, 8: 1, 7: 3, 6: 5}, {0: 6}
    fig = Figure(
        "04_truncate",
        "Which token goes next?",
        "Text A has nine tokens, text B four, and together they may have seven. A loses five tokens, numbered in their "
        "order, two at its front and three at its back; then both have four, and B loses one at its front. What "
        "remains of each text is one unbroken run: four tokens of A, three of B.",
        262,
    )
    fig.heading("Room for seven tokens: which go, and in which order?")
    for y, name, count, lost, color in ((62, "A", 9, lost_a, BLUE), (136, "B", 4, lost_b, ORANGE)):
        fig.text(30, y + 26, f"**{name}**")
        for i in range(count):
            x = 58 + 62 * i
            on = i not in lost
            fig.rect(
                x, y, 54, 40, blend(color, 0.3) if on else "#ffffff", INK if on else LINE, 1.5, 6, None if on else "4 3"
            )
            if not on:
                fig.text(x + 27, y + 26, str(lost[i]), bold=True)
    fig.lines(
        20,
        208,
        "Numbers: the order of removal. The longer text loses the next token,",
        "at its front or back at random. At equal lengths, it's B's turn.",
        step=20,
    )
    return fig


def negatives():
    """Draw which segments may become a false B."""
    fig = Figure(
        "04_negatives",
        "Where may a false B come from?",
        "Three reviews with three sentences each. A is the first sentence of review 1, its true B the second: It is a "
        "gem. A false B may not come from review 1, and not be the second sentence of review 3, which also says: It "
        "is a gem. The five other sentences of reviews 2 and 3 are allowed.",
        296,
    )
    fig.heading("Where may a false B come from?")
    reviews = (
        ("review 1", (("I saw it twice.", "A"), ("It is a gem.", "true B"), ("See it.", "no: same review"))),
        ("review 2", (("The plot drags.", "allowed"), ("The end is silly.", "allowed"), ("Avoid it.", "allowed"))),
        (
            "review 3",
            (("I laughed a lot.", "allowed"), ("It is a gem.", "no: copy of true B"), ("Bring friends.", "allowed")),
        ),
    )
    for c, (name, segments) in enumerate(reviews):
        x = 20 + 204 * c
        fig.text(x, 68, name, SMALL, MUTED, "start", bold=True)
        for r, (text, note) in enumerate(segments):
            y = 78 + 70 * r
            fill, stroke = {
                "A": (blend(BLUE, 0.25), BLUE),
                "true B": (blend(GREEN, 0.3), GREEN),
                "allowed": (blend(ORANGE, 0.3), LINE),
            }.get(note, ("#ffffff", LINE))
            fig.rect(
                x, y, 192, 56, fill, stroke, 2 if note in ("A", "true B") else 1.5, 8, "4 3" if "no" in note else None
            )
            fig.text(x + 96, y + 24, text)
            fig.text(x + 96, y + 44, note, SMALL, DARK[VERMILION] if "no" in note else INK, bold=note != "allowed")
    return fig


# what -> accuracy on the same pairs, and what is missing; a test holds them to 04
MEASURED = {  # on our pairs, on pairs made as in tiny-bert's training
    "tiny-bert": ("76.0%", "76.5%", "reads A and B together"),
    "tiny-bert, shuffled": ("73.8%", "69.6%", "without the order of the words"),
    "shared words": ("74.5%", "66.8%", "never read A and B together"),
    "tiny-bert, segment IDs 0": ("58.2%", None, "B marked as part of A"),
}


def answer():
    """Draw the answer: what each method reached, on both kinds of pairs, beside guessing."""
    fig = Figure(
        "04_answer",
        "What does next sentence prediction need?",
        "Accuracies on our 2,470 pairs (segment IDs 0 on 1,200 of them), and on pairs made as in tiny-bert's training: "
        + "; ".join(
            f"{name} ({about}): {ours}" + (f" and {theirs}" if theirs else "")
            for name, (ours, theirs, about) in MEASURED.items()
        )
        + ". Always answering false is right on 51.5% of our pairs.",
        392,
    )
    fig.heading("What does next sentence prediction need?")
    left, full = 256, 310  # from 0 to 100%
    for r, (name, (*shares, about)) in enumerate(MEASURED.items()):
        y, color = 62 + 66 * r, SKY if "tiny" in name else GREEN
        fig.text(20, y + 18, name, SMALL, anchor="start", bold=True)
        fig.text(20, y + 38, about, SMALL, MUTED, "start")
        for share, top, strength in zip(shares, (y, y + 25), (0.6, 0.25)):
            if share:
                value = full * float(share.rstrip("%")) / 100
                fig.rect(left, top, value, 22, blend(color, strength))
                fig.text(left + value + 8, top + 17, share, SMALL, anchor="start", bold=strength > 0.5)
    x = left + full * 0.515
    fig.path(f"M{x:.0f} 54V322", INK, 1.4, "5 4")
    fig.text(x, 342, "always 'false', 51.5%", SMALL, MUTED)
    for x, strength, label in ((20, 0.6, "our pairs"), (130, 0.25, "pairs made as in tiny-bert's training")):
        fig.rect(x, 362, 16, 16, blend(SKY, strength))
        fig.text(x + 24, 375, label, SMALL, INK, "start")
    return fig


def figures():
    """Draw the figures of notebook 04."""
    return [question(), row(), truncate(), negatives(), answer()]
