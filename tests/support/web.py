"""A web server on this machine that sends files, also the rest of one, and misbehaves on demand."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Site:
    """The files of a server by their paths, and what was asked of it: a path and the header Range
    of each request. `answer` replaces the whole answer where it is set."""

    files: dict[str, bytes]
    address: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    answer: Answer | None = None
    has_ranges: bool = True
    # So many bytes are sent before the connection ends, one number for each request.
    cuts: list[int] = field(default_factory=list)


def send(
    handler: BaseHTTPRequestHandler,
    content: bytes,
    status: int = 200,
    length: int | None = None,
    content_range: str = "",
) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    if content_range:
        handler.send_header("Content-Range", content_range)
    handler.end_headers()
    handler.wfile.write(content)
    handler.wfile.flush()


def send_file(handler: BaseHTTPRequestHandler, site: Site) -> None:
    content, wanted = site.files.get(handler.path), handler.headers.get("Range")
    if content is None:
        send(handler, b"there is none", 404)
        return
    start, total = 0, len(content)
    if wanted and site.has_ranges:
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= total:
            send(handler, b"", 416, content_range=f"bytes */{total}")
            return
    status = 206 if start else 200
    said = f"bytes {start}-{total - 1}/{total}" if start else ""
    part = content[start:]
    cut = site.cuts.pop(0) if site.cuts else len(part)
    send(handler, part[:cut], status, length=len(part), content_range=said)


@contextmanager
def serve(files: dict[str, bytes]) -> Iterator[Site]:
    site = Site(files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append((self.path, self.headers.get("Range")))
            if site.answer:
                site.answer(self)
            else:
                send_file(self, site)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.socket.close()
