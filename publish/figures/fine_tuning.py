"""The figures of notebook 06: the recipe, the splits, the classifier, four rungs, a paired test, a CSV, two ways
to take *not*, the end."""

from .primitives import BLUE, DARK, GREEN, INK, LINE, MUTED, ORANGE, PALE, SMALL, TILE, VERMILION, Figure, blend

PRETRAINED = (blend(BLUE, 0.22), BLUE, INK, MUTED)
NEW = (blend(ORANGE, 0.3), DARK[ORANGE], INK, MUTED)
UNTRAINED = (blend(BLUE, 0.08), BLUE, INK, MUTED)
PLAIN = ("#ffffff", LINE, INK, MUTED)
FIXED = (TILE, LINE, INK, MUTED)


def recipe():
    """Draw the opening: what fine-tuning goes through, from labeled reviews to a prediction."""
    fig = Figure(
        "06_recipe",
        "Fine-tuning, from start to end",
        "Inside a frame called training: labeled reviews go to the tokenizer, then to the pretrained encoder, then "
        "to a new classifier, which gives a loss. An arrow from the loss leads back to the encoder and the "
        "classifier: AdamW changes all weights a little. Validation comes after each epoch. After training come test, "
        "a saved folder, and predictions for your own text.",
        366,
    )
    fig.heading("The recipe")
    fig.rect(10, 48, 620, 212, "#ffffff", LINE, 1.5, 10, "5 4")
    parts = ((22, 104, "reviews", "text, label", PLAIN), (150, 104, "tokenizer", "IDs, mask", PLAIN))
    parts += ((278, 112, "encoder", "pretrained", PRETRAINED), (414, 106, "classifier", "new", NEW))
    parts += ((544, 74, "loss", "", PLAIN),)
    for (x, w, name, note, colors), following in zip(parts, [*parts[1:], None]):
        fig.block(x, 64, w, 58, name, note, colors)
        if following:
            fig.arrow((x + w, 93), (following[0], 93))
    fig.path("M581 122V158H334", INK)
    fig.arrow((334, 158), (334, 122), color=INK)
    fig.arrow((467, 158), (467, 122), color=INK)
    fig.dot(467, 158, INK)
    fig.text(426, 181, "AdamW changes all weights a little", SMALL)
    fig.text(26, 181, "**training**, in epochs", SMALL, anchor="start")
    fig.block(26, 198, 168, 48, "validation", "after each epoch", PLAIN)
    fig.arrow((82, 260), (82, 288))
    after = (("test", "at the end"), ("save", "a folder"), ("predict", "your text"))
    for i, (name, note) in enumerate(after):
        x = 10 + 213 * i
        fig.block(x, 288, 194, 58, name, note, PLAIN)
        if i < 2:
            fig.arrow((x + 194, 317), (x + 213, 317))
    return fig


def splits():
    """Draw the three splits and the one job of each."""
    fig = Figure(
        "06_splits",
        "Three splits, three jobs",
        "Rotten Tomatoes has 6,773 training sentences, of which the class run uses 300, 887 validation sentences, "
        "and 870 test sentences. Training changes the weights. Validation chooses: the epoch, the learning rate. "
        "Test reports, and decides nothing.",
        256,
    )
    fig.heading("Three splits, three jobs")
    rows = (
        ("train", 6773, "changes the weights", BLUE),
        ("validation", 887, "chooses: the epoch, the learning rate", ORANGE),
        ("test", 870, "reports, and decides nothing", GREEN),
    )
    for i, (name, n, job, color) in enumerate(rows):
        y = 58 + 60 * i
        fig.text(20, y + 24, f"**{name}**", anchor="start")
        fig.rect(126, y, 480 * n / 6773, 36, blend(color, 0.25), color, 1.5, 4)
        fig.rect(126, y, 480 * (n if name == "test" else 300) / 6773, 36, color, color, 1.5, 4)
        x = 160 if name == "train" else 204
        fig.text(x, y + 23, f"{n:,}: {job}", SMALL, anchor="start")
    fig.text(126, 240, "Dark: what this notebook uses, 300 + 300 + 870.", SMALL, MUTED, "start")
    return fig


