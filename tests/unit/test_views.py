"""Attention views need nothing from outside, show the weights they are given, and are the same in every run."""

import html
import json
import re

import pytest
import torch

from helpers.classroom.views import View, head_view, model_view

TOKENS = ["[CLS]", "a", "good", "film", "[SEP]"]


def weights(layers: int = 2, heads: int = 3) -> list[torch.Tensor]:
    return [torch.rand(1, heads, 5, 5).softmax(dim=-1) for _ in range(layers)]


@pytest.fixture(params=[head_view, model_view])
def draw(request):
    return request.param


def payload(view: View) -> dict:
    return json.loads(re.search(r"const params = (\{.*?\});$", view.page, re.MULTILINE)[1])


def test_nothing_comes_from_outside(draw):
    page = draw(weights(), TOKENS, "five tokens").page
    addresses = {address for address in re.findall(r"https?://[^\s\"'`)]+", page) if "www.w3.org" not in address}
    assert not {address for address in addresses if "cloudflare" in address or "googleapis" in address}
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page)
    assert "default-src 'none'" in page


def test_the_weights_shown_are_those_given(draw):
    given = weights()
    (shown,) = payload(draw(given, TOKENS, "five tokens"))["attention"]
    assert shown["left_text"] == shown["right_text"] == TOKENS
    torch.testing.assert_close(torch.tensor(shown["attn"]), torch.cat(given), atol=1e-4, rtol=0)


def test_the_same_in_every_run(draw):
    given = weights()
    assert draw(given, TOKENS, "five tokens").page == draw(given, TOKENS, "five tokens").page


def test_layer_and_heads_are_switched_on_at_first():
    chosen = payload(head_view(weights(), TOKENS, "five tokens", layer=1, heads=[2]))
    assert (chosen["layer"], chosen["heads"]) == (1, [2])


def test_in_a_notebook(draw):
    shown = draw(weights(), TOKENS, 'who looks at "good"')
    assert repr(shown) == '[attention view] who looks at "good"'
    found = shown._repr_html_()
    assert 'sandbox="allow-scripts"' in found and "trust the notebook" in found
    assert html.unescape(re.search(r'srcdoc="([^"]*)"', found)[1]) == shown.page


@pytest.mark.parametrize("nothing", [None, (), []])
def test_without_weights_it_says_what_to_do(draw, nothing):
    with pytest.raises(ValueError, match='attn_implementation="eager"'):
        draw(nothing, TOKENS, "five tokens")
