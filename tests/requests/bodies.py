"""Random rows and the bodies that carry them. Everything comes from the `random.Random` that is handed in."""
import gzip
import json
import zlib

COLUMNS = ["a", "b", "c.d", "c", "ts", "_row_id", "_rest", "nope", "A", "and", "x'y\"z", "", "é", "a.b.c", "\u0000"]
WIDE = [f"w{i}" for i in range(60)]
EXTREMES = [2**63 - 1, -2**63, 2**63, 2**64, 10**30, 1e308, -1e308, 5e-324, -0.0, 0.1, 1.5, 2**53 + 1]
TEXTS = ["x", "%", "_", "\\", "'; DROP TABLE x;--", "2024-01-01", "2024-01-01T00:00:00.123456789Z", "\u0000", "é" * 20,
         "a" * 300, "007", "1e5", "true", "null", "\u202e", "😀", "\r\n", '"']


def scalar(random):
    kind = random.random()
    if kind < .32:
        return random.randint(-10, 10)
    if kind < .40:
        return random.choice(EXTREMES)
    if kind < .80:
        return random.choice(TEXTS)
    if kind < .92:
        return random.choice([True, False])
    return random.uniform(-1000, 1000)


def value(random, depth=0):
    kind = random.random()
    if kind < .78 or (depth > 3 and kind > .86):
        return scalar(random)
    if kind < .86:
        return None
    if kind < .93:
        return [value(random, depth + 1) for _ in range(random.randint(0, 3))]
    return {column(random): value(random, depth + 1) for _ in range(random.randint(0, 3))}


def column(random):
    return random.choice(COLUMNS if random.random() < .5 else WIDE)


def document(random):
    if random.random() < .1:  # dozens of columns at once
        return {name: value(random) for name in random.sample(WIDE, random.randint(20, 60))}
    return {column(random): value(random) for _ in range(random.randint(0, 8))}


def documents(random):
    return [document(random) for _ in range(random.choice([0, 1, 1, 2, 5, 20, 100]))]


def plain_batch(random):
    """Rows enough that streams over them block and flushes come, cheap to make."""
    text = random.choice(["x" * 40, "é" * 20, ""])
    rows = random.choice([1000, 3000])
    return [{"id": i, "w0": i % 7, "w1": text, "w2": i / 4, "w3": str(i), "c": {"d": i % 3 == 0}} for i in range(rows)]


def csv_field(text, delimiter):
    if text is None:
        return ""
    quoted = str(text).replace('"', '""')
    needs = text == "" or any(c in quoted for c in ('"', delimiter, "\n", "\r"))
    return f'"{quoted}"' if needs else quoted


def csv_text(rows, names, delimiter=","):
    """Absent is an empty field, empty text a quoted one."""
    lines = [delimiter.join(csv_field(name, delimiter) for name in names)]
    lines += [delimiter.join(csv_field(row.get(name), delimiter) for name in names) for row in rows]
    return "\n".join(lines) + "\n"


def scalar_rows(random):
    names = random.sample(WIDE, random.randint(1, 30)) + random.choice([[], ["é"], ["x'y\"z"]])
    rows = [{name: value(random, 9) for name in names if random.random() < .8} for _ in range(random.randint(0, 30))]
    return rows, names


def write_body(random):
    """(content type, body, whether the body names its source itself)"""
    kind = random.random()
    if kind < .08:
        return "application/json", json.dumps(plain_batch(random)).encode(), False
    if kind < .35:
        return "application/json", json.dumps(documents(random)).encode(), False
    if kind < .5:
        envelope = {"source_id": source(random), "records": [{"fields": row} for row in documents(random)]}
        return "application/json", json.dumps(envelope, ensure_ascii=False).encode("utf-8", "replace"), True
    if kind < .7:
        return "application/x-ndjson", "".join(json.dumps(row) + "\n" for row in documents(random)).encode(), False
    if kind < .95:
        rows, names = scalar_rows(random)
        delimiter, media = random.choice([(",", "text/csv"), ("\t", "text/tab-separated-values")])
        return media, csv_text(rows, names, delimiter).encode("utf-8", "replace"), False
    return "application/vnd.apache.parquet", random.choice([b"PAR1", b"PAR1" + random.randbytes(200) + b"PAR1"]), False


def source(random):
    return random.choice(["s1", "s2", "s3", "s4", "s5", "x'y\"z é/?"])


def damaged(random, body):
    """The body with one thing wrong."""
    if not body:
        return body
    kind = random.random()
    at = random.randrange(len(body))
    if kind < .4:
        return body[:at] + bytes([random.randrange(256)]) + body[at + 1:]
    if kind < .6:
        return body[:at]
    if kind < .8:
        return body[:at] + body[at:at + 20] + body[at:]
    return body[:at] + random.randbytes(random.randint(1, 8)) + body[at:]


def encoded(random, body, headers):
    """Now and then compressed, sometimes wrongly."""
    kind = random.random()
    if kind < .15:
        headers["Content-Encoding"] = "gzip"
        return gzip.compress(body, 1)
    if kind < .17:
        headers["Content-Encoding"] = "gzip"
        return damaged(random, gzip.compress(body, 1))
    if kind < .19:
        headers["Content-Encoding"] = random.choice(["zstd", "br", "deflate", "gzip, gzip", ""])
        return zlib.compress(body)
    return body
