"""Counts what a web server's access log says."""

import re
import sys
from collections import Counter
from pathlib import Path

LINE = re.compile(r'(?P<host>\S+) \S+ \S+ \[(?P<time>[^\]]+)\] "(?P<request>[^"]*)" (?P<status>\d{3}) (?P<size>\d+|-)')


def read(path: Path) -> list[dict[str, str]]:
    """The lines of a log that can be understood."""
    entries = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            match = LINE.match(line)
            if match:
                entries.append(match.groupdict())
    return entries


def busiest(entries: list[dict[str, str]], count: int = 10) -> list[tuple[str, int]]:
    """The hosts that asked most often."""
    hosts = Counter(entry["host"] for entry in entries)
    return ...


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: access_log.py FILE", file=sys.stderr)
        return 2
    for host, requests in busiest(read(Path(sys.argv[1]))):
        print(f"{requests:8} {host}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
