//! What the engine uses and what is free, looked at once a second.

use std::time::{Duration, Instant};

use egui::Context;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Bytes, as the system counts them.
#[derive(Default)]
pub struct Memory {
    /// None where the system does not tell.
    system: Option<System>,
    looked: Option<Instant>,
    pub engine: Option<u64>,
    pub free: u64,
    pub total: u64,
}

const EVERY: Duration = Duration::from_secs(1);

impl Memory {
    pub fn look(&mut self, ctx: &Context, engine: Option<u32>) {
        let now = Instant::now();
        if self.looked.is_some_and(|looked| now - looked < EVERY) {
            return;
        }
        if self.looked.replace(now).is_none() {
            self.system = System::new().ok();
        }
        let Some(system) = &mut self.system else { return };
        system.refresh_memory();
        (self.free, self.total) = (system.available_memory(), system.total_memory());
        self.engine = engine.and_then(|id| {
            let id = Pid::from_u32(id);
            let kind = ProcessRefreshKind::nothing().with_memory();
            system.refresh_processes_specifics(ProcessesToUpdate::Some(&[id]), true, kind);
            system.process(id).map(sysinfo::Process::memory)
        });
        if engine.is_some() && ctx.input(|input| input.viewport().focused.unwrap_or(true)) {
            ctx.request_repaint_after(EVERY);
        }
    }
}
