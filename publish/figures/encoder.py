"""The figures of notebook 05: BERT-base, part by part, with the part at hand lit; loading; what training gave."""

from .primitives import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    LINE,
    MUTED,
    ORANGE,
    PALE,
    SMALL,
    SUBSCRIPT,
    TILE,
    TITLE,
    YELLOW,
    Figure,
    blend,
)

# what to highlight: the notebook that builds it, its parts, how the description calls it, and where the flag goes
VIEWS = {
    "attention": ("01", {"attention"}, "The attention block", (455, 272)),
    "embeddings": ("05", {"embeddings"}, "The three embedding tables", (503, 218)),
    "layer": ("05", {"layer"}, "The encoder layer", (206, 253)),
    "heads": ("05", {"mlm", "pooler", "pairs"}, "The pooler with the next-sentence head, and the MLM head", (298, 566)),
    "classifier": ("06", {"classifier"}, "The classifier", (300, 681)),
}


def architecture(view: str | None = None) -> Figure:
    """Draw the whole network; with a view, set back all but that part."""
    here, lit, called, flag = VIEWS.get(view, ("", set(), "", None))
    fig = Figure(
        "05_architecture" + (f"_{view}" if view else ""),
        "BERT-base, part by part" + (f": {called[0].lower()}{called[1:]}" if view else ""),
        "From top to bottom: the tokens of two sentences, [CLS] good film [SEP] see it [SEP]. Their word ids, "
        "positions, and segments each pick rows of a table; the three are added and normalized to shape (seq, 768). "
        "Twelve encoder layers follow: attention, add and norm, feed-forward, add and norm. From the last vectors, "
        "the MLM head scores 30,522 entries with the word table, used a second time (dashed line). The vector of "
        "[CLS] goes through the pooler to the next-sentence head or to a classifier. Badges name the notebook that "
        "builds each part: 01 attention, 03 the MLM loss, 04 the pairs, 05 embeddings, layer, and heads, 06 the "
        "classifier." + (f" {called} is highlighted: you are here." if view else ""),
        760,
    )
    soft = FAINT if lit else MUTED

    def on(*names):
        return bool(lit & set(names))

    def line(*names):
        return PALE if lit and not on(*names) else LINE

    def block(x, y, w, name, shape="", badge="", parts=()):
        """Draw a part, set back when another one is highlighted, and the badge of its notebook."""
        colors = (TILE, LINE, INK, MUTED)
        if lit:
            here_fill = "#ffffff" if on("layer") else blend(YELLOW, 0.5)
            colors = (here_fill, INK, INK, MUTED) if on(*parts) else ("#f7f7f7", PALE, FAINT, FAINT)
        fig.block(x, y, w, 40 if shape else 24, name, shape, colors)
        if badge:
            fig.badge(x - 12, y - 9, badge, on(*parts) and badge == here)

    # the input
    tokens = ["[CLS]", "good", "film", "[SEP]", "see", "it", "[SEP]"]
    lanes = [86 + 78 * i for i in range(7)]
    fig.heading("BERT-base, part by part")
    fig.badge(340, 20, "05")
    fig.text(376, 35, "= you build it in notebook 05", SMALL, MUTED, "start")
    for a, b, name in ((0, 3, "sentence A"), (4, 6, "sentence B")):
        fig.path(f"M{lanes[a] - 34} 66v-6H{lanes[b] + 34}v6", PALE, 1.2)
        fig.text((lanes[a] + lanes[b]) / 2, 65, name, SMALL, MUTED, back="#ffffff")
    for x, word in zip(lanes, tokens):
        fig.token(x, 72, word, h=30)
    fig.badge(16, 77, "04")
    # embeddings
    edge = line("embeddings")
    fig.path("M320 102V110M120 110H520", edge)
    for x, name, rows, ids in (
        (120, "segment", "2 × 768", "0 0 0 0 1 1 1"),
        (320, "position", "512 × 768", "0 1 2 3 4 5 6"),
        (520, "word", "30,522 × 768", "101 2204 …"),
    ):
        fig.arrow((x, 110), (x, 140), color=edge)
        fig.text(x + 9, 130, ids, SMALL, soft if not on("embeddings") else MUTED, "start")
        block(x - 75, 140, 150, name, rows, "05", {"embeddings"})
    fig.arrow((120, 180), (120, 199), (309, 199), color=edge)
    fig.arrow((520, 180), (520, 199), (331, 199), color=edge)
    fig.arrow((320, 180), (320, 189), color=edge)
    fig.node(320, 199, "+", edge)
    fig.arrow((320, 209), (320, 218), color=edge)
    block(210, 218, 220, "LayerNorm", parts={"embeddings"})
    fig.text(20, 235, "23.8 M parameters", SMALL, soft, "start")
    # one layer, twelve times
    edge, inner = line("layer"), line("layer", "attention")
    for d in (12, 6, 0):
        fill = blend(YELLOW, 0.35) if on("layer") and not d else "#ffffff"
        front = on("layer") and not d
        fig.rect(120 + d, 268 + d, 380, 216, fill, INK if on("layer") else edge, 3 if front else 1.5, 12)
    fig.arrow((320, 242), (320, 292), color=inner)
    fig.text(329, 260, "(seq, 768)", SMALL, MUTED, "start")
    block(210, 292, 220, "attention", "12 heads of 64", "01", {"attention", "layer"})
    for k, color in enumerate((BLUE, ORANGE, GREEN)):
        fig.rect(382 + 13 * k, 314, 10, 10, color, r=2)
    fig.arrow((320, 332), (320, 348), color=edge)
    block(210, 348, 220, "add & norm", parts={"layer"})
    fig.arrow((320, 282), (166, 282), (166, 360), (210, 360), color=edge)
    fig.arrow((320, 372), (320, 394), color=edge)
    block(210, 394, 220, "feed-forward", "768 → 3,072 → 768", "05", {"layer"})
    fig.arrow((320, 434), (320, 450), color=edge)
    block(210, 450, 220, "add & norm", parts={"layer"})
    fig.arrow((320, 382), (166, 382), (166, 462), (210, 462), color=edge)
    fig.text(20, 360, "**× 12**", TITLE, FAINT if lit and not on("layer") else INK, "start")
    fig.lines(20, 382, "7.1 M", "parameters", "each", color=MUTED if on("layer") else soft, step=18)
    fig.badge(108, 258, "05", on("layer"))
    # the last vectors, and the heads on them
    fig.arrow((320, 496), (320, 520), label="(seq, 768)", color=edge)
    for x in lanes:
        fig.vector(x, 524, [8, 3, 6], LINE if lit else MUTED, 26, 9, show=False, top=12)
    edge = line("mlm")
    fig.path("M66 555v5H574v-5", edge)
    fig.arrow((490, 560), (490, 580), color=edge)
    block(400, 580, 180, "MLM head", "dense, GELU, norm", "05", {"mlm"})
    fig.arrow((490, 620), (490, 636), color=edge)
    block(400, 636, 180, "word table, again", "768 → 30,522", "", {"mlm"})
    fig.arrow((490, 676), (490, 692), color=edge)
    block(400, 692, 180, "MLM loss", "at the targets", "03", {"loss"})
    fig.arrow((595, 160), (618, 160), (618, 656), (580, 656), color=edge, dash="6 4")
    fig.lines(611, 346, "tied: one", "matrix,", "used twice", color=soft, anchor="end", step=18)
    fig.arrow((86, 551), (86, 580), color=line("pairs", "classifier"), halo=3)
    fig.text(98, 575, "[CLS] only", SMALL, soft, "start")
    block(32, 580, 178, "pooler", "768 → 768, tanh", "05", {"pooler"})
    fig.arrow((86, 620), (86, 636), color=line("pairs"))
    block(32, 636, 178, "next sentence", "768 → 2", "05", {"pairs"})
    fig.arrow((210, 600), (300, 600), (300, 636), color=line("classifier"))
    block(232, 636, 140, "classifier", "768 → classes", "06", {"classifier"})
    fig.lines(20, 726, "109.5 M parameters with the pooler,", "0.6 M more in the MLM head", color=soft, step=18)
    if view:
        fig.flag(*flag)
    return fig


