"""The figures of notebook 08: a timeline, teacher and student, two layers, rotation, a window, padding, both masks in
one, the end; and DeBERTa's score, for the lesson."""

import math

from .primitives import (
    BLUE,
    DARK,
    GREEN,
    INK,
    LINE,
    MUTED,
    ORANGE,
    PALE,
    PURPLE,
    SMALL,
    TILE,
    VERMILION,
    Figure,
    blend,
    number,
)

TRAINING = (blend(BLUE, 0.22), BLUE, INK, MUTED)
SIZE = (blend(ORANGE, 0.3), DARK[ORANGE], INK, MUTED)
LAYERS = (blend(GREEN, 0.25), DARK[GREEN], INK, MUTED)
PROMPT = (blend(PURPLE, 0.3), DARK[PURPLE], INK, MUTED)
PLAIN = ("#ffffff", LINE, INK, MUTED)


def question():
    """Draw the opening: what changed after BERT, in an encoder and in how you tell it what you want."""
    fig = Figure(
        "08_question",
        "What changed after BERT?",
        "A line of years from 2018 to 2024. Above it, how an encoder is made: BERT in 2018; RoBERTa in 2019, "
        "its training; DistilBERT in 2019, its size; ModernBERT in 2024, training and layers. Below it, how "
        "you tell a model what you want: GPT-3 in 2020, by a prompt.",
        286,
    )
    fig.heading("What changed after BERT?")
    fig.text(20, 64, "how an encoder is made", SMALL, MUTED, "start")
    fig.text(20, 199, "how you tell a model what you want", SMALL, MUTED, "start")
    fig.path("M20 150H466", INK, 2)
    fig.path("M462 158L470 142M472 158L480 142", INK, 1.6)  # the axis is broken here
    fig.arrow((476, 150), (622, 150), color=INK, width=2)
    models = (
        (20, 78, 88, 64, "BERT", "2018", (TILE, *PLAIN[1:])),
        (126, 78, 116, 248, "RoBERTa", "2019", TRAINING),
        (254, 78, 128, 248, "DistilBERT", "2019", SIZE),
        (484, 78, 136, 552, "ModernBERT", "2024", LAYERS),
        (384, 168, 96, 432, "GPT-3", "2020", PROMPT),
    )
    for x, y, w, year, name, note, colors in models:
        fig.path(f"M{x + w / 2} {y + 52}V140H{year}V150" if y < 150 else f"M{year} {y}V150", LINE)
        fig.dot(year, 150, INK)
        fig.block(x, y, w, 52, name, note, colors)
    keys = (
        (20, TRAINING, "1 training"),
        (150, SIZE, "2 size"),
        (250, LAYERS, "3 layers, and training"),
        (464, PROMPT, "4 prompt"),
    )
    for x, colors, name in keys:
        fig.key(x, 270, colors[1], name, SMALL)
    return fig


def distill():
    """Draw teacher and student, the copied layers, and three losses."""
    fig = Figure(
        "08_distill",
        "A student learns from a teacher",
        "On the left, the teacher: embeddings, six layers numbered 0 to 5, and the MLM head; it is frozen. On the "
        "right, the student: embeddings, three layers, and the MLM head, all trained. Dashed arrows copy the teacher's "
        "embeddings and its layers 0, 2, 4. Three losses: soft, between the two models' probabilities for each masked "
        "word; hard, between the student's and the label; cosine, between their last vectors.",
        440,
    )
    fig.heading("A student learns from a teacher")
    fig.text(120, 66, "teacher, frozen", SMALL, bold=True)
    fig.text(396, 66, "student, trained", SMALL, bold=True)
    fig.block(40, 372, 160, 30, "embeddings", "", TRAINING)
    fig.block(316, 372, 160, 30, "embeddings", "", SIZE)
    for i in range(6):
        fig.block(40, 336 - 38 * i, 160, 30, f"layer {i}", "", TRAINING if i % 2 == 0 else PLAIN)
    for i in range(3):
        fig.block(316, 336 - 76 * i, 160, 30, f"layer {i}", "", SIZE)
        fig.arrow((200, 351 - 76 * i), (316, 351 - 76 * i), dash="4 3")
    fig.arrow((200, 387), (316, 387), dash="4 3")
    fig.block(40, 108, 160, 30, "MLM head", "", TRAINING)
    fig.block(316, 108, 160, 30, "MLM head", "", SIZE)
    fig.text(258, 424, "blue: copied to the student at the start", SMALL, MUTED)
    fig.path("M200 123H316", VERMILION, 2)
    fig.text(258, 114, "**soft**", SMALL)
    fig.path("M200 161H396V184", VERMILION, 2)
    fig.text(258, 153, "**cosine**", SMALL)
    fig.path("M476 123H540", VERMILION, 2)
    fig.block(540, 104, 80, 38, "label", "", PLAIN)
    fig.text(510, 112, "**hard**", SMALL)
    return fig


