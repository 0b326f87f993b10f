"""Pictures that move: a figure with a control for each argument."""

import os
from collections.abc import Callable
from functools import wraps

from IPython.display import display


def explore(draw: Callable, **controls):
    """Show `draw()` with one control for each argument: a slider for (low, high) or (low, high, step), a menu for a
    list, a text box for a string. Every argument of `draw` needs a default: that is where it starts.

    Without a kernel a control is an error box, so stored notebooks (COURSE_STATIC=1) keep the first picture alone.
    """
    if os.environ.get("COURSE_STATIC"):
        return draw()
    from ipywidgets import interactive  # slow to import, and needed in a live notebook alone

    @wraps(draw)
    def show(**values):
        display(draw(**values))

    return interactive(show, **controls)
