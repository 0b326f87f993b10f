"""The exercises of notebook 02 and its depth: who sees later words, labels for two objectives, which logits count."""

import math

import torch
from torch.nn import functional as F

from ...attention import causal_mask
from ...device import generator
from ...toy import hide_targets, next_word_labels
from ..checks import compare, exercise


def sees_later_words(model, input_ids, other_id):
    """Return True if an output of `model` depends on a word further right: model(input_ids) is (batch, seq, ...)."""
    before = model(input_ids)
    for position in range(1, input_ids.shape[1]):
        changed = input_ids.clone()
        changed[:, position] = other_id
        moved = (model(changed) - before)[:, :position].abs().max()  # the outputs left of the word that was replaced
        if moved > 1e-5:  # less is rounding
            return True
    return False


@exercise(
    sees_later_words,
    minutes=15,
    difficulty=3,
    build=True,
    hints=(
        "Replace one word, run the model again, and compare the outputs to the left of that word.",
        "A model may leak at one position only, and from one word only. So replace every word in turn, each time in a "
        "fresh copy.",
        "Compare sizes, not equality: rounding changes outputs by about 1e-7. And a leak may make a number smaller.",
    ),
)
def check_sees_later_words(answer):
    input_ids = torch.tensor([[3, 1, 4, 2, 6, 5], [5, 2, 1, 6, 3, 4]])  # (batch, seq)

    def values(ids):
        return ids.double().sin()[..., None]  # (batch, seq, 1): a word as a number

    def leaking(position, source, by=1.0, rows=slice(None)):
        """A model that reads from the left, and whose output at `position` also sees the word at `source`."""

        def model(ids):
            outputs = values(ids).cumsum(dim=1)
            outputs[rows, position] += by * ids[rows, source, None]
            return outputs

        return model

    def leaks(model):
        return bool(answer(model, input_ids.clone(), 9))

    def cancelling(ids):
        """A leak that changes two numbers of one output, one up and one down."""
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
    yield leaks(everything), "Here every output sees every word. Do you return True when an earlier output changes?"
    itself = bool(answer(values, input_ids[:, :2].clone(), 9))
    yield not itself, "Here each position sees only itself. Do you count the output at the replaced word itself?"
    yield not leaks(values), "Here each position sees only itself. Does each try begin with a fresh copy?"
    to_the_left = leaks(lambda ids: values(ids).cumsum(dim=1))
    yield not to_the_left, "Here each position sees what comes before it. Do you compare outputs right of the word?"
    yield leaks(the_last), "Every output sees the last word alone. Do you get as far as the last word?"
    yield leaks(leaking(4, 5)), "One output sees a later word. Is it enough if one changes, or must all of them?"
    yield (
        leaks(leaking(0, 5)),
        "The first output sees the last word. Do you compare all positions to the left, or only the nearest?",
    )
    yield leaks(leaking(0, 1)), "The first output sees the second word. Do you replace it, and compare that output?"
    yield leaks(leaking(3, 4)), "Position 3 sees one word too many, as with a mask off by one. Do you try every word?"
    yield leaks(leaking(2, 4, by=-1.0)), "A leak may make a number smaller. Do you take the absolute value?"
    yield leaks(cancelling), "One number goes up, another down. Do you take absolute values before you add them up?"
    yield leaks(leaking(2, 4, rows=slice(1, 2))), "Only the second sentence leaks. Do you compare all of them?"
    yield (
        leaks(leaking(2, 4, by=5e-6, rows=slice(1, 2))),
        "One output changes by 0.00003, the others not at all. What do you compare with 1e-5?",
    )
    yield not leaks(leaking(2, 4, by=1e-9)), "Do you demand equality to the last bit? Rounding alone changes outputs."

    def noisy(ids):
        """An honest model whose outputs all change a little, as rounding does."""
        return values(ids).cumsum(dim=1).repeat(1, 1, 50) + 2e-7 * ids.sum(dim=1)[:, None, None]

    def large(ids):
        """A leak of 0.0005 into outputs of size 100."""
        outputs = 100 + values(ids).cumsum(dim=1)
        outputs[:, 2] += 1e-4 * ids[:, 4, None]
        return outputs

    yield not leaks(noisy), "All outputs change by 0.000001, as with rounding. Do you add the changes up?"
    yield (
        leaks(large),
        "Outputs of size 100 change by 0.0005. Do you compare 1e-5 with the change itself, not in proportion?",
    )


