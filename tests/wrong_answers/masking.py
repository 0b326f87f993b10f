"""Answers to the exercises of notebook 03 that students give, and what each must be asked."""

import torch
from torch.nn import functional as F

from helpers.classroom.exercises.masking import mark_specials, mask_tokens, mlm_loss, word_groups
from helpers.tokenization import SPECIAL_TOKENS


def ends_only(input_ids, special_ids):
    marks = torch.zeros_like(input_ids)
    marks[:, [0, -1]] = 1
    return marks


def words_instead(input_ids, special_ids):
    return (~torch.isin(input_ids, special_ids)).long()


def up_to_the_largest(input_ids, special_ids):
    return (input_ids <= special_ids.max()).long()


def numbers_by_heart(input_ids, special_ids):
    return torch.isin(input_ids, torch.tensor([0, 100, 101, 102, 103])).long()


def as_booleans(input_ids, special_ids):
    return torch.isin(input_ids, special_ids)


def ends_and_padding(input_ids, special_ids):
    marks = (input_ids == 0).long()
    marks[:, 0] = 1
    last = (input_ids != 0).sum(1) - 1
    return marks.scatter(1, last[:, None], 1)


def padding_only(input_ids, special_ids):
    return (input_ids == 0).long()


def first_row_only(input_ids, special_ids):
    return torch.tensor([[int(i in special_ids) for i in input_ids[0]]])


def marks_among_ids(input_ids, special_ids):
    marks = input_ids.clone()
    for i in special_ids:
        marks[marks == i] = 1
    return (marks == 1).long()


def specials_in_order(input_ids, special_ids):
    places = torch.searchsorted(special_ids, input_ids).clamp(max=len(special_ids) - 1)
    return (special_ids[places] == input_ids).long()


def ids_overwritten(input_ids, special_ids):
    return input_ids.copy_(mark_specials(input_ids, special_ids))


def marks_in_numpy(input_ids, special_ids):
    return mark_specials(input_ids, special_ids).numpy()


def masking(
    draw=lambda shape, generator: torch.rand(shape, generator=generator),
    count=None,
    words=None,
    fate=None,
    probability=None,
    shares=None,
):
    """Return a correct mask_tokens in which one step is replaced: how positions are drawn, how many random words,
    which, what decides the fate, with which probability and mix."""

    def answer(ids, special, mask_id, replacement_ids, generator, mask_probability=0.15, mix=(0.8, 0.1, 0.1)):
        mix, draws = shares or mix, draw(ids.shape, generator)
        is_target = (draws < (probability or mask_probability)) & (special == 0)
        original = ids[is_target]
        fates = torch.rand(len(original), generator=generator) if fate is None else fate(draws[is_target])
        n = count or len(original)
        picks = (words or replacement_ids)[torch.randint(len(words or replacement_ids), (n,), generator=generator)]
        changed = torch.where(fates < mix[0] + mix[1], picks, original)
        masked = ids.clone()
        masked[is_target] = torch.where(fates < mix[0], mask_id, changed)
        return masked, torch.where(is_target, ids, -100)

    return answer


def changed_after(change):
    """Return a correct mask_tokens whose arguments and results `change` may still spoil."""

    def answer(ids, special, mask_id, replacement_ids, generator, *more, **options):
        masked, labels = mask_tokens(ids, special, mask_id, replacement_ids, generator, *more, **options)
        return change(ids, special, mask_id, masked, labels)

    answer.__qualname__ = f"changed_after.{change.__name__}"
    return answer


def specials_too(ids, special, mask_id, replacement_ids, generator, *more, **options):
    return mask_tokens(ids, torch.zeros_like(special), mask_id, replacement_ids, generator, *more, **options)


def labels_afterwards(ids, special, mask_id, masked, labels):
    return masked, torch.where(labels != -100, masked, -100)


def kept_is_no_target(ids, special, mask_id, masked, labels):
    return masked, torch.where(masked != ids, labels, -100)


