//! The population of the law bench: from the generator's files to hand-written columns, to the
//! engine's columns, and to situations one by one.

use crate::hand::{self, Pop};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int32Array, RecordBatch, StringArray,
};
use base::Day;
use policy::columnar::{Columns, Texts};
use policy::law::{Law, Number, Situation, SourceFile, Value};
use policy::programme::Subject;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

const RULE: &str = include_str!("../law/rule.md");

/// In a random population: nothing is known. Only births and assets may have it.
pub const GAP: i32 = i32::MIN;

fn read<const N: usize, T>(
    folder: &Path,
    name: &str,
    of: fn([u8; N]) -> T,
) -> Result<Vec<T>, String> {
    let path = folder.join(format!("{name}.bin"));
    let bytes = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let (chunks, _) = bytes.as_chunks::<N>();
    Ok(chunks.iter().map(|c| of(*c)).collect())
}

/// Reads the generator's columns.
pub fn load(folder: &Path) -> Result<Pop, String> {
    let four = |name: &str| read(folder, name, i32::from_le_bytes);
    let one = |name: &str| read(folder, name, i8::from_le_bytes);
    let standard = four("standard.standard")?;
    let regions = standard.len() / 2;
    Ok(Pop {
        birth: four("person.birth_ym")?,
        dis: one("person.disability")?,
        stu: one("person.student")?,
        wage: [four("person.wage_h1")?, four("person.wage_h2")?],
        bus: four("person.business")?,
        prop: four("person.property")?,
        tra: four("person.transfer")?,
        sup: four("person.support")?,
        start: read(folder, "household.start", u32::from_le_bytes)?,
        region: read(folder, "household.region", i16::from_le_bytes)?,
        assets: four("household.assets")?,
        cars: one("household.cars")?,
        houses: one("household.houses")?,
        std: [standard[..regions].to_vec(), standard[regions..].to_vec()],
    })
}

/// The first households of a population.
pub fn first(p: &Pop, households: usize) -> Pop {
    let n = households.min(p.households());
    let m = p.start[n] as usize;
    Pop {
        birth: p.birth[..m].to_vec(),
        dis: p.dis[..m].to_vec(),
        stu: p.stu[..m].to_vec(),
        wage: [p.wage[0][..m].to_vec(), p.wage[1][..m].to_vec()],
        bus: p.bus[..m].to_vec(),
        prop: p.prop[..m].to_vec(),
        tra: p.tra[..m].to_vec(),
        sup: p.sup[..m].to_vec(),
        start: p.start[..=n].to_vec(),
        region: p.region[..n].to_vec(),
        assets: p.assets[..n].to_vec(),
        cars: p.cars[..n].to_vec(),
        houses: p.houses[..n].to_vec(),
        std: p.std.clone(),
    }
}

pub fn place(region: usize) -> String {
    format!("B-{region:03}")
}

/// The rule's file, with the regions' figures added as a parameter table.
pub fn law_files(p: &Pop) -> Vec<SourceFile> {
    let mut places = "code,name,name_en,parent\nB,测速,Bench,\n".to_string();
    let mut rule = RULE.to_string();
    rule.push_str(
        "\n## 附 各地标准 · Standards of the regions\n\n@parameter 标准 : 元/月 · standard\n",
    );
    rule.push_str(
        "| value | place | from | to | source | status |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for (half, standards) in p.std.iter().enumerate() {
        let (from, to) = [("2026-01-01", "2026-06-30"), ("2026-07-01", "")][half];
        for (region, fen) in standards.iter().enumerate() {
            let value = Number::from_fen((*fen).into());
            let _ = writeln!(
                rule,
                "| {value} | {} | {from} | {to} | gen_population.py | confirmed |",
                place(region)
            );
        }
    }
    for region in 0..p.std[0].len() {
        let code = place(region);
        let _ = writeln!(places, "{code},地区{region},Region {region},B");
    }
    vec![
        SourceFile {
            path: "places.csv".into(),
            text: places,
        },
        SourceFile {
            path: "B/rule.md".into(),
            text: rule,
        },
    ]
}

/// The first of a month of 2026, counted from 0.
pub fn day(month: usize) -> Day {
    Day::from_ymd_opt(2026, month as u32 + 1, 1).unwrap_or_default()
}

fn birthday(months: i32) -> Day {
    Day::from_ymd_opt(months.div_euclid(12), months.rem_euclid(12) as u32 + 1, 1)
        .unwrap_or_default()
}

/// The population in Arrow: households and members.
pub fn batches(p: &Pop) -> Result<[RecordBatch; 2], String> {
    let money = |v: &[i32]| -> Result<ArrayRef, String> {
        let array: Decimal128Array = if v.contains(&GAP) {
            let known = |x: &i32| (*x != GAP).then(|| i128::from(*x));
            v.iter().map(known).collect()
        } else {
            Decimal128Array::from_iter_values(v.iter().map(|x| i128::from(*x)))
        };
        let array = array
            .with_precision_and_scale(12, 2)
            .map_err(|e| e.to_string())?;
        Ok(Arc::new(array))
    };
    let small = |v: &[i8]| -> ArrayRef {
        Arc::new(Int32Array::from_iter_values(
            v.iter().map(|x| i32::from(*x)),
        ))
    };
    let places = p.region.iter().map(|r| place(*r as usize));
    let households = [
        (
            "place",
            Arc::new(StringArray::from_iter_values(places)) as ArrayRef,
        ),
        ("金融资产", money(&p.assets)?),
        ("车辆数", small(&p.cars)),
        ("房屋数", small(&p.houses)),
    ];
    let epoch = Day::default();
    let born = |b: &i32| (*b != GAP).then(|| (birthday(*b) - epoch).num_days() as i32);
    let births: Date32Array = p.birth.iter().map(born).collect();
    let owner =
        (0..p.households()).flat_map(|h| (p.start[h]..p.start[h + 1]).map(move |_| h as i32));
    let students: BooleanArray = p.stu.iter().map(|s| Some(*s == 1)).collect();
    let members = [
        (
            "household",
            Arc::new(Int32Array::from_iter_values(owner)) as ArrayRef,
        ),
        ("出生月", Arc::new(births)),
        ("残疾等级", small(&p.dis)),
        ("在校学生", Arc::new(students)),
        ("工资", money(&p.wage[0])?),
        ("工资@2026-07", money(&p.wage[1])?),
        ("经营", money(&p.bus)?),
        ("财产收入", money(&p.prop)?),
        ("转移收入", money(&p.tra)?),
        ("赡养费", money(&p.sup)?),
    ];
    Ok([
        RecordBatch::try_from_iter(households).map_err(|e| e.to_string())?,
        RecordBatch::try_from_iter(members).map_err(|e| e.to_string())?,
    ])
}

