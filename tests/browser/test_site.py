"""The site, built as `make site` builds it and read in Chromium, from a small server and as plain files."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers import results
from publish import quizzes
from publish.notebooks import notebooks

ROOT = Path(__file__).parents[2]
NOTEBOOKS = notebooks()
NOTEBOOK_PAGES = [path.relative_to(ROOT).with_suffix("").as_posix() for path in NOTEBOOKS]
LESSON_PAGES = [f"lessons/{path.stem}" for path in sorted((ROOT / "lessons").glob("*.md"))]
PAGES = ["index", "demo", "results", "CONTRIBUTING", "data/README", *LESSON_PAGES, *NOTEBOOK_PAGES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The built site. A warning of the build, such as a link that leads nowhere, is an error."""
    folder = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, "-m", "publish.site", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def address(folder, serve) -> str:
    """The site on a server of this machine."""
    return serve(folder)


# What sticks out of the window, and cannot be scrolled to.
CUT_OFF = """boxes => boxes.filter((box) => {
    const scrolls = (e) => e && (/auto|scroll/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
    return box.getBoundingClientRect().right > innerWidth && !scrolls(box.closest("article *"));
}).map((box) => box.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("name", PAGES)
def test_page(quiet_page, look, address, name):
    """In light and in dark mode, and on a phone: nothing is broken, small or pale, and the page does not scroll
    sideways."""
    quiet_page.goto(f"{address}/{name}.html")
    assert quiet_page.locator("h1").first.inner_text().strip()
    look(quiet_page)
    quiet_page.emulate_media(color_scheme="dark")
    look(quiet_page)
    quiet_page.emulate_media(color_scheme="light")
    quiet_page.set_viewport_size({"width": 390, "height": 844})
    look(quiet_page)
    assert quiet_page.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert quiet_page.locator("article :is(p, li, pre, img, table, iframe, mjx-container)").evaluate_all(CUT_OFF) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_shows_its_outputs(quiet_page, address, path):
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    quiet_page.goto(f"{address}/{path.relative_to(ROOT).with_suffix('.html').as_posix()}")
    figures = quiet_page.locator(".cell_output img")
    assert figures.count() == sum("image/png" in data or "image/svg+xml" in data for data in outputs)
    views = quiet_page.locator(".cell_output iframe")
    assert views.count() == sum("<iframe" in data.get("text/html", "") for data in outputs)
    for i in range(views.count()):
        views.nth(i).content_frame.locator("svg line").first.wait_for(state="attached")  # a level line has no height
    quiet_page.locator("details").evaluate_all("all => all.forEach((part) => { part.open = true; })")
    text = quiet_page.locator("article").inner_text()
    claims = [data["text/plain"] for data in outputs if data.get("text/plain", "").startswith("✓ ")]
    assert claims and all(claim in text for claim in claims)


def test_front_page_leads_to_everything(quiet_page, address):
    quiet_page.goto(f"{address}/index.html")
    pictures = quiet_page.locator("article img")
    assert pictures.first.get_attribute("src").endswith("in_use.png")  # of the demo, and it leads there
    assert quiet_page.locator("article a:has(img)").first.get_attribute("href") == "demo.html"
    assert pictures.nth(1).get_attribute("src").endswith("map.svg")
    doors = quiet_page.locator("article table").first.locator("tbody tr td:first-child").all_inner_texts()
    assert doors == ["a student", "an instructor", "a CI job"]
    links = quiet_page.locator(".sidebar-tree a").evaluate_all(
        "links => links.map((link) => link.getAttribute('href'))"
    )
    assert sorted(links) == sorted(f"{name}.html" for name in PAGES if name != "index")
    for number in (path.name[:2] for path in notebooks("core")):  # lesson NN stands right before notebook NN
        pair = [link for link in links if link.partition("/")[2].startswith(number)]
        assert links[links.index(pair[0]) :][: len(pair)] == sorted(pair)
    core = quiet_page.locator(".sidebar-tree a[href^='notebooks/0']")
    depth = quiet_page.locator(".sidebar-tree a[href^='notebooks/depth/']")
    assert core.count() == len(notebooks("core")) and depth.count() == len(notebooks("depth"))
    assert all(core.nth(i).is_visible() for i in range(core.count()))
    assert not any(depth.nth(i).is_visible() for i in range(depth.count())), "folded away until asked for"
    quiet_page.locator("article a", has_text="Attention").first.click()
    quiet_page.wait_for_url("**/notebooks/01_attention.html")


def test_the_demo_answers_within_the_site(quiet_page, look, folder):
    """Light, dark, and at phone width, with everything drawn and every answer unfolded."""
    quiet_page.goto((folder / "demo.html").as_uri())
    quiet_page.locator("#causal").check()
    quiet_page.locator("#from").select_option("all")
    quiet_page.locator("details").evaluate_all("all => all.forEach((part) => { part.open = true; })")
    quiet_page.locator("#bars .column", has_text="left only").wait_for()
    for scheme, width in (("light", 1280), ("dark", 1280), ("dark", 390), ("light", 390)):
        quiet_page.emulate_media(color_scheme=scheme)
        quiet_page.set_viewport_size({"width": width, "height": 844})
        look(quiet_page)
        assert quiet_page.evaluate("document.scrollingElement.scrollWidth") <= width
        assert quiet_page.locator("#demo *").evaluate_all(CUT_OFF) == []


def test_formulas_are_set(quiet_page, address):
    quiet_page.goto(f"{address}/notebooks/01_attention.html")
    quiet_page.locator("mjx-container svg, mjx-container mjx-math").first.wait_for()
    assert quiet_page.evaluate(
        "document.fonts.ready.then(() => [...document.fonts].some(f => f.family.includes('MJX')))"
    )


QUIZZES = {lesson.stem: quizzes.read(source) for source, lesson in quizzes.sources().items()}


@pytest.mark.parametrize("name", QUIZZES)
def test_quiz_can_be_clicked(browser, quiet_page, address, name):
    """Each option shows its own explanation, the one that is folded where there is no JavaScript, and says whether it
    is right; the right one isn't given away before it is chosen."""
    with browser.new_context(java_script_enabled=False) as context:
        plain = context.new_page()
        plain.goto(f"{address}/lessons/{name}.html")
        assert plain.locator("#quiz button").count() == 0
        assert plain.locator("#quiz details").count() == len(QUIZZES[name])
        explanations = [
            [text.partition(" ")[2] for text in folded.locator("li").all_text_contents()]
            for folded in plain.locator("#quiz details").all()
        ]
    quiet_page.goto(f"{address}/lessons/{name}.html")
    quiet_page.wait_for_function("window.MathJax?.startup?.promise?.then(() => true)")
    assert quiet_page.locator("#quiz details").count() == 0
    for number, (question, explained) in enumerate(zip(QUIZZES[name], explanations, strict=True), 1):
        part = quiet_page.locator(f"#quiz #question-{number}")
        buttons, said = part.get_by_role("button"), part.get_by_role("status").locator("p")
        assert buttons.count() == len(question.options)
        assert said.locator("visible=true").count() == 0 and part.get_by_text("right answer").count() == 0
        for i, option in enumerate(question.options):
            buttons.nth(i).click()
            shown = said.locator("visible=true")
            assert shown.count() == 1 and shown.inner_text().startswith("Right. " if option.right else "No. ")
            if "$" in option.feedback:
                assert shown.locator("mjx-container").count() == option.feedback.count("$") / 2
            else:
                assert shown.inner_text().strip() == explained[i]
            assert part.get_by_role("button", pressed=True).inner_text() == buttons.nth(i).inner_text()
            marked = part.get_by_role("button").filter(has_text="right answer")
            assert marked.count() == (i >= quizzes.LETTERS.index(question.key))
            assert all(text.startswith(question.key) for text in marked.all_inner_texts())
            assert ("not this one" in buttons.nth(i).inner_text()) != option.right


