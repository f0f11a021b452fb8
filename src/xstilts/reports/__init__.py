"""Reports: a self-contained HTML page, tables, and submissions to XTREME."""
