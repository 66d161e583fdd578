//! Weights in memory, models, and sessions with their hooks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::rc::Rc;

use super::array::Array;
use super::compute;
use super::values::{Cell, Val, cell, free, get, handle, made, status, val};
use crate::abi::{
    ArchitectureEntry, Flag, HookTable, ModelView, NextFn, PatchTable, RawRun, RawSession, RawTensor, RawValue,
    RawWeights, Slice, Status, TensorRows, TensorView, Text,
};
use crate::{Dtype, Error, Result};

/// What is behind a weights handle.
pub type Tensors = Rc<BTreeMap<String, Array>>;

thread_local! {
    /// What [`super::architecture`] registered.
    pub static ARCHITECTURES: RefCell<Vec<&'static ArchitectureEntry>> = const { RefCell::new(Vec::new()) };
    /// What [`super::weights_file`] put there: the mock opens no files.
    pub static FILES: RefCell<BTreeMap<String, Tensors>> = const { RefCell::new(BTreeMap::new()) };
    /// What [`super::weights_metadata`] said of them.
    pub static METADATA: RefCell<BTreeMap<String, BTreeMap<String, String>>> = const { RefCell::new(BTreeMap::new()) };
}

#[derive(Clone)]
pub struct MockModel {
    architecture: &'static ArchitectureEntry,
    config: String,
    weights: Tensors,
    hooks: Vec<(String, Rc<Hook>)>,
}

impl MockModel {
    pub fn role(&self) -> Text {
        self.architecture.role
    }
}

struct Hook {
    table: &'static HookTable,
    payload: *mut c_void,
}

impl Drop for Hook {
    fn drop(&mut self) {
        // SAFETY: the plugin's own function, called once.
        unsafe { (self.table.free)(self.payload) }
    }
}

unsafe fn tensors<'a>(raw: *const RawWeights) -> &'a Tensors {
    // SAFETY: a live handle, by the caller's word.
    unsafe { get(raw) }
}

pub unsafe extern "C" fn weights_open(path: Text, out: *mut *mut RawWeights) -> Status {
    // SAFETY: lent text, a valid target.
    unsafe {
        status(out, || {
            let path = path.to_text();
            let found = FILES.with_borrow(|files| files.get(&path).cloned());
            Ok(handle(found.ok_or_else(|| Error::file(format!("the mock host has no file `{path}`")))?))
        })
    }
}

pub unsafe extern "C" fn weights_clone(weights: *const RawWeights) -> *mut RawWeights {
    // SAFETY: a live handle.
    handle(Rc::clone(unsafe { tensors(weights) }))
}

pub unsafe extern "C" fn weights_len(weights: *const RawWeights) -> usize {
    // SAFETY: a live handle.
    unsafe { tensors(weights) }.len()
}

unsafe fn fill(found: Option<(&String, &Array)>, out: *mut TensorView) -> Flag {
    let Some((name, array)) = found else { return 0 };
    let (dtype, stored) = (array.dtype as u32, Text::text(stored_name(array.dtype)));
    let view = TensorView { name: Text::text(name), dtype, shape: Slice::of(&array.shape), stored };
    // SAFETY: a valid target, by the caller's word.
    unsafe { out.write(view) };
    1
}

pub unsafe extern "C" fn weights_at(weights: *const RawWeights, index: usize, out: *mut TensorView) -> Flag {
    // SAFETY: a live handle, whose names live as long; a valid target.
    unsafe { fill(tensors(weights).iter().nth(index), out) }
}

pub unsafe extern "C" fn weights_find(weights: *const RawWeights, name: Text, out: *mut TensorView) -> Flag {
    // SAFETY: as above.
    unsafe { fill(tensors(weights).get_key_value(&name.to_text()), out) }
}

/// As safetensors names it.
const fn stored_name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::Bool => "BOOL",
        Dtype::Uint8 => "U8",
        Dtype::Uint32 => "U32",
        Dtype::Int32 => "I32",
        Dtype::Int64 => "I64",
        Dtype::Float16 => "F16",
        Dtype::Bfloat16 => "BF16",
        Dtype::Float32 => "F32",
    }
}

unsafe fn named<'a>(weights: *const RawWeights, name: &str) -> Result<&'a Array> {
    // SAFETY: a live handle, by the caller's word.
    let found = unsafe { tensors(weights) }.get(name);
    found.ok_or_else(|| Error::file(format!("the tensor `{name}` is missing")))
}

pub unsafe extern "C" fn weights_tensor(weights: *const RawWeights, name: Text) -> *mut RawTensor {
    // SAFETY: a live handle, lent text.
    made(|| unsafe { named(weights, &name.to_text()) }.cloned())
}

