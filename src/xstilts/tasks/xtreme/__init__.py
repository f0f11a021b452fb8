"""XTREME's nine targets, one file each, from the folder of its download script or the Hub.

Hu et al. 2020 (arXiv 2003.11080), github.com/google-research/xtreme. `data: FOLDER` in the
experiment, or `--data FOLDER`, sets the folder; files that are not in it come from the Hub.

Numbers of examples, for estimates before the data are read: XTREME's Table 1 as reprinted in later
papers, the counts of TyDiQA-GoldP v1.1 and, by language, the card of google/xtreme on the Hub. Its
UDPOS has more sentences in some languages than XTREME's own preparation.
"""
