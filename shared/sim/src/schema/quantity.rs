//! Amounts such as `1500m` and `8Gi`, and their one canonical spelling.

/// The canonical spelling, or none if it is no amount.
#[must_use]
pub fn canonical(text: &str) -> Option<String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    if let Some(power) = BINARY.iter().position(|known| *known == suffix) {
        return binary(number, power + 1);
    }
    let exponent = decimal_exponent(suffix)?;
    let nano = parse_decimal(number, exponent + 9)?;
    Some(format_decimal(nano))
}

/// The amount in thousandths, rounded up; none if it is no amount or does not fit.
#[must_use]
pub fn milli(text: &str) -> Option<i128> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let factor = match BINARY.iter().position(|known| *known == suffix) {
        Some(power) => 1024_i128.checked_pow(u32::try_from(power).ok()? + 1)?,
        None => {
            return Some(ceiling(parse_decimal(number, decimal_exponent(suffix)? + 9)?, 1_000_000));
        }
    };
    Some(ceiling(parse_decimal(number, 9)?.checked_mul(factor)?, 1_000_000))
}

const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

fn decimal_exponent(suffix: &str) -> Option<i32> {
    if let Some((_, exponent)) = DECIMAL.iter().find(|(known, _)| *known == suffix) {
        return Some(*exponent);
    }
    suffix.strip_prefix(['e', 'E'])?.parse().ok()
}

/// `number` times ten to the exponent, rounded up to a whole number.
fn parse_decimal(number: &str, exponent: i32) -> Option<i128> {
    let (negative, digits) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let value: i128 = format!("0{whole}{fraction}").parse().ok()?;
    let shift = exponent - i32::try_from(fraction.len()).ok()?;
    let ten = |power: i32| 10_i128.checked_pow(u32::try_from(power).ok()?);
    let scaled =
        if shift >= 0 { value.checked_mul(ten(shift)?)? } else { ceiling(value, ten(-shift)?) };
    Some(if negative { -scaled } else { scaled })
}

fn ceiling(value: i128, by: i128) -> i128 {
    value.div_euclid(by) + i128::from(value.rem_euclid(by) != 0)
}

/// The largest suffix that leaves a whole number.
fn format_decimal(nano: i128) -> String {
    if nano == 0 {
        return "0".to_owned();
    }
    let largest = DECIMAL.iter().rev().find_map(|(suffix, exponent)| {
        let unit = 10_i128.checked_pow(u32::try_from(exponent + 9).ok()?)?;
        (nano % unit == 0).then(|| format!("{}{suffix}", nano / unit))
    });
    largest.unwrap_or_else(|| format!("{nano}n"))
}

/// A binary amount in the largest binary suffix that leaves a whole number.
fn binary(number: &str, power: usize) -> Option<String> {
    let nano = parse_decimal(number, 9)?;
    let bytes = ceiling(
        nano.checked_mul(1024_i128.checked_pow(u32::try_from(power).ok()?)?)?,
        1_000_000_000,
    );
    if bytes == 0 {
        return Some("0".to_owned());
    }
    let mut amount = bytes;
    let mut suffix = "";
    for next in BINARY {
        if amount % 1024 != 0 {
            break;
        }
        amount /= 1024;
        suffix = next;
    }
    Some(format!("{amount}{suffix}"))
}

#[cfg(test)]
mod tests {
    use super::{canonical, milli};

    #[test]
    fn an_amount_has_one_spelling() {
        for (given, shown) in [
            ("4000m", "4"),
            ("1500m", "1500m"),
            ("0.5", "500m"),
            ("8Gi", "8Gi"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("1000", "1k"),
            ("100k", "100k"),
            ("1e3", "1k"),
            ("0", "0"),
            ("-1", "-1"),
        ] {
            assert_eq!(canonical(given).as_deref(), Some(shown), "{given}");
        }
        assert_eq!(canonical("many"), None);
    }

    #[test]
    fn an_amount_can_be_compared_in_thousandths() {
        assert_eq!(milli("1500m"), Some(1500));
        assert_eq!(milli("1Ki"), Some(1_024_000));
    }
}