@exercise(
    next_word_labels,
    minutes=5,
    difficulty=1,
    build=True,
    hints=(
        "The label at position i is the word at position i + 1. Which position has no next word?",
        "Start from torch.full_like(input_ids, -100), and fill all but the last column with a slice of input_ids.",
    ),
)
def check_next_word_labels(answer):
    input_ids = torch.tensor([[1, 4, 2, 6, 0], [1, 5, 3, 2, 4]])  # (batch, seq)
    expected = torch.tensor([[4, 2, 6, 0, -100], [5, 3, 2, 4, -100]])
    kept = input_ids.clone()
    labels = answer(input_ids)
    yield torch.equal(kept, input_ids), "Do you change input_ids in place? Work on a copy."
    yield labels.shape == input_ids.shape, "Is there a label for every position, including the last?"
    yield labels.dtype == torch.int64, "Labels are word ids. Are yours int64?"
    question = "Is the label at position i the word at position i + 1?"
    if torch.equal(labels, input_ids):
        question = "Each position has its own word as its label. Which word should it predict?"
    elif torch.equal(labels[:, 1:], input_ids[:, :-1]):
        question = "The label of each position is the word before it. Did you shift the wrong way?"
    elif not (labels[:, -1] == -100).all():
        question = "The last position has no next word. Did a word wrap around, or is there a label that isn't -100?"
    yield compare(labels, expected, question, input_ids=kept)
    two = torch.tensor([[1, 4]])
    yield compare(answer(two), torch.tensor([[4, -100]]), "Two words: is there one label, then -100?", input_ids=two)


def next_word_loss(logits, input_ids):
    """Return the mean loss of predicting each next word: logits (batch, seq, vocab), input_ids (batch, seq)."""
    log_probabilities = logits[:, :-1].log_softmax(dim=-1)  # the last position has no next word
    return -log_probabilities.gather(-1, input_ids[:, 1:, None]).mean()


@exercise(
    next_word_loss,
    minutes=10,
    difficulty=2,
    build=True,
    hints=(
        "`logits.log_softmax(dim=-1)` gives the log probability of every word of the vocabulary at every position.",
        "Which positions have a next word? Drop the last from the logits and the first word from input_ids.",
        "`gather` picks one entry along an axis, and its index needs as many axes as the tensor: ids[..., None].",
    ),
)
def check_next_word_loss(answer):
    input_ids = torch.tensor([[1, 4, 2, 6, 3], [1, 5, 3, 2, 4]])  # (batch, seq), 7 words
    kept = input_ids.clone()
    uniform = float(answer(torch.zeros(2, 5, 7), input_ids))
    yield torch.equal(kept, input_ids), "Do you change input_ids in place? Work on a copy."
    yield (
        math.isclose(uniform, math.log(7), abs_tol=1e-5),
        f"Seven words, all equally likely: the loss should be ln 7 = 1.95, and yours is {uniform:.2f}. Is it a mean, "
        "with a minus sign? Does the softmax run over the vocabulary?",
    )
    sure = 30 * F.one_hot(input_ids, 7).float()  # position i is sure of word i
    yield (
        float(answer(sure, input_ids)) > 5,
        "A model that repeats its input gets a loss near 0. Which word should position i predict?",
    )
    knows_previous = sure.roll(1, dims=1)
    yield (
        float(answer(knows_previous, input_ids)) > 5,
        "Must each position predict the word *before* it? Shift the other way.",
    )
    knows_next = sure.roll(-1, dims=1)
    free = knows_next.clone()
    free[:, -1] = 30 * F.one_hot(torch.zeros(2, dtype=torch.int64), 7).float()  # never a word of these sentences
    yield (
        float(answer(free, input_ids)) < 1e-3,
        "The last position has no next word. Must it predict one, perhaps from the next sentence?",
    )
    yield float(answer(knows_next[:1, :2], input_ids[:1, :2])) < 1e-3, "Two words, one prediction: does it count?"
    large = torch.tensor([[[1000.0, 0, 0], [0, 0, 0]]])
    far = float(answer(large, torch.tensor([[1, 1]])))
    yield math.isclose(far, 1000, rel_tol=1e-4), "Large logits overflow. Do you use log_softmax, in one step?"
    draw = generator(1)
    logits = torch.randn(2, 5, 7, generator=draw)
    by_hand = -sum(logits[b, i].log_softmax(0)[input_ids[b, i + 1]].item() for b in range(2) for i in range(4)) / 8
    found = float(answer(logits, input_ids))
    yield (
        math.isclose(found, by_hand, abs_tol=1e-5),
        "Is it the mean over all positions that have a next word, in all sentences?",
    )
    loss = answer(logits.requires_grad_(), input_ids)
    yield (
        getattr(loss, "requires_grad", False),
        "Can a model be trained with this loss: does a gradient reach the logits?",
    )


