"""Download one file of made-up content from a mirror on this machine."""

import gzip
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import pytest

from core.data import download
from core.errors import DataError
from core.events import Preparing
from tests.support.fakes import loaded

NAME = "t10k-labels-idx1-ubyte"
CONTENT = bytes(range(256)) * 4000
PACKED = gzip.compress(CONTENT, compresslevel=0, mtime=0)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Use no mirror but this machine."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("MNIST_TUI_MIRROR", "http://127.0.0.1:9/")


@pytest.fixture
def mirror(monkeypatch):
    """Return a function that starts a web server as the mirror; it returns the requested paths."""
    servers = []

    def start(answer, path="/"):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                answer(self)

            def log_message(self, *arguments):
                pass

        asked = []
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        monkeypatch.setenv("MNIST_TUI_MIRROR", f"http://127.0.0.1:{server.server_port}{path}")
        return asked

    yield start
    for server in servers:
        server.shutdown()
        server.socket.close()


def send(content, status=200, length=None):
    def answer(handler):
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content) if length is None else length))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def refusal(folder) -> str:
    with pytest.raises(DataError) as refused:
        loaded(download.fetch_file(NAME, folder, DIGEST))
    assert len(str(refused.value).splitlines()) == 1
    return str(refused.value)


@pytest.mark.parametrize("path", ["", "/", "/some/where", "/some/where/"])
def test_fetched_file_is_complete_and_alone(mirror, tmp_path, path):
    asked = mirror(send(PACKED), path)
    loaded(download.fetch_file(NAME, tmp_path / "MNIST" / "raw", DIGEST))
    assert asked == [f"{path.rstrip('/')}/{NAME}.gz"]
    [only] = (tmp_path / "MNIST" / "raw").iterdir()
    assert only.name == NAME
    assert only.read_bytes() == CONTENT


def test_download_reports_progress(mirror, tmp_path):
    """The mirror sends the second half after the first has been reported."""
    heard, half = threading.Event(), len(PACKED) // 2

    def answer(handler):
        send(PACKED[:half], length=len(PACKED))(handler)
        handler.wfile.flush()
        heard.wait(20)
        handler.wfile.write(PACKED[half:])

    mirror(answer)
    told = []
    for event in download.fetch_file(NAME, tmp_path, DIGEST):
        assert isinstance(event, Preparing)
        assert event.message == f"downloading MNIST: {NAME}"
        told.append((event.done, event.total))
        if event.done:
            heard.set()
    assert told[0] == (0, 0)
    assert any(0 < done <= half and total == len(PACKED) for done, total in told)
    assert all(one[0] <= other[0] for one, other in pairwise(told))
    assert (tmp_path / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (send(b"", 404), "does not respond (HTTP status 404)"),
        (send(b"", 503), "does not respond (HTTP status 503)"),
        (send(b"<html>log in to this network</html>"), "is damaged"),
        (send(b""), "is damaged"),
        (send(PACKED[:-1]), "is damaged"),
        (send(PACKED[: len(PACKED) // 2], length=len(PACKED)), "is damaged"),
        (lambda handler: None, "does not respond (Remote end closed connection"),
    ],
    ids=["404", "503", "html", "empty", "cut", "cut-off-midway", "closed"],
)
def test_bad_mirror_keeps_the_old_file(mirror, tmp_path, answer, said):
    (tmp_path / NAME).write_bytes(b"older")
    mirror(answer)
    assert said in refusal(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert (tmp_path / NAME).read_bytes() == b"older"


def test_unreachable_mirror_is_named(tmp_path):
    assert refusal(tmp_path) == (
        "the download failed: http://127.0.0.1:9/ does not respond (Connection refused)"
    )


@pytest.mark.parametrize("begun", [False, True])
def test_silent_mirror_times_out(mirror, monkeypatch, tmp_path, begun):
    monkeypatch.setattr(download, "SILENCE_SECONDS", 0.5)
    over = threading.Event()

    def answer(handler):
        if begun:
            send(PACKED[:1000], length=len(PACKED))(handler)
            handler.wfile.flush()
        over.wait(20)

    mirror(answer)
    try:
        assert "does not respond (" in refusal(tmp_path)
    finally:
        over.set()
    assert list(tmp_path.iterdir()) == []


def test_endless_mirror_times_out(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "TRY_SECONDS", 0.3)
    over = threading.Event()

    def answer(handler):
        send(b"", length=2**40)(handler)
        while not over.wait(0.005):
            handler.wfile.write(bytes(download.CHUNK))

    mirror(answer)
    try:
        assert "does not respond (not done after" in refusal(tmp_path)
    finally:
        over.set()


def test_content_counts_and_not_the_packer(mirror, tmp_path):
    """A mirror of one's own may have packed the files again."""
    mirror(send(gzip.compress(b"something else")))
    assert refusal(tmp_path).endswith(" is damaged")
    assert list(tmp_path.iterdir()) == []
    mirror(send(gzip.compress(CONTENT, mtime=77)))
    loaded(download.fetch_file(NAME, tmp_path, DIGEST))
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_unwritable_folder_is_named(mirror, tmp_path):
    """The folder would be inside a file, where root cannot create it either."""
    (tmp_path / "file").write_text("in the way")
    mirror(send(PACKED))
    assert f"{tmp_path / 'file' / 'raw' / NAME} cannot be written (" in refusal(
        tmp_path / "file" / "raw"
    )


@pytest.mark.parametrize("mirror", ["http://localhost:abc/", "http://127.0.0.1:9/my files/"])
def test_invalid_mirror_url_fails(mirror, monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_TUI_MIRROR", mirror)
    with pytest.raises(DataError, match="the download failed"):
        list(download.fetch_file("t10k-labels-idx1-ubyte", tmp_path, "0" * 64))