def test_quiz_by_keyboard_light_dark_and_on_a_phone(quiet_page, look, folder):
    quiet_page.goto((folder / "lessons" / "01_attention.html").as_uri())
    part = quiet_page.locator("#quiz #question-2")
    part.get_by_role("button").first.focus()
    quiet_page.keyboard.press("Enter")
    assert part.get_by_role("button", pressed=True).inner_text().startswith("A")
    quiet_page.keyboard.press("Tab")
    quiet_page.keyboard.press("Space")
    assert part.get_by_role("button", pressed=True).inner_text().startswith("B")
    outline = "button => getComputedStyle(button).outlineStyle"
    assert part.get_by_role("button").nth(1).evaluate(outline) == "solid", "the focus can be seen"
    assert part.get_by_role("button").nth(2).evaluate(outline) == "none"
    look(quiet_page)
    quiet_page.emulate_media(color_scheme="dark")
    look(quiet_page)
    quiet_page.set_viewport_size({"width": 390, "height": 844})
    look(quiet_page)
    assert quiet_page.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert quiet_page.locator("#quiz :is(p, li, button, pre, mjx-container)").evaluate_all(CUT_OFF) == []


def test_search(quiet_page, look, address):
    quiet_page.goto(f"{address}/index.html")
    quiet_page.locator("input.sidebar-search").fill("epsilon")
    quiet_page.keyboard.press("Enter")
    results = quiet_page.locator("#search-results li")
    results.filter(has_text="05 · The encoder").filter(has_text="1e-12").first.wait_for()  # with an extract
    look(quiet_page)


