"""What stands around a lesson: claims, exercises with their checks, figures, attention views, and a check of the
machine."""

from .checks import check, hint, solution
from .claims import claim
from .controls import explore

__all__ = ["check", "claim", "explore", "hint", "solution"]
