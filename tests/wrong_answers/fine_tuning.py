"""Wrong answers to the exercises of notebook 06, each a slip that a student makes, and what the message must say."""

import copy
import inspect

from scipy.stats import chi2, norm

from helpers.classroom.exercises import fine_tuning


def altered(reference, *slips: tuple[str, str]):
    """Return the reference with slips in it: of each pair the first text, which must be there, becomes the second."""
    source = inspect.getsource(reference)
    for old, new in slips:
        assert old in source, f"{old!r} is not in {reference.__name__}"
        source = source.replace(old, new)
    namespace = {**vars(fine_tuning)}
    exec(source, namespace)
    return namespace[reference.__name__]


def classifier(*slip: str):
    return altered(fine_tuning.Classifier, slip)


def loop(*slips: tuple[str, str]):
    return altered(fine_tuning.fine_tune, *slips)


def predicting(*slips: tuple[str, str]):
    return altered(fine_tuning.predict, *slips)


def last_layer(*slip: str):
    return altered(fine_tuning.last_layer_only, slip)


def reported(*slip: str):
    return altered(fine_tuning.reported_accuracy, slip)


def interval(*slip: str):
    return altered(fine_tuning.wilson, slip)


def p_value(*slip: str):
    return altered(fine_tuning.mcnemar_p, slip)


PAD = " " * 12
ZERO, CLIP = PAD + "optimizer.zero_grad()\n", PAD + "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n"
STEP, SCHEDULE = PAD + "optimizer.step()\n", PAD + "schedule.step()\n"
RETURN = "    return losses"
CLIP_EACH = PAD + "[torch.nn.utils.clip_grad_norm_(p, 1.0) for p in model.parameters()]\n"
MEAN = "(hidden_states * attention_mask[..., None]).sum(1) / attention_mask.sum(1, keepdim=True)"
TRAIN, EPOCHS = "        model.train()\n", "    for _ in range(epochs):\n"
EVAL = "    model.eval()\n"


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
    "Classifier": [
        (classifier("self.encoder.pool(hidden_states)", "hidden_states[:, 0]"), "Where is the pooler"),
        (
            classifier("self.encoder.pool(hidden_states)", "self.encoder.pool(hidden_states[:, 0])"),
            "picks [CLS] itself",
        ),
        (classifier("self.encoder.pool(hidden_states)", "self.encoder.pool(hidden_states[:, 1:])"), "pooled vector"),
        (classifier("self.encoder.pool(hidden_states)", MEAN), "pooled vector"),
        (classifier("self.encoder.pool(hidden_states)", "hidden_states"), "one row of three numbers"),
        (classifier("return ClassifierOutput(loss, logits)", "return loss, logits"), "return a ClassifierOutput"),
        (classifier("None if labels is None else", "0.0 if labels is None else"), "is the loss None"),
        (classifier("encoder(input_ids, attention_mask,", "encoder(input_ids, None,"), "get attention_mask"),
        (classifier("attention_mask, token_type_ids).last", "attention_mask).last"), "get token_type_ids"),
        (classifier("self.dropout(pooled))", "self.dropout(pooled)).softmax(-1)"), "before the softmax"),
        (classifier("self.dropout(pooled)", "pooled"), "Is dropout"),
        (
            classifier("self.encoder.pool(hidden_states)", "self.encoder.pool(self.dropout(hidden_states))"),
            "Is dropout",
        ),
        (classifier("cross_entropy(logits,", "cross_entropy(logits.softmax(-1),"), "Is the loss the cross-entropy"),
        (
            classifier("cross_entropy(logits, labels)", 'cross_entropy(logits, labels, reduction="none")'),
            "single number",
        ),
        (classifier("F.cross_entropy(logits, labels)", "F.cross_entropy(logits, labels).item()"), "single number"),
        (classifier("F.cross_entropy(logits,", "F.cross_entropy(logits.detach(),"), "cut it off"),
    ],
    "fine_tune": [
        (
            loop(('batch["input_ids"], batch["attention_mask"], batch["token_type_ids"], labels', "**batch, labels")),
            "TypeError",
        ),
        (loop(("for batch in batches", "for batch in ()")), "never called"),
        (loop((TRAIN, "")), "switch dropout on"),
        (
            loop(('batch["attention_mask"], batch["token_type_ids"]', 'token_type_ids=batch["token_type_ids"]')),
            "its mask",
        ),
        (loop((', batch["token_type_ids"]', "")), "token_type_ids on"),
        (loop((', labels=batch["labels"]', "")), "'NoneType' object has no attribute 'backward'"),
        (loop((STEP, "")), "Nothing has moved"),
        (loop((ZERO, ""), (STEP, ZERO + STEP)), "Nothing has moved"),
        (loop((ZERO, "")), "old gradients forgotten"),
        (loop((STEP, 2 * STEP)), "one backward and one step"),
        (loop(("(output.loss.item())\n", "(output.loss.item())\n            return losses\n")), "loop end early"),
        (loop((RETURN, "    return sum(losses) / len(losses)")), "one loss for each"),
        (loop(("output.loss.item()", "output.loss")), "keep its graph"),
        (loop(("output.loss.item()", "output.loss.item() / len(batches)")), "steps were taken from"),
        (loop((CLIP, "")), "norm 5"),
        (loop((CLIP, CLIP_EACH)), "norm 5"),
        (loop((CLIP, ""), (STEP, STEP + CLIP)), "norm 5"),
        (loop((SCHEDULE, "")), "Does the schedule move"),
        (loop((SCHEDULE, ""), (STEP, SCHEDULE + STEP)), "Does the schedule move"),
        (loop((SCHEDULE, ""), ("        if after", "        schedule.step()\n        if after")), "after each step"),
        (loop((ZERO, ""), (STEP, STEP + ZERO)), "Old gradients were left"),
        (loop(("    losses = []\n", ""), (EPOCHS, EPOCHS + "        losses = []\n")), "over all epochs"),
        (loop(("            after_epoch(model)", "            pass")), "once after each epoch"),
        (loop((TRAIN, ""), (EPOCHS, "    model.train()\n" + EPOCHS)), "next epoch train without dropout"),
    ],
    "predict": [
        (predicting(("len(texts), batch_size", "len(texts) - batch_size + 1, batch_size")), "last, shorter batch"),
        (predicting((".softmax(-1)", ".argmax(-1)")), "last, shorter batch"),
        (predicting(("torch.no_grad()", "torch.enable_grad()")), "carry a graph"),
        (predicting((".softmax(-1)", ".softmax(0)")), "don't add up to 1"),
        (predicting((".softmax(-1)", "")), "don't add up to 1"),
        (predicting((EVAL, "")), "switch dropout off"),
        (predicting(("    found = []", "    batch_size = len(texts)\n    found = []")), "two texts at a time"),
        (predicting(("model(**batch)", 'model(batch["input_ids"], None, batch["token_type_ids"])')), "padding masked"),
        (predicting(("    found = []", "    found, texts = [], sorted(texts, key=len)")), "order of the texts"),
        (predicting(("truncation=True, ", "")), "do you truncate"),
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
