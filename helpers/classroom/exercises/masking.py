"""The exercises of notebook 03 and its depth: what may be hidden, how, which positions the loss may see, and words."""

import math

import torch
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from ...device import generator
from ...tokenization import SPECIAL_TOKENS, ordinary_ids
from ..checks import compare, exercise

# ---------------------------------------------------------------- what may not be hidden


def mark_specials(input_ids, special_ids):
    """Return int64 (batch, seq): 1 where there is a special token, 0 where there is a word or piece."""
    return torch.isin(input_ids, special_ids).long()


@exercise(
    mark_specials,
    minutes=5,
    difficulty=1,
    build=True,
    hints=(
        "What counts is the id at a position, not where the position is.",
        "torch.isin(elements, test_elements) answers for every position; .long() turns False and True into 0 and 1.",
    ),
)
def check_mark_specials(answer):
    special_ids = torch.tensor([0, 100, 101, 102, 103])  # as in BERT's vocabulary: not one block at the front
    ids = torch.tensor([[101, 2009, 102, 0, 0], [101, 2009, 102, 2001, 102]])  # a text and padding; two texts
    kept = ids.clone()
    found = answer(ids, special_ids)
    yield found.shape == ids.shape, "Is there one number for each position, in the shape of input_ids?"
    yield torch.equal(kept, ids), "Do you write the marks into input_ids itself? Work on a copy."
    text, pair = found.tolist()
    yield text[:3] != [0, 1, 0], "Is 1 the mark of a special token, or of a word?"
    yield pair[0] == pair[-1] == 1 and pair[1] == pair[3] == 0, "Are [CLS] and [SEP] marked, and no word?"
    yield text == [1, 0, 1, 1, 1], "Is padding marked as well?"
    yield pair == [1, 0, 1, 0, 1], "Is a [SEP] in the middle of a row marked as well?"
    yield (
        answer(torch.tensor([[101, 1, 99, 102]]), special_ids).tolist() == [[1, 0, 0, 1]],
        "Ids 1 and 99 are words here. Do you compare with the largest special id, or mix up marks and ids?",
    )
    yield (
        answer(torch.tensor([[2, 101, 0, 3]]), torch.tensor([3, 1, 0, 4, 2])).tolist() == [[1, 0, 1, 1]],
        "Do you use the ids in special_ids, in any order? Another vocabulary has others.",
    )
    yield found.dtype == torch.int64, "Are the marks a tensor of int64, 0 and 1, not booleans?"


# ---------------------------------------------------------------- 15%, then 80/10/10


def mask_tokens(
    input_ids,
    special_tokens_mask,
    mask_token_id,
    replacement_ids,
    generator,
    mask_probability=0.15,
    mix=(0.8, 0.1, 0.1),
):
    """Return the masked ids and the labels, -100 where there is no target, both int64 (batch, seq)."""
    draws = torch.rand(input_ids.shape, generator=generator)
    is_target = (draws < mask_probability) & (special_tokens_mask == 0)
    original = input_ids[is_target]  # (targets,)
    fates = torch.rand(len(original), generator=generator)
    words = replacement_ids[torch.randint(len(replacement_ids), (len(original),), generator=generator)]
    masked = input_ids.clone()
    changed = torch.where(fates < mix[0] + mix[1], words, original)
    masked[is_target] = torch.where(fates < mix[0], mask_token_id, changed)
    return masked, torch.where(is_target, input_ids, -100)


