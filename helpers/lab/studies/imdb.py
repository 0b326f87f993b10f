"""Whole reviews, up to the encoder's 512 positions."""

from functools import partial

from ... import evaluation
from ...corpora import SPLITS, Review, load_reviews
from ...tokenization import load_tokenizer
from ...transfer import classification_examples, fine_tuned, right_in_order, tfidf_baseline
from ...weights import load_encoder
from ..study import GPU, Study


def imdb_fine_tuning(
    seed: int,
    rows: int | None = None,
    judged: int | None = None,
    max_length: int = 256,
    epochs: int = 1,
    batch_size: int = 16,
    learning_rate: float = 1e-4,
    device="cpu",
) -> dict:
    """Fine-tune the pretrained encoder on IMDb reviews cut to `max_length` tokens; TF-IDF beside it, on the same
    reviews, whole and cut. rows, judged: how many train and test reviews (None: all).

    Scores are on our held-out tenth of IMDb's train rows, not on its official test set; `validation` is the encoder's
    on as many reviews of the tenth to choose by.
    """
    tokenizer, encoder = load_tokenizer(), load_encoder().to(device)
    train, validation, test = (
        load_reviews("imdb", split)[:n] for split, n in zip(SPLITS, (rows, judged, judged), strict=True)
    )
    examples, chosen_by, judge = (
        classification_examples(reviews, tokenizer, max_length, truncate=True) for reviews in (train, validation, test)
    )
    model, history = fine_tuned(
        encoder,
        examples,
        tokenizer,
        seed=seed,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        progress=False,
    )
    seen = [
        [Review(tokenizer.decode(e["input_ids"], skip_special_tokens=True), e["labels"]) for e in rows]
        for rows in (examples, judge)
    ]
    right = {
        "full": right_in_order(model, judge, tokenizer, device),
        "TF-IDF": tfidf_baseline(train, test),
        "TF-IDF, cut as for the encoder": tfidf_baseline(*seen),
    }
    return {name: evaluation.score(found) for name, found in right.items()} | {
        "full against TF-IDF": evaluation.mcnemar(right["full"], right["TF-IDF"]),
        "whole against cut": evaluation.mcnemar(right["TF-IDF"], right["TF-IDF, cut as for the encoder"]),
        "validation": evaluation.score(right_in_order(model, chosen_by, tokenizer, device)),
        "train_loss": history.last_loss(),
    }


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    sizes = {"rows": 100, "judged": 100}
    if full:
        sizes = {"rows": None, "judged": None, "max_length": 512, "epochs": 2, "batch_size": 32} | GPU
    return {f"seed {seed}": partial(imdb_fine_tuning, seed=seed, **sizes, learning_rate=1e-4) for seed in seeds}


STUDY = Study(title="Whole reviews, up to the encoder's 512 positions", notebook="06", runs=runs)
