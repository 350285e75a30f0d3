//! Which fields of an object differ, and who changed them: for people, by path.

use std::collections::BTreeSet;

use common::plan::ThreeWay;
use common::rhacs::essence;
use serde_json::Value;

/// So many characters of a value are shown; the rest is in the plan.
const LONGEST_VALUE: usize = 60;
/// The same where somebody has to decide about the value: a whole image reference has room.
const LONGEST_DECIDED: usize = 200;
/// So many lines of a text are compared one by one.
const MOST_LINES: usize = 20;
/// What a field is that is not there.
const NOTHING: &str = "nothing";

/// A field that is not what it was.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    /// Such as `spec.template.spec.containers[central].image`.
    pub(super) path: String,
    before: Value,
    now: Value,
}

impl Difference {
    /// The path without what every field of a pod template has in common.
    pub(super) fn short_path(&self) -> &str {
        let path = self.path.as_str();
        let short = path.strip_prefix("spec.template.spec.");
        short.or_else(|| path.strip_prefix("spec.template.")).unwrap_or(path)
    }

    /// Going back, in words: `containers[central].image main:2 → main:1`.
    pub(super) fn going_back(&self) -> String {
        let (now, before) = (self.show(&self.now), self.show(&self.before));
        format!("{} {now} → {before}", self.short_path())
    }

    /// The three states in words, line by line where they are texts; `left` is what the run left.
    pub(super) fn three_ways(&self, left: Option<&Value>) -> Vec<ThreeWay> {
        let left = left.unwrap_or(&Value::Null);
        let states = [&self.before, left, &self.now];
        if let Some(lines) = changed_lines(states).filter(|_| !is_sensitive(&self.path)) {
            let field = |number: usize| format!("{} line {number}", self.short_path());
            return lines.into_iter().map(|(number, all)| three_way(field(number), all)).collect();
        }
        let words = states.map(|value| self.words(value, LONGEST_DECIDED));
        vec![three_way(self.short_path().to_owned(), words)]
    }

    fn show(&self, value: &Value) -> String {
        self.words(value, LONGEST_VALUE)
    }

    fn words(&self, value: &Value, longest: usize) -> String {
        match value {
            Value::Null => NOTHING.to_owned(),
            _ if is_sensitive(&self.path) => "a value".to_owned(),
            Value::String(text) if text.contains('\n') => {
                format!("a text of {} lines", text.lines().count())
            }
            Value::String(text) => shortened(text, longest),
            other => shortened(&other.to_string(), longest),
        }
    }
}

fn three_way(field: String, [before, left, now]: [String; 3]) -> ThreeWay {
    ThreeWay { field, before, left, now }
}

/// The lines that somebody changed since the run, with the number each has now, when the three
/// states are texts of several lines that do not differ in too many.
fn changed_lines(states: [&Value; 3]) -> Option<Vec<(usize, [String; 3])>> {
    let texts = states.map(|state| state.as_str().unwrap_or_default());
    if !texts.iter().any(|text| text.contains('\n')) {
        return None;
    }
    let lines = texts.map(|text| text.lines().collect::<Vec<_>>());
    let shortest = lines.iter().map(Vec::len).min().unwrap_or(0);
    let are_same = |[before, left, now]: [&str; 3]| before == left && left == now;
    let from_start = |index: usize| lines.each_ref().map(|all| all[index]);
    let from_end = |index: usize| lines.each_ref().map(|all| all[all.len() - 1 - index]);
    let head = (0..shortest).take_while(|&index| are_same(from_start(index))).count();
    let tail = (0..shortest - head).take_while(|&index| are_same(from_end(index))).count();
    let middle = lines.each_ref().map(|all| &all[head..all.len() - tail]);
    let height = middle.iter().map(|lines| lines.len()).max().unwrap_or(0);
    let line = |index: usize| {
        middle.map(|lines| lines.get(index).map_or(NOTHING, |line| line.trim_end()).to_owned())
    };
    let all = (0..height).map(|index| (head + index + 1, line(index)));
    let changed: Vec<_> = all.filter(|(_, [_, left, now])| left != now).collect();
    (!changed.is_empty() && changed.len() <= MOST_LINES).then_some(changed)
}

/// The fields that differ in what people decide about an object; the number of replicas, which an
/// autoscaler moves, is left out.
pub(super) fn differences(before: &Value, now: &Value) -> Vec<Difference> {
    let mut all = Vec::new();
    compare(&decided(before), &decided(now), "", &mut all);
    all
}

/// The differences between `before` and `now` that the run, which left `written`, did not make.
///
/// What the API server adds within something the run wrote as a whole is not counted.
pub(super) fn foreign(
    before: &Value,
    written: &Value,
    now: &Value,
) -> Vec<(Difference, Option<Value>)> {
    let written = decided(written);
    let all = differences(before, now).into_iter().filter_map(|difference| {
        let left = at(&written, &difference.path);
        let is_foreign = match left {
            Some(left) => *left != difference.now && !covers(&difference.now, left),
            // The run left nothing there.
            None => !difference.now.is_null(),
        };
        let left = left.cloned();
        is_foreign.then_some((difference, left))
    });
    all.collect()
}

/// Whether `now` is `left` with nothing but fields added: the API server's defaults.
fn covers(now: &Value, left: &Value) -> bool {
    match (now, left) {
        (Value::Object(now), Value::Object(left)) => {
            left.iter().all(|(name, left)| now.get(name).is_some_and(|now| covers(now, left)))
        }
        (Value::Array(now), Value::Array(left)) => {
            now.len() == left.len() && now.iter().zip(left).all(|(now, left)| covers(now, left))
        }
        (now, left) => now == left,
    }
}

