//! What each built-in does, for the reference page: `docs/feel-reference.md` is made from this, and a
//! test evaluates every example.

use super::builtin::Builtin;
use super::eval::spreads;
use super::parser::KEYWORDS;
use std::fmt::Write;

/// What is said of one built-in beyond its forms.
struct Entry {
    builtin: Builtin,
    /// Types of its parameters, in the order of its first form.
    takes: &'static str,
    /// Type of its result.
    gives: &'static str,
    /// What happens to units.
    units: Units,
    zh: &'static str,
    en: &'static str,
    /// Expressions with their values.
    examples: &'static [(&'static str, &'static str)],
}

/// What becomes of units in strict mode.
#[derive(Clone, Copy)]
enum Units {
    /// No number takes part.
    None,
    /// The result has the first argument's unit.
    Keeps,
    /// All arguments have one unit, and the result has it.
    Same,
    /// The result is a plain number.
    Plain,
}

impl Units {
    fn text(self) -> &'static str {
        match self {
            Units::None => "",
            Units::Keeps => "keeps the unit of the first · 保留第一个的单位",
            Units::Same => "one unit for all, kept · 单位须一致并保留",
            Units::Plain => "gives a plain number · 得纯数",
        }
    }
}

use Builtin as B;

macro_rules! entries {
    ($($id:ident ($takes:literal) $gives:literal $units:ident $zh:literal $en:literal [$($example:literal => $value:literal),+]),+ $(,)?) => {
        const ENTRIES: &[Entry] = &[$(Entry {
            builtin: B::$id, takes: $takes, gives: $gives, units: Units::$units, zh: $zh, en: $en,
            examples: &[$(($example, $value)),+],
        }),+];
    };
}

