"""What a measurement gives: rows of the table, with everything that stands behind them."""
import dataclasses


class NotMeasured(Exception):
    """A measurement could not be made; the text says why."""


class Skipped(NotMeasured):
    """A program that the measurement needs is not installed."""


@dataclasses.dataclass
class Row:
    name: str
    target: str            # "-": nothing was asked for, the row explains others
    result: str
    ratio: str = ""        # to what ran beside it in the same run
    verdict: str = ""      # met, missed, failed, skipped; empty where there is no target
    details: dict = dataclasses.field(default_factory=dict)

    def lines(self):
        """The row in words, for who watches the run."""
        parts = [f"{self.name}: {self.result}"]
        if self.ratio:
            parts.append(self.ratio)
        if self.verdict:
            parts.append(f"{self.verdict} (target {self.target})" if self.target != "-" else self.verdict)
        return "; ".join(parts)


def verdict(*conditions):
    return "met" if all(conditions) else "missed"


def quantile(values, share):
    """The smallest value that at least this share of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def median(values):
    return quantile(values, 0.5)


def count(number):
    """1234567 as 1,234,567."""
    return f"{number:,.0f}"


def milliseconds(value):
    """A duration in milliseconds with three significant digits."""
    return f"{value:.3g} ms" if value < 100 else f"{value:,.0f} ms"
