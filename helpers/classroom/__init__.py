"""What stands around a lesson: claims, exercises with their checks, figures, attention views, and a check of the
machine."""

from .checks import check, examine, hint, solution, submitted
from .claims import claim, recorded
from .controls import explore

__all__ = ["check", "claim", "examine", "explore", "hint", "recorded", "solution", "submitted"]
