"""XML from strangers: expat in chunks, with every document type and entity refused.

Belongs here: what all XML formats share. Handlers and the meaning of elements belong to connectors.
Entities are refused before they expand, so neither a bomb nor an external file is ever read; depth,
texts and tags are bounded, so that no file fills the memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

from tokenworks_sources.errors import LandingFileError

# A space cannot occur in a namespace or a name, so "namespace name" is unambiguous.
SEPARATOR = " "
CHUNK_BYTES = 1 << 18
# Far beyond any format here.
DEEPEST = 200
LONGEST_TEXT = 1 << 20
LONGEST_TAG = 1 << 24


class SafeXml:
    """An expat parser of one file.

    Attributes:
        parser: expat itself, for handlers of elements.
        texts: pieces of text since a handler last cleared it; expat appends to it.
    """

    def __init__(self, path: Path, what: str) -> None:
        """Prepares a parser.

        Args:
            path: the file, for errors.
            what: the format, for errors: "Green Button".
        """
        self.parser = expat.ParserCreate(namespace_separator=SEPARATOR)
        self.parser.buffer_text = True
        self.texts: list[str] = []
        # A C function: no Python frame per text.
        self.parser.CharacterDataHandler = self.texts.append
        self.parser.StartDoctypeDeclHandler = self._refuse_entities
        self.parser.EntityDeclHandler = self._refuse_entities
        self.parser.ExternalEntityRefHandler = self._refuse_entities
        self._path = path
        self._what = what
        self._bytes = 0

    def read(self, stream: BinaryIO) -> None:
        """Parses the stream to its end; raises as `feed` does."""
        while chunk := stream.read(CHUNK_BYTES):
            self.feed(chunk)
        self.close()

    def feed(self, chunk: bytes) -> None:
        """Parses the next bytes.

        Raises:
            LandingFileError: not XML, beyond a bound, or with a document type or entities.
        """
        self._bytes += len(chunk)
        self._parse(chunk, final=False)
        if self._bytes - self.parser.CurrentByteIndex > LONGEST_TAG:
            raise self._refused(f"a tag or comment is longer than {LONGEST_TAG >> 20} MiB.")
        if len(self.texts) > 1 and sum(map(len, self.texts)) > LONGEST_TEXT:
            raise self._refused(f"a text is longer than {LONGEST_TEXT >> 20} MiB.")

    def close(self) -> None:
        """Ends the document; raises as `feed` does where it is cut off."""
        self._parse(b"", final=True)

    def check_depth(self, depth: int) -> None:
        """Refuses elements that are nested deeper than any format needs."""
        if depth > DEEPEST:
            raise self._refused(f"elements are nested deeper than {DEEPEST}.")

    def _parse(self, chunk: bytes, *, final: bool) -> None:
        try:
            self.parser.Parse(chunk, final)
        except expat.ExpatError as error:
            raise LandingFileError(
                self._path,
                f"the XML cannot be read: {expat.ErrorString(error.code)}.",
                "Download it again, whole.",
                error.lineno,
            ) from error
        except (LookupError, ValueError) as error:
            raise LandingFileError(
                self._path, "the XML cannot be read: its encoding.", "Save it as UTF-8."
            ) from error

    def _refused(self, what: str) -> LandingFileError:
        return LandingFileError(
            self._path,
            f"the XML is refused: {what}",
            f"{self._what} is never so; download it again.",
            self.parser.CurrentLineNumber,
        )

    def _refuse_entities(self, *_: object) -> int:
        raise LandingFileError(
            self._path,
            f"the XML declares a document type or entities, which {self._what} never needs.",
            "Refused, because entities can exhaust memory or read other files.",
            self.parser.CurrentLineNumber,
        )
