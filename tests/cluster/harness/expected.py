"""What the examples should say, computed without Flott: SQLite for the package database, a few lines for words."""
import collections
import csv
import glob
import re
import sqlite3


def read_csv(path):
    """Header and rows of a CSV file, everything as text."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    return rows[0], rows[1:]


def word_counts(pattern):
    counts = collections.Counter()
    for path in glob.glob(pattern, recursive=True):
        with open(path, "rb") as file:
            counts.update(w.lower().decode() for w in re.findall(rb"[A-Za-z0-9_]+", file.read()))
    return [[word, str(count)] for word, count in sorted(counts.items())]


def packages(status_text):
    """(package, section, maintainer, installed KiB) of every installed package."""
    for paragraph in re.split(r"\r?\n(?:[ \t]*\r?\n)+", status_text):
        fields, name = {}, None
        for line in re.split(r"\r?\n", paragraph):
            if line[:1] in (" ", "\t"):
                if name:
                    fields[name] += "\n" + line
            elif ":" in line:
                name, value = line.split(":", 1)
                name = name.strip().lower()
                fields[name] = value.strip()
        if fields.get("status") == "install ok installed":
            yield (fields["package"], fields.get("section") or "unknown", fields.get("maintainer") or "unknown",
                   int(fields.get("installed-size") or 0))


def dpkg_tables(path):
    """The three tables of dpkg_analytics, as rows of text."""
    with open(path, encoding="utf-8", newline="") as file:
        found = list(packages(file.read()))
    base = sqlite3.connect(":memory:")
    base.execute("create table p (package, section, maintainer, kib integer)")
    base.executemany("insert into p values (?,?,?,?)", found)

    def rows(query):
        return [[str(cell) for cell in row] for row in base.execute(query)]
    return {
        "by_section.csv": rows("select section, count(*), sum(kib) from p group by 1 order by 1"),
        "by_maintainer.csv": rows("select maintainer, count(*), sum(kib) from p group by 1 order by 1"),
        "largest.csv": rows("select package, kib from p order by kib desc, package limit 10"),
    }