def rotation():
    """Draw a query and a key turned by their positions, at the start and at two places with the same distance."""
    fig = Figure(
        "08_rotation",
        "Positions as rotations",
        "Three circles with a query and a key, each turned by 25 degrees a position. Both at position 0: 50 degrees "
        "apart. The query at position 1 and the key at position 3: 100 degrees apart. The query at 4 and the key at 6: "
        "both have turned on, and are still 100 degrees apart.",
        262,
    )
    fig.heading("Positions as rotations: 25° for each position")
    for cx, (i, j) in ((112, (0, 0)), (326, (1, 3)), (530, (4, 6))):
        cy, r = 146, 68
        fig.parts.append(f'<circle cx="{cx}" cy="{cy}" r="{r}" fill="none" stroke="{PALE}" stroke-width="1.5"/>')
        ends = []
        for start, position, color, name in ((10, i, BLUE, "query"), (60, j, ORANGE, "key")):
            a = math.radians(start + 25 * position)
            fig.arrow((cx, cy), (cx + r * math.cos(a), cy - r * math.sin(a)), color=color, width=3)
            fig.text(cx + (r + 27) * math.cos(a), cy - (r + 16) * math.sin(a) + 5, name, SMALL, DARK[color], bold=True)
            ends.append(a)
        (x, y), (to_x, to_y) = ((number(cx + 30 * math.cos(a)), number(cy - 30 * math.sin(a))) for a in ends)
        fig.path(f"M{x} {y}A30 30 0 0 0 {to_x} {to_y}", width=1.5)
        middle = sum(ends) / 2
        turn = round(math.degrees(ends[1] - ends[0]))
        fig.text(cx + 49 * math.cos(middle), cy - 47 * math.sin(middle) + 5, f"{turn}°", SMALL)
        fig.dot(cx, cy, INK)
        fig.text(cx, 246, f"query at {i}, key at {j}", SMALL)
    return fig


def window():
    """Draw which tokens each token attends to in a global layer, and in a local one."""
    fig = Figure(
        "08_window",
        "Global and local attention",
        "Two grids of 12 tokens by 12 tokens. In a global layer, every token attends to all. In a local layer, each "
        "attends to itself and two tokens on each side: a band along the diagonal.",
        296,
    )
    fig.heading("Which tokens does each token attend to?")
    for left, title, reach in ((60, "global layer: all", 12), (360, "local layer: near ones", 2)):
        fig.text(left + 96, 66, title, SMALL, bold=True)
        for i in range(12):
            for j in range(12):
                fig.cell(
                    left + 16 * j, 78 + 16 * i, 16, 16, blend(BLUE, 0.55) if abs(i - j) <= reach else "#ffffff", PALE
                )
    fig.text(320, 288, "a row for each query, a column for each key", SMALL, MUTED)
    return fig


LENGTHS = (9, 4, 6, 3)


def padding():
    """Draw four texts in a padded batch, and the same packed into one row."""
    fig = Figure(
        "08_padding",
        "A padded batch, and the same unpadded",
        "Four texts of 9, 4, 6, and 3 tokens. Padded to the longest, they fill four rows of 9: 36 positions, 14 of "
        "them padding. Unpadded, they are one row of 22 tokens; marks show where each text ends, and no token attends "
        "across a mark.",
        300,
    )
    fig.heading("Padded, and unpadded")
    colors = (BLUE, ORANGE, GREEN, PURPLE)
    for r, (n, color) in enumerate(zip(LENGTHS, colors)):
        for c in range(9):
            fig.cell(
                60 + 26 * c, 58 + 30 * r, 24, 24, blend(color, 0.5) if c < n else "#ffffff", LINE if c < n else PALE
            )
    fig.lines(330, 100, "four rows of 9: 36 positions,", "14 of them are padding", color=INK)
    x = 20
    for n, color in zip(LENGTHS, colors):
        for _ in range(n):
            fig.cell(x, 214, 24, 24, blend(color, 0.5), LINE)
            x += 26
        fig.path(f"M{x - 1} 204V248", INK, 2)
    fig.text(20, 276, "one row of 22 tokens; a token attends to its own text only", SMALL, INK, "start")
    return fig


