//! The bar of the running step on a terminal, with the lines that stay above it.

use std::io;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use super::super::look::Look;
use super::board::Draw;
use crate::env::OutputStream;
use crate::run::Unit;

/// The bars on the screen; steps run one after the other, so that there is one at most.
pub(super) struct Bars {
    screen: MultiProgress,
    running: Option<ProgressBar>,
    look: Look,
    ticks: bool,
}

impl Bars {
    pub(super) fn new(stderr: &OutputStream, look: Look) -> Self {
        let target = if stderr.is_captured() {
            let width = look.width().and_then(|width| u16::try_from(width).ok()).unwrap_or(80);
            ProgressDrawTarget::term_like(Box::new(Captured { stderr: stderr.clone(), width }))
        } else {
            ProgressDrawTarget::stderr()
        };
        let screen = MultiProgress::with_draw_target(target);
        Self { screen, running: None, look, ticks: !stderr.is_captured() }
    }

    pub(super) fn draw(&mut self, draw: &Draw) {
        match draw {
            Draw::Line(text) | Draw::Trouble(text) => {
                // A terminal that is gone misses nothing.
                drop(self.screen.println(text));
            }
            Draw::Start(title) => {
                self.stop();
                let bar = self.screen.add(ProgressBar::new_spinner());
                bar.set_style(self.style("{spinner} {prefix}  {elapsed}  {wide_msg}"));
                bar.set_prefix(title.clone());
                if self.ticks {
                    bar.enable_steady_tick(Duration::from_millis(120));
                }
                bar.tick();
                self.running = Some(bar);
            }
            Draw::Message(text) => {
                if let Some(bar) = &self.running {
                    bar.set_message(text.clone());
                    bar.tick();
                }
            }
            Draw::Amount { current, total, unit } => self.advance(*current, *total, *unit),
            Draw::Stop => self.stop(),
        }
    }

    pub(super) fn suspended<T>(&self, write: impl FnOnce() -> T) -> T {
        if self.running.is_some() { self.screen.suspend(write) } else { write() }
    }

    fn advance(&self, current: u64, total: Option<u64>, unit: Unit) {
        let Some(bar) = &self.running else { return };
        if bar.position() == 0 || bar.length() != total {
            bar.set_style(self.style(template(total.is_some(), unit)));
            match total {
                Some(total) => bar.set_length(total),
                None => bar.unset_length(),
            }
        }
        bar.set_position(current);
    }

    fn stop(&mut self) {
        if let Some(bar) = self.running.take() {
            bar.finish_and_clear();
            self.screen.remove(&bar);
        }
    }

    fn style(&self, template: &str) -> ProgressStyle {
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        if self.look.is_unicode() {
            style.progress_chars("━╸─")
        } else {
            style.tick_chars("|/-\\ ").progress_chars("=> ")
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What is shown while something is counted; a rate and an end only where they can be told.
const fn template(has_total: bool, unit: Unit) -> &'static str {
    match (has_total, unit) {
        (true, Unit::Bytes) => {
            concat!(
                "{spinner} {prefix}  {bar:20} {binary_bytes}/{binary_total_bytes}",
                "  {binary_bytes_per_sec}  {eta} left"
            )
        }
        (false, Unit::Bytes) => {
            "{spinner} {prefix}  {elapsed}  {binary_bytes}  {binary_bytes_per_sec}  {wide_msg}"
        }
        (true, Unit::Items) => "{spinner} {prefix}  {elapsed}  {pos} of {len}  {wide_msg}",
        (false, Unit::Items) => "{spinner} {prefix}  {elapsed}  {pos}  {wide_msg}",
    }
}

/// A terminal in memory: what indicatif would have written, without the cursor's movements.
#[derive(Debug)]
struct Captured {
    stderr: OutputStream,
    width: u16,
}

impl TermLike for Captured {
    fn width(&self) -> u16 {
        self.width
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.stderr.write(&format!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.stderr.write(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.stderr.write("\n")
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}
