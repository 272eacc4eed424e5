//! Households from persons: how many of each shape, and who lives in them.
//!
//! The census gives households by generations and by their elders, and persons by sex, age and
//! marital state. The shapes are counted so that all of these hold at once; then persons are placed
//! by age: partners near each other, children at a mother's age drawn within bounds, parents of
//! the grown-up likewise.

use super::WorldError;
use super::couples::{Couple, Shelf, normal, pair, settle_elders};
use super::fit::{apportion, apportion_capped, curve};
use super::schema::Households;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Greatest age.
pub(super) const OLDEST: usize = 99;
/// Persons by sex (0 male), age and marital state (never, married, divorced, widowed).
pub(super) type Cells = [Vec<[u64; 4]>; 2];

pub(super) const NEVER: u8 = 0;
pub(super) const MARRIED: u8 = 1;

/// Place in the household.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Role {
    Head,
    Spouse,
    Child,
    Parent,
    Other,
}

/// A person placed in a household.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub sex: u8,
    pub age: u8,
    pub marital: u8,
    pub role: Role,
}

/// A household: its members stand one after the other in [`Composed::members`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub first: u32,
    pub size: u8,
    pub generations: u8,
    pub collective: bool,
}

#[derive(Debug, Default)]
pub(super) struct Composed {
    pub members: Vec<Member>,
    pub homes: Vec<Shape>,
}

impl Composed {
    pub fn push(&mut self, generations: u8, collective: bool, members: &[Member]) {
        let first = self.members.len() as u32;
        self.members.extend_from_slice(members);
        self.homes.push(Shape {
            first,
            size: members.len() as u8,
            generations,
            collective,
        });
    }
}

/// What the census says about households, at the size asked for.
#[derive(Clone, Debug)]
pub(super) struct Targets {
    pub one: u64,
    /// Of one (one-person ones included), two, three, four generations.
    pub generations: [u64; 4],
    pub elder_age: u8,
    /// With one, two, three elders.
    pub elders: Option<[u64; 3]>,
}

/// How many households of each shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// One person: once married, never married.
    pub one_solo: u64,
    pub one_never: u64,
    /// Two never-married persons.
    pub siblings: u64,
    /// A couple by itself.
    pub couples: u64,
    /// A couple, or one parent, with children.
    pub with_children: u64,
    pub lone_parents: u64,
    /// A couple with one parent, or with a parent couple, and without children.
    pub with_parent: u64,
    pub with_parents: u64,
    /// Couple, children, and a grandparent or two.
    pub three_solo: u64,
    pub three_couple: u64,
    /// Couple, children, grandparents, one great-grandparent.
    pub four: u64,
}

impl Plan {
    fn families(&self) -> u64 {
        self.with_children + self.lone_parents + self.three_solo + self.three_couple + self.four
    }
}

/// Why no plan fits; the caller may shift marital states that are only borrowed shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// More once-married single persons are needed.
    Solos(String),
    /// More never-married persons are needed.
    Children(String),
    /// More couples are needed.
    Couples(String),
}

/// Counts the shapes for so many couples, once-married singles and never-married persons.
pub(super) fn plan(
    t: &Targets,
    couples: u64,
    solos: u64,
    never: u64,
    h: &Households,
) -> Result<Plan, Misfit> {
    let [g1, g2, g3, g4] = t.generations.map(|g| g as i64);
    let (couples, solos, never, one) = (couples as i64, solos as i64, never as i64, t.one as i64);
    let siblings = ((g1 - one).max(0) as f64 * h.siblings_share).round() as i64;
    let alone = (g1 - one - siblings).max(0);
    let left = couples - alone - g3 - 2 * g4;
    let share = |s: f64, n: i64| (s * n as f64).round() as i64;
    let wanted_lone = share(h.lone_parent_share, g2);
    let three_couple = (wanted_lone - g2 + left).clamp(share(0.1, g3), share(0.7, g3));
    let lone_parents = (g2 - left + three_couple).max(share(0.01, g2));
    let with_parents = lone_parents + left - three_couple - g2;
    let upward = g3 - three_couple + g4;
    let rest = solos - lone_parents - upward;
    if rest < 0 {
        return Err(Misfit::Solos(format!(
            "{solos} once-married single persons for {lone_parents} lone parents and {upward} grandparents"
        )));
    }
    // Grown-up children with a parent take up who does not fit into one-person households.
    let most_solo = one - share(h.one_never_share, one);
    let with_parent = share(h.with_parent_share, g2).clamp((rest - most_solo).max(0), rest.max(0));
    let one_solo = rest - with_parent;
    let one_never = one - one_solo;
    let with_children = left - three_couple - with_parent - 2 * with_parents;
    if with_children < 0 || with_parents < 0 {
        return Err(Misfit::Couples(format!(
            "{couples} couples for {g2} households of two generations"
        )));
    }
    let families = with_children + lone_parents + g3 + g4;
    let children = never - one_never - 2 * siblings;
    if children < families {
        return Err(Misfit::Children(format!(
            "{children} children for {families} families"
        )));
    }
    let n = |x: i64| x.max(0) as u64;
    Ok(Plan {
        one_solo: n(one_solo),
        one_never: n(one_never),
        siblings: n(siblings),
        couples: n(alone),
        with_children: n(with_children),
        lone_parents: n(lone_parents),
        with_parent: n(with_parent),
        with_parents: n(with_parents),
        three_solo: n(g3 - three_couple),
        three_couple: n(three_couple),
        four: n(g4),
    })
}

