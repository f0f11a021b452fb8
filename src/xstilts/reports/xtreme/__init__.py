"""Submissions to XTREME's leaderboard: written, zipped, and checked as its evaluate.py reads them.

Hu et al. 2020 (arXiv 2003.11080), github.com/google-research/xtreme: README and evaluate.py.
"""
