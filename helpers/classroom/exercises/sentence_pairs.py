"""Exercises of notebook 04: a row for two segments, cutting it to length, negatives that are none, and what needs no
reading."""

import copy

import torch

from ...device import generator
from ..checks import exercise

# ---------------------------------------------------------------- what needs no reading


def word_overlap(tokens_a, tokens_b):
    """Return, of all distinct tokens in the two segments, the share that stands in both, from 0 to 1."""
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
        "One token in common, wherever it stands, and six different ones in all: is it 1/6, not rounded?",
    )
    yield near("so so so slow", "so so kind", 1 / 3), "Does a token that is said twice count once?"
    yield near("it drags badly", "the plot drags on", 1 / 6), "Is it the same in both orders?"


# ---------------------------------------------------------------- one row for two segments


def pair_row(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    """Return [CLS] A [SEP] B [SEP], padded to `length`: lists input_ids, token_type_ids, attention_mask."""
    input_ids = [cls_token_id, *tokens_a, sep_token_id, *tokens_b, sep_token_id]
    token_type_ids = [0] * (1 + len(tokens_a) + 1) + [1] * (len(tokens_b) + 1)
    real, padding = len(input_ids), length - len(input_ids)
    return {
        "input_ids": input_ids + [pad_token_id] * padding,
        "token_type_ids": token_type_ids + [0] * padding,
        "attention_mask": [1] * real + [0] * padding,
    }


@exercise(
    pair_row,
    minutes=15,
    difficulty=3,
    hints=(
        "Build the row without padding first. How many slots does A take together with [CLS] and its own [SEP]?",
        "List + list joins, [0] * 3 repeats. How much padding is needed follows from the length of the row so far.",
        "At padding the id is pad_token_id, the segment 0 and the attention 0.",
    ),
)
def check_pair_row(answer):
    def says(a, b, length, pad=0):
        return answer(list(a), list(b), 101, 102, pad, length)

    row = says([11, 12], [21, 22, 23], 8)  # fits exactly
    yield all(isinstance(values, list) for values in row.values()), "Are the values plain lists, and not tensors?"
    yield row["input_ids"][:1] == [101], "Does the row begin with [CLS]?"
    yield row["input_ids"].count(102) == 2, "Are there two separators, one after A and one after B?"
    yield (
        row["input_ids"] == [101, 11, 12, 102, 21, 22, 23, 102],
        "Do the ids stand in the order [CLS] A [SEP] B [SEP]?",
    )
    types = row["token_type_ids"]
    yield len(types) == 8, "Does every slot have a segment number?"
    yield types[3] == 0, "Which segment does the first [SEP] belong to?"
    yield types[7] == 1, "Which segment does the last [SEP] belong to?"
    yield types == [0, 0, 0, 0, 1, 1, 1, 1], "Is it 0 for [CLS], A and the first [SEP], and 1 for the rest?"
    yield row["attention_mask"] == [1] * 8, "Is every slot read in a row without padding, separators too?"
    row = says([11, 12, 13, 14], [21], 10)
    yield (
        [len(row[key]) for key in ("input_ids", "token_type_ids", "attention_mask")] == [10] * 3,
        ("Are all three lists `length` long?"),
    )
    yield row["input_ids"] == [101, 11, 12, 13, 14, 102, 21, 102, 0, 0], "Does the padding stand at the end?"
    yield row["attention_mask"] == [1] * 8 + [0] * 2, "Is the attention 1 at real tokens and 0 at padding?"
    yield row["token_type_ids"][8:] == [0, 0], "Padding belongs to neither segment: is its number 0?"
    yield row["token_type_ids"] == [0] * 6 + [1, 1, 0, 0], "Do the segment numbers change after the first separator?"
    row = says([11], [21], 7, pad=1)
    yield row["input_ids"][5:] == [1, 1], "Is pad_token_id used? It is not 0 in every vocabulary."
    yield row["attention_mask"] == [1] * 5 + [0] * 2, "Does the attention mask depend on what id padding has?"
    yield row["token_type_ids"][5:] == [0, 0], "Is the segment of padding 0, whatever its id?"
    a, b = [11, 12], [21]
    answer(a, b, 101, 102, 0, 9)
    yield (a, b) == ([11, 12], [21]), "Do you change the lists you were given, instead of building new ones?"


# ---------------------------------------------------------------- too long


def cut_longest_first(tokens_a, tokens_b, room):
    """Cut the longer segment at its end, token by token, until both fit into `room`; at a tie cut B. Two new lists."""
    half = (room + 1) // 2  # at a tie B goes first, so A keeps the odd one
    keep_a = min(len(tokens_a), max(room - len(tokens_b), half))
    keep_b = min(len(tokens_b), room - keep_a)
    return tokens_a[:keep_a], tokens_b[:keep_b]


@exercise(
    cut_longest_first,
    minutes=15,
    difficulty=2,
    hints=(
        "With a loop: while both together are too long, drop the last token of the longer one. Work on copies.",
        "Without: a segment that fits into half the room stays whole, and the other one gets what is left.",
    ),
)
def check_cut_longest_first(answer):
    def lengths(a, b, room):
        cut_a, cut_b = answer(list(range(a)), list(range(100, 100 + b)), room)
        return len(cut_a), len(cut_b)

    yield lengths(3, 4, 9) == (3, 4), "Does a pair that fits stay as it is?"
    yield lengths(3, 4, 7) == (3, 4), "Does a pair that just fits stay as it is?"
    yield sum(lengths(9, 4, 7)) <= 7, "Do both together fit into the room afterwards?"
    yield lengths(20, 2, 10) != (5, 2), "A short segment leaves its room to the other one: is all of it used?"
    yield lengths(20, 2, 10) == (8, 2), "A is long and B is short: is it A that is cut, and A alone?"
    yield lengths(2, 20, 10) == (2, 8), "B is long and A is short: is it B that is cut, and B alone?"
    yield lengths(40, 20, 10) == (5, 5), "Both are long: do they end equally long, or in proportion?"
    yield lengths(9, 9, 7) != (3, 4), "At a tie the text above cuts B: who keeps the odd token?"
    yield lengths(9, 9, 7) == (4, 3), "Both are long and the room is odd: is it 4 and 3?"
    yield (
        lengths(9, 4, 7) == (4, 3),
        "A is cut down to the length of B, and one token is still too many: what goes then?",
    )
    a, b = [1, 2, 3, 4], [5, 6, 7, 8]
    cut_a, cut_b = answer(a, b, 5)
    yield [*cut_a, *cut_b] == [1, 2, 3, 5, 6], "Does a segment lose its end, not its beginning?"
    yield (a, b) == ([1, 2, 3, 4], [5, 6, 7, 8]), "Do you change the lists you were given? Work on copies."
    cut_a, cut_b = answer(a, b, 9)
    yield cut_a is not a and cut_b is not b, "Nothing is cut here: are the two lists new ones all the same?"


# ---------------------------------------------------------------- spot the bug: negatives that are none


def false_next(documents, d, s, generator):
    """Return a sentence of another document, drawn at random, that does not read like the true successor."""
    while True:
        other = int(torch.randint(len(documents), (), generator=generator))
        place = int(torch.randint(len(documents[other]), (), generator=generator))
        if other != d and documents[other][place] != documents[d][s + 1]:
            return documents[other][place]


def found_false_next(documents, d, s, generator):
    """The draw as it was found."""
    other = int(torch.randint(len(documents), (), generator=generator))
    place = int(torch.randint(len(documents[other]), (), generator=generator))
    return documents[other][place]


@exercise(
    false_next,
    minutes=10,
    difficulty=2,
    hints=(
        "Which sentences may be drawn? Two kinds must not: think of document d, and of what stands at s + 1.",
        "Draw again while the draw is refused. Compare sentences by what they say, not by where they stand.",
    ),
    found=found_false_next,
)
def check_false_next(answer):
    texts = (
        "i saw it twice. it is a gem. see it",
        "the plot drags. the end is silly. avoid it",
        "i laughed a lot. it is a gem. bring friends",
    )
    documents = [text.split(". ") for text in texts]  # so that equal sentences are two objects, as in real data
    given = copy.deepcopy(documents)

    def drawn(d, s, seed=0, count=300):
        draws = generator(seed)
        return [answer(documents, d, s, draws) for _ in range(count)]

    found = drawn(1, 0)
    yield set(found) <= set(sum(documents, [])), "Is it one sentence of the documents that comes back?"
    yield "the end is silly" not in found, "Can the true next sentence come back as a false one?"
    yield not set(found) & set(documents[1]), "Can the sentence come from the same document?"
    found = drawn(0, 0)
    yield (
        "it is a gem" not in found,
        "Another document holds a sentence that reads like the true next one: is it refused?",
    )
    rest = {"the plot drags", "the end is silly", "avoid it", "i laughed a lot", "bring friends"}
    yield set(found) == rest, "Can every other sentence still be drawn, wherever it stands?"
    counts = [found.count(sentence) for sentence in rest]
    yield max(counts) < 4 * min(counts), "Is one sentence drawn far more often than the others?"
    yield drawn(2, 1, seed=3, count=20) == drawn(2, 1, seed=3, count=20), "Do you draw from `generator` alone?"
    yield drawn(2, 1, seed=3, count=20) != drawn(2, 1, seed=4, count=20), "Does another seed give other sentences?"
    yield documents == given, "Are the documents still what they were?"


# ---------------------------------------------------------------- spot the bug: one segment for all


def pair_batch(rows, length, pad_token_id):
    """Pad rows to `length` and return int64 tensors (batch, length): input_ids, token_type_ids, attention_mask."""
    input_ids, token_type_ids, attention_mask = [], [], []
    for row in rows:
        real = len(row["input_ids"])
        padding = length - real
        input_ids.append(row["input_ids"] + [pad_token_id] * padding)
        token_type_ids.append(row["token_type_ids"] + [0] * padding)
        attention_mask.append([1] * real + [0] * padding)
    return {
        "input_ids": torch.tensor(input_ids),
        "token_type_ids": torch.tensor(token_type_ids),
        "attention_mask": torch.tensor(attention_mask),
    }


def found_pair_batch(rows, length, pad_token_id):
    """The batch as it was found."""
    input_ids, token_type_ids, attention_mask = [], [], []
    for row in rows:
        real = len(row["input_ids"])
        padding = length - real
        input_ids.append(row["input_ids"] + [pad_token_id] * padding)
        token_type_ids.append([0] * length)
        attention_mask.append([1] * real + [0] * padding)
    return {
        "input_ids": torch.tensor(input_ids),
        "token_type_ids": torch.tensor(token_type_ids),
        "attention_mask": torch.tensor(attention_mask),
    }


@exercise(
    pair_batch,
    minutes=10,
    difficulty=1,
    hints=(
        "Which of a row's lists never reaches the batch?",
        "The segments are in row['token_type_ids']. They need padding like the ids, but not the same padding.",
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
    kinds = {(tensor.dtype, *tensor.shape) for tensor in batch.values()}
    yield kinds == {(torch.int64, 3, 8)}, "Is every tensor int64, and of shape (batch, length)?"
    yield batch["input_ids"][1].tolist() == [2, 11, 12, 3, 9, 9, 9, 9], "Are the ids filled up with pad_token_id?"
    yield batch["attention_mask"].sum(1).tolist() == [7, 4, 6], "Is every real token read, and no padding?"
    types = batch["token_type_ids"].tolist()
    yield types[1][:4] == [0] * 4, "A row with one text has no B: are its segments 0?"
    yield types[0] != [0] * 8, "Swap A and B in a row: does anything in the batch say which one is B?"
    yield types[0][:7] == [0, 0, 0, 1, 1, 1, 1], "Do the segments come from the row itself, as they were built?"
    yield types[2][:6] == [0, 0, 0, 0, 1, 1], "Does every row have its own segments, or those of the first?"
    yield 9 not in types[2], "Do you fill up the segments with the id of [PAD]? There are only two segments."
    yield types[1] == [0] * 8 and types[2][6:] == [0, 0], "Is padding given to B? It belongs to neither."
    yield rows == given, "Do you change the rows themselves? A second epoch needs them as they were."
