"""Answers to the exercises of notebook 04 that students give, and what each must be asked."""

import torch

from helpers.classroom.exercises.sentence_pairs import build_inputs, make_pairs, pair_batch, truncate_pair, word_overlap


def by_the_shorter(tokens_a, tokens_b):
    return len(set(tokens_a) & set(tokens_b)) / min(len(set(tokens_a)), len(set(tokens_b)))


def by_the_first(tokens_a, tokens_b):
    return len(set(tokens_a) & set(tokens_b)) / len(set(tokens_a))


def by_the_lengths(tokens_a, tokens_b):
    return 2 * len(set(tokens_a) & set(tokens_b)) / (len(tokens_a) + len(tokens_b))


def how_many(tokens_a, tokens_b):
    return 1 if set(tokens_a) == set(tokens_b) else len(set(tokens_a) & set(tokens_b))


def counted_again(tokens_a, tokens_b):
    common = sum(token in tokens_b for token in tokens_a)
    return common / (common + sum(t not in tokens_b for t in tokens_a) + sum(t not in tokens_a for t in tokens_b))


def place_by_place(tokens_a, tokens_b):
    return sum(a == b for a, b in zip(tokens_a, tokens_b)) / len(set(tokens_a) | set(tokens_b))


def two_digits(tokens_a, tokens_b):
    return round(word_overlap(tokens_a, tokens_b), 2)


