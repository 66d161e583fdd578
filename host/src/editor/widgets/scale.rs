//! The numbers that an input takes: range, steps, and how they are written.

use plugin_api::InputKind;

use super::value::{self, Odd};

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    Int(i64),
    Float(f64),
}

/// What a number may be and how far a step goes. Plugins say it, so that a range may be anything.
#[derive(Debug, Clone, Copy)]
pub enum Scale {
    Int { default: i64, range: (i64, i64), soft: (i64, i64), multiple: i64 },
    Float { default: f64, range: (f64, f64), soft: (f64, f64), step: f64 },
}

impl Number {
    /// For people, with no more decimals than needed: 8, 0.75, 3.0.
    pub fn shown(self) -> String {
        match self {
            Self::Int(number) => number.to_string(),
            Self::Float(number) if (1e-3..1e9).contains(&number.abs()) => format!("{:?}", round(number, 6)),
            Self::Float(number) => format!("{number:?}"),
        }
    }

    /// For a graph.
    pub fn ron(self) -> String {
        match self {
            Self::Int(number) => value::print(&number),
            Self::Float(number) => value::print(&number),
        }
    }

    /// For people, with as many decimals as steps have, so that numbers below each other can be compared: 0.80, 1.00.
    pub fn aligned(self, scale: &Scale) -> String {
        let shown = self.shown();
        let (Self::Float(_), Scale::Float { step, .. }) = (self, scale) else { return shown };
        let decimals = |text: &str| text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let missing = decimals(&Self::Float(*step).shown()).saturating_sub(decimals(&shown));
        if shown.contains('e') { shown } else { shown + &"0".repeat(missing) }
    }

    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

fn round(number: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (number * scale).round() / scale
}

impl Scale {
    /// None where the kind is no number.
    pub fn of(kind: &InputKind) -> Option<Self> {
        Some(match *kind {
            InputKind::Int { default, range, soft, multiple } => {
                Self::Int { default, range, soft: soft.unwrap_or(range), multiple: multiple.max(1) }
            }
            InputKind::Seed { default } => {
                Self::Int { default, range: (0, i64::MAX), soft: (0, i64::MAX), multiple: 1 }
            }
            InputKind::Float { default, range, soft, step } => {
                let soft = soft.unwrap_or(range);
                let usable = |step: &f64| step.is_finite() && *step > 0.0;
                Self::Float { default, range, soft, step: step.filter(usable).unwrap_or_else(|| natural_step(soft)) }
            }
            _ => return None,
        })
    }

    pub fn default(&self) -> Number {
        match *self {
            Self::Int { default, .. } => Number::Int(default),
            Self::Float { default, .. } => Number::Float(default),
        }
    }

    /// The number in RON text.
    ///
    /// # Errors
    /// Text that is no number, or one that is out of range or no multiple.
    pub fn read(&self, text: Option<&str>) -> Result<Number, Odd> {
        match *self {
            Self::Int { default, range: (low, high), multiple, .. } => value::read(text, default, |value| {
                let number = value::int(value)?;
                match number {
                    number if number < low || number > high => Err(format!("it is out of range: {low} to {high}")),
                    number if number % multiple != 0 => Err(format!("it is not a multiple of {multiple}")),
                    number => Ok(number),
                }
            })
            .map(Number::Int),
            Self::Float { default, range: (low, high), .. } => value::read(text, default, |value| {
                let number = value::float(value)?;
                let is_out = number < low || number > high;
                if is_out { Err(format!("it is out of range: {low} to {high}")) } else { Ok(number) }
            })
            .map(Number::Float),
        }
    }

    /// What a person typed, brought into the range. None where it is no number.
    pub fn typed(&self, text: &str) -> Option<Number> {
        let text = text.trim().replace(',', ".");
        match self {
            Self::Int { .. } => {
                let whole = text.parse().ok().map(Number::Int);
                let number = || text.parse::<f64>().ok().filter(|number| number.is_finite());
                whole.or_else(|| number().map(|number| Number::Int(number.round() as i64)))
            }
            Self::Float { .. } => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Number::Float),
        }
        .map(|number| self.clamped(number))
    }

    /// So many steps from `start`, in the range. `fine` steps are a tenth where the number has decimals.
    pub fn stepped(&self, start: Number, steps: f64, fine: bool) -> Number {
        match (*self, start) {
            (Self::Int { multiple, .. }, Number::Int(start)) => {
                let by = (steps.round() as i64).saturating_mul(multiple);
                if by == 0 { Number::Int(start) } else { self.clamped(Number::Int(start.saturating_add(by))) }
            }
            (Self::Float { step, .. }, start) => {
                let start = start.as_f64();
                let grid = if fine { step / 10.0 } else { step };
                if (steps * step).abs() < grid / 2.0 {
                    return Number::Float(start);
                }
                let decimals = (3.0 - grid.log10()).clamp(0.0, 15.0) as i32;
                let stepped = round(((start + steps * step) / grid).round() * grid, decimals);
                self.clamped(Number::Float(if stepped.is_finite() { stepped } else { start }))
            }
            (Self::Int { .. }, start) => start,
        }
    }

