//! The results as pictures.
//!
//! In: [`Results`] or the points of a curve. Out: an SVG. What is odd: both axes that carry numbers are logarithmic,
//! since the dearest of the subjects costs fifty times what the cheapest does.

use plotters::coord::Shift;
use plotters::coord::combinators::IntoLogRange;
use plotters::prelude::{
    ChartBuilder, Circle, Color, DrawingArea, IntoDrawingArea, IntoFont, LineSeries, PathElement, RGBColor,
    Rectangle, SVGBackend, SeriesLabelPosition, WHITE,
};

use super::report::OURS;
use super::rounds::Results;
use super::statistics::digits;
use super::subjects::SUBJECTS;
use crate::step::{Failure, Outcome};

const INK: RGBColor = RGBColor(40, 40, 40);
const FAINT: RGBColor = RGBColor(225, 225, 225);
/// In the order of the subjects.
const COLOURS: [RGBColor; 9] = [
    RGBColor(200, 30, 60),
    RGBColor(120, 120, 120),
    RGBColor(180, 180, 180),
    RGBColor(222, 125, 40),
    RGBColor(240, 180, 110),
    RGBColor(70, 140, 70),
    RGBColor(150, 190, 60),
    RGBColor(110, 80, 160),
    RGBColor(50, 110, 180),
];

/// A line of a curve.
pub(super) struct Line {
    pub(super) subject: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

/// What everybody costs as a multiple of what Roomcast costs, one group of bars for each row of the tables.
pub(super) fn ratios(results: &Results) -> Outcome<String> {
    let others: Vec<_> = SUBJECTS.iter().filter(|subject| subject.name != OURS).collect();
    let measured =
        results.scenarios.iter().flat_map(|scenario| scenario.rows.iter().map(move |row| (scenario, row)));
    let mut groups = Vec::new();
    for (scenario, row) in measured.filter(|(_, row)| row.metric.cost) {
        let bar = |subject: &&&'static super::subjects::Subject| {
            let sample = results.ratio(scenario, &row.metric, subject.name, OURS)?;
            Some((subject.name, sample.median)).filter(|(_, ratio)| *ratio > 0.0)
        };
        let bars: Vec<_> = others.iter().filter_map(|subject| bar(&subject)).collect();
        if !bars.is_empty() {
            groups.push((row.title, bars));
        }
    }
    let mut svg = String::new();
    let height =
        110 + 14 * groups.iter().map(|(_, bars)| u32::try_from(bars.len()).unwrap_or(0) + 1).sum::<u32>();
    {
        let area = SVGBackend::with_string(&mut svg, (1100, height)).into_drawing_area();
        draw_ratios(&area, &groups).map_err(|error| Failure(format!("the plot of the ratios: {error}")))?;
    }
    Ok(svg)
}

type Groups = Vec<(&'static str, Vec<(&'static str, f64)>)>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw_ratios(area: &DrawingArea<SVGBackend<'_>, Shift>, groups: &Groups) -> Drawn {
    area.fill(&WHITE)?;
    let ratios = groups.iter().flat_map(|(_, bars)| bars.iter().map(|(_, ratio)| *ratio));
    let (least, most) =
        ratios.fold((0.5_f64, 4.0_f64), |(least, most), ratio| (least.min(ratio), most.max(ratio)));
    let slots: usize = groups.iter().map(|(_, bars)| bars.len() + 1).sum();
    let bottom = f64::from(u32::try_from(slots)?);
    let mut chart = ChartBuilder::on(area)
        .caption(
            "cost as a multiple of Roomcast's (right of 1: dearer)",
            ("sans-serif", 18).into_font().color(&INK),
        )
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(430)
        .build_cartesian_2d((least * 0.9..most * 2.5).log_scale(), bottom..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .bold_line_style(FAINT)
        .light_line_style(WHITE)
        .x_label_formatter(&|ratio| digits(*ratio))
        .draw()?;
    let mut at = 0.0;
    for (title, bars) in groups {
        let (x, y) = chart.backend_coord(&(least * 0.9, at + 1.0));
        area.draw_text(title, &("sans-serif", 13).into_font().color(&INK), (x - 430, y - 12))?;
        for (name, ratio) in bars {
            let (from, to) = (ratio.min(1.0), ratio.max(1.0));
            let bar = [(from, at + 0.1), (to, at + 0.9)];
            chart.draw_series([Rectangle::new(bar, colour(name).filled())])?;
            let (x, y) = chart.backend_coord(&(to, at + 0.1));
            let label = format!("{name} {}", digits(*ratio));
            area.draw_text(&label, &("sans-serif", 11).into_font().color(&INK), (x + 4, y))?;
            at += 1.0;
        }
        at += 1.0;
    }
    chart.draw_series([PathElement::new([(1.0, 0.0), (1.0, bottom)], INK)])?;
    area.present()?;
    Ok(())
}

/// A curve, both axes logarithmic.
pub(super) fn curve(title: &str, axis: &str, lines: &[Line]) -> Outcome<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (760, 440)).into_drawing_area();
        draw_curve(&area, title, axis, lines)
            .map_err(|error| Failure(format!("the plot of {title}: {error}")))?;
    }
    Ok(svg)
}

