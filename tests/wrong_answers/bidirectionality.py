"""Wrong answers to the exercises of notebook 02, and a part of the message that each must get."""

import torch
from torch.nn import functional as F

from helpers import toy
from helpers.attention import causal_mask
from helpers.classroom.exercises.bidirectionality import next_word_loss


def not_shifted(logits, input_ids):
    return F.cross_entropy(logits.transpose(1, 2), input_ids)


def shifted_back(logits, input_ids):
    return F.cross_entropy(logits[:, 1:].flatten(0, 1), input_ids[:, :-1].flatten())


def shifted_when_flat(logits, input_ids):
    return F.cross_entropy(logits.flatten(0, 1)[:-1], input_ids.flatten()[1:])


def rolled(logits, input_ids):
    return F.cross_entropy(logits.flatten(0, 1), input_ids.roll(-1, dims=1).flatten())


def shifted_twice(logits, input_ids):
    return F.cross_entropy(logits[:, :-2].flatten(0, 1), input_ids[:, 2:].flatten())


def added_up(logits, input_ids):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), input_ids[:, 1:].flatten(), reduction="sum")


def first_sentence(logits, input_ids):
    return F.cross_entropy(logits[0, :-1], input_ids[0, 1:])


def without_the_first(logits, input_ids):
    if input_ids.shape[1] == 2:
        return F.cross_entropy(logits[:, 0], input_ids[:, 1])
    return F.cross_entropy(logits[:, 1:-1].flatten(0, 1), input_ids[:, 2:].flatten())


def skips_the_first(logits, input_ids):
    return F.cross_entropy(logits[:, 1:-1].flatten(0, 1), input_ids[:, 2:].flatten())


def only_a_number(logits, input_ids):
    return next_word_loss(logits, input_ids).item()


def cut_off(logits, input_ids):
    return next_word_loss(logits.detach(), input_ids)


def shifted_in_place(logits, input_ids):
    labels = input_ids
    labels[:, :-1] = input_ids[:, 1:].clone()
    labels[:, -1] = -100
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten())


def without_a_minus_sign(logits, input_ids):
    return -next_word_loss(logits, input_ids)


def over_the_wrong_axis(logits, input_ids):
    return -logits[:, :-1].log_softmax(dim=1).gather(-1, input_ids[:, 1:, None]).mean()


def softmax_then_log(logits, input_ids):
    probabilities = logits[:, :-1].exp() / logits[:, :-1].exp().sum(dim=-1, keepdim=True)
    return -probabilities.log().gather(-1, input_ids[:, 1:, None]).mean()


def own_word_as_label(input_ids):
    return input_ids.clone()


def word_before_as_label(input_ids):
    labels = torch.full_like(input_ids, -100)
    labels[:, 1:] = input_ids[:, :-1]
    return labels


def wrapped_around(input_ids):
    return input_ids.roll(-1, dims=1)


def zero_at_the_end(input_ids):
    return F.pad(input_ids[:, 1:], (0, 1))


def one_label_short(input_ids):
    return input_ids[:, 1:]


def labels_as_floats(input_ids):
    return toy.next_word_labels(input_ids).float()


def two_words_on(input_ids):
    labels = torch.full_like(input_ids, -100)
    labels[:, :-2] = input_ids[:, 2:]
    return labels


def labels_in_place(input_ids):
    input_ids[:, :-1] = input_ids[:, 1:].clone()
    input_ids[:, -1] = -100
    return input_ids


def only_the_first_sentence(input_ids):
    labels = torch.full_like(input_ids, -100)
    labels[0, :-1] = input_ids[0, 1:]
    return labels


def nothing_for_two_words(input_ids):
    return toy.next_word_labels(input_ids) if input_ids.shape[1] > 2 else torch.full_like(input_ids, -100)


def hidden_before_read(input_ids, is_target, mask_id):
    masked = input_ids.masked_fill(is_target, mask_id)
    return masked, masked.masked_fill(~is_target, -100)


def everything_else_hidden(input_ids, is_target, mask_id):
    return input_ids.masked_fill(~is_target, mask_id), input_ids.masked_fill(~is_target, -100)


def every_position_labeled(input_ids, is_target, mask_id):
    return input_ids.masked_fill(is_target, mask_id), input_ids


def targets_ignored(input_ids, is_target, mask_id):
    return input_ids.masked_fill(is_target, mask_id), input_ids.masked_fill(is_target, -100)


def nothing_hidden(input_ids, is_target, mask_id):
    return input_ids, input_ids.masked_fill(~is_target, -100)


