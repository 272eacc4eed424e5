//! Charts as SVG, drawn on the server. The figures stand in a table beside each, so the picture
//! carries only its title for readers who do not see it.

use std::fmt::Write as _;

/// A named row of values, one for each label.
pub struct Series {
    /// Its name.
    pub name: String,
    /// Values.
    pub values: Vec<u64>,
}

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 190.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 24.0;

/// Grouped bars, one group a label. Colours come from the style sheet by the series' position.
pub fn bars(
    title: &str,
    labels: &[String],
    series: &[Series],
    say: impl Fn(u64) -> String,
) -> String {
    let highest = series
        .iter()
        .flat_map(|s| &s.values)
        .copied()
        .max()
        .unwrap_or(0);
    if highest == 0 || labels.is_empty() {
        return String::new();
    }
    let step = nice_step(highest);
    let ceiling = highest.div_ceil(step) * step;
    // Digits of the scale are about six units wide.
    let left = 12.0 + 6.2 * say(ceiling).chars().count() as f64;
    let plot = HEIGHT - TOP - BOTTOM;
    let y = |value: u64| TOP + plot * (1.0 - value as f64 / ceiling as f64);
    let group = (WIDTH - left - 6.0) / labels.len() as f64;
    let bar = (group * 0.72 / series.len() as f64).min(34.0);
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        escape(title)
    );
    let mut level = 0;
    while level <= ceiling {
        let at = y(level);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{left:.1}\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            left - 6.0,
            at + 3.5,
            escape(&say(level))
        );
        level += step;
    }
    for (i, label) in labels.iter().enumerate() {
        let middle = left + group * (i as f64 + 0.5);
        for (n, one) in series.iter().enumerate() {
            let value = one.values.get(i).copied().unwrap_or(0);
            let x = middle - bar * series.len() as f64 / 2.0 + bar * n as f64;
            let top = y(value);
            let _ = write!(
                svg,
                "<rect class=\"s{n}\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\">\
                 <title>{} {}: {}</title></rect>",
                x + 0.5,
                bar - 1.0,
                (TOP + plot - top).max(0.0),
                escape(label),
                escape(&one.name),
                escape(&say(value))
            );
        }
        let _ = write!(
            svg,
            "<text class=\"label\" x=\"{middle:.1}\" y=\"{:.1}\">{}</text>",
            HEIGHT - 7.0,
            escape(label)
        );
    }
    svg.push_str("</svg>");
    svg
}

/// 1, 2 or 5 times a power of ten, so that three to six lines cross the picture.
fn nice_step(highest: u64) -> u64 {
    let mut power = 1;
    while highest / power >= 50 {
        power *= 10;
    }
    [1, 2, 5, 10]
        .into_iter()
        .map(|n| n * power)
        .find(|step| highest / step <= 4)
        .unwrap_or(power * 10)
        .max(1)
}

/// Text as it may stand in HTML and SVG.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_lines_cross_the_picture() {
        for highest in [1, 3, 7, 49, 50, 26_643, 12_345_678] {
            let lines = highest / nice_step(highest);
            assert!((1..=5).contains(&lines), "{highest} gives {lines}");
        }
    }

    #[test]
    fn texts_cannot_break_out() {
        let series = [Series {
            name: "<b>".into(),
            values: vec![1],
        }];
        let svg = bars("\"x\"", &["<script>".into()], &series, |n| n.to_string());
        assert!(
            !svg.contains("<script>") && !svg.contains("<b>") && svg.contains("&lt;script&gt;")
        );
    }
}
