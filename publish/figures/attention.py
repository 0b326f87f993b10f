"""The figures of notebook 01: the question, one head with pencil numbers, masks, heads, word order."""

import math

from .primitives import BLUE, BODY, DARK, FAINT, GREEN, INK, LINE, MUTED, ORANGE, PALE, SMALL, TILE, Figure, blend

# One head, small enough for a pencil. The shades of the embeddings are decoration; all other numbers are computed.
WORDS = ["not", "a", "good", "film"]
GOOD = WORDS.index("good")
EMBEDDINGS = [[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 1, 0, 1, 0], [0, 0, 0, 1, 0, 1]]  # as in notebook 01
QUERY = [2, 0, 0, 2]
KEYS = [[2, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 1]]
VALUES = [[1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]]
MEANINGS = ("negation", "praise", "thing")
LANES = [218, 326, 460, 580]
SIDE, ASIDE = 20, 62  # key and value stand left and right of their word's lane, the query left of both


def dot(a, b):
    """Return the dot product of two lists."""
    return sum(x * y for x, y in zip(a, b))


def softmax(scores):
    """Return weights that add up to one."""
    raised = [math.exp(score) for score in scores]
    return [power / sum(raised) for power in raised]


def mean(weights, vectors):
    """Return the weighted mean of vectors."""
    return [dot(weights, column) for column in zip(*vectors)]


def question():
    """Draw the opening: one vector for two meanings, then what attention makes of it."""
    sentences = [("not a good film".split(), [58, 138, 218, 298]), ("a good film".split(), [422, 502, 582])]
    vectors = {"not": [9, 1, 9, 1, 8], "a": [1, 2, 1, 2, 1], "good": [3, 8, 1, 7, 2], "film": [2, 5, 2, 3, 6]}
    fig = Figure(
        "01_question",
        "The word good in two sentences, before and after attention",
        "Two sentences, not a good film and a good film, drawn twice. Above, each word has one fixed vector, a "
        "column of shaded cells, and the vector of good is the same in both sentences. Below, after attention, thin "
        "arcs lead from all words of each sentence into good, from good itself as a small loop, and its two vectors "
        "differ.",
        516,
    )
    fig.heading("What does *good* mean here?")
    fig.text(20, 66, "**Before attention:** one fixed vector per word", anchor="start")
    fig.text(20, 258, "**After attention:** *good* has gathered from the whole sentence", anchor="start")
    fig.path("M20 230H620", PALE, 1.2)
    for words, lanes in sentences:
        good = words.index("good")
        for x, word in zip(lanes, words):
            asking = word == "good"
            for y in (78, 340):
                fig.token(x, y, word, "asking" if asking else "plain", w=72)
            fig.vector(x, 118, vectors[word], BLUE if asking else LINE, 40, 14, show=False, top=10)
        # left neighbors from near to far, the word itself, right ones far to near: none hides another
        order = [*range(good - 1, -1, -1), good, *range(len(words) - 1, good, -1)]
        for place, i in enumerate(order):
            x, top = lanes[good] + 20 * (place - (len(order) - 1) / 2), 306 - abs(lanes[i] - lanes[good]) * 0.22
            start, a, b = lanes[i], lanes[i], x
            if i == good:  # a loop of its own
                start, x = x - 7, x + 7
                a, b = start - 5, x + 5
            fig.path(f"M{start:g} 338C{a:g} {top:.1f} {b:g} {top:.1f} {x:g} 331", BLUE, 1.8)
            fig.shape((x, 339), (x - 4.5, 330), (x + 4.5, 330), fill=BLUE)
        gathered = mean([1 / len(words)] * len(words), [vectors[word] for word in words])
        fig.vector(lanes[good], 382, [value - 1 for value in gathered], BLUE, 40, 14, show=False, top=4)
    fig.bracket(218, 502, 194, "the same vector", 14)
    fig.bracket(218, 502, 458, "different vectors", 14)
    fig.lines(20, 504, "Every word does this; only the new vector of *good* is shown.")
    return fig


