//! Files, weights, an architecture of its own, sessions and hooks. NEVER CHANGED.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::null_mut;

use crate::abi_1_0::*;
use crate::tools::*;

thread_local! {
    /// Hooks, states and patches that were freed.
    static FREED: Cell<u32> = const { Cell::new(0) };
}

unsafe extern "C" fn freed(_: *mut c_void) {
    FREED.set(FREED.get() + 1);
}

/// `x · Wᵀ + b` with the weights `net`.
pub static ARCHITECTURE: ArchitectureEntry = ArchitectureEntry {
    size: size_of::<ArchitectureEntry>(),
    id: Text::text("frozen-net"),
    role: Text::text("MODEL"),
    payload: (&raw const PAYLOAD).cast_mut().cast(),
    detect,
    build,
    call,
    free,
};
static PAYLOAD: u32 = 1_000;

unsafe extern "C" fn detect(payload: *mut c_void, weights: *const RawWeights) -> Flag {
    let mut view = no_view();
    let found = unsafe { (host().weights_find)(weights, Text::text("frozen.net.weight"), &mut view) };
    // Any bits but 0 are true.
    if found != 0 && unsafe { *payload.cast::<u32>() } == PAYLOAD {
        0x100
    } else {
        0
    }
}

unsafe extern "C" fn build(_: *mut c_void, config: Text, weights: *const RawWeights, net: *mut *mut c_void) -> Status {
    unsafe {
        if string(config) != "{}" {
            return error("the config of a model");
        }
        *net = (host().weights_clone)(weights).cast();
    }
    null_mut()
}

unsafe extern "C" fn free(net: *mut c_void) {
    unsafe { (host().weights_free)(net.cast()) }
}

unsafe extern "C" fn call(
    net: *mut c_void,
    session: *const RawSession,
    method: Text,
    args: *const RawValue,
    out: *mut *mut RawValue,
) -> Status {
    let answer = (|| unsafe {
        ensure(string(method) == "predict", "the name of a method")?;
        passed((host().run_progress)((host().session_run)(session), 1, 1, std::ptr::null()))?;
        let x = entry(args, "x")?;
        passed((host().session_around)(session, Text::text("predict"), x.0, linear, net, out))
    })();
    answer.err().unwrap_or(null_mut())
}

unsafe extern "C" fn linear(net: *mut c_void, input: *const RawValue, out: *mut *mut RawValue) -> Status {
    unsafe {
        let x = Tensor((host().value_as_tensor)(input));
        let y = Tensor((host().weights_linear)(net.cast(), Text::text("frozen.net"), x.0));
        *out = tensor_value(&y).give();
    }
    null_mut()
}

/// Doubles what comes out, and adds 1 for every pass of the session.
static HOOK: HookTable = HookTable { size: size_of::<HookTable>(), start, around, finish, free: freed };

unsafe extern "C" fn start(_: *mut c_void, _: *const RawRun, info: *const RawValue, state: *mut *mut c_void) -> Status {
    let begin = entry(info, "begin").map(|value| view(&value).float);
    unsafe { *state = Box::into_raw(Box::new(begin.unwrap_or(f64::NAN))).cast() };
    null_mut()
}

unsafe extern "C" fn around(
    _: *mut c_void,
    state: *mut c_void,
    step: *const RawValue,
    input: *const RawValue,
    next: NextFn,
    next_payload: *mut c_void,
    out: *mut *mut RawValue,
) -> Status {
    let answer = (|| unsafe {
        entry_tensor(step, "x")?;
        let passes = &mut *state.cast::<f64>();
        *passes += 1.0;
        let mut inner = null_mut();
        passed(next(next_payload, input, &mut inner))?;
        let y = Tensor((host().value_as_tensor)(Value(inner).0));
        let y = Tensor((ops().multiply_scalar)(y.0, 2.0));
        *out = tensor_value(&Tensor((ops().add_scalar)(y.0, *passes as f32))).give();
        Ok(())
    })();
    answer.err().unwrap_or(null_mut())
}

unsafe extern "C" fn finish(state: *mut c_void) {
    unsafe {
        drop(Box::from_raw(state.cast::<f64>()));
        freed(null_mut());
    }
}

static PATCH: PatchTable = PatchTable { size: size_of::<PatchTable>(), apply, free: freed };

unsafe extern "C" fn apply(_: *mut c_void, tensor: *const RawTensor, out: *mut *mut RawTensor) -> Status {
    unsafe { *out = (ops().add_scalar)(tensor, 10.0) };
    null_mut()
}

pub fn check(run: *const RawRun) -> Answer<()> {
    let path = written(run)?;
    let weights = opened(&path)?;
    read(&weights)?;
    changed(&weights)?;
    modelled(run, &weights)?;
    ensure(FREED.replace(0) == 4, "what is freed of hooks and patches")
}

