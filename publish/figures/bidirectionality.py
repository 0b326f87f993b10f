"""The figure of notebook 02: which words a vector can draw on in GPT, ELMo, and BERT."""

from .primitives import BLUE, LINE, MUTED, PALE, PURPLE, SMALL, Figure


def who_sees_whom():
    """Draw the connections of three architectures, as seen from one word."""
    words = "he robbed the bank yesterday".split()
    bank = words.index("bank")
    fig = Figure(
        "02_who_sees_whom",
        "Which words can the vector of bank draw on?",
        "Three panels for 'he robbed the bank yesterday'. In GPT the vector of bank draws on he, robbed, the, and "
        "bank, but not on yesterday. ELMo joins two one-way models: one half of the vector draws on the words up to "
        "bank, the other on bank and yesterday; the halves meet only at the end. In BERT one vector draws on all "
        "five words, in every layer. Since that includes bank itself, training puts [MASK] in its place.",
        756,
    )
    lanes = [80 + 120 * i for i in range(5)]
    fig.heading("Which words can the vector of *bank* draw on?")
    left, right = (-9, BLUE, lambda i, j: j <= i), (9, PURPLE, lambda i, j: j >= i)
    panels = [
        ("GPT", "one model, left to right", "the left side only", [(0, *left[1:])]),
        ("ELMo", "two one-way models, joined at the end", "left half + right half", [left, right]),
        ("BERT", "one model, both directions in every layer", "all five words at once", [(0, BLUE, lambda i, j: True)]),
    ]
    for p, (name, text, result, views) in enumerate(panels):
        y = 70 + 192 * p
        top, bottom = y + 44, y + 112
        fig.text(20, y, f"**{name}:** {text}", anchor="start")
        for i in sorted(range(5), key=lambda i: i == bank):
            for shift, color, sees in views:
                d = "".join(f"M{lanes[i] + shift} {bottom}L{lanes[j]} {top}" for j in range(5) if sees(i, j))
                fig.path(d, color if i == bank else PALE, 2.8 if i == bank else 1.1)
        for i, (x, word) in enumerate(zip(lanes, words)):
            seen = any(sees(bank, i) for _, _, sees in views)
            fig.token(x, y + 12, word, "target" if i == bank else "plain" if seen else "ghost", w=106)
            for shift, color, _ in views:
                w = 18 if len(views) > 1 else 28
                fig.vector(
                    x + shift, bottom, [8, 4, 6], color if i == bank else LINE, w, 10, False, 10 + 8 * (i != bank)
                )
        fig.text(lanes[bank], bottom + 49, result, SMALL, MUTED)
    fig.path("M20 632H620", PALE, 1.2)
    fig.text(20, 656, "**The price:** *bank* sees itself, so predicting it would be copying.", anchor="start")
    fig.text(20, 678, "So in training [MASK] takes its place:", anchor="start")
    for i, (x, word) in enumerate(zip(lanes, words)):
        fig.token(x, 690, "[MASK]" if i == bank else word, "mask" if i == bank else "plain", w=106)
    fig.text(lanes[bank], 741, "*bank*", color=MUTED)
    return fig


def figures():
    """Draw the figures of notebook 02."""
    return [who_sees_whom()]
