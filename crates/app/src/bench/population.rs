//! The population of the law bench: from the generator's files to hand-written columns, to the
//! engine's columns, and to situations one by one.

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int32Array, RecordBatch, StringArray,
};
use base::Day;
use hand::Pop;
use policy::columnar::{Columns, Texts};
use policy::law::{Law, Number, Situation, SourceFile, Value};
use policy::programme::Subject;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

#[path = "../../../../bench/hand.rs"]
#[allow(missing_docs)]
pub mod hand;

const RULE: &str = include_str!("../../../../bench/law/rule.md");

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

fn place(region: usize) -> String {
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
        let array = Decimal128Array::from_iter_values(v.iter().map(|x| i128::from(*x)));
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
    let births = p
        .birth
        .iter()
        .map(|b| (birthday(*b) - epoch).num_days() as i32);
    let owner =
        (0..p.households()).flat_map(|h| (p.start[h]..p.start[h + 1]).map(move |_| h as i32));
    let students: BooleanArray = p.stu.iter().map(|s| Some(*s == 1)).collect();
    let members = [
        (
            "household",
            Arc::new(Int32Array::from_iter_values(owner)) as ArrayRef,
        ),
        ("出生月", Arc::new(Date32Array::from_iter_values(births))),
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
    let money = |fen: i32| Value::Number(Number::from_fen(fen.into()));
    let count = |n: i8| Value::Number(Number::int(n.into()));
    let own = |name: &str| slot(Subject::Household, name);
    situation.household[own("金融资产")] = money(p.assets[h]);
    situation.household[own("车辆数")] = count(p.cars[h]);
    situation.household[own("房屋数")] = count(p.houses[h]);
    let half = usize::from(month >= 6);
    for i in p.start[h] as usize..p.start[h + 1] as usize {
        let mut member = law.blank(Subject::Person);
        let mut set = |name: &str, value: Value| member[slot(Subject::Person, name)] = value;
        set("出生月", Value::Date(birthday(p.birth[i]).into()));
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
