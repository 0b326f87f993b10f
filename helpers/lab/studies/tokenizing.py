"""Texts at scale: what splitting and tokenizing 100,000 reviews takes, in time and memory."""

import json
import re
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

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
    texts = [text for split in SPLITS for text in load_documents("imdb", split)]
    texts = (texts * (reviews // len(texts) + 1))[:reviews]
    tokenizer = load_tokenizer()
    started, before = time.perf_counter(), time.process_time()
    documents = tokenize_documents(texts, tokenizer)
    seconds, processor = time.perf_counter() - started, time.process_time() - before
    tokens = sum(map(len, (sentence for document in documents for sentence in document)))
    found = {"seconds": seconds, "processor_seconds": processor, "tokens": tokens, "peak_gib": peak_memory() / 2**30}
    print(json.dumps(found))


def peak_memory() -> int:
    """Return the most bytes that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says on Linux begins at the size of the process that started this one
        (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())
        return int(peak) * 1024
    import resource  # Windows has none

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


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