pub unsafe extern "C" fn weights_linear(weights: *const RawWeights, name: Text, x: *const RawTensor) -> *mut RawTensor {
    // SAFETY: live handles, lent text.
    made(|| unsafe {
        let name = name.to_text();
        let weight = compute::transpose(named(weights, &format!("{name}.weight"))?, &[])?;
        let product = compute::matmul(cell(x).as_ref().map_err(Clone::clone)?, &weight)?;
        match named(weights, &format!("{name}.bias")) {
            Ok(bias) => compute::add(&product, bias),
            Err(_) => Ok(product),
        }
    })
}

pub unsafe extern "C" fn weights_select(weights: *const RawWeights, from: Text, to: Text) -> *mut RawWeights {
    // SAFETY: a live handle, lent text.
    let (weights, from, to) = unsafe { (tensors(weights), from.to_text(), to.to_text()) };
    let renamed =
        |(name, array): (&String, &Array)| Some((format!("{to}{}", name.strip_prefix(&from)?), array.clone()));
    handle::<Tensors, _>(Rc::new(weights.iter().filter_map(renamed).collect()))
}

pub unsafe extern "C" fn weights_views(
    weights: *const RawWeights,
    views: Slice<TensorRows>,
    out: *mut *mut RawWeights,
) -> Status {
    // SAFETY: a live handle, lent views, a valid target.
    unsafe {
        status(out, || {
            let rows = |view: &TensorRows| {
                let (whole, shape) = (named(weights, &view.of.to_text())?, view.shape.get());
                let row = whole.data.len() / whole.shape.first().map_or(1, |rows| *rows as usize);
                let start = view.first_row as usize * row;
                let data = whole.data[start..start + shape.iter().product::<i32>() as usize].to_vec();
                Ok((view.name.to_text(), Array::new(shape, data, whole.dtype)?))
            };
            Ok(handle::<Tensors, _>(Rc::new(views.get().iter().map(rows).collect::<Result<_>>()?)))
        })
    }
}

pub unsafe extern "C" fn weights_transpose(
    weights: *const RawWeights,
    name: Text,
    axes: Slice<i32>,
    out: *mut *mut RawWeights,
) -> Status {
    // SAFETY: a live handle, lent text and axes, a valid target.
    unsafe {
        status(out, || {
            let name = name.to_text();
            let turned = compute::transpose(named(weights, &name)?, axes.get())?;
            Ok(with(weights, name, turned))
        })
    }
}

pub unsafe extern "C" fn weights_cast(weights: *const RawWeights, dtype: u32) -> *mut RawWeights {
    let dtype = Dtype::from_code(dtype).unwrap_or(Dtype::Float32);
    // SAFETY: a live handle.
    let cast = unsafe { tensors(weights) }.iter().map(|(name, array)| (name.clone(), array.clone().of(dtype)));
    handle::<Tensors, _>(Rc::new(cast.collect()))
}

/// The mock has float32 alone: quantized weights are the same.
pub unsafe extern "C" fn weights_quantize(weights: *const RawWeights, _bits: u32) -> *mut RawWeights {
    // SAFETY: a live handle.
    unsafe { weights_clone(weights) }
}

pub unsafe extern "C" fn weights_bits(_weights: *const RawWeights) -> u32 {
    0
}

/// What [`super::weights_metadata`] said of the file.
pub unsafe extern "C" fn weights_metadata(weights: *const RawWeights) -> *mut RawValue {
    // SAFETY: a live handle.
    let weights = unsafe { tensors(weights) };
    let path = FILES
        .with_borrow(|files| files.iter().find(|(_, file)| Rc::ptr_eq(file, weights)).map(|(path, _)| path.clone()));
    let found = path.and_then(|path| METADATA.with_borrow(|all| all.get(&path).cloned())).unwrap_or_default();
    handle(Val::Record(Rc::new(found.into_iter().map(|(key, text)| (key, Val::Text(text.into()))).collect())))
}

/// The mock remembers none.
pub unsafe extern "C" fn weights_history(_weights: *const RawWeights) -> *mut RawValue {
    handle(Val::List(Rc::from([])))
}

pub unsafe extern "C" fn weights_with_history(weights: *const RawWeights, _entry: *const RawValue) -> *mut RawWeights {
    // SAFETY: a live handle.
    unsafe { weights_clone(weights) }
}

