"""What commands print: tables, progress, where the result lies and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

_NUMBER = (int, float, Decimal)

console = Console(soft_wrap=False)
errors = Console(stderr=True, soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A rich table; numbers to the right, null as a dash."""
    result = Table(title=title, title_justify="left", header_style="bold")
    numeric = [
        any(isinstance(row[place], _NUMBER) and not isinstance(row[place], bool) for row in rows)
        for place in range(len(columns))
    ]
    for name, is_number in zip(columns, numeric, strict=True):
        result.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        result.add_row(*("–" if value is None else _text(value) for value in row))
    return result


def result(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows of a query: as a table where it fits the screen, else one block per row."""
    as_table = table("", columns, rows)
    unlimited = console.options.update(max_width=100_000)
    if Measurement.get(console, unlimited, as_table).maximum <= console.width:
        console.print(as_table)
        return
    width = max(map(len, columns))
    for number, row in enumerate(rows, 1):
        console.rule(f"row {number}", align="left", style="dim")
        for name, value in zip(columns, row, strict=True):
            shown = "–" if value is None else _text(value)
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


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar as a function (done, total, name)."""
    with Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[name]}"),
        console=console,
        transient=True,
    ) as progress:
        task = progress.add_task(what, total=None, name="")

        def update(done: int, total: int, name: str) -> None:
            progress.update(task, completed=done, total=total, name=name)

        yield update


def done(what: str, where: Path | None = None) -> None:
    """Says what was done, and where the result lies."""
    console.print(
        f"[green]✓[/green] {what}" + (f" → [cyan]{_short(where)}[/cyan]" if where else "")
    )


def hint(text: str) -> None:
    """Says what to do next."""
    console.print(f"[dim]Next:[/dim] {text}")


def problem(text: str) -> None:
    """Says what went wrong, on standard error."""
    errors.print(f"[red]✗[/red] {text}", markup=True, highlight=False)


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
