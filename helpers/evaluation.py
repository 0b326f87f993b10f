"""Measure honestly: frozen masks, filled blanks, trivial baselines, error bars, paired tests."""

import json
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest, bootstrap
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from .bert import PreTrainingModel, evaluating
from .masking import IGNORE
from .sentence_pairs import Pair

DATA = Path(__file__).parent.parent / "data"

# ---------------------------------------------------------------- masked words


@torch.no_grad()
def evaluate_mlm(model, batches: Sequence[dict[str, Tensor]], mask_token_id: int, device="cpu") -> dict:
    """Score a pre-training model on frozen batches: made once with a seed of their own and used every time.

    batches: dictionaries as `MlmCollator` makes them.
    Returns `loss` (mean over masked slots, nats), `accuracy`, `slots`, and the same two for each `kind` of slot:
    mask, random, kept; with next_sentence_label in the batches also `nsp_accuracy` and `pairs`. The model is put in
    eval mode and back.
    """
    kinds = {kind: [0.0, 0, 0] for kind in ("mask", "random", "kept")}  # loss summed, right, slots
    nsp_right = pairs = 0
    with evaluating(model):
        for batch in batches:
            batch = {key: tensor.to(device) for key, tensor in batch.items()}
            output = model(**batch)
            _check_finite(output.mlm_logits)
            chosen = batch["labels"] != IGNORE
            labels, inputs = batch["labels"][chosen], batch["input_ids"][chosen]
            losses = torch.nn.functional.cross_entropy(output.mlm_logits.float(), labels, reduction="none")
            right = output.mlm_logits.argmax(-1) == labels
            for kind, slots in (
                ("mask", inputs == mask_token_id),
                ("kept", inputs == labels),
                ("random", (inputs != mask_token_id) & (inputs != labels)),
            ):
                kinds[kind][0] += losses[slots].sum().item()
                kinds[kind][1] += int(right[slots].sum())
                kinds[kind][2] += int(slots.sum())
            if "next_sentence_label" in batch:
                nsp_right += int((output.nsp_logits.argmax(-1) == batch["next_sentence_label"]).sum())
                pairs += len(batch["next_sentence_label"])
    total = [sum(column) for column in zip(*kinds.values(), strict=True)]
    result = _summary(*total) | {"kinds": {kind: _summary(*sums) for kind, sums in kinds.items()}}
    return result | ({"nsp_accuracy": nsp_right / pairs, "pairs": pairs} if pairs else {})


def _summary(loss: float, right: int, slots: int) -> dict:
    return {"loss": loss / slots if slots else None, "accuracy": right / slots if slots else None, "slots": slots}


@torch.no_grad()
def fill_mask(model: PreTrainingModel, tokenizer, text: str, top: int = 5) -> list[tuple[str, float]]:
    """Return the likeliest words for the one [MASK] in `text`, each with its probability; the model is put in eval mode
    and back. Raises ValueError unless there is exactly one [MASK]."""
    batch = tokenizer(text, return_tensors="pt").to(model.mlm_head.bias.device)
    place = (batch["input_ids"][0] == tokenizer.mask_token_id).nonzero()
    if len(place) != 1:
        raise ValueError(f"The text has {len(place)} [MASK] tokens; one is needed.")
    with evaluating(model):
        probabilities = model(**batch).mlm_logits[0, place.item()].softmax(-1)
    found = probabilities.topk(top)
    return [(tokenizer.decode([i]), p) for p, i in zip(found.values.tolist(), found.indices.tolist(), strict=True)]


def cloze_sentences(name: str = "cloze_sentences") -> list[dict]:
    """Return the twelve everyday sentences, each with its `text`, which holds one [MASK], and the `accepted` words;
    name "cloze_development": twelve others, to choose settings on."""
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))["sentences"]


def cloze(model: PreTrainingModel, tokenizer, name: str = "cloze_sentences") -> list[dict]:
    """Return, for each of the twelve sentences, the `top` five words, whether the `first` is accepted, and whether one
    of the five is (`right`)."""
    sentences = cloze_sentences(name)
    found = [[word for word, _ in fill_mask(model, tokenizer, s["text"])] for s in sentences]
    return [
        {
            "text": s["text"],
            "top": top,
            "first": top[0] in s["accepted"],
            "right": bool(set(top) & set(s["accepted"])),
        }
        for s, top in zip(sentences, found, strict=True)
    ]


