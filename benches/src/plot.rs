//! Plots as SVG with logarithmic axes, legible on light and dark pages.

use std::fmt::Write;

/// One line of a plot.
#[derive(Clone, Debug)]
pub struct Series {
    /// Who.
    pub name: String,
    /// What was measured; both values above 0.
    pub points: Vec<(f64, f64)>,
}

/// A plot with both axes logarithmic.
#[derive(Clone, Debug)]
pub struct Plot {
    /// Above the plot.
    pub title: &'static str,
    /// Under the horizontal axis.
    pub horizontal: &'static str,
    /// Above the vertical axis.
    pub vertical: &'static str,
    /// The lines; the first is drawn thick.
    pub series: Vec<Series>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 48.0;
/// Middle tones that stand out from white and from black; dashes tell them apart without colour.
const STROKES: [(&str, &str); 7] = [
    ("#2f81f7", ""),
    ("#d29922", "7 3"),
    ("#e5534b", "2 3"),
    ("#8957e5", "10 3 2 3"),
    ("#2da44e", "5 5"),
    ("#bf4b8a", "1 4"),
    ("#6e7781", "12 4"),
];

impl Plot {
    /// The SVG text.
    #[must_use]
    pub fn svg(&self) -> String {
        let points = || {
            self.series
                .iter()
                .flat_map(|series| series.points.iter().copied())
        };
        let x = Axis::around(points().map(|point| point.0));
        let y = Axis::around(points().map(|point| point.1));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"12\" role=\"img\">\n<title>{}</title>\n<style>text{{fill:#6e7681}}.grid{{stroke:#8c959f;\
             stroke-opacity:.3}}@media (prefers-color-scheme:light){{text{{fill:#1f2328}}}}@media (prefers-color-scheme:dark){{text{{fill:#e6edf3}}}}</style>\n",
            self.title
        );
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"20\" font-size=\"15\" font-weight=\"bold\">{}</text>",
            self.title
        );
        let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"42\">{}</text>", self.vertical);
        let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
        let _ = writeln!(
            svg,
            "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - 10.0,
            self.horizontal
        );
        for decade in x.decades() {
            let at = x.place(decade, LEFT, WIDTH - RIGHT);
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{}\"/>",
                HEIGHT - BOTTOM
            );
            let _ = writeln!(
                svg,
                "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                HEIGHT - BOTTOM + 16.0,
                short(decade)
            );
        }
        for decade in y.decades() {
            let at = y.place(decade, HEIGHT - BOTTOM, TOP);
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{}\" y2=\"{at:.1}\"/>",
                WIDTH - RIGHT
            );
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                at + 4.0,
                short(decade)
            );
        }
        self.lines(&mut svg, &x, &y);
        svg.push_str("</svg>\n");
        svg
    }

    fn lines(&self, svg: &mut String, x: &Axis, y: &Axis) {
        let place = |point: &(f64, f64)| {
            (
                x.place(point.0, LEFT, WIDTH - RIGHT),
                y.place(point.1, HEIGHT - BOTTOM, TOP),
            )
        };
        let mut labels: Vec<(f64, usize)> = Vec::new();
        for (number, series) in self.series.iter().enumerate() {
            let (colour, dashes) = STROKES[number % STROKES.len()];
            let width = if number == 0 { 3.5 } else { 2.0 };
            let path: Vec<String> = series
                .points
                .iter()
                .map(place)
                .map(|(x, y)| format!("{x:.1},{y:.1}"))
                .collect();
            let _ = writeln!(
                svg,
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-dasharray=\"{dashes}\" points=\"{}\"/>",
                path.join(" ")
            );
            for (x, y) in series.points.iter().map(place) {
                let _ = writeln!(
                    svg,
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
                );
            }
            labels.push((series.points.last().map_or(TOP, |point| place(point).1), number));
        }
        // Names stand at the ends of their lines, pushed apart where they would overlap.
        labels.sort_by(|left, right| left.0.total_cmp(&right.0));
        let mut lowest = TOP - 16.0;
        for (wanted, number) in labels {
            let at = wanted.max(lowest + 16.0);
            lowest = at;
            let colour = STROKES[number % STROKES.len()].0;
            let right = WIDTH - RIGHT;
            let _ = writeln!(
                svg,
                "<line x1=\"{}\" y1=\"{at:.1}\" x2=\"{}\" y2=\"{at:.1}\" stroke=\"{colour}\" stroke-width=\"3\"/>",
                right + 8.0,
                right + 22.0
            );
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{:.1}\">{}</text>",
                right + 27.0,
                at + 4.0,
                self.series[number].name
            );
        }
    }
}

/// From one power of ten to another.
struct Axis {
    from: f64,
    to: f64,
}

impl Axis {
    fn around(values: impl Iterator<Item = f64> + Clone) -> Self {
        let from = values.clone().fold(f64::INFINITY, f64::min).log10().floor();
        let to = values.fold(0.0, f64::max).log10().ceil();
        Self {
            from,
            to: to.max(from + 1.0),
        }
    }

    fn place(&self, value: f64, first: f64, last: f64) -> f64 {
        first + (value.log10() - self.from) / (self.to - self.from) * (last - first)
    }

    fn decades(&self) -> impl Iterator<Item = f64> {
        let (from, to) = (self.from, self.to);
        (0..30_u32)
            .map(move |step| from + f64::from(step))
            .take_while(move |&exponent| exponent <= to)
            .map(|exponent| 10_f64.powf(exponent))
    }
}

fn short(value: f64) -> String {
    match value {
        value if value >= 1e9 => format!("{}G", (value / 1e9).round()),
        value if value >= 1e6 => format!("{}M", (value / 1e6).round()),
        value if value >= 1e3 => format!("{}k", (value / 1e3).round()),
        value if value >= 1.0 => format!("{}", value.round()),
        value => format!("{value:.3}").trim_end_matches('0').to_owned(),
    }
}
