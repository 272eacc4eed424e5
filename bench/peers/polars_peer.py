#!/usr/bin/env python3
"""Polars expression peer. usage: POLARS_MAX_THREADS=1 polars_peer.py POPDIR [repeats]"""
import sys, json, time
import polars as pl
def peak(): return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1]) // 1024
d = sys.argv[1]; reps = int(sys.argv[2]) if len(sys.argv) > 2 else 5
m = json.load(open(f"{d}/meta.json")); P, H, Y = m["persons"], m["households"], m["year"]
person, household, standard = (pl.read_parquet(f"{d}/{t}.parquet") for t in ("person", "household", "standard"))
c = pl.col
def month(i):
    ym = Y * 12 + i; w = c("wage_h1" if i < 6 else "wage_h2").cast(pl.Int64)
    inforce = standard.lazy().filter(c("from_ym") <= ym).group_by("region").agg(c("standard").sort_by("from_ym").last().cast(pl.Int64).alias("s"))
    h = household.lazy().join(inforce, on="region").with_columns(cap=c("s") * 30 // 100)
    age = (ym - c("birth_ym")) // 12; severe = c("disability").is_in([1, 2])
    x = person.lazy().join(h.select("household_id", "s", "cap"), on="household_id").with_columns(age=age, severe=severe, wage=w)
    x = x.with_columns(c0=pl.when(c("student") == 1).then(0).otherwise(c("wage") - pl.min_horizontal(c("wage") * 20 // 100, c("cap")))
        + c("business").clip(0) + c("property") + pl.when(c("age") >= 60).then((c("transfer") - 20_000).clip(0)).otherwise(c("transfer")) + c("support") // 2,
        up=c("s") * pl.when(c("severe")).then(30).when((c("age") >= 70) | (c("age") < 18)).then(20).when(c("disability") >= 3).then(15).when(c("student") == 1).then(10).otherwise(0).cast(pl.Int64) // 100)
    g = x.group_by("household_id").agg(income=pl.when(c("severe")).then((c("c0") - c("cap")).clip(0)).otherwise(c("c0")).sum(), up=c("up").sum())
    r = g.join(h, on="household_id").with_columns(n=c("members").cast(pl.Int64)).with_columns(pc=c("income") // c("n"))
    r = r.with_columns(ok=(c("pc") < c("s")) & (c("assets") <= 24 * c("s") * c("n")) & (c("cars") == 0) & (c("houses") <= 1))
    return r.select("household_id", "pc", "ok", amount=pl.when(c("ok")).then(((c("s") - c("pc")) * c("n") + 99) // 100 * 100 + (c("up") + 99) // 100 * 100).otherwise(0))
def run():
    out = []
    for i in range(12):
        r = month(i).collect(); out.append((int(r["ok"].sum()), int(r["amount"].sum())))
    return out
ts = []
for _ in range(reps):
    t = time.process_time(); chk = run(); ts.append(time.process_time() - t)
t = min(ts)
print(json.dumps(dict(peer=f"polars lazy, {pl.thread_pool_size()} thread(s)", version=pl.__version__, best_s=round(t, 4), ns_person_month=round(t / 12 / P * 1e9, 2),
    household_months_s=round(12 * H / t), peak_rss_mb=peak(), jan=chk[0], jul=chk[6],
    year=[sum(c[0] for c in chk), sum(c[1] for c in chk)])))
