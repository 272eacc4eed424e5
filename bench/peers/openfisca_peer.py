#!/usr/bin/env python3
"""OpenFisca-core peer: the rule as Python formulas over numpy arrays.
usage: openfisca_peer.py POPDIR [repeats] [int|float] [trace]
int: money as int fen (exact). float: money as float yuan, the usual OpenFisca style (stored as float32)."""
import sys, json, time
import numpy as np
from openfisca_core.entities import build_entity
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.simulations import SimulationBuilder
from openfisca_core.parameters import ParameterNode
from openfisca_core.periods import DateUnit
from openfisca_core.variables import Variable
from openfisca_core.indexed_enums import Enum
import openfisca_core
def peak(): return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1]) // 1024
d = sys.argv[1]; reps = int(sys.argv[2]) if len(sys.argv) > 2 else 3
KIND = int if (sys.argv[3] if len(sys.argv) > 3 else "int") == "int" else float
TRACE = "trace" in sys.argv
MONTH, ETERNITY = DateUnit.MONTH, DateUnit.ETERNITY
m = json.load(open(f"{d}/meta.json")); P, H, R, Y = m["persons"], m["households"], m["regions"], m["year"]
L = lambda n, t: np.fromfile(f"{d}/{n}.bin", t)
stdt = L("standard.standard", "i4").reshape(2, R)
UNIT = 1 if KIND is int else 100                       # fen per money unit
ROUND = 100 // UNIT                                    # one yuan in money units
money = lambda a: a.astype(np.int32) if KIND is int else (a / 100).astype(np.float32)

Person = build_entity("person", "persons", "Person", is_person=True)
Household = build_entity("household", "households", "Household", roles=[{"key": "member", "plural": "members", "label": "m"}])
class Region(Enum): pass
Region = Enum("Region", {f"r{i:02}": f"region {i}" for i in range(R)})

def var(name, entity, period=MONTH, formula=None, kind=None, **kw):
    a = dict(value_type=kind or KIND, entity=entity, definition_period=period, label=name, **kw)
    if formula: a["formula"] = formula
    return type(name, (Variable,), a)