def masked_in_place(input_ids, is_target, mask_id):
    labels = input_ids.masked_fill(~is_target, -100)
    return input_ids.masked_fill_(is_target, mask_id), labels


def fixed_mask_id(input_ids, is_target, mask_id):
    return toy.hide_targets(input_ids, is_target, 7)


def zero_for_ignored(input_ids, is_target, mask_id):
    return input_ids.masked_fill(is_target, mask_id), input_ids * is_target


def bug_still_there(logits, positions, objective):
    return logits[torch.arange(len(logits)), positions]


def one_too_late(logits, positions, objective):
    return logits[torch.arange(len(logits)), positions + int(objective == "causal")]


def always_one_before(logits, positions, objective):
    return logits[torch.arange(len(logits)), positions - 1]


def two_before(logits, positions, objective):
    return logits[torch.arange(len(logits)), positions - 2 * (objective == "causal")]


def moved_in_place(logits, positions, objective):
    positions -= int(objective == "causal")
    return logits[torch.arange(len(logits)), positions]


def all_pairs(logits, positions, objective):
    return logits[:, positions - int(objective == "causal")]


def the_loss(logits, labels):
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten()).item()


def everything_asked(logits, labels):
    return F.cross_entropy(logits.flatten(0, -2), labels.clamp_min(0).flatten()).exp().item()


def over_all_places(logits, labels):
    return (F.cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction="sum") / labels.numel()).exp().item()


def in_bits(logits, labels):
    return 2 ** F.cross_entropy(logits.flatten(0, -2), labels.flatten()).item()


def mean_of_sentences(logits, labels):
    losses = [F.cross_entropy(row, asked) for row, asked in zip(logits, labels)]
    return torch.stack(losses).mean().exp().item()


def mean_of_perplexities(logits, labels):
    return torch.stack([F.cross_entropy(row, asked).exp() for row, asked in zip(logits, labels)]).mean().item()


def mean_of_token_perplexities(logits, labels):
    asked = labels != -100
    return F.cross_entropy(logits[asked], labels[asked], reduction="none").exp().mean().item()


def one_over_mean_probability(logits, labels):
    asked = labels != -100
    return 1 / logits[asked].softmax(dim=-1).gather(-1, labels[asked][:, None]).mean().item()


def word_zero_left_out(logits, labels):
    return F.cross_entropy(logits[labels > 0], labels[labels > 0]).exp().item()


def labels_overwritten(logits, labels):
    asked = labels != -100
    labels[~asked] = 0
    losses = F.cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction="none")
    return ((losses * asked.flatten()).sum() / asked.sum()).exp().item()


def leak_when(look):
    """Return an answer that changes the places of `look(length)` in turn, all from fresh copies."""

    def answer(model, input_ids, other_id):
        before = model(input_ids)
        for place in look(input_ids.shape[1]):
            changed = input_ids.clone()
            changed[:, place] = other_id
            if (model(changed) - before)[:, :place].abs().max() > 1e-5:
                return True
        return False

    answer.__qualname__ = f"leak_when.{look.__name__}"
    return answer


def last_place_only(length):
    return [length - 1]


def all_but_the_last(length):
    return range(1, length - 1)