pub unsafe extern "C" fn weights_with_low_rank(
    weights: *const RawWeights,
    name: Text,
    down: *const RawTensor,
    up: *const RawTensor,
    scale: f64,
    out: *mut *mut RawWeights,
) -> Status {
    // SAFETY: live handles, lent text, a valid target.
    unsafe {
        status(out, || {
            let factor = |raw| cell(raw).as_ref().map_err(Clone::clone);
            let change = compute::multiply_scalar(&compute::matmul(factor(up)?, factor(down)?)?, scale as f32)?;
            let name = name.to_text();
            let changed = compute::add(named(weights, &name)?, &change)?;
            Ok(with(weights, name, changed))
        })
    }
}

/// The mock changes tensors at once.
pub unsafe extern "C" fn weights_with_patch(
    weights: *const RawWeights,
    name: Text,
    patch: *const PatchTable,
    payload: *mut c_void,
    out: *mut *mut RawWeights,
) -> Status {
    // SAFETY: live handles and table, lent text, a valid target; the payload is ours and freed once.
    unsafe {
        let patch = &*patch;
        let changed = status(out, || {
            let name = name.to_text();
            let (old, mut new) = (made(|| named(weights, &name).cloned()), std::ptr::null_mut());
            let applied = taken((patch.apply)(payload, old, &raw mut new));
            free::<Cell, _>(old);
            applied?;
            let changed = cell(new).clone();
            free::<Cell, _>(new);
            Ok(with(weights, name, changed?))
        });
        (patch.free)(payload);
        changed
    }
}

unsafe fn with(weights: *const RawWeights, name: String, tensor: Array) -> *mut RawWeights {
    // SAFETY: a live handle, by the caller's word.
    let mut all = BTreeMap::clone(unsafe { tensors(weights) });
    all.insert(name, tensor);
    handle::<Tensors, _>(Rc::new(all))
}

pub unsafe extern "C" fn model_new(
    architecture: Text,
    config: Text,
    weights: *const RawWeights,
    out: *mut *mut RawValue,
) -> Status {
    // SAFETY: lent text and handle, a valid target.
    unsafe {
        status(out, || {
            let id = architecture.to_text();
            let known = ARCHITECTURES.with_borrow(|all| all.iter().copied().find(|entry| entry.id.to_text() == id));
            let architecture =
                known.ok_or_else(|| Error::invalid(format!("the mock host has no architecture `{id}`")))?;
            let (config, weights) = (config.to_text(), Rc::clone(tensors(weights)));
            Ok(handle(Val::Model(Rc::new(MockModel { architecture, config, weights, hooks: Vec::new() }))))
        })
    }
}

unsafe fn model<'a>(value: *const RawValue) -> Result<&'a MockModel> {
    // SAFETY: a live handle, by the caller's word.
    if let Val::Model(model) = unsafe { val(value) } { Ok(model) } else { Err(Error::invalid("that is no model")) }
}

pub unsafe extern "C" fn model_view(value: *const RawValue, out: *mut ModelView) -> Flag {
    // SAFETY: a live handle, whose texts live as long; a valid target.
    unsafe {
        let Ok(model) = model(value) else { return 0 };
        let MockModel { architecture, config, .. } = model;
        out.write(ModelView { role: architecture.role, architecture: architecture.id, config: Text::text(config) });
        1
    }
}

pub unsafe extern "C" fn model_weights(value: *const RawValue) -> *mut RawWeights {
    // SAFETY: a live handle.
    unsafe { model(value) }.map_or(std::ptr::null_mut(), |model| handle(Rc::clone(&model.weights)))
}

pub unsafe extern "C" fn model_with_weights(
    value: *const RawValue,
    weights: *const RawWeights,
    out: *mut *mut RawValue,
) -> Status {
    // SAFETY: live handles, a valid target.
    unsafe {
        status(out, || {
            let weights = Rc::clone(tensors(weights));
            Ok(handle(Val::Model(Rc::new(MockModel { weights, ..model(value)?.clone() }))))
        })
    }
}

pub unsafe extern "C" fn model_with_hook(
    value: *const RawValue,
    point: Text,
    hook: *const HookTable,
    payload: *mut c_void,
    out: *mut *mut RawValue,
) -> Status {
    // SAFETY: a table that lives for ever.
    let hook = Rc::new(unsafe { Hook { table: &*hook, payload } });
    // SAFETY: a live handle, lent text, a valid target.
    unsafe {
        status(out, || {
            let mut hooked = model(value)?.clone();
            hooked.hooks.push((point.to_text(), hook));
            Ok(handle(Val::Model(Rc::new(hooked))))
        })
    }
}

