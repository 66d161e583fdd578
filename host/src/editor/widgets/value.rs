//! RON text in and out: what a graph holds is shown as it is, also where it is not what the input takes.

use plugin_api::InputSpec;
use ron::Value;
use ron::value::RawValue;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// Text that is not what its input takes, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    pub text: String,
    pub why: String,
}

/// The value in `text` as `take` understands it, or `default` where there is none.
///
/// # Errors
/// Text that is no RON, or that `take` refuses.
pub fn read<T>(text: Option<&str>, default: T, take: impl FnOnce(&Value) -> Result<T, String>) -> Result<T, Odd> {
    let Some(text) = text else { return Ok(default) };
    let value: Result<Value, _> = ron::from_str(text);
    match value {
        Ok(Value::Option(None)) => Ok(default),
        Ok(value) => take(&value),
        Err(_) => Err("it is not a value".to_owned()),
    }
    .map_err(|why| Odd { text: shown(text), why })
}

/// One line of at most 200 characters.
fn shown(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

/// A whole number.
pub fn int(value: &Value) -> Result<i64, String> {
    match value {
        Value::Number(_) => value.clone().into_rust().map_err(|_| "it is not a whole number".to_owned()),
        _ => Err("it is not a number".to_owned()),
    }
}

pub fn float(value: &Value) -> Result<f64, String> {
    match value {
        Value::Number(number) if number.into_f64().is_finite() => Ok(number.into_f64()),
        Value::Number(_) => Err("it is not finite".to_owned()),
        _ => Err("it is not a number".to_owned()),
    }
}

pub fn bool(value: &Value) -> Result<bool, String> {
    if let Value::Bool(value) = value { Ok(*value) } else { Err("it is neither true nor false".to_owned()) }
}

/// Text; a number counts as the word for it, as where a graph is checked.
pub fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(value) => Ok(value.clone()),
        Value::Number(number) => Ok(number.into_f64().to_string()),
        _ => Err("it is not text".to_owned()),
    }
}

/// Text and only text: the name of a file.
pub fn name(value: &Value) -> Result<String, String> {
    if let Value::String(value) = value { Ok(value.clone()) } else { Err("it is not text in quotes".to_owned()) }
}

/// `value` as text for a graph; finite numbers and text always have one.
pub fn print(value: &(impl serde::Serialize + ?Sized)) -> String {
    ron::to_string(value).unwrap_or_default()
}

/// A row of a list: its keys and values as they are written, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    cells: Vec<(String, String)>,
}

impl Row {
    /// The text of a cell, none where the row has no such key.
    pub fn get(&self, column: &str) -> Option<&str> {
        self.cells.iter().find(|(key, _)| is_key(key, column)).map(|(_, value)| value.as_str())
    }

    /// Changes a cell; none takes its key away.
    pub fn set(&mut self, column: &str, value: Option<String>) {
        let at = self.cells.iter().position(|(key, _)| is_key(key, column));
        match (at, value) {
            (Some(at), Some(value)) => self.cells[at].1 = value,
            (Some(at), None) => {
                self.cells.remove(at);
            }
            (None, Some(value)) => self.cells.push((print(column), value)),
            (None, None) => {}
        }
    }
}

fn is_key(written: &str, column: &str) -> bool {
    ron::from_str::<String>(written).is_ok_and(|key| key == column)
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Cells;
        impl<'de> Visitor<'de> for Cells {
            type Value = Row;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut cells = Vec::new();
                while let Some((key, value)) = map.next_entry::<Box<RawValue>, Box<RawValue>>()? {
                    // Without comments: one that ends with its line would hide what is written behind it.
                    cells.push((key.trim().get_ron().to_owned(), value.trim().get_ron().to_owned()));
                }
                Ok(Row { cells })
            }
        }
        deserializer.deserialize_map(Cells)
    }
}

