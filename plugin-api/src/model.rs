//! MODEL is data: an architecture's id, its configuration, its weights and hooks, immutable and cheap to clone.
//! Behaviour is looked up by the architecture's id, so loader, LoRA, sampler and merge need not know any network.

use std::ffi::c_void;
use std::ptr::NonNull;

use crate::abi::{HookTable, ModelView, NextFn, RawRun, RawSession, RawValue, Status, Text};
use crate::error::{Error, Result};
use crate::export::{free_box, guard};
use crate::host;
use crate::node::Run;
use crate::tensor::Tensor;
use crate::value::{Record, Value};
use crate::weights::Weights;

/// What a model is for, also the name of its link kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "host"), non_exhaustive)]
pub enum Role {
    /// `predict`: `{x, sigma, conditioning}` → the denoised estimate x0 (the convention of k-diffusion).
    Model,
    /// `encode`: `{text}` → CONDITIONING.
    TextEncoder,
    /// `decode`: `{latent}` → image; `encode`: `{image}` → latent.
    Vae,
    /// `upscale`: `{image}` `[n,h,w,3]` → image in 0..1, larger by the model's own factor; `tile` and `tiles` in the arguments
    /// say which part of a whole it is, for [`Run::progress`]. `about`: `{}` → `{scale}`, that factor, and where they are known
    /// `multiple`, at which tiles must begin, `radius`, how far pixels matter to each other, and `bytes` that a pass needs
    /// for each pixel of the image.
    UpscaleModel,
}

impl Role {
    /// The kind of links that models of this role travel along.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Model => "MODEL",
            Self::TextEncoder => "TEXT_ENCODER",
            Self::Vae => "VAE",
            Self::UpscaleModel => "UPSCALE_MODEL",
        }
    }
}

/// A MODEL, TEXT_ENCODER, VAE or UPSCALE_MODEL.
#[derive(Debug, Clone)]
pub struct Model(pub(crate) Value);

impl Model {
    /// `config` is whatever the architecture's `build` reads, JSON for those that come with Weft.
    ///
    /// # Errors
    /// No plugin registers this architecture.
    pub fn new(architecture: &str, config: &str, weights: &Weights) -> Result<Self> {
        let mut out = std::ptr::null_mut();
        // SAFETY: `out` is set where the status is null.
        unsafe {
            let status =
                (host().model_new)(Text::text(architecture), Text::text(config), weights.as_ptr(), &raw mut out);
            Error::check(status)?;
            Ok(Self(Value::own(out)))
        }
    }

    /// The registered architecture of `role` that knows these weights by their names and shapes.
    pub fn detect(role: Role, weights: &Weights) -> Option<String> {
        // SAFETY: the id is copied at once.
        let id = unsafe { (host().architecture_detect)(Text::text(role.kind()), weights.as_ptr()).to_text() };
        (!id.is_empty()).then_some(id)
    }

    /// The id of its architecture.
    pub fn architecture(&self) -> String {
        // SAFETY: the text lives as long as the model and is copied at once.
        unsafe { self.view().architecture.to_text() }
    }

    /// What the architecture's `build` reads.
    pub fn config(&self) -> String {
        // SAFETY: as above.
        unsafe { self.view().config.to_text() }
    }

    /// The name of its [`Role`], see [`Role::kind`].
    pub fn role(&self) -> String {
        // SAFETY: as above.
        unsafe { self.view().role.to_text() }
    }

    /// Its weights, with all that was done to them.
    pub fn weights(&self) -> Weights {
        // SAFETY: a model has weights; the handle is ours.
        unsafe { Weights::own((host().model_weights)(self.0.as_ptr())) }
    }

    /// The same model with other weights (a LoRA's, a merge's).
    ///
    /// # Errors
    /// Out of memory.
    pub fn with_weights(&self, weights: &Weights) -> Result<Self> {
        let mut out = std::ptr::null_mut();
        // SAFETY: `out` is set where the status is null.
        unsafe {
            Error::check((host().model_with_weights)(self.0.as_ptr(), weights.as_ptr(), &raw mut out))?;
            Ok(Self(Value::own(out)))
        }
    }

