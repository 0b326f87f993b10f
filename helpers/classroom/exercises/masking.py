"""Exercises of notebook 03: what may be hidden, how, and which slots the loss may see."""

import torch
from tokenizers import Tokenizer, models
from torch.nn import functional as F
from transformers import PreTrainedTokenizerFast

from ...device import generator
from ...tokenization import SPECIAL_TOKENS, ordinary_ids
from ..checks import exercise

# ---------------------------------------------------------------- what may not be hidden


def mark_specials(input_ids, special_ids):
    """Return int64 (batch, seq): 1 where a special token stands, 0 where a word or piece does."""
    return torch.isin(input_ids, special_ids).long()


@exercise(
    mark_specials,
    minutes=5,
    difficulty=1,
    hints=(
        "It is about which id stands in a slot, not about where the slot is.",
        "torch.isin(elements, test_elements) answers slot by slot; .long() makes 0 and 1 of False and True.",
    ),
)
def check_mark_specials(answer):
    special_ids = torch.tensor([0, 100, 101, 102, 103])  # as in BERT's vocabulary: not one block at the front
    ids = torch.tensor([[101, 2009, 102, 0, 0], [101, 2009, 102, 2001, 102]])  # a text and padding; two texts
    kept = ids.clone()
    found = answer(ids, special_ids)
    yield found.shape == ids.shape, "Is there one number for each slot, in the shape of input_ids?"
    yield torch.equal(kept, ids), "Do you write the marks into input_ids itself, instead of a copy?"
    text, pair = found.tolist()
    yield text[:3] != [0, 1, 0], "Is 1 the mark of a special token, or of a word?"
    yield pair[0] == pair[-1] == 1 and pair[1] == pair[3] == 0, "Are [CLS] and [SEP] marked, and no word?"
    yield text == [1, 0, 1, 1, 1], "Is padding marked, too?"
    yield pair == [1, 0, 1, 0, 1], "Is a [SEP] in the middle of a row found as well?"
    yield (
        answer(torch.tensor([[101, 1, 99, 102]]), special_ids).tolist() == [[1, 0, 0, 1]],
        "Ids 1 and 99 are words here. Do you compare with the largest special id, or mix up marks and ids?",
    )
    yield (
        answer(torch.tensor([[2, 101, 0, 3]]), torch.tensor([3, 1, 0, 4, 2])).tolist() == [[1, 0, 1, 1]],
        "Do the ids come from special_ids, in any order? Another vocabulary has others.",
    )
    yield found.dtype == torch.int64, "Are the marks a tensor of int64, 0 and 1, not booleans?"


# ---------------------------------------------------------------- 15 %, then 80/10/10


def mask_given_draws(input_ids, special_tokens_mask, draws, fates, words, mask_token_id, rate=0.15):
    """Return the masked ids and the labels, -100 where nothing is asked, both int64 (batch, seq)."""
    chosen = (draws < rate) & (special_tokens_mask == 0)
    labels = torch.where(chosen, input_ids, -100)
    masked = torch.where(chosen & (fates < 0.8), mask_token_id, input_ids)
    masked = torch.where(chosen & (fates >= 0.8) & (fates < 0.9), words, masked)
    return masked, labels


