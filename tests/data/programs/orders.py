"""Works through a day of a small shop's orders, as a program of its kind would.

usage: orders.py [--orders N] [--seconds WALL_SECONDS] [--seed N]

It writes a CSV of orders, lets a child process check and compress it, parses it with worker threads, prices each line
through a cached lookup, keeps the orders in SQLite, and prints a report as text and as JSON. All with the standard
library. The report depends on the arguments only. With --seconds the day is worked through again until that time is up.
"""

import argparse
import csv
import gzip
import hashlib
import io
import json
import queue
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

COLUMNS = ["id", "time", "customer", "country", "items", "voucher"]
COUNTRIES = {"DE": "19", "FR": "20", "NL": "21", "PL": "23", "SE": "25", "US": "0"}
ITEM = re.compile(r"(?P<count>\d+)x(?P<sku>[A-Z]{3}-\d{4})")
WORKERS = 3
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Line:
    sku: str
    count: int
    net: Decimal


@dataclass(frozen=True)
class Order:
    id: int
    time: datetime
    customer: str
    country: str
    lines: tuple
    gross: Decimal


def write_orders(path, count, seed):
    """Makes up orders: few products sell often, most seldom."""
    draw = random.Random(seed)
    skus = [f"{draw.choice('ABC')}{draw.choice('KLM')}{draw.choice('XYZ')}-{number:04}" for number in range(4000)]
    popularity = list(accumulate(1 / (rank + 1) for rank in range(len(skus))))
    moment = datetime(2026, 3, 2, 6, 0)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for number in range(count):
            moment += timedelta(seconds=draw.expovariate(1.5))
            chosen = draw.choices(skus, cum_weights=popularity, k=draw.randint(1, 6))
            items = " ".join(f"{draw.randint(1, 4)}x{sku}" for sku in chosen)
            voucher = draw.choice(["", "", "", "SPRING10", "WELCOME5"])
            customer = f"c{draw.randrange(count // 4 + 1):06}"
            rows.writerow([number, moment.isoformat(), customer, draw.choice(list(COUNTRIES)), items, voucher])


def start_check(path):
    """A child process checks the file and keeps a compressed copy of it."""
    return subprocess.Popen([sys.executable, __file__, "--check", str(path)], stdout=subprocess.PIPE, text=True)


def check(path):
    data = path.read_bytes()
    columns = len(COLUMNS)
    bad = sum(1 for row in csv.reader(io.StringIO(data.decode())) if len(row) != columns)
    with gzip.open(path.with_suffix(".csv.gz"), "wb", compresslevel=9) as copy:
        copy.write(data)
    print(json.dumps({"bytes": len(data), "bad": bad, "sha256": hashlib.sha256(data).hexdigest()}))


@lru_cache(maxsize=1024)
def price(sku):
    """Net price of a product. Stands for a slow lookup: the digits of a hash that takes a while."""
    digest = hashlib.pbkdf2_hmac("sha256", sku.encode(), b"prices", 120)
    return (Decimal(int.from_bytes(digest[:3], "big") % 20_000 + 99) / 100).quantize(CENT)


@lru_cache(maxsize=None)
def tax_factor(country):
    return 1 + Decimal(COUNTRIES[country]) / 100


def discount(voucher, net):
    if voucher == "SPRING10" and net > 50:
        return net * Decimal("0.10")
    return Decimal(5) if voucher == "WELCOME5" and net > 25 else Decimal(0)


def parse_items(text):
    lines = []
    for match in ITEM.finditer(text):
        count = int(match["count"])
        lines.append(Line(match["sku"], count, price(match["sku"]) * count))
    return tuple(lines)


def parse_order(row):
    lines = parse_items(row["items"])
    net = sum((line.net for line in lines), Decimal(0))
    net -= discount(row["voucher"], net)
    gross = (net * tax_factor(row["country"])).quantize(CENT, ROUND_HALF_UP)
    moment = datetime.fromisoformat(row["time"])
    return Order(int(row["id"]), moment, row["customer"], row["country"], lines, gross)


def parse_chunks(chunks, parsed):
    while (chunk := chunks.get()) is not None:
        parsed.put([parse_order(row) for row in chunk])


def read_orders(path, workers=WORKERS):
    """Parses with worker threads; they share the interpreter's lock, as such programs do."""
    chunks, parsed = queue.Queue(maxsize=2 * workers), queue.Queue()
    pool = [
        threading.Thread(target=parse_chunks, args=(chunks, parsed), name=f"parser-{number}") for number in range(workers)
    ]
    for thread in pool:
        thread.start()
    with path.open(newline="") as file:
        chunk = []
        for row in csv.DictReader(file):
            chunk.append(row)
            if len(chunk) == 500:
                chunks.put(chunk)
                chunk = []
        chunks.put(chunk)
    for _ in pool:
        chunks.put(None)
    for thread in pool:
        thread.join()
    orders = [order for chunk in list(parsed.queue) for order in chunk]
    return sorted(orders, key=lambda order: order.id)


def store(orders, path):
    with sqlite3.connect(path) as database:
        database.execute("create table if not exists line (id integer, day text, sku text, count integer, cents integer)")
        database.execute("delete from line")
        rows = (
            (order.id, order.time.date().isoformat(), line.sku, line.count, int(line.net * 100))
            for order in orders
            for line in order.lines
        )
        database.executemany("insert into line values (?, ?, ?, ?, ?)", rows)
        best = database.execute(
            "select sku, sum(count), sum(cents) from line group by sku order by sum(cents) desc, sku limit 5"
        ).fetchall()
    database.close()
    return best


def by_hour(orders):
    hours = Counter()
    for order in orders:
        hours[order.time.hour] += order.gross
    return hours


def bought_together(orders):
    """Pairs of products in one order, with their counts."""
    pairs = Counter()
    for order in orders:
        skus = sorted({line.sku for line in order.lines})
        for index, first in enumerate(skus):
            for second in skus[index + 1 :]:
                pairs[first, second] += 1
    return pairs.most_common(3)


def best_customers(orders):
    sums = defaultdict(Decimal)
    for order in orders:
        sums[order.customer] += order.gross
    return sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:3]


def report(orders, best, checked):
    summary = {
        "orders": len(orders),
        "gross": str(sum((order.gross for order in orders), Decimal(0))),
        "by_hour": {hour: str(gross) for hour, gross in sorted(by_hour(orders).items())},
        "best_products": best,
        "bought_together": bought_together(orders),
        "best_customers": [(customer, str(gross)) for customer, gross in best_customers(orders)],
        "file": checked,
    }
    return json.loads(json.dumps(summary))


def work_through_day(folder, count, seed):
    path = folder / "orders.csv"
    write_orders(path, count, seed)
    child = start_check(path)
    orders = read_orders(path)
    best = store(orders, folder / "orders.sqlite")
    out, _ = child.communicate()
    if child.returncode != 0:
        sys.exit(f"orders.py: the check of {path.name} failed")
    return report(orders, best, json.loads(out))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=40_000)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.check:
        return check(arguments.check)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="orders-") as folder:
        summary = work_through_day(Path(folder), arguments.orders, arguments.seed)
        while time.monotonic() - begun < arguments.seconds:
            work_through_day(Path(folder), arguments.orders, arguments.seed)
    print(f"{summary['orders']} orders, {summary['gross']} gross")
    for hour, gross in summary["by_hour"].items():
        print(f"  {int(hour):02}:00 {gross:>14}")
    print(json.dumps({key: summary[key] for key in ("best_products", "bought_together", "best_customers", "file")}))


if __name__ == "__main__":
    main()
