"""What a notebook builds by hand is lifted out of it by name and compared with helpers' own: the two cannot drift."""

import ast
import math
import types
from pathlib import Path

import nbformat
import pytest
import torch
from torch import nn

from helpers import attention, bert, training
from helpers.runtime import generator

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def lift(number: str, *names: str) -> types.SimpleNamespace:
    """Return the functions and classes of these names as the notebook defines them, with its imports and constants."""
    (path,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
    module = types.ModuleType(path.stem)
    wanted = set(names)
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        for node in ast.parse(cell.source).body:
            is_import = isinstance(node, ast.Import | ast.ImportFrom)
            if is_import or isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in wanted:
                code = ast.Module(body=[node], type_ignores=[])
                exec(compile(code, f"{path.name}:{cell.id}", "exec"), vars(module))
    missing = [name for name in names if name not in vars(module)]
    assert not missing, f"{path.name} no longer defines {missing}"
    return types.SimpleNamespace(**{name: vars(module)[name] for name in names})


@pytest.fixture
def hidden_states():
    """A batch of 2 and a length of 7, so that swapped axes cannot hide: (batch, seq, hidden)."""
    return torch.randn(2, 7, 24, generator=generator(0))


def test_05_layer(hidden_states):
    hand = lift("05", "HandEncoderLayer").HandEncoderLayer(24, 3, 96).eval()
    config = bert.EncoderConfig(vocab_size=10, hidden_size=24, num_attention_heads=3, intermediate_size=96)
    ready = bert.EncoderLayer(config).eval()
    hand.load_state_dict(ready.state_dict())
    mask = attention.padding_mask(torch.tensor([[1] * 7, [1] * 4 + [0] * 3]))
    torch.testing.assert_close(hand(hidden_states, mask), ready(hidden_states, mask)[0], atol=1e-6, rtol=0)


def test_05_layer_norm(hidden_states):
    weight, bias = torch.randn(2, 24, generator=generator(1))
    ready = nn.LayerNorm(24, eps=1e-12)
    ready.load_state_dict({"weight": weight, "bias": bias})
    hand = lift("05", "layer_norm").layer_norm(hidden_states, weight, bias)
    torch.testing.assert_close(hand, ready(hidden_states), atol=1e-5, rtol=0)


@pytest.mark.parametrize("layers, width", [(1, 12), (3, 24)])
def test_05_count(layers, width):
    config = bert.EncoderConfig(50, width, layers, 2, 3 * width, max_position_embeddings=9)
    hand = lift("05", "count_by_formula", "total_by_formula")
    assert hand.total_by_formula.__globals__ is hand.count_by_formula.__globals__
    assert hand.total_by_formula(config) == bert.count_parameters(bert.Encoder(config))


def test_06_loop():
    def model():
        torch.manual_seed(0)
        config = bert.EncoderConfig(20, 16, 1, 2, 32, max_position_embeddings=9)
        return bert.SequenceClassifier(bert.Encoder(config))

    def batches(generator):
        for _ in range(6):
            input_ids = torch.randint(1, 20, (4, 9), generator=generator)
            yield {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids), "labels": input_ids[:, 0] % 2}

    hand = lift("06", "fine_tune_by_hand").fine_tune_by_hand
    by_hand = hand(model(), batches(generator(1)), steps=6, learning_rate=1e-3, warmup=2)
    settings = {"warmup_fraction": 1 / 3, "learning_rate": 1e-3, "generator": generator(1), "progress": False}
    ready = training.fine_tune(model(), batches, epochs=1, steps_per_epoch=6, **settings).loss
    assert all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(by_hand, ready, strict=True))
