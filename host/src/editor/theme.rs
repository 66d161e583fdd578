//! Colours, sizes and type: the only place where they stand. Panels and nodes name a token, never a colour.

use egui::ecolor::{Hsva, Rgba};
use egui::epaint::FontColorTransferFunction;
use egui::{Color32, CornerRadius, FontDefinitions, FontFamily, FontId, Stroke, TextStyle, Visuals};

/// The tokens of one theme.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Theme {
    pub is_dark: bool,
    /// Behind the nodes.
    pub canvas: Color32,
    /// The dots of the canvas.
    pub grid: Color32,
    /// Side panels and bars.
    pub panel: Color32,
    /// Lines between panels, borders of nodes and fields.
    pub line: Color32,
    /// The body of a node, cards in panels.
    pub raised: Color32,
    /// The field of a value.
    pub field: Color32,
    /// A field or button under the pointer.
    pub hovered: Color32,
    pub text: Color32,
    /// Labels, help, units.
    pub quiet: Color32,
    /// Selection, running, the Run button.
    pub accent: Color32,
    /// Text on `accent`.
    pub on_accent: Color32,
    pub good: Color32,
    pub warning: Color32,
    pub error: Color32,
    pub shadow: Color32,
}

pub const DARK: Theme = Theme {
    is_dark: true,
    canvas: Color32::from_rgb(0x14, 0x15, 0x1a),
    grid: Color32::from_rgb(0x26, 0x28, 0x31),
    panel: Color32::from_rgb(0x1b, 0x1d, 0x24),
    line: Color32::from_rgb(0x2f, 0x32, 0x3d),
    raised: Color32::from_rgb(0x23, 0x26, 0x2f),
    field: Color32::from_rgb(0x17, 0x19, 0x20),
    hovered: Color32::from_rgb(0x2e, 0x32, 0x3e),
    text: Color32::from_rgb(0xe8, 0xea, 0xf0),
    quiet: Color32::from_rgb(0x9a, 0xa1, 0xb2),
    accent: Color32::from_rgb(0xf2, 0x8c, 0x4b),
    on_accent: Color32::from_rgb(0x1d, 0x12, 0x0a),
    good: Color32::from_rgb(0x5f, 0xc9, 0x8f),
    warning: Color32::from_rgb(0xe8, 0xb9, 0x4a),
    error: Color32::from_rgb(0xf2, 0x75, 0x75),
    shadow: Color32::from_black_alpha(0x60),
};

pub const LIGHT: Theme = Theme {
    is_dark: false,
    canvas: Color32::from_rgb(0xec, 0xed, 0xf0),
    grid: Color32::from_rgb(0xd3, 0xd6, 0xdd),
    panel: Color32::from_rgb(0xf8, 0xf8, 0xfa),
    line: Color32::from_rgb(0xd5, 0xd8, 0xdf),
    raised: Color32::from_rgb(0xff, 0xff, 0xff),
    field: Color32::from_rgb(0xf1, 0xf2, 0xf5),
    hovered: Color32::from_rgb(0xe4, 0xe7, 0xed),
    text: Color32::from_rgb(0x1d, 0x20, 0x29),
    quiet: Color32::from_rgb(0x5d, 0x65, 0x76),
    accent: Color32::from_rgb(0xad, 0x4c, 0x0e),
    on_accent: Color32::from_rgb(0xff, 0xff, 0xff),
    good: Color32::from_rgb(0x16, 0x75, 0x44),
    warning: Color32::from_rgb(0x85, 0x5a, 0x00),
    error: Color32::from_rgb(0xc0, 0x2d, 0x2d),
    shadow: Color32::from_black_alpha(0x22),
};

/// The link kinds that Weft's own nodes use, in the dark and in the light theme. They differ in lightness as well as in
/// hue, so that those who cannot tell red from green can tell them apart.
const KINDS: [(&str, Color32, Color32); 10] = [
    ("MODEL", Color32::from_rgb(0xd3, 0xc3, 0xff), Color32::from_rgb(0x4b, 0x36, 0xa1)),
    ("TEXT_ENCODER", Color32::from_rgb(0xdc, 0xde, 0x89), Color32::from_rgb(0xaa, 0x83, 0x00)),
    ("VAE", Color32::from_rgb(0xcf, 0x72, 0x7d), Color32::from_rgb(0xd7, 0x5d, 0x7c)),
    ("CONDITIONING", Color32::from_rgb(0xfa, 0xad, 0x59), Color32::from_rgb(0x9d, 0x33, 0x05)),
    ("LATENT", Color32::from_rgb(0xff, 0x96, 0xc2), Color32::from_rgb(0x80, 0x19, 0x6b)),
    ("IMAGE", Color32::from_rgb(0x48, 0xc0, 0xfc), Color32::from_rgb(0x26, 0x8b, 0xe7)),
    ("MASK", Color32::from_rgb(0x7b, 0xbd, 0x68), Color32::from_rgb(0x08, 0x5d, 0x25)),
    ("UPSCALE_MODEL", Color32::from_rgb(0x90, 0x84, 0xdf), Color32::from_rgb(0x24, 0x62, 0xc3)),
    ("TEXT", Color32::from_rgb(0xb3, 0x8e, 0x02), Color32::from_rgb(0x45, 0x88, 0x01)),
    ("INT", Color32::from_rgb(0x63, 0xf4, 0xd2), Color32::from_rgb(0x09, 0x97, 0xa0)),
];