    /// The same model with code around `point`. Every architecture of role MODEL has the points `"predict"` and
    /// `"blocks"` (its main layers together) and `"layers.N"`. The hook added last is the outermost.
    ///
    /// # Errors
    /// Out of memory.
    pub fn with_hook<H: Hook>(&self, point: &str, hook: H) -> Result<Self> {
        let mut out = std::ptr::null_mut();
        let payload = Box::into_raw(Box::new(hook)).cast();
        // SAFETY: the host owns the payload from here on; `out` is set where the status is null.
        unsafe {
            let status =
                (host().model_with_hook)(self.0.as_ptr(), Text::text(point), hook_table::<H>(), payload, &raw mut out);
            Error::check(status)?;
            Ok(Self(Value::own(out)))
        }
    }

    /// Begins one use of the model: a sampling run from its first step to its last, an encoding, a decoding.
    /// `info` is what hooks see at their start (the sampler's: `steps`, `sigmas`).
    ///
    /// # Errors
    /// The network cannot be built from these weights.
    pub fn open(&self, run: &Run, info: &Record) -> Result<Session> {
        let mut out = std::ptr::null_mut();
        // SAFETY: `out` is set where the status is null.
        unsafe {
            let status = (host().session_open)(self.0.as_ptr(), run.as_ptr(), info.0.as_ptr(), &raw mut out);
            Error::check(status)?;
            Ok(Session { raw: NonNull::new(out).expect("the host returns a session"), owned: true })
        }
    }

    fn view(&self) -> ModelView {
        let empty = Text::text("");
        let mut view = ModelView { role: empty, architecture: empty, config: empty };
        // SAFETY: fills the view; the value is a model.
        unsafe { (host().model_view)(self.0.as_ptr(), &raw mut view) };
        view
    }
}

/// One use of a model. Hooks' states live as long.
#[derive(Debug)]
pub struct Session {
    raw: NonNull<RawSession>,
    owned: bool,
}

impl Session {
    /// Calls a method of the architecture.
    ///
    /// # Errors
    /// Whatever the network or a hook fails with.
    pub fn call(&self, method: &str, args: &Record) -> Result<Value> {
        let mut out = std::ptr::null_mut();
        // SAFETY: `out` is set where the status is null.
        unsafe {
            let status = (host().session_call)(self.raw.as_ptr(), Text::text(method), args.0.as_ptr(), &raw mut out);
            Error::check(status)?;
            Ok(Value::own(out))
        }
    }

    /// [`Session::call`] for a method that returns a tensor.
    ///
    /// # Errors
    /// As there, and a result that is no tensor.
    pub fn call_tensor(&self, method: &str, args: &Record) -> Result<Tensor> {
        let value = self.call(method, args)?;
        crate::value::FromValue::from_value(&value).ok_or_else(|| {
            Error::new(crate::ErrorKind::Plugin, format!("the architecture's `{method}` returned {:?}", value.tag()))
        })
    }

    /// For architectures: runs `next` inside the hooks of `point`. What goes in and comes out is a tensor.
    ///
    /// # Errors
    /// Whatever `next` or a hook fails with.
    pub fn around(&self, point: &str, input: &Tensor, next: impl FnMut(Tensor) -> Result<Tensor>) -> Result<Tensor> {
        let mut next = next;
        let mut call = |value: Value| -> Result<Value> { Ok(next(tensor_of(&value, point)?)?.into()) };
        let mut call: &mut dyn FnMut(Value) -> Result<Value> = &mut call;
        let input = Value::from(input);
        let mut out = std::ptr::null_mut();
        // SAFETY: `call` outlives the host's call, which alone uses the payload; `out` is set where the status is null.
        unsafe {
            let payload = (&raw mut call).cast::<c_void>();
            let status = (host().session_around)(
                self.raw.as_ptr(),
                Text::text(point),
                input.as_ptr(),
                call_next,
                payload,
                &raw mut out,
            );
            Error::check(status)?;
            tensor_of(&Value::own(out), point)
        }
    }

    /// The run that this session belongs to: for progress and cancellation inside long methods.
    pub fn run(&self) -> Run {
        // SAFETY: borrowed from the session; a `Run` is only used within the call that lent it.
        unsafe { Run::borrow((host().session_run)(self.raw.as_ptr())) }
    }

    pub(crate) unsafe fn borrow(raw: *const RawSession) -> Self {
        Self { raw: NonNull::new(raw.cast_mut()).expect("the host lends a session"), owned: false }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.owned {
            // SAFETY: ours and not used again.
            unsafe { (host().session_free)(self.raw.as_ptr()) }
        }
    }
}

