"""Exercises of notebook 04 and its depth: one row for two texts, cutting them to length, honest negatives, a batch that
loses its segments, and word overlap."""

import copy

import torch

from ...device import generator
from ..checks import compare, exercise

# ---------------------------------------------------------------- one row for two texts


def build_inputs(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    """Return [CLS] A [SEP] B [SEP], padded to `length`: the lists input_ids, token_type_ids, and attention_mask."""
    input_ids = [cls_token_id, *tokens_a, sep_token_id, *tokens_b, sep_token_id]
    token_type_ids = [0] * (len(tokens_a) + 2) + [1] * (len(tokens_b) + 1)
    padding = length - len(input_ids)
    return {
        "input_ids": input_ids + [pad_token_id] * padding,
        "token_type_ids": token_type_ids + [0] * padding,
        "attention_mask": [1] * len(input_ids) + [0] * padding,
    }


@exercise(
    build_inputs,
    minutes=10,
    difficulty=2,
    build=True,
    hints=(
        "Build the row without padding first. How many positions does A take, with [CLS] and its own [SEP]?",
        "Lists can be joined with + and repeated with *, as in [0] * 3. How much padding you need follows from the "
        "length of the row so far.",
        "At a padded position, the id is pad_token_id, the segment is 0, and the attention mask is 0.",
    ),
)
def check_build_inputs(answer):
    def build(a, b, length, pad=0):
        return answer(list(a), list(b), 101, 102, pad, length)

    given = {"tokens_a": [11, 12], "tokens_b": [21, 22, 23], "length": 8}
    row = build([11, 12], [21, 22, 23], 8)  # fits exactly
    names = ["attention_mask", "input_ids", "token_type_ids"]
    yield compare(sorted(row), names, "Are these the keys of the dictionary that you return?")
    yield all(isinstance(values, list) for values in row.values()), "Are the three values lists, not tensors?"
    ids = [101, 11, 12, 102, 21, 22, 23, 102]
    question = "input_ids: is the order [CLS] A [SEP] B [SEP], with a [SEP] after A and another one after B?"
    yield compare(row["input_ids"], ids, question, **given)
    types = row["token_type_ids"]
    question = "token_type_ids: is it 0 for [CLS], A, and the first [SEP], and 1 for the rest?"
    if len(types) == 8 and types[3] == 1:
        question = "token_type_ids: to which segment does the first [SEP] belong?"
    elif len(types) == 8 and types[7] == 0:
        question = "token_type_ids: to which segment does the last [SEP] belong?"
    yield compare(types, [0, 0, 0, 0, 1, 1, 1, 1], question, **given)
    question = "attention_mask: nothing is padded here. Is every position 1, those of [CLS] and [SEP] as well?"
    yield compare(row["attention_mask"], [1] * 8, question, **given)

    given = {"tokens_a": [11, 12, 13, 14], "tokens_b": [21], "length": 10}
    row = build([11, 12, 13, 14], [21], 10)
    lengths = [len(row[key]) for key in ("input_ids", "token_type_ids", "attention_mask")]
    yield compare(lengths, [10] * 3, "Is each of the three lists `length` long? Here are their lengths.", **given)
    ids = [101, 11, 12, 13, 14, 102, 21, 102, 0, 0]
    yield compare(row["input_ids"], ids, "input_ids: is the padding at the end?", **given)
    question = "attention_mask: is it 1 at real tokens and 0 at padding?"
    yield compare(row["attention_mask"], [1] * 8 + [0] * 2, question, **given)
    question = "token_type_ids: is it 0 at padding, which belongs to neither text?"
    yield compare(row["token_type_ids"], [0] * 6 + [1, 1, 0, 0], question, **given)
    given = {"tokens_a": [11], "tokens_b": [21], "length": 7, "pad_token_id": 1}
    row = build([11], [21], 7, pad=1)
    question = "input_ids: [PAD] has the id 1 here. Do you use pad_token_id?"
    yield compare(row["input_ids"], [101, 11, 102, 21, 102, 1, 1], question, **given)
    question = "attention_mask: [PAD] has the id 1 here. Does your mask depend on that id?"
    yield compare(row["attention_mask"], [1] * 5 + [0] * 2, question, **given)
    question = "token_type_ids: [PAD] has the id 1 here. Are the segments of the padding still 0?"
    yield compare(row["token_type_ids"], [0, 0, 0, 1, 1, 0, 0], question, **given)
    a, b = [11, 12], [21]
    answer(a, b, 101, 102, 0, 9)
    yield (a, b) == ([11, 12], [21]), "Do you change the lists that you were given? Build new ones."


# ---------------------------------------------------------------- too long


def truncate_pair(tokens_a, tokens_b, room, generator):
    """Cut the longer list, one token at a time, at its front or its back, until both together fit: two new lists."""
    tokens_a, tokens_b = list(tokens_a), list(tokens_b)
    while len(tokens_a) + len(tokens_b) > room:
        longer = tokens_a if len(tokens_a) > len(tokens_b) else tokens_b
        front = torch.rand((), generator=generator) < 0.5
        longer.pop(0 if front else -1)
    return tokens_a, tokens_b


@exercise(
    truncate_pair,
    minutes=10,
    difficulty=2,
    build=True,
    hints=(
        "Copy both lists first. While the two are too long together: which one loses a token, and at which end?",
        "torch.rand((), generator=generator) < 0.5 is true half of the time. list.pop(0) removes the first token, "
        "list.pop() the last.",
    ),
)
def check_truncate_pair(answer):
    def cut(a, b, room, seed=0):
        tokens = list(range(100, 100 + a)), list(range(500, 500 + b))
        kept = answer(*tokens, room, generator(seed))
        return [list(part) for part in kept]

    def lengths(a, b, room):
        return tuple(map(len, cut(a, b, room)))

    def case(a, b, room, expected, question):
        return compare(lengths(a, b, room), expected, question, lengths=(a, b), room=room)

    yield case(3, 4, 9, (3, 4), "This pair fits. Does it keep all of its tokens?")
    yield case(3, 4, 7, (3, 4), "This pair fits exactly. Does it keep all of its tokens?")
    question = "Here A is much longer. Does only A lose tokens, and only as many as it has to?"
    yield case(20, 2, 10, (8, 2), question)
    question = "Here B is much longer. Does only B lose tokens, and only as many as it has to?"
    yield case(2, 20, 10, (2, 8), question)
    question = "Both are long. Is it always the longer one that loses the next token?"
    yield case(40, 20, 10, (5, 5), question)
    yield case(9, 9, 7, (4, 3), "At equal lengths, it's B that loses a token. Does A keep the odd one?")
    cuts = [cut(12, 2, 8, seed) for seed in range(40)]
    whole = list(range(100, 112))
    runs = all(a in [whole[i : i + 6] for i in range(7)] for a, _ in cuts)
    yield runs, "Is what remains of A one unbroken run, in its order? Tokens leave at the two ends only."
    starts = [a[0] - 100 for a, _ in cuts]
    question = "A always loses its {}. Is the end that loses a token chosen at random?"
    yield max(starts) > 0, question.format("last tokens")
    yield min(starts) < 6, question.format("first tokens")
    question = "A loses tokens at one end only, front or back. Is the end chosen again for every token?"
    yield len(set(starts)) > 2, question
    even = abs(sum(starts) / len(starts) - 3) < 1
    yield even, "Are front and back equally likely?"
    starts_b = [b[0] - 500 for _, b in (cut(2, 12, 8, seed) for seed in range(40))]
    yield len(set(starts_b)) > 2, "Does B lose tokens at both ends as well?"
    yield (
        cuts[:5] == [cut(12, 2, 8, seed) for seed in range(5)],
        "Does the same seed cut the same tokens? Use `generator`.",
    )
    a, b = [1, 2, 3, 4], [5, 6, 7, 8]
    answer(a, b, 5, generator(0))
    yield (a, b) == ([1, 2, 3, 4], [5, 6, 7, 8]), "Do you change the lists that you were given? Work on copies."
    kept_a, kept_b = answer(a, b, 9, generator(0))
    yield kept_a is not a and kept_b is not b, "Nothing was cut here. Are the two lists copies all the same?"


# ---------------------------------------------------------------- true pairs and false ones


def make_pairs(documents, generator):
    """Pair each passage with the next one (label 0) or, half of the time, with one of another document (label 1)."""

    def draw(n):
        return int(torch.randint(n, (), generator=generator))

    pairs = []
    for d, document in enumerate(documents):
        for s in range(len(document) - 1):
            b, label = (d, s + 1), draw(2)
            while label == 1 and (b[0] == d or documents[b[0]][b[1]] == document[s + 1]):
                other = draw(len(documents))
                b = other, draw(len(documents[other]))
            pairs.append(((d, s), b, label))
    return pairs


@exercise(
    make_pairs,
    minutes=15,
    difficulty=3,
    build=True,
    hints=(
        "Two loops: over the documents, and in each over all passages but the last. For each pair, decide at random "
        "whether B is the next passage or comes from another document.",
        "For a false B, choose a document, then one of its passages. Which choices must be refused? There are two "
        "kinds, and a while loop can go on until the choice is neither.",
        "Compare what the passages say: documents[other][t] == documents[d][s + 1]. A copy of the true B in another "
        "document isn't false.",
    ),
)
def check_make_pairs(answer):
    texts = (
        "i saw it twice. it is a gem. see it",
        "the plot drags. the end is silly. avoid it. really",
        "i laughed a lot. it is a gem. bring friends",
    )
    # equal passages are two objects, as in real data
    documents = [[list(map(ord, passage)) for passage in text.split(". ")] for text in texts]
    given = copy.deepcopy(documents)

    def text(place):
        return "".join(map(chr, documents[place[0]][place[1]]))

    rounds = [answer(documents, generator(seed)) for seed in range(300)]
    pairs = rounds[0]
    yield isinstance(pairs, list) and len(pairs) > 0, "Do you return a list of pairs?"
    first = pairs[0]
    shape = all(len(pair) == 3 and len(pair[0]) == len(pair[1]) == 2 for pair in pairs)
    yield shape, f"Is each pair ((d, s), (other, t), label)? Your first one is {str(first)[:60]}."
    labels = {pair[2] for one in rounds for pair in one}
    yield labels <= {0, 1}, f"Is every label 0 or 1? Yours are {sorted(map(str, labels))[:4]}."
    starts = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]
    question = "Is every passage with a next one the A of exactly one pair, in order? Here are your A's."
    shown = [tuple(a) for a, _, _ in pairs]
    yield compare(shown, starts, question, passages_per_document=[3, 4, 3])
    flat = [(tuple(a), tuple(b), label) for one in rounds for a, b, label in one]
    true = [(a, b) for a, b, label in flat if label == 0]
    false = [(a, b) for a, b, label in flat if label == 1]
    question = "With label 0, is B the passage that follows A? (0 means that it does, as in transformers.)"
    yield true and all(b == (a[0], a[1] + 1) for a, b in true), question
    share = len(false) / len(flat)
    yield abs(share - 0.5) < 0.05, f"Is a pair false half of the time? Of yours, {share:.0%} are."
    per_round = {sum(label for _, _, label in one) for one in rounds}
    yield len(per_round) > 2, "The number of false pairs is always the same. Is each pair decided on its own?"
    wrong = next((f"{text(a)!r} with {text(b)!r}" for a, b in false if b == (a[0], a[1] + 1)), "")
    yield not wrong, f"A pair is labeled false, but B does follow A: {wrong}. Which choices must be refused?"
    wrong = next((f"{text(a)!r} with {text(b)!r}" for a, b in false if a[0] == b[0]), "")
    yield not wrong, f"A pair is labeled false, but B is from the same document: {wrong}. Must that be refused?"
    wrong = next((f"{text(a)!r} with {text(b)!r}" for a, b in false if text(b) == text((a[0], a[1] + 1))), "")
    question = "A pair is labeled false, but B says the same as the true next passage: {}. Must that be refused?"
    yield not wrong, question.format(wrong)
    drawn = [b for a, b in false if a == (1, 0)]
    rest = {(0, 0), (0, 1), (0, 2), (2, 0), (2, 1), (2, 2)}
    question = "Can every passage of another document become a false B, the first and the last ones as well?"
    yield compare(sorted(set(drawn)), sorted(rest), question, A=(1, 0))
    counts = [drawn.count(place) for place in rest]
    yield max(counts) < 4 * min(counts), "Is one false B chosen much more often than the others?"
    again = [answer(documents, generator(seed)) for seed in range(3)]
    yield again == rounds[:3], "Does the same seed give the same pairs? Take all randomness from `generator`."
    yield documents == given, "Do you change the documents?"