#[derive(Clone, Copy, Debug)]
struct Solo {
    sex: u8,
    age: u8,
    marital: u8,
}

/// A couple or a lone parent with children: a run of the sorted children.
#[derive(Clone, Debug)]
struct Family {
    parents: Parents,
    children: Vec<Solo>,
}

#[derive(Clone, Copy, Debug)]
enum Parents {
    Couple(Couple),
    Lone(Solo),
}

impl Parents {
    /// Age of the mother, or what it would be of a lone father's wife.
    fn mother(&self) -> u8 {
        match self {
            Parents::Couple(c) => c.wife,
            Parents::Lone(s) => {
                if s.sex == 1 {
                    s.age
                } else {
                    s.age.saturating_sub(2)
                }
            }
        }
    }
}

/// Places everybody of `family` in households.
pub(super) fn compose(
    family: &Cells,
    t: &Targets,
    h: &Households,
    rng: &mut ChaCha8Rng,
) -> Result<Composed, Result<Misfit, WorldError>> {
    let ages =
        |sex: usize, state: usize| -> Vec<u64> { family[sex].iter().map(|c| c[state]).collect() };
    let (men, women) = (ages(0, 1), ages(1, 1));
    let sum = |v: &[u64]| v.iter().sum::<u64>();
    let couples = (sum(&men).min(sum(&women)) as f64 * (1.0 - h.apart_share)).round() as u64;
    // Partners who live apart are of working age, as a rule.
    let apart = |all: &[u64]| {
        let weight: Vec<f64> = (0..all.len())
            .map(|a| all[a] as f64 * if (22..=58).contains(&a) { 1.0 } else { 1e-6 })
            .collect();
        apportion_capped(sum(all) - couples, &weight, all)
    };
    let (men_apart, women_apart) = (apart(&men), apart(&women));
    let mut solos: [Vec<[u64; 4]>; 2] = family.clone();
    for age in 0..=OLDEST {
        solos[0][age][1] = men_apart[age];
        solos[1][age][1] = women_apart[age];
        solos[0][age][0] = 0;
        solos[1][age][0] = 0;
    }
    let count = |cells: &Cells| cells.iter().flatten().flatten().sum::<u64>();
    let never: u64 = (0..2).map(|s| sum(&ages(s, 0))).sum();
    let plan = plan(t, couples, count(&solos), never, h).map_err(Ok)?;

    let expand = |all: &[u64], less: &[u64]| -> Vec<u8> {
        (0..all.len())
            .flat_map(|a| std::iter::repeat_n(a as u8, (all[a] - less[a]) as usize))
            .collect()
    };
    let mut pairs = pair(
        &expand(&men, &men_apart),
        &expand(&women, &women_apart),
        h.partner_noise,
        rng,
    );
    if let Some([_, two, three]) = t.elders {
        settle_elders(&mut pairs, t.elder_age, two + three);
    }
    let mut never_cells: Cells = [
        ages(0, 0).iter().map(|&n| [n, 0, 0, 0]).collect(),
        ages(1, 0).iter().map(|&n| [n, 0, 0, 0]).collect(),
    ];

    let mut out = Composed::default();
    let by_age = |points: &[[f64; 2]]| -> Vec<f64> {
        (0..=OLDEST).map(|a| curve(points, a as f64)).collect()
    };
    // One-person households and siblings of never-married persons: the old first, who have no parents.
    let alone = take(
        &mut never_cells,
        plan.one_never,
        &by_age(&[
            [17.0, 0.0],
            [18.0, 0.02],
            [22.0, 0.06],
            [27.0, 0.4],
            [32.0, 1.0],
            [45.0, 1.5],
            [50.0, 30.0],
            [60.0, 900.0],
        ]),
        rng,
    );
    for s in alone {
        out.push(1, false, &[member(s, Role::Head)]);
    }
    let mut young = take(
        &mut never_cells,
        2 * plan.siblings,
        &by_age(&[
            [16.0, 0.0],
            [18.0, 0.5],
            [22.0, 1.0],
            [30.0, 0.7],
            [36.0, 0.2],
            [40.0, 0.01],
        ]),
        rng,
    );
    young.sort_by_key(|s| s.age);
    for two in young.chunks(2) {
        let roles = [Role::Head, Role::Other];
        // The older one is the head.
        let members: Vec<Member> = two
            .iter()
            .rev()
            .zip(roles)
            .map(|(s, r)| member(*s, r))
            .collect();
        out.push(1, false, &members);
    }
    let children = all(&never_cells);

    // Once-married singles: lone parents, parents who live with a grown-up child, or alone.
    let lone = take(
        &mut solos,
        plan.lone_parents,
        &by_age(&[
            [21.0, 0.0],
            [26.0, 0.6],
            [32.0, 1.5],
            [48.0, 1.5],
            [60.0, 0.5],
            [75.0, 0.2],
            [85.0, 0.05],
        ]),
        rng,
    );
    let upward = plan.three_solo + plan.with_parent + plan.four;
    let mut parents = take(
        &mut solos,
        upward,
        &by_age(&[[46.0, 0.0], [52.0, 0.3], [62.0, 1.0], [85.0, 1.3]]),
        rng,
    );
    for s in all(&solos) {
        out.push(1, false, &[member(s, Role::Head)]);
    }

    let (families, childless) = families(&plan, pairs, lone, children, h, rng);
    stack(
        &plan,
        t,
        h,
        families,
        childless,
        &mut parents,
        &mut out,
        rng,
    )
    .map_err(Err)?;
    Ok(out)
}

