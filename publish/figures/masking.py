"""The figure of notebook 03: masked language modeling, from text to loss."""

import math

from .primitives import FAINT, INK, LINE, MUTED, PALE, SMALL, TILE, Figure

WORDS = "the slow but kind film was fun .".split()
CHANGES = {
    1: ("slow", "target", "10% stay"),
    4: ("table", "changed", "10% random"),
    6: ("[MASK]", "mask", "80% [MASK]"),
}
# measured with the course's minilm-mlm on "the slow but kind table was [MASK] ."; None stands for the rest of the list
GUESSES = {
    1: [("slow", 0.788), ("slowly", 0.029), ("fast", 0.021), None],
    4: [("man", 0.043), ("girl", 0.014), None, ("film", 0.0016)],
    6: [("good", 0.021), ("slow", 0.019), None, ("fun", 0.0003)],
}


def pipeline():
    """Draw the steps of masked language modeling for one sentence."""
    chances = {i: dict(filter(None, rows))[WORDS[i]] for i, rows in GUESSES.items()}
    losses = {i: -math.log(p) for i, p in chances.items()}
    fig = Figure(
        "03_pipeline",
        "Masked language modeling, from text to loss",
        "The sentence 'the slow but kind film was fun .' has three targets: slow, film, and fun. Slow stays, film "
        "becomes the random word table, fun becomes [MASK]. The encoder reads the changed sentence and gives one "
        f"vector per position. Only the three targets get a prediction and a loss: {losses[1]:.2f} for slow, which "
        f"the model can read, {losses[4]:.2f} for film, and {losses[6]:.2f} for fun. Their mean, "
        f"{sum(losses.values()) / 3:.2f}, is the loss. The other five positions are grey: no loss.",
        716,
    )
    lanes = [57.5 + 75 * i for i in range(8)]
    fig.heading("Masked language modeling, from text to loss")
    fig.text(20, 68, "**1 Choose targets:** each token with probability 15%", anchor="start")
    fig.text(20, 143, "**2 Change**", anchor="start")
    for i, (x, word) in enumerate(zip(lanes, WORDS)):
        fig.token(x, 80, word, "target" if i in CHANGES else "plain")
        if i in CHANGES:
            seen, kind, label = CHANGES[i]
            fig.arrow((x, 113), (x, 163), color=INK)
            fig.text(x + 10, 143, label, SMALL, INK, "start")
            fig.token(x, 164, seen, kind)
            fig.text(x, 215, f"*{word}*", color=MUTED)
        else:
            fig.token(x, 164, word)
    fig.text(20, 215, "original:", SMALL, MUTED, "start")
    fig.text(245, 215, "(kept as labels)", SMALL, MUTED)
    fig.path("M20 226v8H620v-8")
    fig.arrow((320, 234), (320, 262), label="ids (seq,)")
    for y, text, shape in (
        (262, "**3 BERT encoder:** every position attends to all", "(seq, hidden)"),
        (384, "**4 MLM head:** a score per vocabulary entry", "(targets, vocab)"),
    ):
        fig.rect(20, y, 600, 38, TILE, LINE, 1.5, 8)
        fig.text(36, y + 25, text, anchor="start")
        fig.text(606, y + 24, shape, SMALL, MUTED, "end")
    for i, x in enumerate(lanes):
        on = i in CHANGES
        fig.arrow((x, 300), (x, 317), color=INK if on else PALE)
        fig.vector(x, 317, [9, 4, 7, 2] if on else [2, 1, 2, 1], MUTED if on else LINE, 26, 10, False, 10)
        if on:
            fig.arrow((x, 357), (x, 384), color=INK)
        else:
            fig.text(x, 376, "no loss", SMALL, FAINT)
    for i, rows in GUESSES.items():
        x = lanes[i]
        fig.arrow((x, 422), (x, 442), color=INK)
        for j, row in enumerate(rows):
            y = 443 + 26 * j
            if row is None:
                fig.text(x, y + 18, "⋮", SMALL, MUTED)
                continue
            guess, p = row
            right = guess == WORDS[i]
            fig.rect(x - 66, y, 132 * p, 24, PALE)
            fig.text(x - 52, y + 17, guess, SMALL, INK, "start", bold=right)
            fig.text(x + 58, y + 17, f"{p:.{3 if p >= 0.01 else 4}f}", SMALL, INK, "end", bold=right)
            if right:
                fig.rect(x - 66, y, 132, 24, "none", INK, 2, 5)
        fig.arrow((x, 550), (x, 570), color=INK)
        fig.text(x, 588, f"−ln {chances[i]:.3g} = **{losses[i]:.2f}**", SMALL)
    fig.path(f"M{lanes[1]} 597v13H{lanes[6]}v-13M{lanes[4]} 597v13", INK)
    fig.arrow((lanes[4], 610), (lanes[4], 628), color=INK)
    fig.text(lanes[4], 647, f"**5 Loss:** mean over the three targets = **{sum(losses.values()) / 3:.2f}**")
    fig.lines(
        20,
        676,
        "Three targets in eight tokens is more than 15%, to show each case once.",
        "Measured with the course's minilm-mlm; [CLS] and [SEP] are not drawn.",
    )
    return fig


def figures():
    """Draw the figures of notebook 03."""
    return [pipeline()]
