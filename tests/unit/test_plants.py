"""Subtle bugs, kept: each is planted in a copy of helpers, and the test that names it must go red.

A bug that no test notices is a blind spot. To add one, plant it here and name the test that should see it. All of them
take a minute or two, so the suite tries a sixth a day; `make plants` tries all.
"""

import os
import time
from typing import NamedTuple

import pytest
from planted import copy_of_helpers, processes, run


class Plant(NamedTuple):
    """A bug: in this module of helpers, `old` becomes `new`, and `test` goes red."""

    module: str
    old: str
    new: str
    test: str


PLANTS = [
    Plant(
        "attention",
        "self.dropout if self.training else 0.0)",
        "0.0)",
        "test_blind_spots.py::test_dropout_acts_where_berts_does_and_at_its_own_rate",
    ),
    Plant(
        "attention",
        "mixed = F.dropout(weights, self.dropout) @ value",
        "mixed = F.dropout(weights @ value, self.dropout)",
        "test_blind_spots.py::test_dropout_acts_where_berts_does_and_at_its_own_rate",
    ),
    Plant(
        "attention",
        "        scores = scores.masked_fill(~mask, -torch.inf)\n    weights = scores.softmax(dim=-1)",
        "    weights = scores.softmax(dim=-1)\n    if mask is not None:\n        weights = weights * mask",
        "test_attention.py::test_equals_pytorch",
    ),
    Plant(
        "attention", "math.sqrt(query.shape[-1])", "math.sqrt(key.shape[-2])", "test_attention.py::test_equals_pytorch"
    ),
    Plant("attention", ".tril()", ".triu()", "test_attention.py::test_equals_pytorch"),
    Plant(
        "attention",
        "(self.query, self.key, self.value))",
        "(self.query, self.query, self.value))",
        "test_attention.py::test_multi_head_equals_pytorch",
    ),
    Plant(
        "bert",
        "config.hidden_size, config.num_attention_heads, config.attention_probs_dropout_prob",
        "config.hidden_size, config.num_attention_heads, config.hidden_dropout_prob",
        "test_blind_spots.py::test_dropout_acts_where_berts_does_and_at_its_own_rate",
    ),
    Plant(
        "bert",
        "        self.dropout = nn.Dropout(encoder.config.hidden_dropout_prob)",
        "        self.dropout = nn.Dropout(0.1)",
        "test_blind_spots.py::test_the_classifier_drops_from_the_pooled_vector",
    ),
    Plant(
        "bert",
        "        initialize(self.classifier, encoder.config.initializer_range)",
        "        pass",
        "test_blind_spots.py::test_heads_start_with_the_configurations_spread",
    ),
    Plant(
        "bert",
        "        initialize(self.dense, config.initializer_range)",
        "        pass",
        "test_blind_spots.py::test_heads_start_with_the_configurations_spread",
    ),
    Plant(
        "bert",
        "self.attention_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)",
        "self.attention_norm = nn.LayerNorm(config.hidden_size)",
        "test_bert.py::test_equals_transformers_at_every_layer",
    ),
    Plant(
        "bert",
        "self.output_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)",
        "self.output_norm = nn.LayerNorm(config.hidden_size)",
        "test_bert.py::test_equals_transformers_at_every_layer",
    ),
    Plant(
        "bert",
        "F.gelu(self.intermediate(hidden_states))",
        'F.gelu(self.intermediate(hidden_states), approximate="tanh")',
        "test_bert.py::test_equals_transformers_at_every_layer",
    ),
    Plant(
        "bert",
        "F.gelu(self.dense(hidden_states))",
        'F.gelu(self.dense(hidden_states), approximate="tanh")',
        "test_weights.py::test_we_read_what_transformers_saves",
    ),
    Plant("bert", "word_embeddings, self.bias)", "word_embeddings)", "test_bert.py::test_both_losses_add_up"),
    Plant(
        "bert", "nn.init.zeros_(module.weight.data[module.padding_idx])", "pass", "test_bert.py::test_initial_weights"
    ),
    Plant(
        "bert",
        "zip(student.layers, layers)",
        "zip(student.layers, sorted(layers))",
        "test_blind_spots.py::test_copied_layers_keep_the_order_they_are_given_in",
    ),
    Plant("bert", "/ real.sum(1)", "/ real.shape[1]", "test_bert.py::test_poolings_by_hand"),
    Plant(
        "bert",
        "self.pooler(last_hidden_state[:, 0])",
        "self.pooler(last_hidden_state[:, -1])",
        "test_bert.py::test_equals_transformers_at_every_layer",
    ),
    Plant(
        "bert",
        "F.cross_entropy(nsp_logits.float(), next_sentence_label.long())",
        "F.cross_entropy(nsp_logits.float(), next_sentence_label.long(), label_smoothing=0.1)",
        "test_bert.py::test_both_losses_add_up",
    ),
    Plant(
        "bert",
        "F.cross_entropy(mlm_logits.float(), labels)",
        "F.cross_entropy(mlm_logits.float(), labels, label_smoothing=0.1)",
        "test_bert.py::test_only_masked_slots_are_decoded_and_only_they_are_learned_from",
    ),
    Plant(
        "bert",
        "F.cross_entropy(logits.float(), labels.long())",
        "F.cross_entropy(logits.float(), labels.long(), label_smoothing=0.1)",
        "test_bert.py::test_the_classifier_has_a_loss_only_with_labels",
    ),
    Plant(
        "training",
        "betas=(0.9, 0.999)",
        "betas=(0.9, 0.98)",
        "test_blind_spots.py::test_the_optimizer_has_berts_constants",
    ),
    Plant("training", "eps=1e-8", "eps=1e-6", "test_blind_spots.py::test_the_optimizer_has_berts_constants"),
    Plant(
        "training",
        'if p.dim() < 2], "weight_decay": 0.0}',
        'if p.dim() < 2], "weight_decay": weight_decay}',
        "test_blind_spots.py::test_the_optimizer_has_berts_constants",
    ),
    Plant(
        "training",
        "    norm = nn.utils.clip_grad_norm_(",
        "    norm = loss.detach()\n    nn.utils.clip_grad_value_(",
        "test_blind_spots.py::test_the_loops_pass_their_settings_on",
    ),
    Plant(
        "training",
        "teacher_logits.float(), temperature)",
        "teacher_logits.float(), 2.0)",
        "test_blind_spots.py::test_distillation_uses_the_temperature_it_is_given",
    ),
    Plant("training", " * temperature**2", "", "test_training.py::test_soft_targets_by_hand"),
    Plant("training", 'reduction="batchmean"', 'reduction="mean"', "test_training.py::test_soft_targets_by_hand"),
    Plant(
        "training",
        "weight_decay)\n    warmup = int(optimization.warmup_fraction * steps)\n    state = LoopState(gen",
        "weight_decay * 0)\n    warmup = int(optimization.warmup_fraction * steps)\n    state = LoopState(gen",
        "test_blind_spots.py::test_the_loops_pass_their_settings_on",
    ),
    Plant(
        "training",
        '        torch.set_rng_state(tensors["global_generator"])',
        "        pass",
        "test_training.py::test_a_stopped_run_goes_on_bit_for_bit",
    ),
    Plant("training", "(step + 1) / warmup", "step / warmup", "test_training.py::test_the_schedule_by_hand"),
    Plant(
        "training",
        "        with evaluating(model):\n            result = evaluate(model)",
        "        model.eval()\n        result = evaluate(model)",
        "test_training.py::test_a_stopped_run_goes_on_bit_for_bit",
    ),
    Plant(
        "training",
        "with torch.no_grad(), evaluating(teacher):",
        "with torch.no_grad():",
        "test_training.py::test_a_student_learns_from_its_teacher",
    ),
    Plant(
        "training",
        "max_steps or sys.maxsize",
        "sys.maxsize",
        "test_blind_spots.py::test_an_epoch_that_is_cut_short_ends_there_at_a_rate_of_zero",
    ),
    Plant("masking", "action < mix[0] + mix[1]", "action < mix[1]", "test_masking.py::test_the_mix_in_the_long_run"),
    Plant(
        "masking",
        "    eligible = ~special_tokens_mask.bool()",
        "    eligible = torch.ones_like(special_tokens_mask).bool()",
        "test_masking.py::test_the_rules_of_masking",
    ),
    Plant("masking", "(count,), generator=generator))", "(count,)))", "test_masking.py::test_the_rules_of_masking"),
    Plant(
        "masking",
        "draw = torch.rand(input_ids.shape, generator=generator)",
        "draw = torch.rand(input_ids.shape)",
        "test_masking.py::test_the_rules_of_masking",
    ),
    Plant(
        "masking",
        "    action = torch.rand(count, generator=generator)",
        "    action = torch.rand(count)",
        "test_masking.py::test_the_rules_of_masking",
    ),
    Plant(
        "batching",
        '"special_tokens_mask": 1,',
        '"special_tokens_mask": 0,',
        "test_blind_spots.py::test_padding_is_filled_with_what_each_key_needs",
    ),
    Plant(
        "batching",
        '(load_documents("imdb", split)[:documents], tokenizer)\n    return list(pretraining_batches',
        '(load_documents("imdb", "validation")[:documents], tokenizer)\n    return list(pretraining_batches',
        "test_blind_spots.py::test_what_is_judged_is_the_split_that_was_asked_for",
    ),
    Plant(
        "batching",
        "LengthBucketSampler(lengths, batch_size, generator)\n    check_tokenizer(tokenizer)",
        "LengthBucketSampler(lengths, batch_size, None)\n    check_tokenizer(tokenizer)",
        "test_blind_spots.py::test_labeled_batches_come_in_the_order_of_their_generator",
    ),
    Plant(
        "batching",
        "generator(seed + next(turn))",
        "generator(seed)",
        "test_batching.py::test_static_masks_come_back_and_dynamic_ones_do_not",
    ),
    Plant(
        "batching",
        "torch.randperm(len(batches), generator=generator)",
        "torch.randperm(len(batches))",
        "test_batching.py::test_epochs_differ_and_repeat_with_the_seed",
    ),
    Plant(
        "batching",
        "MlmCollator(tokenizer, generator, **options)",
        "MlmCollator(tokenizer, torch.Generator(), **options)",
        "test_blind_spots.py::test_masks_are_drawn_from_the_epochs_generator",
    ),
    Plant(
        "corpora",
        'unique[row["source"]].setdefault(text_hash(text), Review(text, int(row["label"])))',
        'unique[row["source"]][text_hash(text)] = Review(text, int(row["label"]))',
        "test_blind_spots.py::test_of_two_equal_texts_the_first_stays",
    ),
    Plant(
        "corpora",
        '{0: "test", 1: "validation"}',
        '{1: "test", 0: "validation"}',
        "test_corpora.py::test_counts_and_classes",
    ),
    Plant(
        "evaluation",
        "return (similarity >= similarity.diagonal()[:, None]).sum(1)",
        "return (similarity > similarity.diagonal()[:, None]).sum(1) + 1",
        "test_evaluation.py::test_vectors_that_are_all_alike_find_nothing",
    ),
    Plant(
        "evaluation",
        "(0.025, 0.975)",
        "(0.05, 0.95)",
        "test_blind_spots.py::test_the_bootstraps_interval_covers_95_percent",
    ),
    Plant(
        "evaluation",
        "binomtest(only_a, only_a + only_b)",
        'binomtest(only_a, only_a + only_b, alternative="greater")',
        "test_evaluation.py::test_mcnemar_equals_the_binomial_by_hand",
    ),
    Plant(
        "evaluation",
        '("kept", inputs == labels)',
        '("kept", inputs != labels)',
        "test_evaluation.py::test_masked_words_are_scored_as_in_a_naive_loop",
    ),
    Plant(
        "evaluation",
        "math.exp(log_temperature), labels)",
        "math.exp(-log_temperature), labels)",
        "test_evaluation.py::test_one_temperature_makes_confidence_match_the_accuracy",
    ),
    Plant(
        "sentence_pairs",
        "start = cut if negative else end",
        "start = end",
        "test_sentence_pairs.py::test_the_rules_of_pairs",
    ),
    Plant(
        "sentence_pairs",
        "[0] * (len(a) + 2) + [1] * (len(b) + 1)",
        "[0] * (len(a) + 1) + [1] * (len(b) + 2)",
        "test_sentence_pairs.py::test_the_input_is_laid_out_as_the_tokenizer_does",
    ),
    Plant(
        "sentence_pairs",
        "front = sum(number < 0.5 for number in islice(rng.numbers, count))",
        "front = 0",
        "test_sentence_pairs.py::test_truncation_cuts_front_and_back_alike",
    ),
    Plant(
        "sentence_pairs",
        "if length == len(true_first) and list(document[start]) == true_first:",
        "if False:",
        "test_sentence_pairs.py::test_a_negative_never_starts_with_the_true_next_sentence",
    ),
    Plant(
        "transfer",
        "    torch.manual_seed(int(seed))  # the new head and dropout draw from the global generator\n",
        "",
        "test_transfer.py::test_fine_tuning_leaves_the_encoder_it_is_given_alone",
    ),
    Plant(
        "transfer",
        "length_batches(examples, tokenizer, batch_size, generator(seed))",
        "length_batches(examples, tokenizer, batch_size, generator(0))",
        "test_blind_spots.py::test_the_seed_of_fine_tuning_reaches_its_batches",
    ),
    Plant(
        "transfer",
        "    model.requires_grad_(True)\n    if train_layers",
        "    if train_layers",
        "test_transfer.py::test_a_frozen_encoder_is_trained_all_the_same",
    ),
    Plant(
        "transfer",
        "ids if len(ids) <= max_length else ids[: max_length - 1] + ids[-1:]",
        "ids[:max_length]",
        "test_csv.py::test_long_texts_are_cut_and_counted",
    ),
    Plant(
        "transfer",
        'if found["accuracy"] > max(self',
        'if found["accuracy"] >= max(self',
        "test_csv.py::test_the_weights_of_the_best_epoch_are_saved",
    ),
    Plant(
        "transfer",
        'load_reviews("rotten_tomatoes", "validation")[:rows]',
        'load_reviews("rotten_tomatoes", "test")[:rows]',
        "test_blind_spots.py::test_a_learning_rate_is_chosen_on_the_validation_split",
    ),
    Plant(
        "transfer",
        'for example in prepared.examples["train"])',
        'for example in prepared.examples["test"])',
        "test_blind_spots.py::test_the_majority_class_is_that_of_the_texts_to_train_on",
    ),
    Plant(
        "weights",
        '    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",\n',
        '    "cls.predictions.decoder.weight": "cls.predictions.decoder.weight",\n',
        "test_weights.py::test_output_weights_that_are_not_tied_are_refused",
    ),
    Plant(
        "tokenization",
        "values[: max_length - 1] + values[-1:]",
        "values[:max_length]",
        "test_tokenization.py::test_nothing_is_cut_unless_asked",
    ),
    Plant(
        "lab/fast_pairs",
        "miss[text.same[first] == text.same[cut][:, None]] = len(text.tokens)",
        "pass",
        "test_fast_pairs.py::test_a_negative_never_starts_with_the_true_next_sentence",
    ),
    Plant(
        "lab/fast_pairs",
        "_heads(cut_a, draws)",
        "0 * cut_a",
        "test_blind_spots.py::test_pairs_in_bulk_lose_tokens_at_both_ends",
    ),
    Plant(
        "lab/fast_pairs",
        "start = np.where(negative, cut, end)",
        "start = end",
        "test_fast_pairs.py::test_with_room_enough_every_token_is_used_and_true_pairs_touch",
    ),
    Plant(
        "lab/fast_pairs",
        "* (limit / 256 / share)",
        "* 1.0",
        "test_fast_pairs.py::test_masks_in_the_long_run",
    ),
    Plant(
        "lab/fast_pairs",
        "chosen = (fate < 1) & ~special[ids[slots]]",
        "chosen = fate < 1",
        "test_fast_pairs.py::test_masking_leaves_everything_but_the_chosen_words_alone",
    ),
    Plant(
        "lab/fast_pairs",
        "fate >= 1 - kept",
        "fate >= 1 - replaced",
        "test_fast_pairs.py::test_masks_in_the_long_run",
    ),
    Plant(
        "lab/fast_pairs",
        "    heads[many] += draws.binomial(coins[many] - 64, 0.5)\n",
        "",
        "test_fast_pairs.py::test_heads_are_half_of_the_coins",
    ),
    Plant(
        "lab/fast_pairs",
        "np.pad(text.tokens.astype(np.min_scalar_type(vocab_size)), width)",
        "np.pad(text.tokens.astype(np.uint16), width)",
        "test_fast_pairs.py::test_stretches_of_the_text",
    ),
    Plant(
        "toy", "hidden[labels != IGNORE]", "hidden[labels == labels]", "test_toy.py::test_only_asked_slots_are_answered"
    ),
    Plant(
        "lab/distributed",
        "number * world_size + rank)",
        "number * world_size)",
        "test_distributed.py::test_every_process_drops_others_and_the_batches_stay_the_same",
    ),
    Plant(
        "batching",
        '    if "labels" in batch:\n',
        "    if False:\n",
        "test_wrong_input.py::test_labels_are_not_overwritten_by_masking",
    ),
]


