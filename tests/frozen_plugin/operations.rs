//! Every operation, with numbers that it gave in 1.0. NEVER CHANGED.

use crate::abi_1_0::*;
use crate::tools::*;

/// Tensors as the table wants them.
fn raw(tensors: &[&Tensor]) -> Vec<*const RawTensor> {
    tensors.iter().map(|tensor| tensor.0.cast_const()).collect()
}

fn ints(numbers: &[i32]) -> Slice<i32> {
    Slice::of(numbers)
}

/// `op: arguments => numbers` for one operation after the other; shapes where `[…]` stands before the numbers.
macro_rules! each {
    ($($op:ident($($arg:expr),*) => $expected:expr;)*) => { $(
        holds(stringify!($op), &Tensor(unsafe { (ops().$op)($($arg),*) }), &$expected)?;
    )* };
}

/// As `each`, for shapes alone.
macro_rules! shapes {
    ($($op:ident($($arg:expr),*) => $expected:expr;)*) => { $(
        ensure(shape(&Tensor(unsafe { (ops().$op)($($arg),*) }))? == $expected, stringify!($op))?;
    )* };
}

const NONE: *const RawTensor = std::ptr::null();

pub fn check(_: *const RawRun) -> Answer<()> {
    arithmetic()?;
    functions()?;
    comparisons()?;
    reductions()?;
    moves()?;
    networks()?;
    makers()
}

fn arithmetic() -> Answer<()> {
    let (x, y) = (tensor(&[1., 2., 3., 4.], &[2, 2]), tensor(&[2., 5.], &[2]));
    let z = tensor(&[1.], &[1]);
    each! {
        add(x.0, y.0) => [3., 7., 5., 9.];
        subtract(x.0, y.0) => [-1., -3., 1., -1.];
        multiply(x.0, y.0) => [2., 10., 6., 20.];
        divide(x.0, y.0) => [0.5, 0.4, 1.5, 0.8];
        power(x.0, y.0) => [1., 32., 9., 1024.];
        remainder(x.0, y.0) => [1., 2., 1., 4.];
        maximum(x.0, y.0) => [2., 5., 3., 5.];
        minimum(x.0, y.0) => [1., 2., 2., 4.];
        add_scalar(x.0, 0.5) => [1.5, 2.5, 3.5, 4.5];
        multiply_scalar(x.0, -2.0) => [-2., -4., -6., -8.];
        clip(x.0, 1.5, 3.5) => [1.5, 2., 3., 3.5];
        matmul(x.0, x.0) => [7., 10., 15., 22.];
        addmm(z.0, x.0, x.0, 2.0, 3.0) => [17., 23., 33., 47.];
    }
    Ok(())
}

fn functions() -> Answer<()> {
    let (x, positive) = (tensor(&[-1.5, 0., 2.5], &[3]), tensor(&[0.25, 1., 4.], &[3]));
    each! {
        negative(x.0) => [1.5, 0., -2.5];
        abs(x.0) => [1.5, 0., 2.5];
        exp(x.0) => [0.2231302, 1., 12.182494];
        log(positive.0) => [-1.3862944, 0., 1.3862944];
        sin(x.0) => [-0.997495, 0., 0.5984721];
        cos(x.0) => [0.0707372, 1., -0.8011436];
        tanh(x.0) => [-0.9051483, 0., 0.9866143];
        sigmoid(x.0) => [0.1824255, 0.5, 0.9241418];
        erf(x.0) => [-0.9661051, 0., 0.999593];
        sqrt(positive.0) => [0.5, 1., 2.];
        rsqrt(positive.0) => [2., 1., 0.5];
        square(x.0) => [2.25, 0., 6.25];
        reciprocal(positive.0) => [4., 1., 0.25];
        sign(x.0) => [-1., 0., 1.];
        floor(x.0) => [-2., 0., 2.];
        ceil(x.0) => [-1., 0., 3.];
        round(x.0) => [-2., 0., 2.];
        is_finite(x.0) => [1., 1., 1.];
        silu(x.0) => [-0.2736383, 0., 2.3103545];
        silu_multiply(x.0, positive.0) => [-0.0684096, 0., 9.241418];
        gelu(x.0) => [-0.1002108, 0., 2.4844758];
    }
    Ok(())
}

