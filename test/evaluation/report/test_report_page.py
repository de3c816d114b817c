# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from replay_folder import add_thumbnails, column_values, drive, mark, write_folder

from rs_monitor.evaluation.report import ReportError, write_report
from rs_monitor.evaluation.report.page import script_json

HOSTILE = (
    "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>\"'{{7*7}}&lt;"
)
TEX = "$$\\href{javascript:alert(1)}{x}$$"


class Page(HTMLParser):
    """The elements of a page, and its text by section."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.text, self.section, self._raw = [], {}, "", None
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._raw = tag if tag in ("script", "style") else None
        if tag == "section":
            self.section = dict(attributes)["id"]

    def handle_endtag(self, tag):
        self._raw = None

    def handle_data(self, data):
        if self._raw is None:
            before = self.text.get(self.section, "")
            self.text[self.section] = f"{before} {' '.join(data.split())}".strip()

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return Page(write_report(drive(tmp_path_factory.mktemp("drive"), 600)))


def test_the_page_is_accessible_by_structure(page):
    names = [name for name, _ in page.elements]
    assert names.count("h1") == names.count("main") == names.count("title") == 1
    levels = [int(name[1]) for name in names if re.fullmatch(r"h\d", name)]
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:]))
    assert page.all("html")[0]["lang"] == "en"
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for attributes in page.all("a"):
        assert attributes["href"].removeprefix("#") in ids
    for section in page.all("section"):
        assert section["aria-labelledby"] in ids
    images = page.all("img")
    assert images and all(image["alt"] for image in images)
    charts = [a for a in page.all("div") if a.get("class") == "chart"]
    assert len(charts) == 5 and all(chart["aria-label"] for chart in charts)


def test_nothing_is_loaded_from_anywhere(page):
    for _, attributes in page.elements:
        for name in ("src", "href", "data", "action", "srcset", "poster"):
            value = attributes.get(name) or ""
            assert value.startswith(("data:", "#")) or not value, value
        assert not any(name.startswith("on") for name in attributes)
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in re.search(r"script-src ([^;]*)", policy).group(1)


def test_the_header_says_what_was_certified_with_what(page):
    for text in ("traffic_signs (1a2b3c4d5e6f)", "0.001 a frame", "openvino", "bf16", "2 cores"):
        assert text in page.text[""]
    assert "front.mcap /camera" in page.text[""]


def test_the_summary_counts(tmp_path):
    columns = column_values(100)
    columns["status"][:] = "CERTIFIED"
    columns["radius"][:] = 0.2
    columns["radius"][90:] = 0.05
    columns["correct"] = [True] * 99 + [False]
    mark(columns, slice(10, 15), "ABSTAINED", "weak")
    mark(columns, slice(40, 41), "DEADLINE_MISSED", "late")
    folder = write_folder(tmp_path, [[columns]])
    text = Page(write_report(folder)).text
    assert (
        "94 of 100 frames (94 %) were certified, in 1 recording at sigma 0.25, n 200: no"
        in text["summary"]
    )
    assert "93 (93 %) were certified as their class and 1 as another" in text["summary"]
    assert "84 frames (84 %) reached the required radius 0.1" in text["summary"]
    assert "Not certified: 5 abstained, 1 deadline missed." in text["summary"]
    assert "interrupted 2 times, at most for 5 frames (0.20 s) from 0.40 s on" in text["summary"]
    for kind in ("abstained: 5 frames", "deadline missed: 1 frame", "wrong class: 1 frame"):
        assert kind in text["timeline"]
    assert "below the required radius: 10 frames" in text["timeline"]
    assert "abstained 5 weak deadline missed 1 late" in text["statuses"]


def test_what_alpha_is_not_is_said(page):
    text = page.text["meaning"]
    assert "not the share of false ones among the certificates published" in text
    assert "L2 distance at the network's input, after the resize, with pixels in [0, 1]" in text
    assert "Over these 600 frames, alpha 0.001 allows up to 0.6 over-stated radii" in text


def test_without_labels_the_accuracy_parts_say_so(tmp_path):
    text = Page(write_report(drive(tmp_path, 60, labels=False))).text
    assert "No labels" in text["accuracy-section"] and "No labels" in text["average"]
    assert "No labels" in text["summary"]
    assert "Certified fraction against radius" in text["accuracy-section"]
    assert "as their class" not in text["summary"]


def test_a_sweep_draws_every_dimension(tmp_path):
    points = []
    for sigma in (0.12, 0.25, 0.5):
        for resolution in ("full", "half"):
            for n in (25, 100):
                columns = column_values(40, n=n, sigma=sigma, point=len(points))
                points.append([columns | {"resolution": [resolution] * 40}])
    page = Page(write_report(write_folder(tmp_path, points)))
    ids = {attributes.get("id") for attributes in page.all("div")}
    assert {"against-n", "against-sigma", "against-resolution"} <= ids
    assert "n 25, sigma 0.12, full" in page.text["average"]


def test_live_latency_is_drawn_with_the_period(tmp_path):
    columns = column_values(100)
    columns["latency_ms"] = np.r_[np.linspace(20, 39, 97), 55.0, 900.0, np.nan]
    columns["missing"] = [False] * 99 + [True]
    mark(columns, slice(99, 100), "MISSING", "")
    text = Page(write_report(write_folder(tmp_path, [[columns]]))).text
    assert "latency, image to certificate" in text["latency-section"]
    assert "frame period 40 ms" in text["latency-section"]
    assert "beyond" in text["latency-section"] and "largest 900 ms" in text["latency-section"]
    assert "2 of 99 took longer than the frame period of 40 ms" in text["summary"]
    assert "no certificate came: 1 frame" in text["timeline"]


def one(frames, **changes):
    columns = column_values(frames)
    for name, value in changes.items():
        columns[name] = np.full(frames, value, dtype=object if isinstance(value, str) else None)
    return columns


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (one(1), "1 of 1 frame (100 %)"),
        (one(1, status="ABSTAINED", radius=0.0), "0 of 1 frame (0 %)"),
        (one(50, status="ABSTAINED", radius=0.0), "0 of 50 frames (0 %)"),
        (one(50, status="INVALID_INPUT", radius=0.0, n_used=0), "0 of 50 frames (0 %)"),
        (one(50, log_time_ns=0), "frames"),
        (one(50, processing_time_ns=0), "frames"),
        (one(50, radius_cap=np.nan), "frames"),
        (one(50, status="FUTURE_STATUS"), "0 of 50 frames (0 %)"),
    ],
    ids=["one", "one abstained", "none", "failures", "no time", "no latency", "no cap", "unknown"],
)
def test_empty_cases(tmp_path, columns, said):
    text = Page(write_report(write_folder(tmp_path, [[columns]]))).text
    assert said in text["summary"]
    assert "nan" not in re.sub(r"\w*name\w*", "", text["summary"].lower())


def test_hostile_text_stays_text(tmp_path):
    columns = column_values(40, bag=f"/data/{HOSTILE}", topic=TEX)
    columns["class_name"][:] = HOSTILE
    columns["label_name"][:] = HOSTILE
    mark(columns, slice(0, 10), "ABSTAINED", HOSTILE)
    add_thumbnails(tmp_path, columns)
    other = column_values(40, bag="\u202egnp.exe\x00\n", topic="x" * 500)
    clean = Page(write_report(drive(tmp_path / "clean", 60, ns=(200,))))
    settings = {HOSTILE: HOSTILE, "backend": HOSTILE, "procedure": HOSTILE}
    folder = write_folder(
        tmp_path,
        [[columns, other]],
        warnings=[HOSTILE],
        settings=settings,
        model={"name": HOSTILE},
    )
    path = write_report(folder)
    page = Page(path)
    assert len(page.all("script")) == len(clean.all("script"))
    assert not any("onerror" in attributes for _, attributes in page.elements)
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in page.all("img"))
    squeezed = " ".join(HOSTILE.split())
    for section in ("", "summary", "timeline", "worst", "statuses", "settings"):
        assert squeezed.split("/")[-1] in page.text[section], section
    assert "{{7*7}}" in page.text["settings"]
    # No text of a bag is in what Bokeh renders, which reads TeX and markup.
    charts = re.search(r'id="charts">(.*?)</script>', path.read_text(), re.DOTALL).group(1)
    assert "hacked" not in charts and "href" not in charts
    json.loads(charts)


def test_json_cannot_leave_its_script_element():
    value = {"a": ["</script><!--<script>", "&amp;", "\u2028"]}
    text = script_json(value)
    assert not set("<>&") & set(text)
    assert json.loads(text) == value


def test_pictures_outside_the_folder_are_not_embedded(tmp_path):
    columns = column_values(30)
    folder = tmp_path / "out"
    add_thumbnails(folder, columns, count=3)
    cv2.imwrite(str(tmp_path / "secret.jpg"), np.zeros((8, 8, 3), np.uint8))
    (folder / "thumbnails" / "text.jpg").write_text("no picture")
    named = [row for row, name in enumerate(columns["thumbnail"]) if name]
    columns["thumbnail"][named[0]] = "../secret.jpg"
    columns["thumbnail"][named[1]] = "thumbnails/text.jpg"
    page = Page(write_report(write_folder(folder, [[columns]])))
    assert len(page.all("img")) == 1
    assert "2 more pictures were named but cannot be read" in page.text["worst"]


@pytest.mark.parametrize(("frames", "most"), [(1000, 2_500_000), (20_000, 2_500_000)])
def test_the_page_is_small(tmp_path, frames, most):
    path = write_report(drive(tmp_path, frames))
    assert path.stat().st_size < most
    thinned = "There are more frames than a screen has columns" in path.read_text()
    assert thinned == (frames == 20_000)


def test_a_fleet_is_drawn_in_part_and_listed_whole(tmp_path):
    columns = [column_values(20, bag=f"bag{i:02}", seed=i) for i in range(30)]
    mark(columns[29], slice(5), "ENGINE_ERROR", "broken")
    path = write_report(write_folder(tmp_path, [columns]))
    page = Page(path)
    charts = [a["id"] for a in page.all("div") if a.get("id", "").startswith("timeline-")]
    assert len(charts) == 20 and "timeline-29" in charts
    assert "Drawn are the 20 recordings, of 30" in page.text["timeline"]
    assert all(f"bag{i:02} /camera" in page.text["timeline"] for i in range(30))


def test_an_older_report_survives_a_failure(tmp_path):
    folder = drive(tmp_path, 30, ns=(200,))
    before = write_report(folder).read_bytes()
    (folder / "summary.json").write_text("{")
    with pytest.raises(ReportError):
        write_report(folder)
    assert (folder / "report.html").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [
        "frames.parquet",
        "report.html",
        "summary.json",
    ]


@pytest.mark.parametrize("library", ["bokeh", "jinja2", "pyarrow"])
def test_a_missing_library_is_named_with_its_installation(tmp_path, library):
    folder = drive(tmp_path, 30, ns=(200,))
    code = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "from rs_monitor.evaluation.report import ReportError, write_report\n"
        f"try: write_report({str(folder)!r})\n"
        "except ReportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert library in done.stdout and "python -m pip install 'bokeh" in done.stdout
