//! Models and sessions: looking up an architecture, building its network once, calling it inside its hooks.

use std::cell::RefCell;
use std::ffi::c_void;
use std::rc::Rc;

use plugin_api::abi::{Flag, HookTable, ModelView, NextFn, RawRun, RawSession, RawValue, RawWeights, Status, Text};
use plugin_api::{Error, ErrorKind, Result, Role};

use super::at_work::{self, Plugin};
use super::error;
use super::live::{self, Kind};
use super::run::Run;
use super::value::Value;
use super::weights;
use crate::plugins::{Architecture, Registry};
use crate::weights::Weights;

/// What a model value holds.
#[derive(Debug)]
pub struct Model {
    pub architecture: &'static Architecture,
    config: Rc<str>,
    pub weights: Weights,
    hooks: Vec<(String, Rc<Hook>)>,
    /// Built at a session; shared by models that differ in their hooks alone.
    net: Rc<RefCell<Option<Rc<Net>>>>,
}

#[derive(Debug)]
struct Net {
    architecture: &'static Architecture,
    net: *mut c_void,
}

impl Drop for Net {
    fn drop(&mut self) {
        // SAFETY: made by this architecture's `build`, freed once.
        at_work::visit(&self.architecture.plugin, || unsafe { (self.architecture.entry.free)(self.net) });
    }
}

#[derive(Debug)]
struct Hook {
    table: &'static HookTable,
    payload: *mut c_void,
    plugin: Plugin,
}

impl Drop for Hook {
    fn drop(&mut self) {
        // SAFETY: the plugin's own function; called once.
        at_work::visit(self.plugin, || unsafe { (self.table.free)(self.payload) });
    }
}

impl Model {
    fn net(&self) -> Result<Rc<Net>> {
        if let Some(net) = &*self.net.borrow() {
            return Ok(Rc::clone(net));
        }
        let mut net = std::ptr::null_mut();
        super::run::expect_loading(self.weights.bytes());
        let raw = weights::to_raw(self.weights.clone());
        // SAFETY: lent for the call; the handle is freed after it. An error is ours.
        unsafe {
            let Architecture { entry, plugin, .. } = self.architecture;
            let build = || (entry.build)(entry.payload, Text::text(&self.config), raw, &raw mut net);
            let status = at_work::enter(plugin, build);
            weights::free(raw);
            error::take(status)?;
        }
        let net = Rc::new(Net { architecture: self.architecture, net });
        *self.net.borrow_mut() = Some(Rc::clone(&net));
        Ok(net)
    }

    /// Gives back what stands in memory for changed weights alone: they are made again when they are needed. What the files
    /// hold stays.
    pub fn release_changes(&self) {
        if self.weights.is_changed() {
            *self.net.borrow_mut() = None;
            self.weights.forget_changes();
        }
    }

    /// Gives back all that was read of it: no node of this run takes it any more. Whoever does reads it again.
    fn release(&self) {
        *self.net.borrow_mut() = None;
        self.weights.forget();
    }

    /// [`Model::release`], but for what models that are still wanted share with it: the network of one that differs in its
    /// hooks, the weights of one that changes them.
    pub fn release_but_for(&self, wanted: impl Iterator<Item = Rc<Self>>) {
        let wanted: Vec<_> = wanted.filter(|other| other.weights.shares_with(&self.weights)).collect();
        if wanted.is_empty() {
            self.release();
        } else if !wanted.iter().any(|other| Rc::ptr_eq(&other.net, &self.net)) {
            *self.net.borrow_mut() = None;
            self.weights.forget_changes();
        }
    }

    /// A text encoder can be larger than what comes after it and is done once the prompt is encoded; the conditioning
    /// stays in the output cache. Another prompt reads the weights again.
    ///
    /// What a network computed with is of no use to the next one, whose tensors have other sizes: it goes back to the system.
    fn release_after_use(&self) {
        if self.architecture.role == Role::TextEncoder.kind() {
            self.release();
        }
        super::clear_spare_buffers();
    }
}

/// One use of a model, with the states of its hooks.
struct Session {
    model: Rc<Model>,
    net: Rc<Net>,
    run: *const Run,
    states: Vec<State>,
    /// The arguments of the call that is under way, for the hooks.
    step: RefCell<Value>,
}

struct State {
    hook: Rc<Hook>,
    state: *mut c_void,
}

impl Drop for State {
    fn drop(&mut self) {
        // SAFETY: made by this hook's `start`, freed once.
        at_work::visit(self.hook.plugin, || unsafe { (self.hook.table.finish)(self.state) });
    }
}

