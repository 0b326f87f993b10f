"""Is next-sentence prediction reading? Three kinds of negatives."""

from collections.abc import Sequence
from functools import partial

import torch

from ... import evaluation
from ...corpora import load_documents
from ...device import generator
from ...sentence_pairs import (
    NEGATIVES,
    Pair,
    build_inputs,
    joined,
    make_nsp_pairs,
    make_order_pairs,
    tokenize_documents,
)
from ...tokenization import load_tokenizer
from ...transfer import fine_tuned, right_in_order
from ...weights import load_encoder
from ..study import GPU, Cost, Study, Unit, pretrained_classifier, seconds_per_step


def next_sentence(
    seed: int,
    negatives: str,
    steps: int,
    batch_size: int = 16,
    max_length: int = 128,
    train_layers: int | None = 3,
    learning_rate: float = 3e-4,
    judged: int = 1000,
    device="cpu",
) -> dict:
    """Fine-tune the pretrained encoder for next-sentence prediction on IMDb pairs and judge it, and its baselines.

    negatives: where a false B comes from, one of `sentence_pairs.NEGATIVES`. Pairs to train on are made from train
    reviews, pairs to judge from test reviews, and pairs to choose a recipe by from validation reviews. Where one walk
    through the reviews gives too few pairs, it is walked again, for fresh ones. Returns the score of majority, lengths
    only and word overlap (fitted on the same pairs), of the model, of the model asked for the order of the true pairs
    ("not next" read as swapped), and `validation`, the model's score on the pairs to choose by.
    """
    tokenizer, encoder = load_tokenizer(), load_encoder().to(device)
    made, counts = {}, {"train": steps * batch_size, "validation": judged, "test": judged}
    # The pairs to judge have a seed of their own: all kinds and seeds are set the same reviews.
    for split, draws in (("train", generator(seed)), ("validation", generator(1234)), ("test", generator(1234))):
        documents = tokenize_documents(load_documents("imdb", split)[: counts[split] + 100], tokenizer)
        loose = tokenize_documents(load_documents("rotten_tomatoes", split), tokenizer)
        pairs, options = [], {"negatives": negatives, "corpus": joined(loose, 10)}
        while len(pairs) < counts[split]:
            pairs += make_nsp_pairs(documents, max_length, draws, **options)[0]
        made[split] = [pairs[i] for i in torch.randperm(len(pairs), generator=draws)[: counts[split]]]
    order = make_order_pairs(made["test"], generator(1234))
    train, chosen_by, test, ordered = (nsp_examples(pairs, tokenizer) for pairs in (*made.values(), order))
    model, history = fine_tuned(
        encoder,
        train,
        tokenizer,
        seed=seed,
        epochs=1,
        learning_rate=learning_rate,
        batch_size=batch_size,
        train_layers=train_layers,
        progress=False,
    )
    right = evaluation.nsp_baselines(made["train"], made["test"])
    right["NSP head"] = right_in_order(model, test, tokenizer, device)
    right["order task: NSP head"] = right_in_order(model, ordered, tokenizer, device)
    scores = {name: evaluation.score(found) for name, found in right.items()}
    scores["validation"] = evaluation.score(right_in_order(model, chosen_by, tokenizer, device))
    paired = evaluation.mcnemar(right["NSP head"], right["word overlap"])
    return scores | {"head against overlap": paired, "tokens": history.tokens, "train_loss": history.last_loss()}


def nsp_examples(pairs: Sequence[Pair], tokenizer) -> list[dict]:
    """Return [CLS] A [SEP] B [SEP] rows with `labels`, the pair's label."""
    rows = [build_inputs(pair, tokenizer.cls_token_id, tokenizer.sep_token_id) for pair in pairs]
    return [row | {"labels": row.pop("next_sentence_label")} for row in rows]


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    many = (
        {"steps": 4000, "batch_size": 32, "train_layers": None, "learning_rate": 1e-4} | GPU if full else {"steps": 20}
    )
    sizes = {kind: {"negatives": kind} | many for kind in NEGATIVES}
    sizes["another review, fewer pairs"] = {"negatives": "another review", "steps": 600 if full else 20}
    return {
        f"{name}, seed {seed}": partial(next_sentence, seed=seed, **size)
        for seed in seeds
        for name, size in sizes.items()
    }


TOP_THREE = partial(seconds_per_step, pretrained_classifier, 16, 128, frozen_layers=3)
STUDY = Study(
    title="Is it reading?",
    notebook="04",
    runs=runs,
    details="Three kinds of negatives; and BERT's kind with as many pairs as a CPU can afford",
    cost=Cost(Unit("top three layers, 16 pairs × 128", TOP_THREE)),
)
