"""What commands print: tables, progress, where the result lies and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from threading import Event, Thread

from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from tokenworks_sources.reading import bytes_read

# Of a shorter file the name is enough.
LONG_BYTES = 1 << 28
# Between two lines of progress where there is no terminal.
LINE_SECONDS = 15
_NUMBER = (int, float, Decimal)

console = Console(soft_wrap=False)
errors = Console(stderr=True, soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A rich table; numbers to the right, null as a dash."""
    result = Table(title=escape(title), title_justify="left", header_style="bold")
    numeric = [
        any(isinstance(row[place], _NUMBER) and not isinstance(row[place], bool) for row in rows)
        for place in range(len(columns))
    ]
    for place, (name, is_number) in enumerate(zip(columns, numeric, strict=True)):
        side: JustifyMethod = "right" if is_number else "left"
        # The first column names the row: it is never broken.
        result.add_column(escape(name), justify=side, overflow="fold", no_wrap=place == 0)
    for row in rows:
        result.add_row(*("–" if value is None else escape(_text(value)) for value in row))
    return result


def result(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows of a query, values as they are: a table where it fits the screen, else one block per row."""
    exact = [[_exact(value) for value in row] for row in rows]
    _result(columns, exact)
    console.print(f"[dim]{len(rows)} {'row' if len(rows) == 1 else 'rows'}[/dim]")


def _exact(value: object) -> str | None:
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return None if value is None else str(value)


def _result(columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
    as_table = table("", columns, rows)
    unlimited = console.options.update(max_width=100_000)
    if Measurement.get(console, unlimited, as_table).maximum <= console.width:
        console.print(as_table)
        return
    width = max(map(len, columns))
    for number, row in enumerate(rows, 1):
        console.rule(f"row {number}", align="left", style="dim")
        for name, value in zip(columns, row, strict=True):
            shown = "–" if value is None else value
            console.print(f"{name:<{width}}  {shown}", markup=False, highlight=False)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Decimal):
        text = f"{value:,f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)


class _Reading(TextColumn):
    """The name of what is done, and of a long file how far it has been read."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__("{task.fields[name]}")
        self.folder = folder

    def render(self, task: Task) -> Text:
        """See `ProgressColumn.render`."""
        name = str(task.fields["name"])
        read = reading(self.folder / name) if self.folder and name else ""
        return Text(f"{name} {read}".rstrip())


def reading(path: Path) -> str:
    """How far a long file has been read, or nothing."""
    size = path.stat().st_size if path.is_file() else 0
    read = bytes_read(path) if size >= LONG_BYTES else None
    return "" if read is None else f"{read / 1e9:.1f} of {size / 1e9:.1f} GB"


@contextmanager
def progress_bar(
    what: str, folder: Path | None = None
) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar as a function (done, total, name); lines on standard error in a pipe.

    Args:
        what: what is being done.
        folder: names are files below it, whose reading is shown.
    """
    if not console.is_terminal:
        with _progress_lines(what, folder) as tell:
            yield tell
        return
    with Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        _Reading(folder),
        console=console,
        transient=True,
    ) as progress:
        task = progress.add_task(what, total=None, name="")

        def update(done: int, total: int, name: str) -> None:
            progress.update(task, completed=done, total=total, name=name)

        yield update


@contextmanager
def _progress_lines(what: str, folder: Path | None) -> Iterator[Callable[[int, int, str], None]]:
    """A plain line now and then, for what takes long; also while a single file is read."""
    state: list[tuple[int, int, str]] = []
    ended = Event()

    def update(done: int, total: int, name: str) -> None:
        state[:] = [(done, total, name)]

    def tell() -> None:
        seconds = 0
        while not ended.wait(LINE_SECONDS):
            seconds += LINE_SECONDS
            for done, total, name in state:
                read = reading(folder / name) if folder and name else ""
                parts = (f"{done:,} of {total:,}", name, read, f"after {seconds} s")
                told = ", ".join(part for part in parts if part)
                errors.print(f"{what}: {told}", markup=False, highlight=False)

    teller = Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield update
    finally:
        ended.set()
        teller.join()


def done(what: str, where: Path | None = None) -> None:
    """Says what was done, and where the result lies."""
    place = f" → [cyan]{escape(short(where))}[/cyan]" if where else ""
    console.print(f"[green]✓[/green] {escape(what)}{place}", soft_wrap=True, highlight=False)


def hint(text: str) -> None:
    """Says what to do next."""
    console.print(f"[dim]Next:[/dim] {escape(text)}", soft_wrap=True, highlight=False)


def warning(text: str) -> None:
    """What was done, but wants to be looked at."""
    console.print(f"[yellow]![/yellow] {escape(text)}", soft_wrap=True, highlight=False)


def say(text: str) -> None:
    """A plain line."""
    console.print(escape(text), soft_wrap=True, highlight=False)


def count(number: int, what: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def problem(text: str) -> None:
    """Says what went wrong, on standard error."""
    errors.print(f"[red]✗[/red] {escape(text)}", highlight=False)


def short(path: Path) -> str:
    """The path as a person would type it here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
