# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The report in a real browser."""

import base64

import browser
import cv2
import numpy as np
import pytest
from replay_folder import add_thumbnails, column_values, drive, mark, write_folder
from test_report_page import HOSTILE, TEX

from rs_monitor.evaluation.report import write_report

pytestmark = pytest.mark.skipif(bool(browser.MISSING), reason=f"needs {browser.MISSING}")

# Of every canvas of the page, those in shadow roots too: does it show more than one colour?
CANVASES = """
const found = [];
const walk = root => {
  for (const element of root.querySelectorAll("*")) {
    if (element.tagName === "CANVAS" && element.width > 0) {
      const pixels = new Uint32Array(
        element.getContext("2d").getImageData(0, 0, element.width, element.height).data.buffer);
      found.push(new Set(pixels).size > 1);
    }
    if (element.shadowRoot) walk(element.shadowRoot);
  }
};
const charts = [...document.querySelectorAll(".chart")];
return charts.map(chart => { found.length = 0; walk(chart); return found.some(Boolean); });
"""
# What reaches beyond the page's width, and is not inside a part that scrolls by itself.
BEYOND = """
const width = document.documentElement.clientWidth;
return [...document.body.querySelectorAll("*")]
  .filter(e => e.getBoundingClientRect().right > width + 0.5 && !e.closest(".scroll, .skip"))
  .map(e => `${e.tagName} ${e.className} ${e.id}`);
"""
# Pairs of neighbouring texts of which one covers the other.
OVERLAPS = """
const kinds = "h1, h2, h3, p, li, dt, dd, figcaption, .chart, summary, .scroll";
const boxes = [...document.querySelectorAll(kinds)]
  .filter(e => !e.closest(".skip") && e.checkVisibility())
  .map(e => [e, e.getBoundingClientRect()]);
const clash = [];
boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
  if (a.contains(b) || b.contains(a)) return;
  const x = Math.min(p.right, q.right) - Math.max(p.left, q.left);
  const y = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
  if (x > 1 && y > 1) clash.push(`${a.tagName} ${a.textContent.slice(0, 30)} | ${b.tagName}`);
}));
return clash;
"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser.Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return write_report(drive(tmp_path_factory.mktemp("drive"), 1000))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    columns = column_values(60, bag=f"/data/{HOSTILE}", topic=TEX)
    columns["class_name"][:] = HOSTILE
    mark(columns, slice(0, 10), "ABSTAINED", HOSTILE)
    add_thumbnails(folder, columns)
    other = column_values(60, bag="b" * 400, topic=TEX * 20)
    return write_report(write_folder(folder, [[columns, other]], model={"name": HOSTILE}))


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    columns = column_values(1)
    mark(columns, slice(0, 1), "INVALID_INPUT", "empty")
    columns["processing_time_ns"] = [0]
    return write_report(write_folder(tmp_path_factory.mktemp("empty"), [[columns]]))


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", ["report", "hostile", "empty"])
def test_the_page_is_whole_quiet_and_fits(request, chromium, name, width):
    path = request.getfixturevalue(name)
    chromium.open(path, width)
    assert chromium.requests() == [path.as_uri()]
    assert [line for line in chromium.complaints() if not line.startswith("INFO ")] == []
    drawn = chromium.run(CANVASES)
    assert len(drawn) == {"report": 5, "hostile": 4, "empty": 2}[name] and all(drawn)
    chromium.run("for (const details of document.querySelectorAll('details')) details.open = true")
    assert chromium.run("return window.innerWidth") == width
    assert chromium.run("return document.documentElement.scrollWidth") <= width
    assert chromium.run(BEYOND) == []
    assert chromium.run(OVERLAPS) == []
    assert chromium.run("return window.hacked === undefined")


def test_charts_take_the_width_they_have(chromium, report):
    widths = {}
    for width in (360, 1280):
        chromium.open(report, width)
        widths[width] = chromium.run(
            "return [...document.querySelectorAll('.chart > *')].map(e => e.offsetWidth)"
        )
    assert all(w > 300 for w in widths[360]) and all(w > 900 for w in widths[1280])


@pytest.mark.parametrize(("dark", "media"), [(False, ""), (True, ""), (True, "print")])
def test_axes_can_be_read_on_the_page(chromium, report, dark, media):
    chromium.open(report, 600, dark=dark, media=media)
    shot = chromium.run("document.getElementById('accuracy').scrollIntoView();"
                        "const r = document.getElementById('accuracy').getBoundingClientRect();"
                        "return [r.left, r.top, r.width, r.height]")  # fmt: skip
    left, top, width, height = shot
    clip = {"x": left, "y": top, "width": width, "height": height, "scale": 1}
    clip["y"] += chromium.run("return window.scrollY")
    png = chromium.command("Page.captureScreenshot", format="png", clip=clip)["data"]
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(png), np.uint8), cv2.IMREAD_GRAYSCALE)
    labels = picture[-40:]  # below the axis: its numbers and its name
    darkest, lightest = (luminance(value) for value in (labels.min(), labels.max()))
    assert (lightest + 0.05) / (darkest + 0.05) >= 7
    assert (luminance(np.median(labels)) < 0.2) == (dark and media != "print")


def luminance(grey):
    value = grey / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def test_the_keyboard_reaches_the_tools_of_a_chart(chromium, report):
    from selenium.webdriver.common.keys import Keys

    chromium.open(report, 1280)
    focused = """
    let e = document.activeElement;
    while (e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
    return e;"""
    chromium.run("document.querySelector('#meaning').scrollIntoView();"
                 "document.querySelector('nav li:last-child a').focus()")  # fmt: skip
    titles = []
    for _ in range(4):
        chromium.run(focused).send_keys(Keys.TAB)
        titles.append(chromium.run(focused).get_attribute("title"))
    assert any("Box Zoom" in title for title in titles), titles
