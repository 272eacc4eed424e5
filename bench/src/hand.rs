//! The rule written by hand, twice: household by household, and over columns with households of one
//! size together, where the compiler vectorises. Money is fen in 32 bits, wrapping like any release
//! build without overflow checks: what could be fastest, not what is safest.

/// Columns as `gen_population.py` writes them.
#[derive(Clone, Debug, Default)]
pub struct Pop {
    pub birth: Vec<i32>,
    pub dis: Vec<i8>,
    pub stu: Vec<i8>,
    pub wage: [Vec<i32>; 2],
    pub bus: Vec<i32>,
    pub prop: Vec<i32>,
    pub tra: Vec<i32>,
    pub sup: Vec<i32>,
    pub start: Vec<u32>,
    pub region: Vec<i16>,
    pub assets: Vec<i32>,
    pub cars: Vec<i8>,
    pub houses: Vec<i8>,
    pub std: [Vec<i32>; 2],
}

/// January 2026 in months.
pub const FIRST: i32 = 2026 * 12;

impl Pop {
    pub fn persons(&self) -> usize {
        self.birth.len()
    }

    pub fn households(&self) -> usize {
        self.region.len()
    }
}

fn up(v: i64) -> i64 {
    v.wrapping_add(99) / 100 * 100
}

/// One month in household order.
pub fn month(p: &Pop, m: usize) -> (u64, i64) {
    let (ym, half) = (FIRST + m as i32, usize::from(m >= 6));
    let mut out = (0u64, 0i64);
    for h in 0..p.households() {
        let (a, b) = (p.start[h] as usize, p.start[h + 1] as usize);
        let s = i64::from(p.std[half][p.region[h] as usize]);
        let n = (b - a) as i64;
        let cap = s.wrapping_mul(30) / 100;
        let (mut income, mut sup) = (0i64, 0i64);
        for i in a..b {
            let age = ym.wrapping_sub(p.birth[i]) / 12;
            let severe = matches!(p.dis[i], 1 | 2);
            let w = i64::from(p.wage[half][i]);
            let net = if p.stu[i] == 1 {
                0
            } else {
                w.wrapping_sub((w.wrapping_mul(20) / 100).min(cap))
            };
            let t = i64::from(p.tra[i]);
            let t = if age >= 60 {
                t.wrapping_sub(20_000).max(0)
            } else {
                t
            };
            let mut c = net
                .wrapping_add(i64::from(p.bus[i]).max(0))
                .wrapping_add(i64::from(p.prop[i]))
                .wrapping_add(t)
                .wrapping_add(i64::from(p.sup[i]) / 2);
            if severe {
                c = c.wrapping_sub(cap).max(0);
            }
            let pct = if severe {
                30
            } else if !(18..70).contains(&age) {
                20
            } else if p.dis[i] >= 3 {
                15
            } else if p.stu[i] == 1 {
                10
            } else {
                0
            };
            income = income.wrapping_add(c);
            sup = sup.wrapping_add(s.wrapping_mul(pct) / 100);
        }
        let head = income / n;
        if head < s
            && i64::from(p.assets[h]) <= s.wrapping_mul(n).wrapping_mul(24)
            && p.cars[h] == 0
            && p.houses[h] <= 1
        {
            out.0 = out.0.wrapping_add(1);
            out.1 = out
                .1
                .wrapping_add(up(s.wrapping_sub(head).wrapping_mul(n)))
                .wrapping_add(up(sup));
        }
    }
    out
}

/// Households of one size; member columns hold every first member, then every second, and so on.
pub struct Sized {
    k: usize,
    n: usize,
    region: Vec<i16>,
    assets: Vec<i32>,
    blocked: Vec<i32>,
    birth: Vec<i32>,
    dis: Vec<i32>,
    stu: Vec<i32>,
    wage: [Vec<i32>; 2],
    bus: Vec<i32>,
    prop: Vec<i32>,
    tra: Vec<i32>,
    sup: Vec<i32>,
}

/// Lays the columns out by size.
pub fn by_size(p: &Pop) -> Vec<Sized> {
    (1..=9)
        .map(|k| {
            let hs: Vec<usize> = (0..p.households())
                .filter(|h| (p.start[h + 1] - p.start[*h]) as usize == k)
                .collect();
            let slot = |f: &dyn Fn(usize) -> i32| -> Vec<i32> {
                (0..k)
                    .flat_map(|j| hs.iter().map(move |h| (*h, j)))
                    .map(|(h, j)| f(p.start[h] as usize + j))
                    .collect()
            };
            Sized {
                k,
                n: hs.len(),
                region: hs.iter().map(|h| p.region[*h]).collect(),
                assets: hs.iter().map(|h| p.assets[*h]).collect(),
                blocked: hs
                    .iter()
                    .map(|h| i32::from(p.cars[*h] != 0 || p.houses[*h] > 1))
                    .collect(),
                birth: slot(&|i| p.birth[i]),
                dis: slot(&|i| p.dis[i].into()),
                stu: slot(&|i| p.stu[i].into()),
                wage: [slot(&|i| p.wage[0][i]), slot(&|i| p.wage[1][i])],
                bus: slot(&|i| p.bus[i]),
                prop: slot(&|i| p.prop[i]),
                tra: slot(&|i| p.tra[i]),
                sup: slot(&|i| p.sup[i]),
            }
        })
        .collect()
}

