"""How stages read and write rows, gold labels, bitext and tokenized features."""
