"""xstilts compared with its rivals.

Both sides alternate in one process tree: same data, weights, precision, examples per
optimizer step and threads. A figure is the median of the rounds' ratios. Each file measures
one or more rows of the table in `docs/performance.md`, and first checks that both sides
compute the same.
"""

import os

THREADS = int(os.environ.get("BENCH_THREADS", "2"))

# before any library reads them
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = str(THREADS)
for _name, _value in {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "true",
}.items():
    os.environ.setdefault(_name, _value)
