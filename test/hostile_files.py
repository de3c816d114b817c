# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Files that nobody means well with: what they hold, and where they stand."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

#: What a file may hold, for readers of text: JSON, YAML, CSV, TSV.
CONTENTS: dict[str, bytes] = {
    "empty": b"",
    "blank": b"\n \n\t\n",
    "zeros": bytes(1000),
    "not UTF-8": b"\xff\xfe\x00\x01label,index\n",
    "half a character": "label,index\nσ".encode()[:-1],
    "mark of order": b"\xef\xbb\xbf",
    "one long line": b"x" * 200_000,
    "deep list": b"[" * 20_000,
    "deep mapping": b'{"rows":' * 20_000,
    "deep YAML": b"- " * 5_000,
    "long number": b'{"rows": [{"n": 1'
    + b"0" * 10_000
    + b'}], "points": [1'
    + b"0" * 9000
    + b"]}",
    "number beyond floats": b'{"rows": [{"batch": 1e999, "n": 1e999}], "true_votes": [1e999]}',
    "not a number": b'{"rows": [{"batch": NaN, "n": NaN}], "true_votes": [NaN], "sigma": NaN}',
    "a list": b"[1, 2, 3]",
    "a number": b"3",
    "nothing": b"null",
    "other types": b'{"rows": {"n": 1}, "points": 3, "members": {"a": 1}, "labels": 5, "n": []}',
    "YAML that makes objects": b"!!python/object/apply:os.system ['touch pwned']\n",
    "YAML that unfolds": b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(
        b"%c: &%c [%s]\n" % (i + 1, i + 1, b",".join([b"*%c" % i] * 9)) for i in range(97, 105)
    )
    + b"labels: *i\nmembers: *i\nname: *i\nonnx: *i\nsha256: *i\n",
    "YAML of itself": b"labels: &a [*a, *a]\nmembers: *a\n",
    "YAML of a wrong tag": b"!!bool maybe: 1\n",
    "YAML of a wrong number": b"x: " + b":".join([b"1"] * 300) + b".5\n",
    "YAML of a long number": b"input: {height: 0x"
    + b"f" * 6000
    + b", width: 1}\nlabels: [a, b]\n"
    + b"name: x\nsha256: "
    + b"ab" * 32
    + b"\n",
    "a family of itself": b"members: [hostile]\n",
    "header alone": b"idx\tlabel\tpredict\tradius\tcorrect\ttime\n",
    "rows of nothing": b"idx\tlabel\tpredict\tradius\tcorrect\n\t\t\t\t\n",
    "numbers of no kind": b"idx\tlabel\tpredict\tradius\tcorrect\n0\t1\t1\tnan\t1\n",
    "infinite radius": b"idx\tlabel\tpredict\tradius\tcorrect\n0\t1\t1\tinf\t1\n",
    "long digits": b"idx\tlabel\tpredict\tradius\tcorrect\n0\t1\t1\t0." + b"3" * 9000 + b"\t1\n",
    "long class": b"label,index,stamp_s\n" + b"9" * 9000 + b",0,1\n",
    "long index": b"label,index\n0," + b"9" * 9000 + b"\n",
    "endless stamp": b"label,stamp_s\n0,1e999999999\n",
    "large stamp": b"label,stamp_s\n0,1e999990\n",
    "stamp of no number": b"label,stamp_s\n0,nan\n",
    "large field": b"label,index\n" + b"a" * 200_000 + b",0\n",
    "open quote": b'label,index\n"red,0\n',
    "columns missing": b"label\nred\n",
    "short rows": b"label,index\nred\n",
    "long rows": b"label,index\nred,0,1,2,3\n",
}


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _zeros_without_end(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


#: What may stand where a file is expected.
PLACES: dict[str, Callable[[Path], None]] = {
    "missing": lambda path: None,
    "folder": Path.mkdir,
    "pipe": _fifo,
    "endless device": _zeros_without_end,
    "loop of links": _loop,
    "link to nowhere": _dangling,
}

_NOBODY = 65534


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Be a user to whom permissions apply: root may read and write anything.

    What is imported only within must be readable for everybody; better import it before.
    """
    if os.geteuid():
        yield
        return
    os.setegid(_NOBODY)
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
