"""The exercises of notebook 02: what is asked for, what a loss says, who sees the future, and writing on."""

import math

import torch
from torch.nn import functional as F

from ...attention import causal_mask
from ...device import generator
from ..checks import exercise


def found_next_word_loss(logits, input_ids):
    """Return the mean loss of predicting each next word: logits (batch, seq, vocab), input_ids (batch, seq)."""
    return F.cross_entropy(logits.flatten(0, 1), input_ids.flatten())


def next_word_loss(logits, input_ids):
    """Return the mean loss of predicting each next word: logits (batch, seq, vocab), input_ids (batch, seq)."""
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), input_ids[:, 1:].flatten())


@exercise(
    next_word_loss,
    minutes=10,
    difficulty=2,
    hints=(
        "The mask lets place i look at itself. Which word is place i asked for here?",
        "The answer at place i is the word at place i + 1. Which place has none, and which word is never asked for?",
    ),
    found=found_next_word_loss,
)
def check_next_word_loss(answer):
    input_ids = torch.tensor([[1, 4, 2, 6, 3], [1, 5, 3, 2, 4]])  # (batch, seq), 7 words
    kept = input_ids.clone()
    uniform = float(answer(torch.zeros(2, 5, 7), input_ids))
    yield torch.equal(kept, input_ids), "Do you change input_ids in place? Work on a copy."
    yield math.isclose(uniform, math.log(7), abs_tol=1e-5), "Seven words, all alike: is the loss ln 7, a mean in nats?"
    sure = 30 * F.one_hot(input_ids, 7).float()  # place i is sure of word i
    yield (
        float(answer(sure, input_ids)) > 5,
        "A model that repeats its input gets away with it. Which word is place i asked for?",
    )
    knows_previous = sure.roll(1, dims=1)
    yield float(answer(knows_previous, input_ids)) > 5, "Are places asked for the word before? Shift the other way."
    knows_next = sure.roll(-1, dims=1)
    free = knows_next.clone()
    free[:, -1] = 30 * F.one_hot(torch.zeros(2, dtype=torch.int64), 7).float()  # never a word of these sentences
    yield (
        float(answer(free, input_ids)) < 1e-3,
        "The last place has no next word. Is it asked for one, perhaps of the next sentence?",
    )
    yield float(answer(knows_next[:1, :2], input_ids[:1, :2])) < 1e-3, "Two words, one question: is it asked?"
    draw = generator(1)
    logits = torch.randn(2, 5, 7, generator=draw)
    by_hand = -sum(logits[b, i].log_softmax(0)[input_ids[b, i + 1]].item() for b in range(2) for i in range(4)) / 8
    found = float(answer(logits, input_ids))
    yield (
        math.isclose(found, by_hand, abs_tol=1e-5),
        "Is it the mean over all places that have a next word, in all sentences?",
    )
    loss = answer(logits.requires_grad_(), input_ids)
    yield (
        getattr(loss, "requires_grad", False),
        "Can a model be trained with this loss: does a gradient reach the logits?",
    )


def perplexity(logits, labels):
    """Return the perplexity at the places asked for: logits (..., seq, vocab), labels (..., seq), -100 not asked."""
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=-100).exp().item()