pub unsafe extern "C" fn architecture_detect(role: Text, weights: *const RawWeights) -> Text {
    let entries = ARCHITECTURES.with_borrow(Clone::clone);
    // SAFETY: lent text and handle.
    let knows = |entry: &&&ArchitectureEntry| unsafe {
        entry.role.get() == role.get() && (entry.detect)(entry.payload, weights) != 0
    };
    entries.iter().find(knows).map_or(Text::text(""), |entry| entry.id)
}

/// What is behind a session handle.
struct Session {
    model: MockModel,
    net: *mut c_void,
    /// One an hook.
    states: Vec<*mut c_void>,
    run: *const RawRun,
    /// The arguments of the call that is under way.
    step: RefCell<Val>,
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: each was made by its own plugin and is freed once. Fewer states where a hook did not start.
        unsafe {
            self.states.iter().zip(&self.model.hooks).for_each(|(state, (_, hook))| (hook.table.finish)(*state));
            if !self.net.is_null() {
                (self.model.architecture.free)(self.net);
            }
        }
    }
}

/// An error that a plugin returned.
unsafe fn taken(status: Status) -> Result<()> {
    if status.is_null() {
        return Ok(());
    }
    // SAFETY: a live error of ours, taken over.
    Err(*unsafe { Box::from_raw(status.cast::<Error>()) })
}

pub unsafe extern "C" fn session_open(
    value: *const RawValue,
    run: *const RawRun,
    info: *const RawValue,
    out: *mut *mut RawSession,
) -> Status {
    // SAFETY: live handles, a valid target.
    unsafe {
        status(out, || {
            let model = model(value)?.clone();
            let (net, step) = (std::ptr::null_mut(), RefCell::new(Val::Null));
            let mut session = Session { model, net, states: Vec::new(), run, step };
            let Session { model, net, states, .. } = &mut session;
            let weights = (&raw const model.weights).cast();
            let entry = model.architecture;
            taken((entry.build)(entry.payload, Text::text(&model.config), weights, net))?;
            for (_, hook) in &model.hooks {
                let mut state = std::ptr::null_mut();
                taken((hook.table.start)(hook.payload, run, info, &raw mut state))?;
                states.push(state);
            }
            Ok(handle(session))
        })
    }
}

pub unsafe extern "C" fn session_free(session: *mut RawSession) {
    // SAFETY: a handle of ours, freed once.
    unsafe { free::<Session, _>(session) }
}

pub unsafe extern "C" fn session_call(
    raw: *const RawSession,
    method: Text,
    args: *const RawValue,
    out: *mut *mut RawValue,
) -> Status {
    // SAFETY: live handles, a valid target.
    unsafe {
        let session: &Session = get(raw);
        session.step.replace(val(args).clone());
        (session.model.architecture.call)(session.net, raw, method, args, out)
    }
}

/// What is left of a chain of hooks: the next one, or in the end the network.
struct Chain<'a> {
    session: &'a Session,
    hooks: &'a [usize],
    next: NextFn,
    payload: *mut c_void,
}

unsafe extern "C" fn go_on(chain: *mut c_void, input: *const RawValue, out: *mut *mut RawValue) -> Status {
    // SAFETY: the chain of the frame above; the rest is lent.
    unsafe {
        let Chain { session, hooks, next, payload } = *get::<Chain<'_>, _>(chain);
        let Some((&last, hooks)) = hooks.split_last() else { return next(payload, input, out) };
        let hook = &session.model.hooks[last].1;
        let mut rest = Chain { session, hooks, next, payload };
        let rest = (&raw mut rest).cast();
        let step = session.step.borrow().clone();
        (hook.table.around)(hook.payload, session.states[last], (&raw const step).cast(), input, go_on, rest, out)
    }
}

pub unsafe extern "C" fn session_around(
    raw: *const RawSession,
    point: Text,
    input: *const RawValue,
    next: NextFn,
    payload: *mut c_void,
    out: *mut *mut RawValue,
) -> Status {
    // SAFETY: live handles, a valid target; `next` is valid for the call.
    unsafe {
        let (session, point) = (get::<Session, _>(raw), point.to_text());
        let hooks = &session.model.hooks;
        let here: Vec<usize> = (0..hooks.len()).filter(|&index| hooks[index].0 == point).collect();
        let mut chain = Chain { session, hooks: &here, next, payload };
        go_on((&raw mut chain).cast(), input, out)
    }
}

pub unsafe extern "C" fn session_run(session: *const RawSession) -> *const RawRun {
    // SAFETY: a live handle.
    unsafe { get::<Session, _>(session) }.run
}
