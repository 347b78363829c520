"""How tables of the command line look."""

from rich.console import Console
from rich.table import Table


def plain_table(*headings: str) -> Table:
    """A table without lines; only sentences may be broken."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading not in ("what it is", "title"))
    return table


def print_whole(table: Table, console: Console) -> None:
    """Prints a table at its own width: a terminal that is narrower wraps its lines, but no number loses digits."""
    terminal = console.width
    console.width = max(terminal, console.measure(table, options=console.options.update(max_width=10_000)).maximum)
    console.print(table)
    console.width = terminal