fn comparisons() -> Answer<()> {
    let (x, y) = (tensor(&[1., 2., 3.], &[3]), tensor(&[2.], &[1]));
    let less = Tensor(unsafe { (ops().less)(x.0, y.0) });
    let equal = Tensor(unsafe { (ops().equal)(x.0, y.0) });
    each! {
        equal(x.0, y.0) => [0., 1., 0.];
        not_equal(x.0, y.0) => [1., 0., 1.];
        less(x.0, y.0) => [1., 0., 0.];
        less_equal(x.0, y.0) => [1., 1., 0.];
        greater(x.0, y.0) => [0., 0., 1.];
        greater_equal(x.0, y.0) => [0., 1., 1.];
        logical_and(less.0, equal.0) => [0., 0., 0.];
        logical_or(less.0, equal.0) => [1., 1., 0.];
        logical_not(less.0) => [0., 1., 1.];
        select(less.0, x.0, y.0) => [1., 2., 2.];
    }
    Ok(())
}

fn reductions() -> Answer<()> {
    let x = tensor(&[1., 2., 3., 4., 6., 5.], &[2, 3]);
    let some = Tensor(unsafe { (ops().greater)(x.0, tensor(&[3.], &[1]).0) });
    each! {
        sum(x.0, ints(&[]), 0) => [21.];
        mean(x.0, ints(&[-1]), 1) => [2., 5.];
        variance(x.0, ints(&[1]), 0) => [0.6666667, 0.6666667];
        max(x.0, ints(&[0]), 0) => [4., 6., 5.];
        min(x.0, ints(&[0, 1]), 0) => [1.];
        all(some.0, ints(&[1]), 0) => [0., 1.];
        any(some.0, ints(&[1]), 0) => [0., 1.];
        argmax(x.0, 1, 0) => [2., 1.];
        argsort(x.0, 1) => [0., 1., 2., 0., 2., 1.];
        cumsum(x.0, 0) => [1., 2., 3., 5., 8., 8.];
        softmax(x.0, -1) => [0.0900306, 0.2447285, 0.6652410, 0.0900306, 0.6652410, 0.2447285];
    }
    shapes! {
        sum(x.0, ints(&[0]), 1) => [1, 3];
        sum(x.0, ints(&[0]), 0) => [3];
        argmax(x.0, 0, 1) => [1, 3];
    }
    Ok(())
}

fn moves() -> Answer<()> {
    let x = tensor(&[1., 2., 3., 4., 5., 6.], &[2, 3]);
    let index = unsafe { Tensor((ops().as_dtype)(tensor(&[2., 0.], &[2]).0, 3)) };
    let one = tensor(&[9.], &[1, 1]);
    each! {
        reshape(x.0, ints(&[3, -1])) => [1., 2., 3., 4., 5., 6.];
        transpose(x.0, ints(&[])) => [1., 4., 2., 5., 3., 6.];
        swap_axes(x.0, 0, -1) => [1., 4., 2., 5., 3., 6.];
        broadcast_to(one.0, ints(&[2, 1])) => [9., 9.];
        slice(x.0, ints(&[0, 0]), ints(&[2, 3]), ints(&[1, 2])) => [1., 3., 4., 6.];
        take(x.0, index.0, 1) => [3., 1., 6., 4.];
        repeat(x.0, 2, 0) => [1., 2., 3., 1., 2., 3., 4., 5., 6., 4., 5., 6.];
        tile(x.0, ints(&[1, 2])) => [1., 2., 3., 1., 2., 3., 4., 5., 6., 4., 5., 6.];
        pad(x.0, ints(&[0, 1]), ints(&[0, 0]), 7.0) => [7., 1., 2., 3., 7., 4., 5., 6.];
        slice_update(x.0, one.0, ints(&[1, 2])) => [1., 2., 3., 4., 5., 9.];
        as_dtype(tensor(&[1.5], &[1]).0, 3) => [1.];
    }
    shapes! {
        reshape(x.0, ints(&[3, -1])) => [3, 2];
        transpose(x.0, ints(&[1, 0])) => [3, 2];
        expand_dims(x.0, ints(&[0, -1])) => [1, 2, 3, 1];
        squeeze(one.0, ints(&[0])) => [1];
    }
    Ok(())
}

