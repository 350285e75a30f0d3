//! The difference of two texts, line by line, in the unified format.

use std::fmt::Write as _;
use std::ops::Range;

use similar::algorithms::{Capture, Replace, myers};
use similar::{DiffOp, DiffTag};

/// Lines shown around each change.
const CONTEXT: usize = 3;

/// What turns `old` into `new`, under a header with the names of both.
///
/// One algorithm is called directly: choosing it at run time would link all of them.
pub(super) fn diff(names: (&str, &str), old: &str, new: &str) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut capture = Replace::new(Capture::new());
    let (all_before, all_after) = (0..before.len(), 0..after.len());
    // Capturing cannot fail.
    let Ok(()) = myers::diff(&mut capture, &before[..], all_before, &after[..], all_after);
    let mut text = format!("--- {}\n+++ {}\n", names.0, names.1);
    for hunk in capture.into_inner().into_grouped_ops(CONTEXT) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { continue };
        let span = |range: Range<usize>| format!("{},{}", range.start + 1, range.len());
        let olds = first.old_range().start..last.old_range().end;
        let news = first.new_range().start..last.new_range().end;
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "@@ -{} +{} @@", span(olds), span(news));
        for change in &hunk {
            push(&mut text, change, &before, &after);
        }
    }
    text
}

fn push(text: &mut String, change: &DiffOp, before: &[&str], after: &[&str]) {
    let mut lines = |sign: char, lines: &[&str]| {
        for line in lines {
            text.push(sign);
            text.push_str(line);
            text.push('\n');
        }
    };
    if change.tag() == DiffTag::Equal {
        return lines(' ', &before[change.old_range()]);
    }
    lines('-', &before[change.old_range()]);
    lines('+', &after[change.new_range()]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_what_is_around_it() {
        let old = "a\nb\nc\nd\ne\nf\ng\n";
        let new = "a\nb\nc\nd\nE\nf\ng\nh\n";
        insta::assert_snapshot!(diff(("live", "new"), old, new), @r"
        --- live
        +++ new
        @@ -2,6 +2,7 @@
         b
         c
         d
        -e
        +E
         f
         g
        +h
        ");
    }

    #[test]
    fn equal_texts_have_no_hunks() {
        assert_eq!(diff(("a", "b"), "x\ny\n", "x\ny\n"), "--- a\n+++ b\n");
    }
}
