"""Claims: sentences of a lesson that are checked where they are made."""

import html
import math
from collections.abc import Mapping

from ..device import check_text, shown
from ..results import check_record, command


class Claim:
    """A claim that held. Its plain text is the same on every machine; the measured value is in the HTML form."""

    def __init__(self, id: str, text: str, value=None):
        self.id, self.text, self.value = id, text, value

    def __repr__(self):
        return f"✓ {self.id} {self.text}"

    def _repr_html_(self):
        line = f"<b style='color:#00695c'>✓ {html.escape(self.id)}</b> {html.escape(self.text)}"
        return f"<div style='border-left:3px solid #009e73;padding:2px 8px'>{line}{_measured(self.value)}</div>"


def _measured(value) -> str:
    """Return what was measured, as HTML: in parentheses after the sentence, or below it if it has several lines."""
    if value is None:
        return ""
    text = html.escape(str(value))
    if "\n" in text:
        return f"<pre style='margin:4px 0;white-space:pre-wrap;word-break:normal'>{text}</pre>"
    return f" <span style='opacity:.7'>({text})</span>"


class ClaimFailed(AssertionError):
    """A claim of the lesson that does not hold. `id` names it."""

    def __init__(self, id: str, text: str, value=None):
        self.id = id
        super().__init__(f"✗ {id} {text}" + ("" if value is None else f" (measured: {value})"))


def claim(id: str, text: str, holds, value=None) -> Claim:
    """Check one claim of a notebook: show `✓ id text`, or raise ClaimFailed.

    `id` is "NN.k", notebook and number; `holds` a bool (or a one-element tensor or array of bools); `value` what was
    measured and the band it must lie in, shown beside the claim (below it, if it has several lines), but not compared
    between machines.
    """
    check_text(text, f"The sentence of claim {id}")
    if hasattr(holds, "item") and math.prod(holds.shape) != 1:
        raise ValueError(f"The condition of claim {id} is {shown(holds)}; it must be one bool: use .all() or .any().")
    answer = holds.item() if hasattr(holds, "item") else holds
    if not isinstance(answer, bool):
        raise TypeError(f"The condition of claim {id} is {shown(holds)}; it must be true or false, not a number.")
    if not answer:
        raise ClaimFailed(id, text, value)
    return Claim(id, text, value)


class Recorded:
    """A recorded result that the record bears out. It is not measured now, so it carries no ✓: its badge says where it
    comes from."""

    def __init__(self, id: str, text: str, record: Mapping, value=None):
        self.id, self.text, self.record, self.value = id, text, record, value

    def __repr__(self):
        return f"recorded {self.id} {self.text}"

    def _repr_html_(self):
        machines = {run["machine"]["gpu"] or run["machine"]["processor"] for run in self.record["arms"].values()}
        dates = {run["date"] for run in self.record["arms"].values() if "date" in run}
        facts = [*sorted(machines), *([max(dates)] if dates else []), command(self.record)]
        badge = "<b style='background:#666;color:white;border-radius:4px;padding:1px 6px'>recorded</b>"
        line = f"{badge} <b>{html.escape(self.id)}</b> {html.escape(self.text)}{_measured(self.value)}"
        small = f"<div style='font-size:90%'>{html.escape(' · '.join(facts))}</div>"
        return f"<div style='border-left:3px solid #666;padding:2px 8px'>{line}{small}</div>"


def recorded(id: str, text: str, record: Mapping, holds, value=None) -> Recorded:
    """Show a recorded result with a badge: its machine, date, and command. `record` is what `load_result` returned;
    `id`, `text`, `holds` and `value` are those of `claim`, and the record must bear the text out."""
    check_record(record, "name")
    checked = claim(id, text, holds, value)
    return Recorded(checked.id, checked.text, record, checked.value)
