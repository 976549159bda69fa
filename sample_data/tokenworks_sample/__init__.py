"""A small believable inference fleet: its raw files, and the truth that was planted in them.

Nothing here imports the product. The files that this package writes are what real emitters write,
and `truth.json` beside them is computed by plain accounting, so that the pipeline can be judged
against numbers it did not make.
"""
