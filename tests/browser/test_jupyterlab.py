"""The course in JupyterLab, as a student sees it. Needs Chromium; with REQUIRE_BROWSER=1 its absence is a failure."""

import copy
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from publish import copies
from publish.notebooks import notebooks

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory):
    """A JupyterLab with no settings but its own: its address, and the folder that it serves, laid out like the
    repository after `make lab`."""
    folder = tmp_path_factory.mktemp("lab")
    served = folder / "served"
    shutil.copytree(NOTEBOOKS, served / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints", "runs"))
    shutil.copytree(ROOT / "lessons" / "figures", served / "lessons" / "figures")
    copies.copy("student", served / "build" / "student")
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://localhost:{port}"
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", "--IdentityProvider.token=", f"--ServerApp.root_dir={served}"]
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    own |= {f"JUPYTERLAB_{kind}_DIR": str(folder / kind) for kind in ("SETTINGS", "WORKSPACES")}
    # As a student has it: controls move, and a build that fails does not stop the notebook.
    env = {key: value for key, value in os.environ.items() if key not in ("COURSE_STATIC", "COURSE_STRICT")} | own
    with open(folder / "server.log", "w") as log:
        server = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    try:
        wait_for(f"{address}/api", server, folder / "server.log")
        yield address, served
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_for(url: str, server: subprocess.Popen, log: Path):
    for _ in range(120):
        assert server.poll() is None, f"JupyterLab did not start:\n{log.read_text()}"
        try:
            return urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"JupyterLab did not answer within a minute:\n{log.read_text()}")


def open_notebook(page, address: str, name: str):
    page.goto(f"{address}/lab/tree/{name}?reset")
    page.locator(".jp-Notebook .jp-MarkdownOutput h1").first.wait_for()


def run_cell(cell):
    """Run a cell and wait for its number. Focus, no click: outputs above that are still growing push a click aside.

    On a busy machine a key may be lost while the page is laid out; then we press again, as a student would.
    """
    prompt = cell.locator(".jp-InputArea-prompt")
    for _ in range(3):
        cell.locator(".cm-content").press("Shift+Enter")
        try:
            expect(prompt).to_have_text(re.compile(r"\[(\*|\d+)\]"), timeout=20_000)  # [*]: it runs
            break
        except AssertionError:
            continue
    expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=60_000)


def letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text)


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_notebook_opens_and_shows_its_figures(page, lab, path):
    notebook = nbformat.read(path, as_version=4)
    open_notebook(page, lab[0], path.relative_to(ROOT).as_posix())
    title = notebook.cells[0].source.partition("\n")[0]
    assert letters(page.locator(".jp-Notebook h1").first.inner_text()) == letters(title)

    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    if any("image/png" in output.get("data", {}) for output in outputs):
        scroll_to_an_image(page)


def scroll_to_an_image(page):
    """JupyterLab renders what is near the window, so scroll until a picture has been drawn."""
    image = page.locator(".jp-Notebook .jp-RenderedImage img")
    panel = page.locator(".jp-Notebook .jp-WindowedPanel-outer").first
    for _ in range(200):
        if image.count() and image.first.evaluate("image => image.complete && image.naturalWidth > 0"):
            return
        panel.evaluate("panel => panel.scrollBy(0, 800)")
        page.wait_for_timeout(100)
    pytest.fail("no figure was drawn")


def test_first_cell_runs(page, lab):
    """The set-up cell of notebook 01 runs in the browser; its stored output is taken away first."""
    address, served = lab
    notebook = nbformat.read(NOTEBOOKS / "01_attention.ipynb", as_version=4)
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, served / "first_cell.ipynb")

    open_notebook(page, address, "first_cell.ipynb")
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
    first = page.locator(".jp-CodeCell").first
    assert first.locator(".jp-OutputArea-output").count() == 0
    run_cell(first)
    first.locator(".jp-OutputArea-output", has_text="ready: seed 0").wait_for()


