"""The course's diagrams, drawn as SVG with shared primitives; `python -m publish.figures` writes them all.

One module a notebook (`attention` is 01), one function a figure. A new figure is a function that returns a `Figure` and
an entry in its module's `figures()`.
"""

from . import attention, bidirectionality, cls_token, course, encoder, fine_tuning, masking, sentence_pairs, variants
from .primitives import Figure

MODULES = (course, attention, bidirectionality, masking, sentence_pairs, encoder, fine_tuning, cls_token, variants)


def figures() -> list[Figure]:
    """Draw every figure, in the order of the notebooks."""
    return [figure for module in MODULES for figure in module.figures()]
