//! Where the texts of a card are when they are set in DejaVu Sans Bold: a reader of as much SVG as the card uses.

/// A text and its box.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) said: String,
    /// The largest font size in it.
    pub(crate) size: f32,
    pub(crate) fills: Vec<[u8; 3]>,
    pub(crate) left: f32,
    pub(crate) right: f32,
    pub(crate) top: f32,
    pub(crate) bottom: f32,
}

impl Text {
    /// Whether two boxes have a point in common.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    /// Whether a point is well inside the box, away from what is beside it.
    pub(crate) fn within(&self, x: f32, y: f32) -> bool {
        (self.left + 2.0..=self.right - 2.0).contains(&x) && (self.top + 2.0..=self.bottom - 2.0).contains(&y)
    }

    /// Whether a point is in the box, but for a pixel's blur.
    pub(crate) fn has(&self, x: f32, y: f32) -> bool {
        (self.left - 1.0..=self.right + 1.0).contains(&x) && (self.top - 1.0..=self.bottom + 1.0).contains(&y)
    }
}

/// What an element passes on to those within it.
#[derive(Clone, Default)]
struct Style {
    size: f32,
    spacing: f32,
    middle: bool,
    end: bool,
    fill: [u8; 3],
}

/// The texts of a card, in its order.
pub(crate) fn texts(svg: &str) -> Vec<Text> {
    let mut styles = vec![Style::default()];
    let (mut texts, mut rest): (Vec<Text>, _) = (Vec::new(), svg);
    let mut current: Option<Text> = None;
    while let Some((said, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').expect("a tag ends");
        rest = after;
        let style = styles.last().expect("the root").clone();
        if let Some(text) = current.as_mut().filter(|_| !said.is_empty()) {
            let said = said.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
            let said = said.replace("&quot;", "\"").replace("&#39;", "'");
            text.right += said.chars().map(|c| advance(c) * style.size + style.spacing).sum::<f32>();
            text.top = text.top.min(text.bottom - ASCENT * style.size);
            text.size = text.size.max(style.size);
            text.said += &said;
            text.fills.push(style.fill);
        }
        match tag.strip_prefix('/') {
            Some("text") => {
                let mut text: Text = current.take().expect("a text ends that began");
                let width = text.right - text.left;
                let shift = if style.middle { width / 2.0 } else { width * f32::from(u8::from(style.end)) };
                text.left -= shift;
                text.right -= shift;
                text.bottom += DESCENT * text.size;
                texts.push(text);
                styles.pop();
            }
            Some(_) => drop(styles.pop()),
            None => {
                let style = inherit(&style, tag);
                if tag.starts_with("text ") {
                    let [x, y] = ["x", "y"].map(|name| number(tag, name).expect("a text has its place"));
                    let (said, fills) = (String::new(), Vec::new());
                    current = Some(Text { said, size: 0.0, fills, left: x, right: x, top: y, bottom: y });
                }
                if let Some(text) = &mut current {
                    text.right += number(tag, "dx").unwrap_or(0.0);
                }
                if !tag.ends_with('/') {
                    styles.push(style);
                }
            }
        }
    }
    texts
}

fn inherit(style: &Style, tag: &str) -> Style {
    let mut style = style.clone();
    style.size = number(tag, "font-size").unwrap_or(style.size);
    style.spacing = number(tag, "letter-spacing").unwrap_or(style.spacing);
    if let Some(anchor) = attribute(tag, "text-anchor") {
        (style.middle, style.end) = (anchor == "middle", anchor == "end");
    }
    if let Some(colour) = attribute(tag, "fill").and_then(|fill| fill.strip_prefix('#')) {
        let digits: String =
            if colour.len() == 3 { colour.chars().flat_map(|digit| [digit, digit]).collect() } else { colour.into() };
        style.fill = [0, 2, 4].map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("a colour"));
    }
    style
}

fn number(tag: &str, name: &str) -> Option<f32> {
    attribute(tag, name).map(|value| value.parse().expect("a number"))
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = tag.split_once(&format!(" {name}=\""))?;
    after.split_once('"').map(|(value, _)| value)
}

/// How far the font's letters go above and below the line, as parts of its size.
const ASCENT: f32 = 0.77;
const DESCENT: f32 = 0.24;

/// How wide a letter is, as a part of the font's size.
fn advance(c: char) -> f32 {
    match c {
        ' '..='~' => f32::from(ADVANCES[c as usize - 32]) / 1_000.0,
        // the dot of the state, three dots, letters of other scripts; the widest is what stands for an unknown one
        _ => 1.12,
    }
}

/// The advances of DejaVu Sans Bold from the space to the tilde, in thousandths of its size, rounded up.
#[rustfmt::skip]
const ADVANCES: [u16; 95] = [
    349, 457, 521, 838, 696, 1002, 873, 307, 458, 458, 523, 838, 380, 416, 380, 366,
    696, 696, 696, 696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 581,
    1000, 774, 763, 734, 831, 684, 684, 821, 837, 373, 373, 775, 638, 996, 837, 851,
    733, 851, 771, 721, 683, 813, 774, 1104, 771, 725, 726, 458, 366, 458, 838, 500,
    500, 675, 716, 593, 716, 679, 436, 716, 712, 343, 343, 666, 343, 1042, 712, 688,
    716, 716, 494, 596, 479, 712, 652, 924, 646, 652, 583, 712, 366, 712, 838,
];