def packed():
    """Draw the mask of a packed row: the same text, nearby, and both."""
    fig = Figure(
        "08_packed",
        "The mask of a local layer over packed texts",
        "Three grids of 12 tokens by 12 tokens, from three texts of 5, 4, and 3 tokens in one row. First, the same "
        "text: three blocks along the diagonal. Second, nearby positions, which start again in each text: a band "
        "within each text, and bands across texts. Third, both: the bands within the texts.",
        272,
    )
    fig.heading("Three texts in one row: who may attend to whom?")
    text, positions = [0] * 5 + [1] * 4 + [2] * 3, [*range(5), *range(4), *range(3)]
    colors = (BLUE, ORANGE, GREEN)
    for left, title, near, same in (
        (16, "same text", False, True),
        (228, "nearby positions", True, False),
        (440, "both", 1, 1),
    ):
        fig.text(left + 90, 66, title, SMALL, bold=True)
        for i in range(12):
            for j in range(12):
                on = (not same or text[i] == text[j]) and (not near or abs(positions[i] - positions[j]) <= 1)
                color = blend(colors[text[i]] if same else INK, 0.5 if same else 0.3)
                fig.cell(left + 15 * j, 78 + 15 * i, 15, 15, color if on else "#ffffff", PALE)
    fig.text(212, 172, "and", SMALL, MUTED)
    fig.text(424, 172, "=", SMALL, MUTED)
    return fig


def deberta():
    """Draw the three terms of DeBERTa's attention score."""
    fig = Figure(
        "08_deberta",
        "DeBERTa's score has three terms",
        "A query token and a key token, each with a content vector, and the distance between them with a vector of "
        "its own. Three terms are added: the query's content with the key's content, the query's content with the "
        "distance, and the key's content with the distance.",
        276,
    )
    fig.heading("DeBERTa: what a word is, and how far away")
    fig.block(30, 70, 170, 52, "query *deep*", "content", (blend(BLUE, 0.22), BLUE, INK, MUTED))
    fig.block(30, 190, 170, 52, "distance +1", "a learned vector", PLAIN)
    fig.block(440, 70, 170, 52, "key *learning*", "content", (blend(ORANGE, 0.3), DARK[ORANGE], INK, MUTED))
    fig.block(440, 190, 170, 52, "distance −1", "a learned vector", PLAIN)
    fig.path("M200 96H440", INK, 2)
    fig.text(320, 88, "content to content", SMALL, back="#ffffff")
    fig.path("M200 104L440 214", INK, 2)
    fig.text(404, 178, "content to position", SMALL, back="#ffffff")
    fig.path("M440 104L200 214", INK, 2)
    fig.text(238, 178, "position to content", SMALL, back="#ffffff")
    return fig