/// Lays the columns out.
pub fn lay_out(law: &Law, batches: &[RecordBatch; 2]) -> Result<Columns, String> {
    let [households, members] = batches;
    Columns::from_record_batches(
        law,
        Arc::new(Texts::default()),
        "B",
        std::slice::from_ref(households),
        std::slice::from_ref(members),
    )
    .map_err(|e| e.to_string())
}

/// One household as the row road takes it, and its place.
pub fn situation(law: &Law, p: &Pop, h: usize, month: usize) -> (String, Situation) {
    let mut situation = Situation::blank(law, day(month));
    let slot = |subject: Subject, name: &str| law.kind(subject, name).map_or(0, |k| k.slot);
    let money = |fen: i32| match fen {
        GAP => Value::Null,
        fen => Value::Number(Number::from_fen(fen.into())),
    };
    let count = |n: i8| Value::Number(Number::int(n.into()));
    let own = |name: &str| slot(Subject::Household, name);
    situation.household[own("金融资产")] = money(p.assets[h]);
    situation.household[own("车辆数")] = count(p.cars[h]);
    situation.household[own("房屋数")] = count(p.houses[h]);
    let half = usize::from(month >= 6);
    for i in p.start[h] as usize..p.start[h + 1] as usize {
        let mut member = law.blank(Subject::Person);
        let mut set = |name: &str, value: Value| member[slot(Subject::Person, name)] = value;
        if p.birth[i] != GAP {
            set("出生月", Value::Date(birthday(p.birth[i]).into()));
        }
        set("残疾等级", count(p.dis[i]));
        set("在校学生", Value::Boolean(p.stu[i] == 1));
        set("工资", money(p.wage[half][i]));
        set("经营", money(p.bus[i]));
        set("财产收入", money(p.prop[i]));
        set("转移收入", money(p.tra[i]));
        set("赡养费", money(p.sup[i]));
        situation.members.push(member);
    }
    (place(p.region[h] as usize), situation)
}

/// A small generator of numbers (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: i32) -> i32 {
        (self.next() % limit.max(1) as u64) as i32
    }

    fn chance(&mut self, percent: i32) -> bool {
        self.below(100) < percent
    }

    /// An amount in fen: often nothing, seldom much.
    fn amount(&mut self, percent: i32, usual: i32) -> i32 {
        if !self.chance(percent) {
            return 0;
        }
        let scale = [usual / 20, usual / 3, usual, usual * 4][self.below(4) as usize];
        self.below(scale)
    }
}

/// Random households under the same rule and standards. `gaps`: now and then a birth or the assets
/// are not known, and amounts are below zero.
pub fn random(households: usize, std: &[Vec<i32>; 2], seed: u64, gaps: bool) -> Pop {
    let mut dice = Dice(seed);
    let regions = std[0].len() as i32;
    let mut p = Pop {
        std: std.clone(),
        start: vec![0],
        ..Pop::default()
    };
    for _ in 0..households {
        let size = match dice.below(100) {
            0..32 => 1,
            32..62 => 2,
            62..82 => 3,
            82..94 => 4,
            94..98 => 5,
            _ => 6 + dice.below(4),
        };
        for _ in 0..size {
            let age = dice.below(95 * 12);
            let grown = (18 * 12..62 * 12).contains(&age);
            let gap = gaps && dice.chance(1);
            p.birth.push(if gap { GAP } else { hand::FIRST - age });
            p.dis.push(if dice.chance(8) {
                1 + dice.below(4) as i8
            } else {
                0
            });
            let student = (72..18 * 12).contains(&age) || (grown && dice.chance(7));
            p.stu.push(i8::from(student));
            let wage = dice.amount(if grown { 62 } else { 4 }, 600_000);
            p.wage[0].push(wage);
            p.wage[1].push(if dice.chance(60) {
                wage
            } else {
                dice.amount(90, 600_000)
            });
            let business = dice.amount(12, 300_000);
            let loss = gaps && dice.chance(3);
            p.bus.push(if loss { -business } else { business });
            p.prop.push(dice.amount(7, 60_000));
            p.tra
                .push(dice.amount(if age > 60 * 12 { 90 } else { 5 }, 260_000));
            p.sup.push(dice.amount(6, 90_000));
        }
        p.start.push(p.birth.len() as u32);
        p.region.push(dice.below(regions) as i16);
        let gap = gaps && dice.chance(2);
        let assets = dice.amount(80, 8_000_000);
        p.assets.push(if gap { GAP } else { assets });
        p.cars.push(i8::from(dice.chance(20)));
        p.houses
            .push(dice.below(3) as i8 * i8::from(dice.chance(80)));
    }
    p
}
