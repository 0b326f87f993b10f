"""What the unit tests of `helpers` share: the real encoder, small models and real text, each made once."""

import copy
import os
import time

import numpy as np
import pytest
import torch
from hypothesis import settings

from helpers.bert import Encoder, EncoderConfig
from helpers.corpora import load_documents, load_reviews
from helpers.sentence_pairs import tokenize_documents
from helpers.tokenization import load_tokenizer, train_wordpiece
from helpers.weights import load_encoder

# Every run draws the same examples: a red test stays red until it is mended.
settings.register_profile("course", derandomize=True, deadline=None, max_examples=60, database=None)
settings.load_profile("course")


CPU_SECONDS = 20  # of processor time for one test, its subprocesses included, where `yardstick` takes QUIET seconds
QUIET = 0.029  # on the two cores that the tests were written on, with nothing beside them


def yardstick() -> float:
    """Return the processor seconds of a fixed piece of work. A neighbor that shares the core slows it as it slows a
    test: on a busy machine a second of processor time holds a third of the work, or less."""
    numbers = np.ones((512, 512), dtype=np.float32)

    def once() -> float:
        started = time.thread_time()
        for _ in range(10):
            numbers @ numbers
        sum(i for i in range(300_000))
        return time.thread_time() - started

    return min(once() for _ in range(3))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Fail a test that takes too long to wait for."""
    before = os.times()
    result = yield
    spent = sum(os.times()[:4]) - sum(before[:4])
    if spent > CPU_SECONDS:
        slowdown = max(1.0, yardstick() / QUIET)
        assert spent <= CPU_SECONDS * slowdown, (
            f"{item.name} took {spent:.0f} s of processor time on a machine that is now {slowdown:.1f} times as slow "
            f"as a quiet one; a unit test has {CPU_SECONDS} s on that"
        )
    return result


@pytest.fixture(autouse=True)
def seed():
    """Each test starts from the same global generator, in whatever order it runs."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def tokenizer():
    """The pretrained encoder's own."""
    return load_tokenizer()


@pytest.fixture(scope="session")
def encoder():
    """The real all-MiniLM-L6-v2. Shared: copy it before you change it."""
    return load_encoder()


@pytest.fixture(scope="session")
def small_tokenizer():
    """600 pieces learned from 400 Rotten Tomatoes sentences."""
    return train_wordpiece([review.text for review in load_reviews("rotten_tomatoes", "train")[:400]], vocab_size=600)


@pytest.fixture(scope="session")
def documents(small_tokenizer):
    """Thirty IMDb reviews: documents → sentences → token ids."""
    return tokenize_documents(load_documents("imdb", "train")[:30], small_tokenizer)


@pytest.fixture(scope="session")
def tiny_encoder():
    """A function that returns a small encoder in eval mode, its weights large enough that every part matters."""

    def make(**changes) -> Encoder:
        shape = {
            "vocab_size": 50,
            "hidden_size": 24,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "intermediate_size": 40,
            "max_position_embeddings": 32,
            "initializer_range": 0.3,
            "layer_norm_eps": 1e-5,
        }
        encoder = Encoder(EncoderConfig(**shape | changes))
        randomise(encoder)
        return encoder.eval()

    return make


@pytest.fixture(scope="session")
def shaken():
    """A function that returns a copy of a model in eval mode with random norms and biases, not ones and zeros."""

    def shake(model):
        return randomise(copy.deepcopy(model)).eval()

    return shake


@torch.no_grad()
def randomise(model):
    for parameter in model.parameters():
        if parameter.dim() == 1:
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


@pytest.fixture(scope="session")
def batch():
    """A padded batch of three sentence pairs for the tiny encoder, of lengths 9, 5 and 7."""
    generator = torch.Generator().manual_seed(7)
    lengths = torch.tensor([9, 5, 7])
    attention_mask = (torch.arange(9) < lengths[:, None]).long()  # (3, 9)
    input_ids = torch.randint(5, 50, (3, 9), generator=generator) * attention_mask
    token_type_ids = (torch.arange(9) >= lengths[:, None] // 2).long() * attention_mask
    return {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
