"""Wrong answers to the exercises of notebook 06, each a slip that a student makes, and what the message must say."""

import copy
import inspect

import torch
from scipy.stats import chi2, norm

from helpers.classroom.exercises import fine_tuning


def altered(reference, *slips: tuple[str, str]):
    """Return the reference with slips in it: of each pair the first text, which must be there, becomes the second."""
    source = inspect.getsource(reference)
    for old, new in slips:
        assert old in source, f"{old!r} is not in {reference.__name__}"
        source = source.replace(old, new)
    namespace = {"torch": torch}
    exec(source, namespace)
    return namespace[reference.__name__]


def epoch(*slip: str):
    return altered(fine_tuning.fine_tune_epoch, slip)


def last_layer(*slip: str):
    return altered(fine_tuning.last_layer_only, slip)


def reported(*slip: str):
    return altered(fine_tuning.reported_accuracy, slip)


def interval(*slip: str):
    return altered(fine_tuning.wilson, slip)


def p_value(*slip: str):
    return altered(fine_tuning.mcnemar_p, slip)


ZERO, CLIP = "        optimizer.zero_grad()\n", "        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)\n"
STEP, SCHEDULE = "        optimizer.step()\n", "        schedule.step()\n"
BACKWARD = "        output.loss.backward()\n"
RETURN = "    return losses"
CLIP_EACH = "        [torch.nn.utils.clip_grad_norm_(p, max_norm) for p in model.parameters()]\n"


def plain_interval(successes, n, z=1.96):
    """share ± z √(share (1 - share) / n)."""
    share = successes / n
    half = z * (share * (1 - share) / n) ** 0.5
    return share - half, share + half


def plus_four(successes, n, z=1.96):
    """The plain interval, with two successes and two failures made up (Agresti and Coull 1998)."""
    return plain_interval(successes + 2, n + 4, z)


