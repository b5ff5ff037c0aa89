"""A store that speaks as much of S3 as Daft asks for: HEAD, GET with a range, ListObjectsV2."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


@contextmanager
def serve(objects: dict[str, bytes]) -> Iterator[str]:
    """Serve ``bucket/key`` to bytes, a dictionary that may change; give the server's address."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self._object()

        def do_GET(self):
            address = urlsplit(self.path)
            query = parse_qs(address.query, keep_blank_values=True)
            if "list-type" in query:
                bucket = unquote(address.path).strip("/")
                self._answer(200, _listing(objects, bucket, query["prefix"][0]))
            else:
                self._object()

        def _object(self):
            content = objects.get(unquote(urlsplit(self.path).path).lstrip("/"))
            if content is None:
                self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
                return
            start, _, end = (
                self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
            )
            part = content[int(start) : int(end) + 1 if end else None]
            whole = part == content
            self._answer(
                200 if whole else 206,
                part,
                {"ETag": f'"{hashlib.blake2b(content).hexdigest()[:32]}"'}
                | ({} if whole else {"Content-Range": f"bytes {start}-{end}/{len(content)}"}),
            )

        def _answer(self, status, body, headers=None):
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _listing(objects: dict[str, bytes], bucket: str, prefix: str) -> bytes:
    """Return the keys and the folders right below a prefix."""
    keys, folders = [], set()
    for name in sorted(objects):
        owner, _, key = name.partition("/")
        if owner == bucket and key.startswith(prefix):
            below, is_folder, _ = key.removeprefix(prefix).partition("/")
            folders.add(prefix + below + "/") if is_folder else keys.append(key)
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{len(objects[f'{bucket}/{key}'])}</Size></Contents>"
        for key in keys
    )
    common = "".join(
        f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>"
        for folder in sorted(folders)
    )
    head = f"<Name>{bucket}</Name><KeyCount>{len(keys)}</KeyCount><IsTruncated>false</IsTruncated>"
    return f"<ListBucketResult>{head}{contents}{common}</ListBucketResult>".encode()
