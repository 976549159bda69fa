"""JSON files of any size, whatever they hold.

- `records`: one record after another (lines, the elements of an array, values), each as an object.
- `lists`: elements of lists anywhere in a document, as undecoded bytes, with values beside them.
- `document`: one document of bounded size, whole.
- `in_place`: one huge value, or lines of any length, decoded where they lie in a mapped file.
- `brackets`: where a value ends, which the others share.

What a record means belongs to its connector.
"""
