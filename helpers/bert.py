"""BERT: a configuration, an encoder, and the heads that sit on it (Devlin et al. 2019, sections 3 and 3.1).

Everything is post-norm, with learned absolute positions and the exact GELU, as transformers runs the released models.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import MultiHeadAttention, check_heads, padding_mask
from .device import check_int, check_kind, check_number, check_tensor, shown
from .masking import IGNORE


@dataclass(frozen=True)
class EncoderConfig:
    """The shape of an encoder. The defaults are BERT-base's (Devlin et al. 2019, section 3)."""

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    layer_norm_eps: float = 1e-12
    initializer_range: float = 0.02
    pad_token_id: int = 0

    def __post_init__(self):
        check_config(self)


def make_config(
    vocab_size: int,
    hidden_size: int = 128,
    num_hidden_layers: int = 2,
    head_size: int = 64,
    dropout: float = 0.1,
    **others,
) -> EncoderConfig:
    """Return BERT's shape at another size: heads of `head_size`, a feed-forward part of four times the width, one rate
    for both dropouts. `others` are fields of `EncoderConfig`, such as max_position_embeddings."""
    check_int(head_size, "head_size", 1)
    check_int(hidden_size, "hidden_size", 1)
    if hidden_size % head_size:
        raise ValueError(f"Heads of {head_size} do not divide the hidden size {hidden_size}.")
    return EncoderConfig(
        vocab_size=vocab_size,
        hidden_size=hidden_size,
        num_hidden_layers=num_hidden_layers,
        num_attention_heads=hidden_size // head_size,
        intermediate_size=4 * hidden_size,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        **others,
    )


class Embeddings(nn.Module):
    """Word + position + segment, then LayerNorm and dropout (Devlin et al. 2019, figure 2)."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.word = nn.Embedding(config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id)
        self.position = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, input_ids: Tensor, token_type_ids: Tensor, position_ids: Tensor) -> Tensor:
        return self.dropout(
            self.norm(self.word(input_ids) + self.position(position_ids) + self.token_type(token_type_ids))
        )


class EncoderLayer(nn.Module):
    """Attention, then a two-layer network at each token; each is added to its input and normed after (post-norm)."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.attention = MultiHeadAttention(
            config.hidden_size, config.num_attention_heads, config.attention_probs_dropout_prob
        )
        self.attention_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.intermediate = nn.Linear(config.hidden_size, config.intermediate_size)
        self.output = nn.Linear(config.intermediate_size, config.hidden_size)
        self.output_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(
        self, hidden_states: Tensor, mask: Tensor | None, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        mixed, weights = self.attention(hidden_states, mask, need_weights)
        hidden_states = self.attention_norm(hidden_states + self.dropout(mixed))
        wide = F.gelu(self.intermediate(hidden_states))  # (batch, seq, intermediate)
        return self.output_norm(hidden_states + self.dropout(self.output(wide))), weights


@dataclass
class EncoderOutput:
    """`last_hidden_state` (batch, seq, hidden); when asked for, `hidden_states` (one per layer, embeddings first),
    `attentions`."""

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class Encoder(nn.Module):
    """The BERT encoder: embeddings, a stack of layers, and the pooler over [CLS]."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        check_kind(config, "config", EncoderConfig)
        self.config = config
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.num_hidden_layers))
        self.pooler = nn.Linear(config.hidden_size, config.hidden_size)
        self.apply(lambda module: initialize(module, config.initializer_range))

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        output_hidden_states: bool = False,
        output_attentions: bool = False,
    ) -> EncoderOutput:
        """Encode a batch.

        input_ids, token_type_ids, position_ids: int64 (batch, seq). attention_mask: 1 for real tokens and 0 for
        padding, (batch, seq); or a bool mask (batch, seq, seq), True where a query may look, for packed rows. Without
        a mask every token is real.
        Raises ValueError for a wrong shape or a sequence longer than the positions; on the CPU, which alone looks at
        values, also for an id outside the vocabulary or an all-padding row.
        """
        check_input(self.config, input_ids, attention_mask, token_type_ids, position_ids)
        if token_type_ids is None:
            token_type_ids = torch.zeros_like(input_ids)
        if position_ids is None:
            position_ids = torch.arange(input_ids.shape[1], device=input_ids.device)[None]
        mask = None
        if attention_mask is not None:
            mask = attention_mask[:, None] if attention_mask.dim() == 3 else padding_mask(attention_mask)
        hidden = self.embeddings(input_ids, token_type_ids, position_ids)
        hidden_states, attentions = [hidden], []
        for layer in self.layers:
            hidden, weights = layer(hidden, mask, output_attentions)
            if output_hidden_states:  # else let go of them: without a gradient nobody else holds them
                hidden_states.append(hidden)
            attentions.append(weights)
        return EncoderOutput(
            hidden,
            tuple(hidden_states) if output_hidden_states else None,
            tuple(attentions) if output_attentions else None,
        )

    def pool(self, last_hidden_state: Tensor) -> Tensor:
        """Return tanh(W h + b) of the first token, (batch, hidden): what next-sentence prediction reads."""
        check_states(last_hidden_state, self.config.hidden_size)
        return torch.tanh(self.pooler(last_hidden_state[:, 0]))


def initialize(module: nn.Module, initializer_range: float) -> None:
    """BERT's start as transformers has it: normal weights with this standard deviation (Google's code cuts them off at
    two of them), zero biases, LayerNorm at one and zero, the padding row at zero."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=initializer_range)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        nn.init.zeros_(module.weight.data[module.padding_idx])


