"""The little statistics and the tables that all reports share. Measures nothing."""

import random
import statistics


def median_interval(values, level=0.95, draws=2000, seed=1):
    """The median and its bootstrap interval (percentile method)."""
    draw = random.Random(seed)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(draws))
    tail = int(draws * (1 - level) / 2)
    return statistics.median(values), medians[tail], medians[-1 - tail]


def ratio_cell(values):
    """Median and interval as one cell; without values a dash."""
    if not values:
        return "-"
    middle, low, high = median_interval(values)
    return f"{middle:.3f} [{low:.3f}, {high:.3f}]"


def table(head, rows):
    """A Markdown table, aligned."""
    rows = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
