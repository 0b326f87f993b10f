"""The masked-word head for the pretrained encoder, minilm-mlm: how it is trained, and what dropout does to it."""

from dataclasses import asdict, dataclass
from functools import partial

import torch

from ... import evaluation, training
from ...batching import all_tokens, frozen_windows, window_batches
from ...bert import PreTrainingModel
from ...corpora import load_documents
from ...device import generator
from ...sentence_pairs import tokenize_documents
from ...tokenization import load_tokenizer
from ...weights import CHECKPOINTS, load_encoder, save_trained
from ..study import GPU, Cost, Study, Unit, seconds_per_step
from ..tiny import summary


@dataclass(frozen=True)
class HeadSettings:
    """All that shapes the training of the head. trained_layers: so many of the encoder's, from the top, are trained
    too. dropout: keep the encoder's own. documents: reviews to read (None: all)."""

    steps: int
    seed: int = 0
    learning_rate: float = 1e-3
    mask_probability: float = 0.3
    trained_layers: int = 3
    max_length: int = 128
    batch_size: int = 16
    dropout: bool = False
    evaluations: int = 8
    documents: int | None = None
    device: str = "cpu"


def train_minilm_mlm(**settings) -> tuple[PreTrainingModel, dict]:
    """Train a masked-word head and the encoder's top layers on IMDb train reviews; return the model and what was
    measured. settings: the fields of `HeadSettings`.

    All below the top layers is frozen, the word embeddings, which the head uses again, among it. The head's bias starts
    at the logarithm of the words' frequencies: no step is spent on which words are common. Rows are windows of one
    review, no pairs. The `curve` is measured on 60 validation reviews, `test` on 300 test reviews, 15 % masked once and
    for all.
    """
    s = HeadSettings(**settings)
    torch.manual_seed(s.seed)
    tokenizer, model = load_tokenizer(), PreTrainingModel(load_encoder())
    train = tokenize_documents(load_documents("imdb", "train")[: s.documents], tokenizer)
    encoder = model.encoder
    lower = encoder.layers[: len(encoder.layers) - s.trained_layers]
    for part in (encoder.embeddings, *lower, encoder.pooler, model.nsp_head):
        training.freeze(part)
    counts = torch.bincount(all_tokens(train), minlength=encoder.config.vocab_size) + 1
    model.mlm_head.bias.data = (counts / counts.sum()).log()
    if not s.dropout:
        training.without_dropout(model)
    model.to(s.device)
    curve = frozen_windows(tokenizer, 60, s.max_length)
    data, every = load_documents("imdb", "train")[: s.documents], max(50, s.steps // 100)
    run = training.Run("minilm-mlm", asdict(s), data=data, every=every)
    history = training.pretrain(
        model,
        window_batches(train, tokenizer, s.max_length, s.batch_size, mask_probability=s.mask_probability),
        steps=s.steps,
        learning_rate=s.learning_rate,
        generator=generator(s.seed),
        optimization=training.Optimization(warmup_fraction=0.05),
        evaluate=lambda model: evaluation.evaluate_mlm(model, curve, tokenizer.mask_token_id, s.device),
        evaluate_every=max(1, s.steps // s.evaluations),
        run=run,
        progress=False,
    )
    test = frozen_windows(tokenizer, 300, s.max_length, split="test")
    measured = {"test": evaluation.evaluate_mlm(model, test, tokenizer.mask_token_id, s.device)}
    run.remove()
    return model.eval(), summary(history, asdict(s)) | measured


def masked_word_head(**settings) -> dict:
    """Train a masked-word head on the pretrained encoder; return what was measured."""
    return train_minilm_mlm(**settings)[1]


def ship_minilm_mlm(seed: int, **settings) -> dict:
    """Train, store the first seed's model as data/checkpoints/minilm-mlm, and return what was measured."""
    model, measured = train_minilm_mlm(seed=seed, **settings)
    if seed == 0:
        save_trained(model, CHECKPOINTS / "minilm-mlm")
    return measured


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    small = {"steps": 6000 if full else 10, "batch_size": 8}
    large = {"steps": 13000, "batch_size": 64, "mask_probability": 0.3, "learning_rate": 1e-3, "evaluations": 10} | GPU
    found = {}
    for seed in seeds:
        if full:
            found[f"seed {seed}"] = partial(ship_minilm_mlm, seed=seed, **large)
            found[f"with dropout, seed {seed}"] = partial(masked_word_head, seed=seed, **large, dropout=True)
        found[f"on a CPU, seed {seed}"] = partial(masked_word_head, seed=seed, **small)
    return found


def pretrained_with_head() -> PreTrainingModel:
    return PreTrainingModel(load_encoder())


HEAD = partial(seconds_per_step, pretrained_with_head, 8, 96, masked=0.3, frozen_layers=3)
STUDY = Study(
    title="The masked-word head for the pretrained encoder, what dropout does to it, and a shorter run for a CPU",
    notebook="03",
    runs=runs,
    details="At the full budget the first seed's is shipped",
    seeds=1,
    cost=Cost(Unit("masked-word head, 8 × 96", HEAD)),
)