entries! {
    Number("text") "number" Plain "把文本读成数" "Reads a number; the marks for thousands and decimals may be named."
        ["number(\"12.5\")" => "12.5", "number(\"1 234,5\", \" \", \",\")" => "1234.5", "number(\"十二\")" => "null"],
    String("any") "text" None "把值写成文本" "Writes a value as text."
        ["string(12.50)" => "\"12.5\"", "string(date(\"2026-07-01\"))" => "\"2026-07-01\""],
    Context("list of {key, value}") "context" None "由名和值组成情况" "Makes a context of pairs."
        ["context([{key: \"a\", value: 1}])" => "{a: 1}"],
    Date("text or date; or three numbers") "date" None "日期" "A day from a text, from a moment, or from year, month and day."
        ["date(\"2026-07-01\")" => "2026-07-01", "date(2026, 7, 1)" => "2026-07-01", "date(\"2026-02-30\")" => "null"],
    DateAndTime("text, or a date and a time") "date and time" None "日期和时刻" "A moment from a text, or from a day and a time of day."
        ["date and time(\"2026-07-01T08:30:00\")" => "2026-07-01T08:30:00"],
    Time("text; or hour, minute, second") "time" None "一天中的时刻" "A time of day."
        ["time(\"08:30:00\")" => "08:30:00", "time(8, 30, 0)" => "08:30:00"],
    Duration("text") "duration" None "一段时间：年月，或日时" "A duration of years and months, or of days and time."
        ["duration(\"P1Y6M\")" => "P1Y6M", "duration(\"P3D\")" => "P3D"],
    YearsMonthsDuration("date, date") "years and months duration" None "两日之间的整年整月" "Whole years and months between two days; `.years` and `.months` take it apart."
        ["years and months duration(date(\"2011-12-22\"), date(\"2013-08-24\"))" => "P1Y8M", "years and months duration(date(\"1966-07-02\"), date(\"2026-07-01\")).years" => "59"],
    RangeOf("text") "range" None "由文本得到区间" "A range from its text."
        ["range(\"[1..5)\")" => "[1..5)"],
    Not("boolean") "boolean" None "否定" "The opposite; what is not known stays not known."
        ["not(true)" => "false"],
    Substring("text, number, number") "text" None "从第几个字起的一段文本；负数从末尾数" "Part of a text from a position, counted from 1, or from the end when negative."
        ["substring(\"居民家庭\", 3)" => "\"家庭\"", "substring(\"foobar\", -3, 2)" => "\"ba\""],
    StringLength("text") "number" Plain "字数" "Number of characters."
        ["string length(\"居民\")" => "2"],
    UpperCase("text") "text" None "改为大写" "In capitals."
        ["upper case(\"aBc\")" => "\"ABC\""],
    LowerCase("text") "text" None "改为小写" "In small letters."
        ["lower case(\"aBc\")" => "\"abc\""],
    SubstringBefore("text, text") "text" None "某段之前的文本；找不到为空" "What stands before the first match; empty when there is none."
        ["substring before(\"3-2-1\", \"-\")" => "\"3\""],
    SubstringAfter("text, text") "text" None "某段之后的文本；找不到为空" "What stands after the first match; empty when there is none."
        ["substring after(\"3-2-1\", \"-\")" => "\"2-1\""],
    Replace("text, text, text, text") "text" None "按 XPath 正则替换；`$1` 为第一组" "Replaces matches of an XPath regular expression; `$1` is the first group."
        ["replace(\"2026年7月\", \"[年月]\", \"-\")" => "\"2026-7-\"", "replace(\"abc\", \"(b)\", \"[$1]\")" => "\"a[b]c\""],
    Contains("text, text") "boolean" None "是否含有" "Does the text hold the other?"
        ["contains(\"居民家庭\", \"家\")" => "true"],
    StartsWith("text, text") "boolean" None "是否以此开头" "Does it begin with the other?"
        ["starts with(\"QQ0203\", \"QQ02\")" => "true"],
    EndsWith("text, text") "boolean" None "是否以此结尾" "Does it end with the other?"
        ["ends with(\"甲镇\", \"镇\")" => "true"],
    Matches("text, text, text") "boolean" None "是否符合正则" "Does a part of it match the regular expression?"
        ["matches(\"A12\", \"^[A-Z][0-9]+$\")" => "true"],
    Split("text, text") "list of text" None "按正则切开" "Cuts at each match of a regular expression."
        ["split(\"甲;乙\", \";\")" => "[\"甲\", \"乙\"]"],
    StringJoin("list of text, text") "text" None "连成一段文本" "Joins texts, with something between them; nulls are passed over."
        ["string join([\"甲\", \"乙\"], \"、\")" => "\"甲、乙\""],
    ListContains("list, any") "boolean" None "列表是否含有" "Is it an item?"
        ["list contains([1, 2], 2)" => "true"],
    Count("list") "number" Plain "项数" "Number of items, nulls among them."
        ["count([4, 5, 6])" => "3", "count([])" => "0"],
    Min("list, or items") "an item" Same "最小" "The least."
        ["min([3, 1, 2])" => "1", "min(3, 1)" => "1"],
    Max("list, or items") "an item" Same "最大" "The greatest."
        ["max([3, 1, 2])" => "3", "max(3 - 5, 0)" => "0"],
    Sum("list, or items") "number" Same "合计；空列表为 0" "The sum; of nothing 0 in strict mode, null in lenient mode."
        ["sum([1, 2.5])" => "3.5"],
    Mean("list, or items") "number" Same "平均" "The mean; null of nothing."
        ["mean([1, 2, 6])" => "3"],
    All("list, or items") "boolean" None "是否全部为真" "Are all true? True of nothing; what is not known leaves it open unless one is false."
        ["all([true, true])" => "true", "all([true, null])" => "null", "all([])" => "true"],
    Any("list, or items") "boolean" None "是否有一个为真" "Is one true? False of nothing."
        ["any([false, true])" => "true", "any([])" => "false"],
    Sublist("list, number, number") "list" None "列表的一段" "Part of a list from a position."
        ["sublist([4, 5, 6], 2)" => "[5, 6]", "sublist([4, 5, 6], 1, 2)" => "[4, 5]"],
    Append("list, items") "list" None "在末尾加项" "Adds items at the end."
        ["append([1], 2, 3)" => "[1, 2, 3]"],
    Concatenate("lists") "list" None "接成一个列表" "Puts lists together."
        ["concatenate([1, 2], [2])" => "[1, 2, 2]"],
    InsertBefore("list, number, any") "list" None "在某位之前加项" "Adds an item before a position."
        ["insert before([1, 3], 2, 2)" => "[1, 2, 3]"],
    Remove("list, number") "list" None "去掉某位" "Takes out the item at a position."
        ["remove([1, 2, 3], 2)" => "[1, 3]"],
    ListReplace("list, number or function, any") "list" None "换掉某位，或换掉符合的各项" "Puts an item in the place of one, or of all that a function picks."
        ["list replace([1, 2, 3], 2, 9)" => "[1, 9, 3]"],
    Reverse("list") "list" None "倒序" "The other way round."
        ["reverse([1, 2, 3])" => "[3, 2, 1]"],
    IndexOf("list, any") "list of number" Plain "各个所在位" "All positions of an item."
        ["index of([1, 2, 1], 1)" => "[1, 3]"],
    Union("lists") "list" None "合并并去重" "Lists together, each item once."
        ["union([1, 2], [2, 3])" => "[1, 2, 3]"],
    DistinctValues("list") "list" None "去重" "Each item once, in the order of first appearance."
        ["distinct values([1, 2, 1])" => "[1, 2]"],
    Flatten("list") "list" None "展开列表中的列表" "Lists within lists laid flat."
        ["flatten([[1, 2], [[3]]])" => "[1, 2, 3]"],
    Product("list, or items") "number" Plain "连乘" "The product."
        ["product([2, 3, 4])" => "24"],
    Median("list, or items") "number" Same "中位数" "The middle value, or the mean of the two in the middle."
        ["median([8, 2, 5, 3, 4])" => "4"],
    Stddev("list, or items") "number" Same "样本标准差" "The standard deviation of a sample."
        ["stddev([2, 4, 7, 5])" => "2.081665999466132735282297706979931"],
    Mode("list, or items") "list of number" Same "出现最多的数" "The most frequent values, in order."
        ["mode([6, 3, 9, 6, 6])" => "[6]", "mode([6, 1, 9, 6, 1])" => "[1, 6]"],
    Decimal("number, number") "number" Keeps "保留几位小数，逢半取偶" "Rounds to so many decimals, half to even."
        ["decimal(2.5, 0)" => "2", "decimal(1/3, 2)" => "0.33"],
    Floor("number, number") "number" Keeps "向下取整" "Rounds down, to so many decimals or to a whole number."
        ["floor(1.5)" => "1", "floor(-1.56, 1)" => "-1.6"],
    Ceiling("number, number") "number" Keeps "向上取整" "Rounds up."
        ["ceiling(1.2)" => "2", "ceiling(-1.56, 1)" => "-1.5"],
    RoundUp("number, number") "number" Keeps "远离零进位" "Rounds away from zero."
        ["round up(5.5, 0)" => "6", "round up(-1.121, 2)" => "-1.13"],
    RoundDown("number, number") "number" Keeps "向零舍去" "Rounds towards zero."
        ["round down(5.5, 0)" => "5", "round down(-5.5, 0)" => "-5"],
    RoundHalfUp("number, number") "number" Keeps "四舍五入" "Rounds to the nearest, half away from zero."
        ["round half up(2.5, 0)" => "3", "round half up(1.126, 2)" => "1.13"],
    RoundHalfDown("number, number") "number" Keeps "五舍六入" "Rounds to the nearest, half towards zero."
        ["round half down(2.5, 0)" => "2"],
    Abs("number or duration") "number" Keeps "绝对值" "Without its sign."
        ["abs(-10)" => "10"],
    Modulo("number, number") "number" Same "余数，符号同除数" "The remainder, with the divisor's sign."
        ["modulo(12, 5)" => "2", "modulo(-12, 5)" => "3"],
    Sqrt("number") "number" Plain "平方根" "The square root."
        ["sqrt(16)" => "4", "sqrt(-1)" => "null"],
    Log("number") "number" Plain "自然对数" "The natural logarithm."
        ["decimal(log(10), 8)" => "2.30258509"],
    Exp("number") "number" Plain "e 的幂" "e to a power."
        ["decimal(exp(1), 8)" => "2.71828183"],
    Odd("number") "boolean" None "是否奇数" "Is it odd?"
        ["odd(5)" => "true"],
    Even("number") "boolean" None "是否偶数" "Is it even?"
        ["even(5)" => "false"],
    Is("any, any") "boolean" None "同类同值，写法也同" "Same kind and same value, written the same."
        ["is(date(\"2026-01-01\"), date(\"2026-01-01\"))" => "true", "is(1, \"1\")" => "false"],
    Before("points or ranges") "boolean" None "在前" "Is the first wholly before the second?"
        ["before(1, 10)" => "true", "before([1..5], [6..9])" => "true"],
    After("points or ranges") "boolean" None "在后" "Is the first wholly after the second?"
        ["after(10, [1..5])" => "true"],
    Meets("range, range") "boolean" None "首尾相接" "Does the first end exactly where the second starts, both holding that point?"
        ["meets([1..5], [5..10])" => "true"],
    MetBy("range, range") "boolean" None "被相接" "The same, seen from the second."
        ["met by([5..10], [1..5])" => "true"],
    Overlaps("range, range") "boolean" None "有重叠" "Do they share a point?"
        ["overlaps([1..5], [3..8])" => "true"],
    OverlapsBefore("range, range") "boolean" None "前端重叠" "Does the first start before the second and end within it?"
        ["overlaps before([1..5], [3..8])" => "true"],
    OverlapsAfter("range, range") "boolean" None "后端重叠" "Does the first start within the second and end after it?"
        ["overlaps after([3..8], [1..5])" => "true"],
    Finishes("point or range, range") "boolean" None "同时结束" "Does it end where the range ends, within it?"
        ["finishes(10, [1..10])" => "true"],
    FinishedBy("range, point or range") "boolean" None "被同时结束" "The same, seen from the range."
        ["finished by([1..10], 10)" => "true"],
    Includes("range, point or range") "boolean" None "包含" "Does the range hold it?"
        ["includes([1..10], 5)" => "true"],
    During("point or range, range") "boolean" None "在其中" "Is it within the range?"
        ["during(5, [1..10])" => "true"],
    Starts("point or range, range") "boolean" None "同时开始" "Does it start where the range starts, within it?"
        ["starts(1, [1..10])" => "true"],
    StartedBy("range, point or range") "boolean" None "被同时开始" "The same, seen from the range."
        ["started by([1..10], 1)" => "true"],
    Coincides("points or ranges") "boolean" None "完全重合" "Are they the same?"
        ["coincides([1..5], [1..5])" => "true"],
    DayOfYear("date") "number" Plain "一年中的第几天" "Day of the year."
        ["day of year(date(\"2026-02-01\"))" => "32"],
    DayOfWeek("date") "text" None "星期几（英文）" "Name of the weekday, in English."
        ["day of week(date(\"2026-07-01\"))" => "\"Wednesday\""],
    MonthOfYear("date") "text" None "几月（英文）" "Name of the month, in English."
        ["month of year(date(\"2026-07-01\"))" => "\"July\""],
    WeekOfYear("date") "number" Plain "一年中的第几周（ISO）" "Week of the year after ISO 8601."
        ["week of year(date(\"2026-01-01\"))" => "1"],
    Sort("list, function") "list" None "排序；函数说明谁在前" "In order; the function says whether one comes before another."
        ["sort([3, 1, 2])" => "[1, 2, 3]", "sort([3, 1, 2], function(x, y) x > y)" => "[3, 2, 1]"],
    GetValue("context, text") "any" None "按名取值" "The value of a name."
        ["get value({a: 1}, \"a\")" => "1"],
    GetEntries("context") "list of {key, value}" None "全部名和值" "All names with their values."
        ["get entries({a: 1})" => "[{key: \"a\", value: 1}]"],
    ContextPut("context, text, any") "context" None "放入一个名和值" "With a name added or changed."
        ["context put({a: 1}, \"b\", 2)" => "{a: 1, b: 2}"],
    ContextMerge("list of contexts") "context" None "合并，后者优先" "Contexts put together; the later one wins."
        ["context merge([{a: 1}, {a: 2}])" => "{a: 2}"],
    Now("nothing") "date and time" None "此刻；法律文件中不得使用" "The present moment; an error in a law file, which reads no clock."
        ["now()" => "null"],
    Today("nothing") "date" None "今天；法律文件中不得使用" "The present day; an error in a law file: use the reference day."
        ["today()" => "null"],
}