def classifier():
    """Draw the way from [CLS] to the loss, with shapes."""
    fig = Figure(
        "06_classifier",
        "From [CLS] to the loss",
        "The tokens [CLS] a joy to watch [SEP] go through the encoder, and each gets a vector of 384 numbers. Only "
        "the vector of [CLS] goes on: through the pooler, a linear layer from 384 to 384 and tanh; through dropout; "
        "through a linear layer from 384 to 2. The result is two logits, for negative and positive. Logits and label "
        "give the loss. The encoder is pretrained; its pooler is untrained in MiniLM; the last layer is new.",
        408,
    )
    fig.heading("From [CLS] to the loss")
    lanes = [64 + 92 * i for i in range(6)]
    for x, token in zip(lanes, ("[CLS]", "a", "joy", "to", "watch", "[SEP]")):
        fig.token(x, 56, token)
        fig.arrow((x, 88), (x, 110))
        fig.arrow((x, 158), (x, 180))
    fig.block(24, 110, 540, 48, "encoder", "", PRETRAINED)
    for x in lanes:
        first = x == lanes[0]
        fig.vector(x, 182, (1.6, 0.5, 1.1) if first else (0.4, 0.9, 0.6), BLUE if first else PALE, h=14, show=False)
    fig.text(586, 192, "(batch,", SMALL, MUTED)
    fig.text(590, 210, "seq,", SMALL, MUTED)
    fig.text(590, 228, "384)", SMALL, MUTED)
    fig.arrow((lanes[0], 226), (lanes[0], 274), label="the vector of [CLS], (batch, 384)")
    fig.block(20, 276, 98, 58, "pooler", "384 → 384", UNTRAINED)
    fig.block(144, 276, 98, 58, "dropout", "", PLAIN)
    fig.block(268, 276, 98, 58, "linear", "384 → 2", NEW)
    for x, name, shade in ((392, "neg.", 0.15), (444, "pos.", 0.5)):
        fig.cell(x, 286, 52, 36, blend(ORANGE, shade), label=name)
    fig.block(540, 276, 80, 58, "loss", "", PLAIN)
    for a, b in ((118, 144), (242, 268), (366, 392), (496, 540)):
        fig.arrow((a, 305), (b, 305))
    fig.text(193, 354, "(batch, 384)", SMALL, MUTED)
    fig.text(444, 354, "logits, (batch, 2)", SMALL, MUTED)
    fig.arrow((580, 366), (580, 334))
    fig.text(580, 384, "label", SMALL)
    fig.key(20, 390, blend(BLUE, 0.35), "pretrained", SMALL)
    fig.key(130, 390, blend(ORANGE, 0.45), "new, random", SMALL)
    fig.key(246, 390, blend(BLUE, 0.1), "untrained in MiniLM", SMALL)
    return fig


def rungs():
    """Draw what each of four rungs takes from the text, and what it learns."""
    fig = Figure(
        "06_rungs",
        "Four rungs",
        "Four ways to classify a sentence. Majority ignores the text and always answers the more frequent label. TF- "
        "IDF turns the text into word counts, and a logistic regression is learned. Frozen: the pretrained encoder "
        "stays fixed, and a logistic regression on its [CLS] vector is learned. Full: the encoder and the classifier "
        "on top are both learned.",
        344,
    )
    fig.heading("What does each rung learn?")
    rows = (
        ("majority", None, ("most frequent label", NEW)),
        ("TF-IDF", ("word counts", FIXED), ("logistic regression", NEW)),
        ("frozen", ("encoder, [CLS]", FIXED), ("logistic regression", NEW)),
        ("full", ("encoder, [CLS]", NEW), ("classifier", NEW)),
    )
    for i, (name, middle, last) in enumerate(rows):
        y = 58 + 62 * i
        fig.text(20, y + 28, f"**{name}**", anchor="start")
        fig.block(118, y, 72, 44, "text", "", PLAIN)
        if middle:
            fig.arrow((190, y + 22), (216, y + 22))
            fig.block(216, y, 172, 44, middle[0], "", middle[1])
            fig.arrow((388, y + 22), (414, y + 22))
        else:
            fig.path(f"M190 {y + 22}H414", LINE, dash="4 4")
            fig.text(302, y + 27, "ignored", SMALL, MUTED, back="#ffffff")
        fig.block(414, y, 206, 44, last[0], "", last[1])
    fig.key(118, 326, blend(ORANGE, 0.45), "changed by the labels", SMALL)
    fig.key(330, 326, TILE, "fixed", SMALL)
    return fig


def paired():
    """Draw twenty sentences that two classifiers answer: the pairs that differ decide."""
    fig = Figure(
        "06_paired",
        "Same sentences, two classifiers",
        "Twenty sentences in two rows, right or wrong for A and for B. Both are right on twelve, only B on six, and "
        "neither on two; there is none that only A gets right. A bracket marks the six: they split 0 to 6.",
        206,
    )
    fig.heading("Twenty sentences, two classifiers")
    for row, (name, right) in enumerate((("A", 12), ("B", 18))):
        y = 56 + 42 * row
        fig.text(30, y + 22, f"**{name}**")
        for i in range(20):
            x = 52 + 28 * i
            fig.rect(x, y, 24, 32, blend(BLUE, 0.8) if i < right else "#ffffff", BLUE if i < right else LINE, 1.5, 4)
            if i < right:
                fig.path(f"M{x + 6} {y + 17}l4 5l8 -12", "#ffffff", 2.5)
            else:
                fig.path(f"M{x + 8} {y + 11}l8 10m0 -10l-8 10", LINE, 2)
    fig.bracket(52, 384, 140, "both right: no difference", depth=18)
    fig.bracket(388, 552, 140, "only B: 6", depth=18, color=VERMILION)
    fig.text(590, 160, "neither", SMALL, MUTED)
    return fig


