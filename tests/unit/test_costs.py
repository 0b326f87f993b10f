"""What a run costs: the formula agrees with PyTorch's own counter, and the page on scaling with the formula."""

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from helpers import costs, training
from helpers.bert import Encoder, EncoderConfig, PreTrainingModel
from helpers.costs import duration, flops_per_token, scientific
from helpers.masking import IGNORE
from helpers.results import load_result, markdown_table

PAGE = Path(__file__).parents[2] / "lessons" / "scaling.md"
SMALL = EncoderConfig(500, 64, 3, 4, 160, 32)


@pytest.mark.parametrize("frozen", [0, 1, 2])
@pytest.mark.parametrize("masked", [6, 24])
def test_the_formula_counts_what_pytorch_counts(frozen, masked):
    model = PreTrainingModel(
        Encoder(SMALL)
    )  # with dropout: without it the fused attention is not counted product by product
    if frozen:
        for part in (model.encoder.embeddings, *model.encoder.layers[:frozen]):
            training.freeze(part)
    input_ids = torch.randint(5, 500, (4, 24))
    labels = torch.full_like(input_ids, IGNORE)
    labels[:, :masked] = input_ids[:, :masked]
    with FlopCounterMode(display=False) as counter:
        model(input_ids, labels=labels, next_sentence_label=torch.zeros(4, dtype=torch.long)).loss.backward()
    assert flops_per_token(SMALL, 24, masked / 24, frozen) * 4 * 24 == pytest.approx(
        counter.get_total_flops(), rel=1e-9
    )


def test_the_table_on_the_page_is_the_computed_one():
    text = PAGE.read_text(encoding="utf-8")
    assert markdown_table(costs.cost_rows()) in text
    assert f"{100 * costs.UTILISATION:.0f}%" in text and f"{costs.PEAK / 1e12:.0f} TFLOP/s" in text


def test_the_table_holds_our_runs_as_recorded_and_the_papers():
    tiny, head, small, small_head, _, mixed, long = costs.runs()
    ours = (tiny, "tiny-bert", ""), (head, "minilm-mlm", ""), (small, "tiny-bert", "on a CPU, ")
    for run, name, arm in (*ours, (small_head, "minilm-mlm", "on a CPU, ")):
        arm = load_result(f"{name}-full")["arms"][f"{arm}seed 0"]
        assert run.decoded == arm["measured"]["all_settings"]["mask_probability"]
        assert (run.config.hidden_size == 192) == (run is small) and run.machine == (
            arm["machine"]["gpu"] or "one CPU core"
        )
        assert sum(run.tokens.values()) == arm["measured"]["tokens"] and run.seconds == arm["seconds"]
    assert (head.config.num_hidden_layers, head.config.hidden_size, head.frozen_layers) == (6, 384, 3)
    assert sum(long.tokens.values()) == 256 * 512 * 10**6
    # A row of 512 costs more than four of 128: attention looks at more.
    assert flops_per_token(long.config, 512, 0.15) > flops_per_token(long.config, 128, 0.15)
    assert mixed.flops == pytest.approx(
        256e6
        * sum(
            share * length * flops_per_token(EncoderConfig(), length, 0.15)
            for share, length in ((0.9, 128), (0.1, 512))
        )
    )


def test_seconds_on_a_gpu():
    assert costs.gpu_seconds(3600 * 4e14, peak=1e15, utilisation=0.4) == pytest.approx(3600)


@pytest.mark.parametrize("number, text", [(13.1e6, "1.3 · 10⁷"), (2.4e19, "2.4 · 10¹⁹"), (0.5, "5.0 · 10⁻¹")])
def test_large_numbers(number, text):
    assert scientific(number) == text


@pytest.mark.parametrize("seconds, text", [(0.314, "0.31 s"), (780, "13 min"), (5040, "1.4 h"), (1.2e6, "330 h")])
def test_durations(seconds, text):
    assert duration(seconds) == text