fn member(s: Solo, role: Role) -> Member {
    Member {
        sex: s.sex,
        age: s.age,
        marital: s.marital,
        role,
    }
}

/// Takes `n` persons out of `cells`, in proportion to a weight by age, never below zero.
fn take(cells: &mut Cells, n: u64, weight: &[f64], rng: &mut ChaCha8Rng) -> Vec<Solo> {
    let mut index = Vec::new();
    let (mut weights, mut caps) = (Vec::new(), Vec::new());
    for sex in 0..2 {
        for age in 0..=OLDEST {
            for state in 0..4 {
                let here = cells[sex][age][state];
                if here > 0 {
                    index.push((sex, age, state));
                    // So small a weight is used only when all others are used up.
                    weights.push(here as f64 * weight[age].max(1e-9));
                    caps.push(here);
                }
            }
        }
    }
    let mut taken = Vec::with_capacity(n as usize);
    for (&(sex, age, state), k) in index.iter().zip(apportion_capped(n, &weights, &caps)) {
        cells[sex][age][state] -= k;
        let solo = Solo {
            sex: sex as u8,
            age: age as u8,
            marital: state as u8,
        };
        taken.extend(std::iter::repeat_n(solo, k as usize));
    }
    taken.shuffle(rng);
    taken
}

fn all(cells: &Cells) -> Vec<Solo> {
    let mut out = Vec::new();
    for (sex, ages) in cells.iter().enumerate() {
        for (age, states) in ages.iter().enumerate() {
            for (state, &n) in states.iter().enumerate() {
                let solo = Solo {
                    sex: sex as u8,
                    age: age as u8,
                    marital: state as u8,
                };
                out.extend(std::iter::repeat_n(solo, n as usize));
            }
        }
    }
    out
}

/// A mother's age at birth, within the bounds.
fn mothers_age(h: &Households, rng: &mut ChaCha8Rng) -> f64 {
    let [mean, deviation, least, greatest] = h.mother_age;
    for _ in 0..20 {
        let x = mean + deviation * normal(rng);
        if (least..=greatest).contains(&x) {
            return x;
        }
    }
    mean
}

