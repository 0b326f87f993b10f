"""The figures of notebook 07: one vector for a text, pooling, [CLS] cut off, cosines, a shared part, a probe,
retrieval, a sink, two maps."""

from .primitives import BLUE, BODY, DARK, GREEN, INK, LINE, MUTED, ORANGE, PALE, SMALL, VERMILION, Figure, blend

PLAIN = ("#ffffff", LINE, INK, MUTED)
FROZEN = (blend(BLUE, 0.22), BLUE, INK, MUTED)
LEARNED = (blend(ORANGE, 0.3), DARK[ORANGE], INK, MUTED)


def question():
    """Draw the opening: a vector for each token, and three uses that want one for the text."""
    fig = Figure(
        "07_question",
        "Which vector stands for the text?",
        "The tokens [CLS] i loved this movie [SEP] go through the encoder, and each gets a vector. Three uses below "
        "want one vector for the whole text: a classifier, a search engine, a comparison of two texts. Between them is "
        "a question mark.",
        382,
    )
    fig.heading("Six vectors in, one vector out: which one?")
    lanes = [96 + 90 * i for i in range(6)]
    for x, token in zip(lanes, ("[CLS]", "i", "loved", "this", "movie", "[SEP]")):
        fig.token(x, 54, token)
        fig.arrow((x, 86), (x, 106))
        fig.arrow((x, 150), (x, 170))
    fig.block(50, 106, 540, 44, "encoder", "", FROZEN)
    for i, x in enumerate(lanes):
        fig.vector(x, 172, [(0.4, 1.5, 0.9, 1.8)[(i + k) % 4] for k in range(4)], BLUE, h=12, show=False)
        fig.path(f"M{x} 220V238", PALE)
    fig.path(f"M{lanes[0]} 238H{lanes[-1]}", PALE)
    fig.arrow((321, 238), (321, 262), color=INK)
    fig.rect(250, 262, 142, 32, "#ffffff", INK, 2, 16)
    fig.text(321, 283, "one vector?", bold=True)
    for i, (name, note) in enumerate(
        (("compare", "how close?"), ("classify", "good or bad?"), ("search", "which text fits?"))
    ):
        x = 20 + 204 * i
        fig.block(x, 316, 192, 50, name, note, PLAIN)
        fig.path(f"M321 294V304H{x + 96}V316", LINE)
    return fig


def pooling():
    """Draw two ways to make one vector of a padded row."""
    fig = Figure(
        "07_pool",
        "Two ways to pool",
        "One row of a batch: [CLS], plot, drags, [SEP], and one [PAD]. Their vectors are (1, 0), (3, 2), (2, 4), (2, "
        "2), and (9, 9); the attention mask is 1, 1, 1, 1, 0. Pooling by cls takes the first vector, (1, 0). Pooling "
        "by mean adds the four real ones and divides by four: (2, 2). The vector at [PAD] belongs to no text.",
        330,
    )
    fig.heading("Pooling: one vector from many")
    lanes = [200 + 78 * i for i in range(5)]
    values = ((1, 0), (3, 2), (2, 4), (2, 2), (9, 9))
    fig.label(76, "tokens", "(batch, seq)")
    fig.label(140, "vectors", "(batch, seq, hidden)")
    fig.label(212, "mask", "(batch, seq)")
    for i, (x, token) in enumerate(zip(lanes, ("[CLS]", "plot", "drags", "[SEP]", "[PAD]"))):
        ghost = token == "[PAD]"
        fig.token(x, 60, token, "ghost" if ghost else "plain")
        fig.arrow((x, 92), (x, 116))
        fig.vector(x, 118, values[i], PALE if ghost else BLUE, h=26, top=5)
        fig.text(x, 218, "0" if ghost else "1", bold=ghost)
    fig.lines(584, 140, "part of", "no text", anchor="middle")
    fig.rect(20, 244, 290, 70, "#ffffff", LINE, 1.5, 8)
    fig.text(36, 272, "**cls**: the first vector", SMALL, anchor="start")
    fig.text(36, 296, "(1, 0)", SMALL, anchor="start")
    fig.rect(330, 244, 290, 70, "#ffffff", LINE, 1.5, 8)
    fig.text(346, 272, "**mean**: sum of the real ones, over 4", SMALL, anchor="start")
    fig.text(346, 296, "(8, 8) / 4 = (2, 2)", SMALL, anchor="start")
    return fig