@exercise(
    mask_given_draws,
    minutes=20,
    difficulty=3,
    hints=(
        "First a boolean tensor `chosen`: a low draw, and no special token. Everything else depends on it.",
        "torch.where(condition, this, that) picks slot by slot. The labels need it once, the masked ids twice.",
        "Labels are read from input_ids, before anything is hidden. A kept slot has a label like every chosen one.",
    ),
)
def check_mask_given_draws(answer):
    ids = torch.tensor([[2, 11, 12, 13, 3, 0], [2, 21, 22, 23, 24, 3]])  # batch ≠ seq
    special = torch.tensor([[1, 0, 0, 0, 1, 1], [1, 0, 0, 0, 0, 1]])
    words = torch.arange(50, 62).view(2, 6)
    high, low = torch.full((2, 6), 0.9), torch.full((2, 6), 0.01)
    real = special == 0

    def call(draws, fate, **options):
        fates = fate if isinstance(fate, torch.Tensor) else torch.full((2, 6), fate)
        return answer(ids.clone(), special.clone(), draws.clone(), fates.clone(), words.clone(), 4, **options)

    masked, labels = call(high, 0.5)
    yield not bool((masked == -100).any()), "Do you return first the masked ids, then the labels?"
    yield bool((labels == -100).all()), "Is the label -100 in every slot that is not chosen?"
    yield torch.equal(masked, ids), "Does a slot that is not chosen keep its word, whatever its fate says?"
    masked, labels = call(low, 0.5)
    yield not bool((labels[~real] != -100).any()), "Can a special token be chosen when its draw is low?"
    yield torch.equal(masked[~real], ids[~real]), "Does a special token stay, even if its draw is low?"
    yield bool((masked[real] == 4).all()), "Does a chosen word with a fate below 0.8 become [MASK]?"
    yield not bool((labels[real] == 4).any()), "Do you read the labels before the words are hidden, or after?"
    yield torch.equal(labels[real], ids[real]), "Is the label of a chosen slot the id that stood there?"
    one = high.clone()
    one[1, 2] = 0.14  # chosen, though above 0.15 × 0.8
    masked, labels = call(one, torch.full((2, 6), 0.3))
    yield int(masked[1, 2]) == 4, "Do draw and fate decide apart: the draw whether, the fate what?"
    yield int((labels != -100).sum()) == 1, "Does every slot go by its own draw?"
    masked, labels = call(low, 0.85)
    yield not torch.equal(masked, ids), "From 0.8 to 0.9 comes a random word, from 0.9 on none: are the two swapped?"
    yield torch.equal(masked[real], words[real]), "Does a fate from 0.8 to 0.9 bring the word of its own slot?"
    masked, labels = call(low, 0.95)
    yield torch.equal(masked, ids), "Does a fate from 0.9 on leave the word as it is?"
    yield torch.equal(labels[real], ids[real]), "Is the model asked for a kept word, too?"
    _, labels = call(torch.full((2, 6), 0.25), 0.5, rate=0.25)
    yield bool((labels == -100).all()), "A draw of exactly `rate` is not below it. Is it chosen all the same?"
    bounds = torch.tensor([[0.8] * 6, [0.9] * 6])
    masked, _ = call(low, bounds)
    yield torch.equal(masked[0, 1:4], words[0, 1:4]), "What does a fate of exactly 0.8 bring? [MASK] comes below it."
    yield torch.equal(masked[1], ids[1]), "What does a fate of exactly 0.9 bring? A random word comes below it."
    masked, labels = call(torch.full((2, 6), 0.3), 0.5, rate=0.4)
    yield torch.equal(labels != -100, real), "Is `rate` used, or 0.15 in any case?"
    yield masked.dtype == labels.dtype == torch.int64, "Are the ids and the labels whole numbers, both int64?"
    given = [ids, special, low, torch.full((2, 6), 0.5), words]
    kept = [part.clone() for part in given]
    answer(*given, 4)
    yield all(map(torch.equal, kept, given)), "Do you change one of the tensors you were given, instead of a copy?"


# ---------------------------------------------------------------- spot the bug: a loss that cannot be silenced


def loss_of_predictions(logits, targets, weights):
    """Return the mean loss of the predictions whose weight is 1, a scalar."""
    losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    return (losses * weights.flatten()).sum() / weights.sum()


def found_loss_of_predictions(logits, targets, weights):
    """The loss as it was found."""
    losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    return (losses * weights).sum() / weights.sum()


@exercise(
    loss_of_predictions,
    minutes=10,
    difficulty=2,
    hints=(
        "Print the shape of `losses`. How many numbers can the weights choose from?",
        'cross_entropy takes the mean unless you say reduction="none". Then shapes must fit: (batch · places,).',
    ),
    found=found_loss_of_predictions,
)
def check_loss_of_predictions(answer):
    logits = torch.randn(2, 3, 7, generator=generator(0))
    targets = torch.tensor([[1, 2, 3], [4, 0, 0]])
    each = -logits.log_softmax(-1).gather(-1, targets[..., None])[..., 0]  # (2, 3)

    def says(weights, logits=logits):
        return answer(logits.clone(), targets.clone(), torch.tensor(weights))

    def near(value, expected):
        return abs(float(value) - float(expected)) < 1e-5

    yield (
        near(says([[1.0] * 3] * 2), each.mean()),
        "With all weights 1, is it the mean of all predictions, or a sum that grows with their number?",
    )
    some, others = [[1.0, 1, 1], [1, 0, 0]], [[0.0, 0, 0], [0, 1, 1]]
    yield (
        not near(says(some), says(others)),
        "Turn the weights around: does the loss move at all?",
    )
    expected = (each * torch.tensor(some)).sum()
    yield (
        not near(says(some), expected / 6),
        "Do you divide by the number of all slots, or by the number of chosen ones?",
    )
    by_row = (each[0].mean() + each[1, 0]) / 2
    yield not near(says(some), by_row), "Does every row count alike? Every prediction should."
    scrambled = logits.clone()
    scrambled[1, 1:] += 100 * torch.randn(2, 7, generator=generator(1))
    yield (
        near(says(some, scrambled), says(some)),
        "Do the logits at weight 0 still reach the loss?",
    )
    yield near(says(some), expected / 4), "Is it the mean loss of the four predictions with weight 1?"
    loss = says(some, logits.requires_grad_())
    yield (
        getattr(loss, "requires_grad", False),
        "Can a model be trained with this loss: does a gradient reach the logits?",
    )


# ---------------------------------------------------------------- spot the bug: words that are none


def put_random_words(input_ids, slots, tokenizer, generator):
    """Return a copy of input_ids with a random word or piece in every slot that is True, int64 (batch, seq)."""
    words = torch.tensor(ordinary_ids(tokenizer))
    picks = torch.randint(len(words), input_ids.shape, generator=generator)
    return torch.where(slots, words[picks], input_ids)