fn draw_curve(area: &DrawingArea<SVGBackend<'_>, Shift>, title: &str, axis: &str, lines: &[Line]) -> Drawn {
    area.fill(&WHITE)?;
    let all = || lines.iter().flat_map(|line| &line.points);
    let range = |value: fn(&(f64, f64)) -> f64| {
        let ends =
            all().map(value).fold((f64::MAX, f64::MIN_POSITIVE), |(low, high), v| (low.min(v), high.max(v)));
        ends.0.min(ends.1)..ends.1
    };
    let (x, y) = (range(|point| point.0), range(|point| point.1));
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18).into_font().color(&INK))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(
            (x.start * 0.8..x.end * 1.25).log_scale(),
            (y.start * 0.5..y.end * 2.0).log_scale(),
        )?;
    chart
        .configure_mesh()
        .bold_line_style(FAINT)
        .light_line_style(WHITE)
        .x_desc(axis)
        .y_desc("server CPU, µs per unit")
        .x_label_formatter(&|value| digits(*value))
        .y_label_formatter(&|value| digits(*value))
        .draw()?;
    for line in lines {
        let colour = colour(line.subject);
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2)))?
            .label(line.subject)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(line.points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .border_style(FAINT)
        .background_style(WHITE)
        .draw()?;
    area.present()?;
    Ok(())
}

fn colour(subject: &str) -> RGBColor {
    let at = SUBJECTS.iter().position(|known| known.name == subject);
    at.and_then(|at| COLOURS.get(at)).copied().unwrap_or(INK)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bench::plan::SCENARIOS;
    use crate::bench::scenarios::Pace;

    #[test]
    fn every_row_and_everybody_measured_is_in_the_picture() {
        let mut results = Results::new(Pace::Full, 1, SCENARIOS.iter().collect(), Vec::new(), Vec::new());
        for (subject, ns) in [("roomcast", 2000.0), ("floor", 1000.0), ("python", 90_000.0)] {
            results.pretend("echo-1", subject, 0, json!({ "server_cpu_ns_per_unit": ns }));
        }
        results.pretend("connect", "roomcast", 0, json!({ "server_cpu_ns_per_unit": 1.0 }));
        let svg = ratios(&results).unwrap();
        for text in ["echo with ack, 50 clients", "floor 0.500", "python 45.0"] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(
            !svg.contains("bun") && !svg.contains("connect, whole"),
            "what was not compared is not drawn"
        );
    }

    #[test]
    fn nothing_measured_is_still_a_picture() {
        let results = Results::new(Pace::Full, 1, SCENARIOS.iter().collect(), Vec::new(), Vec::new());
        assert!(ratios(&results).unwrap().starts_with("<svg"));
        assert!(curve("nothing", "x", &[]).unwrap().starts_with("<svg"));
    }

    #[test]
    fn a_curve_has_its_title_its_axis_and_its_lines() {
        let lines = [
            Line { subject: "roomcast", points: vec![(1.0, 5.0), (10.0, 4.0), (10_000.0, 4.0)] },
            Line { subject: "floor", points: vec![(1.0, 4.0)] },
        ];
        let svg = curve("by room size", "members", &lines).unwrap();
        for text in ["by room size", "members", "roomcast", "floor"] {
            assert!(svg.contains(text), "{text}");
        }
        assert_eq!(svg.matches("<circle").count(), 4);
    }
}
