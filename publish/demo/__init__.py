"""The browser demo: a page of the site that runs the course's own models in plain JavaScript.

`stage` writes the page and packs the weights beside it. A page opened as a file may not fetch, so the weights come as
scripts: each calls `receive` with some of the bytes in base64.
"""

import base64
import json
import shutil
from dataclasses import asdict
from html import escape
from pathlib import Path
from string import Template

import torch

from helpers.attention import causal_mask
from helpers.bert import PreTrainingModel
from helpers.results import load_result
from helpers.tokenization import load_tokenizer
from helpers.weights import CHECKPOINTS, hugging_face_name, load_checkpoint

from .. import ROOT

HERE = Path(__file__).parent
FILES = ("bert.js", "page.js", "demo.css")
PART = 3 * 2**18  # bytes of weights in a script: 1 MB of base64
PACKS = {  # name → checkpoint, what matrices are stored as, what a reader calls it
    "tiny-bert-int8": ("tiny-bert", "int8", "tiny-bert, int8"),
    "tiny-bert-float32": ("tiny-bert", "float16", "tiny-bert, float32"),
    "minilm-mlm-int8": ("minilm-mlm", "int8", "minilm-mlm, int8"),
}
EXAMPLES = [  # the first is computed beforehand and stands on the page while the model loads
    {
        "text": "This is the worst movie I have ever seen, do not waste your time.",
        "hidden": ["worst"],
        "layer": 1,
        "head": 0,
    },
    {"text": "The special effects are amazing.", "hidden": ["special"], "layer": 0, "head": 1},
    {"text": "It kept me on the edge of my seat.", "hidden": ["edge"], "layer": 0, "head": 0},
    {"text": "I laughed from beginning to end.", "hidden": ["beginning"], "layer": 0, "head": 3},
    {
        "text": "A man finds a dead body in the river.",
        "second": "The police think that he is the killer.",
        "hidden": [],
        "layer": 0,
        "head": 0,
    },
    {"text": "The cat sat on the mat.", "hidden": ["cat"], "layer": 0, "head": 1},
]


def stage(source: Path) -> None:
    """Write what the page needs into a folder: demo.md for Sphinx, and the scripts and packed weights in demo/."""
    folder = source / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(HERE / name, folder / name)
    packs = [pack(name, folder) for name in PACKS]
    page = (HERE / "demo.md").read_text(encoding="utf-8")
    page = page.replace("](bert.js)", "](demo/bert.js)").replace("](../../", "](")
    before, _, after = page.split("<!-- demo -->")  # between the two marks: what a reader of the repository sees
    block = f"````{{raw}} html\n{widget(packs)}\n````"
    (source / "demo.md").write_text(before + block + after, encoding="utf-8")


# ---------------------------------------------------------------- weights


def pack(name: str, folder: Path) -> dict:
    """Write one model as scripts, `NAME-0.js` with its configuration and vocabulary first, and return what the page has
    to know before it loads them: name, label, parts, and the size of all parts in MB."""
    checkpoint, kind, label = PACKS[name]
    model, tokenizer = load(checkpoint)
    tensors, chunks = [], []
    for ours, tensor in model.state_dict().items():
        stored = kind if kind == "float16" or tensor.dim() == 2 else "float32"
        rows, columns = tensor.shape if tensor.dim() == 2 else (1, len(tensor))
        tensors.append([hugging_face_name(model, ours), rows, columns, stored])
        chunks.append(to_bytes(tensor, stored))
    weights = b"".join(chunks)
    words = tokenizer.get_vocab()
    head = {
        "config": asdict(model.encoder.config),
        "words": sorted(words, key=words.get),
        "tensors": tensors,
        "bytes": len(weights),
        "nextSentence": checkpoint == "tiny-bert",
    }
    pieces = [weights[i : i + PART] for i in range(0, len(weights), PART)]
    payloads = [json.dumps(head, ensure_ascii=True), *(f'"{base64.b64encode(p).decode("ascii")}"' for p in pieces)]
    for i, payload in enumerate(payloads):
        (folder / f"{name}-{i}.js").write_text(f"receive({payload});\n", encoding="ascii")
    size = sum((folder / f"{name}-{i}.js").stat().st_size for i in range(len(payloads)))
    return {
        "name": name,
        "model": checkpoint,
        "label": label,
        "exact": kind == "float16" and "float32",  # the heading of its answers, beside those of int8
        "parts": len(payloads),
        "size": f"{size / 1e6:.1f}",
    }


def load(checkpoint: str) -> tuple[PreTrainingModel, object]:
    """Return a checkpoint of the course and its tokenizer: minilm-mlm's is that of the encoder below it."""
    return load_checkpoint(checkpoint), load_tokenizer(CHECKPOINTS / checkpoint if checkpoint == "tiny-bert" else None)