def csv_file():
    """Draw the way from a CSV file to a folder that the library loads."""
    fig = Figure(
        "06_csv",
        "From a CSV file to a classifier",
        "A CSV file with a column of texts and a column of labels goes into transfer.fine_tune_csv. Out come a report, "
        "with accuracy, macro-F1, and a confusion matrix, and a folder, which transformers' pipeline loads to classify "
        "new texts.",
        238,
    )
    fig.heading("Your own file")
    rows = (
        ("sentence", "opinion"),
        ("a joy to watch", "positive"),
        ("flat and slow", "negative"),
        ("it has a cat", "in between"),
    )
    for r, (text, label) in enumerate(rows):
        y = 64 + 30 * r
        fig.cell(14, y, 122, 30, TILE if r == 0 else "#ffffff", label=text)
        fig.cell(136, y, 94, 30, TILE if r == 0 else "#ffffff", label=label)
    fig.text(125, 206, "a CSV file", SMALL, MUTED)
    fig.arrow((230, 124), (262, 124))
    fig.block(262, 94, 158, 60, "fine_tune_csv", "minutes", NEW)
    fig.path("M420 124H436", LINE)
    fig.arrow((436, 124), (436, 88), (462, 88))
    fig.arrow((436, 124), (436, 162), (462, 162))
    fig.block(462, 60, 158, 56, "report", "test accuracy, F1", PLAIN)
    fig.block(462, 134, 158, 56, "folder", "weights, labels", PRETRAINED)
    fig.text(541, 216, 'pipeline(…, "folder")', SMALL, MUTED)
    return fig


def negation():
    """Draw four phrases on a line from negative to positive, for two ways to take *not*."""
    fig = Figure(
        "06_not",
        "Two ways to take not",
        "Two lines from negative to positive. On the left, not is a mark of criticism: good is positive and not good "
        "negative, which is right, but bad and not bad are both negative, which is wrong. On the right, not turns a "
        "word around: not good is negative, and not bad is positive.",
        276,
    )
    fig.heading("*Not* as a mark of criticism, or *not* as a turn")
    ways = (
        ("a mark: *not bad* goes wrong", ((72, -72), (-72, -72))),
        ("a turn: what it should learn", ((72, -72), (-72, 72))),
    )
    for x, (title, moves) in zip((20, 332), ways):
        zero = x + 154
        fig.rect(x, 52, 288, 212, "#ffffff", LINE, 1.5, 10)
        fig.text(x + 14, 76, title, SMALL, INK, "start", bold=True)
        fig.path(f"M{zero} 88V232", PALE, 1.6, "4 3")
        fig.text(zero - 12, 252, "negative", SMALL, MUTED, "end")
        fig.text(zero + 12, 252, "positive", SMALL, MUTED, "start")
        for y, word, colors, (start, stop) in zip(
            (126, 188), ("good", "bad"), ((GREEN, VERMILION), (VERMILION, GREEN)), moves
        ):
            together = start == stop
            if not together:
                fig.arrow((zero + start, y), (zero + stop + (9 if stop < start else -9), y), color=LINE, width=2)
            fig.dot(zero + start, y, colors[0], 7)
            fig.dot(zero + stop - 16 * together, y, colors[1], 7)
            fig.text(zero + start, y - 14, word, SMALL, DARK[colors[0]], bold=True)
            fig.text(zero + stop, y + 28 if together else y - 14, f"not {word}", SMALL, DARK[colors[1]], bold=True)
    return fig


def end():
    """Draw the end: what fine-tuning changed, and what remains open."""
    fig = Figure(
        "06_end",
        "What fine-tuning changed",
        "Left: the encoder, with 22.7 million pretrained weights that fine-tuning changed a little. Right: the new "
        "linear layer with 770 weights. Between them, the vector of [CLS] with a question mark: what does it hold?",
        204,
    )
    fig.heading("What changed, and what is still a riddle")
    fig.block(20, 66, 196, 70, "encoder", "22.7 million, changed", PRETRAINED)
    fig.arrow((216, 101), (262, 101))
    fig.vector(286, 62, (1.6, 0.5, 1.1, 0.8), BLUE, w=44, show=False)
    fig.text(286, 166, "[CLS]: what does", SMALL)
    fig.text(286, 184, "it hold?", SMALL)
    fig.arrow((312, 101), (356, 101))
    fig.block(356, 66, 130, 70, "linear", "770, new", NEW)
    fig.arrow((486, 101), (522, 101))
    fig.text(572, 97, "negative", SMALL)
    fig.text(572, 116, "or positive", SMALL)
    return fig


def figures() -> list[Figure]:
    """Draw the figures of notebook 06."""
    return [recipe(), splits(), classifier(), rungs(), paired(), csv_file(), negation(), end()]
