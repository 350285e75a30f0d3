//! Text without what differs from run to run: times, ages, hashes, suffixes, padding.

/// Lines in their normal form; the rows of a table in order.
pub fn normal(lines: &[&str]) -> Vec<String> {
    let is_table = lines.first().is_some_and(|line| line.starts_with("NAME "));
    let mut normal: Vec<String> = lines
        .iter()
        .filter(|line| !["diff ", "--- ", "+++ "].iter().any(|start| line.starts_with(start)))
        .map(|line| words(&without_dates(line)).join(" "))
        .collect();
    if is_table {
        // Rows come in the order of names, which are random in part.
        normal[1..].sort();
    }
    normal
}

/// A line with every time as `TIME` and every other number but 0 as `N`.
pub fn shape(line: &str) -> String {
    let words = line.split_whitespace().map(|word| {
        let bare = word.trim_end_matches(':');
        let is_time = bare.contains([':', '/']) && is_made_of(bare, "0123456789:/.");
        if is_time { "TIME" } else { word }
    });
    let mut words: Vec<&str> = words.collect();
    words.dedup_by(|one, other| *one == "TIME" && *other == "TIME");
    let counted = words.iter().map(|word| {
        let is_number = is_made_of(word, "0123456789") && *word != "0";
        if is_number { "N" } else { word }
    });
    counted.collect::<Vec<_>>().join(" ")
}

fn is_made_of(word: &str, letters: &str) -> bool {
    !word.is_empty() && word.chars().all(|letter| letters.contains(letter))
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(word).collect()
}

/// A line without a date as `kubectl describe` writes it: `Sat, 21 Nov 2026 22:02:48 +0000`.
fn without_dates(line: &str) -> String {
    match line.split_once(':') {
        Some((name, date)) if jiff::fmt::rfc2822::parse(date.trim()).is_ok() => {
            format!("{name}: TIME")
        }
        _ => line.to_owned(),
    }
}

fn word(word: &str) -> String {
    let age = word.trim_end_matches(['s', 'm', 'h', 'd']);
    if age.len() < word.len() && age.chars().all(|c| c.is_ascii_digit() || "smhd".contains(c)) {
        return "AGE".to_owned();
    }
    let bare = word.trim_matches('"');
    if bare.parse::<jiff::Timestamp>().is_ok() {
        return "TIME".to_owned();
    }
    if bare.len() == 36 && bare.matches('-').count() == 4 {
        return "UID".to_owned();
    }
    let mut parts: Vec<&str> = word.split('-').collect();
    while parts.len() > 1 && parts.last().is_some_and(|part| is_random(part)) {
        parts.pop();
    }
    parts.join("-")
}

/// Whether a part of a name looks like the hash of a template or the end of a generated name.
fn is_random(part: &str) -> bool {
    let suffix = part.len() == 5 && part.chars().all(|c| "bcdfghjklmnpqrstvwxz2456789".contains(c));
    let hash = (8..=10).contains(&part.len())
        && part.chars().all(|c| c.is_ascii_alphanumeric())
        && part.chars().any(|c| c.is_ascii_digit());
    suffix || hash
}
