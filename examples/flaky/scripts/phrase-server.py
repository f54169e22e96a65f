"""Serves the phrase book once. In a bad hour, which the rehearsal asks for, it hangs up in the middle of it instead."""

import argparse
import socket
from pathlib import Path


def serve_once(port_file: Path, book: Path, *, bad_hour: bool) -> None:
    """Answer one request, after telling the port to connect to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port_file.write_text(str(server.getsockname()[1]), encoding="utf-8")
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            body = book.read_bytes()
            sent = body[: len(body) // 2] if bad_hour else body
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + sent)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--bad-hour", action="store_true")
    options = parser.parse_args()
    serve_once(options.port_file, Path("phrase-book.txt"), bad_hour=options.bad_hour)
