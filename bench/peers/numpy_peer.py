#!/usr/bin/env python3
"""Hand-written numpy peer (integer fen arithmetic). usage: numpy_peer.py POPDIR [repeats]"""
import sys, json, time
import numpy as np
def peak(): return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1]) // 1024
d = sys.argv[1]; reps = int(sys.argv[2]) if len(sys.argv) > 2 else 5
m = json.load(open(f"{d}/meta.json")); P, H, R, Y = m["persons"], m["households"], m["regions"], m["year"]
L = lambda n, t: np.fromfile(f"{d}/{n}.bin", t)
birth = L("person.birth_ym", "i4"); dis = L("person.disability", "i1"); stu = L("person.student", "i1") == 1
w1, w2, bus, prop, tra, sup = (L("person." + k, "i4") for k in ("wage_h1", "wage_h2", "business", "property", "transfer", "support"))
hh = L("person.household_id", "i4"); start = L("household.start", "i4")
reg = L("household.region", "i2"); assets = L("household.assets", "i4"); cars = L("household.cars", "i1"); houses = L("household.houses", "i1")
n = L("household.members", "i4").astype(np.int64); stdt = L("standard.standard", "i4").reshape(2, R)

def month(i):
    ym = Y * 12 + i; h = 0 if i < 6 else 1
    s = stdt[h][reg].astype(np.int64); sp = s[hh]
    wage = (w1 if h == 0 else w2).astype(np.int64)
    age = (ym - birth) // 12
    c = np.where(stu, 0, wage - np.minimum(wage * 20 // 100, sp * 30 // 100)) + np.maximum(bus, 0) + prop
    c += np.where(age >= 60, np.maximum(tra - 20_000, 0), tra) + sup // 2
    c = np.where((dis == 1) | (dis == 2), np.maximum(c - sp * 30 // 100, 0), c)
    income = np.add.reduceat(c, start[:-1])
    pc = income // n
    ok = (pc < s) & (assets <= 24 * s * n) & (cars == 0) & (houses <= 1)
    pct = np.zeros(P, np.int64)
    pct = np.maximum(pct, np.where(stu, 10, 0)); pct = np.maximum(pct, np.where(dis >= 3, 15, 0))
    pct = np.maximum(pct, np.where((age >= 70) | (age < 18), 20, 0)); pct = np.maximum(pct, np.where((dis == 1) | (dis == 2), 30, 0))
    up = np.add.reduceat(sp * pct // 100, start[:-1])
    ceil = lambda v: (v + 99) // 100 * 100
    amt = np.where(ok, ceil((s - pc) * n) + ceil(up), 0)
    return ok, amt

ts = []
for _ in range(reps):
    t = time.process_time(); out = [month(i) for i in range(12)]; ts.append(time.process_time() - t)
chk = [(int(o.sum()), int(a.sum())) for o, a in out]
t = min(ts)
print(json.dumps(dict(peer="numpy", numpy=np.__version__, best_s=round(t, 4), runs=[round(x, 4) for x in ts], ns_person_month=round(t / 12 / P * 1e9, 2),
    household_months_s=round(12 * H / t), peak_rss_mb=peak(), jan=chk[0], jul=chk[6], dec=chk[11],
    year=[sum(c[0] for c in chk), sum(c[1] for c in chk)])))
