// SPDX-FileCopyrightText: 2026 The rs_monitor authors
// SPDX-License-Identifier: Apache-2.0
"use strict";
(() => {
  const items = JSON.parse(document.getElementById("charts").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const figures = [];

  // Bokeh paints on a canvas, which style sheets do not reach: the colours of axes follow the page's by hand.
  function paint(isDark) {
    document.documentElement.dataset.painted = isDark ? "dark" : "light";
    const text = isDark ? "#d6d9e0" : "#33363d";
    for (const axis of figures.flatMap(figure => [...figure.below, ...figure.left])) {
      axis.major_label_text_color = text;
      axis.axis_label_text_color = text;
      axis.axis_line_color = text;
      axis.major_tick_line_color = text;
    }
  }

  // Fingers that move over a chart scroll the page, until a tool of the chart is chosen.
  function letPageScroll(root) {
    for (const element of root.querySelectorAll("*")) {
      if (element.classList.contains("bk-events")) {
        element.style.touchAction = "pan-y pinch-zoom";
        element.tabIndex = -1;
      }
      if (element.shadowRoot) {
        letPageScroll(element.shadowRoot);
      }
    }
  }

  async function draw() {
    for (const [name, item] of Object.entries(items)) {
      const place = document.getElementById(name);
      await Bokeh.embed.embed_item(item, place);
      figures.push(...Bokeh.documents[Bokeh.documents.length - 1].roots());
      letPageScroll(place);
    }
    paint(dark.matches);
    document.documentElement.dataset.drawn = String(figures.length);
  }

  dark.addEventListener("change", () => paint(dark.matches));
  draw();
})();
