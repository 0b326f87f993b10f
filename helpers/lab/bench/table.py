"""The table of the bench, made from its record: goals, what was measured, and where the time goes if one is missed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A line of the table: `key` says which of the row's findings must reach `bound` ("at least", or "at most" for an
    overhead). `share`: the finding is a share, shown in per cent; else it is a ratio. Without a bound it is only shown.
    """

    row: str
    key: str
    what: str
    against: str
    bound: float | None
    at_most: bool = False
    share: bool = False

    def met(self, measured: dict) -> bool:
        """Does this record of the row reach the goal? For fine-tuning, only if accuracy is not the price of speed."""
        value = measured["found"][self.key]["value"]
        reached = value <= self.bound if self.at_most else value >= self.bound
        return reached and measured.get("accuracy", {}).get(self.key, {}).get("no_worse", True)

    def show(self, value: float) -> str:
        return f"{100 * value:.1f} %" if self.share else f"{value:.2f} ×"


PAIRS = "NSP + MLM instances/s from token ids, one core"
STEP = "pre-training step, 4 × 256, 30,522 vocabulary, length 128"
EPOCH = "one epoch of fine-tuning on Rotten Tomatoes"
SMALL, BASE = "GPU: pre-training tokens/s, 4 × 256, bf16", "GPU: pre-training tokens/s, bert-base shape, bf16"
GOALS = (
    Goal("masking", "collator", "MLM masking, tokens/s", "`DataCollatorForLanguageModeling` on its own input", 10),
    Goal("masking", "collator, its default", "MLM masking, tokens/s", "the same without `special_tokens_mask`", None),
    Goal("masking", "step", "MLM masking, tokens/s", "its masking step alone", 3),
    Goal("pairs", "per token", PAIRS, "a per-token reading of the BERT paper's data algorithm", 20),
    Goal("pairs", "one by one", PAIRS, "our own `make_nsp_pairs`, which the notebooks build", None),
    Goal("step", "theirs", STEP, "`BertForPreTraining` with its own loss", 2),
    Goal("encoder", "theirs", "dense encoder forward + backward, same shape", "`BertModel`, sdpa", 1),
    Goal("fine-tuning", "Trainer", EPOCH, "`Trainer` with `DataCollatorWithPadding`", 1.5),
    Goal("fine-tuning", "Trainer, by length", EPOCH, "the same with its length grouping", 1),
    Goal("loop", "overhead", "loop overhead", "bare forward + backward + step", 0.03, at_most=True, share=True),
    Goal("GPU, 4 × 256", "eager", SMALL, "`BertForPreTraining`, eager", 3),
    Goal("GPU, 4 × 256", "compiled", SMALL, "`BertForPreTraining`, compiled", 1),
    Goal("GPU, bert-base", "eager", BASE, "`BertForPreTraining`, eager", 1.3),
    Goal("GPU, bert-base", "compiled", BASE, "`BertForPreTraining`, compiled", 1),
    Goal("GPU, bert-base", "utilisation", BASE, "the GPU's peak (model FLOP utilisation)", 0.45, share=True),
)


def table(result: dict) -> list[dict]:
    """Return the table of a recorded `bench` study, one row a goal, as text."""
    rows = []
    for goal in GOALS:
        measured = result["arms"].get(goal.row, {}).get("measured")
        found = measured["found"].get(goal.key) if measured else None
        sign = "≤" if goal.at_most else "≥"
        row = {"what": goal.what, "against": goal.against, "measured": "–", "turns": "–"}
        row |= {"goal": "–" if goal.bound is None else f"{sign} {goal.show(goal.bound)}", "result": "not run"}
        if found:
            row["measured"] = goal.show(found["value"])
            row["turns"] = f"{goal.show(found['lowest'])} … {goal.show(found['highest'])}"
            row["result"] = "–" if goal.bound is None else "met" if goal.met(measured) else "missed"
        rows.append(row)
    return rows


def notes(result: dict) -> list[str]:
    """Return a sentence for every row that missed a goal, on where the time goes, one on accuracy, and one on what was
    not run."""
    lines = []
    for row in dict.fromkeys(goal.row for goal in GOALS):
        if row not in result["arms"]:
            lines.append(f"{row}: not run; it needs CUDA." if row in result["not_run"] else f"{row}: not run.")
            continue
        measured = result["arms"][row]["measured"]
        for side, found in measured.get("accuracy", {}).items():
            line = f"{row}: accuracy of {side} {100 * found['accuracy']:.1f} %"
            if side != "ours":
                low, high = (100 * bound for bound in found["difference_interval"])
                line += f"; ours minus theirs {100 * found['difference']:.1f} points ({low:.1f} … {high:.1f})"
            lines.append(line + ".")
        if any(g.row == row and g.bound and g.key in measured["found"] and not g.met(measured) for g in GOALS):
            total = sum(measured["profile"].values())
            parts = (f"{part} {100 * seconds / total:.0f} %" for part, seconds in measured["profile"].items())
            lines.append(f"{row}: missed; our time goes to {', '.join(parts)}.")
    return lines
