//! The table and the estimate as a picture: one panel a history, bars for the years, a line for the rate.

use actuary::history::{CREDIBILITY, History, LOSS_CAP, TABLE};

use super::{
    data::first_day,
    page::{rate, recorded_until},
};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 700.0;
/// The years that the panels show: some after the table, in which it fades.
const YEARS: (u64, u64) = (2020, 2029);

/// Where a panel is: its axes' left, top, right and bottom.
struct Panel {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    /// The top of its vertical axis, as a part of one.
    most: f64,
}

impl Panel {
    fn x(&self, time: u64) -> f64 {
        let [from, to] = [YEARS.0, YEARS.1].map(|year| first_day(year, 1) as f64 * 86_400.0);
        self.left + (time as f64 - from) / (to - from) * (self.right - self.left)
    }

    fn y(&self, rate: f64) -> f64 {
        self.bottom - rate / self.most * (self.bottom - self.top)
    }
}

/// The picture, `docs/history.svg`.
pub(crate) fn picture() -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"Helvetica,Arial,sans-serif\" font-size=\"13\">\n\
         <title>Yearly losses by cover type and the rate that follows from them</title>\n{STYLE}\n\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n"
    );
    out += &legend();
    let panels = TABLE.iter().filter(|history| !history.years.is_empty());
    for (index, history) in panels.enumerate() {
        let (column, row) = ((index % 2) as f64, (index / 2) as f64);
        let (left, top) = (76.0 + column * 472.0, 118.0 + row * 300.0);
        let rates = history.years.iter().map(|year| year.losses as f64 / year.exposure as f64);
        let highest = rates.fold(history.prior as f64 / 1e18, f64::max);
        let panel = Panel { left, top, right: left + 384.0, bottom: top + 208.0, most: ceiling(highest) };
        out += &draw(history, &panel);
    }
    out + "</svg>\n"
}

/// Blue and orange: told apart with any kind of colour vision, and in grey too.
const STYLE: &str = "<style>\
.page{fill:#fff}text{fill:#24292f}.soft{fill:#57606a}.grid{stroke:#d0d7de}.axis{stroke:#57606a}\
.bar{fill:#56b4e9}.over{fill:none;stroke:#0072b2;stroke-dasharray:3 3}\
.rate{fill:none;stroke:#b34700;stroke-width:2.5}.prior{stroke:#24292f;stroke-dasharray:7 4}\
@media(prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#e6edf3}.soft{fill:#9198a1}.grid{stroke:#30363d}\
.axis{stroke:#9198a1}.bar{fill:#1f6fa8}.over{stroke:#79c0ff}.rate{stroke:#ffa657}.prior{stroke:#e6edf3}}</style>";

fn legend() -> String {
    String::from(
        "<text x=\"28\" y=\"34\" font-size=\"18\" font-weight=\"600\">What was lost, and the loss rate that follows</text>\n\
         <rect class=\"bar\" x=\"28\" y=\"52\" width=\"22\" height=\"14\"/><text x=\"58\" y=\"64\">lost in the year</text>\
         <rect class=\"over\" x=\"192\" y=\"52\" width=\"22\" height=\"14\"/>\
         <text x=\"222\" y=\"64\">lost beyond the loss cap</text>\
         <path class=\"rate\" d=\"M420 59h30\"/><text x=\"458\" y=\"64\">rate of a product that begins on the day</text>\
         <path class=\"prior\" d=\"M770 59h30\"/><text x=\"808\" y=\"64\">prior</text>\n",
    )
}

fn draw(history: &History, panel: &Panel) -> String {
    let Panel { left, top, right, bottom, most } = *panel;
    let middle = (top + bottom) / 2.0;
    let mut out = format!(
        "<text x=\"{left}\" y=\"{}\" font-size=\"15\" font-weight=\"600\">{}</text>\n\
         <text class=\"soft\" text-anchor=\"middle\" transform=\"translate({} {middle}) rotate(-90)\">of the exposure, a year</text>\n",
        top - 14.0,
        history.name,
        left - 52.0,
    );
    for step in 0..=4 {
        let value = most * f64::from(step) / 4.0;
        let y = panel.y(value);
        let class = if step == 0 { "axis" } else { "grid" };
        out += &format!("<path class=\"{class}\" d=\"M{left} {y:.1}H{right}\"/>");
        out += &format!(
            "<text class=\"soft\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
            left - 8.0,
            y + 4.5,
            label(value)
        );
    }
    for year in YEARS.0..YEARS.1 {
        let [from, to] = [year, year + 1].map(|year| panel.x(first_day(year, 1) * 86_400));
        out += &format!(
            "<text class=\"soft\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{year}</text>",
            (from + to) / 2.0,
            bottom + 20.0
        );
    }
    out.push('\n');
    for year in history.years {
        let record = history.record(year, u128::from(CREDIBILITY)).expect("the table is within bounds");
        let lost = year.losses as f64 / year.exposure as f64;
        let counted = lost.min(lost * LOSS_CAP as f64 / record.loss.max(1) as f64);
        let [from, to] = [0, 1].map(|next| panel.x(first_day(u64::from(year.year) + next, 1) * 86_400));
        // the table may end within a year
        let to = to.min(panel.x(recorded_until()));
        let (x, width) = (from + 3.0, to - from - 6.0);
        let bar = |class: &str, low: f64, high: f64| {
            let (y, height) = (panel.y(high), panel.y(low) - panel.y(high));
            format!("<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>")
        };
        out += &bar("bar", 0.0, counted);
        if counted < lost {
            out += &bar("over", counted, lost);
        }
    }
    let prior = panel.y(history.prior as f64 / 1e18);
    out += &format!("\n<path class=\"prior\" d=\"M{left} {prior:.1}H{right}\"/>\n<path class=\"rate\" d=\"");
    let [from, to] = [YEARS.0, YEARS.1].map(|year| first_day(year, 1) * 86_400);
    // a point a month, and both sides of each record's date
    let mut times: Vec<_> = (from..=to).step_by(30 * 86_400).collect();
    times.extend(history.years.iter().flat_map(|year| [year.at - 1, year.at]));
    times.sort_unstable();
    for (index, time) in times.into_iter().enumerate() {
        let letter = if index == 0 { 'M' } else { 'L' };
        out += &format!("{letter}{:.1} {:.1}", panel.x(time), panel.y(rate(history, time)));
    }
    out + "\"/>\n"
}

/// The least round number at or above a rate that four steps divide well.
fn ceiling(rate: f64) -> f64 {
    let round = [0.004, 0.008, 0.01, 0.02, 0.032, 0.04, 0.06, 0.08, 0.1, 0.12, 0.16, 0.2, 0.4, 1.0];
    round.into_iter().find(|round| *round >= rate).unwrap_or(rate)
}

fn label(value: f64) -> String {
    let text = format!("{:.2}", value * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}
