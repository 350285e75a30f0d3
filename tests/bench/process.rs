//! What a child process used, by the kernel's own accounting in `/proc`.

use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Clock ticks a second, as every Linux reports them to user space.
const TICKS: f64 = 100.0;

/// Seconds and bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// From start to end.
    pub wall: f64,
    /// User and system.
    pub cpu: f64,
    /// The largest resident memory seen.
    pub peak: u64,
    /// The most of it that was its own, rather than pages of its program's file.
    pub own: u64,
}

impl Usage {
    /// Sums two processes that ran one after the other.
    pub fn add(&mut self, other: &Self) {
        self.wall += other.wall;
        self.cpu += other.cpu;
        self.peak = self.peak.max(other.peak);
        self.own = self.own.max(other.own);
    }
}

/// Runs a command to its end, its output thrown away.
pub fn measure(command: &mut Command) -> Usage {
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    watch(&mut child.expect("the command starts"), Instant::now())
}

/// As [`measure`], with what it wrote to standard error.
pub fn measure_with_stderr(command: &mut Command) -> (Usage, String) {
    let begin = Instant::now();
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("the command starts");
    let mut pipe = child.stderr.take().expect("a pipe");
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).expect("text");
        text
    });
    let usage = watch(&mut child, begin);
    (usage, reader.join().expect("the reader ends"))
}

/// The middle one.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Looks until the process is a zombie, which still has its accounts, and then waits for it.
///
/// Its CPU time is what is added to that of all children waited for: a tick is lost at most once in
/// a whole series of processes, not in each.
fn watch(child: &mut Child, begin: Instant) -> Usage {
    let mut usage = Usage::default();
    let directory = format!("/proc/{}", child.id());
    let before = children_cpu();
    loop {
        let status = fs::read_to_string(format!("{directory}/status")).unwrap_or_default();
        usage.peak = usage.peak.max(bytes(&status, "VmHWM"));
        usage.own = usage.own.max(bytes(&status, "RssAnon"));
        if status.lines().any(|line| line.starts_with("State:\tZ")) {
            break;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    usage.wall = begin.elapsed().as_secs_f64();
    child.wait().expect("the process ends");
    usage.cpu = children_cpu() - before;
    usage
}

/// A field of `/proc/PID/status`, in bytes; 0 of a process that has ended.
fn bytes(status: &str, field: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

/// The CPU seconds, user and system, of the children this process has waited for.
fn children_cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("its fields").split(' ').collect();
    let ticks = |index: usize| fields[index].parse::<f64>().expect("a number");
    (ticks(13) + ticks(14)) / TICKS
}
