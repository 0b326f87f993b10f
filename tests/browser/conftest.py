"""What the browser tests share: Chromium, a page that may not leave this machine, and what a page should look like."""

import functools
import http.server
import os
import shutil
import threading
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LEGIBLE = (Path(__file__).parent / "legible.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser():
    """Chromium. Without it the tests are skipped; with REQUIRE_BROWSER=1 its absence is a failure."""
    chromium = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    if not chromium:
        missing = pytest.fail if os.environ.get("REQUIRE_BROWSER") == "1" else pytest.skip
        missing("browser tests not run: no Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A fresh page that may not ask anything outside of this machine."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(60_000)
    page, elsewhere = context.new_page(), []
    context.on("request", lambda request: elsewhere.append(request.url) if leaves_machine(request.url) else None)
    yield page
    context.close()
    assert not elsewhere, f"requests left this machine: {elsewhere}"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def serve():
    """A function that serves a folder on this machine until the module's tests are done, and returns its address."""
    with ExitStack() as running:

        def start(folder: Path) -> str:
            handler = functools.partial(Quiet, directory=folder)
            server = running.enter_context(http.server.ThreadingHTTPServer(("localhost", 0), handler))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            running.callback(server.shutdown)
            return f"http://localhost:{server.server_port}"

        yield start


def leaves_machine(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme not in ("data", "blob", "about", "file") and parts.hostname not in ("localhost", "127.0.0.1")


@pytest.fixture
def quiet_page(page):
    """A page on which an error in the console or in a script fails the test."""
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert not errors, f"errors in the browser: {errors}"


@pytest.fixture
def look():
    """A function that checks what is on a page: every picture is there and described, every text can be read."""

    def check(page):
        broken = """images => images
            .filter((i) => !i.complete || !i.naturalWidth || !i.alt.trim() || /[.](png|svg)$/.test(i.alt))
            .map((i) => i.outerHTML)"""
        bad = page.locator("img").evaluate_all(broken)
        assert not bad, f"pictures that are missing, or have no alt text: {[image[:200] for image in bad]}"
        hard = page.evaluate(LEGIBLE)
        assert not hard, f"{len(hard)} texts are hard to read: {hard[:10]}"

    return check