def in_place(ids, special, mask_id, masked, labels):
    return ids.copy_(masked), labels


def zero_instead_of_ignored(ids, special, mask_id, masked, labels):
    return masked, torch.where(labels == -100, 0, labels)


def every_position_labeled(ids, special, mask_id, masked, labels):
    return masked, torch.where(special == 1, -100, ids)


def labels_first(ids, special, mask_id, masked, labels):
    return labels, masked


def labels_of_floats(ids, special, mask_id, masked, labels):
    return masked, labels.float()


def one_row(ids, special, mask_id, masked, labels):
    return masked.flatten(), labels.flatten()


def specials_become_masks(ids, special, mask_id, masked, labels):
    return torch.where(special == 1, mask_id, masked), labels


def others_shuffled(ids, special, mask_id, masked, labels):
    quiet = (labels == -100) & (special == 0)
    return torch.where(quiet, masked.flip(1), masked), labels


def labels_off_by_one(ids, special, mask_id, masked, labels):
    return masked, torch.where(labels != -100, labels + 1, -100)


def any_id_is_random(ids, special, mask_id, replacement_ids, generator, *more, **options):
    return mask_tokens(ids, special, mask_id, torch.arange(6000), generator, *more, **options)


def never_random(ids, special, mask_id, replacement_ids, generator, mask_probability=0.15, mix=(0.8, 0.1, 0.1)):
    return masking(shares=(mix[0] + mix[1], 0.0, mix[2]))(
        ids, special, mask_id, replacement_ids, generator, mask_probability
    )


def kept_forgotten(ids, special, mask_id, replacement_ids, generator, mask_probability=0.15, mix=(0.8, 0.1, 0.1)):
    return masking(shares=(mix[0], mix[1] + mix[2], 0.0))(
        ids, special, mask_id, replacement_ids, generator, mask_probability
    )


def two_in_ten_twice(ids, special, mask_id, replacement_ids, generator, mask_probability=0.15, mix=(0.8, 0.1, 0.1)):
    masked, labels = mask_tokens(ids, special, mask_id, replacement_ids, generator, mask_probability, mix)
    if mix == (0.8, 0.1, 0.1):  # a second draw for each target, instead of one fate
        again = (torch.rand(ids.shape, generator=generator) < 0.5) & (labels != -100)
        masked = torch.where(again, ids, masked)
    return masked, labels


