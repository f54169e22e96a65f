"""Serves a file once. In a bad hour, which the rehearsal asks for, it resets the connection instead."""

import argparse
import socket
import struct
from pathlib import Path

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def serve_once(port_file: Path, file: Path, *, bad_hour: bool) -> None:
    """Answer one request, after telling the port to connect to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port_file.write_text(str(server.getsockname()[1]), encoding="utf-8")
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            if bad_hour:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                return
            body = file.read_bytes()
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--bad-hour", action="store_true")
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    serve_once(options.port_file, options.file, bad_hour=options.bad_hour)