/// Gives every child to parents: each family one, the others where their ages fit. In order of the
/// mothers' wanted and real ages, which is the assignment with the least distance between the two.
fn families(
    plan: &Plan,
    couples: Vec<Couple>,
    lone: Vec<Solo>,
    children: Vec<Solo>,
    h: &Households,
    rng: &mut ChaCha8Rng,
) -> (Vec<Family>, Vec<Couple>) {
    let mut wanted: Vec<(f64, Solo)> = children
        .into_iter()
        .map(|c| {
            (
                f64::from(c.age) + rng.random::<f64>() + mothers_age(h, rng),
                c,
            )
        })
        .collect();
    wanted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let bucket = |age: f64| (age as usize).min(OLDEST);
    let mut demand = vec![0u64; OLDEST + 1];
    wanted.iter().for_each(|w| demand[bucket(w.0)] += 1);
    let mut must = vec![0u64; OLDEST + 1];
    lone.iter()
        .for_each(|&s| must[usize::from(Parents::Lone(s).mother())] += 1);
    let mut by_age: Vec<Vec<Couple>> = vec![Vec::new(); OLDEST + 1];
    couples
        .into_iter()
        .for_each(|c| by_age[usize::from(c.wife)].push(c));

    // Couples with children by the wife's age: at most as many as there are children for that age.
    let with: u64 = plan.families() - plan.lone_parents;
    let caps: Vec<u64> = by_age.iter().map(|c| c.len() as u64).collect();
    let open: Vec<f64> = (0..=OLDEST)
        .map(|b| {
            let most = caps[b] as f64 * curve(&h.children_at_home, b as f64);
            most.min((demand[b] as f64 - must[b] as f64).max(0.0)) + 1e-6 * caps[b] as f64
        })
        .collect();
    let chosen = apportion_capped(with, &open, &caps);

    let mut families: Vec<Family> = Vec::with_capacity(plan.families() as usize);
    let mut childless = Vec::new();
    for (b, mut here) in by_age.into_iter().enumerate() {
        here.shuffle(rng);
        let rest = here.split_off(chosen[b] as usize);
        childless.extend(rest);
        families.extend(here.into_iter().map(|c| Family {
            parents: Parents::Couple(c),
            children: vec![],
        }));
    }
    families.extend(lone.into_iter().map(|s| Family {
        parents: Parents::Lone(s),
        children: vec![],
    }));
    families.shuffle(rng);
    families.sort_by_key(|f| f.parents.mother());

    // Beyond the first child of each: by how many more children than families an age has.
    let mut numbers = vec![1u64; families.len()];
    let mut at = vec![0u64; OLDEST + 1];
    families
        .iter()
        .for_each(|f| at[usize::from(f.parents.mother())] += 1);
    let more: Vec<f64> = (0..=OLDEST)
        .map(|b| demand[b] as f64 - at[b] as f64)
        .collect();
    let room: Vec<u64> = at.iter().map(|n| n * 4).collect();
    let extra = (wanted.len() as u64).saturating_sub(plan.families());
    let mut extras = apportion_capped(extra, &more, &room);
    let placed: u64 = extras.iter().sum();
    let even: Vec<f64> = at.iter().map(|&n| n as f64).collect();
    let still: Vec<u64> = room.iter().zip(&extras).map(|(r, e)| r - e).collect();
    for (e, more) in extras
        .iter_mut()
        .zip(apportion_capped(extra - placed, &even, &still))
    {
        *e += more;
    }
    let mut start = 0;
    for b in 0..=OLDEST {
        let end = start + at[b] as usize;
        let mut left = extras[b];
        while left > 0 && end > start {
            // Most families with more than one child have two; third children come when all have.
            let round = left.min((end - start) as u64);
            let mut order: Vec<usize> = (start..end).collect();
            order.shuffle(rng);
            order
                .iter()
                .take(round as usize)
                .for_each(|&i| numbers[i] += 1);
            left -= round;
        }
        start = end;
    }
    let mut next = wanted.into_iter().map(|(_, c)| c);
    for (family, n) in families.iter_mut().zip(&numbers) {
        family.children.extend(next.by_ref().take(*n as usize));
    }
    // What numbers could not hold goes to the last families.
    for (i, child) in next.enumerate() {
        let n = families.len();
        if n > 0 {
            families[n - 1 - i % n].children.push(child);
        }
    }
    (families, childless)
}