@exercise(
    mask_tokens,
    minutes=20,
    difficulty=3,
    build=True,
    hints=(
        "First a boolean tensor is_target: a low draw, and no special token. Everything else depends on it.",
        "input_ids[is_target] lists the targets, (targets,). Draw one fate for each, and one index into "
        "replacement_ids; torch.where(condition, this, that) then chooses what becomes of each.",
        "Take the labels from input_ids, before anything is hidden: torch.where(is_target, input_ids, -100). A token "
        "that stays has a label like every target.",
    ),
)
def check_mask_tokens(answer):
    ids = torch.randint(1000, 3000, (240, 150), generator=generator(1))  # (batch, seq)
    special = torch.zeros_like(ids)
    special[:, 0] = special[:, -1] = special[::3, 70] = special[::2, 140:] = 1
    ids = torch.where(special == 1, 101, ids)
    replacement_ids = torch.arange(5000, 5200)  # none of them is among the ids
    real = special == 0

    def call(seed=0, **options):
        return answer(ids.clone(), special.clone(), 103, replacement_ids.clone(), generator(seed), **options)

    given = [ids.clone(), special.clone(), replacement_ids.clone()]
    answer(given[0], given[1], 103, given[2], generator(0))
    unchanged = all(map(torch.equal, given, (ids, special, replacement_ids)))
    yield unchanged, "Do you change one of the tensors you were given? Work on copies."
    masked, labels = call()
    yield not bool((masked == -100).any()), "Do you return first the masked ids, then the labels?"
    yield masked.shape == labels.shape == ids.shape, "Do both have the shape of input_ids?"
    yield masked.dtype == labels.dtype == torch.int64, "Are both int64?"

    masked, labels = call(mask_probability=1.0, mix=(1.0, 0.0, 0.0))
    yield (
        bool((labels[~real] == -100).all()),
        "Special tokens have labels. Can one become a target, or is -100 missing?",
    )
    yield torch.equal(masked[~real], ids[~real]), "Does every special token stay as it is?"
    yield (
        bool((masked[real] == 103).all()),
        "With mask_probability 1 and a mix of (1, 0, 0), do all tokens that aren't special become mask_token_id? Is a "
        "token a target if its draw is below mask_probability?",
    )
    yield not bool((labels[real] == 103).any()), "The labels are [MASK]. Did you read them after hiding the tokens?"
    yield torch.equal(labels[real], ids[real]), "Is the label of a target its original id?"

    masked, labels = call(mask_probability=1.0, mix=(0.0, 1.0, 0.0))
    random = bool(torch.isin(masked[real], replacement_ids).all())
    yield random, "With a mix of (0, 1, 0), is every target replaced by one of replacement_ids?"
    yield len(masked[real].unique()) == 200, "Does every target get a random id of its own, from all replacement_ids?"
    masked, labels = call(mask_probability=1.0, mix=(0.0, 0.0, 1.0))
    yield torch.equal(masked, ids), "With a mix of (0, 0, 1), do all targets stay as they are?"
    yield torch.equal(labels[real], ids[real]), "Is a token that stays a target as well, with a label?"

    masked, labels = call()
    is_target = labels != -100
    yield torch.equal(masked[~is_target], ids[~is_target]), "Does a token that is no target stay as it is?"
    share = is_target[real].double().mean().item()
    yield abs(share - 0.15) < 0.01, f"Is each token a target with probability 0.15? Here {share:.1%} are."
    rows = is_target[:, 1:70].unique(dim=0)
    yield len(rows) > 200, "Does every position draw for itself? Your rows have the same targets."
    halves = [is_target[:, part].double().mean().item() for part in (slice(1, 70), slice(71, 140))]
    yield abs(halves[0] - halves[1]) < 0.03, "Are targets as likely at the end of a row as at its beginning?"
    now, before = masked[is_target], ids[is_target]
    shares = [
        (now == 103).double().mean(),
        torch.isin(now, replacement_ids).double().mean(),
        (now == before).double().mean(),
    ]
    shares = [share.item() for share in shares]
    shown = "/".join(f"{share:.0%}" for share in shares)
    close = all(abs(share - expected) < 0.03 for share, expected in zip(shares, (0.8, 0.1, 0.1)))
    yield close, f"Of the targets, do 80/10/10 become [MASK], become random, stay? Here it is {shown}."
    more = (call(mask_probability=0.4)[1] != -100)[real].double().mean().item()
    yield abs(more - 0.4) < 0.02, "Is mask_probability used, or 0.15 in any case?"
    masked, labels = call(mask_probability=0.4, mix=(0.2, 0.5, 0.3))
    now, before = masked[labels != -100], ids[labels != -100]
    shares = [(now == 103).double().mean().item(), (now == before).double().mean().item()]
    close = abs(shares[0] - 0.2) < 0.03 and abs(shares[1] - 0.3) < 0.03
    yield close, "With a mix of (0.2, 0.5, 0.3), do 20% become [MASK] and 30% stay?"
    again, other = call(), call(seed=1)
    first = call()
    yield all(map(torch.equal, first, again)), "Does the same seed give the same result? Use `generator` everywhere."
    yield not torch.equal(first[1], other[1]), "Does another seed give other targets? Use `generator`."
    counts = {int((call(seed)[1] != -100).sum()) for seed in range(4)}
    yield len(counts) > 1, "The number of targets is always the same. Is each token chosen on its own?"


