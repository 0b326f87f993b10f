"""A toy language and a twenty-line encoder: small enough to learn in seconds, rich enough to need both directions (notebooks 02 and 03)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import MultiHeadAttention

NOUNS = "dog bird fish child river baker clock train".split()
VERBS = "barks sings swims laughs flows bakes ticks whistles".split()  # each belongs to the noun in the same place
FILLERS = (
    "today often now here there again slowly quietly early late maybe always then soon still once "
    "indoors outside alone nearby together loudly softly gladly somewhere forever twice lately indeed surely perhaps tonight"
).split()
VOCABULARY = ("[MASK]", "[BOS]", *NOUNS, *VERBS, *FILLERS)
MASK_ID, BOS_ID, FIRST_NOUN, FIRST_VERB, FIRST_FILLER = 0, 1, 2, 10, 18
LENGTH = 14


def toy_sentences(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return input_ids int64 (count, 14) and the noun's position (count,): [BOS], fillers, a noun, fillers, the verb that goes with it, fillers.

    The noun stands in places 1 … 6 and its verb in 8 … 13; everything else is a random filler. So what is left of the noun says nothing about it,
    and the verb, which comes later, decides it.
    """
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
    return [VOCABULARY[i] for i in input_ids.tolist()]


class TinyEncoder(nn.Module):
    """Embeddings, `num_hidden_layers` times attention and a feed-forward part, and a linear layer to the vocabulary."""

    def __init__(self, vocab_size: int, max_length: int, hidden_size: int = 64, num_hidden_layers: int = 2, num_attention_heads: int = 2):
        super().__init__()
        self.word = nn.Embedding(vocab_size, hidden_size)
        self.position = nn.Embedding(max_length, hidden_size)
        layers = range(num_hidden_layers)
        self.attentions = nn.ModuleList(MultiHeadAttention(hidden_size, num_attention_heads) for _ in layers)
        self.feed_forwards = nn.ModuleList(
            nn.Sequential(nn.Linear(hidden_size, 4 * hidden_size), nn.GELU(), nn.Linear(4 * hidden_size, hidden_size)) for _ in layers
        )
        self.norms = nn.ModuleList(nn.LayerNorm(hidden_size) for _ in range(2 * num_hidden_layers + 1))
        self.output = nn.Linear(hidden_size, vocab_size)

    def forward(self, input_ids: Tensor, mask: Tensor | None = None, labels: Tensor | None = None) -> Tensor:
        """input_ids (batch, seq); `mask` bool, True where a token may look. Returns logits (batch, seq, vocab); with labels (-100: not asked)
        the logits of the asked slots only, (slots, vocab), in reading order."""
        hidden = self.word(input_ids) + self.position.weight[: input_ids.shape[1]]  # (batch, seq, hidden)
        for i, (attention, feed_forward) in enumerate(zip(self.attentions, self.feed_forwards, strict=True)):
            hidden = hidden + attention(self.norms[2 * i](hidden), mask)[0]
            hidden = hidden + feed_forward(self.norms[2 * i + 1](hidden))
        if labels is not None:
            hidden = hidden[labels != -100]
        return self.output(self.norms[-1](hidden))


def train_tiny(model: nn.Module, make_batch, steps: int, learning_rate: float = 1e-3) -> list[float]:
    """Train with AdamW for so many steps; `make_batch()` returns input_ids, mask and labels. Returns the loss of every step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    losses = []
    model.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * min(1.0, (step + 1) / 50, 1.1 - step / steps)  # warm up, then come down
        input_ids, mask, labels = make_batch()
        loss = F.cross_entropy(model(input_ids, mask, labels), labels[labels != -100])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    return losses