# ---------------------------------------------------------------- spot the bug: one segment for all


def pair_batch(rows, length, pad_token_id):
    """Pad rows to `length` and return int64 tensors (batch, length): input_ids, token_type_ids, attention_mask."""
    input_ids, token_type_ids, attention_mask = [], [], []
    for row in rows:
        padding = length - len(row["input_ids"])
        input_ids.append(row["input_ids"] + [pad_token_id] * padding)
        token_type_ids.append(row["token_type_ids"] + [0] * padding)
        attention_mask.append([1] * len(row["input_ids"]) + [0] * padding)
    return {
        "input_ids": torch.tensor(input_ids),
        "token_type_ids": torch.tensor(token_type_ids),
        "attention_mask": torch.tensor(attention_mask),
    }


def found_pair_batch(rows, length, pad_token_id):
    """The batch as it was found."""
    input_ids, attention_mask = [], []
    for row in rows:
        padding = length - len(row["input_ids"])
        input_ids.append(row["input_ids"] + [pad_token_id] * padding)
        attention_mask.append([1] * len(row["input_ids"]) + [0] * padding)
    return {"input_ids": torch.tensor(input_ids), "attention_mask": torch.tensor(attention_mask)}


@exercise(
    pair_batch,
    minutes=10,
    difficulty=2,
    hints=(
        "Take two rows, and in the second one swap A and B. What does the encoder get to see of the difference?",
        "Each row has two lists, and only one of them reaches the batch. The other one needs padding as well, but not "
        "with pad_token_id.",
    ),
    found=found_pair_batch,
)
def check_pair_batch(answer):
    rows = [
        {"input_ids": [2, 11, 3, 21, 22, 23, 3], "token_type_ids": [0, 0, 0, 1, 1, 1, 1]},
        {"input_ids": [2, 11, 12, 3], "token_type_ids": [0, 0, 0, 0]},
        {"input_ids": [2, 11, 12, 3, 21, 3], "token_type_ids": [0, 0, 0, 0, 1, 1]},
    ]
    given = copy.deepcopy(rows)
    batch = answer(rows, 8, 9)
    ids = batch.get("input_ids")
    expected = torch.tensor([row["input_ids"] + [9] * (8 - len(row["input_ids"])) for row in given])
    yield compare(ids, expected, "input_ids: an int64 tensor (batch, length), padded with pad_token_id?")
    question = "attention_mask: is it 1 at every real token, and 0 at padding?"
    yield compare(batch.get("attention_mask"), (expected != 9).long(), question)
    types = batch.get("token_type_ids")
    told = isinstance(types, torch.Tensor) and bool(types.any())
    yield told, "Swap A and B in a row: does anything in the batch say which one is B?"
    expected = torch.zeros(3, 8, dtype=torch.int64)
    expected[0, 3:7] = expected[2, 4:6] = 1
    question = "token_type_ids: does each row have its own segments, and 0 at padding?"
    if told and types.shape == expected.shape:
        if bool((types == 9).any()):
            question = "token_type_ids: do you pad the segments with the id of [PAD]? There are only segments 0 and 1."
        elif bool(types[1].any()):
            question = "token_type_ids: the second row has a single text. Are all its segments 0, at padding as well?"
    yield compare(types, expected, question)
    yield rows == given, "Do you change the rows themselves? A second epoch needs them as they were."


