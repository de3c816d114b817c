# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""One node of a name on a machine: with two, either one would answer the other's requests.

A claim is an abstract Unix socket. The kernel gives it up with its process, however that ends;
the graph would show a node that crashed for some 20 s, and a living one only after discovery.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import socket
import struct
import sys
import time
from collections.abc import Callable

_PATIENCE = 20.0  # seconds for the other node's orderly end: a frame, engines being opened
_POLL = 0.1  # seconds
_CREDENTIALS = struct.Struct("3i")  # process, user, group


def claim_name(name: str, domain: int, given_up: Callable[[], bool]) -> socket.socket:
    """Claim a node's name, when need be after the end of the process that has it.

    Parameters
    ----------
    name : str
        Fully qualified.
    domain : int
        ROS domain.
    given_up : callable
        Whether to wait no longer.

    Returns
    -------
    socket
        The claim, until it is closed.

    Raises
    ------
    RuntimeError
        When the name stays taken, or sockets are denied.
    """
    # Who asks another discovery server is in another graph. Hashed: names may be too long.
    graph = f"{domain} {os.environ.get('ROS_DISCOVERY_SERVER', '')}"
    key = hashlib.sha256(f"{graph} {name}".encode()).hexdigest()
    address, end, other = f"\0rs_monitor/{key}", time.monotonic() + _PATIENCE, ""
    try:
        claim = socket.socket(socket.AF_UNIX)
        while not _bound(claim, address):
            if not other:
                other = _holder(address)
                with contextlib.suppress(OSError):  # a full disk, say
                    print(
                        f"{name} runs already on this machine, as {other}: waiting up to "
                        f"{_PATIENCE:g} s for its end",
                        file=sys.stderr,
                        flush=True,
                    )
            if given_up() or time.monotonic() > end:
                raise RuntimeError(
                    f"{name} runs already on this machine, as {other}: end that, or choose "
                    "another namespace"
                )
            time.sleep(_POLL)
    except OSError as error:
        raise RuntimeError(f"cannot claim the name {name} by a Unix socket: {error}") from error
    return claim


def _bound(claim: socket.socket, address: str) -> bool:
    try:
        claim.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise
    claim.listen()  # so that others can ask whose it is
    return True


def _holder(address: str) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.setblocking(False)
        try:
            client.connect(address)
            content = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except OSError:  # it has just ended, or was asked too often to answer
            return "another process"
    process, _, _ = _CREDENTIALS.unpack(content)
    return f"process {process}" if process else "a process of another container"