unsafe extern "C" fn fill(payload: *mut c_void, folder: *const RawFolder) -> Status {
    let answer = (|| unsafe {
        passed((host().folder_write)(folder, Text::text("notes/said.txt"), Slice::of(b"as it was")))?;
        let weight =
            TensorView { name: Text::text("net.weight"), dtype: 7, shape: Slice::of(&[2, 2]), stored: Text::text("") };
        let bias =
            TensorView { name: Text::text("net.bias"), dtype: 7, shape: Slice::of(&[2]), stored: Text::text("") };
        let metadata = record(&[("said", &text_value("as it was"))]);
        let (path, views) = (Text::text("model.safetensors"), [weight, bias]);
        passed((host().folder_write_tensors)(folder, path, metadata.0, Slice::of(&views), payload, made))
    })();
    answer.err().unwrap_or(null_mut())
}

unsafe extern "C" fn made(payload: *mut c_void, index: usize, out: *mut *mut RawTensor) -> Status {
    let both = unsafe { &*payload.cast::<[Tensor; 2]>() };
    unsafe { *out = both[index].clone().give() };
    null_mut()
}

fn path_of(value: *mut RawValue) -> String {
    string(view(&Value(value)).text)
}

fn written(run: *const RawRun) -> Answer<String> {
    let mut tensors = [tensor(&[1., 2., 3., 4.], &[2, 2]), tensor(&[0.5, 0.], &[2])];
    let (mut file, mut folder) = (null_mut(), null_mut());
    unsafe {
        let (name, bytes) = (Text::text("frozen/said"), Slice::of(b"as it was"));
        passed((host().run_write)(run, name, Text::text("txt"), bytes, &mut file))?;
        let file = path_of(file);
        ensure(std::fs::read(&file).is_ok_and(|bytes| bytes == b"as it was"), "run_write")?;
        let payload = (&raw mut tensors).cast();
        passed((host().run_write_folder)(run, Text::text("frozen/model"), payload, fill, &mut folder))?;
    }
    let folder = path_of(folder);
    let said = std::fs::read(format!("{folder}/notes/said.txt"));
    ensure(said.is_ok_and(|bytes| bytes == b"as it was"), "folder_write")?;
    Ok(folder)
}

fn opened(path: &str) -> Answer<Weights> {
    let mut weights = null_mut();
    let missing = unsafe { (host().weights_open)(Text::text("/nowhere/at all"), &mut weights) };
    ensure(!missing.is_null(), "weights_open of nothing")?;
    unsafe { (host().error_free)(missing) };
    passed(unsafe { (host().weights_open)(Text::text(&format!("{path}/model.safetensors")), &mut weights) })?;
    Ok(Weights(weights))
}

fn no_view() -> TensorView {
    TensorView { name: Text::text(""), dtype: 0, shape: Slice::of(&[]), stored: Text::text("") }
}

fn read(weights: &Weights) -> Answer<()> {
    let mut view = no_view();
    unsafe {
        ensure((host().weights_len)(weights.0) == 2, "weights_len")?;
        ensure((host().weights_at)(weights.0, 1, &mut view) != 0, "weights_at")?;
        ensure(string(view.name) == "net.weight" && view.dtype == 7, "the name and type of a tensor")?;
        ensure(view.shape.get() == [2, 2] && string(view.stored) == "F32", "the shape of a tensor")?;
        ensure((host().weights_at)(weights.0, 2, &mut view) == 0, "weights_at past the end")?;
        ensure((host().weights_find)(weights.0, Text::text("none"), &mut view) == 0, "weights_find of nothing")?;
        let bias = Tensor((host().weights_tensor)(weights.0, Text::text("net.bias")));
        holds("weights_tensor", &bias, &[0.5, 0.])?;
        let none = Tensor((host().weights_tensor)(weights.0, Text::text("none")));
        ensure(numbers(&none).map_err(|error| (host().error_free)(error)).is_err(), "weights_tensor of nothing")?;
        holds("weights_exact", &Tensor((host().weights_exact)(weights.0, Text::text("net.bias"))), &[0.5, 0.])?;
        let y = Tensor((host().weights_linear)(weights.0, Text::text("net"), tensor(&[1., 1.], &[1, 2]).0));
        holds("weights_linear", &y, &[3.5, 7.])?;
        let metadata = Value((host().weights_metadata)(weights.0));
        ensure(string(crate::tools::view(&entry(metadata.0, "said")?).text) == "as it was", "weights_metadata")?;
        ensure((host().weights_bits)(weights.0) == 0, "weights_bits")?;
        (host().weights_free)(null_mut());
    }
    Ok(())
}