def unigram_baseline(train_ids: Tensor, labels: Tensor, vocab_size: int) -> dict:
    """Score the model that knows word frequencies only, at the targets (labels not -100): the unigram baseline.

    train_ids: int64 (n,), the real tokens of the training text. Frequencies are smoothed by adding one. Returns loss
    (nats) and accuracy.
    """
    counts = torch.bincount(train_ids, minlength=vocab_size).double() + 1
    chosen = labels[labels != IGNORE]
    loss = -(counts / counts.sum()).log()[chosen].mean().item()
    return {"loss": loss, "accuracy": (chosen == counts.argmax()).double().mean().item(), "slots": len(chosen)}


@torch.no_grad()
def right_at_masks(model, batches: Sequence[dict[str, Tensor]], mask_token_id: int) -> np.ndarray:
    """Return one bool per [MASK] slot, in the batches' order, for paired tests: was the likeliest word the hidden one?
    The model is on the CPU and in eval mode."""
    found = []
    for batch in batches:
        chosen = batch["labels"] != IGNORE
        right = model(**batch).mlm_logits.argmax(-1) == batch["labels"][chosen]
        found.append(right[batch["input_ids"][chosen] == mask_token_id].numpy())
    return np.concatenate(found)


def neighbour_guesses(
    train_ids: Tensor, batches: Sequence[dict[str, Tensor]], mask_token_id: int, special_ids: Sequence[int]
) -> np.ndarray:
    """Guess each [MASK] slot from the two tokens beside it; return one bool per slot, in the batches' order.

    train_ids: int64 (n,), the training text in one row, [SEP] between the texts; special_ids, which may stand beside a
    slot but are never guessed. The guess is the token that
    stood most often between the same two in that text; where the two were never seen so, the one most often seen before
    the right neighbour, then after the left one, then the commonest of all.
    """
    ids = train_ids.numpy()
    vocab_size = int(max(ids.max(), *(batch["input_ids"].max() for batch in batches))) + 1
    words = ~np.isin(ids[1:-1], special_ids)
    left, middle, right = (part[words] for part in (ids[:-2], ids[1:-1], ids[2:]))
    tables = [_commonest(keys, middle, vocab_size) for keys in (left * vocab_size + right, right, left)]
    commonest, found = np.bincount(middle).argmax(), []
    for batch in batches:
        input_ids, labels = batch["input_ids"], batch["labels"]
        rows, columns = ((labels != IGNORE) & (input_ids == mask_token_id)).nonzero(as_tuple=True)
        left, right = (input_ids[rows, columns + side].numpy() for side in (-1, 1))
        guess = np.full(len(rows), commonest)
        # The best table comes last and overwrites the others where it knows its key.
        for (keys, words), asked in zip(reversed(tables), (left, right, left * vocab_size + right), strict=True):
            place = np.searchsorted(keys, asked).clip(max=len(keys) - 1)
            guess = np.where(keys[place] == asked, words[place], guess)
        found.append(guess == labels[rows, columns].numpy())
    return np.concatenate(found)


