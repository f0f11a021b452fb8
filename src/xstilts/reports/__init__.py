"""Reports: one self-contained page, and tables for papers and programs."""