/// Corner radius of nodes and cards, in points.
pub const RADIUS: u8 = 8;
/// Corner radius of fields and buttons.
pub const FIELD_RADIUS: u8 = 5;
/// Between things that belong together.
pub const GAP: f32 = 6.0;
/// Between things that do not, and inside cards.
pub const SPACE: f32 = 12.0;
/// Height of a field.
pub const FIELD: f32 = 24.0;
/// Width of a node.
pub const NODE_WIDTH: f32 = 250.0;
pub const BODY: f32 = 14.0;
pub const SMALL: f32 = 12.0;
pub const HEADING: f32 = 18.0;

impl Theme {
    /// The theme that `ui` is drawn in.
    pub fn of(ui: &egui::Ui) -> &'static Self {
        if ui.visuals().dark_mode { &DARK } else { &LIGHT }
    }

    /// The colour of a link kind: a fixed one for those that Weft's own nodes use, one by its name for others.
    pub fn kind(&self, kind: &str) -> Color32 {
        let known = match kind {
            "*" => return self.quiet,
            "BOOL" | "FLOAT" => "INT",
            kind => kind,
        };
        if let Some((_, dark, light)) = KINDS.iter().find(|(name, ..)| *name == known) {
            return if self.is_dark { *dark } else { *light };
        }
        let hash = kind.bytes().fold(7u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
        let hue = (hash % 360) as f32 / 360.0;
        if self.is_dark {
            return Hsva::new(hue, 0.52, 0.92, 1.0).into();
        }
        // Yellow and cyan of the same value are far lighter than blue, and would be lost on a light ground.
        let colour = Rgba::from(Hsva::new(hue, 0.85, 0.8, 1.0));
        let share = (0.17 / colour.intensity()).min(1.0);
        Rgba::from_rgb(colour.r() * share, colour.g() * share, colour.b() * share).into()
    }

    fn visuals(&self) -> Visuals {
        let mut visuals = if self.is_dark { Visuals::dark() } else { Visuals::light() };
        let radius = CornerRadius::same(FIELD_RADIUS);
        visuals.panel_fill = self.panel;
        visuals.window_fill = self.panel;
        visuals.window_stroke = Stroke::new(1.0, self.line);
        visuals.window_corner_radius = CornerRadius::same(RADIUS);
        visuals.menu_corner_radius = CornerRadius::same(RADIUS);
        visuals.extreme_bg_color = self.field;
        visuals.text_edit_bg_color = Some(self.field);
        visuals.faint_bg_color = self.raised;
        visuals.code_bg_color = self.field;
        visuals.hyperlink_color = self.accent;
        visuals.warn_fg_color = self.warning;
        visuals.error_fg_color = self.error;
        visuals.selection.bg_fill = self.accent.gamma_multiply(if self.is_dark { 0.35 } else { 0.25 });
        visuals.selection.stroke = Stroke::new(1.0, self.text);
        if !self.is_dark {
            // The type is a light one: dark on bright it looks thinner than it is.
            visuals.text_options.color_transfer_function = FontColorTransferFunction::Gamma(0.7);
        }
        visuals.window_shadow = egui::Shadow { offset: [0, 8], blur: 24, spread: 0, color: self.shadow };
        visuals.popup_shadow = egui::Shadow { offset: [0, 4], blur: 14, spread: 0, color: self.shadow };
        let widgets = &mut visuals.widgets;
        widgets.noninteractive.bg_fill = self.panel;
        widgets.noninteractive.weak_bg_fill = self.panel;
        widgets.noninteractive.bg_stroke = Stroke::new(1.0, self.line);
        widgets.noninteractive.fg_stroke = Stroke::new(1.0, self.text);
        widgets.noninteractive.corner_radius = radius;
        let states = [
            (&mut widgets.inactive, self.field, self.line),
            (&mut widgets.hovered, self.hovered, self.quiet),
            (&mut widgets.active, self.hovered, self.accent),
            (&mut widgets.open, self.hovered, self.line),
        ];
        for (widget, fill, line) in states {
            widget.bg_fill = fill;
            widget.weak_bg_fill = fill;
            widget.bg_stroke = Stroke::new(1.0, line);
            widget.fg_stroke = Stroke::new(1.2, self.text);
            widget.corner_radius = radius;
            widget.expansion = 0.0;
        }
        visuals
    }
}

