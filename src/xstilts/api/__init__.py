"""The Python API: one file per group of verbs; `xstilts.NAME` is each of them."""