def qkv():
    """Draw how embeddings become a query, keys, and values."""
    fig = Figure(
        "01_qkv",
        "From embeddings to a query, keys, and values",
        "The words not, a, good, and film become embedding vectors of six numbers, which say whether a word is a "
        "negation, an article, an adjective, a noun, praise, or a thing. Two matrices, W_k and W_v, the same for every "
        "word, make a key of four numbers and a value of three numbers. A third, W_q, makes the query of good, 2 0 0 "
        "2. The keys are 2 0 0 0, 0 1 0 0, 0 0 0 1, and 0 0 1 1; the values are 1 0 0, 0 0 0, 0 1 0, and 0 0 1.",
        552,
    )
    fig.heading("From embeddings to a query, keys, and values")
    fig.label(116, "embeddings")
    for j, kind in enumerate(("negation", "article", "adjective", "noun", "praise", "thing")):
        fig.text(LANES[0] - 23, 104 + 15 * (j + 0.5) + 5, kind, SMALL, MUTED, "end")
    fig.label(236, "matrices", "the same for", "every word")
    fig.label(302, "query, keys,")
    fig.label(320, "and values")
    for i, (x, word) in enumerate(zip(LANES, WORDS)):
        asking = i == GOOD
        fig.token(x, 54, word, "asking" if asking else "plain", w=76)
        fig.arrow((x, 86), (x, 104))
        fig.vector(x, 104, EMBEDDINGS[i], FAINT, w=34, h=15, show=False, top=1)
        made = [(x - SIDE, "W_{k}", ORANGE, KEYS[i]), (x + SIDE, "W_{v}", GREEN, VALUES[i])]
        for at, name, color, vector in [(x - ASIDE, "W_{q}", BLUE, QUERY), *made] if asking else made:
            width = 2.5 if color == BLUE else 1.6
            fig.arrow((x, 194), (at, 224), color=color, width=width)
            fig.matrix(at, 224, name, color, w=34)
            fig.arrow((at, 252), (at, 268), color=color, width=width)
            fig.vector(at, 268, vector, color, h=24)
    legend = (
        (FAINT, "**embeddings (4, 6):** what is each word?"),
        (BLUE, "**query (4,):** what is the word looking for?"),
        (ORANGE, "**keys (4, 4):** what can each word be matched on?"),
        (GREEN, "**values (4, 3):** what does each word hand over?"),
    )
    for i, (color, text) in enumerate(legend):
        fig.key(20, 400 + 24 * i, color, text)
    fig.lines(
        20,
        500,
        "The numbers of a query or key: negation, article, noun, content word.",
        "The numbers of a value: negation, praise, thing.",
        "Every word has a query; only the query of *good* is shown.",
    )
    return fig


