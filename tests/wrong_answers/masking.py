"""Answers to the exercises of notebook 03 that students give, and what each must be asked."""

import torch
from torch.nn import functional as F

from helpers.classroom.exercises.masking import loss_of_predictions, mark_specials, mask_given_draws, word_groups
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


def specials_too(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    return mask_given_draws(input_ids, torch.zeros_like(input_ids), draws, fates, words, mask_token_id, rate)


def labels_afterwards(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    masked, labels = mask_given_draws(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate)
    return masked, torch.where(labels != -100, masked, -100)


def one_number_for_both(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    fates = draws / rate
    return mask_given_draws(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate)


def rate_times_share(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    real = special_tokens_mask == 0
    masked = torch.where((draws < 0.8 * rate) & real & (fates < 0.8), mask_token_id, input_ids)
    masked = torch.where((draws < rate) & real & (fates >= 0.8) & (fates < 0.9), words, masked)
    return masked, torch.where((draws < rate) & real, input_ids, -100)


def fate_without_choice(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    _, labels = mask_given_draws(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate)
    return torch.where(fates < 0.8, mask_token_id, input_ids), labels


def random_and_kept_swapped(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    turned = torch.where(fates >= 0.9, 0.85, torch.where(fates >= 0.8, 0.95, fates))
    return mask_given_draws(input_ids, special_tokens_mask, draws, turned, words, mask_token_id, rate)


def up_to_the_rate(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    draws = torch.where(draws == rate, 0.0, draws)
    return mask_given_draws(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate)


def up_to_eight_tenths(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    fates = torch.where(fates == 0.8, 0.0, fates)
    return mask_given_draws(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate)


def up_to_nine_tenths(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    fates = torch.where(fates == 0.9, 0.85, fates)
    return mask_given_draws(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate)


def kept_is_not_asked(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    masked, labels = mask_given_draws(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate)
    return masked, torch.where(masked != input_ids, labels, -100)


def one_word_for_all(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    words = words[:1, :1].expand_as(input_ids)
    return mask_given_draws(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate)


def fixed_rate(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    return mask_given_draws(input_ids, special_tokens_mask, draws, fates, words, mask_token_id)


def in_place(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    masked, labels = mask_given_draws(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate)
    input_ids.copy_(masked)
    return input_ids, labels


def zero_instead_of_ignored(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    masked, labels = mask_given_draws(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate)
    return masked, torch.where(labels == -100, 0, labels)


def labels_first(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    return mask_given_draws(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate)[::-1]


def labels_of_floats(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    masked, labels = mask_given_draws(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate)
    return masked, labels.float()


def ids_of_32_bits(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    masked, labels = mask_given_draws(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate)
    return masked.int(), labels


def by_all_slots(logits, targets, weights):
    losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    return (losses * weights.flatten()).mean()


def only_the_sum(logits, targets, weights):
    losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    return (losses * weights.flatten()).sum()


def sum_then_multiply(logits, targets, weights):
    losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
    return (losses * weights).sum() / weights.sum() / weights.numel()


def row_by_row(logits, targets, weights):
    losses = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    return ((losses * weights).sum(1) / weights.sum(1).clamp(min=1)).mean()


def shapes_that_do_not_fit(logits, targets, weights):
    losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    return (losses * weights).sum() / weights.sum()


def logits_times_weights(logits, targets, weights):
    silenced = (logits * weights[..., None]).flatten(0, 1)
    return F.cross_entropy(silenced, targets.flatten(), reduction="sum") / weights.sum()


def only_a_number(logits, targets, weights):
    return loss_of_predictions(logits, targets, weights).item()


def cut_off(logits, targets, weights):
    return loss_of_predictions(logits.detach(), targets, weights)


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
        (words_instead, "or of a word?"),
        (up_to_the_largest, "the largest special id"),
        (marks_among_ids, "mix up marks and ids"),
        (specials_in_order, "in any order"),
        (first_row_only, "one number for each slot"),
        (ids_overwritten, "into input_ids itself"),
        (marks_in_numpy, "a tensor"),
        (numbers_by_heart, "Another vocabulary has others"),
        (as_booleans, "int64"),
        (ends_and_padding, "in the middle of a row"),
    ],
    "mask_given_draws": [
        (zero_instead_of_ignored, "-100 in every slot that is not chosen"),
        (labels_first, "first the masked ids"),
        (fate_without_choice, "whatever its fate says"),
        (specials_too, "Can a special token be chosen"),
        (labels_afterwards, "before the words are hidden"),
        (one_word_for_all, "the word of its own slot"),
        (random_and_kept_swapped, "are the two swapped"),
        (kept_is_not_asked, "asked for a kept word"),
        (one_number_for_both, "decide apart"),
        (rate_times_share, "decide apart"),
        (fixed_rate, "Is `rate` used"),
        (up_to_the_rate, "exactly `rate`"),
        (up_to_eight_tenths, "exactly 0.8"),
        (up_to_nine_tenths, "exactly 0.9"),
        (labels_of_floats, "whole numbers"),
        (ids_of_32_bits, "whole numbers"),
        (in_place, "instead of a copy"),
    ],
    "loss_of_predictions": [
        (by_all_slots, "the number of all slots"),
        (only_the_sum, "a sum that grows"),
        (sum_then_multiply, "does the loss move at all"),
        (row_by_row, "Does every row count alike"),
        (shapes_that_do_not_fit, "stopped with RuntimeError"),
        (logits_times_weights, "four predictions with weight 1"),
        (only_a_number, "be trained"),
        (cut_off, "be trained"),
    ],
    "put_random_words": [
        (everywhere, "Do slots that are False keep"),
        (skip_the_first_five, "another special token be drawn"),
        (unused_are_words, "[unused…]"),
        (no_pieces, "Can every word and piece be drawn"),
        (no_brackets, "[ and unused among them"),
        (unused_anywhere, "[ and unused among them"),
        (forbidden_become_one_word, "must not favour one"),
        (global_draws, "the same seed"),
        (own_seed, "another seed"),
    ],
    "word_groups": [
        (one_piece_more, "Do all ## pieces join"),
        (last_word_lost, "a group of one place"),
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
