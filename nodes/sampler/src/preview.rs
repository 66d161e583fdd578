//! What the picture looks like so far, for whoever watches.

use std::time::{Duration, Instant};

use plugin_api::{ErrorKind, Record, Result, Run, Session, Tensor};

/// No eye needs more pictures than one in this time.
const PAUSE: Duration = Duration::from_millis(100);
/// And the sampler spends no more than this part of its time on them.
const SHARE: u32 = 100;

/// When the next picture is due.
pub struct Preview {
    pause: Duration,
    last: Instant,
    /// The model has no `preview`, or it failed: there are no pictures of this run.
    is_off: bool,
}

impl Preview {
    /// The first one is due after a pause, too: whoever is done by then needs none.
    pub fn new() -> Self {
        Self { pause: PAUSE, last: Instant::now(), is_off: false }
    }

    /// Shows the denoised estimate `x0` where a picture is due. It must be evaluated already.
    ///
    /// # Errors
    /// The run was cancelled. A picture that fails is no reason to fail.
    pub fn show(&mut self, run: &Run, session: &Session, x0: &Tensor) -> Result<()> {
        if self.is_off || self.last.elapsed() < self.pause {
            return Ok(());
        }
        let start = Instant::now();
        let shown =
            session.call_tensor("preview", &Record::new().with("latent", x0)).and_then(|image| run.preview(&image));
        self.last = Instant::now();
        self.pause = PAUSE.max(start.elapsed() * SHARE);
        match shown {
            Err(error) if error.kind == ErrorKind::Cancelled => Err(error),
            shown => {
                self.is_off = shown.is_err();
                Ok(())
            }
        }
    }
}