def one_head():
    """Draw one head from scores to the mix, as seen from one word."""
    scores = [dot(QUERY, key) for key in KEYS]
    scaled = [score / math.sqrt(len(QUERY)) for score in scores]
    raised = [math.exp(score) for score in scaled]
    weights = softmax(scaled)
    fig = Figure(
        "01_one_head",
        "One attention head, from scores to the new vector of good",
        "The query of good meets the keys of not, a, good, and film: scores 4, 0, 2, 2. Divided by two they are 2, "
        "0, 1, 1, and softmax makes the weights 0.53, 0.07, 0.20, 0.20. The four values, drawn as ribbons as wide as "
        "their weights, flow into the new vector of good: 0.53 negation, 0.20 praise, 0.20 thing. The value of a is "
        "all zeros, so these numbers add up to 0.93.",
        612,
    )
    fig.heading("One attention head, computed for *good*")
    q = LANES[GOOD] - ASIDE
    for y, name, color in ((112, "query (4,)", BLUE), (136, "keys (4, 4)", ORANGE), (160, "values (4, 3)", GREEN)):
        fig.key(20, y, color, name, SMALL)
    fig.label(199, "query · key")
    fig.label(232, "scores", "(4,)")
    fig.label(274, "÷ √d = 2")
    fig.label(306, "softmax", f"sum {sum(raised):.2f}")
    fig.label(356, "weights", "sum to 1")
    fig.label(407, "× values")
    fig.rect(LANES[0] - 66, 292, LANES[3] - LANES[0] + 100, 30, TILE, LINE, 1.5, 8)
    for i, (x, word) in enumerate(zip(LANES, WORDS)):
        fig.token(x, 50, word, "asking" if i == GOOD else "plain", w=76, h=30)
        fig.arrow((x, 80), (x - SIDE, 96), color=ORANGE)
        fig.arrow((x, 80), (x + SIDE, 96), color=GREEN)
        fig.vector(x - SIDE, 96, KEYS[i], ORANGE)
        fig.vector(x + SIDE, 96, VALUES[i], GREEN)
        fig.path(f"M{x + SIDE} 153V285", GREEN)  # the value passes behind the bar
        fig.arrow((x + SIDE, 329), (x + SIDE, 402), (x - SIDE + 10, 402), color=GREEN)
    fig.arrow((LANES[GOOD], 80), (q, 96), color=BLUE, width=2.5)
    fig.vector(q, 96, QUERY, BLUE)
    fig.path(f"M{LANES[0] - SIDE} 194H{LANES[3] - SIDE}", BLUE, 2.5, halo=3)
    fig.path(f"M{q} 172V194", BLUE, 2.5)
    offset = LANES[GOOD] - 20  # where the next ribbon arrives
    for i, (x, weight) in enumerate(zip(LANES, weights)):
        k, width = x - SIDE, weight * 40
        fig.arrow((k, 172), (k, 185), color=ORANGE)
        fig.node(k, 194, "·", BLUE, 9)
        fig.arrow((k, 203), (k, 217))
        fig.text(k, 233, f"{scores[i]}", bold=True)
        if i == 0:
            fig.text(k - 10, 233, f"{QUERY[0]}·{KEYS[0][0]}+0+0+0 =", SMALL, MUTED, "end")
        fig.arrow((k, 239), (k, 258))
        fig.text(k, 274, f"{scaled[i]:g}", bold=True)
        fig.arrow((k, 279), (k, 292))
        fig.text(k - 4, 312, f"e{'²⁰¹¹'[i]} = {raised[i]:.2f}", SMALL)
        fig.path(f"M{k} 322V392", BLUE, width)
        fig.text(k - 16, 362, f"{weight:.2f}", BODY, DARK[BLUE], "end", bold=True)
        end = (offset + width / 2, 500)
        fig.band((k, 412), end, width, blend(GREEN, 0.7), (0.78, 0.4, 0.5, 0.62)[i], halo=int(i > 0))
        offset += width
        fig.node(k, 402, "×", GREEN)
    z = LANES[GOOD]
    for i, (value, name) in enumerate(zip(mean(weights, VALUES), MEANINGS)):
        y = 500 + 24 * i
        fig.cell(z - 24, y, 48, 24, blend(GREEN, 0.1 + value), DARK[GREEN], f"{value:.2f}", BODY)
        fig.text(z + 34, y + 17, name, SMALL, MUTED, "start")
    fig.text(z - 36, 532, "new vector of *good*", BODY, INK, "end", bold=True)
    fig.text(z - 36, 553, "(3,)", SMALL, MUTED, "end")
    fig.lines(20, 597, "*a* hands over zeros, so the numbers of the new vector add up to 0.93.")
    return fig


