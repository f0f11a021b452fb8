"""Messages with file descriptors between two processes: a length in four bytes, and JSON."""

from __future__ import annotations

import json
import socket
from typing import Any

LENGTH_BYTES = 4
MAX_DESCRIPTORS = 3


def send_message(
    connection: socket.socket, message: dict[str, Any], descriptors: tuple[int, ...] = ()
) -> None:
    """Send a message with file descriptors.

    Raises:
        OSError: the other side has ended.
    """
    text = json.dumps(message).encode()
    whole = len(text).to_bytes(LENGTH_BYTES, "big") + text
    sent = socket.send_fds(connection, [whole], descriptors)  # in one call: an interrupt cuts none
    connection.sendall(whole[sent:])


def receive_message(connection: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message and its file descriptors; None once the other side has ended.

    Raises:
        OSError: the other side ended in the middle of a message; TimeoutError after the socket's
            timeout.
    """
    head, descriptors, _, _ = socket.recv_fds(connection, LENGTH_BYTES, MAX_DESCRIPTORS)
    if not head:
        return None, []
    while len(head) < LENGTH_BYTES:
        head += _received(connection, LENGTH_BYTES - len(head))
    text, length = b"", int.from_bytes(head, "big")
    while len(text) < length:
        text += _received(connection, length - len(text))
    message: dict[str, Any] = json.loads(text)
    return message, descriptors


def _received(connection: socket.socket, count: int) -> bytes:
    part = connection.recv(count)
    if not part:
        raise ConnectionResetError("the other side has ended")
    return part
