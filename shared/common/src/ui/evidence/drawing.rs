//! The timeline of a run as a drawing: a lane for each step, one for Central's outage.

use jiff::Timestamp;

use super::html::escape;
use super::scale::Scale;
use crate::run::export::Account;
use crate::ui::duration;

const WIDTH: f64 = 960.0;
/// Where the lanes begin, right of their names.
const LEFT: f64 = 190.0;
const RIGHT: f64 = 12.0;
const LANE: f64 = 22.0;
const TOP: f64 = 26.0;
/// What is shorter than this many pixels could not be seen.
const THINNEST: f64 = 2.0;

/// A bar of a lane: its class in the style sheet, its place, what is said about it.
struct Bar {
    class: &'static str,
    from: Timestamp,
    to: Timestamp,
    title: String,
}

/// The timeline as an element of SVG that is drawn with the colours of the page.
pub(super) fn timeline(account: &Account) -> String {
    let (line, details) = (&account.line, &account.details);
    let scale = Scale::of(details, line.started, line.updated);
    let mut lanes: Vec<(&str, Vec<Bar>)> = Vec::new();
    for step in &details.steps {
        let Some((from, to)) = step.began.or(step.at).zip(step.at) else { continue };
        let class = match step.state.as_str() {
            "done" => "done",
            "nothing to do" => "idle",
            "failed" => "bad",
            _ => "doubt",
        };
        let title = format!("{}: {}, {}", step.step, step.state, super::content::length(from, to));
        let mut bars = vec![Bar { class, from, to, title }];
        let waits = details.parts.iter().flat_map(|part| &part.waits);
        bars.extend(waits.filter(|wait| wait.step == step.step).map(|wait| Bar {
            class: "wait",
            from: wait.from,
            to: wait.to.unwrap_or(wait.from),
            title: wait.message.clone(),
        }));
        lanes.push((&step.step, bars));
    }
    let outages = details.parts.iter().filter_map(|part| part.outages.as_ref()).flatten();
    let outages: Vec<Bar> = outages
        .map(|span| Bar {
            class: "bad",
            from: span.from,
            to: span.to,
            title: format!("Central did not answer for {}", duration(span.seconds())),
        })
        .collect();
    if details.parts.iter().any(|part| part.outages.is_some()) {
        lanes.push(("Central's outage", outages));
    }
    draw(&lanes, &scale)
}

fn draw(lanes: &[(&str, Vec<Bar>)], scale: &Scale) -> String {
    let x = |place: f64| LEFT + place * (WIDTH - LEFT - RIGHT);
    #[expect(clippy::cast_precision_loss, reason = "a run has few steps")]
    let row = |index: usize| TOP + index as f64 * LANE;
    let bottom = row(lanes.len());
    let height = bottom + 6.0;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Timeline of the run\">\n"
    );
    for quarter in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let at = x(quarter);
        let anchor = if quarter < 1.0 { "start" } else { "end" };
        svg.push_str(&format!(
            "<line class=\"grid\" x1=\"{at:.1}\" y1=\"{:.1}\" x2=\"{at:.1}\" y2=\"{bottom:.1}\"/>\
             <text class=\"tick\" x=\"{at:.1}\" y=\"14\" text-anchor=\"{anchor}\">{}</text>\n",
            TOP - 6.0,
            escape(&format!("+{}", duration(scale.seconds() * quarter)))
        ));
    }
    for (index, (name, bars)) in lanes.iter().enumerate() {
        let y = row(index);
        svg.push_str(&format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
            LEFT - 8.0,
            y + 14.0,
            escape(&shortened(name))
        ));
        for bar in bars {
            let (from, to) = (x(scale.place(bar.from)), x(scale.place(bar.to)));
            let (inset, thick) = if bar.class == "wait" { (11.0, 6.0) } else { (3.0, 14.0) };
            svg.push_str(&format!(
                "<rect class=\"{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{thick}\" \
                 rx=\"2\"><title>{}</title></rect>\n",
                bar.class,
                from.min(WIDTH - RIGHT - THINNEST),
                y + inset,
                (to - from).max(THINNEST),
                escape(&bar.title)
            ));
        }
    }
    for joint in scale.joints() {
        let at = x(joint);
        svg.push_str(&format!(
            "<line class=\"joint\" x1=\"{at:.1}\" y1=\"{:.1}\" x2=\"{at:.1}\" y2=\"{bottom:.1}\">\
             <title>cut off, and taken up again later</title></line>\n",
            TOP - 6.0
        ));
    }
    svg + "</svg>\n"
}

/// A name that fits left of the lanes.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(26) {
        Some((at, _)) => format!("{}…", &name[..at]),
        None => name.to_owned(),
    }
}
