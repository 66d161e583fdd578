//! The window driven by a machine: `--run`, `--screenshot FILE`, `--exit-after SECONDS`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use egui::{Context, Event, UserData, ViewportCommand};

use super::{Action, Options};

#[derive(Debug)]
pub struct Machine {
    started: Instant,
    run: bool,
    /// A picture of the window goes here, once it is due.
    screenshot: Option<PathBuf>,
    is_asked: bool,
    exit_after: Option<Duration>,
}

/// When a picture of the window is taken where no end was given.
const DEFAULT_AFTER: Duration = Duration::from_secs(2);

impl Machine {
    pub fn new(options: &Options) -> Self {
        Self {
            started: Instant::now(),
            run: options.run,
            screenshot: options.screenshot.clone(),
            is_asked: false,
            exit_after: options.exit_after,
        }
    }

    /// The next thing to do, if one is due. The run comes first; picture and end wait until it is done.
    pub fn next(&mut self, ctx: &Context, now: Instant, is_busy: bool) -> Option<Action> {
        if self.screenshot.is_none() && self.exit_after.is_none() && !self.run {
            return None;
        }
        ctx.request_repaint_after(Duration::from_millis(50));
        if self.run && !is_busy {
            self.run = false;
            return Some(Action::Run);
        }
        let due = self.exit_after.unwrap_or(DEFAULT_AFTER);
        if is_busy || self.run || now - self.started < due {
            return None;
        }
        if let Some(path) = &self.screenshot {
            if !self.is_asked {
                self.is_asked = true;
                ctx.send_viewport_cmd(ViewportCommand::Screenshot(UserData::default()));
            }
            let image = ctx.input(|input| {
                let mut images = input.events.iter().filter_map(|event| match event {
                    Event::Screenshot { image, .. } => Some(std::sync::Arc::clone(image)),
                    _ => None,
                });
                images.next_back()
            })?;
            if let Err(error) = write(path, &image) {
                eprintln!("error: the picture of the window was not written: {error}");
            }
            self.screenshot = None;
        }
        self.exit_after.take().map(|_| Action::Quit)
    }
}

fn write(path: &std::path::Path, image: &egui::ColorImage) -> std::io::Result<()> {
    let [width, height] = image.size;
    let pixels: Vec<u8> = image.pixels.iter().flat_map(|pixel| [pixel.r(), pixel.g(), pixel.b()]).collect();
    let mut png = std::io::Cursor::new(Vec::new());
    image::write_buffer_with_format(
        &mut png,
        &pixels,
        width as u32,
        height as u32,
        image::ExtendedColorType::Rgb8,
        image::ImageFormat::Png,
    )
    .map_err(std::io::Error::other)?;
    crate::atomic::replace(path, png.get_ref())
}