# our name of a parameter, and the file's; a test holds them to helpers.weights
NAMES = (
    ("embeddings.word.weight", "embeddings.word_embeddings.weight"),
    ("layers.0.attention.query.bias", "encoder.layer.0.attention.self.query.bias"),
    ("layers.0.attention_norm.weight", "encoder.layer.0.attention.output.LayerNorm.weight"),
    ("layers.5.output.weight", "encoder.layer.5.output.dense.weight"),
    ("pooler.bias", "pooler.dense.bias"),
)


def names():
    """Draw how weights are loaded: each of our parameters gets the tensor of another name in the file."""
    fig = Figure(
        "05_names",
        "Loading weights by name",
        "Two columns of names. On the left, parameters of your encoder; on the right, tensors in MiniLM's file. Arrows "
        "lead from right to left: " + "; ".join(f"{theirs} goes to {ours}" for ours, theirs in NAMES) + ". A tensor "
        "without a parameter, or a parameter without a tensor, is an error.",
        336,
    )
    fig.heading("Each parameter gets its tensor by name")
    fig.text(20, 66, "**your encoder**", SMALL, anchor="start")
    fig.text(262, 66, "**MiniLM's weights**", SMALL, anchor="start")
    for r, (ours, theirs) in enumerate(NAMES):
        y = 78 + 40 * r
        fig.rect(20, y, 212, 30, blend(GREEN, 0.2), LINE, 1.2, 6)
        fig.text(30, y + 20, ours, SUBSCRIPT, anchor="start")
        fig.rect(262, y, 358, 30, blend(ORANGE, 0.2), LINE, 1.2, 6)
        fig.text(270, y + 20, theirs, SUBSCRIPT, anchor="start")
        fig.arrow((262, y + 15), (233, y + 15), color=INK)
    fig.lines(
        20,
        300,
        "A parameter without a tensor would silently stay random; a tensor without",
        "a parameter means that a part is missing. Both have to be errors.",
        step=20,
    )
    return fig