def middle_epoch(validation, test):
    return test[len(test) // 2]


def stops_at_the_first_fall(validation, test):
    best = 0
    while best + 1 < len(validation) and validation[best + 1] > validation[best]:
        best += 1
    return test[best]


def sum_of_both_splits(validation, test):
    sums = [one + other for one, other in zip(validation, test)]
    return test[sums.index(max(sums))]


def copied(model):
    return fine_tuning.last_layer_only(copy.deepcopy(model))


def fresh_layer_too(model):
    model = fine_tuning.last_layer_only(model)
    for module in model.encoder.layers[-1].modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return model


def fresh_weight_only(model):
    old = model.classifier.bias
    model = fine_tuning.last_layer_only(model)
    model.classifier.bias = old
    return model


def chi_square(only_a, only_b):
    """McNemar's own approximation, without the correction."""
    return float(chi2.sf((only_a - only_b) ** 2 / (only_a + only_b), 1)) if only_a + only_b else 1.0


WRONG = {
    "fine_tune_epoch": [
        (epoch("    model.train()\n", ""), "switch dropout on"),
        (epoch(', attention_mask=batch["attention_mask"]', ""), "do you pass it on"),
        (epoch(', labels=batch["labels"]', ""), "'NoneType' object has no attribute 'backward'"),
        (epoch(STEP, ""), "Nothing has moved"),
        (altered(fine_tuning.fine_tune_epoch, (ZERO, ""), (STEP, ZERO + STEP)), "Nothing has moved"),
        (epoch(ZERO, ""), "zero_grad"),
        (epoch(STEP, 2 * STEP), "no clipping below"),
        (epoch(RETURN, "    " + RETURN), "end too early"),
        (epoch(RETURN, "    return sum(losses) / len(losses)"), "one loss for each"),
        (epoch("output.loss.item()", "output.loss"), "keep its graph"),
        (epoch("output.loss.item()", "output.loss.item() / len(batches)"), "batch by batch"),
        (epoch(CLIP, ""), "clipped as one"),
        (epoch(CLIP, CLIP_EACH), "clipped as one"),
        (altered(fine_tuning.fine_tune_epoch, (CLIP, ""), (STEP, STEP + CLIP)), "clipped as one"),
        (epoch("max_norm)\n", "1.0)\n"), "no clipping below"),
        (epoch(SCHEDULE, ""), "Does the schedule move"),
        (altered(fine_tuning.fine_tune_epoch, (SCHEDULE, ""), (STEP, SCHEDULE + STEP)), "Does the schedule move"),
        (
            altered(fine_tuning.fine_tune_epoch, (SCHEDULE, ""), ("    return", "    schedule.step()\n    return")),
            "after each step",
        ),
        (altered(fine_tuning.fine_tune_epoch, (ZERO, ""), (STEP, STEP + ZERO)), "Somebody left gradients"),
    ],
    "last_layer_only": [
        (last_layer("model.classifier =", "head ="), "gets no gradient"),
        (
            altered(
                fine_tuning.found_last_layer_only,
                ("model.encoder.layers[-1]", "model.classifier"),
            ),
            "never gets a gradient",
        ),
        (
            last_layer("return model", "model.out_head = torch.nn.Linear(12, 2)\n    return model"),
            "never gets a gradient",
        ),
        (last_layer(".requires_grad_(False)", ".requires_grad_(True)"), "More is trained than"),
        (last_layer("model.encoder.layers[-1]", "model.encoder"), "More is trained than"),
        (last_layer("model.encoder.layers[-1]", "model.encoder.layers[0]"), "Is all of the last layer"),
        (
            last_layer("Linear(model.encoder.config.hidden_size, 2)", "Linear(model.encoder.config.hidden_size, 3)"),
            "still two labels",
        ),
        (
            last_layer(
                "model.classifier = torch.nn.Linear(model.encoder.config.hidden_size, 2)",
                "model.classifier.requires_grad_(True)",
            ),
            "the old one",
        ),
        (last_layer("    return model", "    model.requires_grad_(False)\n    return model"), "do you unfreeze"),
        (fresh_weight_only, "Is all of the last layer"),
        (fresh_layer_too, "Does the encoder still hold"),
        (copied, "or a copy of it"),
    ],
    "reported_accuracy": [
        (lambda validation, test: max(test) if len(test) > 1 else test[0], "Which split chose"),
        (lambda validation, test: max(validation), "do you report the test split"),
        (lambda validation, test: test[-1], "Which split chose"),
        (reported("validation[epoch] > validation", "validation[epoch] > test"), "Which split chose"),
        (reported("validation[epoch] > validation", "test[epoch] > validation"), "Which split chose"),
        (middle_epoch, "Which split chose"),
        (sum_of_both_splits, "when only the test scores do"),
        (reported("len(validation)", "len(validation) - 1"), "up to the last"),
        (stops_at_the_first_fall, "up to the last"),
        (reported("] > ", "] >= "), "take the first"),
    ],
    "wilson": [
        (plain_interval, "None of ten: it starts at 0"),
        (plus_four, "None of ten: it starts at 0"),
        (interval("    return", "    half *= 1 + z**2 / n\n    return"), "half width divided"),
        (interval("(1 - share) / n", "(1 - share) / (n - 1)"), "n in every place"),
        (
            interval(
                "(centre - half) / (1 + z**2 / n), (centre + half)", "(centre + half) / (1 + z**2 / n), (centre - half)"
            ),
            "the lower end first",
        ),
        (interval(" / (1 + z**2 / n)", ""), "as far down as up"),
        (interval("z**2 / (2 * n)", "0"), "as far down as up"),
        (interval("    share =", "    z = 1.96\n    share ="), "Do you use z"),
        (interval("z**2 / (4 * n**2)", "z**2 / (4 * n)"), "n squared"),
    ],
    "mcnemar_p": [
        (p_value("2 * tail", "tail"), "both sides"),
        (chi_square, "both sides, exactly"),
        (p_value("min(only_a, only_b)", "only_a"), "does the order matter"),
        (p_value("sum(comb(n, k) for k in range(fewer + 1))", "comb(n, fewer)"), "more uneven still"),
        (p_value("min(1.0, 2 * tail)", "2 * tail"), "above 1"),
        (p_value("range(fewer + 1)", "range(fewer)"), "both sides"),
        (lambda a, b: fine_tuning.mcnemar_p(a, b) if a + b else 0.0, "0 to 0"),
        (
            lambda a, b: fine_tuning.mcnemar_p(a, b) if a + b < 20 else float(2 * norm.sf(abs(a - b) / (a + b) ** 0.5)),
            "8 to 20",
        ),
    ],
}
