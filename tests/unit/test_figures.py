"""The diagrams: what is committed is what the script draws, and every one keeps to the visual language.

Each rule is a small function that returns what is wrong; faults are planted in front of it to show that it can fail.
"""

import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
import torch

from helpers.tokenization import load_tokenizer
from helpers.weights import load_checkpoint
from publish.figures import figures
from publish.figures.masking import CHANGES, GUESSES, WORDS
from publish.figures.sentence_pairs import IDS, MEASURED
from publish.notebooks import notebooks

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "lessons" / "figures"
DRAWN = {figure.name: figure.svg() for figure in figures()}
PALETTE = ["#0072b2", "#e69f00", "#009e73", "#56b4e9", "#d55e00", "#cc79a7", "#f0e442"]  # Okabe and Ito's, less black
WIDTH, SMALLEST = 640, 12
SVG = "{http://www.w3.org/2000/svg}"


# ---------------------------------------------------------------- the rules


def differences(drawn: dict[str, str], folder: Path) -> list[str]:
    """Compare what the script draws with the files in a folder."""
    found = {path.stem: path.read_bytes() for path in folder.glob("*.svg")}
    wrong = [f"{name} is not drawn by the script" for name in sorted(found.keys() - drawn.keys())]
    for name, svg in drawn.items():
        if name not in found:
            wrong.append(f"{name} is missing: python -m publish.figures")
        elif found[name] != svg.encode():
            wrong.append(f"{name} is not what the script draws: python -m publish.figures")
    return wrong


def frame(svg: str) -> list[str]:
    """Check the width, and that a title and a description come first."""
    root = ElementTree.fromstring(svg)
    wrong = []
    if root.get("width") != str(WIDTH) or root.get("viewBox") != f"0 0 {WIDTH} {root.get('height')}":
        wrong.append(f"width {root.get('width')}, viewBox {root.get('viewBox')}")
    for place, (tag, least) in enumerate((("title", 10), ("desc", 60))):
        child = root[place] if len(root) > place else None
        if child is None or child.tag != SVG + tag or len((child.text or "").strip()) < least:
            wrong.append(f"child {place} is no {tag} of {least} characters or more")
    return wrong


def channels(color: str) -> list[int]:
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]


def mixed(color: str, pure: str, into: int) -> bool:
    """Is there an amount that blends the pure color with white (255) or black (0) into this one?"""
    low, high = 0.0, 1.0
    for part, full in zip(channels(color), channels(pure)):
        if full == into:
            if part != into:
                return False
            continue
        ends = sorted((part + half - into) / (full - into) for half in (-0.5, 0.5))
        low, high = max(low, ends[0]), min(high, ends[1])
    return low <= high


def colors(svg: str) -> list[str]:
    """Return every color that is neither grey nor a palette color, pure or blended with white or black."""
    named = re.findall(r'(?:fill|stroke|color)\s*[=:]\s*"?\s*([^";]+)', svg)
    wrong = []
    for color in {*named, *re.findall(r"(?<!&)#\w+", svg)} - {"none"}:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", color):
            wrong.append(color)
        elif len({*channels(color)}) > 1 and not any(mixed(color, pure, into) for pure in PALETTE for into in (0, 255)):
            wrong.append(color)
    return sorted(wrong)


def texts(svg: str) -> list[tuple[str, list[float], tuple[float, float, float, float]]]:
    """Return each text, its sizes, and its box: left, top, right, bottom, with 0.6 of the size for a character."""
    found = []

    def walk(element, size, anchor):
        size, anchor = float(element.get("font-size", size)), element.get("text-anchor", anchor)
        if element.tag == SVG + "text":
            runs = [(element.text or "", size)]
            for span in element:
                assert span.tag == SVG + "tspan" and not len(span) and not {"x", "y", "dx"} & {*span.attrib}
                runs += [(span.text or "", float(span.get("font-size", size))), (span.tail or "", size)]
            width = sum(0.6 * size * len(run) for run, size in runs)
            x, y = float(element.get("x")), float(element.get("y"))
            left = x - width * {"start": 0, "middle": 0.5, "end": 1}[anchor]
            sizes = [size for run, size in runs if run]
            found.append(("".join(element.itertext()), sizes, (left, y - 0.72 * size, left + width, y + 0.2 * size)))
        else:
            assert element.get("transform") is None, "a transform would move the text"
            for child in element:
                walk(child, size, anchor)

    walk(ElementTree.fromstring(svg), 16, "start")
    return found


