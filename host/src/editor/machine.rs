//! The window driven by a machine: `--run`, `--screenshot FILE`, `--exit-after SECONDS`.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use egui::{Context, Event, UserData, ViewportCommand};

use super::{Action, Options};
use crate::error::{Code, Error, io_cause};

#[derive(Debug)]
pub struct Machine {
    started: Instant,
    run: bool,
    /// A picture of the window goes here, once it is due.
    screenshot: Option<PathBuf>,
    is_asked: bool,
    exit_after: Option<Duration>,
    failure: Failure,
}

/// What the program says when the window is closed.
pub type Failure = Rc<RefCell<Option<Error>>>;

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
            failure: Rc::clone(&options.failure),
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
                let what = format!("the picture of the window, {}, was not written", path.display());
                let error = Error::new(Code::Output, what).cause(io_cause(&error));
                self.failure.replace(Some(error.help("give --screenshot a path in a folder that exists")));
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