# ---------------------------------------------------------------- what needs no reading


def word_overlap(tokens_a, tokens_b):
    """Return, of all distinct tokens in the two segments, the share that is in both, from 0 to 1."""
    return len(set(tokens_a) & set(tokens_b)) / len(set(tokens_a) | set(tokens_b))


@exercise(
    word_overlap,
    minutes=5,
    difficulty=1,
    hints=(
        "A set holds every token once. Two sets have an intersection and a union.",
        "Divide the size of set(a) & set(b) by the size of set(a) | set(b).",
    ),
)
def check_word_overlap(answer):
    def near(a, b, expected):
        return abs(answer(a.split(), b.split()) - expected) < 1e-9

    yield near("a slow film", "a slow film", 1.0), "Is it 1 for two equal segments?"
    yield near("a slow film", "we went home", 0.0), "Is it 0 for segments without a common token?"
    yield not near("the plot drags on", "it drags badly", 1), "Is it a share, or the number of common tokens?"
    yield (
        not any(near("the plot drags on", "it drags badly", 1 / size) for size in (3, 4)),
        "Do you divide by one segment alone? Then the share depends on which is shorter, or comes first.",
    )
    yield (
        not any(near("the plot drags on", "it drags badly", share) for share in (1 / 7, 2 / 7)),
        "What do you divide by: all different tokens of both, each once, or the two lengths added?",
    )
    yield (
        near("the plot drags on", "it drags badly", 1 / 6),
        "One token in common, at different positions, and six different ones in all: is it 1/6, not rounded?",
    )
    yield near("so so so slow", "so so kind", 1 / 3), "Does a token that is said twice count once?"
    yield near("it drags badly", "the plot drags on", 1 / 6), "Is it the same in both orders?"
