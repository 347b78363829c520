"""Words that sentences for people have in common."""


def counted(count: int, noun: str) -> str:
    """How many of something, for reading; the noun takes an s where there is not just one.

    >>> counted(0, "seed"), counted(1, "seed"), counted(1200, "seed")
    ('0 seeds', '1 seed', '1,200 seeds')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