@exercise(
    perplexity,
    minutes=10,
    difficulty=1,
    hints=(
        "Perplexity is e to the power of the mean loss. The mean over which places?",
        "F.cross_entropy passes over the label -100 and divides by the number of the others. Flatten batch and seq.",
    ),
)
def check_perplexity(answer):
    labels = torch.tensor([[2, -100, -100, 5], [-100, 0, 1, 3]])
    kept = labels.clone()
    guess = float(answer(torch.zeros(2, 4, 7), labels))
    yield torch.equal(kept, labels), "Do you change the labels in place? Work on a copy."
    yield not math.isclose(guess, math.log(7), abs_tol=1e-3), "That is the loss. What does e to the power of it say?"
    draw = generator(1)
    logits = torch.randn(2, 4, 7, generator=draw)
    moved = logits.clone()
    moved[labels == -100] = torch.randn(3, 7, generator=draw) * 9
    same = math.isclose(float(answer(logits, labels)), float(answer(moved, labels)), rel_tol=1e-5)
    yield same, "The logits of a place that is not asked move the result. Do you leave -100 out?"
    yield (
        math.isclose(guess, 7, rel_tol=1e-4),
        "Guessing among 7 words is 7. Is the mean over the places asked, or over all? In nats?",
    )
    sure = 40 * F.one_hot(labels.clamp_min(0), 7).float()
    yield math.isclose(float(answer(sure, labels)), 1, abs_tol=1e-4), "Is a model that is sure and right at 1?"
    moved = logits.clone()
    moved[labels == 0] *= 3
    same = math.isclose(float(answer(logits, labels)), float(answer(moved, labels)), rel_tol=1e-5)
    yield not same, "Word 0 is a word like any other. Do you count the place where it is asked for?"
    two = torch.tensor([1 / 8, 1 / 2, 1 / 4, 1 / 8]).log().expand(1, 2, 4)  # the same guess at two places
    yield (
        math.isclose(float(answer(two, torch.tensor([[1, 3]]))), 4, rel_tol=1e-4),
        "The two words asked for had the probabilities 1/2 and 1/8. Of what do you take the mean?",
    )
    uneven = torch.tensor([[2, -100, -100, -100], [4, 0, 1, 3]])
    losses = [
        -logits[b, i].log_softmax(0)[uneven[b, i]].item() for b in range(2) for i in range(4) if uneven[b, i] >= 0
    ]
    pooled = math.exp(sum(losses) / 5)
    yield (
        math.isclose(float(answer(logits, uneven)), pooled, rel_tol=1e-4),
        "One sentence is asked once, one four times. Does each place count alike, or each sentence?",
    )


def sees_later_words(model, input_ids, other_id):
    """Return True if an output of `model` depends on a word further right: model(input_ids) is (batch, seq, ...)."""
    before = model(input_ids)
    for place in range(1, input_ids.shape[1]):
        changed = input_ids.clone()
        changed[:, place] = other_id
        moved = (model(changed) - before)[:, :place].abs().max()  # the outputs left of the word that was changed
        if moved > 1e-5:  # less is rounding
            return True
    return False


@exercise(
    sees_later_words,
    minutes=15,
    difficulty=3,
    hints=(
        "Do what section 1 does: change one word, run the model again, look at the outputs to the left of that word.",
        "A model may leak at one place only, and from one word only. So change every place in its turn, each time in a "
        "fresh copy.",
        "Compare sizes, not equality: rounding moves outputs by something like 1e-7. And a leak may move them down.",
    ),
)
def check_sees_later_words(answer):
    input_ids = torch.tensor([[3, 1, 4, 2, 6, 5], [5, 2, 1, 6, 3, 4]])  # (batch, seq)

    def values(ids):
        return ids.double().sin()[..., None]  # (batch, seq, 1): a word as a number

    def leaking(place, source, by=1.0, rows=slice(None)):
        """A model that reads from the left, and whose output at `place` also sees the word at `source`."""

        def model(ids):
            outputs = values(ids).cumsum(dim=1)
            outputs[rows, place] += by * ids[rows, source, None]
            return outputs

        return model

    def leaks(model):
        return bool(answer(model, input_ids.clone(), 9))

    def cancelling(ids):
        """A leak that moves two numbers of one output, one up and one down."""
        outputs = values(ids).cumsum(dim=1).repeat(1, 1, 2)
        outputs[:, 2] += ids[:, 4, None] * torch.tensor([1.0, -1.0])
        return outputs

    def everything(ids):
        return values(ids).mean(dim=1, keepdim=True).expand(2, 6, 1)

    def the_last(ids):
        return values(ids)[:, -1:].expand(2, 6, 1)

    kept = input_ids.clone()
    answer(values, input_ids, 9)
    yield torch.equal(kept, input_ids), "Do you change input_ids in place? Work on a copy."
    yield leaks(everything), "Here every output sees every word. Do you return True when an earlier output moves?"
    itself = bool(answer(values, input_ids[:, :2].clone(), 9))
    yield not itself, "Here each place sees itself alone. Do you count the output of the changed place itself?"
    yield not leaks(values), "Here each place sees itself alone. Does each try begin with a fresh copy?"
    to_the_left = leaks(lambda ids: values(ids).cumsum(dim=1))
    yield not to_the_left, "Here each place sees what stands before. Do you look to the right of the changed word?"
    yield leaks(the_last), "Every output sees the last word alone. Do you come as far as the last word?"
    yield leaks(leaking(4, 5)), "One output sees a later word. Is it enough if one moves, or must all of them?"
    yield (
        leaks(leaking(0, 5)),
        "The first output sees the last word. Do you look at all places to the left, or the nearest alone?",
    )
    yield leaks(leaking(0, 1)), "The first output sees the second word. Do you change it, and look at the first output?"
    yield leaks(leaking(3, 4)), "Place 3 sees one word too many, as with a mask off by one. Do you try every place?"
    yield leaks(leaking(2, 4, by=-1.0)), "A leak may move an output down. Do you take the absolute value?"
    yield leaks(cancelling), "One number goes up, another down. Do you take absolute values before you add them up?"
    yield leaks(leaking(2, 4, rows=slice(1, 2))), "Only the second sentence leaks. Do you look at all of them?"
    yield (
        leaks(leaking(2, 4, by=5e-6, rows=slice(1, 2))),
        "One output moves by 0.00003, the others not at all. What do you compare with 1e-5?",
    )
    yield not leaks(leaking(2, 4, by=1e-9)), "Do you demand equality to the last bit? Rounding alone moves outputs."