TODAY = int(time.time() // 86400) % 6
TRIED = {i: p for i, p in enumerate(PLANTS) if os.environ.get("COURSE_PLANTS") == "all" or i % 6 == TODAY}


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    return copy_of_helpers(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def tried(copied):
    """Run a test on the copy, in a process of its own; return pytest's exit status and what it printed."""
    with processes() as pool:
        yield lambda *tests: pool.submit(run, str(copied), list(tests)).result()


def test_without_a_bug_the_tests_are_green(tried):
    status, printed = tried(*dict.fromkeys(plant.test for plant in TRIED.values()))
    assert status == 0, printed[-2000:]


@pytest.mark.parametrize("plant", TRIED.values(), ids=[f"{plant.module}-{i}" for i, plant in TRIED.items()])
def test_a_planted_bug_is_seen(copied, tried, plant):
    path = copied / "helpers" / f"{plant.module}.py"
    text = path.read_text(encoding="utf-8")
    assert text.count(plant.old) == 1, "the planted bug's place has moved: update the plant"
    path.write_text(text.replace(plant.old, plant.new), encoding="utf-8")
    try:
        status, printed = tried(plant.test)
    finally:
        path.write_text(text, encoding="utf-8")
    assert status == 1, f"no test saw it: {printed[-500:]}"


def test_there_are_enough_of_them():
    assert len({(plant.module, plant.old, plant.new) for plant in PLANTS}) == len(PLANTS) >= 26