def test_a_student_writes_a_build_and_sees_the_tick(page, lab):
    """What `make lab` opens: a blank copy. The answer typed in is the course's own, as a student would write it."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^lab: \$\(READY\) student ", makefile, re.MULTILINE)
    opened = re.search(r"^lab:.*\n\t.*default_url=/lab/tree/(\S+)", makefile, re.MULTILINE)[1]
    source = next(
        cell.source
        for cell in nbformat.read(NOTEBOOKS / "01_attention.ipynb", as_version=4).cells
        if "build" in cell.metadata.get("tags", [])
    )
    name = "scaled_dot_product_attention"
    open_notebook(page, lab[0], opened)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
    image = page.locator(".jp-MarkdownOutput img").first
    assert image.evaluate("image => image.complete && image.naturalWidth > 0"), "the figure is beside the copy"
    run_cell(page.locator(".jp-CodeCell").first)
    panel = page.locator(".jp-Notebook .jp-WindowedPanel-outer").first
    build = page.locator(".jp-CodeCell", has_text=f"def {name}")
    for _ in range(200):
        if build.count():
            break
        panel.evaluate("panel => panel.scrollBy(0, 400)")
        page.wait_for_timeout(100)
    editor = build.locator(".cm-content")
    expect(editor).to_contain_text("raise NotImplementedError")
    run_cell(build)
    expect(build.locator(".jp-OutputArea-output")).to_contain_text(f"○ {name}: not attempted")
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)
    run_cell(build)
    expect(build.locator(".jp-OutputArea-output")).to_contain_text(f"✓ {name}: all")


MOVING = [
    """import torch
from helpers.classroom import explore
from helpers.classroom.plots import heatmap
from helpers.classroom.views import head_view, model_view

words = ["[CLS]", "good", "film", "[SEP]"]
weights = [torch.rand(1, 2, 4, 4).softmax(-1) for _ in range(3)]""",
    'head_view(weights, words, alt="who looks at whom")',
    'model_view(weights, words, alt="every head of every layer")',
    """def draw(layer=0):
    return heatmap(weights[layer][0, 0], words, words, alt=f"layer {layer}")


explore(draw, layer=(0, 2))""",
]


@pytest.fixture(scope="module")
def moving() -> nbformat.NotebookNode:
    """A small notebook with both attention views and a picture that moves, not yet run."""
    cells = [nbformat.v4.new_markdown_cell("# Views"), *map(nbformat.v4.new_code_cell, MOVING)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=kernel)


def lines_drawn(page) -> list[int]:
    """Return how many lines each attention view has drawn."""
    frames = page.locator("iframe[title]")
    for i in range(2):
        frames.nth(i).scroll_into_view_if_needed()
        frames.nth(i).content_frame.locator("svg line").first.wait_for(state="attached")
    return [frames.nth(i).content_frame.locator("svg line").count() for i in range(2)]


WEIGHTS = 2 * 4 * 4  # heads × words × words: one line for each weight of the layer on show


def test_views_draw_and_controls_move(page, lab, moving):
    address, served = lab
    nbformat.write(moving, served / "moving.ipynb")
    open_notebook(page, address, "moving.ipynb")
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
    for i in range(len(MOVING)):
        run_cell(page.locator(".jp-CodeCell").nth(i))
    head, model = lines_drawn(page)
    assert head >= WEIGHTS and model >= 3 * WEIGHTS

    picture = page.locator(".jp-OutputArea-output img").last
    picture.wait_for()
    before = picture.get_attribute("src")
    page.locator(".widget-slider .noUi-handle").press("ArrowRight")
    page.wait_for_function(
        "before => [...document.querySelectorAll('.jp-OutputArea-output img')].at(-1)?.src != before", arg=before
    )


def test_views_draw_in_an_exported_page(page, moving, tmp_path):
    executed = copy.deepcopy(moving)
    NotebookClient(executed, kernel_name="python3").execute()  # COURSE_STATIC stands: the picture does not move
    exported, _ = HTMLExporter(mathjax_url="", require_js_url="", jquery_url="").from_notebook_node(executed)
    (tmp_path / "moving.html").write_text(exported, encoding="utf-8")
    page.goto((tmp_path / "moving.html").as_uri())
    head, model = lines_drawn(page)
    assert head >= WEIGHTS and model >= 3 * WEIGHTS
    assert page.locator("img").count() == 1