def small(svg: str) -> list[str]:
    """Return the texts with letters under the smallest size."""
    return [text for text, sizes, _ in texts(svg) if min(sizes, default=0) < SMALLEST]


def outside(svg: str) -> list[str]:
    """Return the texts that leave the panel."""
    height = float(ElementTree.fromstring(svg).get("height"))
    boxes = [(text, box) for text, _, box in texts(svg)]
    return [text for text, (a, b, c, d) in boxes if a < 1 or b < 1 or c > WIDTH - 1 or d > height - 1]


def overlapping(svg: str) -> list[str]:
    """Return the pairs of texts that stand on each other."""
    boxes = [(text, box) for text, _, box in texts(svg)]
    return [
        f"{one} / {two}"
        for (one, (a, b, c, d)), (two, (e, f, g, h)) in combinations(boxes, 2)
        if min(c, g) > max(a, e) and min(d, h) > max(b, f)
    ]


def unturned(svg: str) -> list[str]:
    """Return the texts in which markup was left as it is."""
    return [text for text, _, _ in texts(svg) if re.search(r"\*|_\{", text)]


RULES = (frame, colors, small, outside, overlapping, unturned)


# ---------------------------------------------------------------- what is committed


def test_committed_figures_are_what_the_script_draws():
    assert differences(DRAWN, FOLDER) == []


def test_names_are_unique():
    assert len(DRAWN) == len(figures())


def test_the_command_writes_every_figure(tmp_path):
    subprocess.run([sys.executable, "-m", "publish.figures", str(tmp_path)], cwd=ROOT, check=True, timeout=60)
    assert differences(DRAWN, tmp_path) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", DRAWN)
def test_figure_keeps_the_rule(name, rule):
    assert rule(DRAWN[name]) == []


def foreign_numbers(svg: str, printed: str) -> list[str]:
    """Return the decimals that a figure shows and no cell of its notebook has printed."""
    shown = re.findall(r"\d+\.\d+", " ".join(text for text, *_ in texts(svg)))
    return [number for number in shown if not re.search(rf"(?<![\d.]){re.escape(number)}(?!\d)", printed)]


def test_a_figure_of_measured_numbers_shows_those_that_the_notebook_printed():
    measured = {name: svg for name, svg in DRAWN.items() if name.endswith("_answer")}
    assert measured
    for name, svg in measured.items():
        paths = [path for path in notebooks() if path.name.startswith(name[:2])]  # the core's, and its depth's
        cells = [cell for path in paths for cell in nbformat.read(path, as_version=4).cells]
        outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
        printed = [output.text for output in outputs if output.output_type == "stream"]
        printed += [output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})]
        printed = "\n".join(printed)  # the numbers of a claim are in its HTML
        assert foreign_numbers(svg, printed) == []
        assert foreign_numbers(re.sub(r"(\d+\.\d)\d*", r"\g<1>999", svg), printed), "a wrong number is found"


def test_notebook_04_has_the_numbers_of_its_last_figure_in_a_table():
    (path,) = (path for path in notebooks("core") if path.name.startswith("04"))
    rows = [(ours, theirs) for ours, theirs, _ in MEASURED.values() if theirs]
    assert len(rows) == 3 and all(f"| {ours} | {theirs} |" in path.read_text() for ours, theirs in rows)


def test_the_ids_of_the_pair_figure_are_those_of_bert_s_vocabulary():
    assert load_tokenizer()("it ended", "we went home")["input_ids"] == IDS[:-1] and IDS[-1] == 0


