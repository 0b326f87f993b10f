"""Texts at scale: what splitting and tokenizing 100,000 reviews takes, in time and memory."""

import json
import subprocess
import sys
import time
from functools import partial

from ...corpora import SPLITS, load_documents
from ...sentence_pairs import tokenize_documents
from ...tokenization import load_tokenizer
from ..study import Study


def tokenize(reviews: int) -> dict:
    """Split so many reviews into sentences and tokenize them, in a process of its own.

    Returns `seconds`; `processor_seconds` of all threads, on which a busy neighbor tells less; `tokens`; and
    `peak_gib`, the most memory that the process held, libraries included. There are about 25,000 reviews; a larger
    number takes them again.
    """
    done = subprocess.run([sys.executable, "-m", __name__, str(reviews)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"Tokenizing {reviews:,} reviews failed: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def main(reviews: int) -> None:
    """Tokenize, and print what it took as JSON."""
    import resource  # Windows has none; only this process needs it

    texts = [text for split in SPLITS for text in load_documents("imdb", split)]
    texts = (texts * (reviews // len(texts) + 1))[:reviews]
    tokenizer = load_tokenizer()
    started, before = time.perf_counter(), time.process_time()
    documents = tokenize_documents(texts, tokenizer)
    seconds, processor = time.perf_counter() - started, time.process_time() - before
    tokens = sum(map(len, (sentence for document in documents for sentence in document)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 2**30 if sys.platform == "darwin" else 2**20  # bytes there, KiB on Linux
    found = {"seconds": seconds, "processor_seconds": processor, "tokens": tokens, "peak_gib": peak / unit}
    print(json.dumps(found))


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    sizes = (25_000, 50_000, 100_000) if full else (100, 200)
    return {f"{size:,} reviews": partial(tokenize, reviews=size) for size in sizes}


def table(result: dict) -> list[dict]:
    """Return a row for each size."""
    return [
        {
            "reviews": f"{run['settings']['reviews']:,}",
            "tokens": f"{run['measured']['tokens']:,}",
            "seconds": f"{run['measured']['seconds']:.0f}",
            "processor ms a review": f"{1000 * run['measured']['processor_seconds'] / run['settings']['reviews']:.2f}",
            "peak GiB": f"{run['measured']['peak_gib']:.2f}",
        }
        for run in result["arms"].values()
    ]


STUDY = Study(
    title="Texts at scale: 100,000 reviews, split into sentences and tokenized",
    notebook="",
    runs=runs,
    details="There is nothing to seed",
    table=table,
)

if __name__ == "__main__":
    main(int(sys.argv[1]))
