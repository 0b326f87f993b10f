"""A claim that holds shows one stable line; one that does not stops the notebook and names itself."""

import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter

from helpers.classroom import ClaimFailed, claim


@pytest.mark.parametrize("true", [True, np.bool_(True), torch.tensor(True), np.array([True]), torch.tensor([True])])
def test_a_claim_that_holds(true):
    shown = claim("03.2", "the mix is 80/10/10", true, value="p = 0.31, above 0.001")
    assert repr(shown) == "✓ 03.2 the mix is 80/10/10"  # what nbval compares: no measured value in it
    assert (shown.id, shown.value) == ("03.2", "p = 0.31, above 0.001")


@pytest.mark.parametrize("false", [False, np.bool_(False), torch.tensor(False), torch.tensor([False])])
def test_a_claim_that_fails_names_itself(false):
    with pytest.raises(ClaimFailed, match=r"^✗ 03\.2 the mix is 80/10/10 \(measured: 0\.5\)$") as caught:
        claim("03.2", "the mix is 80/10/10", false, value=0.5)
    assert caught.value.id == "03.2" and isinstance(caught.value, AssertionError)
    with pytest.raises(ClaimFailed, match=r"^✗ 03\.2 text$"):
        claim("03.2", "text", false)


def test_many_booleans_are_not_one_claim():
    with pytest.raises((RuntimeError, ValueError)):
        claim("01.1", "all rows sum to one", torch.tensor([True, False]))


@pytest.mark.parametrize("number", [0.3, 1, np.float64(0.9), torch.tensor(1), "yes", None])
def test_a_number_is_no_condition(number):
    with pytest.raises(
        TypeError, match=r"^The condition of claim 01\.1 is .*; it must be true or false, not a number\.$"
    ):
        claim("01.1", "accuracy", number)


def test_what_a_notebook_shows():
    data, _ = DisplayFormatter().format(claim("01.1", "a < b & c", True, value="<script>1</script> ± 2"))
    assert data["text/plain"] == "✓ 01.1 a < b & c"
    assert "a &lt; b &amp; c" in data["text/html"] and "(&lt;script&gt;1&lt;/script&gt; ± 2)" in data["text/html"]
    assert "<script>" not in data["text/html"]
    data, _ = DisplayFormatter().format(claim("01.1", "text", True))
    assert "(" not in data["text/html"].replace("(--", "")
