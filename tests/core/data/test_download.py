"""Download one file of made-up content from a server on this machine."""

import gzip
import hashlib
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from core.data import download, http_request
from core.data.download import Remote, fetch_file, find_download_problem
from core.data.partial_file import Busy, PartialFile
from core.data.sources.idx_files import unpack_gzip
from core.errors import DataError
from core.events import Preparing
from core.locking import NoLocks
from tests.support.fakes import loaded
from tests.support.web import Site, send, serve

NAME = "t10k-labels-idx1-ubyte"
CONTENT = bytes(range(256)) * 4000
PACKED = gzip.compress(CONTENT, compresslevel=0, mtime=0)
PARTIAL = f".{NAME}.gz.partial"


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Use no server but this machine."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def site() -> Iterator[Site]:
    with serve({f"/{NAME}.gz": PACKED}) as found:
        yield found


def remote(*addresses: str, md5: str | None = None, most: int = 2**24) -> Remote:
    return Remote(f"{NAME}.gz", tuple(f"{each}/{NAME}.gz" for each in addresses), md5, most)


def check(name: str, path: Path) -> str | None:
    return None if path.read_bytes() == CONTENT else "is damaged"


def fetch(folder: Path, wanted: Remote) -> download.Steps:
    return fetch_file(wanted, folder, "MNIST", lambda packed: unpack(packed, folder / NAME))


unpack = partial(unpack_gzip, check)


def refusal(folder: Path, wanted: Remote) -> str:
    with pytest.raises(DataError) as refused:
        loaded(fetch(folder, wanted))
    assert len(str(refused.value).splitlines()) == 1
    return str(refused.value)


def test_fetched_file_is_complete_and_alone(site, tmp_path):
    loaded(fetch(tmp_path / "MNIST" / "raw", remote(site.address)))
    assert site.asked == [(f"/{NAME}.gz", None)]
    [only] = (tmp_path / "MNIST" / "raw").iterdir()
    assert only.name == NAME
    assert only.read_bytes() == CONTENT


def test_download_reports_progress(site, tmp_path):
    """The server sends the second half after the first has been reported; nothing is written
    before its first bytes have been reported."""
    reported, half, folder = threading.Event(), len(PACKED) // 2, tmp_path / "new"

    def answer(handler):
        send(handler, PACKED[:half], length=len(PACKED))
        reported.wait(20)
        handler.wfile.write(PACKED[half:])

    site.answer = answer
    events = []
    for event in fetch(folder, remote(site.address)):
        assert isinstance(event, Preparing)
        if event.message == f"downloading MNIST: {NAME}":
            events.append((event.done, event.total))
        assert folder.exists() or not any(done for done, _ in events[:-1])
        if event.done:
            reported.set()
    assert events[0] == (0, 0)
    assert any(0 < done <= half and total == len(PACKED) for done, total in events)
    assert all(one[0] <= other[0] for one, other in pairwise(events))
    assert (folder / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda handler: send(handler, b"", 404), "does not respond (HTTP status 404)"),
        (lambda handler: send(handler, b"", 503), "does not respond (HTTP status 503)"),
        (lambda handler: send(handler, b"<html>log in</html>"), "is damaged"),
        (lambda handler: send(handler, b""), "is damaged"),
        (lambda handler: send(handler, PACKED[:-1]), "is damaged"),
        (lambda handler: send(handler, b"1" * 9, length=2**40), "is damaged"),
        (lambda handler: None, "does not respond (Remote end closed connection"),
        (
            lambda handler: send(handler, b"12", 206, content_range="bytes 7-8/99"),
            "does not respond (the server sends other bytes than those asked for)",
        ),
    ],
    ids=["404", "503", "html", "empty", "cut", "endless", "closed", "lying"],
)
def test_bad_server_keeps_the_old_file(site, tmp_path, answer, message):
    (tmp_path / NAME).write_bytes(b"older")
    site.answer = answer
    assert message in refusal(tmp_path, remote(site.address))
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert (tmp_path / NAME).read_bytes() == b"older"


def test_servers_are_tried_one_after_the_other(site, tmp_path):
    loaded(fetch(tmp_path, remote("http://127.0.0.1:9", site.address)))
    assert (tmp_path / NAME).read_bytes() == CONTENT
    said = "the download failed: http://127.0.0.1:9/ does not respond (Connection refused)"
    assert refusal(tmp_path, remote("http://127.0.0.1:9")) == said
    assert find_download_problem(remote("http://127.0.0.1:9")) == said
    assert find_download_problem(remote(site.address)) is None
    assert find_download_problem(remote("http://localhost:abc", "http://127.0.0.1/my files"))


