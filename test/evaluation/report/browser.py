# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium that looks at a page, and notes all that it asks for and complains of."""

import json
import shutil

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
MISSING = "" if CHROMIUM and DRIVER else "apt-get install chromium chromium-driver"
_DRAWN = "return document.documentElement.dataset.drawn"
_OPTIONS = (
    "headless=new",
    "no-sandbox",
    "disable-gpu",
    "disable-dev-shm-usage",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
)


class Browser:
    """A browser of its own profile, which goes with it.

    Parameters
    ----------
    profile : Path
        An empty folder.
    """

    def __init__(self, profile):
        from selenium.webdriver import Chrome, ChromeOptions, ChromeService

        options = ChromeOptions()
        options.binary_location = CHROMIUM
        for option in (*_OPTIONS, f"user-data-dir={profile}"):
            options.add_argument(f"--{option}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = Chrome(options=options, service=ChromeService(DRIVER))
        self.driver.set_page_load_timeout(60)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.driver.quit()

    def open(self, path, width, *, dark=False, media="", height=900):
        """Show a page at a width in CSS pixels; return when its charts are drawn."""
        from selenium.webdriver.support.ui import WebDriverWait

        self.driver.get("about:blank")
        for log in ("browser", "performance"):
            self.driver.get_log(log)
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.command("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.command("Emulation.setEmulatedMedia", media=media, features=scheme)
        self.driver.get(path.as_uri())
        WebDriverWait(self.driver, 60).until(lambda driver: driver.execute_script(_DRAWN))
        # Two frames later what was laid out has been painted.
        self.driver.execute_async_script(
            "const done = arguments[0];"
            "requestAnimationFrame(() => requestAnimationFrame(() => done(0)))"
        )

    def command(self, name, **parameters):
        """Send a command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, parameters)

    def run(self, script, *arguments):
        """Run JavaScript in the page."""
        return self.driver.execute_script(script, *arguments)

    def complaints(self):
        """Return what was written to the console since the page was opened."""
        return [f"{entry['level']} {entry['message']}" for entry in self.driver.get_log("browser")]

    def requests(self):
        """Return the addresses asked for since the page was opened, data: left out."""
        messages = [
            json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")
        ]
        addresses = [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]
        return [address for address in addresses if not address.startswith("data:")]