def found_put_random_words(input_ids, slots, tokenizer, generator):
    """The replacement as it was found."""
    words = torch.randint(len(tokenizer), input_ids.shape, generator=generator)
    return torch.where(slots, words, input_ids)


def _small_tokenizer() -> PreTrainedTokenizerFast:
    """Thirteen entries: special and [unused…] ones in front, in the middle and at the end, and a word `unused`."""
    tokens = "[PAD] [unused0] a [UNK] [CLS] [SEP] [MASK] good ##ly film unused [ [unused1]".split()
    wordpiece = models.WordPiece({token: i for i, token in enumerate(tokens)}, unk_token="[UNK]")
    named = {f"{token.strip('[]').lower()}_token": token for token in SPECIAL_TOKENS}
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(wordpiece), **named)


@exercise(
    put_random_words,
    minutes=10,
    difficulty=2,
    hints=(
        "Which ids can torch.randint return here? Look some of them up with tokenizer.convert_ids_to_tokens.",
        "Draw places in a list of the ids that may be drawn, and look the ids up there. Section 2 made such a list.",
    ),
    found=found_put_random_words,
)
def check_put_random_words(answer):
    tokenizer, ids = _small_tokenizer(), torch.full((40, 50), 7)
    slots = torch.zeros(40, 50, dtype=torch.bool)
    yield (
        torch.equal(answer(ids.clone(), slots, tokenizer, generator(0)), ids),
        "Do slots that are False keep their id?",
    )
    slots[:, ::2] = True
    given = ids.clone()
    put = answer(given, slots, tokenizer, generator(0))
    yield torch.equal(given, ids), "Do you change input_ids itself, instead of a copy?"
    yield torch.equal(put[~slots], ids[~slots]), "Do slots that are False keep their id?"
    drawn = put[slots]
    special = torch.tensor(tokenizer.all_special_ids)
    yield not bool(torch.isin(drawn, special).any()), "Can [SEP] or another special token be drawn?"
    yield not bool(((drawn == 1) | (drawn == 12)).any()), "Can an [unused…] entry be drawn? No text contains one."
    ordinary = torch.tensor([2, 7, 8, 9, 10, 11])
    counts = [(drawn == i).sum().item() for i in ordinary]
    yield min(counts) > 0, "Can every word and piece be drawn, the first, the last, ## pieces, [ and unused among them?"
    yield max(counts) < 1.5 * min(counts), "Is every word as likely as the next? A forbidden draw must not favour one."
    again, other = (answer(ids.clone(), slots, tokenizer, generator(seed)) for seed in (0, 1))
    yield (
        torch.equal(put, again),
        "Does the same seed give the same words? Draw from `generator` alone, and from ids in a fixed order: "
        "`get_vocab()` has another order at every call.",
    )
    yield not torch.equal(put, other), "Does another seed give other words? Draw from `generator`."


# ---------------------------------------------------------------- pieces of one word


def word_groups(tokens):
    """Return the places of the pieces of each word: a list of lists, special tokens left out."""
    groups, can_grow = [], False
    for place, token in enumerate(tokens):
        if token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"):
            can_grow = False
        elif token.startswith("##") and can_grow:
            groups[-1].append(place)
        else:
            groups.append([place])
            can_grow = True
    return groups


@exercise(
    word_groups,
    minutes=15,
    difficulty=2,
    hints=(
        "Go through the tokens once. A ## piece joins the last group; anything else starts a group of its own.",
        "What may a ## piece join if a special token stands before it, or nothing? Keep a flag for that.",
    ),
)
def check_word_groups(answer):
    def says(text):
        return [list(group) for group in answer(text.split())]

    yield says("a kind film") == [[0], [1], [2]], "Is a word of one piece a group of one place?"
    yield says("un ##watch ##able film") == [[0, 1, 2], [3]], "Do all ## pieces join the word they continue?"
    yield says("a laugh ##ably") == [[0], [1, 2]], "Is the last word's group there, with all its pieces?"
    yield says("so so slow") == [[0], [1], [2]], "Are equal words in a row groups of their own?"
    yield says("[CLS] a [MASK] [UNK] film [SEP] [PAD]") == [[1], [4]], "Are all five special tokens in no group?"
    yield says("[CLS] over ##act ##ed [SEP] un ##seen [SEP]") == [[1, 2, 3], [5, 6]], "Are places counted in the row?"
    yield says("[ sic ] #") == [[0], [1], [2], [3]], "Do you go by the first letter? `[` and `#` are words, too."
    yield (
        says("[CLS] ##able film [SEP]") == [[1], [2]],
        "A row may begin in the middle of a word: what does a ## piece after [CLS] join?",
    )
    yield (
        all(says(f"a {special} ##s") == [[0], [2]] for special in SPECIAL_TOKENS),
        "Does a ## piece reach across a special token to the word before?",
    )
    yield (
        says("[CLS] ##ab ##le film [SEP]") == [[1, 2], [3]],
        "Two ## pieces open a row. Does the second join the first?",
    )
    yield says("") == [], "What comes of an empty row?"