def second_half(length):
    return range(length // 2 + 2, length)


def every_other(length):
    return range(1, length, 2)


def moved_if(test):
    """Return an answer that calls it a leak if `test` holds for the absolute moves of the outputs to the left."""

    def answer(model, input_ids, other_id):
        before = model(input_ids)
        for place in range(1, input_ids.shape[1]):
            changed = input_ids.clone()
            changed[:, place] = other_id
            if test((model(changed) - before)[:, :place].abs()):
                return True
        return False

    answer.__qualname__ = f"moved_if.{test.__name__}"
    return answer


def more_than_a_thousandth(left):
    return left.max() > 1e-3


def mean_is_large(left):
    return left.mean() > 1e-5


def all_moved(left):
    return (left > 1e-5).all()


def summed(left):
    return left.sum() > 1e-5


def the_nearest(left):
    return left[:, -1].max() > 1e-5


def one_copy_for_all(model, input_ids, other_id):
    before, changed = model(input_ids), input_ids.clone()
    for place in range(1, input_ids.shape[1]):
        changed[:, place] = other_id
        if (model(changed) - before)[:, :place].abs().max() > 1e-5:
            return True
    return False


def gives_up_at_once(model, input_ids, other_id):
    before = model(input_ids)
    for place in range(1, input_ids.shape[1]):
        changed = input_ids.clone()
        changed[:, place] = other_id
        return bool((model(changed) - before)[:, :place].abs().max() > 1e-5)


def counts_itself(model, input_ids, other_id):
    before = model(input_ids)
    for place in range(1, input_ids.shape[1]):
        changed = input_ids.clone()
        changed[:, place] = other_id
        if (model(changed) - before)[:, : place + 1].abs().max() > 1e-5:
            return True
    return False


def looks_right(model, input_ids, other_id):
    before = model(input_ids)
    for place in range(input_ids.shape[1] - 1):
        changed = input_ids.clone()
        changed[:, place] = other_id
        if (model(changed) - before)[:, place + 1 :].abs().max() > 1e-5:
            return True
    return False


def no_absolute_value(model, input_ids, other_id):
    before = model(input_ids)
    for place in range(1, input_ids.shape[1]):
        changed = input_ids.clone()
        changed[:, place] = other_id
        if (model(changed) - before)[:, :place].max() > 1e-5:
            return True
    return False


def averages_first(model, input_ids, other_id):
    before = model(input_ids)
    for place in range(1, input_ids.shape[1]):
        changed = input_ids.clone()
        changed[:, place] = other_id
        if (model(changed) - before)[:, :place].mean(dim=(0, 2)).abs().max() > 1e-5:
            return True
    return False


def first_sentence_only(model, input_ids, other_id):
    before = model(input_ids)
    for place in range(1, input_ids.shape[1]):
        changed = input_ids.clone()
        changed[:, place] = other_id
        if (model(changed) - before)[0, :place].abs().max() > 1e-5:
            return True
    return False


def to_the_last_bit(model, input_ids, other_id):
    before = model(input_ids)
    for place in range(1, input_ids.shape[1]):
        changed = input_ids.clone()
        changed[:, place] = other_id
        if not torch.equal(model(changed)[:, :place], before[:, :place]):
            return True
    return False


def changes_in_place(model, input_ids, other_id):
    before = model(input_ids)
    for place in range(input_ids.shape[1] - 1, 0, -1):  # what is changed stays changed
        last = model(input_ids)
        input_ids[:, place] = other_id
        if (model(input_ids) - last)[:, :place].abs().max() > 1e-5:
            return True
    return bool((model(input_ids) - before)[:, 0].abs().max() > 1e-5)


def in_proportion(model, input_ids, other_id):
    before = model(input_ids)
    for position in range(1, input_ids.shape[1]):
        changed = input_ids.clone()
        changed[:, position] = other_id
        if not torch.allclose(model(changed)[:, :position], before[:, :position], atol=1e-5):
            return True
    return False


def never(model, input_ids, other_id):
    return False


def draw_from(logits, draw):
    return torch.multinomial(logits.softmax(dim=-1), 1, generator=draw)


def writes(step, mask=causal_mask, extra=0):
    """Return an answer whose one step is `step(logits of all places, temperature, draw)`."""

    def answer(model, prompt, length, temperature, draw):
        input_ids = prompt
        while input_ids.shape[1] < length + extra:
            logits = model(input_ids, mask(input_ids.shape[1]))
            input_ids = torch.cat([input_ids, step(logits, temperature, draw)], dim=1)
        return input_ids

    answer.__qualname__ = f"writes.{step.__name__}"
    return answer


def right_step(logits, temperature, draw):
    return draw_from(logits[:, -1] / temperature, draw)


def from_the_first_place(logits, temperature, draw):
    return draw_from(logits[:, 0] / temperature, draw)


def likeliest(logits, temperature, draw):
    return logits[:, -1:].argmax(dim=-1)


def temperature_forgotten(logits, temperature, draw):
    return draw_from(logits[:, -1], draw)


def temperature_times(logits, temperature, draw):
    return draw_from(logits[:, -1] * temperature, draw)


def temperature_after_softmax(logits, temperature, draw):
    return torch.multinomial(logits[:, -1].softmax(dim=-1) / temperature, 1, generator=draw)


def temperature_twice(logits, temperature, draw):
    return draw_from(logits[:, -1] / temperature**2, draw)


def likeliest_when_cold(logits, temperature, draw):
    return likeliest(logits, temperature, draw) if temperature < 1 else right_step(logits, temperature, draw)


def without_generator(logits, temperature, draw):
    return torch.multinomial((logits[:, -1] / temperature).softmax(dim=-1), 1)


def one_draw_for_all(logits, temperature, draw):
    return draw_from(logits[:, -1] / temperature, draw)[:1].expand(len(logits), 1)


def no_mask(length):
    return None


def prompt_lost(model, prompt, length, temperature, draw):
    return writes(right_step)(model, prompt[:, :1], length, temperature, draw)


def reads_the_prompt_alone(model, prompt, length, temperature, draw):
    written = prompt
    while written.shape[1] < length:
        logits = model(prompt, causal_mask(prompt.shape[1]))[:, -1]
        written = torch.cat([written, draw_from(logits / temperature, draw)], dim=1)
    return written


WRONG = {
    "next_word_loss": [
        (not_shifted, "repeats its input"),
        (shifted_back, "word *before* it"),
        (shifted_when_flat, "perhaps from the next sentence"),
        (rolled, "has no next word"),
        (shifted_twice, "has no next word"),
        (added_up, "Is it a mean, with a minus sign"),
        (first_sentence, "in all sentences"),
        (without_the_first, "all positions that have a next word"),
        (skips_the_first, "Two words"),
        (only_a_number, "be trained"),
        (cut_off, "be trained"),
        (shifted_in_place, "in place"),
        (without_a_minus_sign, "and yours is -1.95"),
        (softmax_then_log, "Large logits overflow"),
        (over_the_wrong_axis, "run over the vocabulary"),
    ],
    "next_word_labels": [
        (own_word_as_label, "own word as its label"),
        (word_before_as_label, "the word before it"),
        (wrapped_around, "wrap around"),
        (zero_at_the_end, "isn't -100"),
        (one_label_short, "including the last"),
        (labels_as_floats, "int64"),
        (two_words_on, "position i + 1"),
        (only_the_first_sentence, "position i + 1"),
        (nothing_for_two_words, "Two words"),
        (labels_in_place, "in place"),
    ],
    "hide_targets": [
        (hidden_before_read, "after you had hidden them"),
        (everything_else_hidden, "everything but the targets"),
        (nothing_hidden, "is every target replaced"),
        (every_position_labeled, "every position has one"),
        (targets_ignored, "the word that was hidden"),
        (zero_for_ignored, "every other position -100"),
        (masked_in_place, "in place"),
        (fixed_mask_id, "write a number"),
    ],
    "word_logits": [
        (bug_still_there, "its own"),
        (one_too_late, "too late"),
        (always_one_before, "at its own position"),
        (two_before, "position before the word"),
        (moved_in_place, "in place"),
        (all_pairs, "one row of logits"),
    ],
    "perplexity": [
        (the_loss, "That is the loss"),
        (everything_asked, "leave -100 out"),
        (over_all_places, "over the positions with a label"),
        (in_bits, "In nats?"),
        (mean_of_sentences, "or each sentence"),
        (mean_of_perplexities, "or each sentence"),
        (mean_of_token_perplexities, "1/2 and 1/8"),
        (one_over_mean_probability, "1/2 and 1/8"),
        (word_zero_left_out, "Word 0"),
        (labels_overwritten, "in place"),
    ],
    "sees_later_words": [
        (never, "return True when"),
        (counts_itself, "replaced word itself"),
        (one_copy_for_all, "a fresh copy"),
        (looks_right, "right of the word"),
        (leak_when(all_but_the_last), "get as far as the last word"),
        (gives_up_at_once, "get as far as the last word"),
        (moved_if(all_moved), "must all of them"),
        (moved_if(the_nearest), "only the nearest"),
        (leak_when(last_place_only), "the second word"),
        (leak_when(every_other), "every word"),
        (no_absolute_value, "take the absolute value"),
        (averages_first, "before you add them up"),
        (first_sentence_only, "second sentence"),
        (moved_if(more_than_a_thousandth), "0.00003"),
        (moved_if(mean_is_large), "0.00003"),
        (to_the_last_bit, "last bit"),
        (moved_if(summed), "add the changes up"),
        (in_proportion, "not in proportion"),
        (changes_in_place, "in place"),
    ],
    "write_on": [
        (writes(right_step, extra=1), "`length` words in all"),
        (prompt_lost, "begin with the prompt"),
        (writes(from_the_first_place), "the last position"),
        (reads_the_prompt_alone, "just sampled"),
        (writes(right_step, mask=no_mask), "causal mask"),
        (writes(likeliest), "Sample it"),
        (writes(temperature_forgotten), "more alike"),
        (writes(temperature_times), "divide the logits"),
        (writes(temperature_after_softmax), "before the softmax"),
        (writes(temperature_twice), "nine to one"),
        (writes(likeliest_when_cold), "nine to one"),
        (writes(without_generator), "Do you sample with"),
    ],
}
