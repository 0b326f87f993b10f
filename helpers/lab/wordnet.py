"""General English to train on: WordNet's definitions, turned into sentences, and its example sentences.

The files are those of Debian's package wordnet-base (`/usr/share/wordnet/data.*`). No notebook needs them.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

PARTS = ("noun", "verb", "adj", "adv")
FOLDER = Path("/usr/share/wordnet")
EXAMPLE = re.compile(r'"([^"]+)"')


def read_sentences(folder: str | Path = FOLDER) -> tuple[list[str], list[str]]:
    """Return the definitions as sentences, one for each synset, and the example sentences of four words or more.

    Raises FileNotFoundError if a file is missing, with the package to install.
    """
    definitions, examples = [], []
    for part in PARTS:
        path = Path(folder) / f"data.{part}"
        if not path.is_file():
            raise FileNotFoundError(f"{path.name} is not there: install Debian's wordnet-base, or give its folder.")
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith(" "):  # the license
                continue
            fields, gloss = line.split(" | ", 1)
            word = re.sub(r"\(.*?\)", "", fields.split()[4]).replace("_", " ")  # an adjective may carry (a), (p), (ip)
            definitions.append(definition_sentence(part, word, EXAMPLE.sub("", gloss)))
            found = (" ".join(text.split()) for text in EXAMPLE.findall(gloss))
            examples += [as_sentence(text) for text in found if len(text.split()) >= 4]
    return definitions, examples


def definition_sentence(part: str, word: str, definition: str) -> str:
    """Return a word and its definition as one sentence: "A cat is a feline mammal …", "To run is to …"."""
    definition = re.sub(r"\([^)]*\)", " ", definition)  # remarks, such as (of persons)
    first = " ".join(definition.split(";")[0].split()).strip(" .,:")
    if part == "verb":
        return as_sentence(f"to {word} is to {first}")
    if part == "noun":
        article = ""
        if re.match(r"an? ", first) and word.islower():
            article = "an " if word[0] in "aeiou" else "a "
        return as_sentence(f"{article}{word} is {first}")
    return as_sentence(f"{word} means {first}")


def as_sentence(text: str) -> str:
    """Return the text with a capital at its start and punctuation at its end."""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else text + "."


def runs_of_five(text: str) -> set[tuple[str, ...]]:
    """Return every five words in a row of a text: lower case, without punctuation."""
    words = re.findall(r"[a-z0-9']+", text.lower())
    return set(zip(*(words[i:] for i in range(5))))


def without_overlap(texts: Sequence[str], sentences: Iterable[dict]) -> list[str]:
    """Drop the texts that share five words in a row with a cloze sentence, whichever accepted answer is filled in.

    sentences: dictionaries with `text`, which holds one [MASK], and `accepted`, a list of words.
    """
    filled = (s["text"].replace("[MASK]", word) for s in sentences for word in s["accepted"])
    held_out = set().union(*map(runs_of_five, filled))
    return [text for text in texts if held_out.isdisjoint(runs_of_five(text))]
