"""Makes the numbers that shared/src/stats is checked against, by other people's code.

    python3 -m venv target/scipy && target/scipy/bin/pip install numpy==2.4.6 scipy==1.17.1
    target/scipy/bin/python tests/data/stats/make.py

writes one JSON beside this file for each part. Where scipy has no function (intervals as R's wilcox.test(conf.int=TRUE)
gives them, exact tests with ties), the definition itself is computed by brute force.
"""

import itertools
import json
import math
import pathlib

import numpy
import scipy
from scipy import special, stats

random = numpy.random.default_rng(20261121)
HERE = pathlib.Path(__file__).parent


def write(name, **parts):
    lines = [f'"versions": "scipy {scipy.__version__}, numpy {numpy.__version__}"']
    for part, rows in parts.items():
        lines.append(f'"{part}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]")
    (HERE / f"{name}.json").write_text("{" + ",\n".join(lines) + "}\n")


def clean(values):
    return [float(f"{value:.6g}") for value in values]


def normal():
    z = [-37, -20, -12, -8.3, -7.08, -7.06, -5, -3, -1.96, -1, -0.5, -1e-6, 0, 0.1, 0.7, 1.5, 2.5758, 4, 6, 9]
    p = [1e-300, 1e-50, 1e-12, 1e-5, 0.001, 0.02424, 0.02426, 0.05, 0.25, 0.5, 0.6, 0.97574, 0.97576, 0.975, 0.9999]
    x = [1e-3, 0.25, 0.5, 0.75, 1, 1.5, 2, 3.7, 10, 100.5, 1e4, 1e6]
    write(
        "normal",
        cdf=[[a, float(stats.norm.cdf(a))] for a in z],
        quantile=[[a, float(stats.norm.ppf(a))] for a in p],
        ln_gamma=[[a, float(special.gammaln(a))] for a in x],
    )


def sign_flips(d):
    """Two-sided p over all signs, with zeros ranked and left out (Pratt)."""
    ranks = stats.rankdata(numpy.abs(d))[d != 0]
    up = ranks[d[d != 0] > 0].sum()
    less = min(up, ranks.sum() - up)
    below = sum(sum(r for r, s in zip(ranks, signs) if s) <= less + 1e-9
                for signs in itertools.product([0, 1], repeat=len(ranks)))
    return min(1.0, 2 * below / 2 ** len(ranks))


def walsh_interval(d, confidence):
    """As R: exact quantile of the signed-rank statistic, among the sorted Walsh averages."""
    n = len(d)
    averages = sorted((d[i] + d[j]) / 2 for i in range(n) for j in range(i, n))
    alpha = 1 - confidence
    m = len(averages)
    if n <= 25:
        ways = numpy.zeros(m + 1)
        ways[0] = 1
        for rank in range(1, n + 1):
            ways[rank:] = ways[rank:] + ways[:-rank]
        k = int(numpy.searchsorted(numpy.cumsum(ways) / 2**n, alpha / 2 - 1e-15, side="left"))
    else:
        sd = math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        k = math.floor(m / 2 - 0.5 - stats.norm.ppf(1 - alpha / 2) * sd) + 1
    if k <= 0:
        return float(numpy.median(averages)), None, None
    return float(numpy.median(averages)), float(averages[k - 1]), float(averages[m - k])


def signed_rank():
    rows = []
    for n in [1, 2, 5, 6, 7, 10, 15, 24, 25]:
        for _ in range(3):
            d = numpy.array(clean(random.normal(0.4, 1, n)))
            for confidence in [0.95, 0.99]:
                point, low, high = walsh_interval(d, confidence)
                p = float(stats.wilcoxon(d, method="exact").pvalue)
                rows.append(dict(d=list(d), confidence=confidence, p=p, point=point, low=low, high=high))
    for n in [26, 40, 100]:
        d = numpy.array(clean(random.normal(0.2, 1, n)))
        point, low, high = walsh_interval(d, 0.95)
        p = float(stats.wilcoxon(d, method="approx", correction=True).pvalue)
        rows.append(dict(d=list(d), confidence=0.95, p=p, point=point, low=low, high=high))
    ties = []
    for n in [6, 8, 10, 12]:
        for _ in range(4):
            d = random.integers(-2, 5, n).astype(float)
            ties.append(dict(d=list(d), p=sign_flips(d)))
    for n in [30, 60]:
        d = random.integers(-3, 6, n).astype(float)
        ranks = stats.rankdata(numpy.abs(d))
        up, down = ranks[d > 0].sum(), ranks[d < 0].sum()
        sd = math.sqrt((ranks[d != 0] ** 2).sum()) / 2
        p = float(2 * stats.norm.sf((abs(up - down) / 2 - 0.5) / sd))
        ties.append(dict(d=list(d), p=p))
    write("signed_rank", plain=rows, ties=ties)


def shift_interval(a, b, confidence):
    differences = sorted(y - x for x in a for y in b)
    n, m = len(a), len(b)
    alpha = 1 - confidence
    if n * m <= 400:
        ways = numpy.array([1.0])
        for i in range(1, n + 1):  # Gaussian binomial by polynomials
            top = numpy.zeros(m + i + 1)
            top[0], top[-1] = 1, -1
            bottom = numpy.zeros(i + 1)
            bottom[0], bottom[-1] = 1, -1
            ways = numpy.round(numpy.polydiv(numpy.polymul(ways, top), bottom)[0])
        k = int(numpy.searchsorted(numpy.cumsum(ways) / math.comb(n + m, n), alpha / 2 - 1e-15, side="left"))
    else:
        pooled = numpy.concatenate([a, b])
        size = n + m
        t = numpy.unique(pooled, return_counts=True)[1]
        sd = math.sqrt(n * m / 12 * ((size + 1) - (t**3 - t).sum() / (size * (size - 1))))
        k = math.floor(n * m / 2 - 0.5 - stats.norm.ppf(1 - alpha / 2) * sd) + 1
    if k <= 0:
        return float(numpy.median(differences)), None, None
    return float(numpy.median(differences)), float(differences[k - 1]), float(differences[n * m - k])


def rank_sum():
    rows = []
    for n, m in [(1, 1), (3, 3), (4, 4), (5, 9), (10, 10), (20, 20), (3, 100), (8, 50)]:
        for _ in range(2):
            a, b = clean(random.normal(0, 1, n)), clean(random.normal(0.7, 1, m))
            point, low, high = shift_interval(a, b, 0.95)
            p = float(stats.mannwhitneyu(a, b, method="exact").pvalue)
            rows.append(dict(a=a, b=b, confidence=0.95, p=p, point=point, low=low, high=high))
    for n, m in [(30, 30), (21, 20), (15, 80)]:
        for ties in [False, True]:
            a, b = random.normal(0, 2, n), random.normal(1, 2, m)
            a, b = (clean(numpy.round(a)), clean(numpy.round(b))) if ties else (clean(a), clean(b))
            point, low, high = shift_interval(a, b, 0.99)
            p = float(stats.mannwhitneyu(a, b, method="asymptotic", use_continuity=True).pvalue)
            rows.append(dict(a=a, b=b, confidence=0.99, p=p, point=point, low=low, high=high))
    ties = []
    for n, m in [(4, 4), (5, 6), (8, 4), (7, 7)]:
        for _ in range(3):
            a, b = random.integers(0, 4, n).astype(float), random.integers(1, 5, m).astype(float)
            ranks = stats.rankdata(numpy.concatenate([a, b]))
            higher = ranks[:n].sum() - n * (n + 1) / 2
            sums = [sum(of) - n * (n + 1) / 2 for of in itertools.combinations(ranks, n)]
            tails = [sum(of <= higher + 1e-9 for of in sums), sum(of >= higher - 1e-9 for of in sums)]
            p = min(1.0, 2 * min(tails) / len(sums))  # with ties the two tails differ
            ties.append(dict(a=list(a), b=list(b), p=float(p)))
    write("rank_sum", plain=rows, ties=ties)


def other():
    order = []
    for n in [1, 5, 6, 7, 8, 9, 10, 20, 30, 59, 100, 320, 1000, 10000, 100000]:
        for alpha in [0.05, 0.01]:
            k = int(stats.binom.ppf(alpha / 2, n, 0.5)) + 2
            while k > 0 and stats.binom.cdf(k - 1, n, 0.5) > alpha / 2:
                k -= 1
            order.append([n, alpha, k])
    discovery = []
    for m in [1, 5, 30]:
        p = clean(random.uniform(0, 1, m) ** 3)
        discovery.append(dict(p=p, adjusted=[float(x) for x in stats.false_discovery_control(p)]))
    spearman = []
    for n in [10, 15, 30, 100]:
        for slope in [0, 0.05]:
            x = clean(numpy.round(random.normal(0, 1, n) + slope * numpy.arange(n), 1))
            result = stats.spearmanr(numpy.arange(n), x)
            spearman.append(dict(x=x, rho=float(result.statistic), p=float(result.pvalue)))
    summary = []
    for n in [1, 2, 5, 6, 59, 60, 61]:
        x = clean(random.lognormal(3, 0.5, n))
        q1, q3, p95 = numpy.percentile(x, [25, 75, 95])
        summary.append(dict(
            x=x, median=float(numpy.median(x)), mean=float(numpy.mean(x)),
            stddev=float(numpy.std(x, ddof=1)) if n > 1 else None,
            mad=float(stats.median_abs_deviation(x)), q1=float(q1), q3=float(q3), p95=float(p95) if n >= 60 else None,
        ))
    evidence = []
    for n, k in [(1, 1), (5, 0), (10, 10), (30, 22), (200, 130), (5000, 2600)]:
        evidence.append([n, k, float(n * math.log(2) + special.betaln(k + 0.5, n - k + 0.5) - special.betaln(0.5, 0.5))])
    write("other", order_statistic=order, discovery=discovery, spearman=spearman, summary=summary, evidence=evidence)


normal()
signed_rank()
rank_sum()
other()