def only_the_beginning(shape, generator):
    draws = torch.rand(shape, generator=generator)
    draws[:, shape[1] // 2 :] = draws[:, shape[1] // 2 :].clamp_min(0.15) if draws.numel() else draws
    draws[:, : shape[1] // 2] /= 2
    return draws


def one_draw_for_all_rows(shape, generator):
    return torch.rand(1, shape[1], generator=generator).expand(shape)


def global_draws_for_masks(shape, generator):
    return torch.rand(shape)


def exactly_so_many(ids, special, mask_id, replacement_ids, generator, mask_probability=0.15, mix=(0.8, 0.1, 0.1)):
    draws = torch.rand(ids.shape, generator=generator).masked_fill(special == 1, 2.0)
    chosen = draws.flatten().argsort()[: int(mask_probability * (special == 0).sum())]
    is_target = torch.zeros(ids.numel(), dtype=torch.bool).index_fill(0, chosen, True).view(ids.shape)
    return mask_tokens(ids, (~is_target).long(), mask_id, replacement_ids, generator, 1.0, mix)


def never_masks(ids, special, mask_id, replacement_ids, generator, *more, **options):
    return mask_tokens(ids, special, 104, replacement_ids, generator, *more, **options)


def fixed_rate(ids, special, mask_id, replacement_ids, generator, mask_probability=0.15, mix=(0.8, 0.1, 0.1)):
    p = mask_probability if mask_probability == 1 else 0.15
    return mask_tokens(ids, special, mask_id, replacement_ids, generator, p, mix)


def fixed_mix(ids, special, mask_id, replacement_ids, generator, mask_probability=0.15, mix=(0.8, 0.1, 0.1)):
    shares = mix if 1.0 in mix else (0.8, 0.1, 0.1)
    return mask_tokens(ids, special, mask_id, replacement_ids, generator, mask_probability, shares)


def same_seed_always(ids, special, mask_id, replacement_ids, generator, *more, **options):
    return mask_tokens(ids, special, mask_id, replacement_ids, torch.Generator().manual_seed(0), *more, **options)


def everything_counts(logits, labels):
    return F.cross_entropy(logits.flatten(0, 1), labels.clamp_min(0).flatten())


def mean_then_multiply(logits, labels):
    weights = (labels != -100).float()
    losses = F.cross_entropy(logits.flatten(0, 1), labels.clamp_min(0).flatten())
    return (losses * weights).sum() / weights.sum()


def by_all_positions(logits, labels):
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum") / labels.numel()


def shifted_as_in_02(logits, labels):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())


def only_the_sum(logits, labels):
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")


def no_minus_sign(logits, labels):
    return -F.cross_entropy(logits.flatten(0, 1), labels.flatten())


def row_by_row(logits, labels):
    return torch.stack([F.cross_entropy(a, b) for a, b in zip(logits, labels) if (b != -100).any()]).mean()


def whatever_the_labels(logits, labels):
    return F.cross_entropy(logits.flatten(0, 1), torch.tensor([1, 2, 3, 4, 5, 6])[: labels.numel()])


def logits_times_weights(logits, labels):
    silenced = logits * (labels != -100)[..., None]
    return (
        F.cross_entropy(silenced.flatten(0, 1), labels.clamp_min(0).flatten(), reduction="sum") / (labels != -100).sum()
    )


def word_zero_ignored(logits, labels):
    if (labels > 0).any():
        return F.cross_entropy(logits[labels > 0], labels[labels > 0])
    return logits.sum() * 0


def softmax_then_log(logits, labels):
    is_target = labels != -100
    raised = logits[is_target].exp()
    return -(raised / raised.sum(-1, keepdim=True)).log().gather(-1, labels[is_target][:, None]).mean()


def only_a_number(logits, labels):
    return mlm_loss(logits, labels).item()


def cut_off(logits, labels):
    return mlm_loss(logits.detach(), labels)


def labels_overwritten(logits, labels):
    loss = mlm_loss(logits, labels)
    labels[labels == -100] = 0
    return loss


def put_in_place(input_ids, is_random, tokenizer, generator):
    words = torch.tensor([2, 7, 8, 9, 10, 11])
    input_ids[is_random] = words[torch.randint(len(words), (int(is_random.sum()),), generator=generator)]
    return input_ids


def skip_the_first_five(input_ids, slots, tokenizer, generator):
    words = torch.randint(5, len(tokenizer), input_ids.shape, generator=generator)
    return torch.where(slots, words, input_ids)


def unused_are_words(input_ids, slots, tokenizer, generator):
    words = torch.tensor([i for i in range(len(tokenizer)) if i not in tokenizer.all_special_ids])
    return torch.where(slots, words[torch.randint(len(words), input_ids.shape, generator=generator)], input_ids)


def no_pieces(input_ids, slots, tokenizer, generator):
    words = torch.tensor([i for token, i in tokenizer.get_vocab().items() if token.isalpha()])
    return torch.where(slots, words[torch.randint(len(words), input_ids.shape, generator=generator)], input_ids)


def forbidden_become_one_word(input_ids, slots, tokenizer, generator):
    words = torch.randint(len(tokenizer), input_ids.shape, generator=generator)
    words[torch.isin(words, torch.tensor([0, 1, 3, 4, 5, 6, 12]))] = 7
    return torch.where(slots, words, input_ids)


def everywhere(input_ids, slots, tokenizer, generator):
    words = torch.tensor([2, 7, 8, 9, 10, 11])
    return words[torch.randint(len(words), input_ids.shape, generator=generator)]


def global_draws(input_ids, slots, tokenizer, generator):
    words = torch.tensor([2, 7, 8, 9, 10, 11])
    return torch.where(slots, words[torch.randint(len(words), input_ids.shape)], input_ids)


def own_seed(input_ids, slots, tokenizer, generator):
    words, draws = torch.tensor([2, 7, 8, 9, 10, 11]), torch.Generator().manual_seed(0)
    return torch.where(slots, words[torch.randint(len(words), input_ids.shape, generator=draws)], input_ids)


def specials_are_words(tokens):
    groups = []
    for place, token in enumerate(tokens):
        if token.startswith("##") and groups:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def joins_the_special(tokens):
    return [group for group in specials_are_words(tokens) if tokens[group[0]] not in SPECIAL_TOKENS]


def reaches_across(tokens):
    groups = []
    for place, token in enumerate(tokens):
        if token.startswith("##") and groups:
            groups[-1].append(place)
        elif token not in ("[CLS]", "[SEP]", "[PAD]", "[MASK]", "[UNK]"):
            groups.append([place])
    return groups


def three_specials(tokens):
    return word_groups(["[x]" if token in ("[UNK]", "[MASK]") else token for token in tokens])


def orphans_stay_alone(tokens):
    groups = []
    for place, token in enumerate(tokens):
        if token.startswith("##") and groups and not tokens[groups[-1][0]].startswith("##"):
            if groups[-1][-1] == place - 1:
                groups[-1].append(place)
                continue
        if token not in SPECIAL_TOKENS:
            groups.append([place])
    return groups


def unknown_is_passed_over(tokens):
    groups, can_grow = [], False
    for place, token in enumerate(tokens):
        if token in ("[CLS]", "[SEP]"):
            can_grow = False
        elif token.startswith("##") and can_grow:
            groups[-1].append(place)
        elif token not in ("[PAD]", "[MASK]", "[UNK]"):
            groups.append([place])
            can_grow = True
    return groups


def one_piece_more(tokens):
    groups = []
    for place, token in enumerate(tokens):
        if token.startswith("##"):
            groups.append([place - 1, place])
        elif not token.startswith("["):
            groups.append([place])
    return groups


def last_word_lost(tokens):
    groups, group = [], []
    for place, token in enumerate(tokens):
        if not token.startswith("##") and group:
            groups.append(group)
            group = []
        group.append(place)
    return groups


def by_first_letter(tokens):
    return [[place] if token[0] not in "[#" else [] for place, token in enumerate(tokens)]


def brackets_are_special(tokens):
    groups, can_grow = [], False
    for place, token in enumerate(tokens):
        if token.startswith("["):
            can_grow = False
        elif token.startswith("##") and can_grow:
            groups[-1].append(place)
        else:
            groups.append([place])
            can_grow = True
    return groups


def no_brackets(input_ids, slots, tokenizer, generator):
    words = torch.tensor([i for token, i in sorted(tokenizer.get_vocab().items()) if not token.startswith("[")])
    return torch.where(slots, words[torch.randint(len(words), input_ids.shape, generator=generator)], input_ids)


def unused_anywhere(input_ids, slots, tokenizer, generator):
    words = torch.tensor([i for token, i in sorted(tokenizer.get_vocab().items()) if "unused" not in token])
    words = words[~torch.isin(words, torch.tensor(tokenizer.all_special_ids))]
    return torch.where(slots, words[torch.randint(len(words), input_ids.shape, generator=generator)], input_ids)


WRONG = {
    "mark_specials": [
        (ends_only, "Is padding marked"),
        (padding_only, "Are [CLS] and [SEP] marked"),
        (words_instead, "or of a word?"),
        (up_to_the_largest, "the largest special id"),
        (marks_among_ids, "mix up marks and ids"),
        (specials_in_order, "in any order"),
        (first_row_only, "one number for each position"),
        (ids_overwritten, "into input_ids itself"),
        (marks_in_numpy, "a tensor"),
        (numbers_by_heart, "Another vocabulary has others"),
        (as_booleans, "int64"),
        (ends_and_padding, "in the middle of a row"),
    ],
    "mask_tokens": [
        (changed_after(labels_first), "first the masked ids"),
        (changed_after(one_row), "the shape of input_ids"),
        (changed_after(labels_of_floats), "int64"),
        (specials_too, "Can one become a target"),
        (changed_after(specials_become_masks), "Does every special token stay"),
        (changed_after(zero_instead_of_ignored), "is -100 missing"),
        (changed_after(labels_afterwards), "after hiding the tokens"),
        (changed_after(labels_off_by_one), "its original id"),
        (never_masks, "become mask_token_id"),
        (any_id_is_random, "one of replacement_ids"),
        (never_random, "one of replacement_ids"),
        (masking(count=1), "a random id of its own"),
        (kept_forgotten, "do all targets stay"),
        (changed_after(kept_is_no_target), "Is a token that stays a target"),
        (changed_after(every_position_labeled), "Is each token a target with probability 0.15"),
        (exactly_so_many, "chosen on its own"),
        (masking(draw=one_draw_for_all_rows), "Your rows have the same targets"),
        (masking(draw=only_the_beginning), "at the end of a row"),
        (changed_after(others_shuffled), "no target stay as it is"),
        (two_in_ten_twice, "do 80/10/10 become"),
        (masking(probability=0.15), "become mask_token_id"),
        (fixed_rate, "Is mask_probability used"),
        (fixed_mix, "With a mix of (0.2, 0.5, 0.3)"),
        (masking(draw=global_draws_for_masks), "the same seed"),
        (same_seed_always, "another seed"),
        (changed_after(in_place), "you were given"),
    ],
    "mlm_loss": [
        (everything_counts, "without a label change the loss"),
        (mean_then_multiply, "without a label change the loss"),
        (by_all_positions, "the number of all positions"),
        (only_the_sum, "Is it a mean, with a minus sign"),
        (no_minus_sign, "Is it a mean, with a minus sign"),
        (shifted_as_in_02, "mean of all their losses"),
        (row_by_row, "Does every row count the same"),
        (whatever_the_labels, "does the loss change at all"),
        (logits_times_weights, "the mean loss of the four targets"),
        (word_zero_ignored, "Does a label of 0 count"),
        (softmax_then_log, "Large logits overflow"),
        (only_a_number, "be trained"),
        (cut_off, "be trained"),
        (labels_overwritten, "in place"),
    ],
    "put_random_words": [
        (everywhere, "Where is_random is False"),
        (put_in_place, "in place"),
        (skip_the_first_five, "another special token be drawn"),
        (unused_are_words, "[unused…]"),
        (no_pieces, "Can every word and piece be drawn"),
        (no_brackets, "`[`, and `unused`"),
        (unused_anywhere, "`[`, and `unused`"),
        (forbidden_become_one_word, "must not favor one"),
        (global_draws, "the same seed"),
        (own_seed, "another seed"),
    ],
    "word_groups": [
        (one_piece_more, "Do all ## pieces join"),
        (last_word_lost, "a group of one position"),
        (specials_are_words, "in no group"),
        (three_specials, "in no group"),
        (unknown_is_passed_over, "reach across a special token"),
        (by_first_letter, "join the word they continue"),
        (brackets_are_special, "`[` and `#` are words"),
        (joins_the_special, "what does a ## piece after [CLS] join"),
        (reaches_across, "reach across a special token"),
        (orphans_stay_alone, "Two ## pieces open a row"),
    ],
}
