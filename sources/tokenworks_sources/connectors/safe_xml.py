"""XML from strangers: expat in chunks, with every document type and entity refused.

Belongs here: what all XML formats share. Handlers and the meaning of elements belong to connectors.
Entities are refused before they expand, so neither a bomb nor an external file is ever read.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

from tokenworks_sources.errors import LandingFileError

# A space cannot occur in a namespace or a name, so "namespace name" is unambiguous.
SEPARATOR = " "
CHUNK_BYTES = 1 << 18
# Deeper than any format here; without a bound a file of opening tags alone fills the memory.
DEEPEST = 200


class SafeXml:
    """An expat parser of one file.

    Attributes:
        path: the file, for errors.
        parser: expat itself, for handlers.
    """

    def __init__(self, path: Path, what: str) -> None:
        """Prepares a parser.

        Args:
            path: the file.
            what: the format, for errors: "Green Button".
        """
        self.path = path
        self.parser = expat.ParserCreate(namespace_separator=SEPARATOR)
        self.parser.buffer_text = True
        self._what = what
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.ExternalEntityRefHandler = self._refuse

    def read(self, stream: BinaryIO) -> None:
        """Parses the stream to its end.

        Raises:
            LandingFileError: not XML, cut off, or with a document type or entities.
        """
        try:
            while chunk := stream.read(CHUNK_BYTES):
                self.parser.Parse(chunk, False)
            self.parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise LandingFileError(
                self.path,
                f"the XML cannot be read: {expat.ErrorString(error.code)}.",
                "Download it again, whole.",
                error.lineno,
            ) from error
        except (LookupError, ValueError) as error:
            raise LandingFileError(
                self.path, "the XML cannot be read: its encoding.", "Save it as UTF-8."
            ) from error

    def refuse_depth(self) -> LandingFileError:
        """The error of elements that are nested too deep."""
        return LandingFileError(
            self.path,
            f"the XML is nested deeper than {DEEPEST} elements.",
            f"{self._what} never is; download it again.",
            self.parser.CurrentLineNumber,
        )

    def _refuse(self, *_: object) -> int:
        raise LandingFileError(
            self.path,
            f"the XML declares a document type or entities, which {self._what} never needs.",
            "Refused, because entities can exhaust memory or read other files.",
            self.parser.CurrentLineNumber,
        )