def masks():
    """Draw a padding mask for two sentences beside a causal mask."""
    short, seq = ["great", "film", "[PAD]", "[PAD]"], len(WORDS)
    fig = Figure(
        "01_masks",
        "A padding mask and a causal mask",
        "Tables with queries as rows and keys as columns; blue cells may be attended to, empty cells are hidden. "
        "Left, the padding mask of two sentences, shape (batch, 1, 1, seq): for not a good film every cell is blue; "
        "for great film [PAD] [PAD] the two [PAD] columns are empty in every row. Right, the causal mask of not a "
        "good film, shape (1, 1, seq, seq): cells on and below the diagonal are blue, those above it are empty.",
        472,
    )
    fig.heading("Two attention masks: which words may attend to which")
    w, h = 46, 30

    def table(x, y, words, seen, stored):
        """Draw one table with its tokens on both sides, and outline the rows that the mask stores."""
        fig.text(x + seq * w / 2, y - 28, "keys →", SMALL, MUTED)
        fig.text(x - 8, y - 8, "queries ↓", SMALL, MUTED, "end")
        for j, key in enumerate(words):
            fig.text(x + (j + 0.5) * w, y - 8, key, SMALL)
            fig.text(x - 8, y + (j + 0.5) * h + 5, key, SMALL, anchor="end")
        for i in range(seq):
            for j in range(seq):
                fig.cell(x + j * w, y + i * h, w, h, blend(BLUE, 0.6) if seen(i, j) else "#ffffff")
        fig.rect(x, y, seq * w, stored * h, "none", INK, 3)

    fig.text(20, 68, "**Padding mask:** hides [PAD]", anchor="start")
    table(100, 124, WORDS, lambda i, j: True, 1)
    table(100, 298, short, lambda i, j: short[j] != "[PAD]", 1)
    for y, name in ((96, "sentence 0"), (270, "sentence 1")):
        fig.text(20, y, name, SMALL, anchor="start", bold=True)
    fig.text(20, 446, "(batch, 1, 1, seq) = (2, 1, 1, 4)", anchor="start")
    fig.path("M316 54V456", PALE, 1.2)
    fig.text(340, 68, "**Causal mask:** hides later words", anchor="start")
    table(416, 124, WORDS, lambda i, j: j <= i, seq)
    fig.text(340, 272, "(1, 1, seq, seq) = (1, 1, 4, 4)", anchor="start")
    legend = [
        (blend(BLUE, 0.6), LINE, 1, "may attend: True"),
        ("#ffffff", LINE, 1, "hidden: False"),
        ("none", INK, 3, "stored; the rest is broadcast"),
    ]
    for i, (fill, stroke, width, text) in enumerate(legend):
        fig.rect(340, 306 + 30 * i, 30, 20, fill, stroke, width)
        fig.text(380, 321 + 30 * i, text, SMALL, anchor="start")
    fig.lines(340, 410, "Length 1: shared by all", "sentences, heads, or queries.")
    fig.lines(340, 452, "Outputs at [PAD] must be ignored.")
    return fig


