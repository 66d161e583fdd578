"""Markdown of what was measured: medians of the rounds, and ratios of each round by itself, because the machine drifts."""

import statistics
from dataclasses import dataclass, field


@dataclass
class Table:
    title: str
    # Name: digits after the point.
    rows: dict
    # Program: one dictionary of rows a round, none where it did not run in it. Weft's is the first.
    rounds: dict = field(default_factory=dict)
    failures: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)

    def add(self, program, values):
        self.rounds.setdefault(program, []).append(values)

    def fail(self, program, why):
        self.failures[program] = str(why)

    def markdown(self):
        programs = list(self.rounds)
        if not programs:
            return f"### {self.title}\n\nnothing was measured\n\n{self.remarks()}"
        peers = programs[1:] if programs[0] == "Weft" else []
        header = ["", *programs, *(f"{peer} / Weft" for peer in peers)]
        lines = [row_of(header), row_of(["---"] * len(header))]
        for row, digits in self.rows.items():
            cells = [self.cell(program, row, digits) for program in programs] + [self.ratio(peer, row) for peer in peers]
            if any(cells):
                lines.append(row_of([row, *cells]))
        return "\n".join([f"### {self.title}", "", *lines, "", self.remarks()])

    def cell(self, program, row, digits):
        values = [values[row] for values in self.rounds[program] if values and row in values]
        return f"{statistics.median(values):.{digits}f}" if values else ""

    def ratio(self, peer, row):
        rounds = zip(self.rounds["Weft"], self.rounds[peer], strict=False)
        found = [theirs[row] / ours[row] for ours, theirs in rounds if ours and theirs and row in ours and row in theirs]
        return f"{statistics.median(found):.2f}" if found else ""

    def remarks(self):
        failed = [f"**{program} failed:**\n```\n{why}\n```" for program, why in self.failures.items()]
        return "\n".join([*(f"* {note}" for note in self.notes), *failed, ""])

    def data(self):
        return {"title": self.title, "rounds": self.rounds, "failures": self.failures, "notes": self.notes}


def single_values(values):
    """A table of what Weft alone takes. `values`: name -> (number, unit, goal)."""
    lines = ["### Weft alone", "", row_of(["", "measured", "goal"]), row_of(["---"] * 3)]
    return "\n".join([*lines, *(row_of([name, f"{number:.2f} {unit}", goal]) for name, (number, unit, goal) in values.items()), ""])


def row_of(cells):
    return f"| {' | '.join(cells)} |"