# who -> share of held-out [MASK] positions that are right; a test holds them to 05
MEASURED = {
    "most frequent token": "4.4%",
    "our one-minute model": "5.1%",
    "table of two neighbors": "26.6%",
    "tiny-bert, 16,000 steps": "37.2%",
}


def answer():
    """Draw the ending: how often a hidden token is predicted, by whom."""
    fig = Figure(
        "05_answer",
        "How many hidden tokens are predicted correctly?",
        "Shares of held-out [MASK] positions that are right. "
        + "; ".join(f"{name}: {share}" for name, share in MEASURED.items())
        + ".",
        322,
    )
    fig.heading("How many hidden tokens are predicted correctly?")
    for r, (name, share) in enumerate(MEASURED.items()):
        y = 58 + 54 * r
        width = 3.2 * float(share.rstrip("%")) * 2.4
        fig.text(20, y + 23, name, SMALL, anchor="start")
        fig.rect(216, y, width, 34, blend(ORANGE if "bert" in name or "minute" in name else BLUE, 0.6))
        fig.text(216 + width + 8, y + 23, share, anchor="start", bold=True)
    fig.lines(
        20,
        284,
        "Blue: no network. Test reviews in rows of 128 tokens; for the one-minute",
        "model, validation reviews in rows of 64, with a vocabulary of its own.",
        step=20,
    )
    return fig


def figures():
    """Draw the figures of notebook 05: the whole, each view, loading, and what training gave."""
    return [*(architecture(view) for view in (None, *VIEWS)), names(), answer()]