def test_broken_download_is_continued(site, tmp_path):
    """By the same call, as long as each answer brings more; at random places, also by a later
    call, and from another server."""
    number = random.Random(7)
    site.cuts = [number.randrange(1, len(PACKED) // 9) for _ in range(5)]
    places = [0]
    for cut in site.cuts:
        places.append(places[-1] + cut)
    loaded(fetch(tmp_path, remote(site.address)))
    assert [asked for _, asked in site.asked] == [None, *(f"bytes={each}-" for each in places[1:])]
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert len(list(tmp_path.iterdir())) == 1

    (tmp_path / NAME).unlink()
    site.cuts = [40_000, 0, 0]
    said = f"{site.address}/ ended after 40,000 of {len(PACKED):,} bytes"
    assert said in refusal(tmp_path, remote(site.address))
    assert (tmp_path / PARTIAL).read_bytes() == PACKED[:40_000]
    with serve(site.files) as other:
        loaded(fetch(tmp_path, remote("http://127.0.0.1:9", other.address)))
    assert other.asked == [(f"/{NAME}.gz", "bytes=40000-")]
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


@pytest.mark.parametrize("has_ranges", [False, True])
@pytest.mark.parametrize("left", [PACKED[:9], b"of another file", PACKED, PACKED + b"more"])
def test_left_bytes_never_reach_the_file(site, tmp_path, has_ranges, left):
    """They are of another file, too many, or all; the server may have no ranges."""
    site.has_ranges = has_ranges
    (tmp_path / PARTIAL).write_bytes(left)
    md5 = hashlib.md5(PACKED).hexdigest()
    loaded(fetch(tmp_path, remote(site.address, md5=md5)))
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_wrong_md5_is_refused(site, tmp_path):
    assert refusal(tmp_path, remote(site.address, md5="0" * 32)).endswith(" is damaged")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("begun", [False, True])
def test_silent_server_times_out(site, monkeypatch, tmp_path, begun):
    monkeypatch.setattr(http_request, "SILENCE_SECONDS", 0.3)
    over = threading.Event()

    def answer(handler):
        if begun:
            send(handler, PACKED[:1000], length=len(PACKED))
        over.wait(20)

    site.answer = answer
    try:
        said = refusal(tmp_path, remote(site.address))
    finally:
        over.set()
    # Whichever notices first: this thread, or the socket of the one that receives.
    assert "does not respond (no answer for " in said or "timed out" in said
    assert [path.name for path in tmp_path.iterdir()] == ([PARTIAL] if begun else [])


def test_slow_server_times_out_in_total(site, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "TRY_SECONDS", 0.3)
    monkeypatch.setattr(download, "SLOWEST", 2**30)
    over = threading.Event()

    def answer(handler):
        send(handler, b"", length=len(PACKED))
        while not over.wait(0.02):
            handler.wfile.write(b"1")

    site.answer = answer
    try:
        said = refusal(tmp_path, remote(site.address))
    finally:
        over.set()
    assert "does not respond (not done after" in said


def test_slow_server_is_not_silent(site, monkeypatch, tmp_path):
    """A few bytes at a time count, long before they fill a buffer."""
    monkeypatch.setattr(http_request, "SILENCE_SECONDS", 0.4)

    def answer(handler):
        send(handler, b"", length=len(PACKED))
        for start in range(6):
            handler.wfile.write(PACKED[start : start + 1])
            handler.wfile.flush()
            time.sleep(0.1)
        handler.wfile.write(PACKED[6:])

    site.answer = answer
    loaded(fetch(tmp_path, remote(site.address)))
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_content_counts_and_not_the_packer(site, tmp_path):
    """A mirror of one's own may have packed the files again."""
    site.files[f"/{NAME}.gz"] = gzip.compress(b"something else")
    assert refusal(tmp_path, remote(site.address)).endswith(" is damaged")
    site.files[f"/{NAME}.gz"] = gzip.compress(CONTENT, mtime=77)
    loaded(fetch(tmp_path, remote(site.address)))
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_unwritable_folder_is_named(site, tmp_path):
    """The folder would be inside a file, where root cannot create it either."""
    (tmp_path / "file").write_text("in the way")
    folder = tmp_path / "file" / "raw"
    assert f"{folder / NAME} cannot be written (" in refusal(folder, remote(site.address))


def test_full_disk_is_reported_and_freed(site, tmp_path, monkeypatch):
    def write(file, content):
        file.write(content[:9])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download, "write_all", write)
    said = refusal(tmp_path, remote(site.address))
    assert said == f"{tmp_path / NAME} cannot be written (No space left on device)"
    assert list(tmp_path.iterdir()) == []
    usage = shutil.disk_usage(tmp_path)._replace(free=3 * 10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(DataError, match=f"MNIST needs 67 MB, and 3 MB are free in {tmp_path}/x"):
        download.check_space(tmp_path / "x", 67 * 10**6, "MNIST")
    download.check_space(tmp_path / "x", 10**6, "MNIST")


def test_cancelled_download_is_continued_later(site, tmp_path):
    over = threading.Event()

    def answer(handler):
        send(handler, PACKED[:5000], length=len(PACKED))
        over.wait(20)

    site.answer = answer
    fetching = fetch(tmp_path, remote(site.address))
    while next(fetching).done < 5000 or not (tmp_path / PARTIAL).exists():
        pass
    fetching.close()
    over.set()
    site.answer = None
    assert (tmp_path / PARTIAL).stat().st_size == 5000
    loaded(fetch(tmp_path, remote(site.address)))
    assert site.asked[-1] == (f"/{NAME}.gz", "bytes=5000-")
    assert (tmp_path / NAME).read_bytes() == CONTENT


OTHER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from tests.core.data.test_download import NAME, fetch, remote
for event in fetch(Path(sys.argv[1]), remote(sys.argv[2])):
    print(event.message, flush=True)
"""


def test_two_processes_download_at_once(site, tmp_path):
    """The second waits for the first; where that is killed, it continues what it left."""
    first, over = threading.Event(), threading.Event()

    def answer(handler):
        site.answer = None
        send(handler, PACKED[:7000], length=len(PACKED))
        first.set()
        over.wait(20)

    site.answer, root = answer, str(Path(__file__).parents[3])
    command = [sys.executable, "-c", OTHER, str(tmp_path), site.address, root]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert first.wait(20)
        until = time.monotonic() + 10
        while PartialFile(tmp_path, f"{NAME}.gz").size < 7000 and time.monotonic() < until:
            time.sleep(0.01)
        fetching, messages = fetch(tmp_path, remote(site.address)), []
        for event in fetching:
            messages.append(event.message)
            process.kill()
        over.set()
    assert messages[0] == f"another process is downloading MNIST: {NAME}.gz"
    assert site.asked[-1] == (f"/{NAME}.gz", "bytes=7000-")
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_late_download_does_not_overwrite_what_another_received(tmp_path):
    """Both asked for the file while nothing was there; the other's answer then ended early."""
    with PartialFile(tmp_path, NAME).open(0, 0) as file:
        file.write(PACKED[:3000])
    late = PartialFile(tmp_path, NAME)
    with pytest.raises(Busy):
        late.open(0, 0)
    assert late.path.read_bytes() == PACKED[:3000]


def test_many_downloads_of_one_file_all_end_well(site, tmp_path):
    """Each in a thread: locks are of open files, so that threads are as processes are."""
    results, site.cuts = [], [3000, 100, 70_000]

    def run():
        done = fetch_file(
            remote(site.address),
            tmp_path,
            "MNIST",
            lambda packed: unpack(packed, tmp_path / NAME),
            lambda: (tmp_path / NAME).exists(),
        )
        results.append(loaded(done))

    threads = [threading.Thread(target=run) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert len(results) == 6
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_folder_without_locks_gets_a_file_of_its_own(site, tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise NoLocks("this file system has none")

    monkeypatch.setattr("core.data.partial_file.lock", refuse)
    loaded(fetch(tmp_path, remote(site.address)))
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_stuck_process_is_not_waited_for(site, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "OTHER_SECONDS", 0.2)
    stuck = PartialFile(tmp_path, f"{NAME}.gz")
    with stuck.open(0, 0) as file:
        file.write(b"stuck")
        loaded(fetch(tmp_path, remote(site.address)))
        assert (tmp_path / NAME).read_bytes() == CONTENT
        assert {path.name for path in tmp_path.iterdir()} == {PARTIAL, NAME}
