"""The decks, exported as `make slides` exports them and opened as files in Chromium, at 1280 × 720."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from publish.notebooks import notebooks

ROOT = Path(__file__).parents[2]
NOTEBOOKS = notebooks("core")
LONG_SLIDES = 2  # a deck may have so many that scroll


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("slides")
    command = [sys.executable, "-m", "publish.slides", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def opened(quiet_page, folder):
    """A function that opens a deck on its first slide."""

    def open_deck(name: str):
        quiet_page.set_viewport_size({"width": 1280, "height": 720})
        quiet_page.goto((folder / f"{name}.html").as_uri())
        quiet_page.wait_for_function("window.Reveal && Reveal.isReady()")
        return quiet_page

    return open_deck


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_deck(opened, look, path):
    """Every slide shows something, fits or scrolls, and can be read; together they show every figure and claim."""
    page = opened(path.stem)
    count, long, texts, images, diagrams = page.evaluate("Reveal.getTotalSlides()"), 0, [], 0, 0
    assert 15 <= count <= 80
    for _ in range(count):
        page.evaluate("while (Reveal.availableFragments().next) Reveal.nextFragment()")
        slide = page.locator("section.present:not(.stack)")
        look(page)
        fits = slide.evaluate(
            "slide => slide.scrollHeight <= slide.clientHeight && slide.scrollWidth <= slide.clientWidth"
        )
        scrolls = slide.evaluate("slide => getComputedStyle(slide).overflowY == 'auto'")
        assert fits or scrolls, slide.inner_text()
        long += not fits
        images += slide.locator("img").count()
        diagrams += slide.locator("[role=img][aria-label] > svg").count()
        texts.append(slide.inner_text())
        assert texts[-1].strip() or slide.locator("img, iframe, [role=img]").count(), "an empty slide"
        page.evaluate("Reveal.next()")
    assert long <= LONG_SLIDES
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    in_text = sum(cell.source.count("![") for cell in cells if cell.cell_type == "markdown")
    assert images == in_text + sum("image/png" in data for data in outputs)
    assert diagrams == sum("image/svg+xml" in data for data in outputs)
    claims = [data["text/plain"] for data in outputs if data.get("text/plain", "").startswith("✓ ")]
    assert claims and all(claim in "\n".join(texts) for claim in claims)


def test_claims_come_up_one_by_one(opened):
    page = opened("02_bidirectionality")
    claim = page.locator(".fragment", has_text="✓ 02.").first
    page.evaluate(
        "slide => Reveal.slide(...Object.values(Reveal.getIndices(slide)))", claim.locator("xpath=..").element_handle()
    )
    assert not claim.is_visible()
    page.keyboard.press("ArrowRight")
    assert claim.is_visible()


def test_formulas_are_set(opened):
    page = opened("01_attention")
    assert page.locator("mjx-container mjx-math").count() > 0
    assert "\\frac" not in page.locator(".slides").inner_text()


def test_code_is_hidden_where_the_output_is_what_matters(opened):
    page = opened("01_attention")
    with_code = page.locator(".jp-CodeCell:has(.highlight)")
    assert with_code.count() > 5
    assert page.locator(".jp-CodeCell:has(.highlight):has(img)").count() == 0
    assert with_code.filter(has_text="✓ 01.").count() == 0


def test_keys_go_through_the_deck(opened):
    page = opened("05_encoder")
    page.keyboard.press("End")
    page.locator("section.present", has_text="What you know now").first.wait_for()