@exercise(
    hide_targets,
    minutes=10,
    difficulty=1,
    build=True,
    hints=(
        "Two new tensors: in one, the targets become [MASK]; in the other, everything else becomes -100.",
        "`masked_fill` fills where its argument is True, and `~is_target` turns True into False.",
    ),
)
def check_hide_targets(answer):
    input_ids = torch.tensor([[1, 4, 2, 6, 3], [1, 5, 3, 2, 4]])  # (batch, seq)
    is_target = torch.tensor([[False, True, False, False, True], [False, False, True, False, False]])
    kept, chosen = input_ids.clone(), is_target.clone()
    masked, labels = answer(input_ids, is_target, 7)
    untouched = torch.equal(kept, input_ids) and torch.equal(chosen, is_target)
    yield untouched, "Do you change input_ids or is_target in place? Work on copies."
    given = {"input_ids": input_ids, "is_target": is_target, "mask_id": 7}
    expected = torch.tensor([[1, 7, 2, 6, 7], [1, 5, 7, 2, 4]])
    question = "Inputs: is every target replaced by mask_id, and nothing else?"
    if torch.equal(masked == 7, ~is_target):
        question = "Inputs: everything but the targets is hidden. Which words should [MASK] replace?"
    yield compare(masked, expected, question, **given)
    expected = torch.tensor([[-100, 4, -100, -100, 3], [-100, -100, 3, -100, -100]])
    question = "Labels: does every target have the word that was hidden, and every other position -100?"
    if (labels[is_target] == 7).all():
        question = "Labels: those of the targets are [MASK]. Did you read the words after you had hidden them?"
    elif torch.equal(labels, input_ids):
        question = "Labels: every position has one. Which ones should the loss ignore?"
    yield compare(labels, expected, question, **given)
    other, _ = answer(input_ids, is_target, 9)
    yield (other[is_target] == 9).all(), "Here mask_id is 9. Did you write a number into your code?"


def found_word_logits(logits, positions, objective):
    """Return the logits for the word at one position of each sentence, (batch, vocab): logits (batch, seq, vocab)."""
    rows = torch.arange(len(logits))
    return logits[rows, positions]


def word_logits(logits, positions, objective):
    """Return the logits for the word at one position of each sentence, (batch, vocab): logits (batch, seq, vocab)."""
    if objective == "causal":  # position i predicts the word at i + 1
        positions = positions - 1
    return logits[torch.arange(len(logits)), positions]


@exercise(
    word_logits,
    minutes=5,
    difficulty=2,
    hints=(
        "Print the labels of one sentence for each objective. At which position is the noun a label?",
        "In a causal model, the word at position p is predicted at another position. What did next_word_labels do?",
    ),
    found=found_word_logits,
)
def check_word_logits(answer):
    logits = torch.arange(3 * 5 * 2.0).view(3, 5, 2)  # (batch, seq, vocab)
    positions = torch.tensor([1, 3, 2])
    both = answer(logits, positions, "MLM")
    yield both.shape == (3, 2), "Is there one row of logits for each sentence?"
    rows = torch.arange(3)
    same = torch.equal(both, logits[rows, positions]) and torch.equal(both, answer(logits, positions, "copying"))
    yield same, "Copying and masked models predict a word at its own position. Do you read it there?"
    given = positions.clone()
    causal = answer(logits, given, "causal")
    yield torch.equal(given, positions), "Do you change positions in place? Work on a copy."
    yield (
        not torch.equal(causal, logits[rows, positions]),
        "Which word is the label of a position when a causal model is trained: its own?",
    )
    yield (
        not torch.equal(causal, logits[rows, positions + 1]),
        "Here a causal model's word is read one position too late. Where does its label sit?",
    )
    yield torch.equal(causal, logits[rows, positions - 1]), "The position before the word predicts it. Is that yours?"


def perplexity(logits, labels):
    """Return the perplexity of the labels: logits (..., seq, vocab), labels (..., seq), -100 where there is none."""
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=-100).exp().item()


