"""A reader of bundles, written from shared/src/bundle/FORMAT.md alone, with the standard library alone.

usage: reader.py BUNDLE

Prints what is in each profile as JSON: self time of each function from the pprof member, and from the order columns the
number of samples, the first and last time, and their summed weight.
"""

import gzip
import hashlib
import json
import sys
import zipfile


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def varints(data):
    at = 0
    while at < len(data):
        value, at = varint(data, at)
        yield value


def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        value, at = varint(data, at)
        if key & 7 == 2:
            value, at = data[at : at + value], at + value
        else:
            assert key & 7 == 0, "profile.proto has numbers and bytes only"
        yield key >> 3, value


def pprof(data):
    """Rows of (function of the leaf, count, weight)."""
    messages = {tag: [value for found, value in fields(data) if found == tag] for tag in (2, 4, 5, 6)}
    strings = [text.decode() for text in messages[6]]
    functions = {entry[1]: strings[entry.get(2, 0)] for entry in map(dict, map(fields, messages[5]))}
    leaves = {}
    for message in messages[4]:
        found = list(fields(message))
        first_line = next(dict(fields(value)) for tag, value in found if tag == 4)
        leaves[dict(found)[1]] = functions[first_line[1]]
    rows = []
    for message in messages[2]:
        sample = dict(fields(message))
        count, weight = varints(sample[2])
        rows.append((leaves[next(varints(sample[1]))], count, weight))
    return rows


def order(data, rows):
    """Time, row and weight of each raw sample."""
    assert data[:8] == b"PCORDER\x01"
    samples, at = varint(data, 8)
    has_weights, at = varint(data, at)
    columns = []
    for signed in [False, True, True, True][: 2 + has_weights.bit_count()]:
        length, at = varint(data, at)
        column, last = [], 0
        for coded in varints(data[at : at + length]):
            last += (coded >> 1) ^ -(coded & 1) if signed else coded
            column.append(last)
        assert len(column) == samples
        columns.append(column)
        at += length
    assert at == len(data)
    times, places = columns[:2]
    weights = columns[2] if has_weights else [rows[place][2] // rows[place][1] for place in places]
    sums = [[0, 0] for _ in rows]
    for place, weight in zip(places, weights):
        sums[place][0] += 1
        sums[place][1] += weight
    # Live bytes (flag 3) do not add up over time: there, rows hold the last snapshot.
    assert has_weights == 3 or sums == [[count, weight] for _, count, weight in rows]
    return times, places, weights


def main():
    bundle = zipfile.ZipFile(sys.argv[1])
    manifest = json.loads(bundle.read("manifest.json"))
    assert manifest["format"] == 1, "a newer program opens this file"
    members = {}
    for member in manifest["members"]:
        content = bundle.read(member["path"])
        assert len(content) == member["bytes"]
        assert member["sha256"] in (None, hashlib.sha256(content).hexdigest())
        members[member["path"]] = content
    found = {}
    for profile in manifest["profiles"]:
        name = profile["name"]
        rows = pprof(gzip.decompress(members[f"profiles/{name}.pb.gz"]))
        times, places, weights = order(gzip.decompress(members[f"profiles/{name}.order.gz"]), rows)
        self_ns = {}
        for function, _, weight in rows:
            self_ns[function] = self_ns.get(function, 0) + weight
        span = {"samples": len(times), "first_ns": times[0], "last_ns": times[-1], "weight_ns": sum(weights)}
        found[name] = {"self_ns": self_ns, "order": span}
    lines = [json.loads(line) for line in members["timeline.jsonl"].splitlines()]
    kinds = {kind: sum(line["kind"] == kind for line in lines) for kind in ("process", "sample")}
    print(json.dumps({"profiles": found, "timeline": kinds}))


main()
