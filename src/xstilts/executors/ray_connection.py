"""Connects this process to a Ray cluster, or starts one that only this machine can reach."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

from xstilts.core.errors import ConfigError

CONNECT_SECONDS = 5
"""Seconds to wait for a cluster's address to answer, and for Ray to accept the connection."""
INIT_SECONDS = 60.0
"""Seconds after which a cluster that answers, and does not accept the connection, is given up."""
ADDRESS = re.compile(r"auto|(\[[0-9a-fA-F:]+\]|[^\s/:]+):(\d+)")
HTTP2_SETTINGS = 4
"""Type of the frame that each side of an HTTP/2 connection sends first (RFC 9113, 3.4)."""
HTTP2_START = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, HTTP2_SETTINGS, *[0] * 5])
LOOPBACK = "127.0.0.1"
OPTION = "--address"


def connect(address: str) -> None:
    """Connect to a cluster, or start one at 127.0.0.1; signals stay handled as before.

    Raises:
        ConfigError: Ray is not installed, or no cluster answers at the address.
    """
    _set_environment(address)
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ConfigError(
            "the package ray is missing", where="--executor", todo="pip install 'xstilts[ray]'"
        ) from error
    if ray.is_initialized():
        return
    handlers = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    try:
        if address:
            _within_limit(address, lambda: ray.init(address, **quiet))
        else:
            ray.init(include_dashboard=False, _node_ip_address=LOOPBACK, **quiet)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise _refused(address, error) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            for name, handler in handlers.items():
                signal.signal(name, handler)


def _within_limit(address: str, connect: Callable[[], object]) -> None:
    """Run what connects in a thread of its own, as Ray may try for many minutes.

    Raises:
        ConfigError: it has not ended within the time limit.
        Exception: its own.
    """
    errors: list[Exception] = []

    def run() -> None:
        try:
            connect()
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(INIT_SECONDS)
    if thread.is_alive():
        raise ConfigError(
            f"the Ray cluster at {address} has not accepted the connection within "
            f"{INIT_SECONDS:.0f} s",
            where=OPTION,
            todo="run the command on a node of the cluster, with the address that `ray start "
            "--head` printed; `ray status --address …` shows its nodes",
        )
    if errors:
        raise errors[0]


def _set_environment(address: str) -> None:
    """Check the address and set Ray's variables, which it reads when it is imported.

    Raises:
        ConfigError: no address of a cluster, or nothing answers there.
    """
    if not address:
        if os.environ.get("RAY_AUTH_MODE", "token").lower() != "token":
            raise ConfigError(
                "RAY_AUTH_MODE turns off Ray's tokens: whoever reaches the cluster can run code",
                where="--executor ray",
                todo="unset RAY_AUTH_MODE",
            )
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # elsewhere, too: loopback only
        return
    match = ADDRESS.fullmatch(address)
    if match is None:
        raise ConfigError(
            f"{address!r} is not the address of a Ray cluster",
            where=OPTION,
            todo="run the command on a node of the cluster and give HOST:PORT, or auto",
        )
    os.environ.setdefault("RAY_gcs_server_port_wait_time_s", str(CONNECT_SECONDS))
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "error")
    if match[1]:
        host, port = match[1].strip("[]"), int(match[2])
        _check_answers(host, port)
        if _is_loopback(host) and not _answers(_own_address(), port):
            os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # loopback stays loopback


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _own_address() -> str:
    """The address of this machine in its network, by which Ray replaces that of loopback.

    Connecting a datagram socket sends nothing.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        try:
            connection.connect(("8.8.8.8", 80))
        except OSError:
            return LOOPBACK
        return str(connection.getsockname()[0])


def _answers(host: str, port: int) -> bool:
    """Whether a cluster answers there."""
    try:
        _check_answers(host, port)
    except ConfigError:
        return False
    return True


def _check_answers(host: str, port: int) -> None:
    """Check that something answers that may be Ray, which would try for minutes.

    Raises:
        ConfigError: nothing answers, or a program that does not speak HTTP/2.
    """
    problem = f"nothing answers at {host}:{port}"
    try:
        with socket.create_connection((host, port), CONNECT_SECONDS) as connection:
            problem = f"no Ray cluster answers at {host}:{port}, but another program"
            connection.settimeout(CONNECT_SECONDS)
            connection.sendall(HTTP2_START)
            frame = connection.recv(9, socket.MSG_WAITALL)
        if len(frame) == 9 and frame[3] == HTTP2_SETTINGS:
            return
    except (OSError, OverflowError) as error:
        problem = f"{problem} ({error})"
    raise ConfigError(
        problem, where=OPTION, todo="give the address that `ray start --head` printed"
    )


def _refused(address: str, error: Exception) -> ConfigError:
    """What to do when Ray did not connect."""
    where = address or "this machine"
    text = f"{error} {error.__cause__ or ''} {error.__context__ or ''}"
    if re.search(r"auth(entication)? ?token", text, re.IGNORECASE):
        return ConfigError(
            f"the Ray cluster at {where} refuses the token of this machine, or there is none",
            where=OPTION,
            todo="set RAY_AUTH_MODE=token, and put the cluster's token into RAY_AUTH_TOKEN or "
            "~/.ray/auth_token",
        )
    return ConfigError(
        f"no Ray cluster answers at {where}: {str(error).strip().splitlines()[0]}",
        where=OPTION,
        todo="give the address that `ray start --head` printed; this machine must be a node of it",
    )