/// The rows of a list; no value is an empty one.
///
/// # Errors
/// Text that is no list of maps.
pub fn rows(text: Option<&str>) -> Result<Vec<Row>, Odd> {
    let Some(text) = text.filter(|text| text.trim() != "None") else { return Ok(Vec::new()) };
    ron::from_str(text)
        .map_err(|_| Odd {
            text: shown(text), why: "it is not a list of rows: [{\"column\": value, …}, …]".to_owned()
        })
}

/// The rows as text for a graph. Keys stand in the order of the columns, then those that no column has.
pub fn print_rows(rows: &[Row], columns: &[InputSpec]) -> String {
    let place = |key: &str| columns.iter().position(|column| is_key(key, &column.name)).unwrap_or(columns.len());
    let row = |row: &Row| {
        let mut cells: Vec<(usize, String)> =
            row.cells.iter().map(|(key, value)| (place(key), format!("{key}: {value}"))).collect();
        cells.sort_by_key(|(place, _)| *place);
        let cells: Vec<String> = cells.into_iter().map(|(_, cell)| cell).collect();
        format!("{{{}}}", cells.join(", "))
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    format!("[{}]", rows.join(", "))
}

#[cfg(test)]
mod tests {
    use plugin_api::InputKind;
    use proptest::prelude::*;

    use super::*;

    fn column(name: &str) -> InputSpec {
        InputSpec { name: name.to_owned(), kind: InputKind::text(""), required: false, help: String::new() }
    }

    #[test]
    fn a_row_keeps_what_it_does_not_know() {
        let text = r#"[{"other": Some([1, (a: 2)]), /* hm */ "weight": 0.80 // so
            , 3: 'x', "on": true}]"#;
        let mut rows = rows(Some(text)).unwrap();
        rows[0].set("weight", Some("1.0".to_owned()));
        rows[0].set("file", Some(print("a\"b")));
        let columns = [column("on"), column("file"), column("weight")];
        let printed = print_rows(&rows, &columns);
        assert_eq!(printed, r#"[{"on": true, "file": "a\"b", "weight": 1.0, "other": Some([1, (a: 2)]), 3: 'x'}]"#);
        assert_eq!(super::rows(Some(&printed)).unwrap()[0].get("weight"), Some("1.0"));
        rows[0].set("weight", None);
        assert_eq!(rows[0].get("weight"), None);
    }

    #[test]
    fn odd_text_says_why() {
        let cases =
            [("\"x\"", "not a number"), ("1.5", "whole"), ("[", "not a value"), ("99999999999999999999", "whole")];
        for (text, why) in cases {
            let odd = read(Some(text), 0, int).unwrap_err();
            assert!(odd.why.contains(why) && odd.text == text, "{odd:?}");
        }
        assert_eq!(read(Some("None"), 7, int), Ok(7));
        assert!(read(Some("NaN"), 0.0, float).is_err());
        assert!(rows(Some("[1]")).is_err());
    }

    proptest! {
        #[test]
        fn values_come_back(whole: i64, number in -1e300..1e300f64, small in -1.0..1.0f64, words: String, on: bool) {
            prop_assert_eq!(read(Some(&print(&whole)), 0, int), Ok(whole));
            prop_assert_eq!(read(Some(&print(&number)), 0.0, float), Ok(number));
            prop_assert_eq!(read(Some(&print(&small)), 0.0, float), Ok(small));
            prop_assert_eq!(read(Some(&print(&on)), !on, bool), Ok(on));
            prop_assert_eq!(read(Some(&print(&words)), String::new(), text), Ok(words.clone()));
            let mut row = Row::default();
            row.set(&words, Some(print(&whole)));
            let rows = vec![row.clone(), Row::default(), row];
            prop_assert_eq!(super::rows(Some(&print_rows(&rows, &[]))), Ok(rows));
        }

        #[test]
        fn no_text_is_too_odd(text in "[-\\[\\]{}()\"',:a-c0-9. /*#!]{0,24}|\\PC*") {
            let _ = (read(Some(&text), 0, int), read(Some(&text), 0.0, float), read(Some(&text), true, bool));
            let _ = (read(Some(&text), String::new(), super::text), rows(Some(&text)));
        }
    }
}
