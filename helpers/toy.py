"""A toy language and a twenty-line encoder: small enough to learn in seconds, rich enough to need both directions
(notebooks 02 and 03). At the end, English sentences whose deciding words come before or after an ambiguous one."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import MultiHeadAttention, causal_mask
from .device import check_callable, check_generator, check_int, check_number, check_tensor
from .masking import IGNORE

NOUNS = "dog bird fish child river baker clock train".split()
VERBS = "barks sings swims laughs flows bakes ticks whistles".split()  # in the order of their nouns
FILLERS = (
    "today often now here there again slowly quietly early late maybe always then soon still once "
    "indoors outside alone nearby together loudly softly gladly somewhere forever twice lately indeed surely perhaps "
    "tonight"
).split()
VOCABULARY = ("[MASK]", "[BOS]", *NOUNS, *VERBS, *FILLERS)
MASK_ID, BOS_ID, FIRST_NOUN, FIRST_VERB, FIRST_FILLER = 0, 1, 2, 10, 18
LENGTH = 14


def toy_sentences(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return input_ids int64 (count, 14) and the noun's position (count,).

    A sentence is [BOS], fillers, a noun, fillers, its verb, fillers. The noun is at one of positions 1 to 6 and its
    verb at one of 8 to 13; everything else is a random filler. So the words before the noun say nothing about it, and
    the verb, which comes later, decides it.
    """
    check_int(count, "count", 1)
    check_generator(generator)
    input_ids = torch.randint(FIRST_FILLER, len(VOCABULARY), (count, LENGTH), generator=generator)
    input_ids[:, 0] = BOS_ID
    rows = torch.arange(count)
    kind = torch.randint(len(NOUNS), (count,), generator=generator)
    noun_position = torch.randint(1, 7, (count,), generator=generator)
    verb_position = torch.randint(8, LENGTH, (count,), generator=generator)
    input_ids[rows, noun_position] = FIRST_NOUN + kind
    input_ids[rows, verb_position] = FIRST_VERB + kind
    return input_ids, noun_position


def to_words(input_ids: Tensor) -> list[str]:
    """Return the words of one sentence (seq,)."""
    check_ids(input_ids, "seq")
    return [VOCABULARY[i] for i in input_ids.tolist()]


def next_word_labels(input_ids: Tensor) -> Tensor:
    """Return labels (batch, seq), int64: at each position of input_ids (batch, seq) the next word, at the last -100."""
    check_tensor(input_ids, "input_ids", "whole", dims=("batch", "seq"))
    labels = torch.full_like(input_ids, IGNORE)
    labels[:, :-1] = input_ids[:, 1:]
    return labels


def hide_targets(input_ids: Tensor, is_target: Tensor, mask_id: int = MASK_ID) -> tuple[Tensor, Tensor]:
    """Return the inputs with all targets hidden, and labels that are -100 at every other position, (batch, seq) each.

    input_ids (batch, seq), int64, and is_target (batch, seq), bool; neither is changed.
    """
    check_tensor(input_ids, "input_ids", "whole")
    check_tensor(is_target, "is_target", "bool", input_ids.shape)
    return input_ids.masked_fill(is_target, mask_id), input_ids.masked_fill(~is_target, IGNORE)


def causal_batch(generator: torch.Generator, count: int = 64) -> tuple[Tensor, Tensor | None, Tensor]:
    """Return input_ids (count, 14), the causal mask, and labels: at each position the next word."""
    input_ids, _ = toy_sentences(count, generator)
    return input_ids, causal_mask(LENGTH), next_word_labels(input_ids)


def copying_batch(generator: torch.Generator, count: int = 64) -> tuple[Tensor, Tensor | None, Tensor]:
    """Return input_ids (count, 14), no mask, and labels: at each position its own word."""
    input_ids, _ = toy_sentences(count, generator)
    return input_ids, None, input_ids


def mlm_batch(generator: torch.Generator, count: int = 64) -> tuple[Tensor, Tensor | None, Tensor]:
    """Return input_ids (count, 14) with 15% of the words replaced by [MASK], no mask, and labels for these words."""
    input_ids, _ = toy_sentences(count, generator)
    is_target = torch.rand(input_ids.shape, generator=generator) < 0.15
    is_target[:, 0] = False  # never [BOS]
    masked, labels = hide_targets(input_ids, is_target)
    return masked, None, labels


