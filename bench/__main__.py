"""`python -m bench`: every benchmark in a process of its own, then `docs/performance.md`."""

from __future__ import annotations

import argparse
import subprocess
import sys

from bench.cli import BUILD, ROOT
from bench.report import ORDER, PAGE, write


def main() -> int:
    """Run the benchmarks that are named, or all; returns how many failed."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("names", nargs="*", choices=[*ORDER, []], help="default: all")
    parser.add_argument("--data", default="data")
    parser.add_argument("--tiny", action="store_true", help="toy sizes, to see that they run")
    given = parser.parse_args()
    failed = 0
    for name in given.names or ORDER:
        print(f"== {name}", flush=True)
        more = ["--tiny", "--rounds", "1"] if given.tiny else []
        (BUILD / f"{name}{'-tiny' if given.tiny else ''}.json").unlink(missing_ok=True)
        if name.endswith("-bf16"):
            more += ["--precision", "bf16"]
        module = f"bench.{name.removesuffix('-bf16')}"
        command = [sys.executable, "-m", module, "--data", given.data, *more]
        failed += bool(subprocess.run(command, cwd=ROOT).returncode)
    page = BUILD / "performance-tiny.md" if given.tiny else PAGE
    write(page, tiny=given.tiny)
    print(f"written: {page.relative_to(ROOT)}" + (f"; {failed} failed" if failed else ""))
    return failed


if __name__ == "__main__":
    sys.exit(main())
