"""Fine-tuned to search, through [CLS] or through the mean: by which of the two does MiniLM then search better?"""

import random
import statistics
from functools import partial

import torch
from torch.nn import functional as F

from ... import evaluation, training
from ...batching import pad
from ...bert import Encoder, pool
from ...corpora import load_documents, load_reviews, load_searches
from ...results import percent
from ...sentence_pairs import halves, split_sentences
from ...tokenization import encode, load_tokenizer
from ...transfer import text_vectors
from ...weights import load_encoder
from ..study import ALL_LAYERS, Cost, Study
from .retrieval import POOLINGS, by_vectors, pairs_of_halves

NAMES = {"before": None, "through [CLS]": "cls", "through the mean": "mean"}


def training_pairs(seed: int, count: int) -> list[tuple[str, str]]:
    """Return the halves of so many reviews of IMDb's train split, chosen by the seed."""
    texts = [r.text for r in load_reviews("imdb", "train") if len(split_sentences(r.text)) > 1]
    return [halves(text) for text in random.Random(seed).sample(texts, count)]


def contrastive_loss(queries: torch.Tensor, candidates: torch.Tensor, temperature: float = 0.05) -> torch.Tensor:
    """Return the mean cross-entropy of choosing, by cosine / temperature, each query's own candidate among all in the
    batch, and each candidate's own query (in-batch negatives: Henderson et al. 2017, section 4).

    queries, candidates: float (pairs, hidden); row i of both belongs together.
    """
    cosines = F.normalize(queries, dim=-1) @ F.normalize(candidates, dim=-1).T
    own = torch.arange(len(cosines))
    return (F.cross_entropy(cosines / temperature, own) + F.cross_entropy(cosines.T / temperature, own)) / 2


def trained(encoder: Encoder, pairs: list[tuple[str, str]], tokenizer, pooling: str, seed: int, **settings) -> Encoder:
    """Train the encoder, in place, to bring the two halves of a review together through one pooling.

    settings: batch_size, in pairs; max_length, in tokens; learning_rate, after a warm-up over a tenth of the steps.
    """
    batch_size, rate = settings["batch_size"], settings["learning_rate"]
    torch.manual_seed(seed)  # for dropout
    optimizer, steps = training.make_optimizer(encoder.train(), rate), len(pairs) // batch_size
    for step in range(steps):
        training.set_learning_rate(optimizer, rate * training.warmup_then_decay(step, steps, warmup=steps // 10))
        sides = []
        for texts in zip(*pairs[step * batch_size : (step + 1) * batch_size], strict=True):
            batch = pad(encode(tokenizer, list(texts), settings["max_length"], truncate=True), tokenizer.pad_token_id)
            hidden = encoder(batch["input_ids"], batch["attention_mask"]).last_hidden_state
            sides.append(pool(hidden, batch["attention_mask"], pooling))
        loss = contrastive_loss(*sides)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return encoder.eval()


def in_other_words(encoder: Encoder, tokenizer) -> dict[str, int]:
    """Return for each pooling how many of the queries in `data/searches.json` have their sentence among the first
    ten."""
    sentences, searches = load_documents("rotten_tomatoes", "test"), load_searches()
    right = torch.tensor(
        [[sentence.startswith(start) for sentence in sentences].index(True) for start in searches.values()]
    )
    vectors = [
        text_vectors(encoder, encode(tokenizer, texts, 512, truncate=True), tokenizer, POOLINGS)
        for texts in (list(searches), sentences)
    ]
    found = {}
    for p in POOLINGS:
        queries, candidates = (F.normalize(torch.from_numpy(side[-1, p]), dim=-1) for side in vectors)
        found[p] = int((evaluation.ranks(queries @ candidates.T, right) <= 10).sum())
    return found


def search_training(seed: int, reviews: int, pairs: int, through: str | None, test_length: int, **settings) -> dict:
    """Train MiniLM to match the halves of reviews through [CLS] or through the mean; return how it then searches by
    both.

    reviews: how many of IMDb's test split are searched, the same as in the study `retrieval`. pairs: so many reviews of
    the train split to learn from, once each. through: "cls", "mean", or None, for no training. test_length: tokens of a
    half in the search. `in other words` counts the queries of `data/searches.json` whose sentence is among the first
    ten.
    """
    tokenizer, encoder = load_tokenizer(), load_encoder().eval()
    if through:
        encoder = trained(encoder, training_pairs(seed, pairs), tokenizer, through, seed, **settings)
    return {
        "other half": by_vectors(encoder, pairs_of_halves(seed, reviews), tokenizer, test_length),
        "in other words": in_other_words(encoder, tokenizer),
    }


def table(record: dict) -> list[dict]:
    """Return a row for each training and each vector: hit@1 and MRR over the seeds, and the searches in other words."""
    rows = []
    for name in NAMES:
        runs = [run["measured"] for arm, run in record["arms"].items() if arm.startswith(f"{name}, seed ")]
        for p in POOLINGS if runs else ():
            hits = [run["other half"][p] for run in runs]
            shares = [100 * hit["accuracy"] for hit in hits]
            rows.append(
                {
                    "vectors": f"{p}, {name}",
                    "accuracy": percent(statistics.mean(shares) / 100),
                    "around": f"{min(shares):.1f}–{max(shares):.1f}%",
                    "MRR": f"{statistics.mean(hit['mrr'] for hit in hits):.3f}",
                    "of 20 in other words": f"{statistics.mean(run['in other words'][p] for run in runs):.1f}",
                    "n": hits[0]["n"],
                    "runs": len(hits),
                }
            )
    return rows


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    sizes = {"reviews": 1000, "pairs": 3840, "max_length": 64, "test_length": 512, "batch_size": 32}
    if not full:
        sizes = {"reviews": 20, "pairs": 16, "max_length": 32, "test_length": 64, "batch_size": 8}
    return {
        f"{name}, seed {seed}": partial(search_training, seed=seed, through=pooling, learning_rate=5e-5, **sizes)
        for seed in seeds
        for name, pooling in NAMES.items()
    }


# 120 steps of 64 halves, and 2,890 texts to encode, which costs about as much as 150 steps more.
STUDY = Study(
    title="Fine-tuned to search: through [CLS], or through the mean?",
    notebook="07",
    runs=runs,
    details="hit@1 over 1,000 IMDb reviews, cut in two, before and after MiniLM learned to match 3,840 other pairs of "
    "halves through one of the two vectors",
    cost=Cost(ALL_LAYERS, 400),
    table=table,
)