OBJECTIVES = {"causal": causal_batch, "copying": copying_batch, "MLM": mlm_batch}


def lowest_losses() -> dict[str, float]:
    """Return the lowest loss, in nats, that any model of the toy language can reach with each objective.

    Causal: the entropy of a sentence, 11 fillers of 32, a pair of 8, and two positions of 6, divided by its 13
    predictions. Copying: 0. MLM: the expected loss of the best guess at a hidden word. With m of the six possible
    positions hidden, and the noun under one of them, the best model gives each the chance 1/m; it knows which noun
    unless the verb is hidden as well.
    """
    filler, pair, rate = math.log(len(FILLERS)), math.log(len(NOUNS)), 0.15
    six = 0.0  # the expected loss over the six positions that may hold the noun, or the verb
    for m in range(1, 7):
        chance = math.comb(6, m) * rate**m * (1 - rate) ** (6 - m)
        visible = m * filler  # the noun is not among the m
        hidden = math.log(m) + rate * pair + (m - 1) * (filler - math.log(1 - 1 / m) if m > 1 else 0)
        six += chance * ((1 - m / 6) * visible + m / 6 * hidden)
    causal = (11 * filler + pair + 2 * math.log(6)) / (LENGTH - 1)
    return {"causal": causal, "copying": 0.0, "MLM": (2 * six + rate * filler) / (rate * (LENGTH - 1))}


class TinyEncoder(nn.Module):
    """Embeddings, `num_hidden_layers` times attention and a feed-forward part, and a linear layer to the vocabulary."""

    def __init__(
        self,
        vocab_size: int,
        max_length: int,
        hidden_size: int = 64,
        num_hidden_layers: int = 2,
        num_attention_heads: int = 2,
    ):
        super().__init__()
        for name, value in (("vocab_size", vocab_size), ("max_length", max_length)):
            check_int(value, name, 1)
        self.word = nn.Embedding(vocab_size, hidden_size)
        self.position = nn.Embedding(max_length, hidden_size)
        layers = range(num_hidden_layers)
        self.attentions = nn.ModuleList(MultiHeadAttention(hidden_size, num_attention_heads) for _ in layers)
        self.feed_forwards = nn.ModuleList(
            nn.Sequential(nn.Linear(hidden_size, 4 * hidden_size), nn.GELU(), nn.Linear(4 * hidden_size, hidden_size))
            for _ in layers
        )
        self.norms = nn.ModuleList(nn.LayerNorm(hidden_size) for _ in range(2 * num_hidden_layers + 1))
        self.output = nn.Linear(hidden_size, vocab_size)

    def forward(self, input_ids: Tensor, mask: Tensor | None = None, labels: Tensor | None = None) -> Tensor:
        """Return logits (batch, seq, vocab) of input_ids (batch, seq); `mask` is bool, True where a token may attend.

        With labels (-100: ignored) only the logits of the positions that have one, (targets, vocab), in reading order.
        """
        check_rows(self, input_ids, labels)
        hidden = self.word(input_ids) + self.position.weight[: input_ids.shape[1]]  # (batch, seq, hidden)
        for i, (attention, feed_forward) in enumerate(zip(self.attentions, self.feed_forwards, strict=True)):
            hidden = hidden + attention(self.norms[2 * i](hidden), mask)[0]
            hidden = hidden + feed_forward(self.norms[2 * i + 1](hidden))
        if labels is not None:
            hidden = hidden[labels != IGNORE]
        return self.output(self.norms[-1](hidden))


def train_tiny(model: nn.Module, make_batch, steps: int, learning_rate: float = 1e-3) -> list[float]:
    """Train with AdamW for so many steps; `make_batch()` returns input_ids, mask and labels. Returns the loss of
    every step."""
    check_callable(make_batch, "make_batch", "lambda: mlm_batch(generator)")
    check_int(steps, "steps", 1)
    check_number(learning_rate, "learning_rate", 0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, fused=True)
    losses = []
    # One thread: work this small is no faster on two, and far slower when something else wants the second core.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model.train()
    try:
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * min(1.0, (step + 1) / 50, 1.1 - step / steps)  # warm up, then come down
            input_ids, mask, labels = make_batch()
            loss = F.cross_entropy(model(input_ids, mask, labels), labels[labels != IGNORE])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    finally:
        torch.set_num_threads(threads)
    model.eval()
    return losses