def write_on(model, prompt, length, temperature, draw):
    """Write on after `prompt` (batch, words) until there are `length` words, one drawn at a time: (batch, length)."""
    input_ids = prompt
    while input_ids.shape[1] < length:
        with torch.no_grad():
            logits = model(input_ids, causal_mask(input_ids.shape[1]))[:, -1]  # (batch, vocab)
        drawn = torch.multinomial((logits / temperature).softmax(dim=-1), 1, generator=draw)
        input_ids = torch.cat([input_ids, drawn], dim=1)
    return input_ids


@exercise(
    write_on,
    minutes=15,
    difficulty=2,
    hints=(
        "One round: run the model on all that is written, take the last place's logits, draw, join. How many rounds?",
        "A temperature near 0 should leave the best word alone, a high one should make all words alike. Divide the "
        "logits by it, before the softmax.",
    ),
)
def check_write_on(answer):
    seen = []

    def counts_on(input_ids, mask=None):
        """After word k comes word k + 1, and nothing else; 10 words."""
        seen.append((input_ids.shape[1], mask))
        return 50 * F.one_hot((input_ids + 1) % 10, 10).float()

    prompt = torch.tensor([[1, 2], [6, 5]])
    written = answer(counts_on, prompt, 5, 1.0, generator(1))
    yield written.shape == (2, 5), "Are there `length` words in all, those of the prompt included?"
    yield torch.equal(written[:, :2], torch.tensor([[1, 2], [6, 5]])), "Does the text begin with the prompt, unchanged?"
    yield written[:, 2].tolist() == [3, 6], "Do you take the logits of the last place, one row per sentence?"
    yield (
        written.tolist() == [[1, 2, 3, 4, 5], [6, 5, 6, 7, 8]],
        "Is the word just drawn part of what the model reads next?",
    )
    fits = [mask is not None and mask.shape[-2:] == (words, words) for words, mask in seen]
    causal = all(fits) and all(mask.bool().eq(causal_mask(words)).all() for words, mask in seen)
    yield causal, "Does the model get the causal mask for as many words as there are?"

    def three_to_one(input_ids, mask=None):
        """Word 0 is three times as likely as word 1, whatever stands before."""
        return torch.tensor([math.log(3), 0.0]).expand(*input_ids.shape, 2)

    def share(temperature):
        written = answer(three_to_one, torch.zeros(4000, 1, dtype=torch.int64), 2, temperature, generator(2))
        return (written[:, 1] == 0).float().mean().item()

    yield share(1.0) < 0.99, "Do you always take the likeliest word? Draw it."
    yield abs(share(1.0) - 0.75) < 0.04, "At temperature 1, is a word drawn as often as the softmax says?"
    yield (
        share(2.0) < 0.72,
        "A high temperature makes words more alike. Do you divide the logits by it, before the softmax?",
    )
    yield share(0.05) > 0.99, "Near temperature 0, is the likeliest word left alone?"
    yield (
        abs(share(0.5) - 0.9) < 0.03,
        "At temperature 0.5, three to one becomes nine to one. Do you divide once, and still draw?",
    )
    many = torch.zeros(50, 1, dtype=torch.int64)
    again = [answer(three_to_one, many, 4, 1.0, generator(3)) for _ in range(2)]
    yield torch.equal(*again), "The same generator should write the same text. Do you draw with `draw`?"
    yield len(again[0].unique(dim=0)) > 1, "Does each sentence draw for itself?"
    yield torch.equal(prompt, torch.tensor([[1, 2], [6, 5]])) and not many.any(), "Do you change the prompt in place?"