/// Gives both themes to egui, with type sizes and spacing.
pub fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts());
    // Text size has keys of our own, which the key map shows.
    ctx.options_mut(|options| options.zoom_with_keyboard = false);
    ctx.set_visuals_of(egui::Theme::Dark, DARK.visuals());
    ctx.set_visuals_of(egui::Theme::Light, LIGHT.visuals());
    ctx.all_styles_mut(|style| {
        let size = |size| FontId::new(size, FontFamily::Proportional);
        style.text_styles = [
            (TextStyle::Small, size(SMALL)),
            (TextStyle::Body, size(BODY)),
            (TextStyle::Button, size(BODY)),
            (TextStyle::Heading, size(HEADING)),
            (TextStyle::Monospace, FontId::new(BODY - 1.0, FontFamily::Monospace)),
        ]
        .into();
        // On a canvas that zooms nothing lies on whole pixels.
        #[cfg(debug_assertions)]
        (style.debug.show_unaligned = false);
        // A hand that goes over fields is not stopped by their help.
        style.interaction.tooltip_delay = 0.7;
        style.spacing.item_spacing = egui::vec2(GAP, GAP);
        style.spacing.button_padding = egui::vec2(9.0, 3.0);
        style.spacing.interact_size = egui::vec2(40.0, FIELD);
        style.spacing.window_margin = egui::Margin::same(SPACE as i8);
        style.spacing.menu_margin = egui::Margin::same(GAP as i8);
    });
}

/// egui's own type, and the icons.
fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    egui_phosphor::add_to_fonts(&mut fonts, egui_phosphor::Variant::Regular);
    fonts
}

/// Whether the window is dark now.
pub fn is_dark(ctx: &egui::Context) -> bool {
    ctx.theme() == egui::Theme::Dark
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(colour: Color32) -> f32 {
        let colour = Rgba::from(colour);
        0.2126 * colour.r() + 0.7152 * colour.g() + 0.0722 * colour.b()
    }

    /// As WCAG counts it: 1 to 21.
    fn contrast(one: Color32, other: Color32) -> f32 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn text_can_be_read_on_every_ground() {
        for theme in [DARK, LIGHT] {
            for ground in [theme.canvas, theme.panel, theme.raised, theme.field, theme.hovered] {
                for text in [theme.text, theme.quiet, theme.good, theme.warning, theme.error] {
                    assert!(contrast(text, ground) >= 4.5, "{text:?} on {ground:?}: {}", contrast(text, ground));
                }
            }
            for ground in [theme.canvas, theme.panel, theme.raised, theme.field, theme.on_accent] {
                assert!(contrast(theme.accent, ground) >= 4.5, "accent on {ground:?}");
            }
        }
    }

    /// Lightness and two axes of colour, each about as far as the eye sees it (OKLab).
    fn lab(colour: [f32; 3]) -> [f32; 3] {
        let [r, g, b] = colour;
        let l = (0.412_22 * r + 0.536_33 * g + 0.051_45 * b).max(0.0).cbrt();
        let m = (0.211_9 * r + 0.680_7 * g + 0.107_4 * b).max(0.0).cbrt();
        let s = (0.088_3 * r + 0.281_72 * g + 0.629_98 * b).max(0.0).cbrt();
        [
            0.210_45 * l + 0.793_62 * m - 0.004_07 * s,
            1.978 * l - 2.428_59 * m + 0.450_59 * s,
            0.025_9 * l + 0.782_77 * m - 0.808_68 * s,
        ]
    }

    fn distance(one: [f32; 3], other: [f32; 3]) -> f32 {
        let (one, other) = (lab(one), lab(other));
        one.iter().zip(other).map(|(one, other)| (one - other).powi(2)).sum::<f32>().sqrt()
    }

    /// As those see it who lack green, the most common kind of colour blindness (Machado and others, 2009).
    fn without_green([r, g, b]: [f32; 3]) -> [f32; 3] {
        [
            0.367_3 * r + 0.860_6 * g - 0.228 * b,
            0.280_1 * r + 0.672_5 * g + 0.047_4 * b,
            -0.011_8 * r + 0.042_9 * g + 0.968_9 * b,
        ]
        .map(|part| part.clamp(0.0, 1.0))
    }

    #[test]
    fn kinds_can_be_told_apart() {
        for theme in [DARK, LIGHT] {
            let colours: Vec<(&str, [f32; 3])> = KINDS
                .iter()
                .map(|(kind, ..)| {
                    let colour = Rgba::from(theme.kind(kind));
                    (*kind, [colour.r(), colour.g(), colour.b()])
                })
                .collect();
            for (index, (one, a)) in colours.iter().enumerate() {
                for (other, b) in &colours[..index] {
                    let (seen, blind) = (distance(*a, *b), distance(without_green(*a), without_green(*b)));
                    assert!(seen > 0.1 && blind > 0.07, "{one} and {other}: {seen} {blind}");
                }
            }
        }
    }

    #[test]
    fn kinds_can_be_seen_on_the_canvas() {
        let others = (0..200).map(|index| format!("KIND_{index}"));
        for kind in KINDS.iter().map(|(kind, ..)| (*kind).to_owned()).chain(["*".to_owned()]).chain(others) {
            for theme in [DARK, LIGHT] {
                let colour = theme.kind(&kind);
                let least = contrast(colour, theme.canvas).min(contrast(colour, theme.raised));
                assert!(least >= 2.95, "{kind} {colour:?}: {least}");
            }
        }
    }
}
