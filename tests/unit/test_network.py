"""The course runs without a network, and the guard that proves it really bites."""

import os
import socket
import subprocess
import sys
import threading

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

OUTSIDE = "192.0.2.1"  # reserved for documentation: nobody answers there


def test_cell_that_connects_fails_and_is_recorded(tmp_path):
    log = tmp_path / "network.log"
    source = f"import socket\nsocket.create_connection(({OUTSIDE!r}, 80), timeout=5)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    # A log of its own: the log of the whole run must stay empty.
    with pytest.raises(CellExecutionError, match="The course runs without a network"):
        NotebookClient(notebook, kernel_name="python3").execute(env={**os.environ, "COURSE_NETWORK_LOG": str(log)})
    assert OUTSIDE in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "attempt",
    [
        f"socket.socket().connect(({OUTSIDE!r}, 443))",
        f"socket.socket(type=socket.SOCK_DGRAM).sendto(b'?', ({OUTSIDE!r}, 53))",
        "socket.getaddrinfo('example.org', 443)",
        "socket.gethostbyname('example.org')",
        "http.client.HTTPSConnection('example.org').connect()",
    ],
)
def test_each_way_out_is_closed(tmp_path, attempt):
    log = tmp_path / "network.log"
    command = [sys.executable, "-c", f"import http.client, socket\n{attempt}"]
    env = {**os.environ, "COURSE_NETWORK_LOG": str(log)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "The course runs without a network" in done.stderr
    assert len(log.read_text(encoding="utf-8").splitlines()) == 1


def test_this_process_is_guarded(tmp_path, monkeypatch):
    log = tmp_path / "network.log"
    monkeypatch.setenv("COURSE_NETWORK_LOG", str(log))
    with pytest.raises(ConnectionRefusedError, match="without a network"):
        socket.create_connection((OUTSIDE, 80), timeout=5)
    assert OUTSIDE in log.read_text(encoding="utf-8")


def test_loopback_works():
    with socket.create_server(("localhost", 0)) as server:
        threading.Thread(target=lambda: server.accept()[0].sendall(b"hello")).start()
        with socket.create_connection(server.getsockname(), timeout=5) as client:
            assert client.recv(5) == b"hello"


def test_another_sitecustomize_still_runs(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.was_here = True\n", encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(tmp_path)])}
    subprocess.run([sys.executable, "-c", "import sys; assert sys.was_here"], env=env, check=True, timeout=60)
