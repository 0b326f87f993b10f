"""Half a review as the query: which vectors find its other half among 1,000, before and after fine-tuning?"""

import random
import re
import statistics
from functools import partial

import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from torch import Tensor
from torch.nn import functional as F

from ... import evaluation
from ...bert import Encoder
from ...corpora import Review, load_reviews
from ...results import percent
from ...sentence_pairs import halves, split_sentences
from ...tokenization import encode, load_tokenizer
from ...transfer import classification_examples, fine_tuned, probe, right_in_order, text_vectors
from ...weights import load_encoder
from ..study import ALL_LAYERS, Cost, Study

POOLINGS = ("cls", "mean")
THROUGH_MEAN, SHUFFLED = "after, through the mean", "after, shuffled labels"
WORD = re.compile(r"[^\W\d_][\w'’]*")


def pairs_of_halves(seed: int, reviews: int) -> list[tuple[str, str]]:
    """Return the halves of so many reviews of IMDb's test split, chosen by the seed."""
    texts = [r.text for r in load_reviews("imdb", "test") if len(split_sentences(r.text)) > 1]
    return [halves(text) for text in random.Random(seed).sample(texts, reviews)]


def without_names(text: str, seed: int) -> tuple[str, str]:
    """Return a text without its capitalized words, which most names are, and without as many other words, chosen by the
    seed (all of them, if there are fewer)."""
    words = [(match.span(), match[0][0].isupper()) for match in WORD.finditer(text)]
    names, others = ([span for span, upper in words if upper is kind] for kind in (True, False))
    chosen = random.Random(seed).sample(others, min(len(names), len(others)))
    return cut_out(text, names), cut_out(text, chosen)