# ---------------------------------------------------------------- the loss at the targets


def mlm_loss(logits, labels):
    """Return the mean loss where the label is not -100: logits (batch, seq, vocab), labels (batch, seq)."""
    is_target = labels != -100
    log_probabilities = logits[is_target].log_softmax(dim=-1)  # (targets, vocab)
    return -log_probabilities.gather(-1, labels[is_target][:, None]).mean()


@exercise(
    mlm_loss,
    minutes=10,
    difficulty=2,
    build=True,
    hints=(
        "Which positions count? labels != -100 tells you, and logits[that] keeps only their rows: (targets, vocab).",
        "Then as in notebook 02: log_softmax, gather the entry of the label, a minus sign, and the mean.",
    ),
)
def check_mlm_loss(answer):
    logits = torch.randn(2, 3, 7, generator=generator(0))  # (batch, seq, vocab)
    targets = torch.tensor([[1, 2, 3], [4, 5, 6]])
    each = -logits.log_softmax(-1).gather(-1, targets[..., None])[..., 0]  # (batch, seq)

    def says(is_target, logits=logits):
        return answer(logits.clone(), torch.where(torch.tensor(is_target), targets, -100))

    def near(value, expected):
        return math.isclose(float(value), float(expected), abs_tol=1e-5)

    everywhere, some = [[True] * 3] * 2, [[True, True, True], [True, False, False]]
    others = [[False, False, False], [False, True, True]]
    labels = torch.where(torch.tensor(some), targets, -100)
    kept = labels.clone()
    answer(logits, labels)
    yield torch.equal(kept, labels), "Do you change the labels in place? Work on a copy."
    uniform = float(answer(torch.zeros(2, 3, 7), targets))
    yield (
        math.isclose(uniform, math.log(7), abs_tol=1e-5),
        f"Seven words, all equally likely: the loss should be ln 7 = 1.95, and yours is {uniform:.2f}. Is it a mean, "
        "with a minus sign? Does the softmax run over the vocabulary?",
    )
    yield (
        near(says(everywhere), each.mean()),
        "If every position is a target, is it the mean of all their losses? Nothing is shifted here.",
    )
    yield not near(says(some), says(others)), "With other targets, does the loss change at all?"
    expected = (each * torch.tensor(some)).sum()
    yield not near(says(some), expected / 6), "Do you divide by the number of all positions, or by that of the targets?"
    by_row = (each[0].mean() + each[1, 0]) / 2
    yield not near(says(some), by_row), "Does every row count the same? Every target should."
    scrambled = logits.clone()
    scrambled[1, 1:] += 100 * torch.randn(2, 7, generator=generator(1))
    yield near(says(some, scrambled), says(some)), "Do the logits at positions without a label change the loss?"
    yield compare(
        torch.tensor(float(says(some))), expected / 4, "Is it the mean loss of the four targets?", labels=labels
    )
    zero = torch.tensor([[-100, -100, -100], [-100, 0, -100]])
    alone = -logits[1, 1].log_softmax(-1)[0]
    yield near(answer(logits, zero), alone), "Word 0 is a word like any other. Does a label of 0 count?"
    large = torch.tensor([[[1000.0, 0, 0], [0, 0, 0]]])
    far = float(answer(large, torch.tensor([[1, -100]])))
    yield math.isclose(far, 1000, rel_tol=1e-4), "Large logits overflow. Do you use log_softmax, in one step?"
    loss = says(some, logits.requires_grad_())
    yield (
        getattr(loss, "requires_grad", False),
        "Can a model be trained with this loss: does a gradient reach the logits?",
    )


