//! The result: one line a figure, each beside its limit.

use std::time::Instant;

#[derive(Debug, Clone)]
pub struct Line {
    pub what: String,
    pub figure: String,
    pub limit: String,
    pub ratio: String,
    pub aim: &'static str,
}

#[derive(Debug)]
pub struct Report {
    start: Instant,
    sections: Vec<(String, Vec<Line>)>,
}

impl Report {
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            sections: Vec::new(),
        }
    }

    pub fn section(&mut self, title: impl Into<String>) {
        self.sections.push((title.into(), Vec::new()));
    }

    pub fn line(&mut self, line: Line) {
        tell(&format!(
            "{:>6.1} s  {}: {}{}",
            self.start.elapsed().as_secs_f64(),
            line.what,
            line.figure,
            if line.limit.is_empty() {
                String::new()
            } else {
                format!(" ({} of {})", line.ratio, line.limit)
            }
        ));
        match self.sections.last_mut() {
            Some((_, lines)) => lines.push(line),
            None => self.sections.push((String::new(), vec![line])),
        }
    }

    /// A figure on its own: a limit, or something with a fixed aim.
    pub fn plain(&mut self, what: impl Into<String>, figure: impl Into<String>, aim: &'static str) {
        self.line(Line {
            what: what.into(),
            figure: figure.into(),
            limit: String::new(),
            ratio: String::new(),
            aim,
        });
    }

    /// A rate beside the limit measured in the same run.
    pub fn rate(&mut self, what: impl Into<String>, rate: f64, limit: f64, of: &str, aim: &'static str) {
        self.line(Line {
            what: what.into(),
            figure: per_second(rate),
            limit: format!("{} {of}", per_second(limit)),
            ratio: if limit > 0.0 {
                format!("{:.2}", rate / limit)
            } else {
                String::new()
            },
            aim,
        });
    }

    pub fn progress(&self, text: &str) {
        tell(&format!("{:>6.1} s  {text}", self.start.elapsed().as_secs_f64()));
    }

    pub fn print(&self) {
        for (title, lines) in &self.sections {
            let width = |of: fn(&Line) -> &String| {
                lines
                    .iter()
                    .map(|line| of(line).chars().count())
                    .max()
                    .unwrap_or_default()
            };
            let what = width(|line| &line.what);
            let figure = width(|line| &line.figure);
            let ratio = width(|line| &line.ratio);
            let limit = width(|line| &line.limit);
            tell(&format!("\n{title}"));
            for line in lines {
                let row = format!(
                    "  {:<what$}  {:>figure$}  {:>ratio$}  {:<limit$}  {}",
                    line.what, line.figure, line.ratio, line.limit, line.aim
                );
                tell(row.trim_end());
            }
        }
    }
}

pub fn per_second(rate: f64) -> String {
    format!("{}/s", thousands(rate))
}

/// `12,345`, or one decimal below a hundred.
pub fn thousands(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub fn p50_p99(timings: &crate::figures::Timings) -> String {
    format!(
        "p50 {:.2} ms  p99 {:.2} ms",
        timings.percentile_ms(50),
        timings.percentile_ms(99)
    )
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it found")]
pub fn tell(text: &str) {
    println!("{text}");
}