def cut():
    """Draw the experiment: [CLS] as it is, and [CLS] that attends to itself only."""
    fig = Figure(
        "07_cut",
        "Cut [CLS] off",
        "Two networks with the tokens [CLS] the plot drags at the bottom and two layers of vectors above. On the left, "
        "in each layer arrows lead from all tokens to [CLS]. On the right, [CLS] has an arrow from itself alone; "
        "the other tokens attend as before.",
        372,
    )
    fig.heading("The experiment: cut [CLS] off from the other tokens")
    for panel, (left, title) in enumerate(((20, "as it is"), (340, "[CLS] attends to itself only"))):
        lanes = [left + 34 + 68 * i for i in range(4)]
        fig.text(left + 136, 68, title, bold=True)
        for level, y in enumerate((286, 200, 114)):
            for i, x in enumerate(lanes):
                if level == 0:
                    fig.token(x, y, ("[CLS]", "the", "plot", "drags")[i], w=62)
                else:
                    fig.rect(
                        x - 31, y, 62, 32, blend(BLUE, 0.25) if i == 0 else "#ffffff", BLUE if i == 0 else LINE, 1.5, 8
                    )
            if level:
                for i, x in enumerate(lanes):  # the other tokens, attending as before
                    for source in lanes:
                        if i and source != x:
                            fig.path(f"M{source} {y + 86}L{x} {y + 32}", PALE, 1)
                for i, source in enumerate(lanes):
                    if i == 0 or panel == 0:
                        end = lanes[0] + (-20, -4, 11, 26)[i]
                        fig.arrow((end if i == 0 else source, y + 86), (end, y + 34), color=BLUE, width=2.2)
                for x in lanes[1:]:
                    fig.arrow((x, y + 86), (x, y + 34), color=PALE)
    fig.text(20, 344, "Bottom: the embeddings. Above: two layers.", SMALL, MUTED, "start")
    fig.text(20, 362, "Blue: what [CLS] attends to.", SMALL, MUTED, "start")
    return fig


def cosines():
    """Draw three pairs of vectors: same direction, right angle, opposite."""
    fig = Figure(
        "07_cosine",
        "What a cosine measures",
        "Three pairs of arrows from one point. In the same direction, one twice as long: cosine 1. At a right angle: "
        "cosine 0. In opposite directions: cosine minus 1. Lengths don't matter.",
        238,
    )
    fig.heading("A cosine compares directions, not lengths")
    pairs = (
        (((64, -34), (128, -68)), "same direction: 1"),
        (((-24, -78), (78, -24)), "right angle: 0"),
        (((-78, 40), (78, -40)), "opposite: −1"),
    )
    for i, ((a, b), name) in enumerate(pairs):
        x, y = (50, 320, 530)[i], (150, 160, 120)[i]
        beside = 9 if i == 0 else 0  # arrows in one direction, side by side
        fig.arrow((x, y), (x + b[0], y + b[1]), color=ORANGE, width=3)
        fig.arrow((x + beside / 2, y + beside), (x + a[0] + beside / 2, y + a[1] + beside), color=BLUE, width=3)
        fig.dot(x, y, INK)
        fig.text((116, 330, 530)[i], 206, name, bold=True)
    return fig


def shared():
    """Draw three vectors with a long shared part, and what is left without it."""
    fig = Figure(
        "07_shared",
        "A large shared part hides the differences",
        "On the left, three vectors from one point: each is the same long arrow, the shared part, plus a short arrow "
        "of its own, so all three point in nearly the same direction. On the right, without the shared part, the three "
        "short arrows point in different directions.",
        236,
    )
    fig.heading("A large shared part hides the differences")
    own = (((20, -28), BLUE), ((32, 8), ORANGE), ((-10, 30), GREEN))
    (x, y), m = (36, 158), (300, -16)
    fig.arrow((x, y), (x + m[0], y + m[1]), color=INK, width=2, dash="6 4")
    for (a, b), color in own:
        fig.path(f"M{x} {y}L{x + m[0] + a} {y + m[1] + b}", color, 1.2)
        fig.arrow((x + m[0], y + m[1]), (x + m[0] + a, y + m[1] + b), color=color, width=3)
        fig.arrow((524, 142), (524 + 1.7 * a, 142 + 1.7 * b), color=color, width=3)
    fig.dot(x, y, INK)
    fig.dot(524, 142, INK)
    fig.text(150, 124, "shared part *m*", SMALL)
    fig.text(20, 222, "*v* = *m* + *d*: all cosines are near 1", SMALL, anchor="start", bold=True)
    fig.text(524, 222, "*d* alone: they differ", SMALL, bold=True)
    return fig