def one_separator(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    row = build_inputs(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length + 1)
    return {key: values[:-1] for key, values in row.items()} | {"input_ids": row["input_ids"][:-2] + [pad_token_id]}


def first_separator_to_b(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    row = build_inputs(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length)
    return row | {"token_type_ids": [0] * (1 + len(tokens_a)) + [1] * (length - 1 - len(tokens_a))}


def last_separator_to_a(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    types = [0] * (len(tokens_a) + 2) + [1] * len(tokens_b)
    row = build_inputs(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length)
    return row | {"token_type_ids": types + [0] * (length - len(types))}


def padding_to_b(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    row = build_inputs(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length)
    return row | {"token_type_ids": [0] * (len(tokens_a) + 2) + [1] * (length - len(tokens_a) - 2)}


def padding_is_read(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    return build_inputs(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length) | {
        "attention_mask": [1] * length
    }


def padding_is_zero(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    return build_inputs(tokens_a, tokens_b, cls_token_id, sep_token_id, 0, length)


def attention_by_zero(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    row = build_inputs(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length)
    return row | {"attention_mask": [int(i != 0) for i in row["input_ids"]]}


def no_padding(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    real = len(tokens_a) + len(tokens_b) + 3
    return build_inputs(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, real)


def lists_are_used_up(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    row = build_inputs(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length)
    tokens_a.append(sep_token_id)
    return row


def tensors(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    row = build_inputs(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length)
    return {key: torch.tensor(values) for key, values in row.items()}


def types_to_b(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    row = build_inputs(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length)
    return {key: row[key] for key in ("input_ids", "attention_mask")}


def specials_unread(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    row = build_inputs(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length)
    return row | {
        "attention_mask": [int(i not in (cls_token_id, sep_token_id, pad_token_id)) for i in row["input_ids"]]
    }


def types_from_the_id(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    row = build_inputs(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length)
    types = [pad_token_id if i == pad_token_id else t for i, t in zip(row["input_ids"], row["token_type_ids"])]
    return row | {"token_type_ids": types}


def padding_in_front(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    row = build_inputs(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length)
    real = len(tokens_a) + len(tokens_b) + 3
    return {key: values[real:] + values[:real] for key, values in row.items()}


def cutting(room_of=lambda room: room, longer=None, front=None, copies=True):
    """Return a correct truncate_pair in which one step is replaced."""

    def answer(tokens_a, tokens_b, room, generator):
        a, b = (list(tokens_a), list(tokens_b)) if copies else (tokens_a, tokens_b)
        while len(a) + len(b) > room_of(room):
            cut = longer(a, b) if longer else (a if len(a) > len(b) else b)
            from_front = front(generator) if front else bool(torch.rand((), generator=generator) < 0.5)
            cut.pop(0 if from_front else -1)
        return a, b

    answer.__name__ = "truncate_pair"
    return answer


def only_b(tokens_a, tokens_b, room, generator):
    return list(tokens_a), list(tokens_b)[: max(0, room - len(tokens_a))]


def half_each(tokens_a, tokens_b, room, generator):
    return list(tokens_a)[: room - room // 2], list(tokens_b)[: room // 2]


def half_each_if_too_long(tokens_a, tokens_b, room, generator):
    if len(tokens_a) + len(tokens_b) <= room:
        return list(tokens_a), list(tokens_b)
    return list(tokens_a)[: room - room // 2], list(tokens_b)[: room // 2]


def in_proportion(tokens_a, tokens_b, room, generator):
    both = len(tokens_a) + len(tokens_b)
    keep_a = len(tokens_a) if both <= room else round(room * len(tokens_a) / both)
    return list(tokens_a)[:keep_a], list(tokens_b)[: room - keep_a]


def one_end_for_all(tokens_a, tokens_b, room, generator):
    a, b = truncate_pair(tokens_a, tokens_b, room, generator)
    if torch.rand((), generator=generator) < 0.5:
        return list(tokens_a)[: len(a)], list(tokens_b)[: len(b)]
    return list(tokens_a)[len(tokens_a) - len(a) :], list(tokens_b)[len(tokens_b) - len(b) :]


def any_token(tokens_a, tokens_b, room, generator):
    a, b = list(tokens_a), list(tokens_b)
    while len(a) + len(b) > room:
        longer = a if len(a) > len(b) else b
        longer.pop(int(torch.randint(len(longer), (), generator=generator)))
    return a, b


def b_at_its_end(tokens_a, tokens_b, room, generator):
    a, b = truncate_pair(tokens_a, tokens_b, room, generator)
    return a, list(tokens_b)[: len(b)]


def the_same_if_they_fit(tokens_a, tokens_b, room, generator):
    if len(tokens_a) + len(tokens_b) <= room:
        return tokens_a, tokens_b
    return truncate_pair(tokens_a, tokens_b, room, generator)


def pairing(
    refused=lambda documents, d, s, b: b[0] == d or documents[b[0]][b[1]] == documents[d][s + 1],
    candidates=None,
    label_of=lambda d, s, draw: draw(2),
    last=1,
    truth=0,
    global_draws=False,
    tries=None,
):
    """Return a correct make_pairs in which one step is replaced."""

    def answer(documents, generator):
        def draw(n):
            return int(torch.randint(n, (), generator=None if global_draws else generator))

        pairs = []
        for d, document in enumerate(documents):
            for s in range(len(document) - last):
                b, label = (d, s + 1), label_of(d, s, draw)
                if label:
                    for _ in range(tries or 10_000):
                        other = draw(len(documents))
                        places = range(len(documents[other])) if candidates is None else candidates(documents[other])
                        b = other, places[draw(len(places))]
                        if not refused(documents, d, s, b):
                            break
                pairs.append(((d, s), b, label if truth == 0 else 1 - label))
        return pairs

    answer.__name__ = "make_pairs"
    return answer


def texts_not_places(documents, generator):
    return [(documents[d][s], documents[e][t], label) for (d, s), (e, t), label in make_pairs(documents, generator)]


def labels_as_words(documents, generator):
    return [(a, b, "false" if label else "true") for a, b, label in make_pairs(documents, generator)]


def uses_up_documents(documents, generator):
    pairs = make_pairs(documents, generator)
    documents[0] = documents[0] + [[1]]
    documents[0].pop(0)
    return pairs


def the_next_document(documents, generator):
    pairs = []
    for (d, s), b, label in make_pairs(documents, generator):
        if label:
            other = (d + 1) % len(documents)
            rest = [t for t, segment in enumerate(documents[other]) if segment != documents[d][s + 1]]
            b = other, rest[int(torch.randint(len(rest), (), generator=generator))]
        pairs.append(((d, s), b, label))
    return pairs


def exactly_half(documents, generator):
    pairs = make_pairs(documents, generator)
    half = len(pairs) // 2 + int(torch.randint(2, (), generator=generator))
    while sum(label for *_, label in pairs) != half:
        pairs = make_pairs(documents, generator)
    return pairs


def favorite(documents, generator):
    pairs = []
    for (d, s), b, label in make_pairs(documents, generator):
        if label and d != 0 and documents[0][0] != documents[d][s + 1] and torch.rand((), generator=generator) < 0.7:
            b = 0, 0
        pairs.append(((d, s), b, label))
    return pairs


def segments_left_out(rows, length, pad_token_id):
    batch = pair_batch(rows, length, pad_token_id)
    return batch | {"token_type_ids": torch.zeros_like(batch["token_type_ids"])}


def every_text_is_b(rows, length, pad_token_id):
    batch = pair_batch(rows, length, pad_token_id)
    return batch | {"token_type_ids": torch.ones_like(batch["token_type_ids"])}


def segments_of_the_first(rows, length, pad_token_id):
    batch = pair_batch(rows, length, pad_token_id)
    first = batch["token_type_ids"][:1].repeat(len(rows), 1)
    first[1] = 0
    return batch | {"token_type_ids": first}


def segments_padded_like_ids(rows, length, pad_token_id):
    batch = pair_batch(rows, length, pad_token_id)
    types = [row["token_type_ids"] + [pad_token_id] * (length - len(row["token_type_ids"])) for row in rows]
    return batch | {"token_type_ids": torch.tensor(types)}


def segments_padded_with_one(rows, length, pad_token_id):
    batch = pair_batch(rows, length, pad_token_id)
    types = [row["token_type_ids"] + [1] * (length - len(row["token_type_ids"])) for row in rows]
    return batch | {"token_type_ids": torch.tensor(types)}


def as_long_as_the_longest(rows, length, pad_token_id):
    return pair_batch(rows, max(len(row["input_ids"]) for row in rows), pad_token_id)


def segments_of_floats(rows, length, pad_token_id):
    batch = pair_batch(rows, length, pad_token_id)
    return batch | {"token_type_ids": batch["token_type_ids"].float()}


def attention_everywhere(rows, length, pad_token_id):
    batch = pair_batch(rows, length, pad_token_id)
    return batch | {"attention_mask": torch.ones_like(batch["input_ids"])}


def rows_grow(rows, length, pad_token_id):
    batch = pair_batch(rows, length, pad_token_id)
    for row in rows:
        row["token_type_ids"] += [0] * (length - len(row["token_type_ids"]))
    return batch


WRONG = {
    "word_overlap": [
        (how_many, "the number of common tokens"),
        (by_the_shorter, "one segment alone"),
        (by_the_first, "one segment alone"),
        (by_the_lengths, "the two lengths added"),
        (place_by_place, "at different positions"),
        (two_digits, "not rounded"),
        (counted_again, "said twice"),
    ],
    "build_inputs": [
        (types_to_b, "keys of the dictionary"),
        (tensors, "lists, not tensors"),
        (one_separator, "order [CLS] A [SEP] B [SEP]"),
        (first_separator_to_b, "the first [SEP] belong"),
        (last_separator_to_a, "the last [SEP] belong"),
        (specials_unread, "nothing is padded here"),
        (no_padding, "`length` long"),
        (padding_in_front, "padding at the end"),
        (padding_is_read, "0 at padding?"),
        (padding_to_b, "belongs to neither text"),
        (padding_is_zero, "Do you use pad_token_id"),
        (attention_by_zero, "depend on that id"),
        (types_from_the_id, "of the padding still 0"),
        (lists_are_used_up, "the lists that you were given"),
    ],
    "truncate_pair": [
        (half_each, "fits exactly"),
        (cutting(room_of=lambda room: room - 1), "fits exactly"),
        (cutting(room_of=lambda room: room - 3), "This pair fits. Does it keep"),
        (half_each_if_too_long, "Here A is much longer"),
        (cutting(longer=lambda a, b: b if len(b) > 1 else a), "Here A is much longer"),
        (cutting(longer=lambda a, b: a if len(a) > 1 else b), "Here B is much longer"),
        (in_proportion, "A is much longer"),
        (cutting(longer=lambda a, b: a if len(a) > 8 or len(b) <= 2 else b), "Both are long"),
        (cutting(longer=lambda a, b: a if len(a) >= len(b) else b), "At equal lengths"),
        (any_token, "one unbroken run"),
        (cutting(front=lambda generator: False), "loses its last tokens"),
        (cutting(front=lambda generator: True), "loses its first tokens"),
        (one_end_for_all, "chosen again for every token"),
        (cutting(front=lambda generator: bool(torch.rand((), generator=generator) < 0.85)), "equally likely"),
        (b_at_its_end, "B lose tokens at both ends"),
        (cutting(front=lambda generator: bool(torch.rand(()) < 0.5)), "Use `generator`"),
        (cutting(copies=False), "Work on copies"),
        (the_same_if_they_fit, "copies all the same"),
    ],
    "make_pairs": [
        (pairing(refused=lambda documents, d, s, b: False), "B does follow A"),
        (lambda documents, generator: (), "a list of pairs"),
        (texts_not_places, "Is each pair ((d, s), (other, t), label)"),
        (labels_as_words, "Is every label 0 or 1"),
        (pairing(last=2), "the A of exactly one pair"),
        (pairing(truth=1), "is B the passage that follows A"),
        (pairing(label_of=lambda d, s, draw: int(draw(3) == 0)), "false half of the time"),
        (pairing(label_of=lambda d, s, draw: s % 2), "false half of the time"),
        (exactly_half, "always the same"),
        (pairing(refused=lambda documents, d, s, b: b == (d, s + 1)), "from the same document"),
        (pairing(refused=lambda documents, d, s, b: b[0] == d), "says the same as the true next passage"),
        (
            pairing(refused=lambda docs, d, s, b: b[0] == d or docs[b[0]][b[1]] is docs[d][s + 1]),
            "says the same as the true next passage",
        ),
        (pairing(tries=2), "B does follow A"),
        (pairing(candidates=lambda document: range(1, len(document))), "the first and the last ones as well"),
        (the_next_document, "the first and the last ones as well"),
        (favorite, "much more often than the others"),
        (pairing(global_draws=True), "Does the same seed give the same pairs"),
        (uses_up_documents, "Do you change the documents"),
    ],
    "pair_batch": [
        (as_long_as_the_longest, "padded with pad_token_id"),
        (attention_everywhere, "0 at padding"),
        (segments_left_out, "Swap A and B"),
        (segments_of_floats, "its own segments"),
        (every_text_is_b, "a single text"),
        (segments_of_the_first, "its own segments"),
        (segments_padded_like_ids, "the id of [PAD]"),
        (segments_padded_with_one, "a single text"),
        (rows_grow, "A second epoch"),
    ],
}
