"""What a pre-training run costs: FLOPs per token by formula, and the hours of a GPU that they would take.

Matrix products alone are counted, two FLOPs for every multiplication with its addition: norms, GELU, softmax, dropout
and the optimizer move more memory than they do arithmetic. `python -m helpers.costs` prints the table of
lessons/scaling.md.
"""

from dataclasses import dataclass

from .bert import EncoderConfig, make_config
from .device import check_int, check_kind, check_number
from .results import load_result, markdown_table
from .tokenization import wheel_folder
from .weights import read_config

# The makers' dense bfloat16 peaks, FLOP/s, by a part of the name that CUDA gives the device.
PEAKS = {"H100 80GB HBM3": 989e12, "H200": 989e12, "A100": 312e12}
PEAK, UTILISATION = PEAKS["H100 80GB HBM3"], 0.4  # what the hours of the table assume


def flops_per_token(config: EncoderConfig, length: int, decoded: float, frozen_layers: int = 0) -> float:
    """Return the FLOPs of one pre-training step for each token of its batch: forward, and backward, twice as many.

    length: tokens in a row. decoded: the share of the tokens that meet the vocabulary; 0.15 if only masked slots are
    decoded, 1.0 if all are. frozen_layers: so many of the lowest layers, and the embeddings, are not trained, and so
    run forward only.
    """
    check_kind(config, "config", EncoderConfig)
    check_int(length, "length", 1)
    check_number(decoded, "decoded", 0, 1)
    check_int(frozen_layers, "frozen_layers", 0, config.num_hidden_layers)
    width, inner = config.hidden_size, config.intermediate_size
    projections = 4 * width * width + 2 * width * inner  # query, key, value, output; the two linear layers
    looking = 2 * length * width  # scores against every token of the row, and the mean of their values
    layer = 2 * (projections + looking)
    head = 2 * decoded * width * width + 2 * (width * width + 2 * width) / length  # masked words; [CLS], once a row
    vocabulary = 2 * decoded * width * config.vocab_size
    # Backward takes every product twice: once for the gradient of its input, once for that of its weight.
    flops = 3 * ((config.num_hidden_layers - frozen_layers) * layer + head + vocabulary) + frozen_layers * layer
    if frozen_layers:  # no gradient for the word embeddings, nor for what enters the first trained layer
        flops -= vocabulary + 3 * 2 * width * width
    return flops


@dataclass(frozen=True)
class CostedRun:
    """A run to be costed. `tokens`: row length → tokens seen at that length; `seconds`: what it took on `machine`, if
    it was run."""

    name: str
    config: EncoderConfig
    tokens: dict[int, float]
    decoded: float = 0.15
    frozen_layers: int = 0
    seconds: float | None = None
    machine: str = ""

    @property
    def flops(self) -> float:
        """The FLOPs of the whole run."""
        return sum(
            count * flops_per_token(self.config, length, self.decoded, self.frozen_layers)
            for length, count in self.tokens.items()
        )


def runs() -> list[CostedRun]:
    """Return the runs of the table: what this course trained, a small BERT as an example, and BERT-base."""
    base, ours = EncoderConfig(), []
    for suffix, arm in (("", "seed 0"), (", on a CPU", "on a CPU, seed 0")):
        own, head = (load_result(f"{name}-full")["arms"][arm] for name in ("tiny-bert", "minilm-mlm"))
        size, machine = own["settings"], own["machine"]["gpu"] or "one CPU core"
        width = size["hidden_size"]
        length = size["max_length"]
        tiny = make_config(8000, width, size["num_hidden_layers"], head_size=32, max_position_embeddings=length)
        for name, run, config, frozen in (
            ("tiny-bert", own, tiny, 0),
            ("minilm-mlm", head, read_config(wheel_folder()), 3),
        ):
            tokens = {128: run["measured"]["tokens"]}
            ours.append(CostedRun(name + suffix, config, tokens, 0.3, frozen, run["seconds"], machine))
    small = make_config(30522, hidden_size=512, num_hidden_layers=4)
    # Devlin et al. 2019, A.2: 1,000,000 steps of 256 sequences, of 128 tokens in 90 % of the steps, of 512 in the rest.
    sequences = 256 * 1_000_000
    return [
        *ours,
        CostedRun("a small BERT, 100,000 steps of 256", small, {128: 256 * 128 * 100_000}),
        CostedRun("BERT-base, 128 and then 512", base, {128: 0.9 * 128 * sequences, 512: 0.1 * 512 * sequences}),
        CostedRun("BERT-base, 512 throughout", base, {512: 512 * sequences}),
    ]


def gpu_seconds(flops: float, peak: float = PEAK, utilisation: float = UTILISATION) -> float:
    """Return the seconds that one GPU of this peak (FLOP/s) would take at this share of it: computed, not measured."""
    check_number(flops, "flops", 0)
    for name, value in (("peak", peak), ("utilisation", utilisation)):
        check_number(value, name)
        if value <= 0:
            raise ValueError(f"{name} is {value}; it must be above 0.")
    return flops / (peak * utilisation)


def cost_rows() -> list[dict]:
    """Return the table, one row a run, as text."""
    return [
        {
            "run": run.name,
            "layers × width": f"{run.config.num_hidden_layers} × {run.config.hidden_size}",
            "vocabulary": f"{run.config.vocab_size:,}",
            "tokens": scientific(sum(run.tokens.values())),
            "FLOPs a token": scientific(run.flops / sum(run.tokens.values())),
            "FLOPs": scientific(run.flops),
            "measured": f"{duration(run.seconds)}, {run.machine}" if run.seconds else "–",
            "one H100, computed": duration(gpu_seconds(run.flops)),
        }
        for run in runs()
    ]


def scientific(number: float) -> str:
    """Return a number as a mantissa and a power of ten, 13100000 → 1.3 · 10⁷."""
    check_number(number, "number")
    mantissa, exponent = f"{number:.1e}".split("e")
    return f"{mantissa} · 10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def duration(seconds: float) -> str:
    """Return seconds as text with two digits, in the unit that fits, 5040 → 1.4 h."""
    check_number(seconds, "seconds", 0)
    unit, size = next(((unit, size) for unit, size in (("h", 3600), ("min", 60)) if seconds >= size), ("s", 1))
    return f"{float(f'{seconds / size:.2g}'):g} {unit}"


if __name__ == "__main__":
    print(markdown_table(cost_rows()))
