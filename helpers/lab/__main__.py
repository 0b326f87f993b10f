"""The command line that records the studies.

    python -m helpers.experiments ladder --budget full --seeds 3

writes data/results/ladder-full.json, arm by arm: what was measured, with settings, machine, versions, seconds and the
command. A study that was stopped goes on where it was. Tables are made from these files.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

import torch

from . import benchmarks, distributed, rivals, studies
from .bert import PreTrainingModel
from .bulk_pairs import bulk_batches
from .checkpoints import NARROW_HEADS, STARTS, ship_minilm_mlm, ship_tiny_bert, started
from .recipes import own_vocabulary, tiny_config
from .records import record
from .runtime import generator
from .sentence_pairs import NEGATIVES
from .weights import save_pretrained

# Arms with this setting need a GPU: without one they are listed as not run. All others are small enough for a CPU (see
# data/results/plan.json).
GPU = {"device": "cuda"}
TINY = {"hidden_size": 128, "num_hidden_layers": 2, "max_length": 64, "batch_size": 32}

MASKING = {  # name of the arm: what differs from 15 % of the tokens, 80/10/10, drawn anew every time
    "15 %, dynamic": {},
    "30 %": {"mask_probability": 0.3},
    "40 %": {"mask_probability": 0.4},
    "whole words": {"whole_word": True},
    "[MASK] only": {"mix": [1.0, 0.0, 0.0]},
    "400 reviews, dynamic": {"documents": 400},
    "400 reviews, static": {"documents": 400, "static": True},
}
RECIPES = {  # no pre-training, RoBERTa's changes in turn, then more text and more steps
    "not pre-trained": {"steps": 0},
    "prepared once, NSP": {"documents": 400, "static": True},
    "drawn anew, NSP": {"documents": 400},
    "drawn anew, no NSP loss": {"documents": 400, "next_sentence": False},
    "drawn anew, single texts": {"documents": 400, "pairs": False},
    "10 % of the text, long": {"documents": 1997, "pairs": False, "steps": 2000},
    "30 % of the text, long": {"documents": 5992, "pairs": False, "steps": 2000},
    "all of the text, long": {"pairs": False, "steps": 2000},
}


def three_objectives(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebook 02: one encoder, three objectives."""
    return {f"seed {seed}": partial(studies.three_objectives, seed=seed, steps=1000 if full else 350) for seed in seeds}


