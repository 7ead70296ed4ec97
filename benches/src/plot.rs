//! Plots as SVG with logarithmic axes, legible on light and dark pages.

use std::io;

use plotters::prelude::*;

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

const SIZE: (u32, u32) = (760, 440);
/// Where the plot begins.
const LEFT: i32 = 60;
/// Where the legend begins.
const LEGEND: i32 = 560;
/// For text and axes on light pages; [`STYLE`] replaces it on dark ones.
const INK: RGBColor = RGBColor(0x1f, 0x23, 0x28);
/// A rule goes over the colour that an element has.
const STYLE: &str = "<style>@media (prefers-color-scheme:dark){text{fill:#e6edf3}}</style>";
const GRID: RGBColor = RGBColor(0x8c, 0x95, 0x9f);
/// Middle tones that stand out from white and from black; [`marker`] tells the lines apart without colour.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0x2f, 0x81, 0xf7),
    RGBColor(0xd2, 0x99, 0x22),
    RGBColor(0xe5, 0x53, 0x4b),
    RGBColor(0x89, 0x57, 0xe5),
    RGBColor(0x2d, 0xa4, 0x4e),
    RGBColor(0xbf, 0x4b, 0x8a),
    RGBColor(0x6e, 0x77, 0x81),
];

impl Plot {
    /// The SVG text.
    ///
    /// # Errors
    ///
    /// What the plotting library says, of a plot without points for example.
    pub fn svg(&self) -> io::Result<String> {
        let mut svg = String::new();
        self.draw(&mut svg)
            .map_err(|error| io::Error::other(error.to_string()))?;
        Ok(svg.replacen('\n', &format!("\n{STYLE}\n"), 1))
    }

    fn draw(&self, svg: &mut String) -> Result<(), DrawingAreaErrorKind<io::Error>> {
        let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let points = || self.series.iter().flat_map(|series| series.points.iter());
        let (x, y) = (
            decades(points().map(|point| point.0)),
            decades(points().map(|point| point.1)),
        );
        let text = |size: i32| ("sans-serif", size).with_color(INK).into_text_style(&root);
        let mut chart = ChartBuilder::on(&root)
            .margin(10)
            .margin_top(54)
            .margin_right(SIZE.0.saturating_sub(LEGEND.unsigned_abs()) + 10)
            .x_label_area_size(44)
            .y_label_area_size(50)
            .build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .x_desc(self.horizontal)
            .label_style(text(14))
            .axis_desc_style(text(14))
            .x_label_formatter(&|value| short(*value))
            .y_label_formatter(&|value| short(*value))
            .axis_style(GRID)
            .bold_line_style(GRID.mix(0.4))
            .light_line_style(TRANSPARENT)
            .draw()?;
        for (number, series) in self.series.iter().enumerate() {
            let points = series.points.iter().copied();
            chart.draw_series(LineSeries::new(points.clone(), stroke(number)))?;
            chart.draw_series(points.map(|point| marker(number, point)))?;
        }
        // Not the library's own places for them: there, long words are cut off.
        root.draw(&Text::new(self.title, (LEFT, 8), text(19)))?;
        root.draw(&Text::new(self.vertical, (LEFT, 32), text(14)))?;
        self.legend(&root, &text(14))?;
        root.present()
    }

    /// The names, in the order in which the lines end, the highest first.
    fn legend(
        &self,
        root: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
        text: &TextStyle<'_>,
    ) -> Result<(), DrawingAreaErrorKind<io::Error>> {
        let mut entries: Vec<_> = self.series.iter().enumerate().collect();
        let end = |series: &Series| series.points.last().map_or(0.0, |point| point.1);
        entries.sort_by(|left, right| end(right.1).total_cmp(&end(left.1)));
        for (y, (number, series)) in (60..).step_by(20).zip(entries) {
            let line = [(LEGEND + 6, y), (LEGEND + 30, y)];
            root.draw(&PathElement::new(line, stroke(number)))?;
            root.draw(&marker(number, (LEGEND + 18, y)))?;
            let name = (LEGEND + 36, y - 7);
            root.draw(&Text::new(series.name.clone(), name, text.clone()))?;
        }
        Ok(())
    }
}

fn colour(number: usize) -> RGBColor {
    COLOURS[number % COLOURS.len()]
}

/// The line of a series.
fn stroke(number: usize) -> ShapeStyle {
    colour(number).stroke_width(if number == 0 { 4 } else { 2 })
}

/// A point of a series.
fn marker<'a, C: Clone + 'static>(number: usize, at: C) -> DynElement<'static, SVGBackend<'a>, C> {
    let colour = colour(number);
    match number % 4 {
        0 => Circle::new(at, 4, colour.filled()).into_dyn(),
        1 => TriangleMarker::new(at, 5, colour.filled()).into_dyn(),
        2 => Cross::new(at, 4, colour.stroke_width(2)).into_dyn(),
        _ => Circle::new(at, 4, colour.stroke_width(2)).into_dyn(),
    }
}

/// A logarithmic axis from one power of ten to another, around all of the values.
fn decades(values: impl Iterator<Item = f64> + Clone) -> LogCoord<f64> {
    let from = values.clone().fold(f64::INFINITY, f64::min).log10().floor();
    let to = values.fold(0.0, f64::max).log10().ceil().max(from + 1.0);
    // A little wider than the powers themselves, so that rounding does not leave out the labels at the ends.
    (10_f64.powf(from - 1e-6)..10_f64.powf(to + 1e-6))
        .log_scale()
        .into()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_its_words_and_a_style_for_dark_pages() {
        let line = |name: &str, points: &[(f64, f64)]| Series {
            name: name.to_owned(),
            points: points.to_vec(),
        };
        let plot = Plot {
            title: "title",
            horizontal: "messages",
            vertical: "nanoseconds",
            series: vec![
                line("solid", &[(1000.0, 14.0), (1e6, 30.0), (1e7, 120.0)]),
                line("dashed", &[(1000.0, 0.5), (1e6, 900.0)]),
            ],
        };
        let svg = plot.svg().unwrap();
        for word in [
            "title",
            "messages",
            "nanoseconds",
            "solid",
            "dashed",
            "10k",
            "prefers-color-scheme:dark",
        ] {
            assert!(svg.contains(word), "{word} is not in\n{svg}");
        }
    }
}