def quantize(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a matrix (rows, columns) as int8 and a float32 scale for each row, (rows,): weight ≈ scale × integer."""
    scale = matrix.abs().amax(dim=1) / 127
    scale[scale == 0] = 1.0  # the padding row
    return (matrix / scale[:, None]).round().to(torch.int8), scale


def to_bytes(tensor: torch.Tensor, kind: str) -> bytes:
    """Return the little-endian bytes of a tensor as "float32", "float16", or "int8" (scales first)."""
    if kind == "int8":
        integers, scale = quantize(tensor)
        return scale.numpy().astype("<f4").tobytes() + integers.numpy().tobytes()
    return tensor.numpy().astype({"float32": "<f4", "float16": "<f2"}[kind]).tobytes()


# ---------------------------------------------------------------- page


def widget(packs: list[dict]) -> str:
    """Return the demo as HTML. The first example's answer, from the Python model, stands where the live one will."""
    template = Template((HERE / "widget.html").read_text(encoding="utf-8"))
    tokens, columns = computed(EXAMPLES[0])
    page = {"packs": packs, "examples": EXAMPLES, "about": about()}
    return template.substitute(
        chips="\n".join(
            f'<button type="button" class="token{" hidden" if t == "[MASK]" else ""}">{escape(t)}</button>'
            for t in tokens
        ),
        text=escape(EXAMPLES[0]["text"]),
        bars="\n".join(bars(heading, found) for heading, found in columns.items()),
        page=json.dumps(page).replace("<", "\\u003c"),
        about=about()["tiny-bert"],
    )


@torch.no_grad()
def computed(example: dict) -> tuple[list[str], dict[str, list[tuple[str, float]]]]:
    """Return an example's tokens, and for its one hidden word the five likeliest words, each with its probability, from
    tiny-bert in Python: under "both sides", and under "left only" with the causal mask."""
    model, tokenizer = load("tiny-bert")
    text = example["text"].replace(example["hidden"][0], "[MASK]")
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    at = ids[0].tolist().index(tokenizer.mask_token_id)
    columns = {}
    for heading, mask in (("both sides", None), ("left only", causal_mask(ids.shape[1])[0])):
        best = model(ids, mask).mlm_logits[0, at].softmax(-1).topk(5)
        words = tokenizer.convert_ids_to_tokens(best.indices.tolist())
        columns[heading] = list(zip(words, best.values.tolist()))
    return tokenizer.convert_ids_to_tokens(ids[0].tolist()), columns


def bars(heading: str, found: list[tuple[str, float]]) -> str:
    """Return words with their probabilities as page.js draws them."""
    rows = "".join(
        f'<li><span class="word">{escape(word)}</span><span class="track"><span class="bar" style="width:{p:.1%}">'
        f'</span></span><span class="percent">{p:.1%}</span></li>'
        for word, p in found
    )
    return f'<div class="column"><p>{escape(heading)}</p><ol>{rows}</ol></div>'


def about() -> dict[str, str]:
    """Return, for each checkpoint, what it is and how well it does, as HTML; figures are from the records."""
    shipped = load_result("shipped-full")["arms"]
    tiny, other = (shipped[name]["measured"]["test"] for name in ("tiny-bert", "minilm-mlm"))
    everyday = shipped["minilm-mlm"]["measured"]["cloze"]
    wanted = ("all-MiniLM-L6-v2", "WordNet", "The WordPiece vocabulary of bert-base-uncased")
    parts = [part.partition("\n") for part in (ROOT / "NOTICE").read_text(encoding="utf-8").split("\n\n")]
    notice = "".join(
        f'<p class="notice"><b>{escape(what)}</b><br>{escape(who)}</p>'
        for what, _, who in parts
        if what.startswith(wanted)
    )
    return {
        "tiny-bert": (
            "<p><b>tiny-bert</b> is ours: 4 layers, 8 heads, 256 numbers for each token. We trained it from scratch on "
            f"film reviews from IMDb. On held-out reviews, it finds {tiny['kinds']['mask']['accuracy']:.1%} of "
            f"{tiny['kinds']['mask']['slots']:,} tokens behind <code>[MASK]</code>, and it tells whether one passage "
            f"follows another for {tiny['nsp_accuracy']:.1%} of {tiny['pairs']:,} pairs, where guessing gets 50%. It "
            "has read nothing else, so it repeats the opinions of those reviews and knows little of the world.</p>"
        ),
        "minilm-mlm": (
            "<p><b>minilm-mlm</b> is all-MiniLM-L6-v2, a pretrained encoder with 6 layers, 12 heads, and 384 numbers "
            "for each token, under a masked-word head that we trained on film reviews and WordNet. On held-out "
            f"reviews, it finds {other['kinds']['mask']['accuracy']:.1%} of {other['kinds']['mask']['slots']:,} tokens "
            "behind <code>[MASK]</code>. Its vocabulary differs, so don't compare the two percentages. Of "
            f"{len(everyday)} everyday sentences, such as <i>The cat sat on the mat</i>, it has a right word among its "
            f"five likeliest in {sum(s['right'] for s in everyday)} and at the top in "
            f"{sum(s['first'] for s in everyday)}. BERT's own head was trained far longer. It has no "
            "next-sentence head.</p><details><summary>Sources and licenses</summary>" + notice + "</details>"
        ),
    }