unsafe fn model_of<'a>(value: *const RawValue) -> Result<&'a Rc<Model>> {
    // SAFETY: a live handle.
    match unsafe { Value::get(value) } {
        Value::Model(model) => Ok(model),
        other => Err(Error::new(ErrorKind::Plugin, format!("a model is needed, not {:?}", other.tag()))),
    }
}

unsafe fn session_of<'a>(raw: *const RawSession) -> &'a Session {
    // SAFETY: every session handle was made by `session_open`.
    unsafe { &*raw.cast::<Session>() }
}

pub unsafe extern "C" fn new(
    architecture: Text,
    config: Text,
    weights: *const RawWeights,
    out: *mut *mut RawValue,
) -> Status {
    // SAFETY: lent text and handle, a valid target.
    unsafe {
        error::status(out, || {
            let id = architecture.to_text();
            let architecture = Registry::get().architecture(&id).ok_or_else(|| {
                Error::new(ErrorKind::Plugin, format!("no plugin brings the architecture `{id}`"))
                    .help("install the plugin that has it")
            })?;
            let model = Model {
                architecture,
                config: config.to_text().into(),
                weights: weights::get(weights).clone(),
                hooks: Vec::new(),
                net: Rc::default(),
            };
            Ok(Value::Model(Rc::new(model)).into_raw())
        })
    }
}

pub unsafe extern "C" fn view(model: *const RawValue, out: *mut ModelView) -> Flag {
    if !live::is_ours() {
        return 0;
    }
    // SAFETY: a live handle; the text lives in the model or for ever.
    let Ok(model) = (unsafe { model_of(model) }) else { return 0 };
    let view = ModelView {
        role: Text::text(&model.architecture.role),
        architecture: Text::text(&model.architecture.id),
        config: Text::text(&model.config),
    };
    // SAFETY: a valid target.
    unsafe { out.write(view) };
    1
}

pub unsafe extern "C" fn weights(model: *const RawValue) -> *mut RawWeights {
    if !live::is_ours() {
        return std::ptr::null_mut();
    }
    // SAFETY: a live handle.
    unsafe { model_of(model) }.map_or(std::ptr::null_mut(), |model| weights::to_raw(model.weights.clone()))
}

pub unsafe extern "C" fn with_weights(
    model: *const RawValue,
    weights: *const RawWeights,
    out: *mut *mut RawValue,
) -> Status {
    // SAFETY: live handles, a valid target.
    unsafe {
        error::status(out, || {
            let model = model_of(model)?;
            let changed = Model {
                architecture: model.architecture,
                config: Rc::clone(&model.config),
                weights: weights::get(weights).clone(),
                hooks: model.hooks.clone(),
                net: Rc::default(),
            };
            Ok(Value::Model(Rc::new(changed)).into_raw())
        })
    }
}

pub unsafe extern "C" fn with_hook(
    model: *const RawValue,
    point: Text,
    hook: *const HookTable,
    payload: *mut c_void,
    out: *mut *mut RawValue,
) -> Status {
    // SAFETY: a live handle, a table that lives for ever, lent text, a valid target.
    unsafe {
        error::status(out, || {
            // Owned from here on, so that the payload is freed on every way out.
            let hook = Rc::new(Hook { table: error::table(hook, "a hook")?, payload, plugin: at_work::running() });
            let model = model_of(model)?;
            let mut hooks = model.hooks.clone();
            hooks.push((point.to_text(), hook));
            let hooked = Model {
                architecture: model.architecture,
                config: Rc::clone(&model.config),
                weights: model.weights.clone(),
                hooks,
                net: Rc::clone(&model.net),
            };
            Ok(Value::Model(Rc::new(hooked)).into_raw())
        })
    }
}

pub unsafe extern "C" fn detect(role: Text, weights: *const RawWeights) -> Text {
    if !live::is_ours() {
        return Text::text("");
    }
    // SAFETY: lent text and handle; the plugin's function catches; the id lives for ever.
    unsafe {
        let role = role.to_text();
        let knows = |Architecture { entry, plugin, role: own, .. }: &&'static Architecture| {
            *own == role && at_work::visit(plugin, || (entry.detect)(entry.payload, weights)) != 0
        };
        Registry::get().architectures().find(knows).map_or(Text::text(""), |found| Text::text(&found.id))
    }
}

