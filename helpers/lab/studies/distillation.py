"""Six layers into three."""

import copy
from functools import partial

import torch

from ... import evaluation, training
from ...batching import length_batches
from ...bert import Encoder, SequenceClassifier, count_parameters, student_from
from ...corpora import load_reviews
from ...device import generator
from ...tokenization import load_tokenizer
from ...transfer import classification_examples, fine_tuned, right_in_order
from ...weights import load_encoder
from ..study import ALL_LAYERS, Cost, Study
from ..timing import alternate, ratio, timed


def distillation(
    seed: int,
    rows: int | None = None,
    judged: int | None = None,
    teacher_epochs: int = 2,
    epochs: int = 3,
    learning_rate: float = 2e-4,
    repeats: int = 11,
    device="cpu",
) -> dict:
    """Fine-tune the six-layer teacher on Rotten Tomatoes, then three students of three layers on the same sentences:
    distilled, taught by labels from the same start, and taught by labels from the pretrained encoder's layers.

    Returns the score of each, `kept` (student's accuracy over teacher's, with a bootstrap interval), parameters, and
    how many times as fast the student is (medians of `repeats` runs in turns, on the CPU). rows, judged: how many train
    and test sentences (None: all).
    """
    tokenizer, encoder = load_tokenizer(), load_encoder().to(device)
    train, test = (
        classification_examples(load_reviews("rotten_tomatoes", split), tokenizer) for split in ("train", "test")
    )
    train, test = train[:rows], test[:judged]
    teacher, _ = fine_tuned(encoder, train, tokenizer, seed=seed, epochs=teacher_epochs, progress=False)
    every_second = range(0, len(encoder.layers), 2)
    students = {}
    for name, source in (("distilled", teacher.encoder), ("same start, labels", teacher.encoder), ("labels", encoder)):
        torch.manual_seed(seed)
        student = SequenceClassifier(student_from(source, every_second)).to(device)
        if source is teacher.encoder:
            student.classifier.load_state_dict(teacher.classifier.state_dict())
        distilling = name == "distilled"
        training.fine_tune(
            student,
            length_batches(train, tokenizer, 32, generator(seed)),
            epochs=epochs,
            learning_rate=learning_rate,
            compute_loss=training.distillation_loss(teacher) if distilling else training.classification_loss,
            progress=False,
        )
        students[name] = student
    right = {name: right_in_order(m, test, tokenizer, device) for name, m in ({"teacher": teacher} | students).items()}
    found = {name: evaluation.score(r) for name, r in right.items()}
    for name in students:
        found[name] |= {
            "kept": float(right[name].mean() / right["teacher"].mean()),
            "kept_interval": evaluation.bootstrap_ratio(right[name], right["teacher"], seed=seed),
            "against teacher": evaluation.mcnemar(right[name], right["teacher"]),
        }
    return found | {
        "distilled against same start": evaluation.mcnemar(right["distilled"], right["same start, labels"]),
        "parameters": {"teacher": count_parameters(teacher), "student": count_parameters(students["distilled"])},
        "times_as_fast": times_as_fast(students["distilled"].encoder, teacher.encoder, repeats),
    }


@torch.no_grad()
def times_as_fast(model: Encoder, other: Encoder, repeats: int = 11) -> dict:
    """Time two encoders on the CPU in turns, on one text and on a batch of 16; return how many times as fast `model`
    is, by medians."""

    def read(encoder: Encoder, input_ids: torch.Tensor) -> int:
        encoder(input_ids)
        return len(input_ids)

    found, encoders = {}, {side: copy.deepcopy(m).cpu().eval() for side, m in (("ours", model), ("theirs", other))}
    for batch_size in (1, 16):
        batch = torch.randint(1000, 20000, (batch_size, 32), generator=generator(0))  # any ids: the time is the same
        sides = {side: timed(partial(read, encoder, batch)) for side, encoder in encoders.items()}
        found[f"batch of {batch_size}"] = ratio(alternate(sides, repeats), "ours", "theirs")["value"]
    return found


def runs(full: bool, seeds: list[int]) -> dict[str, partial]:
    sizes = {"rows": 3400} if full else {"rows": 300, "epochs": 1}
    return {f"seed {seed}": partial(distillation, seed=seed, **sizes) for seed in seeds}


# 3,400 sentences make 107 steps: two epochs for the teacher, three for each student, which costs half a step and, to
# be distilled, the teacher's forward pass.
STUDY = Study(title="Six layers into three", notebook="08", runs=runs, cost=Cost(ALL_LAYERS, 803))