STARTS = ("BERT", "random", "sine", "waves", "neighbours")
NEIGHBOURS = (-1, 1, -2, 2, -3, 3)  # how far from its own place each head looks at first


@torch.no_grad()
def start_with_waves(encoder: Encoder) -> tuple[Tensor, int]:
    """Leave the first dimensions of a fresh encoder, as many as one head has, to the positions, in place: sine waves
    (Vaswani et al. 2017, section 3.5), but with frequencies spread evenly up to π, so that neighbouring places are easy
    to tell apart. Returns the frequencies, in radians a place, and the number of those dimensions."""
    check_kind(encoder, "encoder", Encoder)
    config = encoder.config
    size = config.hidden_size // config.num_attention_heads
    if size % 2:
        raise ValueError(f"Heads of {size} numbers cannot start from waves: sines and cosines need an even number.")
    frequencies = torch.pi * ((torch.arange(size // 2) + 0.5) / (size // 2)) ** 1.02  # uneven: no two places are alike
    angles = torch.arange(config.max_position_embeddings)[:, None] * frequencies  # (positions, size / 2)
    waves = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)  # (positions, size)
    encoder.embeddings.position.weight[:, :size] = 3 * config.initializer_range * waves
    encoder.embeddings.word.weight[:, :size] = 0.0
    return frequencies, size


@torch.no_grad()
def start_with_neighbours(encoder: Encoder) -> None:
    """Change a fresh encoder, in place, so that head h of its first layer looks `NEIGHBOURS[h]` tokens away.

    A small encoder's first obstacle is to find out where its neighbours are. Here the positions start as in
    `start_with_waves`, and query and key as the rotation that takes position t to t + offset. Everything is learned
    from there on, and the layout is BERT's own. With fewer heads than offsets, the last offsets are left out.
    """
    check_kind(encoder, "encoder", Encoder)
    attention = encoder.layers[0].attention
    frequencies, size = start_with_waves(encoder)
    for head, offset in zip(range(attention.num_attention_heads), NEIGHBOURS, strict=False):
        rows = slice(head * size, (head + 1) * size)
        sines, cosines = (frequencies * offset).sin(), (frequencies * offset).cos()
        turns = torch.stack([cosines, sines, -sines, cosines], dim=-1).view(-1, 2, 2)
        attention.query.weight[rows, :size] = torch.block_diag(*turns)
        attention.key.weight[rows, :size] = torch.eye(size)


def started(config: EncoderConfig, start: str) -> Encoder:
    """Return a fresh encoder with one of the `STARTS`.

    "random": normal weights of the configuration's spread; "BERT": the same with BERT's spread, 0.02; "sine": random,
    but positions are the waves of Vaswani et al. (2017, section 3.5); "waves": random, but positions are those of
    `start_with_waves`; "neighbours": besides, the heads look at neighbours, see `start_with_neighbours`.
    """
    check_kind(config, "config", EncoderConfig)
    if start not in STARTS:
        raise ValueError(f"Unknown start {start!r}; choose one of {', '.join(STARTS)}.")
    encoder = Encoder(replace(config, initializer_range=0.02) if start == "BERT" else config)
    if start == "neighbours":
        start_with_neighbours(encoder)
    if start == "waves":
        start_with_waves(encoder)
    if start == "sine":
        if config.hidden_size % 2:
            raise ValueError(f"The hidden size is {config.hidden_size}: sines and cosines need an even number.")
        speeds = 10000.0 ** (-torch.arange(0, config.hidden_size, 2) / config.hidden_size)
        angles = torch.arange(config.max_position_embeddings)[:, None] * speeds
        waves = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
        encoder.embeddings.position.weight.data = 2**0.5 * config.initializer_range * waves  # of the words' own size
    return encoder


class MaskedLMHead(nn.Module):
    """Dense, GELU, LayerNorm, then the word embeddings used again as output weights (tied; Press and Wolf 2017), plus a
    bias per word: as in BERT's released code."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        initialize(self.dense, config.initializer_range)

    def forward(self, hidden_states: Tensor, word_embeddings: Tensor) -> Tensor:
        """hidden_states (…, hidden), word_embeddings (vocab, hidden); returns logits (…, vocab)."""
        return F.linear(self.norm(F.gelu(self.dense(hidden_states))), word_embeddings, self.bias)


class NextSentenceHead(nn.Module):
    """Two logits from the pooled [CLS]: 0, B follows A; 1, B is from elsewhere (Devlin et al. 2019, section 3.1)."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.classifier = nn.Linear(config.hidden_size, 2)
        initialize(self.classifier, config.initializer_range)

    def forward(self, pooled: Tensor) -> Tensor:
        return self.classifier(pooled)


@dataclass
class PreTrainingOutput:
    """`loss` is the sum of the parts that had labels. `mlm_logits` (masked slots, vocab) when labels came, else
    (batch, seq, vocab)."""

    loss: Tensor | None
    mlm_loss: Tensor | None
    nsp_loss: Tensor | None
    mlm_logits: Tensor
    nsp_logits: Tensor


class PreTrainingModel(nn.Module):
    """An encoder with both pre-training heads: masked words and next sentence."""

    def __init__(self, encoder: Encoder):
        super().__init__()
        check_encoder(encoder)
        self.encoder = encoder
        self.mlm_head = MaskedLMHead(encoder.config)
        self.nsp_head = NextSentenceHead(encoder.config)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        next_sentence_label: Tensor | None = None,
        position_ids: Tensor | None = None,
    ) -> PreTrainingOutput:
        """labels: int64 (batch, seq), the original id at masked slots and -100 elsewhere; next_sentence_label: int64
        (batch,).

        With labels only the masked slots are decoded: at 15 % and a small encoder the vocabulary projection is most
        of the work.
        Raises ValueError when labels mask no slot at all or, looked at on the CPU only, hold ids outside the
        vocabulary.
        """
        hidden = self.encoder(input_ids, attention_mask, token_type_ids, position_ids).last_hidden_state
        nsp_logits = self.nsp_head(self.encoder.pool(hidden))
        mlm_loss = nsp_loss = None
        if labels is not None:
            check_tensor(labels, "labels", "whole", input_ids.shape)
            chosen = labels != IGNORE
            hidden, labels = hidden[chosen], labels[chosen].long()  # (masked slots, hidden), (masked slots,)
            check_labels(labels, self.encoder.config.vocab_size)
        mlm_logits = self.mlm_head(hidden, self.encoder.embeddings.word.weight)
        if labels is not None:
            mlm_loss = F.cross_entropy(mlm_logits.float(), labels)
        if next_sentence_label is not None:
            check_labels(next_sentence_label, 2, input_ids.shape[:1], "next_sentence_label")
            nsp_loss = F.cross_entropy(nsp_logits.float(), next_sentence_label.long())
        parts = [part for part in (mlm_loss, nsp_loss) if part is not None]
        return PreTrainingOutput(sum(parts) if parts else None, mlm_loss, nsp_loss, mlm_logits, nsp_logits)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[nn.Module]:
    """Put a model in eval mode (no dropout) for the length of a `with` block; then every module is in its own mode
    again."""
    check_kind(model, "model", nn.Module)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield model
    finally:
        for module, mode in modes:
            module.training = mode


@dataclass
class ClassifierOutput:
    """`loss` (a scalar, or None without labels) and `logits` (batch, num_labels)."""

    loss: Tensor | None
    logits: Tensor


POOLINGS = ("pooler", "cls", "mean", "max")


class SequenceClassifier(nn.Module):
    """An encoder, one vector per text, dropout and a linear layer (Devlin et al. 2019, section 4.1).

    `pooling` says which vector: "pooler", tanh(W [CLS] + b), as BERT does; "cls", the bare last hidden state of
    [CLS]; "mean" or "max" over the real tokens. `label_names`, one for each class (without them, two classes called
    LABEL_0 and LABEL_1), are saved with the model, as transformers does.
    """

    def __init__(
        self,
        encoder: Encoder,
        num_labels: int | None = None,
        pooling: str = "pooler",
        label_names: Sequence[str] | None = None,
    ):
        super().__init__()
        check_encoder(encoder)
        check_classes(num_labels, label_names)
        check_pooling(pooling)
        if num_labels is None:
            num_labels = 2 if label_names is None else len(label_names)
        self.label_names = [f"LABEL_{i}" for i in range(num_labels)] if label_names is None else list(label_names)
        self.encoder, self.pooling, self.num_labels = encoder, pooling, int(num_labels)
        self.dropout = nn.Dropout(encoder.config.hidden_dropout_prob)
        self.classifier = nn.Linear(encoder.config.hidden_size, num_labels)
        initialize(self.classifier, encoder.config.initializer_range)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> ClassifierOutput:
        """labels: whole numbers (batch,). Raises TypeError for other labels, ValueError for another shape or for labels
        out of range, looked at on the CPU only."""
        _, logits = self.hidden_and_logits(input_ids, attention_mask, token_type_ids)
        if labels is None:
            return ClassifierOutput(None, logits)
        check_labels(labels, self.num_labels, input_ids.shape[:1])
        return ClassifierOutput(F.cross_entropy(logits.float(), labels.long()), logits)

    def hidden_and_logits(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the last hidden states (batch, seq, hidden) and the logits (batch, num_labels): what distillation
        compares."""
        hidden = self.encoder(input_ids, attention_mask, token_type_ids).last_hidden_state
        return hidden, self.classifier(self.dropout(pool(hidden, attention_mask, self.pooling, self.encoder)))


def pool(hidden: Tensor, attention_mask: Tensor | None, pooling: str, encoder: Encoder | None = None) -> Tensor:
    """Return one vector per row, (batch, hidden), from hidden (batch, seq, hidden). Padding takes no part in "mean"
    and "max". attention_mask: None, or (batch, seq), 1 real and 0 padding. Raises ValueError for another name, a mask
    of another shape or, on the CPU, a row that is all padding, and for "pooler" without its encoder."""
    check_pooling(pooling)
    if pooling == "pooler" and encoder is None:
        raise ValueError("The pooler belongs to an encoder: give it, too.")
    check_states(hidden, None)
    if pooling == "pooler":
        return encoder.pool(hidden)
    if pooling == "cls":
        return hidden[:, 0]
    check_padding(attention_mask, hidden)
    real = (
        torch.ones_like(hidden[..., :1]) if attention_mask is None else attention_mask[..., None].to(hidden.dtype)
    )  # (batch, seq, 1)
    if pooling == "mean":
        return (hidden * real).sum(1) / real.sum(1)
    return hidden.masked_fill(real == 0, -torch.inf).amax(1)


def student_from(encoder: Encoder, layers: Sequence[int]) -> Encoder:
    """Return a shallower encoder that starts as a copy: embeddings, pooler, and these layers of `encoder`, in order.

    DistilBERT's start takes one layer of two (Sanh et al. 2019, section 3). Raises ValueError for no layer, or one that
    is not there.
    """
    layers = check_layers(encoder, layers)
    like = encoder.pooler.weight
    student = Encoder(replace(encoder.config, num_hidden_layers=len(layers))).to(like.device, like.dtype)
    student.embeddings.load_state_dict(encoder.embeddings.state_dict())
    student.pooler.load_state_dict(encoder.pooler.state_dict())
    for copied, layer in zip(student.layers, layers):
        copied.load_state_dict(encoder.layers[layer].state_dict())
    return student


def count_parameters(module: nn.Module) -> int:
    """Return how many numbers the module learns; a tied weight counts once."""
    return sum(parameter.numel() for parameter in module.parameters())


# ---------------------------------------------------------------- input checks


def check_config(config: EncoderConfig) -> None:
    """Raise TypeError for a field of the wrong type, ValueError for one out of range or heads that do not divide the
    width."""
    check_heads(config.hidden_size, config.num_attention_heads)
    for name in ("vocab_size", "num_hidden_layers", "intermediate_size", "max_position_embeddings", "type_vocab_size"):
        check_int(getattr(config, name), name, 1)
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
        check_number(getattr(config, name), name, 0, 1)
    for name in ("layer_norm_eps", "initializer_range"):
        check_number(getattr(config, name), name, 0)
    if config.pad_token_id is not None:
        check_int(config.pad_token_id, "pad_token_id", 0, config.vocab_size - 1)


def check_encoder(encoder: nn.Module) -> None:
    """Raise TypeError unless this is an encoder, the course's or a student's, which knows its configuration."""
    if not isinstance(encoder, nn.Module) or not hasattr(encoder, "config"):
        inner = ": give its encoder, model.encoder" if hasattr(encoder, "encoder") else "; an Encoder is needed"
        raise TypeError(f"encoder is {type(encoder).__name__}{inner}.")


def check_classes(num_labels: int | None, label_names: Sequence[str] | None) -> None:
    """Raise TypeError or ValueError unless there are at least two classes, with a name each if names are given."""
    if label_names is not None:
        if not isinstance(label_names, Sequence) or isinstance(label_names, str):
            raise TypeError(f"label_names is {shown(label_names)}; give a list of names, one for each class.")
        for name in label_names:
            check_kind(name, "A name in label_names", str)
        if len(set(label_names)) < len(label_names):
            raise ValueError(f"label_names {shown(label_names)} holds a name twice: classes need different names.")
        if num_labels is not None and num_labels != len(label_names):
            raise ValueError(f"{num_labels} classes, but {len(label_names)} label_names: give one for each.")
    count = len(label_names) if num_labels is None and label_names is not None else num_labels
    if count is not None:
        check_int(count, "num_labels")
        if count < 2:
            raise ValueError(f"num_labels is {count}: with fewer than two classes there is nothing to learn.")


def check_states(hidden: Tensor, width: int | None) -> None:
    """Raise TypeError unless these are floating point, ValueError unless they are (batch, seq, hidden), of this width
    if one is given."""
    check_tensor(hidden, "hidden", "float", dims=("batch", "seq", "hidden"))
    if width is not None and hidden.shape[-1] != width:
        raise ValueError(f"The hidden states have width {hidden.shape[-1]}; this encoder has {width}.")


def check_layers(encoder: Encoder, layers: Sequence[int]) -> list[int]:
    """Return the layers as a list of plain numbers; raise TypeError or ValueError unless the encoder has them all."""
    check_kind(encoder, "encoder", Encoder)
    if not hasattr(layers, "__iter__") or isinstance(layers, str):
        raise TypeError(f"layers is {shown(layers)}; give a list of layers, such as [0, 2, 4].")
    layers = layers.tolist() if hasattr(layers, "tolist") else list(layers)
    for layer in layers:
        check_int(layer, "A layer")
    if not layers or not all(0 <= layer < len(encoder.layers) for layer in layers):
        raise ValueError(f"Layers {layers} cannot be copied; the encoder has 0 … {len(encoder.layers) - 1}.")
    return layers


def check_input(
    config: EncoderConfig,
    input_ids: Tensor,
    attention_mask: Tensor | None,
    token_type_ids: Tensor | None,
    position_ids: Tensor | None,
) -> None:
    """Raise ValueError, in one sentence, for input that an encoder of this configuration cannot read, and TypeError for
    ids that are no tensor of whole numbers."""
    for name, ids in (("input_ids", input_ids), ("token_type_ids", token_type_ids), ("position_ids", position_ids)):
        if ids is not None or name == "input_ids":
            check_tensor(ids, name, "whole")
    if attention_mask is not None:
        check_tensor(attention_mask, "attention_mask")
    if input_ids.dim() != 2 or 0 in input_ids.shape:
        raise ValueError(
            f"input_ids has shape {tuple(input_ids.shape)}; it must be (batch, seq), neither of them empty."
        )
    batch, seq = input_ids.shape
    if seq > config.max_position_embeddings:
        raise ValueError(f"The sequence has {seq} tokens; the encoder has {config.max_position_embeddings} positions.")
    for name, given, fitting in (
        ("attention_mask", attention_mask, ((batch, seq), (batch, seq, seq))),
        ("token_type_ids", token_type_ids, ((batch, seq),)),
        ("position_ids", position_ids, ((batch, seq), (1, seq))),
    ):
        if given is not None and tuple(given.shape) not in fitting:
            raise ValueError(f"{name} has shape {tuple(given.shape)}; input_ids asks for {(batch, seq)}.")
    # Reading values would force a GPU to wait, and its embedding kernel asserts by itself: they are checked on the CPU.
    if input_ids.device.type == "cpu":
        for name, ids, size in (
            ("input_ids", input_ids, config.vocab_size),
            ("token_type_ids", token_type_ids, config.type_vocab_size),
            ("position_ids", position_ids, config.max_position_embeddings),
        ):
            if ids is not None and not 0 <= int(ids.min()) <= int(ids.max()) < size:
                raise ValueError(
                    f"{name} holds {int(ids.min())} … {int(ids.max())}; the encoder knows ids 0 … {size - 1}."
                )


def check_labels(labels: Tensor, num_labels: int, shape: Sequence[int] | None = None, name: str = "labels") -> None:
    """Raise ValueError unless there are labels, of this shape, and all lie in 0 … num_labels - 1; TypeError unless they
    are whole numbers."""
    check_tensor(labels, name, "whole", shape)
    if labels.numel() == 0:
        raise ValueError("There is nothing to learn from: no slot is masked or labelled in this batch.")
    if labels.device.type == "cpu" and not 0 <= int(labels.min()) <= int(labels.max()) < num_labels:
        raise ValueError(
            f"Labels hold {int(labels.min())} … {int(labels.max())}; they must lie in 0 … {num_labels - 1}."
        )


def check_padding(attention_mask: Tensor | None, hidden: Tensor) -> None:
    """Raise ValueError unless the mask says of each position of hidden (batch, seq, hidden) whether it is padding, and
    no row, looked at on the CPU only, is nothing else."""
    if attention_mask is None:
        return
    check_tensor(attention_mask, "attention_mask")
    if attention_mask.shape != hidden.shape[:2]:
        shape, expected = tuple(attention_mask.shape), tuple(hidden.shape[:2])
        raise ValueError(f"To pool, attention_mask must be {expected}, 1 real and 0 padding; its shape is {shape}.")
    if attention_mask.device.type == "cpu":
        if not ((attention_mask == 0) | (attention_mask == 1)).all():
            raise ValueError("attention_mask must hold only 1 (real token) and 0 (padding).")
        if not attention_mask.any(1).all():
            raise ValueError("A row of attention_mask is all padding: there is nothing to pool.")


def check_pooling(pooling: str) -> None:
    """Raise ValueError unless `pooling` is one of `POOLINGS`."""
    if pooling not in POOLINGS:
        raise ValueError(f"Unknown pooling {pooling!r}; choose one of {', '.join(POOLINGS)}.")