fn decided(object: &Value) -> Value {
    let mut object = essence(object);
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("replicas");
    }
    object
}

fn compare(before: &Value, now: &Value, path: &str, all: &mut Vec<Difference>) {
    match (before, now) {
        (Value::Object(old), Value::Object(new)) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(&before[name.as_str()], &now[name.as_str()], &below, all);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.iter().chain(new).all(is_named) => {
            let names: BTreeSet<&str> = old.iter().chain(new).filter_map(name).collect();
            for one in names {
                let find = |list: &[Value]| {
                    list.iter().find(|item| name(item) == Some(one)).cloned().unwrap_or_default()
                };
                compare(&find(old), &find(new), &format!("{path}[{one}]"), all);
            }
        }
        _ if before == now => {}
        _ => {
            all.push(Difference { path: path.to_owned(), before: before.clone(), now: now.clone() })
        }
    }
}

/// The value at a path as [`compare`] writes it.
fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = object;
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(inner) = rest.strip_prefix('[') {
            let (wanted, after) = inner.split_once(']')?;
            value = value.as_array()?.iter().find(|item| name(item) == Some(wanted))?;
            rest = after;
            continue;
        }
        // The names of fields may have dots of their own: the longest one that is there counts.
        let fields = value.as_object()?;
        let field = fields
            .keys()
            .filter(|name| {
                rest.strip_prefix(name.as_str())
                    .is_some_and(|after| after.is_empty() || after.starts_with(['.', '[']))
            })
            .max_by_key(|name| name.len())?;
        value = &fields[field];
        rest = &rest[field.len()..];
    }
    Some(value)
}

fn name(item: &Value) -> Option<&str> {
    item["name"].as_str()
}

fn is_named(item: &Value) -> bool {
    name(item).is_some()
}

/// Environment variables are the place where people put what nobody should read.
fn is_sensitive(path: &str) -> bool {
    let upper = path.to_uppercase();
    let words = ["PASSWORD", "TOKEN", "SECRET", "KEY", "CREDENTIAL"];
    upper.contains("ENV[")
        && upper.ends_with(".VALUE")
        && words.iter().any(|word| upper.contains(word))
}

fn shortened(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(longest).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(container: &Value) -> Value {
        json!({"kind": "Deployment", "metadata": {"name": "central"}, "spec": {
            "replicas": 1, "template": {"spec": {"containers": [container]}}}})
    }

    #[test]
    fn going_back_is_told_field_by_field() {
        let before = deployment(&json!({"name": "central", "image": "main:1"}));
        let mut now = deployment(&json!({"name": "central", "image": "main:2"}));
        now["spec"]["replicas"] = json!(3);
        let all = differences(&before, &now);
        let words: Vec<String> = all.iter().map(Difference::going_back).collect();
        assert_eq!(words, ["containers[central].image main:2 → main:1"]);
    }

    #[test]
    fn only_what_somebody_else_changed_is_foreign() {
        let before = deployment(&json!({"name": "central", "image": "main:1"}));
        let env = json!([{"name": "NS", "valueFrom": {"fieldRef": {"fieldPath": "a"}}}]);
        let written = deployment(&json!({"name": "central", "image": "main:2", "env": env}));
        let mut now = written.clone();
        let container = &mut now["spec"]["template"]["spec"]["containers"][0];
        container["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] = json!("v1");
        assert_eq!(foreign(&before, &written, &now), []);
        let container = &mut now["spec"]["template"]["spec"]["containers"][0];
        container["image"] = json!("main:3");
        container["args"] = json!(["-v"]);
        let found = foreign(&before, &written, &now);
        let fields: Vec<ThreeWay> =
            found.iter().flat_map(|(one, left)| one.three_ways(left.as_ref())).collect();
        let field = |name: &str, states: [&str; 3]| {
            three_way(format!("containers[central].{name}"), states.map(str::to_owned))
        };
        assert_eq!(
            fields,
            [
                field("args", ["nothing", "nothing", "[\"-v\"]"]),
                field("image", ["main:1", "main:2", "main:3"]),
            ]
        );
    }

    #[test]
    fn a_text_is_compared_line_by_line() {
        let map = |text: &str| json!({"kind": "ConfigMap", "data": {"central-config.yaml": text}});
        let before = map("maintenance:\n  safeMode: false\n  compaction: {}\n");
        let written = map("maintenance:\n  safeMode: false\n  compaction: {on: 1}\n");
        let now = map("maintenance:\n  safeMode: true\n  compaction: {on: 1}\n");
        let found = foreign(&before, &written, &now);
        let fields = found[0].0.three_ways(found[0].1.as_ref());
        let states = ["  safeMode: false", "  safeMode: false", "  safeMode: true"];
        let wanted = "data.central-config.yaml line 2".to_owned();
        assert_eq!(fields, [three_way(wanted, states.map(str::to_owned))]);
        let gone = found[0].0.three_ways(None);
        assert_eq!(gone.len(), 3, "{gone:?}");
        let long = "line\n".repeat(30);
        let whole =
            Difference { path: "data.x".to_owned(), before: Value::Null, now: Value::String(long) };
        assert_eq!(whole.three_ways(None)[0].now, "a text of 30 lines");
    }

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let with = |value: &str| {
            let env = json!([{"name": "DB_PASSWORD", "value": value}]);
            deployment(&json!({"name": "central", "env": env}))
        };
        let all = differences(&with("hunter1"), &with("hunter2"));
        assert_eq!(
            all[0].going_back(),
            "containers[central].env[DB_PASSWORD].value a value → a value"
        );
    }
}
