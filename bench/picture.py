"""`python -m bench.picture PAGE PNG`: the top of a page as a small picture, taken by Chromium."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

WIDTH, HEIGHT = 1280, 800
COLOURS = 96
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def screenshot(page: Path, picture: Path, height: int = HEIGHT) -> None:
    """Write the top of a page as a PNG with few colours.

    Raises:
        SystemExit: there is no browser.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"no browser: install one of {', '.join(BROWSERS)}")
    with tempfile.TemporaryDirectory() as folder:
        taken = Path(folder) / "page.png"
        options = ("--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu")
        window = f"--window-size={WIDTH},{height}"
        subprocess.run(
            [browser, *options, window, f"--screenshot={taken}", page.absolute().as_uri()],
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