fn networks() -> Answer<()> {
    let picture = tensor(&[1., 2., 3., 4.], &[1, 2, 2, 1]);
    let kernel = tensor(&[1., 0., 0., 1.], &[1, 2, 2, 1]);
    let (x, two) = (tensor(&[1., 3., 2., 6.], &[2, 2]), tensor(&[2., 2.], &[2]));
    let pairs = tensor(&[1., 2., 3., 4.], &[1, 1, 1, 4]);
    let (cos, sin) = (tensor(&[0., 1.], &[1, 2]), tensor(&[1., 0.], &[1, 2]));
    let rows = tensor(&[1., 0., 0., 1.], &[1, 1, 2, 2]);
    let values = tensor(&[1., 2., 3., 4.], &[1, 1, 2, 2]);
    let mask = tensor(&[0., -1e9], &[1, 1, 1, 2]);
    each! {
        conv2d(picture.0, kernel.0, ints(&[1, 1]), ints(&[0, 0]), ints(&[1, 1]), 1) => [5.];
        conv2d(picture.0, kernel.0, ints(&[1, 1]), ints(&[1, 1]), ints(&[2, 2]), 1) => [4., 0., 0., 1.];
        rms_norm(x.0, two.0, 0.0) => [0.8944272, 2.6832816, 0.8944272, 2.6832816];
        rms_norm(x.0, NONE, 1.0) => [0.4082483, 1.2247449, 0.4364358, 1.3093073];
        layer_norm(x.0, two.0, two.0, 0.0) => [0., 4., 0., 4.];
        layer_norm(x.0, NONE, NONE, 1.0) => [-0.7071068, 0.7071068, -0.8944272, 0.8944272];
        group_norm(picture.0, 1, NONE, NONE, 0.0) => [-1.3416408, -0.4472136, 0.4472136, 1.3416408];
        rotate_pairs(pairs.0, cos.0, sin.0) => [-2., 1., 3., 4.];
        rope(rows.0, 10000.0) => [1., 0., -0.841471, 0.5403023];
        attention(rows.0, rows.0, values.0, 1.0, NONE) => [1.5378828, 2.5378828, 2.4621172, 3.4621172];
        attention(rows.0, rows.0, values.0, 1.0, mask.0) => [1., 2., 1., 2.];
        causal_attention(rows.0, rows.0, values.0, 1.0) => [1., 2., 2.4621172, 3.4621172];
        interpolate(picture.0, ints(&[2, 4]), Text::text("nearest")) => [1., 1., 2., 2., 3., 3., 4., 4.];
        interpolate(picture.0, ints(&[2, 4]), Text::text("linear")) => [1., 1.25, 1.75, 2., 3., 3.25, 3.75, 4.];
        interpolate(picture.0, ints(&[2, 1]), Text::text("cubic")) => [1.5, 3.5];
    }
    Ok(())
}

fn makers() -> Answer<()> {
    let (a, b) = (tensor(&[1., 2.], &[2]), tensor(&[3., 4.], &[2]));
    each! {
        full(ints(&[2, 1]), 2.5, 7) => [2.5, 2.5];
        arange(1.0, 4.0, 0.5, 7) => [1., 1.5, 2., 2.5, 3., 3.5];
        concatenate(Slice::of(&raw(&[&a, &b])), 0) => [1., 2., 3., 4.];
        stack(Slice::of(&raw(&[&a, &b])), 1) => [1., 3., 2., 4.];
        random_normal(ints(&[4]), 7) => [-0.7554662, -0.7377374, -0.1165474, -0.6856647];
        random_uniform(ints(&[4]), 7) => [0.2249846, 0.2303370, 0.4536094, 0.2464623];
    }
    Ok(())
}
