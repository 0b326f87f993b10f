"""bertviz's attention views (Vig 2019) without a network: the page carries its scripts and runs in a sandboxed frame.

The stock views fetch require.js, d3 and jquery when they are drawn and stay empty where that fails. Here d3 comes from
the mpld3 wheel, and a few lines stand in for what bertviz uses of the other two.
"""

import html
import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files

import bertviz
from torch import Tensor

from ..device import check_int, check_tensor, shown

# The little that bertviz asks of jquery and require.
SHIM = """
function $(it) {
  const element = it.startsWith("<") ? document.createElement(it.match(/\\w+/)[0]) : document.querySelector(it);
  const set = (change) => { if (element) change(); return wrapped; };
  const wrapped = {
    element,
    append: (child) => set(() => element.append(child.element)),
    empty: () => set(() => element.replaceChildren()),
    val: (value) => set(() => { element.value = value; }),
    text: (text) => set(() => { element.textContent = text; }),
    attr: (name, value) => set(() => element.setAttribute(name, value)),
    on: (event, then) => set(() => element.addEventListener(event, then)),
    change: () => set(() => element.dispatchEvent(new Event("change"))),
  };
  return wrapped;
}
const requirejs = (names, then) => then($, d3);
"""
MOST_TOKENS = 128  # a longer list cannot be read, and its page grows with the square
# Whatever the page holds, it can fetch nothing.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"


class View:
    """An attention view as a notebook shows it: a frame with a page of its own, and its description in plain text."""

    def __init__(self, page: str, height: int, alt: str):
        self.page, self.height, self.alt = page, height, alt

    def __repr__(self):
        return f"[attention view] {self.alt}"

    def _repr_html_(self):
        frame = (
            f'<iframe sandbox="allow-scripts" title="{html.escape(self.alt)}" srcdoc="{html.escape(self.page)}" '
            'style="position:absolute;inset:0;width:100%;height:100%;border:0;background:white"></iframe>'
        )
        # The frame covers the sentence; where a front end takes it out, the sentence says what to do.
        return (
            f'<div style="position:relative;height:{self.height}px;overflow:hidden">'
            f"<p>An interactive view: run this cell, or trust the notebook, to see it.</p>{frame}</div>"
        )


def head_view(
    attentions: Sequence[Tensor], tokens: Sequence[str], alt: str, layer: int = 0, heads: Sequence[int] | None = None
) -> View:
    """Draw who looks at whom: tokens left and right, a line for each weight, a colour for each head.

    attentions: the weights per layer, each (1, heads, seq, seq), as an encoder returns them with
    `output_attentions=True`. layer, heads: what is switched on at first (all heads, if not given).
    Raises ValueError where there are no weights, or more tokens than can be seen, and TypeError for what are none.
    """
    check_attentions(attentions, tokens)
    check_int(layer, "layer", 0, len(attentions) - 1)
    for head in heads or ():
        check_int(head, "A head", 0, attentions[0].shape[1] - 1)
    data = bertviz.head_view(_rounded(attentions), list(tokens), layer=layer, heads=heads, html_action="return").data
    return View(_page(data), round(22.5 * len(tokens)) + 110, alt)


def model_view(attentions: Sequence[Tensor], tokens: Sequence[str], alt: str) -> View:
    """Draw every head of every layer as a small picture of its lines; a click enlarges one. Arguments as in
    `head_view`."""
    check_attentions(attentions, tokens)
    rounded = _rounded(attentions)
    data = bertviz.model_view(rounded, list(tokens), display_mode="light", html_action="return").data
    thumbnail = len(tokens) * 7 * 12 / rounded[0].shape[1] + 10
    return View(_page(data), round(max(len(rounded) * thumbnail + 60, 18 * len(tokens) + 80)), alt)


def check_attentions(attentions: Sequence[Tensor], tokens: Sequence[str]) -> None:
    """Raise TypeError or ValueError unless these are the weights of one text, layer by layer, and its tokens."""
    if isinstance(attentions, Tensor):
        raise TypeError("attentions is one tensor; give a list with the weights of each layer, [weights].")
    if not attentions or any(layer is None for layer in attentions):
        raise ValueError(
            "There are no attention weights. Ask for them with output_attentions=True; a transformers model must be "
            'loaded with attn_implementation="eager", too.'
        )
    if isinstance(tokens, str):
        raise TypeError(f"tokens is one string, {shown(tokens)}: give a list of tokens.")
    if len(tokens) > MOST_TOKENS:
        raise ValueError(f"There are {len(tokens)} tokens; a view shows at most {MOST_TOKENS}: cut the text.")
    for i, layer in enumerate(attentions):
        name = f"The weights of layer {i}"
        check_tensor(layer, name, "float", dims=("1", "heads", "seq", "seq"))
        if (*layer.shape[:1], *layer.shape[2:]) != (1, len(tokens), len(tokens)):
            raise ValueError(f"{name} have shape {tuple(layer.shape)}; one text of {len(tokens)} tokens is shown.")
        if not layer.isfinite().all():
            raise ValueError(f"{name} are not finite: look for nan in the model.")


def _rounded(attentions: Sequence[Tensor]) -> list[Tensor]:
    return [layer.detach().cpu().double().round(decimals=4) for layer in attentions]  # short numbers, a small page


def _page(data: str) -> str:
    """Return bertviz's HTML as a page that needs nothing else, the same in every run."""
    data = re.sub(r"<script src=[^>]*></script>", "", data)
    data = re.sub(r"require\.config\(\{.*?\n\}\);", "", data, flags=re.DOTALL)  # where its scripts would come from
    data = re.sub(r"; // HACK: .*", ";", data)  # a second copy of all weights, in a comment
    data = re.sub(r"bertviz-[0-9a-f]{32}", "view", data)
    scripts = "".join(f"<script>{code}</script>" for code in (_d3(), SHIM))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>attention</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">{scripts}</head><body>{data}</body></html>'
    )


@lru_cache
def _d3() -> str:
    return files("mpld3").joinpath("js", "d3.v5.min.js").read_text(encoding="utf-8")
