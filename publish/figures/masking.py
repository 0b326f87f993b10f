"""The figures of notebook 03: the blank, from text to loss, the 80/10/10 rule, static and dynamic, what it taught."""

import math

from .primitives import BLUE, FAINT, GREEN, INK, LINE, MUTED, PALE, SKY, SMALL, TILE, VERMILION, Figure, blend

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


def question():
    """Draw the opening: a blank, and the words on both sides that must fill it."""
    words = "the [MASK] sat on the mat .".split()
    fig = Figure(
        "03_question",
        "A blank, and the words on both sides of it",
        "The sentence 'the [MASK] sat on the mat .' with arrows from all other words into the vector above [MASK]. "
        "From this vector, a list of candidates: cat, dog, chair, and child.",
        344,
    )
    lanes, blank = [62 + 86 * i for i in range(7)], 1
    fig.heading("Which word is hidden?")
    for i, x in enumerate(lanes):
        if i != blank:
            fig.arrow((x, 276), (lanes[blank] + 4 * (i - blank), 226), color=BLUE, width=1.8)
    for x, word in zip(lanes, words):
        fig.token(x, 278, word, "mask" if word == "[MASK]" else "plain", w=76)
    fig.vector(lanes[blank], 164, [7, 3, 9, 5], BLUE, 40, 15, show=False, top=10)
    fig.arrow((lanes[blank] + 24, 178), (250, 140), color=INK)
    for i, word in enumerate(("cat", "dog", "chair", "child")):
        y = 70 + 34 * i
        fig.rect(254, y, 130, 28, "#ffffff", LINE, 1.2, 5)
        fig.text(266, y + 19, word, anchor="start")
    fig.lines(404, 106, "Each entry of the", "vocabulary gets", "a probability.", "Which is highest?", color=INK)
    fig.lines(20, 332, "All words, left and right, contribute to the vector at [MASK].")
    return fig


def mix():
    """Draw the 80/10/10 rule: what a target becomes, and what the model has to do there."""
    fig = Figure(
        "03_mix",
        "What becomes of 100 tokens",
        "A bar of 100 tokens: 85 are not targets, 15 are. A second bar magnifies the 15: on average 12 become [MASK], "
        "1.5 become a random token, 1.5 stay as they are. Below, for the target film: the model sees [MASK], table, or "
        "film; the label is film each time. A token that is not a target has no label.",
        382,
    )
    fig.heading("What becomes of 100 tokens?")
    fig.rect(20, 60, 600, 34, "#ffffff", LINE)
    fig.rect(20, 60, 90, 34, TILE, INK, 2)
    fig.text(65, 82, "15 targets", SMALL, bold=True)
    fig.text(365, 82, "85 others: shown as they are, no label", SMALL, MUTED)
    fig.path("M20 96V128M110 96L620 128", LINE, 1.2, "4 4")
    for x, w, color, label in (
        (20, 480, blend(SKY, 0.75), "12 become [MASK]"),
        (500, 60, blend(VERMILION, 0.55), "1.5"),
        (560, 60, blend(GREEN, 0.45), "1.5"),
    ):
        fig.rect(x, 130, w, 34, color, INK, 1.5)
        fig.text(x + w / 2, 152, label, SMALL, bold=True)
    fig.text(530, 182, "random", SMALL, MUTED)
    fig.text(590, 182, "stay", SMALL, MUTED)
    rows = [
        ("[MASK]", "mask", "a target (80%)", "film"),
        ("table", "changed", "a target (10%)", "film"),
        ("film", "target", "a target (10%)", "film"),
        ("film", "plain", "not a target", "none"),
    ]
    for x, text in ((20, "if *film* is"), (250, "the model sees"), (400, "the label is")):
        fig.text(x, 220, text, SMALL, MUTED, "start")
    for i, (seen, kind, share, label) in enumerate(rows):
        y = 232 + 36 * i
        fig.text(20, y + 20, share, SMALL, INK, "start")
        fig.token(288, y, seen, kind, w=76, h=28)
        fig.text(400, y + 20, label, SMALL, INK if label == "film" else MUTED, "start", bold=label == "film")
    return fig


def static_dynamic():
    """Draw one sentence in three epochs, masked once and masked again each time."""
    words = "a slow but kind film about cats".split()
    fig = Figure(
        "03_static_dynamic",
        "One sentence in three epochs, with static and with dynamic masking",
        "The sentence 'a slow but kind film about cats' three times with static masking: film is [MASK] in every "
        "epoch. Three times with dynamic masking: slow, then about, then kind and cats are [MASK].",
        372,
    )
    fig.heading("Is a sentence masked once, or again in every epoch?")
    lanes = [130 + 75 * i for i in range(7)]
    panels = [
        (64, "**Static:** masked once, before training", ([4], [4], [4])),
        (218, "**Dynamic:** masked again whenever it is read", ([1], [5], [3, 6])),
    ]
    for y, title, epochs in panels:
        fig.text(20, y, title, anchor="start")
        for e, hidden in enumerate(epochs):
            top = y + 12 + 40 * e
            fig.text(20, top + 21, f"epoch {e + 1}", SMALL, MUTED, "start")
            for i, (x, word) in enumerate(zip(lanes, words)):
                on = i in hidden
                fig.token(x, top, "[MASK]" if on else word, "mask" if on else "plain", w=69)
    fig.path("M20 194H620", PALE, 1.2)
    return fig


# mix -> shares of hidden nouns, of visible words, and of replaced nouns that are predicted; a test holds them to 03
TAUGHT = {
    "M": ("100.0%", "9.1%", "55.5%"),
    "M+stay": ("100.0%", "100.0%", "8.7%"),
    "M+random": ("100.0%", "9.5%", "64.9%"),
    "80/10/10": ("100.0%", "99.6%", "88.0%"),
}
LEARNED = ("nothing about visible words", "trust every visible word", "not to trust visible words", "trust, but check")


def answer():
    """Draw the ending: what each mix of the rule taught the model, as the notebook measured it."""
    fig = Figure(
        "03_answer",
        "What each part of the 80/10/10 rule taught",
        "A table of four training mixes and three tests: hidden noun, visible words, wrong noun. "
        + "; ".join(f"{name}: {', '.join(shares)}" for name, shares in TAUGHT.items())
        + ". Only 80/10/10 is high in all three.",
        408,
    )
    fig.heading("What does each part of the rule teach?")
    columns = [(256, "predict a", "hidden noun"), (392, "predict", "visible words"), (528, "correct a", "wrong noun")]
    for x, *lines in columns:
        for i, line in enumerate(lines):
            fig.text(x, 70 + 18 * i, line, SMALL, MUTED)
    for r, ((name, shares), learned) in enumerate(zip(TAUGHT.items(), LEARNED)):
        y = 102 + 68 * r
        fig.text(20, y + 28, f"**{name}**", anchor="start")
        fig.text(20, y + 52, f"learns: {learned}", SMALL, MUTED, "start")
        for (x, *_), share in zip(columns, shares):
            value = float(share.rstrip("%")) / 100
            fig.rect(x - 58, y + 6, 116, 30, "#ffffff", PALE, 1)
            fig.rect(x - 58, y + 6, 116 * value, 30, blend(BLUE, 0.35))
            fig.text(x, y + 26, share, bold=value > 0.8)
    fig.lines(20, 392, "M: [MASK]. Toy language, 1,000 new sentences. Bold: over 80%.")
    return fig


def figures():
    """Draw the figures of notebook 03."""
    return [question(), pipeline(), mix(), static_dynamic(), answer()]
