"""The browser demo: its JavaScript against transformers and tokenizers, and the page as a reader uses it."""

import base64
import re
import subprocess
import time
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from transformers import BertForPreTraining

from helpers.attention import causal_mask
from helpers.corpora import load_documents
from helpers.evaluation import cloze_sentences, fill_mask
from helpers.sentence_pairs import split_sentences
from helpers.weights import CHECKPOINTS
from publish import demo

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-4  # on logits of about ±20, all in float32
TWELVE = [sentence["text"] for sentence in cloze_sentences()]
EVERY = 3  # of the held-out tokens, every third is hidden
HARD = [
    "Ångström, naïve café: ÀÉÎÕÜ ǅ İstanbul ΣΊΣΥΦΟΣ straße ﬁne",
    "e\u0301 vs é; \u200bzero\u200dwidth\ufeff, soft\u00adhyphen, null\x00, bell\x07, \ufffd",
    "北京 is Beijing, ｆｕｌｌｗｉｄｔｈ！ 𠀀𪜀 ひらがな 한국어",
    "tab\there\nnew line\r\u00a0no-break\u2003em\u2028line\x85next",
    "$5.00 + 3% = <b>`x^2`</b> ~ {a|b} \\ _under_ — “quotes” … ¿qué?",
    "👩‍👩‍👧 🎬🍿 #1 @home don't can't U.S.A.",
    "a" * 100 + " " + "b" * 101 + " unbelievably-antidisestablishmentarianism",
    "[MASK] and [mask] and [CLS][SEP] x[MASK]y [ MASK ] [UNK]",
    "",
    "   ",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The page without the site around it: what `publish.demo` stages, in a plain frame."""
    folder = tmp_path_factory.mktemp("demo")
    demo.stage(folder)
    widget = re.search(r"````\{raw\} html\n(.*?)````", (folder / "demo.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Demo</title>'
    head += '<link rel="icon" href="data:,">'
    html = f'<!doctype html><html lang="en"><head>{head}</head><body><main>{widget}</main></body></html>'
    (folder / "demo.html").write_text(html, encoding="utf-8")
    return folder


def open_demo(page, folder: Path):
    page.goto((folder / "demo.html").as_uri())
    page.locator("#arcs svg").wait_for()
    return page


@pytest.fixture(scope="module")
def engine(browser, folder):
    """A page with every model loaded, to call the functions of bert.js in."""
    page = browser.new_page()
    open_demo(page, folder)
    page.evaluate("(async () => { for (const pack of PAGE.packs.slice(1)) await load(pack); })()")
    yield page
    page.close()


@pytest.fixture(scope="module")
def tiny() -> tuple[BertForPreTraining, object]:
    """tiny-bert in transformers, float32, with the attention that shows its weights; and the course's tokenizer."""
    folder = CHECKPOINTS / "tiny-bert"
    model = BertForPreTraining.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    return model.eval(), demo.load("tiny-bert")[1]


@pytest.fixture(scope="module")
def held_out() -> list[str]:
    """The first sentences of 50 reviews of the test split."""
    found = [split_sentences(review)[0] for review in load_documents("imdb", "test")[:300]]
    found = [sentence for sentence in found if 5 <= len(sentence.split()) <= 12][:50]
    assert len(found) == 50
    return found


COMPUTE = """async ([pack, ids, segments, causal]) => {
    const model = models.get(pack), { hidden, attentions } = encoder(model, ids, segments, causal);
    const parts = [maskedWordLogits(model, hidden), nextSentenceLogits(model, hidden), ...attentions.flat(2)];
    const reader = new FileReader();
    await new Promise((done) => { reader.onload = done; reader.readAsDataURL(new Blob(parts)); });
    return reader.result.split(",")[1];
}"""


def compute(engine, pack: str, batch: dict, causal: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return logits (n, vocabulary), next-sentence logits (2,), attention (layers, heads, n, n), from the browser."""
    ids, segments = batch["input_ids"][0].tolist(), batch["token_type_ids"][0].tolist()
    found = np.frombuffer(base64.b64decode(engine.evaluate(COMPUTE, [pack, ids, segments, causal])), "<f4")
    layers, heads = engine.evaluate(
        "name => { const c = models.get(name).config; return [c.num_hidden_layers, c.num_attention_heads]; }", pack
    )
    n, maps = len(ids), layers * heads * len(ids) ** 2
    return found[: -2 - maps].reshape(n, -1), found[-2 - maps : -maps], found[-maps:].reshape(layers, heads, n, n)


def largest_difference(*pairs) -> float:
    return max(float(np.abs(ours - theirs.numpy()).max()) for ours, theirs in pairs)


# ---------------------------------------------------------------- the model


def tokens_in_browser(engine, pack: str, texts: list[str], seconds: list[str | None]) -> list:
    found = """([pack, texts, seconds]) => texts.map((text, i) => {
        const { ids, segments } = encode(text, seconds[i], models.get(pack).vocab);
        return [ids, segments];
    })"""
    return engine.evaluate(found, [pack, texts, seconds])


@pytest.mark.parametrize("pack, checkpoint", [("tiny-bert-int8", "tiny-bert"), ("minilm-mlm-int8", "minilm-mlm")])
def test_tokens_equal(engine, held_out, pack, checkpoint):
    tokenizer = demo.load(checkpoint)[1]
    texts = [*TWELVE, *held_out, *HARD, *load_documents("rotten_tomatoes", "test")[:200]]
    seconds = [None, *texts[:-1]]
    for text, second, found in zip(texts, seconds, tokens_in_browser(engine, pack, texts, seconds), strict=True):
        pair = (text, second) if second and second.strip() else (text,)
        expected = tokenizer(*pair)
        assert found == [expected["input_ids"], expected["token_type_ids"]], (text, second)


def test_every_letter_is_cleaned_as_in_tokenizers(engine, tiny):
    """Every code point that has kept its category since Unicode 3.2, of the letters without case every twentieth:
    Chromium's tables are newer than tokenizers'."""
    backend, old = tiny[1].backend_tokenizer, unicodedata.ucd_3_2_0
    points = [c for c in range(1, 0x110000) if old.category(chr(c)) not in ("Cn", "Cs", "Co")]
    points = [c for c in points if old.category(chr(c)) == unicodedata.category(chr(c))]
    points = [c for c in points if c % 20 == 0 or unicodedata.category(chr(c)) != "Lo"]
    texts = [f"a{chr(c)}B" for c in points]
    found = engine.evaluate("texts => texts.map(splitWords)", texts)
    split = (backend.pre_tokenizer.pre_tokenize_str(backend.normalizer.normalize_str(text)) for text in texts)
    wrong = [hex(c) for c, ours, theirs in zip(points, found, split) if ours != [word for word, _ in theirs]]
    assert len(points) > 8_000 and not wrong, wrong[:20]


def test_float32_equals_transformers(engine, tiny, held_out):
    """Every logit at every position, both next-sentence logits and every attention weight, of 62 sentences."""
    model, tokenizer = tiny
    worst = 0.0
    for text in [*TWELVE, *held_out]:
        batch = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            theirs = model(**batch, output_attentions=True)
        logits, follows, maps = compute(engine, "tiny-bert-float32", batch)
        found = largest_difference(
            (logits, theirs.prediction_logits[0]),
            (follows, theirs.seq_relationship_logits[0]),
            (maps, torch.cat(theirs.attentions)),
        )
        worst = max(worst, found)
        assert found < TOLERANCE, text
    print(f"largest difference over {12 + len(held_out)} sentences: {worst:.1e}")


def test_a_second_segment_equals_transformers(engine, tiny, held_out):
    model, tokenizer = tiny
    for text, second in zip(TWELVE, held_out):
        batch = tokenizer(text, second, return_tensors="pt")
        with torch.no_grad():
            theirs = model(**batch, output_attentions=True)
        logits, follows, maps = compute(engine, "tiny-bert-float32", batch)
        pairs = [(logits, theirs.prediction_logits[0]), (follows, theirs.seq_relationship_logits[0])]
        assert largest_difference(*pairs, (maps, torch.cat(theirs.attentions))) < TOLERANCE, text


def test_the_causal_mask_equals_ours(engine, held_out):
    model, tokenizer = demo.load("tiny-bert")
    for text in [*TWELVE, *held_out[:6]]:
        batch = tokenizer(text, return_tensors="pt")
        ids, mask = batch["input_ids"], causal_mask(batch["input_ids"].shape[1])[0]
        with torch.no_grad():
            encoded, out = model.encoder(ids, mask, output_attentions=True), model(ids, mask)
        logits, follows, maps = compute(engine, "tiny-bert-float32", batch, causal=True)
        pairs = [(logits, out.mlm_logits[0]), (follows, out.nsp_logits[0]), (maps, torch.cat(encoded.attentions))]
        assert largest_difference(*pairs) < TOLERANCE, text


def top_words(engine, pack: str, batch: dict, positions: list[int]) -> list[int]:
    """Return the browser's likeliest word at each position."""
    found = """([pack, ids, positions]) => {
        const model = models.get(pack), h = model.config.hidden_size;
        const { hidden } = encoder(model, ids, ids.map(() => 0));
        return positions.map((p) => largest(maskedWordLogits(model, hidden.subarray(p * h, (p + 1) * h)), 1)[0][0]);
    }"""
    return engine.evaluate(found, [pack, batch["input_ids"][0].tolist(), positions])


def test_int8_finds_the_same_words(engine, tiny, held_out):
    model, tokenizer = tiny
    same = n = 0
    for text in [*TWELVE, *held_out]:
        batch = tokenizer(text, return_tensors="pt")
        ids = batch["input_ids"][0]
        if text in held_out:
            ids[2 : len(ids) - 1 : EVERY] = tokenizer.mask_token_id
        positions = (ids == tokenizer.mask_token_id).nonzero().flatten().tolist()
        with torch.no_grad():
            expected = model(**batch).prediction_logits[0, positions].argmax(-1).tolist()
        found = top_words(engine, "tiny-bert-int8", batch, positions)
        same, n = same + sum(a == b for a, b in zip(found, expected, strict=True)), n + len(positions)
    print(f"int8 finds the same word at {same} of {n} masked positions ({same / n:.1%})")
    assert n > 150 and same / n >= 0.95


def test_minilm_mlm(engine):
    """Its int8 weights give the logits that PyTorch gets from the same weights, and the words of the float ones."""
    model, tokenizer = demo.load("minilm-mlm")
    batches = [tokenizer(text, return_tensors="pt") for text in TWELVE]
    places = [batch["input_ids"][0].tolist().index(tokenizer.mask_token_id) for batch in batches]
    with torch.no_grad():
        exact = [model(**b).mlm_logits[0, p].argmax().item() for b, p in zip(batches, places)]
        for parameter in model.parameters():
            if parameter.dim() == 2:
                integers, scale = demo.quantize(parameter)
                parameter.copy_(integers * scale[:, None])
        for batch in batches[:3]:
            theirs = model(**batch).mlm_logits[0]
            assert largest_difference((compute(engine, "minilm-mlm-int8", batch)[0], theirs)) < 1e-3
    found = [top_words(engine, "minilm-mlm-int8", b, [p])[0] for b, p in zip(batches, places)]
    same = sum(a == b for a, b in zip(found, exact, strict=True))
    print(f"int8 minilm-mlm finds the same word in {same} of 12 sentences")
    assert same >= 11


def test_the_claims_on_the_page_hold(engine):
    """What demo.md tells the reader to expect, measured with the weights that the page uses first."""
    first = """([text, word, causal]) => {
        const model = models.get("tiny-bert-int8"), { tokens, ids, segments } = encode(text, "", model.vocab);
        for (const hidden of word) ids[tokens.indexOf(hidden)] = model.vocab.get("[MASK]");
        const { hidden, attentions } = encoder(model, ids, segments, causal), h = model.config.hidden_size;
        const p = tokens.indexOf(word[0]);
        const best = largest(softmax(maskedWordLogits(model, hidden.subarray(p * h, (p + 1) * h))), 5);
        return [best.map(([id, share]) => [model.words[id], share]), attentions.map((l) => l.map((rows) =>
            rows.map((row) => [...row]))), p];
    }"""

    def words(text, *hidden, causal=False):
        return engine.evaluate(first, [text, hidden, causal])

    vampires = engine.evaluate("tokenize('Skateboarding vampires!', models.get('tiny-bert-int8').vocab)")
    assert vampires == ["sk", "##ate", "##board", "##ing", "vampires", "!"]
    effects, film, cat = (demo.EXAMPLES[i]["text"] for i in (1, 0, 5))
    assert words(effects, "special")[0][0][0] == "special"
    assert "special" not in [word for word, _ in words(effects, "special", causal=True)[0]]
    assert words(effects, "effects")[0][0][0] == words(effects, "effects", causal=True)[0][0][0] == "effects"
    best, maps, p = words(film, "worst")
    without_waste = words(film, "worst", "waste")[0]
    assert best[0][0] == without_waste[0][0] == "worst" and without_waste[0][1] < best[0][1] - 0.05
    assert abs(words(film, "worst", "not")[0][0][1] - best[0][1]) < 0.02
    tokens = ["[CLS]", *re.findall(r"\w+|[^\w\s]", film.lower()), "[SEP]"]
    assert tokens[int(np.argmax(maps[1][0][p]))] == "waste"
    for text in (example["text"] for example in demo.EXAMPLES):
        layer = np.array(words(text, text.split()[1].lower())[1][0])
        assert np.diagonal(layer[0], -1).min() > 0.8 and np.diagonal(layer[1], 1).min() > 0.8
    assert [word for word, _ in words(cat, "cat")[0]][:2] == ["movie", "director"]
    assert "cat" not in [word for word, _ in words(cat, "cat")[0]]
    follows = """second => {
        const model = models.get("tiny-bert-int8");
        const { ids, segments } = encode(PAGE.examples[4].text, second, model.vocab);
        return softmax(nextSentenceLogits(model, encoder(model, ids, segments).hidden))[0];
    }"""
    assert engine.evaluate(follows, demo.EXAMPLES[4]["second"]) > 0.8
    assert engine.evaluate(follows, "The songs are lovely and the kids can dance.") < 0.3


# ---------------------------------------------------------------- the page


@pytest.mark.parametrize("served", [False, True])
def test_answers_within_three_seconds(quiet_page, folder, serve, served):
    """As a file and from a server: from opening to the first answer, then 128 tokens."""
    start = time.perf_counter()
    quiet_page.goto(f"{serve(folder)}/demo.html" if served else (folder / "demo.html").as_uri())
    expect(quiet_page.locator("#answer")).to_have_text(re.compile("“worst”"))
    opened = time.perf_counter() - start
    quiet_page.locator("#text").fill("good " * 125 + "[MASK]")
    expect(quiet_page.locator("#answer")).to_have_text(re.compile("“worst”"))  # not read yet
    start = time.perf_counter()
    expect(quiet_page.locator("#answer")).to_have_text(re.compile("Position 126: “"))
    full = time.perf_counter() - start
    print(f"first answer after {opened:.2f} s, 128 tokens in {full:.2f} s")
    assert opened < 3 and full < 3


def test_by_keyboard_alone(quiet_page, folder):
    page = open_demo(quiet_page, folder)

    def tab_to(wanted: str):
        for _ in range(60):
            page.keyboard.press("Tab")
            name = page.evaluate(
                "document.activeElement.ariaLabel ?? document.activeElement.labels?.[0]?.textContent ?? ''"
            )
            outline = page.evaluate("getComputedStyle(document.activeElement).outline")
            assert "solid 3px" in outline, f"the focus on {name!r} can't be seen: {outline}"
            if name == wanted:
                return
        pytest.fail(f"no tab leads to {wanted!r}")

    tab_to("movie, position 5")
    page.keyboard.press("Space")
    expect(page.locator("#answer")).to_have_text(re.compile("Position 4: .*Position 5: “"))
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
    assert page.evaluate("document.activeElement.textContent") == "[MASK]"
    page.keyboard.press("Enter")
    expect(page.locator("#answer")).not_to_have_text(re.compile("Position 5|Computing"))
    assert page.evaluate("document.activeElement.textContent") == "movie"
    expect(page.locator("#attention-says")).to_have_text(re.compile("layer 1, head 0, “movie” at 5 attends"))
    tab_to("Layer")
    page.keyboard.press("ArrowUp")
    tab_to("Head")
    page.keyboard.press("ArrowDown")
    tab_to("From")
    page.keyboard.type("4 [M")
    expect(page.locator("#attention-says")).to_have_text(
        re.compile(r"layer 0, head 1, “\[MASK\]” at \d attends most to “movie”")
    )


def test_pointing_shows_one_token(quiet_page, folder):
    page = open_demo(quiet_page, folder)
    starts = "arcs => new Set(arcs.map((arc) => arc.getAttribute('d').split('C')[0])).size"
    page.locator("#from").select_option("all")
    assert page.locator("#arcs .arc").evaluate_all(starts) == page.locator("#tokens button").count()
    page.locator("#arcs .area").nth(3).hover()
    assert page.locator("#from").input_value() == "3"
    assert page.locator("#arcs .arc").evaluate_all(starts) == 1
    widths = page.locator("#arcs .arc").evaluate_all("arcs => arcs.map((arc) => +arc.getAttribute('stroke-width'))")
    weights = page.evaluate("[...attentions[1][0][3]].filter((weight) => weight >= 0.005)")
    assert widths == pytest.approx([max(0.5, 14 * weight) for weight in weights])
    page.locator("#tokens button").nth(8).hover()
    assert page.locator("#from").input_value() == "8"


def test_causal_and_float32_stand_beside(quiet_page, folder):
    page = open_demo(quiet_page, folder)
    page.locator("#example").select_option("1")
    expect(page.locator("#answer")).to_have_text(re.compile(r"^Position 2: “special” \(\d+%, both sides\)\.$"))
    page.locator("#causal").check()
    expect(page.locator("#answer")).to_have_text(
        re.compile(r"“special” \(\d+%, both sides\), “movie” \(\d+%, left only\)")
    )
    assert page.locator("#bars .column").count() == 2
    weights = page.evaluate("attentions[0][0].map((row) => [...row])")
    assert np.triu(weights, 1).max() == 0
    page.locator("#causal").uncheck()
    page.locator("#model").select_option("tiny-bert-float32")
    expect(page.locator("#answer")).to_have_text(re.compile("“special” .*float32.*, “special” .*int8"))


def test_next_sentence(quiet_page, folder):
    page = open_demo(quiet_page, folder)
    expect(page.locator("#next-sentence")).to_have_text("")
    page.locator("#example").select_option("4")
    expect(page.locator("#next-sentence")).to_have_text(re.compile(r"follow the first\? Yes [89]\d%, no 1?\d%\.$"))
    page.locator("#model").select_option("minilm-mlm-int8")
    expect(page.locator("#next-sentence")).to_have_text(re.compile("no next-sentence head"))
    assert page.locator("#layer option").count() == 6 and page.locator("#head option").count() == 12
    page.locator("#about summary").click()
    about = page.locator("#about").inner_text()
    assert "Apache License 2.0" in about and "Princeton University" in about and "Devlin" in about


def test_one_line_for_what_cannot_be_answered(quiet_page, folder):
    page = open_demo(quiet_page, folder)
    answer, text = page.locator("#answer"), page.locator("#text")
    for typed, line in [
        ("", "The sentence is empty. Type one, or choose an example."),
        ("\u200b ", "The sentence is empty. Type one, or choose an example."),
        ("word " * 127, "That's 129 tokens; the limit is 128. Shorten the text."),
        ("Nothing is hidden.", "No token is hidden yet. Press one."),
    ]:
        text.fill(typed)
        expect(answer).to_have_text(line)
        assert page.locator("#bars li").count() == 0
    text.fill("<b>[MASK]</b> & more")
    expect(answer).to_have_text(re.compile("^Position 4: “"))
    chips = ["[CLS]", "<", "b", ">", "[MASK]", "<", "/", "b", ">", "&", "more", "[SEP]"]
    assert page.locator("#tokens button").all_inner_texts() == chips


def test_a_missing_file_is_named(page, folder, tmp_path):
    for name in (
        "demo.html",
        *(f"demo/{path.name}" for path in (folder / "demo").glob("*") if "minilm" not in path.name),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(folder / name)
    open_demo(page, tmp_path)
    page.locator("#model").select_option("minilm-mlm-int8")
    expect(page.locator("#status")).to_have_text(re.compile("The file demo/minilm-mlm-int8-0.js is missing."))
    expect(page.locator("#model")).to_have_value("tiny-bert-int8")
    expect(page.locator("#answer")).to_have_text(re.compile("“worst”"))  # the first model goes on
    (tmp_path / "demo" / "tiny-bert-int8-3.js").unlink()
    page.reload()
    expect(page.locator("#status")).to_have_text(re.compile("The file demo/tiny-bert-int8-3.js is missing."))
    assert page.locator("#bars li").count() == 10  # the answer computed beforehand stays


def test_loading_shows_progress_over_a_computed_answer(page, folder):
    page.add_init_script("""window.lines = [];
        addEventListener("DOMContentLoaded", () => {
            const status = document.getElementById("status");
            new MutationObserver(() => lines.push(status.textContent)).observe(status, { childList: true });
        });""")
    page.goto((folder / "demo.html").as_uri())
    page.locator("#arcs svg").wait_for()
    lines, pack = page.evaluate("[lines, PAGE.packs[0]]")
    assert lines[-1] == ""
    for part in range(2, pack["parts"] + 1):  # the first came before anyone could listen
        assert f"Loading {pack['label']} ({pack['size']} MB): part {part} of {pack['parts']}." in lines
    assert page.locator("#progress").is_hidden()


@pytest.mark.parametrize("old", [False, True])
def test_without_javascript_or_with_an_old_one(browser, folder, old):
    """The page says what it needs, and shows what Python computed. An old browser can't parse bert.js."""
    context = browser.new_context(java_script_enabled=old)
    page = context.new_page()
    if old:
        page.route(
            "**/bert.js", lambda route: route.fulfill(body="let future = a ?!? b;", content_type="text/javascript")
        )
    page.goto((folder / "demo.html").as_uri())
    assert (
        page.locator("#status").inner_text().startswith("This page needs JavaScript and a browser from 2021 or newer.")
    )
    (model, tokenizer), text = demo.load("tiny-bert"), demo.EXAMPLES[0]["text"].replace("worst", "[MASK]")
    batch = tokenizer(text, return_tensors="pt")
    at = batch["input_ids"][0].tolist().index(tokenizer.mask_token_id)
    with torch.no_grad():
        left = model(batch["input_ids"], causal_mask(batch["input_ids"].shape[1])[0]).mlm_logits[0, at].softmax(-1)
    both, left = fill_mask(model, tokenizer, text), left.topk(5)
    left = zip(tokenizer.convert_ids_to_tokens(left.indices), left.values.tolist())
    shown = [["both sides", *both], ["left only", *left]]
    expected = ["\n".join([heading, *(f"{word}\n{p:.1%}" for word, p in best)]) for heading, *best in shown]
    assert [text.replace("\n\n", "\n") for text in page.locator("#bars .column").all_inner_texts()] == expected
    assert page.locator("fieldset button:enabled, fieldset select:enabled, fieldset input:enabled").count() == 0
    context.close()


def test_everyone_can_use_it(quiet_page, folder, look):
    """Names for every control, one of each id, answers that are announced, contrast, and no scrolling sideways."""
    page = open_demo(quiet_page, folder)
    page.locator("#example").select_option("4")
    page.locator("#tokens button").nth(3).click()
    page.locator("#causal").check()
    expect(page.locator("#bars .column")).to_have_count(2)
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    roles = ("button", "combobox", "textbox", "checkbox", "group", "progressbar", "image", "region")
    controls = [node for node in tree if not node["ignored"] and node["role"]["value"] in roles]
    nameless = [node for node in controls if not node.get("name", {}).get("value")]
    assert len(controls) > 20 and not nameless, nameless
    ids = page.locator("[id]").evaluate_all("elements => elements.map((element) => element.id)")
    assert len(ids) == len(set(ids))
    assert page.locator("#answer").get_attribute("aria-live") == "polite"
    look(page)
    page.set_viewport_size({"width": 390, "height": 844})
    look(page)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    boxes = """elements => elements.map((element) => {
        const { width, height } = element.getBoundingClientRect();
        return Math.min(width, height);
    })"""
    assert min(page.locator("#demo :is(button, select, input[type=text])").evaluate_all(boxes)) >= 24


# ---------------------------------------------------------------- the files


def test_the_code_is_short_and_nothing_packed_is_tracked():
    sources = [(demo.HERE / name).read_text(encoding="utf-8").splitlines() for name in ("bert.js", "page.js")]
    assert sum(map(len, sources)) < 400 and max(len(line) for lines in sources for line in lines) <= 120
    listed = subprocess.run(["git", "ls-files", "-z", "publish"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git repository")
    tracked = [ROOT / name for name in listed.stdout.split("\0") if name]
    packed = [path for path in tracked if path.suffix != ".py" and path.read_bytes().startswith(b"receive(")]
    assert not packed and max(path.stat().st_size for path in tracked) < 100_000