@torch.no_grad()
def hidden_words_found(model: nn.Module, objective: str, input_ids: Tensor) -> dict[str, Tensor]:
    """Hide the noun of every sentence (count, 14), then its verb; return which were found, bool (count,) each.

    The model picks the best of the eight nouns or verbs: a causal one from the words before the hidden one, the others
    from the whole sentence with [MASK] in its position.
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"Unknown objective {objective!r}; choose one of {', '.join(OBJECTIVES)}.")
    check_ids(input_ids, "count", "seq")
    rows, found = torch.arange(len(input_ids)), {}
    for word, first in (("noun", FIRST_NOUN), ("verb", FIRST_VERB)):
        position = ((input_ids >= first) & (input_ids < first + len(NOUNS))).int().argmax(dim=1)
        gap = input_ids.clone()
        gap[rows, position] = MASK_ID
        if objective == "causal":  # the position before predicts it
            logits = model(gap, causal_mask(LENGTH))[rows, position - 1]
        else:
            logits = model(gap)[rows, position]
        best = logits[:, first : first + len(NOUNS)].argmax(dim=1)
        found[word] = best == input_ids[rows, position] - first
    return found


def check_ids(input_ids: Tensor, *dims: str) -> None:
    """Raise TypeError or ValueError unless these are ids of the toy language with these dimensions."""
    check_tensor(input_ids, "input_ids", "whole", dims=dims)
    if input_ids.numel() and not 0 <= int(input_ids.min()) <= int(input_ids.max()) < len(VOCABULARY):
        raise ValueError(f"input_ids must hold 0 … {len(VOCABULARY) - 1}, the ids of the toy language.")


def check_rows(model: TinyEncoder, input_ids: Tensor, labels: Tensor | None) -> None:
    """Raise TypeError or ValueError for rows that the model cannot read, or labels that do not fit them."""
    check_tensor(input_ids, "input_ids", "whole", dims=("batch", "seq"))
    if 0 in input_ids.shape or input_ids.shape[1] > len(model.position.weight):
        raise ValueError(f"input_ids is {tuple(input_ids.shape)}; rows need 1 to {len(model.position.weight)} tokens.")
    words = model.word.num_embeddings
    if input_ids.device.type == "cpu" and not 0 <= int(input_ids.min()) <= int(input_ids.max()) < words:
        raise ValueError(f"input_ids must hold 0 … {words - 1}, the ids of this model's vocabulary.")
    if labels is not None:
        check_tensor(labels, "labels", "whole", input_ids.shape)
        if labels.device.type == "cpu" and not (labels != IGNORE).any():
            raise ValueError("There is nothing to learn from: every label is -100.")


# Eight ambiguous words, two senses each, three sentences a sense, written for this course. In the first table, all
# sentences about a word begin alike, and only what comes after the word decides its sense; in the second, the deciding
# words come before, and the word ends the sentence.
SENSE_BY_LATER_WORDS = {
    "bank": (
        (
            "The bank was muddy and the river was high.",
            "The bank was covered with reeds and wet grass.",
            "The bank was eroded by the stream.",
        ),
        (
            "The bank was robbed by two men with guns.",
            "The bank was closed, so nobody could borrow money.",
            "The bank was fined for its bad loans.",
        ),
    ),
    "bat": (
        (
            "The bat was hanging upside down in the dark cave.",
            "The bat was flying at dusk to catch insects.",
            "The bat was a small mammal with wings.",
        ),
        (
            "The bat was swung hard and the ball flew away.",
            "The bat was made of wood for the baseball team.",
            "The bat was broken by a fast pitch.",
        ),
    ),
    "crane": (
        (
            "The crane was wading in the marsh and eating fish.",
            "The crane was building a nest for its eggs.",
            "The crane was a tall bird with grey feathers.",
        ),
        (
            "The crane was lifting steel onto the new tower.",
            "The crane was parked at the construction site.",
            "The crane was loading containers onto the ship.",
        ),
    ),
    "match": (
        (
            "The match was lit and it burned down quickly.",
            "The match was wet and would not start the fire.",
            "The match was used to light a candle.",
        ),
        (
            "The match was lost in the last minute by our team.",
            "The match was watched by many football fans.",
            "The match was drawn after both players scored.",
        ),
    ),
    "seal": (
        (
            "The seal was swimming in the cold sea.",
            "The seal was eating a fish on the ice.",
            "The seal was lying on the rocks with its pup.",
        ),
        (
            "The seal was stamped in wax on the letter.",
            "The seal was put on the document by the king.",
            "The seal was printed at the top of the contract.",
        ),
    ),
    "palm": (
        (
            "The palm was growing on the beach and full of coconuts.",
            "The palm was planted in the garden for shade.",
            "The palm was a tall tree with green leaves.",
        ),
        (
            "The palm was sweating, so he wiped his hand.",
            "The palm was bleeding and two fingers were cut.",
            "The palm was read by a fortune teller holding her wrist.",
        ),
    ),
    "organ": (
        (
            "The organ was removed by a surgeon in the hospital.",
            "The organ was given by a donor to the patient.",
            "The organ was damaged by the disease, like the liver.",
        ),
        (
            "The organ was played in church on Sunday.",
            "The organ was tuned before the concert of Bach.",
            "The organ was a loud instrument with many pipes.",
        ),
    ),
    "mouse": (
        (
            "The mouse was chased by the cat across the barn.",
            "The mouse was eating cheese near its hole.",
            "The mouse was a furry animal with a long tail.",
        ),
        (
            "The mouse was plugged into the computer.",
            "The mouse was used to click on the screen icon.",
            "The mouse was wireless, like the keyboard.",
        ),
    ),
}
SENSE_BY_EARLIER_WORDS = {
    "bank": (
        (
            "Near the river we sat on the muddy bank.",
            "The stream flooded and washed away its bank.",
            "Reeds and wet grass covered the bank.",
        ),
        (
            "Two men with guns robbed the bank.",
            "She wanted to borrow money from the bank.",
            "He got a loan from the bank.",
        ),
    ),
    "bat": (
        (
            "Upside down in the dark cave hung a bat.",
            "Flying at dusk to catch insects was a bat.",
            "The small mammal with wings was a bat.",
        ),
        (
            "He hit the ball with his bat.",
            "The baseball player swung the bat.",
            "The fast pitch broke the wooden bat.",
        ),
    ),
    "crane": (
        (
            "Wading in the marsh and eating fish was a crane.",
            "In the nest were the eggs of the crane.",
            "The tall bird with grey feathers was a crane.",
        ),
        (
            "The steel was lifted onto the tower by a crane.",
            "At the construction site they parked the crane.",
            "Containers were loaded onto the ship by a crane.",
        ),
    ),
    "match": (
        (
            "She lit the candle with a match.",
            "He started the fire with a match.",
            "The smoker burned his fingers with a match.",
        ),
        (
            "Our team scored late and lost the match.",
            "Many football fans watched the match.",
            "Both tennis players were tired after the match.",
        ),
    ),
    "seal": (
        (
            "Swimming in the cold sea was a seal.",
            "On the ice, eating fish, lay a seal.",
            "The pup on the rocks was a young seal.",
        ),
        (
            "The letter was closed with a wax seal.",
            "The king signed the document and added his seal.",
            "At the top of the contract they printed the seal.",
        ),
    ),
    "palm": (
        (
            "On the beach, full of coconuts, grew a palm.",
            "In the garden they planted a palm.",
            "The tall tree with green leaves was a palm.",
        ),
        (
            "He wiped the sweat from his hand and palm.",
            "The knife cut two fingers and her palm.",
            "The fortune teller held her wrist and read her palm.",
        ),
    ),
    "organ": (
        (
            "In the hospital the surgeon removed the organ.",
            "The patient waited for a donor to give an organ.",
            "The disease damaged the liver and another organ.",
        ),
        (
            "In church on Sunday she played the organ.",
            "At the concert we heard Bach on the organ.",
            "The loud instrument with many pipes is an organ.",
        ),
    ),
    "mouse": (
        (
            "The cat in the barn chased a mouse.",
            "Near the hole, eating cheese, sat a mouse.",
            "The furry animal with a long tail was a mouse.",
        ),
        (
            "She plugged the keyboard into the computer, then the mouse.",
            "On the screen he clicked the icon with his mouse.",
            "The wireless keyboard came with a mouse.",
        ),
    ),
}
