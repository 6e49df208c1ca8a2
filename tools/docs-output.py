#!/usr/bin/env python3
"""What a page prints is what the program prints.

  tools/docs-output.py [--update] PAGE COMMAND [FILE]

Runs the page's SQL, block by block, through COMMAND (`cerebro ... sql ...`) and
compares the indented lines that follow each ```sql block with its output; a line
`    => STATEMENT` is SQL too, and may fail.  FILE holds the output of the page's
`    $ build/cerebro import`.  Other processors round otherwise, and a network
learns a little differently: words and the form of tables must be the same,
decimals within 0.1; rows of tables may change places.  Seconds are not compared.
--update writes into the page what came out, wherever a digit differs.  A block
may show only the end of its output.
"""
import os
import re
import shlex
import subprocess
import sys
import time

WAIT = "SELECT count(*) FROM cerebro.job WHERE status IN ('queued', 'running')"


def run_sql(command, sql, *options):
    done = subprocess.run(
        command + ["-X", "-q", "-P", "footer=off", *options],
        input=sql, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = [re.sub(r"^psql:\S+ ", "", line).rstrip()
             for line in done.stdout.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def wait_for_jobs(command):
    for _ in range(600):
        if run_sql(command, WAIT, "-At") == ["0"]:
            return
        time.sleep(0.1)
    sys.exit("a background training does not end")


def shape(line):
    """A table's row by its number of cells, any other line by its first word."""
    if "|" in line or re.fullmatch(r"[ +-]*-", line):
        return str(line.count("|") + line.count("+"))
    return (line.split() or [""])[0]


def tokens(line):
    line = re.sub(r"\d[\d.]* s( left|$)", "SECONDS", line)
    return re.sub(r"-{3,}", "---", line).replace("|", " | ").split()


def find_number(token):
    match = re.fullmatch(r"[\"{]*(\d+\.\d+)[,}]*", token)
    return match and float(match[1])


def is_near(shown, got):
    """A row of a table with other words or counts is another row."""
    a, b = tokens(shown), tokens(got)
    pairs = [(x, y) for x, y in zip(a, b) if x != y]
    numbers = [(find_number(x), find_number(y)) for x, y in pairs]
    if len(a) != len(b) or any(None in pair for pair in numbers):
        return "|" in shown and shape(shown) == shape(got)
    return all(abs(x - y) <= 0.1 for x, y in numbers)


def is_same(shown, got):
    return [tokens(line) for line in shown] == [tokens(line) for line in got]


def end_of(got, shown):
    """The part of the output that begins where the page's does."""
    for i, line in enumerate(got):
        if shape(line) == shape(shown[0]):
            return got[i:]
    return got


class Page:
    def __init__(self, path, command, imported):
        self.lines = open(path, encoding="utf-8").read().split("\n")
        self.path, self.command, self.imported = path, command, imported
        self.new, self.bad, self.at = [], 0, 0

    def complain(self, what, shown, got):
        self.bad += 1
        print(f"{self.path}: {what}")
        for line in shown:
            print(f"  page: {line}")
        for line in got:
            print(f"  real: {line}")

    def take(self):
        line = self.lines[self.at]
        self.new.append(line)
        self.at += 1
        return line

    def take_shown(self):
        """The indented lines that come next, their place in self.new."""
        start = self.at
        while start < len(self.lines) and not self.lines[start]:
            start += 1
        end = start
        while end < len(self.lines) and (
                not self.lines[end] or
                re.match(r"    (?!=> |\$ )", self.lines[end])):
            end += 1
        while end > start and not self.lines[end - 1]:
            end -= 1
        if end == start:
            return None
        self.new += self.lines[self.at:start]
        self.at = end
        return [line[4:] for line in self.lines[start:end]]

    def show(self, what, got):
        shown = self.take_shown()
        if shown is None:
            return
        got = end_of(got, shown)
        if is_same(shown, got):
            got = shown
        elif len(shown) != len(got) or not all(map(is_near, shown, got)):
            self.complain(what, shown, got)
        self.new += ["    " + line if line else "" for line in got]

    def run_block(self):
        block = []
        while (line := self.take()) != "```":
            block.append(line)
        sql = "\n".join(block)
        got = run_sql(self.command, sql, "-v", "ON_ERROR_STOP=1")
        if any(line.startswith("ERROR:") for line in got):
            self.complain("an example fails", block, got)
        if "wait => false" in sql:
            wait_for_jobs(self.command)
        self.show(block[0], got)

    def run(self):
        n_blocks = 0
        while self.at < len(self.lines):
            line = self.take()
            if line == "```sql":
                n_blocks += 1
                self.run_block()
            elif line.startswith("    => "):
                got = run_sql(self.command, line[7:], "-v", "ON_ERROR_STOP=0")
                # psql points at the place in the line, which the page leaves out
                self.show(line, [g for g in got
                                 if not re.match(r"LINE \d|\s*\^", g)])
            elif line.startswith("    $ ") and " import " in line:
                self.show(line, open(self.imported, encoding="utf-8")
                          .read().rstrip("\n").split("\n"))
        return n_blocks


def main():
    arguments = sys.argv[1:]
    update = arguments[0] == "--update"
    path, command, imported = (arguments[update:] + [None])[:3]
    os.environ["PGTZ"] = "UTC"
    page = Page(path, shlex.split(command), imported)
    if page.run() == 0:
        sys.exit(f"{path}: no SQL in it")
    if update:
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(page.new))
    elif page.bad:
        print(f"{path}: tools/check-peer-docs --update writes what came out")
        sys.exit(1)
    print(f"ok 1 - {path}")


main()
