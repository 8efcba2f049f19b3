"""A browser for the tests: headless Chromium over the WebDriver protocol, with the standard library alone.

Owns one chromedriver process and one session with an empty profile. Knows nothing of the pages that it opens.
"""

import base64
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One window. `width` and `height` in CSS pixels; below 600 the page is shown as on a phone."""

    def __init__(self, width=1440, height=900, dark=False):
        chrome = os.environ.get("CHROME") or shutil.which("chromium")
        driver = shutil.which("chromedriver")
        if not chrome or not driver:
            raise RuntimeError("chromium and chromedriver are missing: sudo apt-get install chromium chromium-driver")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.profile = tempfile.mkdtemp(prefix="perfcollect-browser-")
        self.driver = subprocess.Popen([driver, f"--port={port}", "--log-level=OFF"], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        self.base = f"http://127.0.0.1:{port}"
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync",
                     "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
                     f"--user-data-dir={self.profile}", f"--window-size={width},{height}"]
        options = {"binary": chrome, "args": arguments}
        if width < 600:
            options["mobileEmulation"] = {
                "deviceMetrics": {"width": width, "height": height, "pixelRatio": 2, "touch": True}}
        self._wait_for_driver()
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "timeouts": {"script": 110_000},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})
        self.session = "/session/" + answer["sessionId"]
        self.events = []
        if dark:
            self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])

    def _wait_for_driver(self):
        for _ in range(200):
            try:
                if self._call("GET", "/status")["ready"]:
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("chromedriver did not start")

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise RuntimeError(f"{value['error']}: {value['message'].splitlines()[0]}") from None

    def command(self, method, path, body=None):
        return self._call(method, self.session + path, body)

    def cdp(self, name, **params):
        """One command of the DevTools protocol."""
        return self.command("POST", "/goog/cdp/execute", {"cmd": name, "params": params})

    def goto(self, url):
        self.command("POST", "/url", {"url": url})

    @property
    def url(self):
        return self.command("GET", "/url")

    def back(self):
        self.command("POST", "/back", {})

    def forward(self):
        self.command("POST", "/forward", {})

    def js(self, script, *args):
        """The value of a function body run in the page."""
        return self.command("POST", "/execute/sync", {"script": script, "args": list(args)})

    def js_async(self, script, *args):
        """Likewise for a body that calls its last argument with the result."""
        return self.command("POST", "/execute/async", {"script": script, "args": list(args)})

    def find(self, css):
        found = self.command("POST", "/element", {"using": "css selector", "value": css})
        return found[ELEMENT]

    def click(self, css):
        self.command("POST", f"/element/{self.find(css)}/click", {})

    def keys(self, text):
        """Presses keys as a person would, wherever the focus is."""
        strokes = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self.command("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]})

    def pointer(self, *actions):
        """Mouse actions, see the WebDriver standard."""
        self.command("POST", "/actions", {"actions": [
            {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": list(actions)}]})

    def move(self, x, y):
        self.pointer({"type": "pointerMove", "x": int(x), "y": int(y), "duration": 0})

    def double_click(self, x, y):
        press = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self.pointer({"type": "pointerMove", "x": int(x), "y": int(y), "duration": 0}, *press, *press)

    def right_click(self, x, y):
        self.pointer({"type": "pointerMove", "x": int(x), "y": int(y), "duration": 0},
                     {"type": "pointerDown", "button": 2}, {"type": "pointerUp", "button": 2})

    def drag(self, x0, y0, x1, y1):
        self.pointer({"type": "pointerMove", "x": int(x0), "y": int(y0), "duration": 0},
                     {"type": "pointerDown", "button": 0},
                     {"type": "pointerMove", "x": int(x1), "y": int(y1), "duration": 100},
                     {"type": "pointerUp", "button": 0})

    def wait(self, what, condition, seconds=30):
        """Asks until `condition` (a JavaScript expression, or a function) holds; its value."""
        end = time.monotonic() + seconds
        while True:
            value = condition() if callable(condition) else self.js("return " + condition)
            if value:
                return value
            if time.monotonic() > end:
                text = self.js("return document.body.innerText.slice(0, 600)")
                raise AssertionError(f"waited {seconds} s for {what}; the page says:\n{text}\n{self.console_errors()}")
            time.sleep(0.05)

    def _drain(self):
        for entry in self.command("POST", "/se/log", {"type": "performance"}):
            self.events.append(json.loads(entry["message"])["message"])

    def console_errors(self):
        """Console errors and uncaught exceptions since the start."""
        self._drain()
        errors = []
        for event in self.events:
            params = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                errors.append(str(params["exceptionDetails"])[:400])
            elif event["method"] == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
                errors.append(str(params["args"])[:400])
            elif event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
                errors.append(params["entry"]["text"] + " " + params["entry"].get("url", ""))
        browser = self.command("POST", "/se/log", {"type": "browser"})
        return errors + [entry["message"] for entry in browser if entry["level"] == "SEVERE"]

    def requests(self):
        """Addresses of all requests of pages since the start (not those of the browser's own first tab)."""
        self._drain()
        urls = [event["params"]["request"]["url"] for event in self.events
                if event["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(("chrome://", "data:"))]

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.command("GET", "/screenshot")))

    def close(self):
        try:
            self.command("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()
            shutil.rmtree(self.profile, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
