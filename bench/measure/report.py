"""The table on the terminal and the JSON in bench/results/."""
import json
import textwrap

from measure.session import ROOT

RESULTS = ROOT / "bench" / "results"
RESULT_COLUMNS = 74
HEAD = ("name", "target", "result", "ratio", "verdict")


def table(rows):
    """Columns as wide as needed; long results go over several lines."""
    cells = [HEAD] + [(row.name, row.target, row.result, row.ratio, row.verdict) for row in rows]
    wrapped = [[textwrap.wrap(cell, RESULT_COLUMNS, subsequent_indent="  ") or [""] if at == 2 else [cell]
                for at, cell in enumerate(line)] for line in cells]
    widths = [max(len(part) for line in wrapped for part in line[at]) for at in range(len(HEAD))]
    lines = []
    for number, line in enumerate(wrapped):
        for part in range(max(map(len, line))):
            texts = [cell[part] if part < len(cell) else "" for cell in line]
            lines.append("  ".join(text.ljust(width) for text, width in zip(texts, widths)).rstrip())
        if number == 0:
            lines.append("  ".join("-" * width for width in widths))
    return "\n".join(lines)


def machine_lines(machine, versions):
    load = ", ".join(f"{value:.1f}" for value in machine["load_average"])
    return [f"{machine['date']}  {machine['cpu']}, {machine['cores']} cores (used: {machine['cores_used']}), "
            f"{machine['memory_bytes'] / 1e9:.0f} GB, Linux {machine['kernel']}, {machine['file_system']}",
            "; ".join(f"{name} {version}" for name, version in versions.items()),
            f"load average at the start: {load}"]


def write_json(report, names):
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(report, indent=1) + "\n"
    for name in names:
        (RESULTS / name).write_text(text)
    return [RESULTS / name for name in names]
