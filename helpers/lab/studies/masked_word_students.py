"""What a student needs to fill in masked words after forty steps: the teacher's answers, its layers, or both?"""

import statistics
from functools import partial

import torch
from torch.nn import functional as F

from ... import evaluation, training
from ...batching import masked_batches
from ...bert import Encoder, PreTrainingModel, student_from
from ...corpora import load_documents
from ...device import generator
from ...masking import IGNORE
from ...results import percent
from ...tokenization import load_tokenizer
from ...weights import load_checkpoint
from ..study import ALL_LAYERS, Cost, Study

OURS = {"layers": [0, 2, 4], "weights": [5, 2, 1], "temperature": 2.0, "learning_rate": 5e-4}  # as in notebook 08
RUNS = {
    "ours": {},
    "without the cosine part": {"weights": [5, 2, 0]},
    "without the soft part": {"weights": [0, 2, 1]},
    "without the hard part": {"weights": [5, 0, 1]},
    "labels only": {"weights": [0, 1, 0]},
    "temperature 1": {"temperature": 1.0},
    "layers 1, 3, 5": {"layers": [1, 3, 5]},
    "layers 0, 3, 4": {"layers": [0, 3, 4]},
    "layers 0, 3, 4, no step": {"layers": [0, 3, 4], "steps": 0},
    "no step": {"steps": 0},
    "random start": {"layers": None},
    **{f"without layer {k}, no step": {"layers": [i for i in range(6) if i != k], "steps": 0} for k in range(6)},
}


def answers(model: PreTrainingModel, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the last hidden states (batch, seq, hidden), and the logits at the targets (targets, words)."""
    hidden = model.encoder(batch["input_ids"], batch["attention_mask"], batch["token_type_ids"]).last_hidden_state
    return hidden, model.mlm_head(hidden[batch["labels"] != IGNORE], model.encoder.embeddings.word.weight)


def new_student(teacher: PreTrainingModel, layers: list[int] | None) -> PreTrainingModel:
    """Return a copy of the teacher with these layers only, or with none of its weights and half of its layers."""
    student = PreTrainingModel(student_from(teacher.encoder, layers or OURS["layers"]))
    student.mlm_head.load_state_dict(teacher.mlm_head.state_dict())
    return student if layers else PreTrainingModel(Encoder(student.encoder.config))


def masked_word_students(
    seed: int,
    steps: int,
    rows: int,
    layers: list[int] | None,
    weights: list[float],
    temperature: float,
    learning_rate: float,
) -> dict:
    """Teach a student of `minilm-mlm` masked words for some steps of 16 sentences; return its share of right words and
    its loss at [MASK] in so many validation and test sentences.

    seed: for the masks and for dropout. layers: those that the student starts from; None: random weights.
    """
    tokenizer, teacher = load_tokenizer(), load_checkpoint("minilm-mlm")

    def sentences(split: str, rows: int, size: int, seed: int) -> list[dict[str, torch.Tensor]]:
        return masked_batches(load_documents("rotten_tomatoes", split)[:rows], tokenizer, 64, size, generator(seed))

    torch.manual_seed(seed)
    student = new_student(teacher, layers).train()
    optimizer = training.make_optimizer(student, learning_rate)
    for step, batch in enumerate(sentences("train", 16 * steps, 16, seed)):
        training.set_learning_rate(
            optimizer, learning_rate * training.warmup_then_decay(step, steps, warmup=steps // 10)
        )
        (hidden, logits), labels = answers(student, batch), batch["labels"][batch["labels"] != IGNORE]
        with torch.no_grad():
            teacher_hidden, teacher_logits = answers(teacher, batch)
        parts = (
            training.soft_target_loss(logits, teacher_logits, temperature),
            F.cross_entropy(logits, labels),
            training.cosine_loss(hidden, teacher_hidden, batch["attention_mask"]),
        )
        optimizer.zero_grad()
        sum(weight * part for weight, part in zip(weights, parts, strict=True)).backward()
        optimizer.step()
    measured = {}
    for split, masks in (("validation", 2), ("test", 1)):
        batches = sentences(split, rows, 32, masks)
        scores = evaluation.evaluate_mlm(student, batches, tokenizer.mask_token_id)["kinds"]["mask"]
        measured[split] = {"accuracy": scores["accuracy"], "loss": scores["loss"]}
    return measured


def table(record: dict) -> list[dict]:
    """Return a row for each way to teach: what is right at [MASK] in test sentences, and the loss there."""
    rows = []
    for name in RUNS:
        seeds = [run["measured"]["test"] for arm, run in record["arms"].items() if arm.startswith(f"{name}, seed ")]
        losses = [scores["loss"] for scores in seeds]
        rows.append(
            {
                "student": name,
                "accuracy": percent(statistics.mean(scores["accuracy"] for scores in seeds)),
                "loss": f"{statistics.mean(losses):.2f}",
                "around": f"{min(losses):.2f}–{max(losses):.2f}",
                "runs": len(seeds),
            }
        )
    return rows


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    size = {"steps": 40, "rows": 320} if full else {"steps": 2, "rows": 32}
    return {
        f"{name}, seed {seed}": partial(masked_word_students, seed=seed, **size | OURS | changes)
        for seed in seeds
        for name, changes in RUNS.items()
    }


STUDY = Study(
    title="What a student of masked words needs: the teacher's answers, its layers, or both?",
    notebook="08",
    runs=runs,
    details="a student of three layers, forty steps; accuracy and loss at [MASK] in 320 test sentences",
    cost=Cost(ALL_LAYERS, 30),
    table=table,
)