def probe():
    """Draw a linear probe: a frozen encoder, vectors, one scale, a linear classifier."""
    fig = Figure(
        "07_probe",
        "A linear probe",
        "Training sentences and test sentences go through the same frozen encoder, and each becomes a vector. The mean "
        "and standard deviation of the training vectors standardize both. A linear classifier is fitted to the "
        "training vectors and their labels; then it answers for the test vectors.",
        300,
    )
    fig.heading("A linear probe: what can be read from a vector?")
    rows = ((62, "600 to train", "with labels"), (192, "870 to test", "labels hidden"))
    for y, name, note in rows:
        fig.block(20, y, 128, 54, name, note, PLAIN)
        fig.arrow((148, y + 27), (176, y + 27))
        fig.arrow((284, y + 27), (312, y + 27))
        fig.block(312, y, 132, 54, "standardize", "", PLAIN)
        fig.arrow((444, y + 27), (472, y + 27))
    fig.rect(176, 62, 108, 184, blend(BLUE, 0.22), BLUE, 1.5, 8)
    fig.text(230, 148, "encoder", bold=True)
    fig.text(230, 168, "frozen", SMALL, MUTED)
    fig.arrow((378, 116), (378, 192), label="mean, sd", color=DARK[ORANGE])
    fig.block(472, 62, 148, 54, "fit w", "to the labels", LEARNED)
    fig.arrow((546, 116), (546, 192), label="w, ȳ", color=DARK[ORANGE])
    fig.block(472, 192, 148, 54, "answer", "then compare", PLAIN)
    fig.text(20, 282, "Orange: learned, from training sentences alone.", SMALL, MUTED, "start")
    return fig


def retrieval():
    """Draw one query and its candidates, ranked."""
    fig = Figure(
        "07_retrieval",
        "Find the other half",
        "A review is cut into two halves. The first half is the query. The second halves of all reviews are the "
        "candidates, sorted by their cosine with the query. In the picture, the right one is in second place: rank "
        "2, so hit at 1 is no, and the reciprocal rank is one half.",
        330,
    )
    fig.heading("Find the other half")
    fig.rect(20, 56, 196, 52, blend(BLUE, 0.25), BLUE, 1.5, 8)
    fig.lines(118, 78, "Nobody plays a tired", "detective like her.", color=INK, anchor="middle")
    fig.rect(20, 108, 196, 52, blend(ORANGE, 0.3), DARK[ORANGE], 1.5, 8)
    fig.lines(118, 130, "Watch it for the last", "scene in the station.", color=INK, anchor="middle")
    fig.text(118, 186, "one review, cut in two", SMALL, MUTED)
    fig.arrow((216, 82), (262, 82), color=BLUE)
    fig.text(240, 72, "query", SMALL, MUTED)
    fig.text(452, 62, "candidates, sorted by cosine with the query", SMALL, MUTED)
    texts = (
        ("0.71", "She is the best cop on TV."),
        ("0.64", "Watch it for the last scene …"),
        ("0.31", "The songs are far too long."),
        ("0.12", "Buy the book instead."),
    )
    for i, (cosine, text) in enumerate(texts):
        y, own = 74 + 46 * i, i == 1
        fig.text(284, y + 24, str(i + 1), bold=own)
        fig.rect(304, y, 316, 38, blend(ORANGE, 0.3) if own else "#ffffff", DARK[ORANGE] if own else LINE, 1.5, 8)
        fig.text(318, y + 24, text, SMALL, anchor="start")
        fig.text(600, y + 24, cosine, SMALL, MUTED)
    fig.text(304, 276, "… and so on, one for each review", SMALL, MUTED, "start")
    fig.text(20, 308, "**rank** 2;  **hit@1** (in first place?) no;  **reciprocal rank** 1/2", anchor="start")
    return fig


