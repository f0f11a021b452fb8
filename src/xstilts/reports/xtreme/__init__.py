"""Write, zip and check submissions to XTREME's leaderboard, as its evaluate.py reads them.

Source: Hu et al. 2020 (arXiv 2003.11080); README and evaluate.py of
github.com/google-research/xtreme.
"""
