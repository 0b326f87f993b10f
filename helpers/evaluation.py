"""Measure honestly: frozen masks, filled blanks, trivial baselines, error bars, paired tests."""

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest, bootstrap
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from .bert import PreTrainingModel, check_labels, evaluating
from .device import check_int, check_kind, check_list, check_number, check_tensor, check_text, shown
from .masking import IGNORE
from .results import read_json
from .sentence_pairs import Pair
from .tokenization import check_tokenizer

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
    check_int(mask_token_id, "mask_token_id", 0)
    kinds = {kind: [0.0, 0, 0] for kind in ("mask", "random", "kept")}  # loss summed, right, slots
    nsp_right = pairs = 0
    with evaluating(model):
        for batch in check_batches(batches, "labels"):
            batch = {key: tensor.to(device) for key, tensor in batch.items() if key != "special_tokens_mask"}
            batch["labels"] = batch["labels"].long()
            output = model(**batch)
            _check_finite(_answer(output, "mlm_logits"))
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
    and back. Raises ValueError unless there is exactly one [MASK], and TypeError for what is no text, or a model
    without a masked-word head."""
    check_blank(model, tokenizer, text, top)
    batch = tokenizer(text, return_tensors="pt", verbose=False).to(model.mlm_head.bias.device)
    place = (batch["input_ids"][0] == tokenizer.mask_token_id).nonzero()
    if len(place) != 1:
        raise ValueError(f"The text has {len(place)} [MASK] tokens; one is needed.")
    with evaluating(model):
        logits = model(**batch).mlm_logits[0, place.item()]
    _check_finite(logits)
    probabilities = logits.softmax(-1)
    found = probabilities.topk(top)
    return [(tokenizer.decode([i]), p) for p, i in zip(found.values.tolist(), found.indices.tolist(), strict=True)]


def cloze_sentences(name: str = "cloze_sentences") -> list[dict]:
    """Return the twelve everyday sentences, each with its `text`, which holds one [MASK], and the `accepted` words;
    name "cloze_development": twelve others, to choose settings on."""
    if not isinstance(name, str) or not (DATA / f"{name}.json").is_file():
        raise ValueError(f"There are no sentences {name!r:.40}; choose cloze_sentences or cloze_development.")
    return read_json(DATA / f"{name}.json")["sentences"]


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
    check_int(vocab_size, "vocab_size", 1)
    check_tensor(train_ids, "train_ids", "whole", dims=("n",))
    check_tensor(labels, "labels", "whole")
    for name, ids in (("train_ids", train_ids), ("labels", labels[labels != IGNORE])):
        if not len(ids) or not 0 <= int(ids.min()) <= int(ids.max()) < vocab_size:
            raise ValueError(f"{name} must hold at least one id, and ids 0 … {vocab_size - 1} alone.")
    counts = torch.bincount(train_ids, minlength=vocab_size).double() + 1
    chosen = labels[labels != IGNORE]
    loss = -(counts / counts.sum()).log()[chosen].mean().item()
    return {"loss": loss, "accuracy": (chosen == counts.argmax()).double().mean().item(), "slots": len(chosen)}


@torch.no_grad()
def right_at_masks(model, batches: Sequence[dict[str, Tensor]], mask_token_id: int) -> np.ndarray:
    """Return one bool per [MASK] slot, in the batches' order, for paired tests: was the likeliest word the hidden one?
    The model is on the CPU; it is put in eval mode and back."""
    check_int(mask_token_id, "mask_token_id", 0)
    found = []
    with evaluating(model):
        for batch in check_batches(batches, "labels"):
            chosen = batch["labels"] != IGNORE
            logits = model(**batch).mlm_logits
            _check_finite(logits)
            right = logits.argmax(-1) == batch["labels"][chosen]
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
    check_int(mask_token_id, "mask_token_id", 0)
    check_tensor(train_ids, "train_ids", "whole", dims=("n",))
    if len(train_ids) < 3:
        raise ValueError(f"train_ids holds {len(train_ids)} tokens; a token between two others needs three.")
    batches = [*check_batches(batches, "labels")]
    ids = train_ids.numpy()
    vocab_size = int(max([ids.max(), *(batch["input_ids"].max() for batch in batches)])) + 1
    words = ~np.isin(ids[1:-1], special_ids)
    left, middle, right = (part[words] for part in (ids[:-2], ids[1:-1], ids[2:]))
    tables = [_commonest(keys, middle, vocab_size) for keys in (left * vocab_size + right, right, left)]
    commonest, found = np.bincount(middle).argmax(), []
    for batch in batches:
        input_ids, labels = batch["input_ids"], batch["labels"]
        rows, columns = ((labels != IGNORE) & (input_ids == mask_token_id)).nonzero(as_tuple=True)
        if len(columns) and not 0 < int(columns.min()) <= int(columns.max()) < input_ids.shape[1] - 1:
            raise ValueError("A [MASK] stands at the end of its row: it has no neighbor there to guess from.")
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
    check_pairs(pairs, "pairs")
    overlap = [[len(set(p.tokens_a) & set(p.tokens_b)) / max(1, len(set(p.tokens_a) | set(p.tokens_b)))] for p in pairs]
    lengths = [[len(p.tokens_a), len(p.tokens_b)] for p in pairs]
    return {"overlap": np.array(overlap), "lengths": np.array(lengths, dtype=float)}


def nsp_baselines(train: list[Pair], test: list[Pair]) -> dict[str, np.ndarray]:
    """Return one bool per test pair for majority, length only, and word overlap."""
    check_pairs(train, "train")
    check_pairs(test, "test")
    if len({pair.label for pair in train}) < 2:
        raise ValueError(
            "All training pairs have one label: a baseline needs both, B that follows and B that does not."
        )
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
        for batch in check_batches(batches, "labels"):
            check_tensor(batch["labels"], "labels", "whole", batch["input_ids"].shape[:1])
            inputs = {
                key: tensor.to(device)
                for key, tensor in batch.items()
                if key not in ("labels", "special_tokens_mask", "index")
            }
            logits.append(_answer(model(**inputs), "logits").float().cpu())
            labels.append(batch["labels"].long().cpu())
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
    check_labels(labels, logits.shape[-1])
    right = logits.argmax(-1) == labels
    loss = torch.nn.functional.cross_entropy(logits, labels).item()
    return {"loss": loss} | score(right.numpy()) | {"right": right.numpy()}


def score(right: np.ndarray) -> dict:
    """Return accuracy, its 95 % Wilson interval and n, from one bool per text."""
    right = check_right(right)
    return {"accuracy": float(right.mean()), "interval": wilson_interval(int(right.sum()), len(right)), "n": len(right)}


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a share (Wilson 1927): it stays in [0, 1] and holds up at the edges. Raises
    ValueError for impossible counts."""
    check_int(n, "n")
    if n < 1:
        raise ValueError(f"n is {n}; the number of trials must be not less than 1.")
    check_int(successes, "successes", 0)
    check_number(confidence, "confidence")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it must lie between 0 and 1, as 0.95 does.")
    if successes > n:
        raise ValueError(f"There are {successes} successes, which must not be greater than n, the {n} trials.")
    interval = binomtest(successes, n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar(right_a: np.ndarray, right_b: np.ndarray) -> dict:
    """Compare two classifiers on the same texts (McNemar 1947, exact binomial form).

    right_a, right_b: bool (n,), the same texts in the same order. Only the texts that one gets right and the other
    wrong count. Returns `only_a`, `only_b` and the two-sided `p_value`: how often a fair coin would split them so
    unevenly. Raises ValueError for unequal lengths.
    """
    right_a, right_b = check_right(right_a, "right_a"), check_right(right_b, "right_b")
    if right_a.shape != right_b.shape:
        raise ValueError(
            f"The two classifiers saw {right_a.shape} and {right_b.shape} texts; a paired test needs the same ones."
        )
    only_a, only_b = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    p_value = float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return {"only_a": only_a, "only_b": only_b, "p_value": p_value}


def sign_test(a: np.ndarray, b: np.ndarray) -> dict:
    """Compare two lists of numbers pair by pair, such as ranks in two searches (the sign test, exact binomial form).

    a, b: (n,), for the same things in the same order. Returns `lower_a` and `lower_b`, how often each has the lower
    number, and the two-sided `p_value`: how often a fair coin would split these pairs so unevenly. Ties don't count.
    Raises ValueError for unequal lengths.
    """
    a, b = check_values(a, "a"), check_values(b, "b")
    if a.shape != b.shape:
        raise ValueError(f"There are {len(a)} numbers in a and {len(b)} in b; a paired test needs as many.")
    found = mcnemar(a < b, b < a)
    return {"lower_a": found["only_a"], "lower_b": found["only_b"], "p_value": found["p_value"]}


def bootstrap_interval(values: np.ndarray, groups: Sequence, seed: int = 0) -> tuple[float, float]:
    """Return a 95% interval for the mean of `values` when values of one group, such as all pairs of one review, may be
    alike: whole groups are resampled 2,000 times with replacement (the percentile bootstrap, Efron 1979).

    values: bool or float (n,), for example right or wrong, or the difference of two such arrays; groups: n names or
    numbers, equal ones for values of one group. Raises ValueError for unequal lengths, or for fewer than two groups.
    """
    check_int(seed, "seed", 0)
    values, members = check_values(values, "values"), check_groups(groups)
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
    check_int(seed, "seed", 0)
    right_a, right_b = check_right(right_a, "right_a"), check_right(right_b, "right_b")
    if right_a.shape != right_b.shape or len(right_a) < 2:
        raise ValueError(
            f"A ratio needs the same two or more texts for both models, not {len(right_a)}, {len(right_b)}."
        )
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


def ranks(similarity: Tensor, right: Tensor) -> Tensor:
    """Return the rank of each query's right candidate, 1 for the best, int64 (queries,).

    similarity: float (queries, candidates). right: int64 (queries,), the number of each query's right candidate. A tie
    counts against it: vectors that are all alike must find nothing. Raises ValueError for a query without a candidate,
    or scores that are not finite.
    """
    similarity, right = (torch.as_tensor(x) if isinstance(x, np.ndarray) else x for x in (similarity, right))
    check_tensor(similarity, "similarity", "float")
    check_tensor(right, "right", "whole")
    if similarity.dim() != 2 or not len(similarity) or right.shape != similarity.shape[:1]:
        raise ValueError(
            f"similarity {tuple(similarity.shape)} and right {tuple(right.shape)} must be (queries, candidates) and "
            "(queries,)."
        )
    if right.min() < 0 or right.max() >= similarity.shape[1]:
        raise ValueError(f"right has numbers outside of 0 to {similarity.shape[1] - 1}, the candidates.")
    if not similarity.isfinite().all():
        raise ValueError("similarity holds numbers that are not finite: is one of the vectors zero?")
    return (similarity >= similarity.gather(1, right[:, None].long())).sum(1)


# ---------------------------------------------------------------- calibration


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """Return the temperature T for which softmax(logits / T) has the lowest mean loss, between 0.05 and 20 (Guo et al.
    2017, section 4.2).

    logits: float (n, classes), of examples that the model was not trained on; labels: int64 (n,). Above 1 the model was
    too sure of itself. Dividing changes no prediction. Raises ValueError for no example, or a label for each that does
    not fit.
    """
    logits, labels = (torch.as_tensor(x) if isinstance(x, np.ndarray) else x for x in (logits, labels))
    check_tensor(logits, "logits", "float")
    check_tensor(labels, "labels", "whole")
    if logits.dim() != 2 or len(logits) == 0 or labels.shape != logits.shape[:1]:
        raise ValueError(
            f"Logits {tuple(logits.shape)} and labels {tuple(labels.shape)} must be (n, classes) and (n,)."
        )
    if logits.shape[1] < 2:
        raise ValueError("The logits have one class: there is no confidence to calibrate.")
    _check_finite(logits)
    check_labels(labels, logits.shape[1])
    scores, labels = logits.double(), labels.long()

    def loss(log_temperature: float) -> float:
        return torch.nn.functional.cross_entropy(scores / math.exp(log_temperature), labels).item()

    found = minimize_scalar(loss, bounds=(math.log(0.05), math.log(20)), method="bounded", options={"xatol": 1e-6})
    return math.exp(found.x)


def reliability(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> list[dict]:
    """Sort predictions by confidence into bins of equal width over (0, 1] (Guo et al. 2017, section 2).

    confidence: float (n,), the probability of the predicted class; right: bool (n,). Returns, for each bin that is not
    empty, `low` and `high` (which belongs to the bin), mean `confidence`, `accuracy`, and `n`. Raises ValueError for
    unequal lengths, no prediction, fewer than one bin, or a confidence outside (0, 1].
    """
    check_int(bins, "bins", 1)
    confidence, right = check_values(confidence, "confidence"), check_right(right)
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


# ---------------------------------------------------------------- input checks


def check_batches(batches: Iterable[dict[str, Tensor]], key: str) -> Iterator[dict[str, Tensor]]:
    """Yield the batches; raise TypeError for one in place of several, ValueError for none, or one that lacks `key`."""
    if isinstance(batches, dict | str) or not hasattr(batches, "__iter__"):
        raise TypeError(f"batches is {type(batches).__name__}; give a list of batches, [batch].")
    number = -1
    for number, batch in enumerate(batches):
        if not isinstance(batch, dict):
            raise TypeError(f"Batch {number} is {shown(batch)}; it must be a dictionary of tensors.")
        if missing := [name for name in ("input_ids", key) if name not in batch]:
            raise ValueError(f"Batch {number} has no {missing[0]}, only {', '.join(map(str, batch))}.")
        for name in ("input_ids", key):
            check_tensor(batch[name], name)
        yield batch
    if number < 0:
        raise ValueError("There are no batches: there is nothing to score.")


def _answer(output, name: str) -> Tensor:
    if not hasattr(output, name):
        raise TypeError(
            f"The model returns {type(output).__name__} without {name}: it has another head than this needs."
        )
    return getattr(output, name)


def check_blank(model, tokenizer, text: str, top: int) -> None:
    """Raise TypeError or ValueError unless this model can fill a blank in this text with so many words."""
    if not hasattr(model, "mlm_head"):
        raise TypeError(f"A {type(model).__name__} has no masked-word head; give a PreTrainingModel.")
    check_tokenizer(tokenizer)
    if tokenizer.mask_token_id is None:
        raise ValueError("This tokenizer has no mask token: take one of a masked-word model.")
    check_text(text, "text")
    check_int(top, "top", 1, model.encoder.config.vocab_size)


def check_pairs(pairs: Sequence[Pair], name: str) -> None:
    """Raise TypeError unless these are pairs, ValueError unless there is one."""
    check_list(pairs, name, "pairs")
    for i, pair in enumerate(pairs):
        check_kind(pair, f"{name}[{i}]", Pair)
    if not len(pairs):
        raise ValueError(f"{name} is empty: it must hold at least one pair.")


def check_right(right, name: str = "right") -> np.ndarray:
    """Return one bool per text, bool (n,). Raises TypeError for what are no bools (0 and 1 will do), ValueError for
    another shape, or none."""
    values = right.cpu().numpy() if isinstance(right, Tensor) else np.asarray(right)
    if values.dtype.kind not in "biuf" or not np.isin(values, (0, 1)).all():
        raise TypeError(f"{name} is {shown(right)}; it must hold one bool per text: right or wrong.")
    if values.ndim != 1 or not len(values):
        raise ValueError(f"{name} has shape {values.shape}; it must be (n,), one bool for each text, and not empty.")
    return values.astype(bool)


def check_values(values, name: str) -> np.ndarray:
    """Return numbers as float (n,). Raises TypeError for what are none, ValueError for another shape or for nan."""
    found = values.cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    if found.dtype.kind not in "biuf":
        raise TypeError(f"{name} is {shown(values)}; it must hold numbers.")
    if found.ndim != 1:
        raise ValueError(f"{name} has shape {found.shape}; it must be (n,).")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} holds a number that is not finite.")
    return found.astype(float)


def check_groups(groups: Sequence) -> np.ndarray:
    """Return the number of each value's group, int (n,). Raises TypeError for groups that are no list of names or
    numbers."""
    found = groups.cpu().numpy() if isinstance(groups, Tensor) else np.asarray(groups)
    if found.ndim != 1 or found.dtype.kind not in "biuU" and not (found.dtype.kind == "f" and np.isfinite(found).all()):
        raise TypeError(f"groups is {shown(groups)}; it must hold a name or a number for each value, all of one kind.")
    return np.unique(found, return_inverse=True)[1]
