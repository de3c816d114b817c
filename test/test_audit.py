# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""tools/audit.py: what it makes of pip-audit's answer, and of none."""

import http.server
import importlib.util
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FINDING = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-7"], "fix_versions": ["1.2"]}
PACKAGES = [
    {"name": "good", "version": "1", "vulns": []},
    {"name": "bad", "version": "1.1", "vulns": [FINDING]},
    {"name": "unknown", "skip_reason": "not on PyPI"},
]


@pytest.fixture(scope="module")
def audit():
    spec = importlib.util.spec_from_file_location("audit", ROOT / "tools" / "audit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_findings(audit):
    found, summary = audit.judge({"dependencies": PACKAGES}, {})
    assert found == ["bad 1.1: PYSEC-2026-1, fixed in 1.2"]
    assert summary == "2 of 3 packages are known to it"


@pytest.mark.parametrize("identifier", ["PYSEC-2026-1", "CVE-2026-7"])
def test_explained_findings(audit, identifier):
    explained = audit.read_exceptions(f"# why\n{identifier}  never called here\nPYSEC-0 old\n")
    found, summary = audit.judge({"dependencies": PACKAGES}, explained)
    assert not found
    assert f"explained: {identifier}" in summary
    assert "not found any more: PYSEC-0" in summary


def test_an_explanation_says_why(audit):
    assert isinstance(audit.read_exceptions(audit.EXCEPTIONS.read_text()), dict)
    with pytest.raises(ValueError, match="PYSEC-1 has no reason"):
        audit.read_exceptions("PYSEC-1  # later\n")


def test_a_database_that_knows_nothing_is_none(audit):
    with pytest.raises(audit.NotDone, match="knows none of the 1 packages"):
        audit.judge({"dependencies": PACKAGES[2:]}, {})


@pytest.mark.parametrize(
    "status, body",
    [
        (404, b"{}"),
        (200, b"{}"),
        (200, b"<html>"),
        (200, b'{"vulnerabilities": []}'),
    ],
)
def test_no_database_is_one_line_and_no_failure(audit, monkeypatch, capsys, status, body):
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(audit, "_PROBE", f"http://127.0.0.1:{server.server_port}/")
        assert audit.main(["vulnerabilities", ".venv"]) == 0
        server.shutdown()
    assert capsys.readouterr().out.startswith(
        "vulnerabilities: not done: no vulnerability database"
    )


def test_a_name_that_does_not_resolve(audit, monkeypatch, capsys):
    monkeypatch.setattr(audit, "_PROBE", "http://127.0.0.1:1/")
    assert audit.main(["vulnerabilities", ".venv"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