def heads():
    """Draw queries, keys, and values, cut into heads, and what each head makes of them."""
    words, n, d = ["not", "a", "good"], 4, 2
    # the weights of each head: made up, and each row adds up to one
    weights = [
        [[0.1, 0.1, 0.8], [0.3, 0.4, 0.3], [0.7, 0.2, 0.1]],
        [[0.6, 0.3, 0.1], [0.2, 0.6, 0.2], [0.1, 0.2, 0.7]],
        [[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.2, 0.7, 0.1]],
        [[0.4, 0.3, 0.3], [0.1, 0.2, 0.7], [0.3, 0.3, 0.4]],
    ]
    fig = Figure(
        "01_heads",
        "Four heads: project, split, attend, join",
        "The hidden states of not, a, and good, shape (seq, hidden) = (3, 8), go through the matrices W_q, W_k, and "
        "W_v. The queries, keys, and values that come out, (3, 8) each, are cut into four heads of two numbers per "
        "word, (heads, seq, d) = (4, 3, 2). In each head, query and key make weights, (3, 3), and the weights mix the "
        "values into the head's output, (3, 2). The join puts the four outputs side by side, (3, 8) again, and the "
        "matrix W_o combines them. A thick outline follows the row of not through every step.",
        620,
    )
    fig.heading("Four heads: project, split, attend, join")
    left, w = 226, 36
    lanes = [196, 314, 432, 550]
    slices = [left + (k + 0.5) * d * w for k in range(n)]  # where each head's numbers stand in a wide table

    def table(x, y, color, w, h, step, columns=range(n * d), names=False):
        """Draw a table, one row and one shade a word; the cells of a row differ a little, and anew at each step."""
        for i, word in enumerate(words):
            if names:
                fig.text(x - 8, y + (i + 0.5) * h + 5, word, SMALL, INK if i == 0 else MUTED, "end", bold=i == 0)
            for j, column in enumerate(columns):
                shade = (0.82, 0.46, 0.19)[i] + 0.045 * ((column + 1) * (step + 3) * (i + 2) % 11 % 5 - 2)
                fig.cell(x + j * w, y + i * h, w, h, blend(color, shade))
        fig.rect(x, y, len(columns) * w, h, "none", INK, 2.5)

    fig.label(64, "hidden states", "(seq, hidden)", "(3, 8)")
    table(left, 54, FAINT, w, 14, 0, names=True)
    fig.lines(526, 66, "Each head", "reads the", "whole vector.", step=17)
    made = ((112, "queries", "W_{q}", BLUE), (155, "keys", "W_{k}", ORANGE), (198, "values", "W_{v}", GREEN))
    fig.path(f"M{left} 99V104M{left + n * d * w} 99V104H160V{made[-1][0] + 18}")
    for step, (y, name, matrix, color) in enumerate(made, 1):
        fig.label(y + 15, name, "(3, 8)", color=DARK[color])
        fig.arrow((160, y + 18), (176, y + 18))
        fig.matrix(194, y + 5, matrix, color, h=26)
        fig.arrow((212, y + 18), (left, y + 18), color=color)
        table(left, y, color, w, 12, step)
    for k in range(1, n):
        fig.path(f"M{left + k * d * w} 108V240", INK, 2, "5 3")
    fig.lines(526, 157, "Cut into", "four heads,", "d = 2 each.", step=18)
    fig.label(280, "split", "(heads, seq, d)", "(4, 3, 2)")
    fig.label(346, "attend", "weights", "(4, 3, 3)", color=DARK[BLUE])
    fig.label(413, "head outputs", "(heads, seq, d)", "(4, 3, 2)", color=DARK[GREEN])
    for k, (x, mid) in enumerate(zip(lanes, slices)):
        columns = range(k * d, (k + 1) * d)
        fig.arrow((mid, 238), (x, 258))
        fig.text(x, 272, f"head {k}", SMALL, bold=True)
        for step, (at, color) in enumerate(zip((x - 30, x, x + 30), (BLUE, ORANGE, GREEN)), 1):
            table(at - 12, 279, color, 12, 12, step, columns)
        for at, color in ((x - 30, BLUE), (x, ORANGE)):
            fig.arrow((at, 316), (at + (8 if at < x else -8), 331), color=color)
        for i in range(3):
            for j in range(3):
                fig.cell(x - 36 + 14 * j, 332 + 14 * i, 14, 14, blend(BLUE, 0.05 + weights[k][i][j]))
        fig.rect(x - 36, 332, 42, 14, "none", INK, 2.5)
        fig.path(f"M{x - 15} 375V388H{x - 9}", BLUE)
        fig.path(f"M{x + 30} 316V388H{x + 9}", GREEN)
        fig.node(x, 388, "×", GREEN, 9)
        fig.arrow((x, 397), (x, 410), color=GREEN)
        table(x - 12, 411, GREEN, 12, 12, 4, columns)
        fig.arrow((x, 449), (mid, 469))
    fig.label(482, "join", "(seq, hidden)", "(3, 8)")
    table(left, 470, GREEN, w, 14, 4, names=True)
    fig.lines(526, 482, "The row of", "*not* is whole", "again.", step=17)
    center = left + n * d * w / 2
    fig.arrow((center, 513), (center, 524))
    fig.matrix(center, 524, "W_{o}", FAINT, w=44, h=26)
    fig.arrow((center, 550), (center, 561))
    fig.label(544, "combine")
    fig.label(580, "output", "(3, 8)")
    table(left, 562, FAINT, w, 14, 5, names=True)
    return fig