def _commonest(keys: np.ndarray, words: np.ndarray, vocab_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct keys, sorted, and beside each the word that occurs most often with it."""
    both, counts = np.unique(keys * vocab_size + words, return_counts=True)
    order = np.lexsort((counts, both // vocab_size))
    keys, words = both[order] // vocab_size, both[order] % vocab_size
    last = np.append(keys[1:] != keys[:-1], True)
    return keys[last], words[last]


# ---------------------------------------------------------------- next sentence


def nsp_features(pairs: list[Pair]) -> dict[str, np.ndarray]:
    """Return what can be seen without reading: word overlap (Jaccard) and the two lengths, arrays (pairs, features)."""
    overlap = [[len(set(p.tokens_a) & set(p.tokens_b)) / max(1, len(set(p.tokens_a) | set(p.tokens_b)))] for p in pairs]
    lengths = [[len(p.tokens_a), len(p.tokens_b)] for p in pairs]
    return {"overlap": np.array(overlap), "lengths": np.array(lengths, dtype=float)}


def nsp_baselines(train: list[Pair], test: list[Pair]) -> dict[str, np.ndarray]:
    """Return one bool per test pair for majority, length only, and word overlap."""
    y_train, y_test = (np.array([pair.label for pair in pairs]) for pairs in (train, test))
    found = {"majority": y_test == statistics.mode(y_train.tolist())}
    features_train, features_test = nsp_features(train), nsp_features(test)
    for name, key in (("lengths only", "lengths"), ("word overlap", "overlap")):
        classifier = make_pipeline(StandardScaler(), LogisticRegression()).fit(features_train[key], y_train)
        found[name] = classifier.predict(features_test[key]) == y_test
    return found


# ---------------------------------------------------------------- classifiers and error bars


@torch.no_grad()
def predict(model, batches: Sequence[dict[str, Tensor]], device="cpu") -> tuple[Tensor, Tensor]:
    """Return the logits (n, num_labels) and the labels (n,) of a classifier over batches that carry `labels`, in the
    batches' order, on the CPU."""
    logits, labels = [], []
    with evaluating(model):
        for batch in batches:
            inputs = {
                key: tensor.to(device)
                for key, tensor in batch.items()
                if key not in ("labels", "special_tokens_mask", "index")
            }
            logits.append(model(**inputs).logits.float().cpu())
            labels.append(batch["labels"])
    scores = torch.cat(logits)
    _check_finite(scores)
    return scores, torch.cat(labels)


def _check_finite(logits: Tensor) -> None:
    """Raise FloatingPointError for logits that are no numbers: their argmax would still get an accuracy."""
    if not logits.isfinite().all():
        raise FloatingPointError("The model's logits are not finite: look for nan in its weights before scoring it.")


def evaluate_classifier(model, batches: Sequence[dict[str, Tensor]], device="cpu") -> dict:
    """Return loss, accuracy with its 95 % Wilson interval, n, and `right` (bool per text, in the batches' order) for
    paired tests."""
    logits, labels = predict(model, batches, device)
    right = logits.argmax(-1) == labels
    loss = torch.nn.functional.cross_entropy(logits, labels).item()
    return {"loss": loss} | score(right.numpy()) | {"right": right.numpy()}


def score(right: np.ndarray) -> dict:
    """Return accuracy, its 95 % Wilson interval and n, from one bool per text."""
    right = np.asarray(right)
    return {"accuracy": float(right.mean()), "interval": wilson_interval(int(right.sum()), len(right)), "n": len(right)}


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a share (Wilson 1927): it stays in [0, 1] and holds up at the edges. Raises
    ValueError for impossible counts."""
    interval = binomtest(successes, n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar(right_a: np.ndarray, right_b: np.ndarray) -> dict:
    """Compare two classifiers on the same texts (McNemar 1947, exact binomial form).

    right_a, right_b: bool (n,), the same texts in the same order. Only the texts that one gets right and the other
    wrong count. Returns `only_a`, `only_b` and the two-sided `p_value`: how often a fair coin would split them so
    unevenly. Raises ValueError for unequal lengths.
    """
    right_a, right_b = np.asarray(right_a, dtype=bool), np.asarray(right_b, dtype=bool)
    if right_a.shape != right_b.shape:
        raise ValueError(
            f"The two classifiers saw {right_a.shape} and {right_b.shape} texts; a paired test needs the same ones."
        )
    only_a, only_b = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    p_value = float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return {"only_a": only_a, "only_b": only_b, "p_value": p_value}


def bootstrap_interval(values: np.ndarray, groups: Sequence, seed: int = 0) -> tuple[float, float]:
    """Return a 95% interval for the mean of `values` when values of one group, such as all pairs of one review, may be
    alike: whole groups are resampled 2,000 times with replacement (the percentile bootstrap, Efron 1979).

    values: bool or float (n,), for example right or wrong, or the difference of two such arrays; groups: n names or
    numbers, equal ones for values of one group. Raises ValueError for unequal lengths, or for fewer than two groups.
    """
    values, (_, members) = np.asarray(values, dtype=float), np.unique(np.asarray(groups), return_inverse=True)
    if values.shape != members.shape:
        raise ValueError(f"There are {len(values)} values and {len(members)} groups; give each value its group.")
    if len(values) == 0 or members.max() < 1:
        raise ValueError("All values are in one group: resampling groups needs at least two of them.")
    sums, counts = np.bincount(members, weights=values), np.bincount(members)
    draws = np.random.default_rng(seed).integers(len(sums), size=(2000, len(sums)))
    low, high = np.quantile(sums[draws].sum(1) / counts[draws].sum(1), (0.025, 0.975))
    return float(low), float(high)


def bootstrap_ratio(right_a: np.ndarray, right_b: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Return a 95 % interval for accuracy a / accuracy b on the same texts: the texts are resampled 2,000 times with
    replacement (the percentile bootstrap, Efron 1979). Raises ValueError if b is never right: there is no ratio."""
    if not np.any(right_b):
        raise ValueError("The second model is never right, so there is no ratio of accuracies.")
    found = bootstrap(
        (np.asarray(right_a, dtype=float), np.asarray(right_b, dtype=float)),
        lambda a, b, axis: a.mean(axis) / b.mean(axis),
        paired=True,
        n_resamples=2000,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


# ---------------------------------------------------------------- retrieval


def ranks(similarity: Tensor) -> Tensor:
    """Return the rank of each query's right candidate, 1 for the best, int64 (queries,).

    similarity: float (queries, candidates), where candidate i is the right one for query i. A tie counts against it:
    vectors that are all alike must find nothing. Raises ValueError for fewer candidates than queries, or scores that
    are not finite.
    """
    if similarity.dim() != 2 or similarity.shape[1] < similarity.shape[0]:
        raise ValueError(f"similarity is {tuple(similarity.shape)}; it must have a candidate for each query.")
    if not similarity.isfinite().all():
        raise ValueError("similarity holds numbers that are not finite: is one of the vectors zero?")
    return (similarity >= similarity.diagonal()[:, None]).sum(1)


# ---------------------------------------------------------------- calibration


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """Return the temperature T for which softmax(logits / T) has the lowest mean loss, between 0.05 and 20 (Guo et al.
    2017, section 4.2).

    logits: float (n, classes), of examples that the model was not trained on; labels: int64 (n,). Above 1 the model was
    too sure of itself. Dividing changes no prediction. Raises ValueError for no example, or a label for each that does
    not fit.
    """
    if logits.dim() != 2 or len(logits) == 0 or labels.shape != logits.shape[:1]:
        raise ValueError(
            f"Logits {tuple(logits.shape)} and labels {tuple(labels.shape)} must be (n, classes) and (n,)."
        )
    scores = logits.double()

    def loss(log_temperature: float) -> float:
        return torch.nn.functional.cross_entropy(scores / math.exp(log_temperature), labels).item()

    found = minimize_scalar(loss, bounds=(math.log(0.05), math.log(20)), method="bounded", options={"xatol": 1e-6})
    return math.exp(found.x)


def reliability(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> list[dict]:
    """Sort predictions by confidence into bins of equal width over (0, 1] (Guo et al. 2017, section 2).

    confidence: float (n,), the probability of the predicted class; right: bool (n,). Returns, for each bin that is not
    empty, `low` and `high` (which belongs to the bin), mean `confidence`, `accuracy`, and `n`. Raises ValueError for
    unequal lengths, no prediction, or a confidence outside (0, 1].
    """
    confidence, right = np.asarray(confidence, dtype=float), np.asarray(right, dtype=bool)
    if confidence.shape != right.shape or confidence.size == 0:
        raise ValueError(f"Confidence {confidence.shape} and right {right.shape} must be equally long, and not empty.")
    if not ((confidence > 0) & (confidence <= 1)).all():
        raise ValueError("A confidence is a probability: it must be above 0 and at most 1.")
    edges = np.linspace(0, 1, bins + 1)
    places = np.searchsorted(edges, confidence) - 1
    return [
        {
            "low": float(edges[i]),
            "high": float(edges[i + 1]),
            "confidence": float(confidence[places == i].mean()),
            "accuracy": float(right[places == i].mean()),
            "n": int((places == i).sum()),
        }
        for i in np.unique(places)
    ]


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Return the mean gap between confidence and accuracy over the bins of `reliability`, each weighted by its n (Guo
    et al. 2017, equation 3). Arguments and errors are those of `reliability`."""
    found = reliability(confidence, right, bins)
    return sum(part["n"] * abs(part["accuracy"] - part["confidence"]) for part in found) / len(confidence)
