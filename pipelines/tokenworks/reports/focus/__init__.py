"""The FOCUS export: published marts in, FOCUS cost and usage rows out.

One module each for the columns, what is read, texts, amounts, supply rows, showback rows, the split
of origin charges, row-level checks, and files. Nothing is wired here.
"""