def order():
    """Draw attention without and with positions, computed for two orders of the same words."""
    first, second = "the dog bit the man".split(), "the man bit the dog".split()
    vectors = {"the": [1, 0, 1, 0, 0], "dog": [0, 3, 0, 1, 0], "bit": [2, 0, 2, 0, 1], "man": [0, 1, 0, 3, 1]}
    places = [[0, 2, 0, 1, 0], [3, 1, 1, 1, 0], [1, 0, 0, 2, 0], [0, 0, 3, 1, 3], [0, 1, 3, 1, 3]]

    def attend(words, positions):
        """Return attention over word vectors, without learned matrices."""
        rows = [vectors[word] for word in words]
        if positions:
            rows = [[x + p for x, p in zip(row, place)] for row, place in zip(rows, places)]
        scores = [[dot(a, b) / math.sqrt(len(a)) for b in rows] for a in rows]
        return [mean(softmax(row), rows) for row in scores]

    fig = Figure(
        "01_order",
        "Attention without and with positions",
        "Two sentences, the dog bit the man and the man bit the dog, one above and one below, with the vector of "
        "each word after attention as a column of cells; lines join the same words. Left, without positions: every "
        "word has the same vector in both sentences, only in another place. Right, a position vector p0 to p4 is "
        "added to each word first: every vector changes, such as that of dog.",
        544,
    )
    fig.heading("Does attention notice word order?")
    for start, positions, name, result in (
        (20, False, "**Without positions**", ("the same vectors,", "shuffled")),
        (334, True, "**With position vectors** p_{0} to p_{4}", ("every vector changes;", "see *dog*")),
    ):
        lanes = [start + 29 + 57 * i for i in range(5)]
        fig.text(start, 68, name, anchor="start")
        above, below, top = attend(first, positions), attend(second, positions), 4 if positions else 3
        for x1, word in zip(lanes, first):  # the two words "the" have one partner each, straight below
            x2 = x1 if word in ("the", "bit") else lanes[second.index(word)]
            fig.path(f"M{x1} 242L{x2} 286", BLUE if word == "dog" else PALE, 2.8 if word == "dog" else 1.6)
        for words, columns, down in ((first, above, True), (second, below, False)):
            y = 82 if down else 420  # tokens; the upper sentence reads down to the middle, the lower one up
            near, far = (112, 150) if down else (420, 382)
            for i, (x, word) in enumerate(zip(lanes, words)):
                dog = word == "dog"
                fig.token(x, y, word, "asking" if dog else "plain", w=51, h=30)
                fig.arrow((x, near), (x, far), color=BLUE if dog else LINE)
                if positions:
                    fig.node(x, (near + far) / 2 - (3 if down else -3), "+", r=8)
                    fig.text(x + 10, (near + far) / 2 + (1 if down else 8), f"p_{{{i}}}", SMALL, MUTED, "start")
                fig.vector(x, 182 if down else 286, columns[i], BLUE if dog else LINE, 32, 12, show=False, top=top)
            fig.rect(start, 150 if down else 356, 286, 26, TILE, LINE, 1.5, 8)
            fig.text(start + 143, 168 if down else 374, "attention", bold=True)
        fig.lines(start + 143, 476, *result, size=BODY, color=INK, anchor="middle", step=20)
    fig.path("M320 54V502", PALE, 1.2)
    fig.lines(20, 528, "The middle columns are the outputs; lines join the same words.")
    return fig


def answer():
    """Draw the ending: a pair of test sentences, with what the student's own attention gave inside MiniLM."""
    fig = Figure(
        "01_answer",
        "The word good in two sentences, inside MiniLM",
        "The sentences this is not a good movie and this is a good movie, inside MiniLM. In the embedding table, good "
        "has the same vector in both. In the first, a wide arrow marked 0.93 leads from not into good: layer 1, head "
        "6. The final vectors of good differ: their cosine similarity is 0.83, and 0.87 with that head switched off.",
        452,
    )
    fig.heading("What *good* means here, computed by your code in MiniLM")
    fig.text(20, 66, "**In the embedding table:** one vector per word", anchor="start")
    shared, changed = [3, 8, 1, 7, 2], ([6, 3, 6, 4, 4], [3, 6, 2, 7, 4])
    for words, first, final in (("this is not a good movie".split(), 20, 0), ("this is a good movie".split(), 364, 1)):
        wide = [18 + 8 * len(word) for word in words]
        lanes = [first + sum(wide[:i]) + 6 * i + wide[i] / 2 for i in range(len(words))]
        good = lanes[words.index("good")]
        fig.vector(good, 80, shared, BLUE, 40, 14, show=False, top=10)
        for x, word, w in zip(lanes, words, wide):
            fig.token(x, 262, word, "asking" if word == "good" else "plain", w=w)
        fig.arrow((good, 298), (good, 318), color=BLUE, width=2.5)
        fig.vector(good, 320, changed[final], BLUE, 40, 14, show=False, top=10)
    fig.bracket(221, 517, 156, "cosine similarity 1", 14)
    fig.path("M137 258C137 196 221 196 221 244", BLUE, 13)
    fig.shape((221, 260), (209, 240), (233, 240), fill=BLUE)
    fig.text(179, 198, "weight 0.93", color=BLUE)
    fig.text(20, 226, "layer 1, head 6", SMALL, MUTED, "start")
    fig.text(20, 340, "**After six layers**", anchor="start")
    fig.bracket(221, 517, 396, "cosine similarity 0.83", 14)
    fig.text(369, 436, "0.87 with that head switched off", SMALL, MUTED)
    return fig


def figures():
    """Draw the figures of notebook 01."""
    return [question(), qkv(), one_head(), masks(), heads(), order(), answer()]