pct = (lambda x, p: x * p // 100) if KIND is int else (lambda x, p: x * p / 100)
sev = lambda x: (x == 1) | (x == 2)

def f_age(person, period, parameters):
    return (period.start.year * 12 + period.start.month - 1 - person("birth_ym", period)) // 12
def f_standard(household, period, parameters): return parameters(period).peer.standard[household("region", period)]
def f_net_wage(person, period, parameters):
    p = parameters(period).peer; w = person("wage", period); cap = pct(person.household("standard", period), p.wage_cap_pct)
    return np.where(person("student", period), 0, w - np.minimum(pct(w, p.wage_pct), cap))
def f_countable(person, period, parameters):
    p = parameters(period).peer; t = person("transfer", period)
    t = np.where(person("age", period) >= p.pension_age, np.maximum(t - p.pension_exempt // UNIT, 0), t)
    c = person("net_wage", period) + np.maximum(person("business", period), 0) + person("property_income", period) + t + pct(person("support", period), p.support_pct)
    ded = pct(person.household("standard", period), p.severe_deduction_pct)
    return np.where(sev(person("disability", period)), np.maximum(c - ded, 0), c)
def f_uplift(person, period, parameters):
    p = parameters(period).peer.uplift; age = person("age", period); dis = person("disability", period)
    q = np.select([sev(dis), (age >= p.elderly_age) | (age < 18), dis >= 3, person("student", period)], [p.severe, p.age, p.mild, p.student], 0)
    return pct(person.household("standard", period), q)
def f_income(household, period, parameters): return household.sum(household.members("countable_income", period))
def f_per_capita(household, period, parameters):
    i, n = household("household_income", period), household.nb_persons(); return i // n if KIND is int else i / n
def f_eligible(household, period, parameters):
    s = household("standard", period)
    return ((household("per_capita_income", period) < s) & (household("assets", period) <= parameters(period).peer.asset_months * s * household.nb_persons())
            & (household("cars", period) == 0) & (household("houses", period) <= 1))
ceil = (lambda v: (v + 99) // 100 * 100) if KIND is int else np.ceil
def f_base(household, period, parameters):
    return ceil((household("standard", period) - household("per_capita_income", period)) * household.nb_persons())
def f_uplifts(household, period, parameters): return ceil(household.sum(household.members("uplift", period)))
def f_amount(household, period, parameters):
    return np.where(household("eligible", period), household("base_amount", period) + household("uplifts", period), 0)
VARS = [var("birth_ym", Person, ETERNITY, kind=int), var("disability", Person, ETERNITY, kind=int), var("student", Person, ETERNITY, kind=bool),
    *[var(k, Person) for k in ("wage", "business", "property_income", "transfer", "support")],
    var("region", Household, ETERNITY, kind=Enum, possible_values=Region, default_value=Region.r00),
    var("assets", Household, ETERNITY), var("cars", Household, ETERNITY, kind=int), var("houses", Household, ETERNITY, kind=int),
    var("age", Person, formula=f_age, kind=int), var("standard", Household, formula=f_standard), var("net_wage", Person, formula=f_net_wage),
    var("countable_income", Person, formula=f_countable), var("uplift", Person, formula=f_uplift), var("household_income", Household, formula=f_income),
    var("per_capita_income", Household, formula=f_per_capita), var("eligible", Household, formula=f_eligible, kind=bool),
    var("base_amount", Household, formula=f_base), var("uplifts", Household, formula=f_uplifts), var("amount", Household, formula=f_amount)]
V = lambda v: {"values": {f"{Y}-01-01": {"value": v}}}
PARAMS = {"peer": {"wage_pct": V(20), "wage_cap_pct": V(30), "pension_age": V(60), "pension_exempt": V(20_000), "support_pct": V(50), "severe_deduction_pct": V(30), "asset_months": V(24),
    "uplift": {"severe": V(30), "age": V(20), "mild": V(15), "student": V(10), "elderly_age": V(70)},
    "standard": {f"r{i:02}": {"values": {f"{Y}-01-01": {"value": int(stdt[0][i]) // UNIT}, f"{Y}-07-01": {"value": int(stdt[1][i]) // UNIT}}} for i in range(R)}}}

tbs = TaxBenefitSystem([Person, Household]); tbs.parameters = ParameterNode("", data=PARAMS)
for v in VARS: tbs.add_variable(v)
cols = {k: L("person." + k, "i4") for k in ("wage_h1", "wage_h2", "business", "property", "transfer", "support")}
hhid = L("person.household_id", "i4")
def build():
    b = SimulationBuilder(); b.populations = tbs.instantiate_entities()
    b.declare_person_entity("person", np.arange(P)); h = b.declare_entity("household", np.arange(H)); b.join_with_persons(h, hhid, np.zeros(P, dtype=int))
    s = b.build(tbs)
    if TRACE: s.trace = True
    s.set_input("birth_ym", "ETERNITY", L("person.birth_ym", "i4")); s.set_input("disability", "ETERNITY", L("person.disability", "i1").astype(np.int32))
    s.set_input("student", "ETERNITY", L("person.student", "i1") == 1); s.set_input("region", "ETERNITY", Region.encode(np.array([f"r{i:02}" for i in range(R)])[L("household.region", "i2")]))
    s.set_input("assets", "ETERNITY", money(L("household.assets", "i4")))
    for k in ("cars", "houses"): s.set_input(k, "ETERNITY", L("household." + k, "i1").astype(np.int32))
    for i in range(12):
        p = f"{Y}-{i+1:02}"
        s.set_input("wage", p, money(cols["wage_h1" if i < 6 else "wage_h2"]))
        for k, c in (("business", "business"), ("property_income", "property"), ("transfer", "transfer"), ("support", "support")): s.set_input(k, p, money(cols[c]))
    return s
ts, bs = [], []
for _ in range(reps):
    t = time.process_time(); s = build(); bs.append(time.process_time() - t)
    t = time.process_time(); out = [(s.calculate("eligible", f"{Y}-{i+1:02}"), s.calculate("amount", f"{Y}-{i+1:02}")) for i in range(12)]; ts.append(time.process_time() - t)
chk = [(int(e.sum()), int(round(float(a.astype(np.float64).sum()) * UNIT))) for e, a in out]
t = min(ts)
print(json.dumps(dict(peer=f"openfisca-core {KIND.__name__}{' trace' if TRACE else ''}", build_s=round(min(bs), 3), best_s=round(t, 4), runs=[round(x, 3) for x in ts],
    ns_person_month=round(t / 12 / P * 1e9, 2), household_months_s=round(12 * H / t), peak_rss_mb=peak(),
    jan=chk[0], jul=chk[6], year=[sum(c[0] for c in chk), sum(c[1] for c in chk)])))
if KIND is float and len(sys.argv) > 4 and sys.argv[4] == "diff":                         # how many households get another answer than exact fen arithmetic
    import subprocess
    for i, (e, a) in enumerate(out): np.save(f"{d}/of_float_{i:02}.npy", a)