def layer():
    """Draw a layer of BERT beside a layer of ModernBERT."""
    fig = Figure(
        "08_layer",
        "A layer of BERT and a layer of ModernBERT",
        "Two layers side by side, read from the bottom up. BERT: attention over all tokens, then add and LayerNorm; a "
        "feed-forward network with GELU, then add and LayerNorm. ModernBERT: LayerNorm, then attention with rotated "
        "queries and keys, over all tokens or over nearby ones, then add; LayerNorm, then a feed-forward network with "
        "a gate, GeGLU, then add. From its input to its output runs a line on which nothing is normalized.",
        452,
    )
    fig.heading("One layer, before and after")
    same, new = PLAIN, LAYERS
    plans = (
        (
            "BERT",
            (
                ("attention", "all tokens", same),
                ("+", "", None),
                ("LayerNorm", "", same),
                ("feed-forward", "GELU(x W_{1}) W_{2}", same),
                ("+", "", None),
                ("LayerNorm", "", same),
            ),
            (0, 3),
        ),
        (
            "ModernBERT",
            (
                ("LayerNorm", "", new),
                ("attention", "rotated; all or nearby", new),
                ("+", "", None),
                ("LayerNorm", "", new),
                ("feed-forward", "(GELU(x W_{1}) · x W_{3}) W_{2}", new),
                ("+", "", None),
            ),
            (0, 3),
        ),
    )
    for k, (name, parts, starts) in enumerate(plans):
        left, middle = 70 + 310 * k, 180 + 310 * k
        fig.text(middle, 66, name, bold=True)
        y, branch = 424, 0
        for i, (label, note, colors) in enumerate(parts):
            h = 46 if note else (20 if colors is None else 32)
            gap = 30 if i in starts else 16
            fig.arrow((middle, y), (middle, y - gap))
            if i in starts:
                branch = y - 12
                fig.path(f"M{middle} {y}V{branch}", INK if k else LINE, 2 if k else 1.6)
                fig.dot(middle, branch, INK if k else LINE)
            y -= gap + h
            if colors is None:
                fig.path(f"M{middle} {branch}H{left - 22}V{y + 10}H{middle - 10}", INK if k else LINE, 2 if k else 1.6)
                fig.node(middle, y + 10, "+", INK if k else LINE)
            else:
                fig.block(left, y, 220, h, label, note, colors)
        fig.arrow((middle, y), (middle, y - 18), color=INK if k else LINE, width=2 if k else 1.6)
    fig.text(180, 442, "green: new, or moved", SMALL, DARK[GREEN], bold=True)
    fig.text(490, 442, "black: a path without LayerNorm", SMALL, bold=True)
    return fig


def end():
    """Draw one encoder, and where each of three successors changed it."""
    fig = Figure(
        "08_end",
        "Where each successor changed BERT",
        "In the middle BERT: text goes into embeddings, twelve layers, and a head. On the left, RoBERTa changes what "
        "goes in: up to 16 times as many rows, without sentence pairs. On the right, DistilBERT: half of the "
        "layers, taught by the whole. ModernBERT changes the inside of the layers, with rotation, nearby tokens, and a "
        "gate, and leaves out the padding around. Below, a prompt joins the "
        "text: it tells a model what you want, in place of labels.",
        392,
    )
    fig.heading("One encoder, changed in three places")
    for i in range(12):
        y = 250 - 15 * i
        fig.rect(252, y, 136, 12, "#ffffff", LINE, 1.5, 3)
        if i in (0, 2, 4, 7, 9, 11):  # as in DistilBERT's script
            fig.rect(476, y, 136, 12, SIZE[0], SIZE[1], 1.5, 3)
            fig.path(f"M388 {y + 6}H476", PALE, 1.4, "4 3")
    for x, name, colors in ((320, "BERT", PLAIN), (544, "DistilBERT", SIZE)):
        fig.text(x, 70, name, bold=True)
        fig.rect(x - 68, 268, 136, 26, colors[0], colors[1], 1.5, 6)
        fig.text(x, 286, "embeddings", SMALL)
    fig.lines(534, 316, "layers 0, 2, 4, 7, 9, 11,", "taught by the whole", color=INK, anchor="middle", step=17)
    fig.text(320, 324, "text, masked", SMALL)
    fig.arrow((320, 311), (320, 296))
    fig.rect(20, 256, 184, 76, TRAINING[0], TRAINING[1], 1.5, 10)
    fig.text(112, 276, "RoBERTa", bold=True)
    fig.lines(112, 298, "up to 16 times the rows,", "no sentence pairs", color=INK, anchor="middle")
    fig.arrow((204, 319), (268, 319), color=BLUE, width=2)
    fig.rect(20, 84, 184, 98, LAYERS[0], LAYERS[1], 1.5, 10)
    fig.text(112, 106, "ModernBERT", bold=True)
    fig.lines(
        112,
        128,
        "in the layers: rotation,",
        "nearby tokens, a gate;",
        "and no padding",
        color=INK,
        anchor="middle",
    )
    fig.path("M204 136H228M240 85H228V262H240", GREEN, 2)
    fig.rect(214, 350, 212, 28, PROMPT[0], PROMPT[1], 1.5, 8)
    fig.text(320, 369, "and a prompt, not labels", SMALL)
    fig.arrow((320, 350), (320, 332), color=PURPLE, width=2)
    return fig


def figures() -> list[Figure]:
    return [question(), distill(), rotation(), window(), padding(), packed(), layer(), deberta(), end()]