fn tensor_of(value: &Value, point: &str) -> Result<Tensor> {
    crate::value::FromValue::from_value(value).ok_or_else(|| {
        Error::new(crate::ErrorKind::Plugin, format!("a hook at `{point}` passed on {:?}, not a tensor", value.tag()))
    })
}

unsafe extern "C" fn call_next(payload: *mut c_void, input: *const RawValue, out: *mut *mut RawValue) -> Status {
    guard("a step inside a hook", || {
        // SAFETY: `payload` is the `call` of `Session::around`; the input is lent, so a handle of our own is made.
        unsafe {
            let call = &mut *payload.cast::<&mut dyn FnMut(Value) -> Result<Value>>();
            let input = Value::own((host().value_clone)(input));
            *out = call(input)?.into_raw();
        }
        Ok(())
    })
}

/// A network that can be built from weights and called through a [`Session`].
pub trait Architecture: Sized + 'static {
    const ID: &'static str;
    const ROLE: Role;

    /// Whether the names and shapes of these weights are this architecture's.
    fn detect(weights: &Weights) -> bool;

    /// Reads the configuration, checks every shape and takes the tensors. What it takes is evaluated by the host.
    ///
    /// # Errors
    /// A configuration or weights that do not fit, named with key and shapes.
    fn build(config: &str, weights: &Weights) -> Result<Self>;

    /// One of the methods of its [`Role`].
    ///
    /// # Errors
    /// Arguments that do not fit, an unknown method, cancellation.
    fn call(&self, session: &Session, method: &str, args: &Record) -> Result<Value>;
}

/// Code around a named point of a network: a step cache, a probe, a control network.
pub trait Hook: 'static {
    /// What one session keeps between its passes.
    type State: 'static;

    /// Begins a session of `run`, which may be told of what the hook will do.
    ///
    /// # Errors
    /// The hook does not fit this session; the node fails with the message.
    fn start(&self, run: &Run, info: &Record) -> Result<Self::State>;

    /// One pass. `step` holds the arguments of the architecture's method (the sampler's: `x`, `sigma`, `step`,
    /// `steps`, `branch`). Call `next` to compute, or return something else instead.
    ///
    /// # Errors
    /// Whatever `next` fails with, and the hook's own reasons.
    fn around(&self, state: &mut Self::State, step: &Record, input: Tensor, next: Next<'_>) -> Result<Tensor>;
}

/// What a hook stands around: the network's own code, or the hooks further inside.
pub type Next<'a> = &'a mut dyn FnMut(Tensor) -> Result<Tensor>;

fn hook_table<H: Hook>() -> &'static HookTable {
    unsafe extern "C" fn start<H: Hook>(
        payload: *mut c_void,
        run: *const RawRun,
        info: *const RawValue,
        state: *mut *mut c_void,
    ) -> Status {
        guard("a hook's start", || {
            // SAFETY: the payload is the boxed hook; the run is lent for the call and `info` a lent record.
            unsafe {
                let info = Record(Value::own((host().value_clone)(info)));
                let started = (*payload.cast::<H>()).start(&Run::borrow(run), &info)?;
                *state = Box::into_raw(Box::new(started)).cast();
            }
            Ok(())
        })
    }
    unsafe extern "C" fn around<H: Hook>(
        payload: *mut c_void,
        state: *mut c_void,
        step: *const RawValue,
        input: *const RawValue,
        next: NextFn,
        next_payload: *mut c_void,
        out: *mut *mut RawValue,
    ) -> Status {
        guard("a hook", || {
            // SAFETY: payload and state are the boxes made here; values are lent and get handles of our own; `next`
            // is valid for this call.
            unsafe {
                let step = Record(Value::own((host().value_clone)(step)));
                let input = tensor_of(&Value::own((host().value_clone)(input)), "its input")?;
                let mut go_on = |x: Tensor| -> Result<Tensor> {
                    let value = Value::from(x);
                    let mut out = std::ptr::null_mut();
                    Error::check(next(next_payload, value.as_ptr(), &raw mut out))?;
                    tensor_of(&Value::own(out), "its input")
                };
                let result = (*payload.cast::<H>()).around(&mut *state.cast::<H::State>(), &step, input, &mut go_on)?;
                *out = Value::from(result).into_raw();
            }
            Ok(())
        })
    }
    const {
        &HookTable {
            size: size_of::<HookTable>(),
            start: start::<H>,
            around: around::<H>,
            finish: free_box::<H::State>,
            free: free_box::<H>,
        }
    }
}