fn sized<const K: u32>(
    z: &Sized,
    std: &[i32],
    ym: i32,
    half: usize,
    [s, inc, ups]: [&mut [i32]; 3],
) -> (u64, i64) {
    let mut out = (0u64, 0i64);
    let block = s.len();
    for h0 in (0..z.n).step_by(block) {
        let m = block.min(z.n - h0);
        let (s, inc, ups) = (&mut s[..m], &mut inc[..m], &mut ups[..m]);
        for (x, r) in s.iter_mut().zip(&z.region[h0..h0 + m]) {
            *x = std[*r as usize];
        }
        inc.fill(0);
        ups.fill(0);
        for j in 0..z.k {
            let o = j * z.n + h0;
            let (birth, dis, stu) = (&z.birth[o..o + m], &z.dis[o..o + m], &z.stu[o..o + m]);
            let (wage, bus, prop) = (&z.wage[half][o..o + m], &z.bus[o..o + m], &z.prop[o..o + m]);
            let (tra, sup) = (&z.tra[o..o + m], &z.sup[o..o + m]);
            for i in 0..m {
                let cap = ((s[i] as u32).wrapping_mul(30) / 100) as i32;
                let age = (ym.wrapping_sub(birth[i]) as u32 / 12) as i32;
                let severe = dis[i] == 1 || dis[i] == 2;
                let w = wage[i].wrapping_sub(((wage[i] as u32 / 5) as i32).min(cap));
                let w = if stu[i] != 0 { 0 } else { w };
                let t = if age >= 60 {
                    tra[i].wrapping_sub(20_000).max(0)
                } else {
                    tra[i]
                };
                let c = w
                    .wrapping_add(bus[i].max(0))
                    .wrapping_add(prop[i])
                    .wrapping_add(t)
                    .wrapping_add(((sup[i] as u32) >> 1) as i32);
                let c = if severe {
                    c.wrapping_sub(cap).max(0)
                } else {
                    c
                };
                inc[i] = inc[i].wrapping_add(c);
                let q = if stu[i] != 0 { 10 } else { 0 };
                let q = if dis[i] >= 3 { 15 } else { q };
                let q = if age >= 70 || age < 18 { 20 } else { q };
                let q = if severe { 30 } else { q };
                ups[i] = ups[i].wrapping_add(((s[i] as u32).wrapping_mul(q as u32) / 100) as i32);
            }
        }
        let (mut n, mut sum) = (0u32, 0i64);
        for i in 0..m {
            let head = (inc[i] as u32 / K) as i32;
            let limit = s[i].wrapping_mul(24).wrapping_mul(K as i32);
            let ok = (head < s[i]) & (z.assets[h0 + i] <= limit) & (z.blocked[h0 + i] == 0);
            let gap = s[i].wrapping_sub(head).max(0).wrapping_mul(K as i32);
            let base = (gap.wrapping_add(99) as u32 / 100).wrapping_mul(100);
            let u = (ups[i].wrapping_add(99) as u32 / 100).wrapping_mul(100);
            n = n.wrapping_add(u32::from(ok));
            let paid = base.wrapping_add(u);
            sum = sum.wrapping_add(if ok { paid.into() } else { 0 });
        }
        out.0 += u64::from(n);
        out.1 += sum;
    }
    out
}

/// One month over columns by size; `buffers` are three of one block's length.
pub fn month_sized(z: &[Sized], p: &Pop, m: usize, buffers: &mut [Vec<i32>; 3]) -> (u64, i64) {
    let (ym, half) = (FIRST + m as i32, usize::from(m >= 6));
    let f = [
        sized::<1>, sized::<2>, sized::<3>, sized::<4>, sized::<5>, sized::<6>, sized::<7>,
        sized::<8>, sized::<9>,
    ];
    let mut out = (0, 0);
    for x in z {
        let [a, b, c] = &mut *buffers;
        let one = f[x.k - 1](x, &p.std[half], ym, half, [a, b, c]);
        out.0 += one.0;
        out.1 += one.1;
    }
    out
}