def masking(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebook 03: what of the masking matters."""
    steps = 1000 if full else 100
    return {
        f"{name}, seed {seed}": partial(studies.tiny_pretraining, seed=seed, steps=steps, **TINY, **change)
        for seed in seeds
        for name, change in MASKING.items()
    }


def next_sentence(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebook 04: is it reading? Three kinds of negatives; and BERT's kind with as many pairs as a CPU can afford."""
    many = (
        {"steps": 4000, "batch_size": 32, "train_layers": None, "learning_rate": 1e-4} | GPU if full else {"steps": 20}
    )
    sizes = {kind: {"negatives": kind} | many for kind in NEGATIVES}
    sizes["another review, fewer pairs"] = {"negatives": "another review", "steps": 600 if full else 20}
    return {
        f"{name}, seed {seed}": partial(studies.next_sentence_verdict, seed=seed, **size)
        for seed in seeds
        for name, size in sizes.items()
    }


def starts(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebook 05: how a small encoder leaves the plateau."""
    steps = 1000 if full else 100
    return {
        f"{start}, seed {seed}": partial(studies.tiny_pretraining, seed=seed, steps=steps, start=start, **TINY)
        for seed in seeds
        for start in STARTS
    }


def race(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebook 05: our loop against transformers' Trainer, the same seconds each; the Trainer may try three rates."""
    arms = {"ours": ("ours", 2e-3)} | {f"Trainer, {rate:g}": ("Trainer", rate) for rate in (5e-4, 1e-3, 2e-3)}
    seconds = 420 if full else 10
    return {
        f"{name}, seed {seed}": partial(
            rivals.wall_clock_race, side=side, seed=seed, seconds=seconds, learning_rate=rate
        )
        for seed in seeds
        for name, (side, rate) in arms.items()
    }


def tiny_bert(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebook 05: the checkpoint from scratch, what dropout does to it, and a smaller one for a CPU. At the full
    budget the first seed's model is shipped."""
    small = {"hidden_size": 192, "num_hidden_layers": 2, "max_length": 128, "batch_size": 16}
    small |= {"steps": 18000 if full else 50, "mask_probability": 0.3, "evaluations": 9}
    large = {"hidden_size": 256, "num_hidden_layers": 4, "max_length": 128, "batch_size": 128, "steps": 16000}
    large |= {"mask_probability": 0.3, "learning_rate": 1e-3, "bulk": True, "evaluations": 10} | GPU
    arms = {}
    for seed in seeds:
        if full:
            arms[f"seed {seed}"] = partial(ship_tiny_bert, seed=seed, **large, dropout=0.0)
            arms[f"with dropout, seed {seed}"] = partial(studies.tiny_pretraining, seed=seed, **large, dropout=0.1)
        arms[f"on a CPU, seed {seed}"] = partial(studies.tiny_pretraining, seed=seed, **small)
    return arms


def minilm_mlm(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebook 03: the masked-word head for the pretrained encoder, what dropout does to it, and a shorter run for a
    CPU. At the full budget the first seed's is shipped."""
    small = {"steps": 6000 if full else 10, "batch_size": 8}
    large = {"steps": 13000, "batch_size": 64, "mask_probability": 0.3, "learning_rate": 1e-3, "evaluations": 10} | GPU
    arms = {}
    for seed in seeds:
        if full:
            arms[f"seed {seed}"] = partial(ship_minilm_mlm, seed=seed, **large)
            arms[f"with dropout, seed {seed}"] = partial(studies.masked_word_head, seed=seed, **large, dropout=True)
        arms[f"on a CPU, seed {seed}"] = partial(studies.masked_word_head, seed=seed, **small)
    return arms


def shipped(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebooks 03 and 05: the two checkpoints as their files stand, and what can be had without reading."""
    return {name: partial(studies.shipped_checkpoint, name=name) for name in ("tiny-bert", "minilm-mlm")}


def ladder(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebook 06: the ladder, on our held-out tenth."""
    size = {"rows": None, "epochs": 1, "batch_size": 32} if full else {"rows": 300, "epochs": 3}
    return {f"seed {seed}": partial(studies.ladder_scores, seed=seed, **size) for seed in seeds}


def ladder_folds(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebook 06: the ladder, cross-validated over all sentences."""
    return {
        f"fold {fold}, seed {seed}": partial(studies.ladder_fold, fold=fold, seed=seed, epochs=2 if full else 1)
        for seed in seeds
        for fold in range(studies.FOLDS)
    }


def learning_rates(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebook 06: why the learning rate is low."""
    sizes = {"rows": 800 if full else 400, "rates": [1e-5, 3e-5, 1e-4, 3e-4, 1e-3]}
    return {f"seed {seed}": partial(studies.learning_rate_scores, seed=seed, **sizes) for seed in seeds}


def epochs(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebook 06: how many epochs are too many."""
    size = {"rows": 300, "epochs": 10} if full else {"rows": 64, "epochs": 2}
    return {f"seed {seed}": partial(studies.epoch_by_epoch, seed=seed, **size) for seed in seeds}


def warmup_and_clipping(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebook 06: what warm-up and clipping are worth."""
    size = {"rows": 800, "rates": [1e-4, 3e-4]} if full else {"rows": 64, "rates": [1e-4]}
    return {f"seed {seed}": partial(studies.warmup_and_clipping, seed=seed, **size) for seed in seeds}


def own_pretraining(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebook 05: what our own pre-training is worth, each start at four learning rates."""
    return {
        f"{name}, {rate:g}, seed {seed}": partial(
            studies.own_pretraining_pays,
            seed=seed,
            pretrained=name == "pre-trained",
            learning_rate=rate,
            **({"epochs": 3} | GPU if full else {"epochs": 1}),
        )
        for seed in seeds
        for name in ("pre-trained", "fresh")
        for rate in (1e-4, 3e-4, 1e-3, 3e-3)
    }


def own_pretraining_folds(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebook 05: what our own pre-training is worth, cross-validated, at the rates that `own_pretraining` chose."""
    rates = {"pre-trained": 1e-3, "fresh": 3e-4}
    return {
        f"fold {fold}, seed {seed}": partial(
            studies.own_pretraining_fold, fold=fold, seed=seed, rates=rates, epochs=3 if full else 1
        )
        for seed in seeds
        for fold in range(studies.FOLDS)
    }


def imdb(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebook 06: whole reviews, up to the encoder's 512 positions."""
    sizes = {"rows": 100, "judged": 100}
    if full:
        sizes = {"rows": None, "judged": None, "max_length": 512, "epochs": 2, "batch_size": 32} | GPU
    return {f"seed {seed}": partial(studies.imdb_fine_tuning, seed=seed, **sizes, learning_rate=1e-4) for seed in seeds}


def recipes(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebook 08: RoBERTa's changes at our scale, ending in fine-tuned accuracy."""
    steps, epochs = (1000, 2) if full else (100, 1)
    arms = {}
    for seed in seeds:
        for name, change in RECIPES.items():
            sizes = TINY | {"steps": steps, "fine_tuning_epochs": epochs, "evaluations": 6} | change
            arms[f"{name}, seed {seed}"] = partial(studies.tiny_pretraining, seed=seed, **sizes)
    return arms


def distillation(full: bool, seeds: list[int]) -> dict[str, partial]:
    """Notebook 08: six layers into three."""
    sizes = {"rows": 3400} if full else {"rows": 300, "epochs": 1}
    return {f"seed {seed}": partial(studies.distillation, seed=seed, **sizes) for seed in seeds}


def bench(full: bool, seeds: list[int]) -> dict[str, partial]:
    """The table of `make bench`: the course against what people would otherwise use. There is nothing to seed."""
    rows = {"max_length": 128, "repeats": 7 if full else 5}
    small = rows | {"hidden_size": 256, "num_hidden_layers": 4, "vocab_size": 30522, "batch_size": 16 if full else 2}
    base = small | {"hidden_size": 768, "num_hidden_layers": 12, "batch_size": 128, "steps": 10}
    text = rows | {"documents": 2000 if full else 100, "batch_size": 256 if full else 32}
    # The Trainer's default batch of 8; with 640 sentences its length grouping finds nearly what it finds in all 6,773.
    size = {"rows": 640, "judged": 400} if full else {"rows": 32, "judged": 32}
    return {
        "masking": partial(benchmarks.masking, **text),
        "pairs": partial(benchmarks.pairs, **text | {"documents": 4000 if full else 100}),
        "step": partial(benchmarks.step, **small),
        "encoder": partial(benchmarks.encoder, **small | {"repeats": 15 if full else 5}),
        "loop": partial(benchmarks.loop, **small),
        "fine-tuning": partial(benchmarks.fine_tuning, batch_size=8, repeats=5, **size),
        "GPU, 4 × 256": partial(benchmarks.gpu_pretraining, **small | {"batch_size": 256, "steps": 20}),
        "GPU, bert-base": partial(benchmarks.gpu_pretraining, **base),
    }


# What one step of a study is, and how many steps an arm has beside those that its settings name: sentences come in 212
# batches of 32, 3,400 of them in 107; a frozen or halved model counts as the share of a whole step that it costs.
# `recipes` also fine-tunes, two epochs an arm; these steps are cheaper than those of its unit, and are counted as
# dear.
UNITS = {
    "three-objectives": ("toy, three objectives", 0),
    "masking": ("2 × 128 from scratch, 32 × 64", 0),
    "next-sentence": ("top three layers, 16 pairs × 128", 0),
    "starts": ("2 × 128 from scratch, 32 × 64", 0),
    "race": ("seven minutes", 1),
    "tiny-bert": ("2 × 192 from scratch, 16 × 128", 0),
    "minilm-mlm": ("masked-word head, 8 × 96", 0),
    "ladder": ("all layers, 32 sentences × 28", 520),
    "ladder-folds": ("all layers, 32 sentences × 28", 1040),
    "learning-rates": ("all layers, 32 sentences × 28", 125),
    "epochs": ("all layers, 32 sentences × 28", 190),
    "warmup-and-clipping": ("all layers, 32 sentences × 28", 270),
    "own-pretraining-folds": ("4 × 256, 32 sentences × 28", 1284),
    "recipes": ("2 × 128 from scratch, 32 × 64", 424),
    "distillation": ("all layers, 32 sentences × 28", 803),
}


SEEDS = {"three-objectives": 5, "tiny-bert": 1, "minilm-mlm": 1, "ladder-folds": 1}  # where the plan is not three


def plan(full: bool, seeds: list[int]) -> dict[str, partial]:
    """What each study's arms for a CPU cost at the full budget on this machine, from a few measured steps."""
    arms = {}
    for name, (unit, steps) in UNITS.items():
        planned = list(range(SEEDS.get(name, len(seeds))))
        runs = [run for run in STUDIES[name](True, planned).values() if "device" not in run.keywords]
        total = sum(run.keywords.get("steps", 0) + steps for run in runs)
        arms[name] = partial(studies.planned, unit=unit, arms=len(runs), seeds=len(planned), steps=total)
    return arms


STUDIES = {
    function.__name__.replace("_", "-"): function
    for function in (
        three_objectives,
        masking,
        next_sentence,
        starts,
        race,
        tiny_bert,
        minilm_mlm,
        shipped,
        ladder,
        ladder_folds,
        learning_rates,
        epochs,
        warmup_and_clipping,
        own_pretraining,
        own_pretraining_folds,
        imdb,
        recipes,
        distillation,
        bench,
        plan,
    )
}


def pretrain(arguments: list[str]) -> None:
    """Pre-train a small BERT from scratch on IMDb train reviews, on as many processes as torchrun started; store it in
    the Hugging Face layout."""
    parser = argparse.ArgumentParser(prog="python -m helpers.experiments pretrain", description=pretrain.__doc__)
    parser.add_argument("--output", type=Path, required=True, help="the folder of the finished model")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--batch-size", type=int, default=64, help="rows of a step, over all processes")
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--hidden-size", type=int, default=256)
    parser.add_argument("--num-hidden-layers", type=int, default=4)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--documents", type=int, help="reviews to read (all, if not given)")
    parser.add_argument("--vocab-size", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-every", type=int, default=500, help="steps between two run checkpoints")
    parser.add_argument("--stop-after", type=int, help="end early, as a killed process would; run again to go on")
    options = parser.parse_args(arguments)
    device = distributed.start()
    tokenizer, documents = own_vocabulary(options.documents, options.vocab_size)
    shape = (options.max_length, options.hidden_size, options.num_hidden_layers)
    torch.manual_seed(options.seed)
    encoder = started(tiny_config(tokenizer, *shape, **NARROW_HEADS), "neighbours")
    model = PreTrainingModel(encoder).to(device)
    settings = {key: value for key, value in vars(options).items() if key not in ("output", "save_every", "stop_after")}
    history = distributed.pretrain(
        model,
        bulk_batches(documents, tokenizer, options.max_length, options.batch_size),
        steps=options.steps,
        learning_rate=options.learning_rate,
        generator=generator(options.seed),
        run=distributed.SharedRun("pretrain", settings, map(str, documents), options.save_every),
        stop_after=options.stop_after,
        progress=False,
    )
    if distributed.is_first() and len(history.loss) == options.steps:
        save_pretrained(model, options.output, tokenizer)
        print(
            f"{options.steps} steps, {history.tokens_per_second:,.0f} tokens/s on this process: {options.output.name}"
        )
    distributed.finish()


def main(arguments: list[str] | None = None) -> None:
    """Run one study and record it. (`pretrain` has options of its own: see `pretrain --help`.)"""
    if arguments and arguments[0] == "pretrain":
        return pretrain(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m helpers.experiments", description=main.__doc__)
    parser.add_argument("study", choices=sorted(STUDIES))
    parser.add_argument("--budget", choices=("class", "full"), default="class")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds: 0, 1, …")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds is {options.seeds}; at least one seed must run")
    command = f"python -m helpers.experiments {options.study} --budget {options.budget} --seeds {options.seeds}"
    name = options.study if options.study == "plan" else f"{options.study}-{options.budget}"
    arms = STUDIES[options.study](options.budget == "full", list(range(options.seeds)))
    record(name, arms, command=command)
    print(f"recorded data/results/{name}.json")


if __name__ == "__main__":
    main(sys.argv[1:])
