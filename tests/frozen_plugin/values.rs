//! Errors, tensors, values, and what is told of a run. NEVER CHANGED.

use std::cell::Cell;
use std::ffi::c_void;

use crate::abi_1_0::*;
use crate::tools::*;

thread_local! {
    static FREED: Cell<u32> = const { Cell::new(0) };
}

unsafe extern "C" fn free(_: *mut c_void) {
    FREED.set(FREED.get() + 1);
}

pub fn check(run: *const RawRun) -> Answer<()> {
    errors()?;
    tensors()?;
    plain()?;
    nested()?;
    opaque()?;
    told(run)
}

fn errors() -> Answer<()> {
    unsafe {
        let error = (host().error_new)(6, Text::text("what"), Text::text("help"));
        let mut view = ErrorView { kind: 0, message: Text::text(""), help: Text::text("") };
        (host().error_view)(error, &mut view);
        ensure(view.kind == 6 && string(view.message) == "what" && string(view.help) == "help", "error_view")?;
        let failed = Tensor((host().tensor_failed)(error));
        (host().error_free)(error);
        (host().error_free)(std::ptr::null_mut());
        let later = Tensor((ops().exp)(failed.0));
        let mut shape = Slice::of(&[]);
        let status = (host().tensor_shape)(later.0, &mut shape);
        ensure(!status.is_null(), "a failed tensor")?;
        (host().error_view)(status, &mut view);
        let same = view.kind == 6 && string(view.message) == "what";
        (host().error_free)(status);
        ensure(same, "the error of a failed tensor")?;
        ensure((host().extension)(Text::text("none/1")).is_null(), "extension")
    }
}

fn tensors() -> Answer<()> {
    let x = tensor(&[1.5, 2.5], &[1, 2]);
    ensure(shape(&x)? == [1, 2], "tensor_shape")?;
    let mut dtype = 0;
    passed(unsafe { (host().tensor_dtype)(x.0, &mut dtype) })?;
    ensure(dtype == 7, "tensor_dtype")?;
    passed(unsafe { (host().tensor_eval)(Slice::of(&[x.0.cast_const(), x.0])) })?;
    let mut whole = [0i32; 2];
    passed(unsafe { (host().tensor_read)(x.0, 3, whole.as_mut_ptr().cast(), 8) })?;
    ensure(whole == [1, 2], "tensor_read")?;
    unsafe { (host().tensor_free)(std::ptr::null_mut()) };
    let mut parts = [std::ptr::null_mut(); 3];
    let matrix = Tensor(unsafe { (ops().full)(Slice::of(&[2, 64]), 1.0, 7) });
    passed(unsafe { (host().tensor_quantize)(matrix.0, 8, parts.as_mut_ptr()) })?;
    let parts = parts.map(Tensor);
    ensure(
        shape(&parts[0])? == [2, 16] && shape(&parts[1])? == [2, 1] && shape(&parts[2])? == [2, 1],
        "tensor_quantize",
    )
}

fn plain() -> Answer<()> {
    unsafe {
        let tag = |value: *mut RawValue| view(&Value(value)).tag;
        ensure(tag((host().value_null)()) == 0, "value_null")?;
        let of = |value: *mut RawValue| view(&Value(value));
        let (yes, many) = (of((host().value_bool)(1)), of((host().value_bool)(0x100)));
        ensure((yes.tag, yes.int, many.int) == (1, 1, 1), "value_bool")?;
        let int = of((host().value_int)(-5_000_000_000));
        ensure((int.tag, int.int) == (2, -5_000_000_000), "value_int")?;
        let float = of((host().value_float)(0.1));
        ensure((float.tag, float.float) == (3, 0.1), "value_float")?;
        let text = text_value("Fuchs, 狐");
        ensure(view(&text).tag == 4 && string(view(&text).text) == "Fuchs, 狐", "value_text")?;
        let x = tensor_value(&tensor(&[1.0], &[1]));
        ensure(view(&x).tag == 5, "value_tensor")?;
        holds("value_as_tensor", &Tensor((host().value_as_tensor)(x.0)), &[1.0])?;
        (host().value_free)(std::ptr::null_mut());
        ensure((host().value_as_tensor)(text.0).is_null(), "value_as_tensor of a text")
    }
}