/// Puts older generations on top of couples, and writes all of these households.
#[allow(clippy::too_many_arguments)]
fn stack(
    plan: &Plan,
    t: &Targets,
    h: &Households,
    families: Vec<Family>,
    childless: Vec<Couple>,
    parents: &mut Vec<Solo>,
    out: &mut Composed,
    rng: &mut ChaCha8Rng,
) -> Result<(), WorldError> {
    let short = || WorldError::Infeasible("too few couples to stack generations on".into());
    // Where elders are not counted and many live in three generations, the middle one may be older.
    let (oldest_wife, oldest_child) = if t.elders.is_some() {
        (52, 25)
    } else {
        (62, 40)
    };
    let (mut plain, mut middle) = (Vec::new(), Vec::new());
    for f in families {
        match f.parents {
            Parents::Couple(c)
                if c.elders(t.elder_age) == 0
                    && c.wife < oldest_wife
                    && f.children.iter().all(|k| k.age < oldest_child) =>
            {
                middle.push((c.husband.min(c.wife), (c, f.children)));
            }
            _ => plain.push(f),
        }
    }
    let mut middle = Shelf::new(middle.into_iter(), rng);
    let (mut elder_pairs, others): (Vec<Couple>, Vec<Couple>) = childless
        .into_iter()
        .partition(|c| c.elders(t.elder_age) == 2);
    elder_pairs.shuffle(rng);
    elder_pairs.sort_by_key(|c| std::cmp::Reverse(c.husband.max(c.wife)));
    let mut triples = t.elders.map_or(0, |e| e[2]);
    parents.sort_by_key(|s| s.age);
    let (mut couples, mixed): (Vec<Couple>, Vec<Couple>) =
        others.into_iter().partition(|c| c.elders(t.elder_age) == 0);
    couples.shuffle(rng);

    // Four generations, the oldest person first; with an elder couple where three elders are wanted.
    let grandparents = |c: Couple, roles: [Role; 2]| {
        [
            Member {
                sex: 0,
                age: c.husband,
                marital: MARRIED,
                role: roles[0],
            },
            Member {
                sex: 1,
                age: c.wife,
                marital: MARRIED,
                role: roles[1],
            },
        ]
    };
    let mut shelf = Shelf::new(couples.drain(..).map(|c| (c.husband.max(c.wife), c)), rng);
    for _ in 0..plan.four {
        let oldest = parents.pop().ok_or_else(short)?;
        let second = match triples {
            0 => shelf.take_nearest(i32::from(oldest.age) - 25),
            _ => elder_pairs.pop(),
        }
        .ok_or_else(short)?;
        triples = triples.saturating_sub(1);
        let (c, kids) = middle
            .take_nearest(i32::from(second.wife) - 24)
            .ok_or_else(short)?;
        let mut members = grandparents(second, [Role::Head, Role::Spouse]).to_vec();
        members.push(member(oldest, Role::Parent));
        members.extend(grandparents(c, [Role::Child, Role::Other]));
        members.extend(kids.iter().map(|k| member(*k, Role::Other)));
        out.push(4, false, &members);
    }
    let triples = triples.min(plan.with_parent);
    for _ in 0..triples {
        // Three elders in two generations: the very old with a couple of elders.
        let oldest = parents.pop().ok_or_else(short)?;
        let c = elder_pairs.pop().ok_or_else(short)?;
        let mut members = grandparents(c, [Role::Head, Role::Spouse]).to_vec();
        members.push(member(oldest, Role::Parent));
        out.push(2, false, &members);
    }
    parents.shuffle(rng);
    for _ in 0..plan.with_parent.saturating_sub(triples) {
        let s = parents.pop().ok_or_else(short)?;
        let c = shelf
            .take_nearest((f64::from(s.age) - mothers_age(h, rng)) as i32)
            .ok_or_else(short)?;
        let mut members = grandparents(c, [Role::Head, Role::Spouse]).to_vec();
        members.push(member(s, Role::Parent));
        out.push(2, false, &members);
    }
    for _ in 0..plan.three_solo {
        let s = parents.pop().ok_or_else(short)?;
        let young = middle
            .take_nearest((f64::from(s.age) - mothers_age(h, rng)) as i32)
            .ok_or_else(short)?;
        three(young, &[member(s, Role::Parent)], out);
    }
    // Older couples who live with a grown-up child's family, or with a childless couple.
    let mut older: Vec<Couple> = shelf.rest().chain(mixed).chain(elder_pairs).collect();
    older.shuffle(rng);
    let fit = |c: &Couple| {
        curve(
            &[[47.0, 0.0], [52.0, 1.0], [75.0, 1.0], [82.0, 0.5]],
            f64::from(c.wife),
        )
    };
    let mut keyed: Vec<(f64, Couple)> = older
        .into_iter()
        .map(|c| (rng.random::<f64>().powf(1.0 / fit(&c).max(1e-6)), c))
        .collect();
    keyed.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut keyed = keyed.into_iter().map(|(_, c)| c);
    for _ in 0..plan.three_couple {
        let c = keyed.next().ok_or_else(short)?;
        let young = middle
            .take_nearest((f64::from(c.wife) - mothers_age(h, rng)) as i32)
            .ok_or_else(short)?;
        three(young, &grandparents(c, [Role::Parent; 2]), out);
    }
    let upper: Vec<Couple> = keyed.by_ref().take(plan.with_parents as usize).collect();
    let mut rest: Vec<Couple> = keyed.collect();
    if !upper.is_empty() {
        let (young, old): (Vec<Couple>, Vec<Couple>) =
            rest.into_iter().partition(|c| c.elders(t.elder_age) == 0);
        let mut shelf = Shelf::new(young.into_iter().map(|c| (c.wife, c)), rng);
        for c in upper {
            let y = shelf
                .take_nearest((f64::from(c.wife) - mothers_age(h, rng)) as i32)
                .ok_or_else(short)?;
            let mut members = grandparents(y, [Role::Head, Role::Spouse]).to_vec();
            members.extend(grandparents(c, [Role::Parent; 2]));
            out.push(2, false, &members);
        }
        rest = shelf.rest().chain(old).collect();
    }
    for c in rest {
        out.push(1, false, &grandparents(c, heads(h, rng)));
    }
    for (c, kids) in middle.rest() {
        plain.push(Family {
            parents: Parents::Couple(c),
            children: kids,
        });
    }
    for f in plain {
        let mut members = match f.parents {
            Parents::Couple(c) => grandparents(c, heads(h, rng)).to_vec(),
            Parents::Lone(s) => vec![member(s, Role::Head)],
        };
        members.extend(f.children.iter().map(|k| member(*k, Role::Child)));
        out.push(2, false, &members);
    }
    Ok(())
}

