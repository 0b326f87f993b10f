"""The decks, exported as `make slides` exports them and opened as files in Chromium, at 1280 × 720."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from publish import FIGURE, copies
from publish.notebooks import notebooks

ROOT = Path(__file__).parents[2]
NOTEBOOKS = notebooks("core")
PREDICT = "**Predict.**"
# What is wrong with the page in view: what is cut off or hangs over, and which texts the back row can't read.
WRONG = """page => {
  const shown = [...page.querySelectorAll("*")].filter((e) => e.getClientRects().length && !e.closest("aside"));
  const cut = [page, ...shown.filter((e) => e.matches(".look, pre, table"))]
    .filter((e) => e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1);
  const over = shown.filter((e) => !e.closest("svg, mjx-container")).filter((e) => {
    const box = e.getBoundingClientRect();
    return box.left < -1 || box.top < -1 || box.right > 1281 || box.bottom > 721;
  });
  const small = shown.filter((e) => !e.closest("svg, mjx-container")).filter((e) =>
    [...e.childNodes].some((n) => n.nodeType == 3 && n.data.trim()) && parseFloat(getComputedStyle(e).fontSize) < 24);
  const name = (e) => `${e.tagName}.${e.className} "${e.textContent.trim().slice(0, 40)}"`;
  return [...cut.map((e) => `cut off: ${name(e)}`), ...over.map((e) => `off the page: ${name(e)}`),
          ...small.map((e) => `under 24 px: ${name(e)}`)];
}"""
# What there is on the page in view: how many things to look at, characters of prose, pixels covered by figures.
LOOKS = """page => {
  const all = (names) => [...page.querySelectorAll(names)].filter((e) => e.getClientRects().length);
  const prose = all(".setup, .prompt, .task").filter((e) => !e.querySelector("table, ul, ol, pre"));
  const figures = all(".look > img, .look > p > img, .look svg").map((e) => {
    const [width, height] = e.naturalWidth ? [e.naturalWidth, e.naturalHeight]
                                           : [e.viewBox.baseVal.width, e.viewBox.baseVal.height];
    return width * height * Math.min(e.clientWidth / width, e.clientHeight / height) ** 2;
  });
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  return [all("img, svg, table, pre, .prompt, mjx-container[display=true], .look li").length,
          sum(prose.map((e) => e.innerText.length)), figures.length ? sum(figures) : null];
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("slides")
    command = [sys.executable, "-m", "publish.slides", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def opened(quiet_page, folder):
    """A function that opens a deck on its first page."""

    def open_deck(name: str):
        quiet_page.set_viewport_size({"width": 1280, "height": 720})
        quiet_page.goto((folder / f"{name}.html").as_uri())
        quiet_page.wait_for_function("window.Reveal && Reveal.isReady()")
        return quiet_page

    return open_deck


def letters(text: str) -> str:
    """Return letters and digits only: what Markdown and a browser make of a text differs in the rest."""
    return re.sub(r"\W|_", "", text)


def states(page):
    """Go through a deck; yield the number of each page and the page, at first and after everything that comes up."""
    for number in range(page.evaluate("Reveal.getTotalSlides()")):
        yield number, page.locator("section.present:not(.stack)")
        while page.evaluate("Reveal.availableFragments().next"):
            page.evaluate("Reveal.nextFragment()")
            yield number, page.locator("section.present:not(.stack)")
        page.evaluate("Reveal.next()")


def answers(path: Path) -> dict[str, list[str]]:
    """Return what must not be seen before the guess: for each prediction, the lines and claims printed before the next
    prose."""
    found, asked = {}, None
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            asked = cell.source.partition(PREDICT)[2] or None
            found |= {asked: []} if asked else {}
        elif asked:
            for output in cell.outputs:
                text = output.get("text") or output.get("data", {}).get("text/plain", "")
                lines = [letters(line) for line in text.splitlines()]
                found[asked] += [line for line in lines if len(line) > 15 and not line.startswith("figure")]
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_deck(opened, look, path):
    """In 10 to 20 pages, each with something to look at, a deck shows all figures, claims, and predictions, and every
    page fits and can be read, whatever has come up."""
    page = opened(path.stem)
    first, texts, images, diagrams = {}, [], {}, {}
    for number, slide in states(page):
        look(page)
        assert not (wrong := slide.evaluate(WRONG)), f"page {number + 1}: {wrong}"
        looks, prose, figures = slide.evaluate(LOOKS)
        assert looks, f"page {number + 1} has nothing to look at: {slide.inner_text()}"
        assert prose <= 600, f"page {number + 1} is a wall of text: {slide.inner_text()}"
        assert figures is None or figures > 1280 * 720 / 5, f"the figures of page {number + 1} are small"
        assert slide.locator("h1, h2, h3").first.is_visible()
        first.setdefault(number, slide.inner_text())
        texts.append(slide.inner_text())
        images[number] = slide.locator("img").count()
        diagrams[number] = slide.locator("[role=img][aria-label] > svg").count()
    assert 10 <= len(first) <= 20
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    in_text = [name for cell in cells if cell.cell_type == "markdown" for name in FIGURE.findall(cell.source)]
    in_text = [name for name in in_text if not name.startswith("map_")]  # the map of the course is no slide
    assert sum(images.values()) == len(in_text) + sum("image/png" in data for data in outputs)
    assert sum(diagrams.values()) == sum("image/svg+xml" in data for data in outputs)
    claims = [data["text/plain"] for data in outputs if re.match("(✓|recorded) [0-9]", data.get("text/plain", ""))]
    assert claims and all(claim in "\n".join(texts) for claim in claims)
    asked = [letters(re.split(r"\$|\n", prompt)[0]) for prompt in answers(path)]
    for prompt in asked:
        assert sum(prompt in letters(text) for text in first.values()) == 1, f"this is on no page: {prompt}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_an_answer_comes_up_after_the_guess(opened, path):
    """At first, a page that asks for a prediction shows no line and no claim that answers it, and no plot."""
    page, prompts, seen, number = opened(path.stem), answers(path), [], None
    for now, slide in states(page):
        if now != number:
            number, text = now, letters(slide.inner_text())
            for prompt, lines in prompts.items():
                if letters(re.split(r"\$|\n", prompt)[0]) in text:
                    shown = [letters(line) for line in slide.inner_text().splitlines()]
                    told = [line for line in lines if any(line in each for each in shown)]
                    assert not told, f"page {now + 1} tells the answer"
                    assert slide.locator(".fragment:not(.visible)").count(), f"page {now + 1} has no answer"
                    drawn = slide.locator("img[src^=data], [role=img] svg")
                    assert not any(drawn.nth(i).is_visible() for i in range(drawn.count()))
                    seen.append(prompt)
    assert seen == list(prompts)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_solution_is_in_a_deck(opened, path):
    """Not on a page, and not in the notes; what students write is there, with its signature."""
    page = opened(path.stem)
    text = letters(page.locator(".slides").evaluate("slides => slides.textContent"))
    builds = [
        cell.source for cell in nbformat.read(path, as_version=4).cells if "build" in cell.metadata.get("tags", [])
    ]
    for source in builds:
        given = copies.blank(source)
        solution = set(source.splitlines()) - set(given.splitlines())
        lines = [letters(line.partition("  # ")[0]) for line in solution if copies.BEGIN not in line]
        assert lines and not [line for line in lines if len(line) > 15 and line in text]
        for signature in re.findall(r"^(?:def|class) \w+", given, re.MULTILINE):
            assert letters(signature) in text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notes_are_there_and_hidden(opened, path):
    """The notes hold what the lesson tells its teacher, and the prose that no page shows."""
    page = opened(path.stem)
    notes = page.locator("aside.notes")
    for _ in states(page):
        assert not any(notes.nth(i).is_visible() for i in range(notes.count()))
    said = letters(" ".join(notes.evaluate_all("notes => notes.map((note) => note.textContent)")))
    lesson = (ROOT / "lessons" / f"{path.stem}.md").read_text(encoding="utf-8").partition("## Instructor notes")[2]
    rows = [row.split("|")[3] for row in lesson.splitlines() if re.match(r"\| \d+ \|", row)]
    assert notes.count() >= len(rows)
    plain = [letters(row) for row in rows if "$" not in row]
    assert plain and not [row for row in plain if row not in said]
    everything = letters(page.locator(".slides").evaluate("slides => slides.textContent"))
    for cell in nbformat.read(path, as_version=4).cells:
        prose = cell.source if cell.cell_type == "markdown" and not re.search(r"\$|\]\(|```|<", cell.source) else ""
        for paragraph in prose.split("\n\n"):
            text = letters(re.sub(r"^\|[-|]+\|$|^\d\. ", "", paragraph, flags=re.MULTILINE))
            assert text in everything, f"this was lost: {paragraph}"


def test_s_opens_the_speakers_view(opened):
    page = opened("07_cls_token")
    with page.context.expect_page() as popup:
        page.keyboard.press("s")
    notes = popup.value.locator(".speaker-controls-notes .value")
    notes.get_by_text("The main idea.").wait_for()
    page.keyboard.press("ArrowRight")
    notes.get_by_text("Pool the row in the figure on the board.").wait_for()


def test_claims_come_up_one_by_one(opened):
    page = opened("02_bidirectionality")
    claim = page.locator(".fragment", has_text="✓ 02.").first
    page.evaluate(
        "slide => Reveal.slide(...Object.values(Reveal.getIndices(slide)))", claim.locator("xpath=..").element_handle()
    )
    text = claim.locator(".claim").first
    assert not text.is_visible()
    while not text.is_visible():
        assert page.evaluate("Reveal.availableFragments().next")
        page.keyboard.press("ArrowRight")


def test_formulas_are_set(opened):
    page = opened("01_attention")
    assert page.locator("mjx-container mjx-math").count() > 0
    assert "\\frac" not in page.locator(".slides").inner_text()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_code_is_shown_only_where_students_write(opened, path):
    page = opened(path.stem)
    shown = page.locator("pre").evaluate_all("all => all.map((pre) => pre.textContent)")
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    written = [cell for cell in cells if {"build", "exercise"} & set(cell.metadata.get("tags", []))]
    told = "".join(
        c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown" or c in written
    )
    calls = [line for cell in cells if cell not in written for line in cell.source.splitlines() if len(line) > 25]
    assert not [line for line in calls if line not in told and any(line in code for code in shown)]


def test_keys_go_through_the_deck(opened):
    page = opened("05_encoder")
    pages = page.evaluate("Reveal.getTotalSlides()")
    passed = [0]
    while passed[-1] < pages - 1 and len(passed) < 6 * pages:
        page.keyboard.press("ArrowRight")
        passed.append(page.evaluate("Reveal.getSlidePastCount()"))
    assert sorted(set(passed)) == list(range(pages)), "the right arrow key skips pages"
    page.keyboard.press("Home")
    page.locator("section.present", has_text="05 · The encoder").first.wait_for()
    page.keyboard.press("End")
    page.locator("section.present", has_text="What you know now").first.wait_for()