pub unsafe extern "C" fn session_open(
    model: *const RawValue,
    run: *const RawRun,
    info: *const RawValue,
    out: *mut *mut RawSession,
) -> Status {
    // SAFETY: live handles, a valid target.
    unsafe {
        error::status(out, || {
            let model = Rc::clone(model_of(model)?);
            let net = model.net()?;
            let start = |(_, hook): &(String, Rc<Hook>)| {
                let mut state = std::ptr::null_mut();
                error::take(at_work::enter(hook.plugin, || {
                    (hook.table.start)(hook.payload, run, info, &raw mut state)
                }))?;
                Ok(State { hook: Rc::clone(hook), state })
            };
            let states = model.hooks.iter().map(start).collect::<Result<_>>()?;
            let session = Session { model, net, run: Run::get(run)?, states, step: RefCell::new(Value::Null) };
            live::made(Kind::Session);
            Ok(Box::into_raw(Box::new(session)).cast())
        })
    }
}

pub unsafe extern "C" fn session_free(session: *mut RawSession) {
    if session.is_null() || !live::is_ours() {
        return;
    }
    live::gone(Kind::Session);
    // SAFETY: a handle of ours, freed once.
    let Session { model, .. } = *unsafe { Box::from_raw(session.cast::<Session>()) };
    model.release_after_use();
}

pub unsafe extern "C" fn session_call(
    session: *const RawSession,
    method: Text,
    args: *const RawValue,
    out: *mut *mut RawValue,
) -> Status {
    // SAFETY: live handles, lent text, a valid target; the plugin's function catches.
    unsafe {
        error::status(out, || {
            let this = session_of(session);
            *this.step.borrow_mut() = Value::get(args).clone();
            let mut result = std::ptr::null_mut();
            let Architecture { id, entry, plugin, .. } = this.model.architecture;
            let call = || (entry.call)(this.net.net, session, method, args, &raw mut result);
            error::take(at_work::enter(plugin, call))?;
            if result.is_null() {
                return Err(Error::new(ErrorKind::Plugin, format!("the architecture `{id}` returned nothing")));
            }
            Ok(result)
        })
    }
}

pub unsafe extern "C" fn session_around(
    session: *const RawSession,
    point: Text,
    input: *const RawValue,
    next: NextFn,
    next_payload: *mut c_void,
    out: *mut *mut RawValue,
) -> Status {
    if let Err(error) = error::guard(|| Ok(())) {
        return error::to_raw(error);
    }
    // SAFETY: a live handle, lent text.
    let (this, point) = unsafe { (session_of(session), point.get()) };
    let at_point = |(index, (name, _)): (usize, &(String, Rc<Hook>))| (name.as_bytes() == point).then_some(index);
    let hooks: Vec<usize> = this.model.hooks.iter().enumerate().filter_map(at_point).collect();
    let chain = Chain { session: this, hooks: &hooks, next, next_payload };
    // SAFETY: the input is lent and the target valid for this call.
    unsafe { chain.call(input, out) }
}

/// What is left of the hooks of a point: the last one is the outermost.
struct Chain<'a> {
    session: &'a Session,
    hooks: &'a [usize],
    next: NextFn,
    next_payload: *mut c_void,
}

impl Chain<'_> {
    unsafe fn call(&self, input: *const RawValue, out: *mut *mut RawValue) -> Status {
        let Some((&last, hooks)) = self.hooks.split_last() else {
            // SAFETY: the architecture's own continuation, valid for this call.
            let next = || unsafe { (self.next)(self.next_payload, input, out) };
            return at_work::enter(&self.session.model.architecture.plugin, next);
        };
        let inner = Chain { hooks, ..*self };
        let State { hook, state } = &self.session.states[last];
        let step = self.session.step.borrow().clone().into_raw();
        // SAFETY: hook and state belong together; `inner` outlives the call; the step is freed after it.
        unsafe {
            let payload = (&raw const inner).cast_mut().cast::<c_void>();
            let around = || (hook.table.around)(hook.payload, *state, step, input, call_inner, payload, out);
            let status = at_work::enter(hook.plugin, around);
            super::value::free(step);
            status
        }
    }
}

unsafe extern "C" fn call_inner(payload: *mut c_void, input: *const RawValue, out: *mut *mut RawValue) -> Status {
    // SAFETY: the `inner` of `Chain::call`, which is waiting for this call.
    unsafe { (*payload.cast::<Chain<'_>>()).call(input, out) }
}

pub unsafe extern "C" fn session_run(session: *const RawSession) -> *const RawRun {
    // SAFETY: a live handle; the run outlives the session.
    if live::is_ours() { unsafe { session_of(session) }.run.cast() } else { std::ptr::null() }
}
