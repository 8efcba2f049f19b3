"""Precision and recall of `scan` against labels.json: `score.py PERFCOLLECT PACKAGES LABELS` prints JSON.

Caches: of what Python has in the imported files and scan declares there at the same file and first line, with the same kind
and size. What is made inside functions is not counted, since importing makes none of it. Calls: of calls that Python made
of cached functions, whether scan has a site of that function at that line; and of scan's sites (not those by name only) at
lines that ran and name a cached function, whether Python called it there.
"""

import json
import subprocess
import sys

binary, packages, labels = sys.argv[1:]
truth = json.load(open(labels))
files = {file for (file,) in truth["files"]}
scan = json.loads(subprocess.run([binary, "scan", packages, "--format", "json", "--no-cache"], check=True, capture_output=True).stdout)
KINDS = {"lru_cache": {"functools.lru_cache", "functools.cache"}}


def ratio(part, whole):
    return part / whole if whole else 1.0


def caches():
    wanted = {(file, line): (kind, size) for file, line, kind, _, size in truth["caches"]}
    found = {}
    for cache in scan["caches"]:
        if cache["file"] not in files or "<locals>" in cache["name"] or cache["spelling"] == "object":
            continue
        if cache["decorator"] in KINDS["lru_cache"] or cache["kind"] == "property":
            found[cache["file"], cache["line"]] = cache
    right, sizes, wrong = 0, 0, []
    for place, (kind, size) in wanted.items():
        cache = found.get(place)
        same = cache and (cache["kind"] == "property") == (kind == "cached_property")
        right += bool(same)
        sizes += bool(same and cache["capacity"] == size)
        if not same or cache["capacity"] != size:
            wrong.append(["missed" if not same else f"size {cache['capacity']}, is {size}", *place])
    wrong += [["invented", *place] for place in found if place not in wanted]
    return {"labels": len(wanted), "declared": len(found), "precision": ratio(right, len(found)), "recall": ratio(right, len(wanted)),
            "sizes": ratio(sizes, right), "wrong": wrong}


def calls():
    wanted = {tuple(row) for row in truth["calls"]}
    ran = {tuple(row) for row in truth["executed"]}
    labelled = {row[2:] for row in wanted}
    every, sure = set(), set()
    for cache in scan["caches"]:
        for site in (cache["sites"] or {"list": []})["list"]:
            row = (site["file"], site["line"], cache["file"], cache["line"])
            every.add(row)
            if site["tier"] != "name" and not site["reference"]:
                sure.add(row)
    judged = {row for row in sure if row[:2] in ran and row[2:] in labelled}
    return {"labels": len(wanted), "declared": len(judged), "precision": ratio(len(judged & wanted), len(judged)),
            "recall": ratio(len(wanted & sure), len(wanted)), "recall_with_names": ratio(len(wanted & every), len(wanted)),
            "wrong": [["missed", *row] for row in sorted(wanted - sure)] + [["invented", *row] for row in sorted(judged - wanted)]}


print(json.dumps({"caches": caches(), "calls": calls()}))