@exercise(
    perplexity,
    minutes=10,
    difficulty=1,
    hints=(
        "Perplexity is e to the power of the mean loss. The mean over which positions?",
        "F.cross_entropy ignores the label -100 and divides by the number of the others. Flatten batch and seq.",
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
    yield same, "The logits at a position without a label change the result. Do you leave -100 out?"
    yield (
        math.isclose(guess, 7, rel_tol=1e-4),
        "Guessing among 7 words is 7. Is the mean over the positions with a label, or over all? In nats?",
    )
    sure = 40 * F.one_hot(labels.clamp_min(0), 7).float()
    yield math.isclose(float(answer(sure, labels)), 1, abs_tol=1e-4), "A model is sure and right. Is its perplexity 1?"
    moved = logits.clone()
    moved[labels == 0] *= 3
    same = math.isclose(float(answer(logits, labels)), float(answer(moved, labels)), rel_tol=1e-5)
    yield not same, "Word 0 is a word like any other. Do you count the position whose label it is?"
    two = torch.tensor([1 / 8, 1 / 2, 1 / 4, 1 / 8]).log().expand(1, 2, 4)  # the same guess at two positions
    yield (
        math.isclose(float(answer(two, torch.tensor([[1, 3]]))), 4, rel_tol=1e-4),
        "The two right words had the probabilities 1/2 and 1/8. Of what do you take the mean?",
    )
    uneven = torch.tensor([[2, -100, -100, -100], [4, 0, 1, 3]])
    losses = [
        -logits[b, i].log_softmax(0)[uneven[b, i]].item() for b in range(2) for i in range(4) if uneven[b, i] >= 0
    ]
    pooled = math.exp(sum(losses) / 5)
    yield (
        math.isclose(float(answer(logits, uneven)), pooled, rel_tol=1e-4),
        "One sentence has one label, one has four. Does each position count alike, or each sentence?",
    )


def write_on(model, prompt, length, temperature, draw):
    """Continue `prompt` (batch, words) until there are `length` words, one sampled at a time: (batch, length)."""
    input_ids = prompt
    while input_ids.shape[1] < length:
        with torch.no_grad():
            logits = model(input_ids, causal_mask(input_ids.shape[1]))[:, -1]  # (batch, vocab)
        sampled = torch.multinomial((logits / temperature).softmax(dim=-1), 1, generator=draw)
        input_ids = torch.cat([input_ids, sampled], dim=1)
    return input_ids


@exercise(
    write_on,
    minutes=15,
    difficulty=2,
    hints=(
        "One round: run the model on what is written, take the logits of the last position, sample, join. How often?",
        "A temperature near 0 should leave only the likeliest word, a high one should make all words alike. Divide the "
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
    yield written.shape == (2, 5), "Are there `length` words in all, counting those of the prompt?"
    yield torch.equal(written[:, :2], torch.tensor([[1, 2], [6, 5]])), "Does the text begin with the prompt, unchanged?"
    yield written[:, 2].tolist() == [3, 6], "Do you take the logits of the last position, one row per sentence?"
    yield (
        written.tolist() == [[1, 2, 3, 4, 5], [6, 5, 6, 7, 8]],
        "Is the word just sampled part of what the model reads next?",
    )
    fits = [mask is not None and mask.shape[-2:] == (words, words) for words, mask in seen]
    causal = all(fits) and all(mask.bool().eq(causal_mask(words)).all() for words, mask in seen)
    yield causal, "Does the model get the causal mask for as many words as there are?"

    def three_to_one(input_ids, mask=None):
        """Word 0 is three times as likely as word 1, whatever comes before."""
        return torch.tensor([math.log(3), 0.0]).expand(*input_ids.shape, 2)

    def share(temperature):
        written = answer(three_to_one, torch.zeros(4000, 1, dtype=torch.int64), 2, temperature, generator(2))
        return (written[:, 1] == 0).float().mean().item()

    yield share(1.0) < 0.99, "Do you always take the likeliest word? Sample it."
    yield abs(share(1.0) - 0.75) < 0.04, "At temperature 1, is a word sampled as often as the softmax says?"
    yield (
        share(2.0) < 0.72,
        "A high temperature makes words more alike. Do you divide the logits by it, before the softmax?",
    )
    yield share(0.05) > 0.99, "Near temperature 0, is the likeliest word the only one left?"
    yield (
        abs(share(0.5) - 0.9) < 0.03,
        "At temperature 0.5, three to one becomes nine to one. Do you divide once, and still sample?",
    )
    many = torch.zeros(50, 1, dtype=torch.int64)
    again = [answer(three_to_one, many, 4, 1.0, generator(3)) for _ in range(2)]
    yield torch.equal(*again), "The same generator should write the same text. Do you sample with `draw`?"
    yield len(again[0].unique(dim=0)) > 1, "Does each sentence get samples of its own?"
    yield torch.equal(prompt, torch.tensor([[1, 2], [6, 5]])) and not many.any(), "Do you change the prompt in place?"