    /// The nearest number that is allowed.
    pub fn clamped(&self, number: Number) -> Number {
        match (*self, number) {
            (Self::Int { range: (low, high), multiple, .. }, Number::Int(number)) => {
                let number = number.min(high).max(low);
                let below = number - number.rem_euclid(multiple).min(number.saturating_sub(i64::MIN));
                let above = below.saturating_add(multiple);
                let nearer = if number - below <= above - number { below } else { above };
                let inside = [nearer, below, above].into_iter().find(|near| *near >= low && *near <= high);
                Number::Int(inside.unwrap_or(number))
            }
            (Self::Float { range: (low, high), .. }, number) => Number::Float(number.as_f64().min(high).max(low)),
            (Self::Int { .. }, number) => number,
        }
    }

    /// Where `number` lies in the range of the slider, 0 to 1; none where that range has no size to speak of.
    pub fn share(&self, number: Number) -> Option<f32> {
        let (low, high) = self.soft();
        let size = high - low;
        (size > 0.0 && size < 1e6).then(|| (((number.as_f64() - low) / size).clamp(0.0, 1.0)) as f32)
    }

    fn soft(&self) -> (f64, f64) {
        match *self {
            Self::Int { soft: (low, high), .. } => (low as f64, high as f64),
            Self::Float { soft, .. } => soft,
        }
    }

    /// Points that the pointer goes for a step: about 250 for the whole slider, and a hand can hold each step.
    pub fn points_per_step(&self) -> f64 {
        let step = match *self {
            Self::Int { multiple, .. } => multiple as f64,
            Self::Float { step, .. } => step,
        };
        let (low, high) = self.soft();
        let points = 250.0 * step / (high - low);
        if points.is_finite() { points.clamp(2.0, 8.0) } else { 2.0 }
    }

    /// "1 to 1000, a multiple of 16": for the text over a field.
    pub fn describe(&self) -> String {
        match *self {
            Self::Int { range: (0, i64::MAX), .. } => "a whole number from 0".to_owned(),
            Self::Int { range: (low, high), multiple: 1, .. } => format!("{low} to {high}"),
            Self::Int { range: (low, high), multiple, .. } => format!("{low} to {high}, a multiple of {multiple}"),
            Self::Float { range: (low, high), .. } => format!("{low} to {high}"),
        }
    }
}

/// A hundredth of the range, as a power of ten.
fn natural_step((low, high): (f64, f64)) -> f64 {
    let step = 10f64.powf(((high - low) / 100.0).log10().floor());
    if step.is_finite() { step.clamp(1e-6, 1.0) } else { 0.01 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn weight() -> Scale {
        Scale::of(&InputKind::float(1.0, (-2.0, 2.0), 0.05)).unwrap()
    }

    fn side() -> Scale {
        Scale::of(&InputKind::Int { default: 1024, range: (16, 8192), soft: Some((256, 2048)), multiple: 16 }).unwrap()
    }

    #[test]
    fn steps_stay_on_the_grid() {
        let step = |start, steps, fine| weight().stepped(Number::Float(start), steps, fine).shown();
        assert_eq!(step(0.7, 3.0, false), "0.85");
        assert_eq!(step(0.77, 0.3, false), "0.77");
        assert_eq!(step(0.77, 1.0, false), "0.8");
        assert_eq!(step(0.7, 0.1, true), "0.705");
        assert_eq!(step(1.9, 100.0, false), "2.0");
        assert_eq!(side().stepped(Number::Int(1024), -1.0, false), Number::Int(1008));
        assert_eq!(side().stepped(Number::Int(16), -1.0, false), Number::Int(16));
    }

    #[test]
    fn typed_numbers_come_into_the_range() {
        let typed = |text| side().typed(text).map(Number::shown);
        assert_eq!(typed("1004").as_deref(), Some("1008"));
        assert_eq!(typed(" 99999 ").as_deref(), Some("8192"));
        assert_eq!(typed("511.9").as_deref(), Some("512"));
        assert_eq!(typed("wide"), None);
        assert_eq!(weight().typed("0,3").map(Number::ron).as_deref(), Some("0.3"));
        assert_eq!(weight().typed("1").map(Number::ron).as_deref(), Some("1.0"));
        let seed = Scale::of(&InputKind::Seed { default: 0 }).unwrap();
        assert_eq!(seed.typed("9223372036854775807"), Some(Number::Int(i64::MAX)));
        assert_eq!(weight().typed("nan"), None);
    }

    proptest! {
        #[test]
        fn no_range_is_too_odd(
            low: i64, high: i64, multiple: i64, number: i64, steps: f64, floats: (f64, f64, f64, f64), fine: bool,
        ) {
            let int = Scale::of(&InputKind::Int { default: number, range: (low, high), soft: None, multiple }).unwrap();
            let seed = Scale::of(&InputKind::Seed { default: number }).unwrap();
            let (from, to, step, float) = floats;
            let float_scale =
                Scale::of(&InputKind::Float { default: float, range: (from, to), soft: None, step: Some(step) }).unwrap();
            for scale in [int, seed, float_scale] {
                let stepped = scale.stepped(scale.default(), steps, fine);
                prop_assert!(scale.points_per_step() > 0.0);
                let _ = (scale.share(stepped), stepped.shown(), scale.typed(&stepped.ron()), scale.describe());
            }
        }
    }
}
