#!/usr/bin/env python3
"""DuckDB SQL peer. usage: duckdb_peer.py POPDIR [repeats] [threads]"""
import sys, json, time
import duckdb
def peak(): return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1]) // 1024
d = sys.argv[1]; reps = int(sys.argv[2]) if len(sys.argv) > 2 else 5; threads = int(sys.argv[3]) if len(sys.argv) > 3 else 1
m = json.load(open(f"{d}/meta.json")); P, H, Y = m["persons"], m["households"], m["year"]
con = duckdb.connect(); con.execute(f"set threads={threads}")
for t in ("person", "household", "standard"): con.execute(f"create table {t} as select * from '{d}/{t}.parquet'")
# the standard in force at a month is the row with the latest from_ym <= that month: an effective-dated parameter
RULE = """
with inforce as (select region, arg_max(standard, from_ym)::bigint as s from standard where from_ym <= {ym} group by region),
h as (select household_id, members::bigint n, assets, cars, houses, s, s*30//100 as cap from household join inforce using (region)),
p as (select household_id, s, cap, ({ym} - birth_ym)//12 as age, disability in (1,2) as severe, disability, student,
        {wage}::bigint as wage, business, property, transfer, support from person join h using (household_id)),
c as (select household_id, s, severe, cap,
        (case when student=1 then 0 else wage - least(wage*20//100, cap) end) + greatest(business,0) + property
        + (case when age>=60 then greatest(transfer-20000,0) else transfer end) + support//2 as c0,
        s * (case when severe then 30 when age>=70 or age<18 then 20 when disability>=3 then 15 when student=1 then 10 else 0 end) // 100 as up from p),
g as (select household_id, sum(case when severe then greatest(c0-cap,0) else c0 end)::bigint income, sum(up)::bigint up from c group by household_id),
r as (select household_id, income//n as pc, s, n, up, (income//n < s and assets <= 24*s*n and cars=0 and houses<=1) as ok from g join h using (household_id))
select {out} from r
"""
AGG = "count(*) filter (where ok), sum(case when ok then ((s-pc)*n+99)//100*100 + (up+99)//100*100 else 0 end)::bigint"
ROWS = "household_id, pc, ok, case when ok then ((s-pc)*n+99)//100*100 + (up+99)//100*100 else 0 end as amount"
q = lambda i, out: RULE.format(ym=Y * 12 + i, wage="wage_h1" if i < 6 else "wage_h2", out=out)
def run_agg(): return [con.execute(q(i, AGG)).fetchone() for i in range(12)]
def run_rows():
    r = []
    for i in range(12):
        con.execute("create or replace table res as " + q(i, ROWS)); r.append(con.execute("select count(*) filter (where ok), sum(amount)::bigint from res").fetchone())
    return r
for name, f in (("aggregates only", run_agg), ("result rows stored", run_rows)):
    ts = []
    for _ in range(reps):
        t = time.process_time(); chk = f(); ts.append(time.process_time() - t)
    t = min(ts)
    print(json.dumps(dict(peer=f"duckdb SQL, {threads} thread(s), {name}", version=duckdb.__version__, best_s=round(t, 4), ns_person_month=round(t / 12 / P * 1e9, 2),
        household_months_s=round(12 * H / t), peak_rss_mb=peak(), jan=chk[0], jul=chk[6],
        year=[sum(c[0] for c in chk), sum(c[1] for c in chk)])))