/// Every example with the built-in that it shows.
pub fn examples() -> impl Iterator<Item = (Builtin, &'static str)> {
    ENTRIES.iter().flat_map(|entry| {
        entry
            .examples
            .iter()
            .map(|(text, _)| (entry.builtin, *text))
    })
}

/// The reference page.
pub fn page() -> String {
    let words: Vec<String> = keywords().map(|w| format!("`{w}`")).collect();
    let mut out = HEAD.replace("KEYWORDS", &words.join(" "));
    for entry in ENTRIES {
        let name = entry.builtin.name();
        let _ = writeln!(out, "## {name}\n\n{} · {}\n", entry.zh, entry.en);
        for form in entry.builtin.forms() {
            let form = form.replace(',', ", ").replace("...", " …");
            let _ = writeln!(out, "- `{name}({form})`");
        }
        let _ = writeln!(out, "- takes {}; gives {}", entry.takes, entry.gives);
        let units = entry.units.text();
        if !units.is_empty() {
            let _ = writeln!(out, "- units: {units}");
        }
        let _ = writeln!(out, "- strict: {}", null_rule(entry.builtin));
        for (text, value) in entry.examples {
            let _ = writeln!(out, "- `{text}` → `{value}`");
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn null_rule(builtin: Builtin) -> &'static str {
    match builtin {
        B::Now | B::Today => "an error when the law is loaded · 载入时报错",
        b if spreads(b) => "what is not known makes the result not known · 未知则结果未知",
        B::All | B::Any => "three-valued: decided when what is known decides it · 三值逻辑",
        B::Min | B::Max | B::Sum | B::Mean | B::Product | B::Median | B::Stddev | B::Mode => {
            "one unknown item makes the result not known · 有一项未知则结果未知"
        }
        _ => "takes null as a value · 未知也是一个值",
    }
}

const HEAD: &str = "\
# FEEL reference

Made by `minsheng law reference`; a test holds this page to the program and evaluates every example.

Names of functions and parameters are the standard's (OMG DMN 1.5, chapter 10). Arguments go by place or by name:
`substring(string: \"foobar\", start position: 3)`. A `?` marks a parameter that may be left out, `…` one that repeats.

**Strict mode** is that of law files: a wrong type or unit is an error when the law is loaded; null means *not known*;
what cannot be computed (a division by zero, a text that is no date) stops the determination with its place.
**Lenient mode** is that of DMN files: whatever does not fit is null. The values below are those of lenient mode; strict
mode gives the same, except where the value is `null`.

Keywords: KEYWORDS. Operators, from loose to tight: `or`; `and`; `=` `!=` `<` `<=` `>` `>=` `between … and …` `in`;
`+` `-`; `*` `/`; `**`; `-` before an operand; `instance of`; `[…]` (filter or position), `.` (field), `(…)` (call).
Units: adding or comparing needs one unit; a plain number takes its neighbour's; see `law-format.md`.

";

/// Words that have a meaning of their own, wherever they stand or in their place only.
pub fn keywords() -> impl Iterator<Item = &'static str> {
    KEYWORDS.into_iter().chain(["of", "external"])
}

#[cfg(test)]
mod tests {
    use super::super::builtin::ALL;
    use super::super::eval::{Fixed, Machine};
    use super::super::parser::parse_expression;
    use super::super::print;
    use super::super::scope::{Mode, Scope};
    use super::*;

    fn evaluate(text: &str, mode: Mode) -> Option<super::super::value::Value> {
        let scope = match mode {
            Mode::Strict => Scope::strict(),
            Mode::Lenient => Scope::lenient(),
        };
        let parsed = parse_expression(text, &scope).ok()?;
        Machine::new(mode)
            .run(&Fixed(Vec::new()), &parsed.expr, &[])
            .ok()
    }

    #[test]
    fn every_built_in_is_described_once_in_order() {
        let described: Vec<Builtin> = ENTRIES.iter().map(|e| e.builtin).collect();
        assert_eq!(described, ALL);
    }

    #[test]
    fn examples_have_the_values_that_are_printed() {
        let mut agreed = 0;
        for entry in ENTRIES {
            for (text, expected) in entry.examples {
                assert!(text.contains(entry.builtin.name()), "{text}");
                let value = evaluate(text, Mode::Lenient).unwrap_or_else(|| panic!("{text}"));
                assert_eq!(print::value(&value), *expected, "{text}");
                let strict = evaluate(text, Mode::Strict).map(|v| print::value(&v));
                // Where strict mode accepts the text, it gives the same.
                let same = strict.as_deref().is_none_or(|s| s == *expected);
                assert!(same || *expected == "null", "{text}: {strict:?}");
                agreed += usize::from(strict.is_some());
            }
        }
        assert!(agreed > 80, "only {agreed} in strict mode");
    }

    #[test]
    fn the_strict_rule_for_null_is_as_it_is_told() {
        for (text, expected) in [
            ("floor(null)", Some("null")),
            ("sum([1, null])", Some("null")),
            ("all([false, null])", Some("false")),
            ("append([1], null)", Some("[1, null]")),
            ("now()", None),
        ] {
            // A law would not let the bare null pass; what a rule reads may be null all the same.
            let parsed = parse_expression(text, &Scope::lenient()).expect("reads");
            let found = Machine::new(Mode::Strict).run(&Fixed(Vec::new()), &parsed.expr, &[]);
            let value = found.ok().map(|v| print::value(&v));
            assert_eq!(value.as_deref(), expected, "{text}");
        }
    }
}