def test_as_plain_files(quiet_page, folder):
    quiet_page.goto((folder / "notebooks" / "01_attention.html").as_uri())
    quiet_page.locator("mjx-container").first.wait_for()
    quiet_page.locator("input.sidebar-search").fill("epsilon")
    quiet_page.keyboard.press("Enter")
    quiet_page.locator("#search-results li a", has_text="05 · The encoder").first.click()
    quiet_page.locator("h1", has_text="The encoder").wait_for()


def test_results_page_has_every_study(quiet_page, address):
    quiet_page.goto(f"{address}/results.html")
    text = quiet_page.locator("article").inner_text()
    for path in results.RESULTS.glob("*.json"):
        study = json.loads(path.read_text(encoding="utf-8"))
        assert f"Study {path.stem}." in text and results.command(study) in text
    full = results.over_arms(results.load_result("ladder-full"), "full", "accuracy")
    section = quiet_page.locator("section", has_text="Study ladder-full").last  # the innermost
    row = section.locator("tr", has_text="full").last.inner_text()
    assert results.percent(full["mean"]) in row.replace("\xa0", " ")


@pytest.mark.parametrize(
    "html, complaint",
    [
        ("<p style='color:#888'>grey on white</p>", "contrast 3.54"),
        ("<p style='opacity:.5'>pale</p>", "contrast 3.9"),
        ("<div style='background:#123'><p style='color:#456'>dark on dark</p></div>", "contrast"),
        ("<p style='font-size:13px'>small</p>", "13.0 px"),
        ("<p style='color:#888;font-size:24px'>large</p>", None),
        ("<p style='color:#888;display:none'>hidden</p>", None),
        ("<p>plain</p>", None),
    ],
)
def test_what_is_hard_to_read_is_found(page, look, html, complaint):
    page.set_content(html)
    if complaint:
        with pytest.raises(AssertionError, match=complaint):
            look(page)
    else:
        look(page)


def test_a_picture_without_alt_text_is_found(page, look):
    page.set_content('<img src=\'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>\'>')
    page.locator("img").wait_for()
    with pytest.raises(AssertionError, match="no alt text"):
        look(page)
