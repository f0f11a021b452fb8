"""`python -m bench.picture REPORT PNG`: the charts of a report as a small picture, by Chromium."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

WIDTH, HEIGHT = 1280, 840
COLOURS = 96
CHARTS_ALONE = """
<style>
  main > section:not(.answer, #gains, #languages) { display: none }
  #gains .wide, #gains .tools, #gains .wide ~ *, #languages > p, nav.contents { display: none }
  section { margin-top: 1.2rem !important }
</style>
</head>"""
"""What a picture leaves out: tables and notes between the charts."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def charts_alone(page: str) -> str:
    """The page without the tables and notes between its charts."""
    return page.replace("</head>", CHARTS_ALONE, 1)


def screenshot(report: Path, picture: Path, height: int = HEIGHT) -> None:
    """Write the charts at the top of a report as a PNG with few colours.

    Raises:
        SystemExit: there is no browser.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"no browser: install one of {', '.join(BROWSERS)}")
    with tempfile.TemporaryDirectory() as folder:
        page, taken = Path(folder) / "page.html", Path(folder) / "page.png"
        page.write_text(charts_alone(report.read_text(encoding="utf-8")), encoding="utf-8")
        options = ("--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu")
        window = f"--window-size={WIDTH},{height}"
        subprocess.run(
            [browser, *options, window, f"--screenshot={taken}", page.as_uri()],
            check=True,
            capture_output=True,
            timeout=120,
        )
        picture.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(taken) as image:
            image.convert("RGB").quantize(COLOURS).save(picture, optimize=True)
    print(f"wrote {picture}: {picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    screenshot(Path(sys.argv[1]), Path(sys.argv[2]))