def cut_out(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + text[end:]
    return " ".join(text.split())


def found(similarity: Tensor) -> dict:
    """Return hit@1 as a score with its interval, and the mean reciprocal rank; candidate i is right for query i."""
    ranks = evaluation.ranks(similarity, torch.arange(len(similarity)))
    return evaluation.score((ranks == 1).numpy()) | {"mrr": (1 / ranks).mean().item()}


def by_vectors(encoder: Encoder, pairs: list[tuple[str, str]], tokenizer, max_length: int) -> dict[str, dict]:
    """Retrieve by the cosine of the last layer's vectors, for each pooling."""
    sides = []
    for texts in zip(*pairs, strict=True):
        examples = encode(tokenizer, list(texts), max_length, truncate=True)
        sides.append(text_vectors(encoder, examples, tokenizer, POOLINGS))
    queries, candidates = sides
    units = {
        p: [F.normalize(torch.from_numpy(side[-1, p]), dim=-1) for side in (queries, candidates)] for p in POOLINGS
    }
    return {pooling: found(query @ candidate.T) for pooling, (query, candidate) in units.items()}


def by_words(pairs: list[tuple[str, str]]) -> dict:
    """Retrieve by the cosine of TF-IDF vectors over words, fitted on the candidates."""
    queries, candidates = zip(*pairs, strict=True)
    vectorizer = TfidfVectorizer(sublinear_tf=True).fit(candidates)
    similarity = vectorizer.transform(queries) @ vectorizer.transform(candidates).T
    return found(torch.from_numpy(similarity.toarray()))


def by_probe(encoder: Encoder, learn_from: list[Review], test: list[Review], tokenizer) -> dict[str, dict]:
    """Read the sentiment from the last layer's vectors with a linear probe, for each pooling."""
    vectors = [
        text_vectors(encoder, classification_examples(rows, tokenizer), tokenizer, POOLINGS)
        for rows in (learn_from, test)
    ]
    labels = [[review.label for review in rows] for rows in (learn_from, test)]
    return {p: evaluation.score(probe(vectors[0][-1, p], labels[0], vectors[1][-1, p], labels[1])) for p in POOLINGS}


def with_shuffled_labels(examples: list[dict], seed: int) -> list[dict]:
    """Return the same examples, with the same labels in an order chosen by the seed: they say nothing any more."""
    labels = [example["labels"] for example in examples]
    random.Random(seed).shuffle(labels)
    return [example | {"labels": label} for example, label in zip(examples, labels, strict=True)]


def retrieval(
    seed: int, reviews: int, tune: int, probed: int, judged: int | None, max_length: int, learning_rate: float
) -> dict:
    """Rank all second halves for each first half by cosine, with the vectors before and after fine-tuning for
    sentiment; beside it, the accuracy of a probe for sentiment on the same vectors, and of the fine-tuned classifier.

    reviews: how many are cut, of IMDb's test split. tune, probed: so many Rotten Tomatoes train sentences to fine-tune
    on for one epoch, and so many others for the probe. judged: test sentences for the probe (None: all). TF-IDF is
    fitted on the candidates. `after` fine-tunes through [CLS], `after, through the mean` through the mean, and `after,
    shuffled labels` is the control: through [CLS] as well, but from labels that say nothing. `without capitalized
    words` and `without as many others` repeat the search before fine-tuning with words taken out of both halves.
    """
    tokenizer, before = load_tokenizer(), load_encoder()
    train, test = load_reviews("rotten_tomatoes", "train"), load_reviews("rotten_tomatoes", "test")[:judged]
    examples, tested = (classification_examples(rows, tokenizer) for rows in (train[:tune], test))
    learn_from, pairs = train[tune : tune + probed], pairs_of_halves(seed, reviews)

    def measured(encoder: Encoder, when: str) -> dict:
        return {
            when: by_vectors(encoder, pairs, tokenizer, max_length),
            f"sentiment {when}": by_probe(encoder, learn_from, test, tokenizer),
        }

    results = measured(before, "before") | {"TF-IDF": by_words(pairs)}
    for when, (rows, pooling) in {
        "after": (examples, "pooler"),
        THROUGH_MEAN: (examples, "mean"),
        SHUFFLED: (with_shuffled_labels(examples, seed), "pooler"),
    }.items():
        model, _ = fine_tuned(
            before, rows, tokenizer, seed=seed, epochs=1, learning_rate=learning_rate, pooling=pooling, progress=False
        )
        right = right_in_order(model, tested, tokenizer)
        results |= measured(model.encoder, when) | {f"classifier {when}": evaluation.score(right)}

    cut = [[without_names(half, seed) for half in pair] for pair in pairs]
    for name, version in (("without capitalized words", 0), ("without as many others", 1)):
        changed = [(a[version], b[version]) for a, b in cut]
        results[name] = by_vectors(before, changed, tokenizer, max_length) | {"TF-IDF": by_words(changed)}
    return results


def table(record: dict) -> list[dict]:
    """Return a row for each way to compare two halves: hit@1 and MRR over the seeds, and what a probe reads."""
    measured = [run["measured"] for run in record["arms"].values()]
    times = ("before", "after", THROUGH_MEAN, SHUFFLED)
    ways = {f"{p}, {when}": (when, p) for when in times for p in POOLINGS} | {"TF-IDF": ("TF-IDF", None)}
    rows = []
    for name, (when, pooling) in ways.items():
        hits = [m[when][pooling] if pooling else m[when] for m in measured]
        sentiment = [m[f"sentiment {when}"][pooling]["accuracy"] for m in measured] if pooling else None
        rows.append(
            {
                "vectors": name,
                "accuracy": percent(statistics.mean(h["accuracy"] for h in hits)),
                "around": f"{100 * min(h['accuracy'] for h in hits):.1f}–{100 * max(h['accuracy'] for h in hits):.1f}%",
                "MRR": f"{statistics.mean(h['mrr'] for h in hits):.3f}",
                "sentiment": percent(statistics.mean(sentiment)) if sentiment else "",
                "n": hits[0]["n"],
                "runs": len(hits),
            }
        )
    return rows


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    size = {"reviews": 1000, "tune": 5000, "probed": 1700, "judged": None, "max_length": 512}
    if not full:
        size = {"reviews": 20, "tune": 64, "probed": 40, "judged": 40, "max_length": 64}
    return {f"seed {seed}": partial(retrieval, seed=seed, **size, learning_rate=1e-4) for seed in seeds}


# Three times 5,000 sentences make 471 steps; encoding 12,000 halves costs about as much as 600 more.
STUDY = Study(
    title="Half a review as the query: which vectors find its other half among 1,000?",
    notebook="07",
    runs=runs,
    details="hit@1 over 1,000 IMDb reviews, cut in two, before and after fine-tuning for sentiment, through [CLS], "
    "through the mean, and from shuffled labels; beside it, what a probe reads of the sentiment",
    cost=Cost(ALL_LAYERS, 1100),
    table=table,
)