fn nested() -> Answer<()> {
    unsafe {
        let (a, b) = (text_value("a"), text_value("b"));
        let both = list(&[&a, &b]);
        ensure(view(&both).tag == 6 && view(&both).len == 2, "value_list")?;
        ensure(string(view(&Value((host().list_get)(both.0, 1))).text) == "b", "list_get")?;
        ensure((host().list_get)(both.0, 2).is_null(), "list_get past the end")?;
        let record = record(&[("z", &a), ("k", &both)]);
        ensure(view(&record).tag == 7 && view(&record).len == 2, "value_record")?;
        ensure(string((host().record_key)(record.0, 0)) == "k", "record_key")?;
        ensure(string((host().record_key)(record.0, 2)).is_empty(), "record_key past the end")?;
        ensure((host().record_get)(record.0, Text::text("none")).is_null(), "record_get of nothing")?;
        let changed = Value((host().record_with)(record.0, Text::text("z"), b.0));
        ensure(string(view(&entry(changed.0, "z")?).text) == "b", "record_with")?;
        ensure(string(view(&entry(record.0, "z")?).text) == "a", "a record that was not changed")?;
        ensure((host().record_with)(a.0, Text::text("z"), b.0).is_null(), "record_with of a text")
    }
}

fn opaque() -> Answer<()> {
    static PAYLOAD: u32 = 5;
    let payload = (&raw const PAYLOAD).cast_mut().cast::<c_void>();
    let value = Value(unsafe { (host().value_opaque)(Text::text("org.example/FROZEN"), payload, free) });
    let copy = value.clone();
    let seen = view(&copy);
    ensure(seen.tag == 9 && string(seen.text) == "org.example/FROZEN" && seen.payload == payload, "value_opaque")?;
    ensure(seen.free.is_some_and(|found| found as usize == free as FreeFn as usize), "what frees an opaque value")?;
    drop(value);
    ensure(FREED.get() == 0, "an opaque value that lives")?;
    drop(copy);
    ensure(FREED.replace(0) == 1, "an opaque value that was freed")
}

fn told(run: *const RawRun) -> Answer<()> {
    unsafe {
        passed((host().run_progress)(run, 1, 2, std::ptr::null()))?;
        passed((host().run_progress)(run, 2, 2, tensor(&[1.0], &[1]).0))?;
        passed((host().run_preview)(run, tensor(&[0.5; 12], &[2, 2, 3]).0))?;
        (host().run_note)(run, Text::text("as it was"));
        let (title, cell) = (text_value("title"), text_value("cell"));
        let row = list(&[&cell]);
        let table = record(&[("title", &title), ("columns", &row), ("rows", &list(&[&row]))]);
        passed((host().run_report)(run, table.0))?;
        let info = Value((host().run_info)(run));
        for key in ["device", "graph", "node", "version", "free_memory", "models"] {
            entry(info.0, key)?;
        }
        ensure(string(view(&entry(info.0, "device")?).text) == "cpu", "run_info")
    }
}

/// What the host gave as inputs, and the outputs of every node.
pub fn outputs(inputs: *const RawValue) -> Answer<Value> {
    let Ok(number) = entry_or_none(inputs, "number") else { return Ok(record(&[])) };
    ensure(view(&number).int == 3, "an int param")?;
    ensure(view(&entry(inputs, "share")?).float == 0.5, "a float param")?;
    ensure(string(view(&entry(inputs, "text")?).text) == "as it was", "a text param")?;
    ensure(string(view(&entry(inputs, "choice")?).text) == "a", "a choice")?;
    ensure(view(&entry(inputs, "switch")?).int == 1, "a bool param")?;
    ensure(view(&entry(inputs, "seed")?).int == 7, "a seed")?;
    ensure(view(&entry(inputs, "rows")?).tag == 6, "rows")?;
    ensure(entry_or_none(inputs, "link").is_err(), "a link that is not there")?;
    Ok(record(&[("number", &number)]))
}

fn entry_or_none(record: *const RawValue, key: &str) -> Result<Value, ()> {
    let value = unsafe { (host().record_get)(record, Text::text(key)) };
    if value.is_null() {
        return Err(());
    }
    let value = Value(value);
    if view(&value).tag == 0 {
        return Err(());
    }
    Ok(value)
}