@torch.no_grad()
def test_the_guesses_of_the_masking_figure_are_those_of_the_course_s_model():
    model, tokenizer = load_checkpoint("minilm-mlm"), load_tokenizer()
    changed = [CHANGES[i][0] if i in CHANGES else word for i, word in enumerate(WORDS)]
    batch = tokenizer(" ".join(changed), return_tensors="pt")
    assert batch["input_ids"].shape[1] == len(WORDS) + 2
    probabilities = model(**batch).mlm_logits[0].softmax(-1)[1:-1]
    for i, rows in GUESSES.items():
        first = tokenizer.decode([probabilities[i].argmax().item()])
        assert rows[0][0] == first and WORDS[i] in dict(filter(None, rows))
        for word, shown in filter(None, rows):
            found = probabilities[i, tokenizer.convert_tokens_to_ids(word)].item()
            assert abs(found - shown) <= (6e-4 if shown >= 0.01 else 6e-5), (word, found)


def test_there_is_a_map_for_each_notebook_and_each_marks_its_own():
    maps = {name: svg for name, svg in DRAWN.items() if name.startswith("map_")}
    assert [*maps] == [f"map_{i:02}" for i in range(1, 9)]
    for name, svg in maps.items():
        assert float(ElementTree.fromstring(svg).get("height")) <= 150
        marked = [(text, box) for text, _, box in texts(svg) if text == "you are here" or text == name[-2:]]
        (_, flag), (_, box) = sorted(marked, reverse=True)
        assert flag[0] < box[0] + 60 < flag[2] and abs(flag[1] - box[1]) < 40  # the flag stands on the notebook's box


# ---------------------------------------------------------------- each rule can fail


def plain() -> str:
    return DRAWN["01_question"]


@pytest.mark.parametrize(
    "rule, old, new, complaint",
    [
        (frame, '<svg xmlns="http://www.w3.org/2000/svg" width="640"', None, "width"),
        (frame, r"<title>.*</title>\n", "", "child 0 is no title"),
        (frame, r"<title>.*</title>", "<title> </title>", "child 0 is no title"),
        (frame, r"<desc>.*</desc>", "<desc>A word.</desc>", "child 1 is no desc"),
        (frame, 'viewBox="0 0 640', 'viewBox="0 0 600', "width 640, viewBox 0 0 600"),
        (colors, "#0072B2", "#0073C9", "#0073C9"),
        (colors, 'fill="#ffffff"', 'fill="red"', "red"),
        (colors, 'fill="#ffffff"', 'fill="#fee"', "#fee"),
        (colors, 'style="', 'style="color:#123456;', "#123456"),
        (small, 'font-size="14"', 'font-size="11"', "Every word does this; only the new vector of good is shown."),
        (small, '<tspan font-style="italic">', '<tspan font-size="9">', "What does good mean here?"),
        (outside, '<text x="20" y="34"', '<text x="460" y="34"', "What does good mean here?"),
        (outside, '<text x="20" y="34"', '<text x="-8" y="34"', "What does good mean here?"),
        (outside, '<text x="20" y="34"', '<text x="20" y="4"', "What does good mean here?"),
        (outside, 'y="504"', 'y="515"', "Every word does this; only the new vector of good is shown."),
        (overlapping, 'y="66"', 'y="44"', "What does good mean here? / Before attention: one fixed vector per word"),
        (unturned, "<tspan[^>]*>good</tspan> mean", "*good* mean", "What does *good* mean here?"),
    ],
)
def test_a_planted_fault_is_found(rule, old, new, complaint):
    new = old.replace("640", "900") if new is None else new
    faulty = re.sub(old, new, plain(), count=1)
    assert faulty != plain() and rule(plain()) == []
    assert any(line.startswith(complaint) for line in rule(faulty)), rule(faulty)


def test_a_file_that_is_no_xml_is_found():
    with pytest.raises(ElementTree.ParseError):
        frame(plain().replace("</desc>", ""))


def test_a_changed_a_missing_and_a_foreign_file_are_found(tmp_path):
    for name, svg in DRAWN.items():
        (tmp_path / f"{name}.svg").write_text(svg, encoding="utf-8", newline="\n")
    assert differences(DRAWN, tmp_path) == []
    (tmp_path / "01_question.svg").write_text(plain().replace("same", "only"), encoding="utf-8", newline="\n")
    (tmp_path / "01_qkv.svg").unlink()
    (tmp_path / "01_other.svg").write_text(plain(), encoding="utf-8")
    assert differences(DRAWN, tmp_path) == [
        "01_other is not drawn by the script",
        "01_question is not what the script draws: python -m publish.figures",
        "01_qkv is missing: python -m publish.figures",
    ]