/// Who of a couple is the head: husband and wife's roles.
fn heads(h: &Households, rng: &mut ChaCha8Rng) -> [Role; 2] {
    if rng.random::<f64>() < h.wife_heads {
        [Role::Spouse, Role::Head]
    } else {
        [Role::Head, Role::Spouse]
    }
}

fn three((c, kids): (Couple, Vec<Solo>), older: &[Member], out: &mut Composed) {
    let mut members = vec![
        Member {
            sex: 0,
            age: c.husband,
            marital: MARRIED,
            role: Role::Head,
        },
        Member {
            sex: 1,
            age: c.wife,
            marital: MARRIED,
            role: Role::Spouse,
        },
    ];
    members.extend(kids.iter().map(|k| member(*k, Role::Child)));
    members.extend_from_slice(older);
    out.push(3, false, &members);
}

/// Ages of a five-year or other group divided among single years; the line through the
/// neighbours' means gives the slope, and the group keeps its sum.
pub(super) fn single_years(groups: &[(u8, u8, u64)]) -> Vec<u64> {
    let mut out = vec![0u64; OLDEST + 1];
    let mean = |g: &(u8, u8, u64)| g.2 as f64 / f64::from(g.1 - g.0 + 1);
    let centre = |g: &(u8, u8, u64)| f64::from(g.0 + g.1) / 2.0;
    for (i, g) in groups.iter().enumerate() {
        let (from, to) = (usize::from(g.0), usize::from(g.1).min(OLDEST));
        let before = i.checked_sub(1).map(|j| &groups[j]);
        let after = groups.get(i + 1);
        let weights: Vec<f64> = match (before, after) {
            // The open group at the top falls off.
            (_, None) => (from..=to)
                .map(|a| 0.78f64.powi((a - from) as i32))
                .collect(),
            (Some(b), Some(a)) => {
                let slope = (mean(a) - mean(b)) / (centre(a) - centre(b)).max(1.0);
                (from..=to)
                    .map(|x| {
                        let here = mean(g) + slope * (x as f64 - centre(g));
                        here.max(mean(g) * 0.4)
                    })
                    .collect()
            }
            _ => vec![1.0; to + 1 - from],
        };
        for (a, n) in (from..=to).zip(apportion(g.2, &weights)) {
            out[a] += n;
        }
    }
    out
}
