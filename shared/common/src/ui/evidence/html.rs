//! The evidence as one page: no script, no font, no image from elsewhere; light, dark and on paper.

use super::content::{Block, Section, Sheet, Tone};
use crate::ui::Look;

const STYLE: &str = "\
:root{--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--paper:#fff;--card:#f6f8fa;--good:#1a7f37;\
--doubt:#9a6700;--bad:#cf222e;--idle:#8c959f;--wait:#0969da;color-scheme:light dark}\
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;\
--paper:#0d1117;--card:#151b23;--good:#3fb950;--doubt:#d29922;--bad:#f85149;--idle:#6e7681;\
--wait:#4493f8}}\
@media print{:root{--ink:#000;--soft:#444;--line:#bbb;--paper:#fff;--card:#fff;--good:#1a7f37;\
--doubt:#9a6700;--bad:#cf222e;--idle:#8c959f;--wait:#0969da;color-scheme:light}\
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}\
body{font-size:9pt;max-width:none;padding:0}h2{break-after:avoid}tr,svg{break-inside:avoid}\
thead{display:table-header-group}}\
body{margin:0 auto;max-width:70rem;padding:2rem 1.5rem;background:var(--paper);color:var(--ink);\
font:15px/1.5 system-ui,sans-serif}\
h1{font-size:1.6rem;margin:0 0 1rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}\
.verdict{border:1px solid var(--line);border-left:.4rem solid;border-radius:.3rem;\
padding:.7rem 1rem;background:var(--card);font-weight:600}\
.good{border-left-color:var(--good);color:var(--good)}\
.doubtful{border-left-color:var(--doubt);color:var(--doubt)}\
.bad-verdict{border-left-color:var(--bad);color:var(--bad)}\
.scroll{overflow-x:auto;margin:.5rem 0}\
table{border-collapse:collapse;width:100%;font-size:.87em}\
th,td{text-align:left;vertical-align:top;padding:.3rem .7rem .3rem 0;\
border-bottom:1px solid var(--line);overflow-wrap:anywhere}\
th{color:var(--soft);font-weight:600;overflow-wrap:normal}\
td:first-child{overflow-wrap:break-word}\
.facts th{width:10rem}\
svg{width:100%;height:auto;margin:.5rem 0;font:12px system-ui,sans-serif}\
svg text{fill:var(--ink)}svg .tick{fill:var(--soft);font-size:11px}\
.grid{stroke:var(--line)}.joint{stroke:var(--ink);stroke-dasharray:3 3}\
.done{fill:var(--good)}.idle{fill:var(--idle)}.doubt{fill:var(--doubt)}.bad{fill:var(--bad)}\
.wait{fill:var(--wait)}\
.legend span{margin-right:1.2rem;white-space:nowrap}\
.legend i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em}\
.legend,footer{color:var(--soft);font-size:.87em}footer{margin-top:2rem}";

/// The colours of the drawing, and what they mean.
const LEGEND: [(&str, &str); 5] = [
    ("good", "done"),
    ("idle", "nothing to do"),
    ("doubt", "not verified, or not finished"),
    ("bad", "failed; Central did not answer"),
    ("wait", "waiting"),
];

/// The whole page.
pub(super) fn page(sheet: &Sheet, drawing: &str) -> String {
    let (tone, verdict) = &sheet.verdict;
    let class = match tone {
        Tone::Good => "good",
        Tone::Doubtful => "doubtful",
        Tone::Bad => "bad-verdict",
    };
    let title = escape(&sheet.title);
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
         <p class=\"verdict {class}\">{}</p>\n",
        escape(verdict)
    );
    for section in &sheet.sections {
        push_section(&mut html, section, drawing);
    }
    html.push_str(&format!("<footer>{}</footer>\n</body>\n</html>\n", escape(&sheet.footer)));
    html
}

fn push_section(html: &mut String, section: &Section, drawing: &str) {
    html.push_str(&format!("<section>\n<h2>{}</h2>\n", escape(section.title)));
    for block in &section.blocks {
        match block {
            Block::Words(words) => html.push_str(&format!("<p>{}</p>\n", escape(words))),
            Block::List(items) => {
                let items: String =
                    items.iter().map(|item| format!("<li>{}</li>\n", escape(item))).collect();
                html.push_str(&format!("<ul>\n{items}</ul>\n"));
            }
            Block::Facts(facts) => {
                let row = |(name, value): &(&str, String)| {
                    format!(
                        "<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n",
                        escape(name),
                        escape(value)
                    )
                };
                let rows: String = facts.iter().map(row).collect();
                html.push_str(&format!("<table class=\"facts\">\n{rows}</table>\n"));
            }
            Block::Table { headers, rows } => push_table(html, headers, rows),
            Block::Drawing => {
                html.push_str(drawing);
                html.push_str(&legend());
            }
        }
    }
    html.push_str("</section>\n");
}

fn push_table(html: &mut String, headers: &[&str], rows: &[Vec<String>]) {
    let head: String =
        headers.iter().map(|name| format!("<th scope=\"col\">{}</th>", escape(name))).collect();
    html.push_str(&format!(
        "<div class=\"scroll\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n"
    ));
    for row in rows {
        let cells: String = row.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect();
        html.push_str(&format!("<tr>{cells}</tr>\n"));
    }
    html.push_str("</tbody></table></div>\n");
}

fn legend() -> String {
    let entry = |(colour, words): &(&str, &str)| {
        format!("<span><i style=\"background:var(--{colour})\"></i>{words}</span>")
    };
    let entries: String = LEGEND.iter().map(entry).collect();
    format!("<p class=\"legend\">{entries}</p>\n")
}

/// `text` as HTML shows it, in elements and in attributes; control characters are left out.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in Look::plain().text(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
