//! Census figures by the name of their indicator.

use super::WorldError;
use std::collections::HashMap;

/// Figures of one area, by indicator, as the census names it.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    values: HashMap<String, f64>,
    /// Indicators of a county's own row, when one was laid over; those outside it are shares of
    /// another area and hold only in proportion.
    own: Option<Vec<String>>,
}

impl Figures {
    /// Reads rows `indicator,value`; a value that is empty is a figure not given.
    pub fn read_long(text: &str) -> Result<Figures, WorldError> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let mut values = HashMap::new();
        for (n, row) in reader.records().enumerate() {
            let row = row.map_err(|e| WorldError::Csv(e.to_string()))?;
            let (Some(name), Some(value)) = (row.get(0), row.get(1)) else {
                return Err(WorldError::Csv(format!(
                    "row {}: expected `indicator,value`",
                    n + 2
                )));
            };
            insert(&mut values, name, value, n + 2)?;
        }
        Ok(Figures { values, own: None })
    }

    /// Reads the row of a table (one row an area) whose first column is `code`.
    pub fn read_row(text: &str, code: &str) -> Result<Figures, WorldError> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader
            .headers()
            .map_err(|e| WorldError::Csv(e.to_string()))?
            .clone();
        for (n, row) in reader.records().enumerate() {
            let row = row.map_err(|e| WorldError::Csv(e.to_string()))?;
            if row.get(0) != Some(code) {
                continue;
            }
            let mut values = HashMap::new();
            for (name, value) in header.iter().zip(row.iter()).skip(1) {
                // Texts such as the area's name are no figures.
                if value.trim().parse::<f64>().is_ok() {
                    insert(&mut values, name, value, n + 2)?;
                }
            }
            let own = Some(values.keys().cloned().collect());
            return Ok(Figures { values, own });
        }
        Err(WorldError::Csv(format!("no row with code `{code}`")))
    }

    /// These figures with those of a county's row laid over them.
    pub fn overlaid(mut self, row: Figures) -> Figures {
        self.values.extend(row.values);
        self.own = row.own;
        self
    }

    /// A figure. Errors when the census has none of that name.
    pub fn get(&self, name: &str) -> Result<f64, WorldError> {
        self.values
            .get(&key(name))
            .copied()
            .ok_or_else(|| WorldError::NoFigure(name.into()))
    }

    /// Is the figure about this very area (and not a share borrowed from another)?
    pub fn is_own(&self, name: &str) -> bool {
        match &self.own {
            Some(own) => own.contains(&key(name)),
            None => self.values.contains_key(&key(name)),
        }
    }

    /// Several figures.
    pub(super) fn all(&self, names: &[String]) -> Result<Vec<f64>, WorldError> {
        names.iter().map(|n| self.get(n)).collect()
    }
}

/// Compilers of tables mix half-width and full-width brackets.
fn key(name: &str) -> String {
    name.trim().replace('(', "（").replace(')', "）")
}

fn insert(
    values: &mut HashMap<String, f64>,
    name: &str,
    value: &str,
    row: usize,
) -> Result<(), WorldError> {
    if value.trim().is_empty() {
        return Ok(());
    }
    let number: f64 = value.trim().parse().map_err(|_| {
        WorldError::Csv(format!(
            "row {row}: `{value}` is not a number (indicator `{name}`)"
        ))
    })?;
    if !number.is_finite() || number < 0.0 {
        return Err(WorldError::Csv(format!(
            "row {row}: `{value}` is below zero or no figure"
        )));
    }
    values.insert(key(name), number);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_laid_over_replaces_what_it_has() {
        let base = Figures::read_long("indicator,value\na,1\nb,2\nc,\n").expect("figures");
        assert!(base.is_own("a") && !base.is_own("c"));
        let row = Figures::read_row("code,name,a\n7,x,10\n8,y,20\n", "8").expect("row");
        let both = base.overlaid(row);
        assert_eq!((both.get("a"), both.get("b")), (Ok(20.0), Ok(2.0)));
        assert!(both.is_own("a") && !both.is_own("b"));
        assert_eq!(both.get("c"), Err(WorldError::NoFigure("c".into())));
    }

    #[test]
    fn bad_figures_are_named() {
        let error = Figures::read_long("indicator,value\na,many\n").expect_err("not a number");
        assert!(
            error.to_string().contains("row 2") && error.to_string().contains("many"),
            "{error}"
        );
        assert!(Figures::read_row("code,a\n1,2\n", "9").is_err());
    }
}
