//! Medians, spreads and ratios.
//!
//! In: the same number from several rounds. Out: its median with the least and the greatest. What is odd: a ratio is
//! taken inside each round and only then made a median, because a machine drifts more between rounds than within one.

/// One number over several rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Sample {
    /// `None` of nothing.
    pub(super) fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut numbers: Vec<f64> = numbers.into_iter().filter(|number| number.is_finite()).collect();
        numbers.sort_by(f64::total_cmp);
        let (&min, &max) = (numbers.first()?, numbers.last()?);
        let middle = numbers.len() / 2;
        let median = match numbers.len() % 2 {
            0 => f64::midpoint(numbers[middle - 1], numbers[middle]),
            _ => numbers[middle],
        };
        Some(Self { median, min, max })
    }

    /// Round by round, `ours` divided by `theirs`; a round that lacks one of them is left out.
    pub(super) fn ratio(ours: &[Option<f64>], theirs: &[Option<f64>]) -> Option<Self> {
        let pairs = ours.iter().zip(theirs).filter_map(|(ours, theirs)| Some(((*ours)?, (*theirs)?)));
        Self::of(pairs.filter(|(_, theirs)| *theirs > 0.0).map(|(ours, theirs)| ours / theirs))
    }
}

/// With three digits that count, as a person would write it.
pub(super) fn digits(number: f64) -> String {
    let size = number.abs();
    let decimals = match size {
        _ if size == 0.0 => 0,
        _ if size < 0.0095 => 4,
        _ if size < 1.0 => 3,
        _ if size < 10.0 => 2,
        _ if size < 100.0 => 1,
        _ => 0,
    };
    let plain = format!("{number:.decimals$}");
    if decimals > 0 { plain } else { grouped(&plain) }
}

/// `1234567` as `1,234,567`.
pub(super) fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let mut text = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_the_spread_its_ends() {
        let table = [
            (vec![3.0], (3.0, 3.0, 3.0)),
            (vec![9.0, 1.0, 2.0], (2.0, 1.0, 9.0)),
            // between the middle two
            (vec![4.0, 1.0, 2.0, 100.0], (3.0, 1.0, 100.0)),
            // what is no number does not count
            (vec![f64::NAN, 5.0], (5.0, 5.0, 5.0)),
        ];
        for (numbers, (median, min, max)) in table {
            assert_eq!(Sample::of(numbers.clone()), Some(Sample { median, min, max }), "{numbers:?}");
        }
        assert_eq!(Sample::of([]), None);
    }

    #[test]
    fn a_ratio_is_taken_inside_each_round() {
        // The second round ran on a machine half as fast; the ratio does not see it.
        let ratio = Sample::ratio(&[Some(1.2), Some(2.4), None], &[Some(1.0), Some(2.0), Some(7.0)]).unwrap();
        assert!((ratio.median - 1.2).abs() < 1e-9 && (ratio.max - ratio.min).abs() < 1e-9);
        assert_eq!(Sample::ratio(&[Some(1.0)], &[Some(0.0)]), None);
        assert_eq!(Sample::ratio(&[None], &[Some(1.0)]), None);
    }

    #[test]
    fn numbers_show_three_digits() {
        let table = [
            (0.0, "0"),
            (0.00123, "0.0012"),
            (0.170_4, "0.170"),
            (3.896, "3.90"),
            (54.81, "54.8"),
            (861.4, "861"),
            (999.4, "999"),
            (7_483.0, "7,483"),
            (19_010.0, "19,010"),
            (1_234_567.0, "1,234,567"),
            (-12_345.0, "-12,345"),
        ];
        for (number, text) in table {
            assert_eq!(digits(number), text);
        }
    }
}