fn changed(weights: &Weights) -> Answer<()> {
    let name = Text::text("net.weight");
    let now = |weights: &Weights| Tensor(unsafe { (host().weights_tensor)(weights.0, name) });
    let mut out = null_mut();
    unsafe {
        let half = Weights((host().weights_cast)(weights.0, 5));
        let mut dtype = 0;
        passed((host().tensor_dtype)(now(&half).0, &mut dtype))?;
        ensure(dtype == 5, "weights_cast")?;
        let packed = Weights((host().weights_quantize)(weights.0, 8));
        ensure((host().weights_bits)(packed.0) == 8, "weights_quantize")?;
        passed((host().weights_transpose)(weights.0, name, Slice::of(&[1, 0]), &mut out))?;
        holds("weights_transpose", &now(&Weights(out)), &[1., 3., 2., 4.])?;
        let shape = [1, 2];
        let row = TensorRows { name: Text::text("row"), of: name, first_row: 1, shape: Slice::of(&shape) };
        passed((host().weights_views)(weights.0, Slice::of(&[row]), &mut out))?;
        let row = Tensor((host().weights_tensor)(Weights(out).0, Text::text("row")));
        holds("weights_views", &row, &[3., 4.])?;
        let (down, up) = (tensor(&[1., 1.], &[1, 2]), tensor(&[1., 2.], &[2, 1]));
        passed((host().weights_with_low_rank)(weights.0, name, down.0, up.0, 0.5, &mut out))?;
        holds("weights_with_low_rank", &now(&Weights(out)), &[1.5, 2.5, 4., 5.])?;
        passed((host().weights_with_patch)(weights.0, name, &PATCH, null_mut(), &mut out))?;
        holds("weights_with_patch", &now(&Weights(out)), &[11., 12., 13., 14.])?;
        let refused = (host().weights_with_patch)(weights.0, Text::text("none"), &PATCH, null_mut(), &mut out);
        ensure(!refused.is_null(), "weights_with_patch of nothing")?;
        (host().error_free)(refused);
        let entry = record(&[("what", &text_value("frozen"))]);
        let told = Weights((host().weights_with_history)(weights.0, entry.0));
        ensure(view(&Value((host().weights_history)(told.0))).len == 2, "weights_history")
    }
}

fn modelled(run: *const RawRun, weights: &Weights) -> Answer<()> {
    unsafe {
        let moved = Weights((host().weights_select)(weights.0, Text::text("net."), Text::text("frozen.net.")));
        let id = string((host().architecture_detect)(Text::text("MODEL"), moved.0));
        ensure(id == "frozen-net", "architecture_detect")?;
        let mut model = null_mut();
        passed((host().model_new)(Text::text(&id), Text::text("{}"), weights.0, &mut model))?;
        let model = Value(model);
        let mut view = ModelView { role: Text::text(""), architecture: Text::text(""), config: Text::text("") };
        ensure((host().model_view)(model.0, &mut view) != 0, "model_view")?;
        let said = [view.role, view.architecture, view.config].map(string);
        ensure(said == ["MODEL", "frozen-net", "{}"], "what a model says")?;
        ensure((host().model_view)(text_value("").0, &mut view) == 0, "model_view of a text")?;
        ensure((host().weights_len)(Weights((host().model_weights)(model.0)).0) == 2, "model_weights")?;
        let (mut with_weights, mut hooked) = (null_mut(), null_mut());
        passed((host().model_with_weights)(model.0, moved.0, &mut with_weights))?;
        let with_weights = Value(with_weights);
        let point = Text::text("predict");
        passed((host().model_with_hook)(with_weights.0, point, &HOOK, null_mut(), &mut hooked))?;
        let hooked = Value(hooked);
        ensure(predicted(run, &with_weights)? == [[3.5, 7.], [3.5, 7.]], "session_call")?;
        // Twice the numbers, and the beginning with one more for each pass.
        ensure(predicted(run, &hooked)? == [[108., 115.], [109., 116.]], "a hook")
    }
}

/// What two calls of one session give for `[1, 1]`.
fn predicted(run: *const RawRun, model: &Value) -> Answer<[Vec<f32>; 2]> {
    let begin = Value(unsafe { (host().value_float)(100.0) });
    let info = record(&[("begin", &begin)]);
    let args = record(&[("x", &tensor_value(&tensor(&[1., 1.], &[1, 2])))]);
    let mut session = null_mut();
    passed(unsafe { (host().session_open)(model.0, run, info.0, &mut session) })?;
    let call = || unsafe {
        let mut out = null_mut();
        passed((host().session_call)(session, Text::text("predict"), args.0, &mut out))?;
        numbers(&Tensor((host().value_as_tensor)(Value(out).0)))
    };
    let both = call().and_then(|first| Ok([first, call()?]));
    unsafe { (host().session_free)(session) };
    both
}
