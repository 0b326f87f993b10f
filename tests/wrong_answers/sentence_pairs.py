"""Answers to the exercises of notebook 04 that students give, and what each must be asked."""

import torch

from helpers.classroom.exercises.sentence_pairs import cut_longest_first, pair_batch, pair_row, word_overlap


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
    row = pair_row(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length + 1)
    return {key: values[:-1] for key, values in row.items()} | {"input_ids": row["input_ids"][:-2] + [pad_token_id]}


def first_separator_to_b(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    row = pair_row(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length)
    return row | {"token_type_ids": [0] * (1 + len(tokens_a)) + [1] * (length - 1 - len(tokens_a))}


def last_separator_to_a(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    types = [0] * (len(tokens_a) + 2) + [1] * len(tokens_b)
    row = pair_row(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length)
    return row | {"token_type_ids": types + [0] * (length - len(types))}


def padding_to_b(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    row = pair_row(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length)
    return row | {"token_type_ids": [0] * (len(tokens_a) + 2) + [1] * (length - len(tokens_a) - 2)}


def padding_is_read(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    return pair_row(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length) | {
        "attention_mask": [1] * length
    }


def padding_is_zero(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    return pair_row(tokens_a, tokens_b, cls_token_id, sep_token_id, 0, length)


def attention_by_zero(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    row = pair_row(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length)
    return row | {"attention_mask": [int(i != 0) for i in row["input_ids"]]}


def no_padding(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    real = len(tokens_a) + len(tokens_b) + 3
    return pair_row(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, real)


def lists_are_used_up(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    row = pair_row(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length)
    tokens_a.append(sep_token_id)
    return row


def tensors(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length):
    row = pair_row(tokens_a, tokens_b, cls_token_id, sep_token_id, pad_token_id, length)
    return {key: torch.tensor(values) for key, values in row.items()}


def only_b(tokens_a, tokens_b, room):
    return list(tokens_a), list(tokens_b)[: max(0, room - len(tokens_a))]


def half_each(tokens_a, tokens_b, room):
    return tokens_a[: room - room // 2], tokens_b[: room // 2]


def half_each_if_too_long(tokens_a, tokens_b, room):
    if len(tokens_a) + len(tokens_b) <= room:
        return list(tokens_a), list(tokens_b)
    return tokens_a[: room // 2], tokens_b[: room // 2]


def in_proportion(tokens_a, tokens_b, room):
    both = len(tokens_a) + len(tokens_b)
    keep_a = len(tokens_a) if both <= room else round(room * len(tokens_a) / both)
    return tokens_a[:keep_a], tokens_b[: room - keep_a]


def tie_cuts_a(tokens_a, tokens_b, room):
    a, b = list(tokens_a), list(tokens_b)
    while len(a) + len(b) > room:
        (a if len(a) >= len(b) else b).pop()
    return a, b


def from_the_front(tokens_a, tokens_b, room):
    a, b = list(tokens_a), list(tokens_b)
    while len(a) + len(b) > room:
        (a if len(a) > len(b) else b).pop(0)
    return a, b


def b_from_the_front(tokens_a, tokens_b, room):
    a, b = cut_longest_first(tokens_a, tokens_b, room)
    return a, tokens_b[len(tokens_b) - len(b) :]


def the_same_if_they_fit(tokens_a, tokens_b, room):
    if len(tokens_a) + len(tokens_b) <= room:
        return tokens_a, tokens_b
    return cut_longest_first(tokens_a, tokens_b, room)


def uses_up_its_input(tokens_a, tokens_b, room):
    while len(tokens_a) + len(tokens_b) > room:
        (tokens_a if len(tokens_a) > len(tokens_b) else tokens_b).pop()
    return tokens_a, tokens_b


def one_too_many(tokens_a, tokens_b, room):
    a, b = list(tokens_a), list(tokens_b)
    while len(a) + len(b) >= room:
        (a if len(a) > len(b) else b).pop()
    return a, b


def other_document_only(documents, d, s, generator):
    other = (d + 1 + int(torch.randint(len(documents) - 1, (), generator=generator))) % len(documents)
    return documents[other][int(torch.randint(len(documents[other]), (), generator=generator))]


def other_words_only(documents, d, s, generator):
    rest = [sentence for document in documents for sentence in document if sentence != documents[d][s + 1]]
    return rest[int(torch.randint(len(rest), (), generator=generator))]


def other_place_only(documents, d, s, generator):
    rest = [(e, t) for e in range(len(documents)) for t in range(len(documents[e])) if (e, t) != (d, s + 1)]
    e, t = rest[int(torch.randint(len(rest), (), generator=generator))]
    return documents[e][t]


def other_object_only(documents, d, s, generator):
    rest = [x for e, document in enumerate(documents) if e != d for x in document if x is not documents[d][s + 1]]
    return rest[int(torch.randint(len(rest), (), generator=generator))]


def tries_once_more(documents, d, s, generator):
    for _ in range(2):
        other = int(torch.randint(len(documents), (), generator=generator))
        second = documents[other][int(torch.randint(len(documents[other]), (), generator=generator))]
        if other != d and second != documents[d][s + 1]:
            break
    return second


def the_next_document(documents, d, s, generator):
    other = documents[(d + 1) % len(documents)]
    rest = [sentence for sentence in other if sentence != documents[d][s + 1]]
    return rest[int(torch.randint(len(rest), (), generator=generator))]


def global_draws(documents, d, s, generator):
    rest = [x for e, document in enumerate(documents) if e != d for x in document if x != documents[d][s + 1]]
    return rest[int(torch.randint(len(rest), ()))]


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
        (place_by_place, "wherever it stands"),
        (two_digits, "not rounded"),
        (counted_again, "said twice"),
    ],
    "pair_row": [
        (tensors, "plain lists"),
        (one_separator, "two separators"),
        (first_separator_to_b, "the first [SEP]"),
        (last_separator_to_a, "the last [SEP]"),
        (no_padding, "`length` long"),
        (padding_is_read, "0 at padding"),
        (padding_to_b, "belongs to neither"),
        (padding_is_zero, "pad_token_id"),
        (attention_by_zero, "what id padding has"),
        (lists_are_used_up, "the lists you were given"),
    ],
    "cut_longest_first": [
        (half_each, "just fits"),
        (one_too_many, "just fits"),
        (only_b, "fit into the room"),
        (half_each_if_too_long, "all of it used"),
        (in_proportion, "and A alone"),
        (tie_cuts_a, "who keeps the odd token"),
        (from_the_front, "its end, not its beginning"),
        (b_from_the_front, "its end, not its beginning"),
        (the_same_if_they_fit, "new ones"),
        (uses_up_its_input, "Work on copies"),
    ],
    "false_next": [
        (other_place_only, "from the same document"),
        (other_words_only, "from the same document"),
        (other_document_only, "reads like the true next one"),
        (other_object_only, "reads like the true next one"),
        (tries_once_more, "true next sentence come back"),
        (the_next_document, "wherever it stands"),
        (global_draws, "from `generator` alone"),
    ],
    "pair_batch": [
        (as_long_as_the_longest, "(batch, length)"),
        (segments_of_floats, "int64"),
        (every_text_is_b, "has no B"),
        (segments_of_the_first, "those of the first"),
        (segments_padded_like_ids, "the id of [PAD]"),
        (segments_padded_with_one, "given to B"),
        (rows_grow, "A second epoch"),
    ],
}
