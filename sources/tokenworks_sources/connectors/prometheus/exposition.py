"""Lines of the text exposition: which series a line belongs to, and its value and timestamp.

Pure and slow: the scanner calls it once per distinct series, not once per line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
# Possessive repeats: a label of megabytes is passed at once, and no way back through it is kept.
_QUOTED = r'"(?:[^"\\]++|\\.)*+"'
# `}` may stand inside quotes, so the end of the labels is not the first brace.
_SAMPLE = re.compile(
    rf"""\s*
    (?: (?P<labelled> (?:{_NAME})? \s* \{{ (?:[^"}}]++|{_QUOTED})*+ \}} ) \s*
      | (?P<bare> {_NAME} ) \s+ )
    (?P<value> [^\s#]+ )
    (?: \s+ (?P<stamp> [^\s#]+ ) )?
    \s* (?: \# .* )? $""",
    re.VERBOSE | re.ASCII | re.DOTALL,
)
_TEXT = r'(?:[^"\\]++|\\[\\"n])*+'
_ITEM = re.compile(
    rf"""\s*(?:(?P<label>[a-zA-Z_]\w*)|"(?P<quoted>{_TEXT})")\s*"""
    rf"""(?:=\s*"(?P<value>{_TEXT})")?\s*(?P<comma>,|$)""",
    re.ASCII,
)
_ESCAPE = re.compile(r'\\([\\"n])')
_SEPARATOR = re.compile(r"[-=_*~ ]{3,}")


@dataclass(frozen=True)
class Series:
    """A metric name and its labels.

    Attributes:
        name: the metric, with colons and suffixes as exported.
        labels: label values, unescaped. An empty value means that the label is absent.
    """

    name: str
    labels: dict[str, str]


@dataclass(frozen=True)
class SampleText:
    """The parts of a sample line.

    Attributes:
        key: name and labels as written; equal text means equal series.
        value: the value as written.
        stamp: the timestamp as written, None where the line has none.
    """

    key: str
    value: str
    stamp: str | None


def split_sample(line: str) -> SampleText | None:
    """The parts of a sample line, None where it is none. An exemplar is dropped.

    >>> split_sample('a:b{c="} # "} 1.5 1700000000000 # {trace_id="x"} 1').stamp
    '1700000000000'
    """
    match = _SAMPLE.match(line)
    if match is None:
        return None
    return SampleText(match["labelled"] or match["bare"], match["value"], match["stamp"])


def parse_series(key: str) -> Series | None:
    r"""Name and labels of a series, None where they are malformed.

    >>> parse_series('up{job="a\\"b"}')
    Series(name='up', labels={'job': 'a"b'})
    """
    name, brace, rest = key.partition("{")
    if not brace:
        return Series(name, {})
    labels: dict[str, str] = {}
    found = name.strip()
    inside = rest[: rest.rindex("}")]
    position = 0
    while inside[position:].strip():
        match = _ITEM.match(inside, position)
        if match is None:
            return None
        position = match.end()
        item = match["label"] if match["quoted"] is None else unescape(match["quoted"])
        if match["value"] is None:
            if match["quoted"] is None or found:
                return None
            found = item
        elif item in labels:
            return None
        else:
            labels[item] = unescape(match["value"])
    return (
        Series(found, {item: value for item, value in labels.items() if value}) if found else None
    )


def unescape(text: str) -> str:
    r"""A label value without its escapes (`\\`, `\"`, `\n`)."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: "\n" if match[1] == "n" else match[1], text)


def is_separator(line: str) -> bool:
    """A line of dashes and the like, which people put between scrapes that they save by hand."""
    return bool(_SEPARATOR.fullmatch(line))


def is_title(line: str) -> bool:
    """Words without a brace, quote or equals sign: a heading, not the rest of a sample."""
    return not any(mark in line for mark in '{}"=')