def contrastive():
    """Draw the cosines of three pairs as a grid, and one row before and after the temperature."""
    fig = Figure(
        "07_contrastive",
        "A batch of three pairs",
        "A grid of three rows, the first halves, and three columns, the second halves, with a cosine in each cell: "
        "0.8, 0.3, 0.1; 0.2, 0.7, 0.4; 0.1, 0.5, 0.6. The diagonal is marked: there, both halves are of one review. "
        "The softmax of the second row is 0.26, 0.43, 0.32; divided by 0.05 first, it is 0.00, 1.00, 0.00.",
        262,
    )
    fig.heading("Each row asks: which second half is mine?")
    cosines = ((0.8, 0.3, 0.1), (0.2, 0.7, 0.4), (0.1, 0.5, 0.6))
    for i, row in enumerate(cosines):
        fig.text(104, 126 + 44 * i, f"first half {i + 1}", SMALL, INK, "end")
        fig.text(147 + 68 * i, 84, str(i + 1), SMALL)
        for j, value in enumerate(row):
            fill = blend(GREEN, 0.35) if i == j else "#ffffff"
            fig.rect(114 + 68 * j, 100 + 44 * i, 66, 42, fill, LINE, 1.5, 4)
            fig.text(147 + 68 * j, 126 + 44 * i, f"{value}", BODY, bold=i == j)
    fig.text(215, 64, "second half", SMALL)
    fig.arrow((322, 165), (362, 165))
    fig.text(370, 126, "softmax of row 2", SMALL, INK, "start", bold=True)
    fig.lines(370, 152, "as it is: 0.26, **0.43**, 0.32", "row / 0.05: 0.00, **1.00**, 0.00", color=INK, step=26)
    fig.lines(20, 252, "Schematic. The columns ask in the same way: which first half is mine?")
    return fig


def sink():
    """Draw why a large weight on a short value brings little."""
    tokens = ("[CLS]", "plot", "was", "dull")
    weights, lengths = (0.5, 0.2, 0.1, 0.2), (0.1, 1.0, 1.0, 1.0)
    products = [weight * length for weight, length in zip(weights, lengths)]
    charts = (
        ("weight", weights, 1.0),
        ("length of the value", lengths, 0.5),
        ("share that arrives", [product / sum(products) for product in products], 1.0),
    )
    fig = Figure(
        "07_sink",
        "A large weight on a short value brings little",
        "Three bar charts for one word that attends to four tokens. Weights: [CLS] 0.50, plot 0.20, was 0.10, dull "
        "0.20. Lengths of the values: [CLS] 0.10, the words 1.00 each. Shares of what arrives: [CLS] 0.09, plot 0.36, "
        "was 0.18, dull 0.36.",
        278,
    )
    fig.heading("A large weight on a short value brings little")
    for c, (title, values, scale) in enumerate(charts):
        left = 20 + 214 * c
        fig.text(left + 86, 68, title, SMALL, bold=True)
        for i, (token, value) in enumerate(zip(tokens, values)):
            color, height = (ORANGE if i == 0 else BLUE), 240 * value * scale
            x = left + 43 * i
            fig.rect(x + 6, 232 - height, 32, height, color)
            fig.text(x + 22, 226 - height, f"{value:.2f}", SMALL)
            fig.text(x + 22, 250, token, SMALL)
        fig.path(f"M{left} 232H{left + 174}")
        if c < 2:
            fig.text(left + 194, 160, "×→"[c], BODY, MUTED, bold=True)
    return fig


def end():
    """Draw the same six sentences on two maps, by subject and by sentiment."""
    fig = Figure(
        "07_end",
        "Two maps of the same sentences",
        "Two maps of six sentences about a movie, the acting, and the plot, one good and one bad about each. On the "
        "left, before fine-tuning, the two about the same subject are neighbors. On the right, after fine-tuning for "
        "sentiment, the three good ones are neighbors, and so are the three bad ones.",
        316,
    )
    fig.heading("Training decides which texts are close")
    left = {"movie": ((40, 90), (40, 120)), "acting": ((168, 142), (168, 172)), "plot": ((52, 214), (52, 244))}
    right = {"movie": ((344, 86), (494, 196)), "acting": ((356, 117), (482, 227)), "plot": ((344, 148), (494, 258))}
    for x, title, places in ((20, "before: by subject, words", left), (332, "after: by sentiment", right)):
        fig.rect(x, 52, 288, 236, "#ffffff", LINE, 1.5, 10)
        fig.text(x + 14, 76, title, SMALL, INK, "start", bold=True)
        for subject, spots in places.items():
            for (a, b), word, color in zip(spots, ("good", "bad"), (GREEN, VERMILION)):
                fig.rect(a, b, 108, 26, blend(color, 0.25), DARK[color], 1.2, 8)
                fig.text(a + 54, b + 18, f"{word} {subject}", SMALL)
    fig.text(20, 308, "Schematic.", SMALL, MUTED, "start")
    return fig


def figures() -> list[Figure]:
    return [question(), pooling(), cut(), cosines(), shared(), probe(), retrieval(), contrastive(), sink(), end()]