# ---------------------------------------------------------------- spot the bug: random words that are no words


def put_random_words(input_ids, is_random, tokenizer, generator):
    """Return a copy of input_ids with a random word or piece wherever `is_random` is True, int64 (batch, seq)."""
    words = torch.tensor(ordinary_ids(tokenizer))
    picks = torch.randint(len(words), input_ids.shape, generator=generator)
    return torch.where(is_random, words[picks], input_ids)


def found_put_random_words(input_ids, is_random, tokenizer, generator):
    """The replacement as it was found."""
    words = torch.randint(len(tokenizer), input_ids.shape, generator=generator)
    return torch.where(is_random, words, input_ids)


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
        "List the ids that may be drawn, draw indices into that list, and look them up. `ordinary_ids` makes the list.",
    ),
    found=found_put_random_words,
)
def check_put_random_words(answer):
    tokenizer, ids = _small_tokenizer(), torch.full((40, 50), 7)
    slots = torch.zeros(40, 50, dtype=torch.bool)
    yield (
        torch.equal(answer(ids.clone(), slots, tokenizer, generator(0)), ids),
        "Where is_random is False, does the token stay as it is?",
    )
    slots[:, ::2] = True
    given = ids.clone()
    put = answer(given, slots, tokenizer, generator(0))
    yield torch.equal(given, ids), "Do you change input_ids in place? Work on a copy."
    yield torch.equal(put[~slots], ids[~slots]), "Where is_random is False, does the token stay as it is?"
    drawn = put[slots]
    special = torch.tensor(tokenizer.all_special_ids)
    yield (
        not bool(torch.isin(drawn, special).any()),
        "Can [SEP] or another special token be drawn? (The ids of the check's tokenizer differ from those above.)",
    )
    yield not bool(((drawn == 1) | (drawn == 12)).any()), "Can an [unused…] entry be drawn? No text contains one."
    ordinary = torch.tensor([2, 7, 8, 9, 10, 11])
    counts = [(drawn == i).sum().item() for i in ordinary]
    yield (
        min(counts) > 0,
        "Can every word and piece be drawn, including the first, the last, ## pieces, `[`, and `unused`?",
    )
    yield max(counts) < 1.5 * min(counts), "Is every word as likely as the next? A forbidden draw must not favor one."
    again, other = (answer(ids.clone(), slots, tokenizer, generator(seed)) for seed in (0, 1))
    yield (
        torch.equal(put, again),
        "Does the same seed give the same words? Use only `generator`, and ids in a fixed order: "
        "`get_vocab()` has another order at every call.",
    )
    yield not torch.equal(put, other), "Does another seed give other words? Use `generator`."


# ---------------------------------------------------------------- pieces of one word


def word_groups(tokens):
    """Return the positions of the pieces of each word: a list of lists, special tokens left out."""
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
        "What may a ## piece join if there is a special token before it, or nothing? Keep a flag for that.",
    ),
)
def check_word_groups(answer):
    def says(text):
        return [list(group) for group in answer(text.split())]

    yield says("a kind film") == [[0], [1], [2]], "Is a word of one piece a group of one position?"
    yield says("un ##watch ##able film") == [[0, 1, 2], [3]], "Do all ## pieces join the word they continue?"
    yield says("a laugh ##ably") == [[0], [1, 2]], "Is the group of the last word there, with all its pieces?"
    yield says("so so slow") == [[0], [1], [2]], "Are equal words in a row groups of their own?"
    yield says("[CLS] a [MASK] [UNK] film [SEP] [PAD]") == [[1], [4]], "Are all five special tokens in no group?"
    yield (
        says("[CLS] over ##act ##ed [SEP] un ##seen [SEP]") == [[1, 2, 3], [5, 6]],
        "Are positions counted from the start of the row?",
    )
    yield says("[ sic ] #") == [[0], [1], [2], [3]], "Do you go by the first letter? `[` and `#` are words as well."
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
