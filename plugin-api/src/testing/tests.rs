//! The mock host, used as plugins use it.

use super::{TestRun, architecture, weights_file};
use crate::{
    Architecture, Dtype, Error, Hook, InputKind, Model, Next, Node, NodeSpec, Opaque, Payload, Record, Result, Role,
    Run, Session, Tensor, Value, Weights,
};

fn numbers(data: &[f32], shape: &[i32]) -> Tensor {
    Tensor::from_slice(data, shape)
}

fn read(tensor: &Tensor) -> Vec<f32> {
    tensor.to_vec().unwrap()
}

#[test]
fn shapes_broadcast_and_move() {
    let x = numbers(&[1., 2., 3., 4., 5., 6.], &[2, 3]);
    assert_eq!(read(&(&x + numbers(&[10., 20.], &[2, 1]))), [11., 12., 13., 24., 25., 26.]);
    assert_eq!(read(&x.transpose(&[])), [1., 4., 2., 5., 3., 6.]);
    assert_eq!(read(&x.narrow(1, 1, 3)), [2., 3., 5., 6.]);
    assert_eq!(read(&x.pad(&[0, 1], &[0, 0], 9.)), [9., 1., 2., 3., 9., 4., 5., 6.]);
    assert_eq!(read(&Tensor::stack(&[x.clone(), x.negative()], 1).narrow(0, 0, 1)), [1., 2., 3., -1., -2., -3.]);
    assert_eq!(read(&x.take(&Tensor::from_slice(&[2i32, 0], &[2]), 1)), [3., 1., 6., 4.]);
    assert_eq!(x.reshape(&[3, -1]).expand_dims(&[0, -1]).shape(), Ok(vec![1, 3, 2, 1]));
}

#[test]
fn sums_run_along_axes() {
    let x = numbers(&[1., 2., 3., 4., 5., 6.], &[2, 3]);
    assert_eq!(read(&x.sum(&[], false)), [21.]);
    assert_eq!(read(&x.mean(&[-1], false)), [2., 5.]);
    assert_eq!(x.max(&[0], true).shape(), Ok(vec![1, 3]));
    assert_eq!(read(&x.argmax(1, false)), [2., 2.]);
    assert_eq!(read(&x.cumsum(0)), [1., 2., 3., 5., 7., 9.]);
    assert_eq!(read(&x.softmax(0).sum(&[0], false)), [1.; 3]);
    assert_eq!(read(&x.matmul(&x.transpose(&[]))), [14., 32., 32., 77.]);
}

#[test]
fn a_causal_query_does_not_look_ahead() {
    let values = numbers(&[1., 2., 3.], &[1, 1, 3, 1]);
    let zeros = Tensor::zeros(&[1, 2, 3, 1], Dtype::Float32);
    let attended = zeros.causal_attention(&zeros.narrow(1, 0, 1), &values, 1.0);
    assert_eq!(read(&attended), [1., 1.5, 2., 1., 1.5, 2.]);
}

#[test]
fn errors_travel_with_the_tensor() {
    let failed = numbers(&[1., 2.], &[2]) + numbers(&[1., 2., 3.], &[3]);
    assert!((failed.exp() * 2.0).eval().unwrap_err().message.contains("broadcast"));
    assert!(Tensor::from_slice(&[1f32], &[2]).shape().is_err());
    assert!(failed.conv2d(&failed, &[1], &[0], &[1], 1).eval().is_err());
}

#[test]
fn values_keep_what_they_hold() {
    let list: Value = [Value::from(1), Value::from("two")].as_slice().into();
    let record = Record::new().with("list", list).with("null", None::<i64>).with("own", Opaque::new(Seven(7)));
    assert_eq!(record.keys(), ["list", "null", "own"]);
    assert_eq!(record.get::<Vec<Value>>("list").unwrap().len(), 2);
    assert_eq!(record.find::<bool>("null"), Ok(None));
    assert_eq!(record.get::<Opaque<Seven>>("own").unwrap().0, 7);
    assert!(record.get::<Opaque<Other>>("own").unwrap_err().message.contains("`own` is opaque, but a/B is needed"));
    assert!(record.get::<f32>("list").unwrap_err().message.contains("a number is needed"));
    assert!(record.get::<Vec<i64>>("list").is_err());
    assert_eq!(Record::new().with("levels", vec![1.0, 0.5]).get::<Vec<f32>>("levels").unwrap(), [1.0, 0.5]);
}

struct Seven(u8);

impl Payload for Seven {
    const KIND: &'static str = "a/B";
}

/// Another type under the same name.
struct Other;

impl Payload for Other {
    const KIND: &'static str = "a/B";
}

#[test]
fn a_payload_lives_as_long_as_its_values() {
    struct Counted(std::rc::Rc<()>);
    impl Payload for Counted {
        const KIND: &'static str = "a/COUNTED";
    }
    let alive = std::rc::Rc::new(());
    let record = Record::new().with("own", Opaque::new(Counted(alive.clone())));
    let taken: Opaque<Counted> = record.get("own").unwrap();
    drop(record);
    assert_eq!(std::rc::Rc::strong_count(&taken.0), 2);
    drop(taken);
    assert_eq!(std::rc::Rc::strong_count(&alive), 1);
}

#[cfg(feature = "v1_1")]
#[test]
fn argsort_and_take_along_axis_sort() {
    let x = numbers(&[3., 1., 2., 4., 6., 5.], &[2, 3]);
    assert_eq!(read(&x.take_along_axis(&x.argsort(1), 1)), [1., 2., 3., 4., 5., 6.]);
}

#[test]
fn a_description_may_say_more_than_this_version_knows() {
    let text = r#"(name: "Node", colour: Some((1, "red")), inputs: [
        (name: "x", unit: "px", kind: Int(default: 1, range: (0, 2), scale: Log)),
    ], later: [Thing(a: 1), Other])"#;
    let spec: NodeSpec = ron::from_str(text).unwrap();
    assert_eq!(spec, NodeSpec::new("Node", "", "").param("x", InputKind::int(1, (0, 2)), ""));
}

struct Linear(Weights);

impl Architecture for Linear {
    const ID: &'static str = "linear";
    const ROLE: Role = Role::Model;

    fn detect(weights: &Weights) -> bool {
        weights.contains("net.weight")
    }

    fn build(_: &str, weights: &Weights) -> Result<Self> {
        Ok(Self(weights.clone()))
    }

    fn call(&self, session: &Session, method: &str, args: &Record) -> Result<Value> {
        match method {
            "predict" => Ok(session.around("predict", &args.get("x")?, |x| Ok(self.0.linear("net", &x)))?.into()),
            _ => Err(Error::invalid("no such method")),
        }
    }
}

/// Adds so much, and how often it was called in this session.
struct Plus(f32);

impl Hook for Plus {
    type State = f32;

    fn start(&self, _: &Run, info: &Record) -> Result<f32> {
        info.get("begin")
    }

    fn around(&self, calls: &mut f32, step: &Record, input: Tensor, next: Next<'_>) -> Result<Tensor> {
        assert!(step.find::<Tensor>("x")?.is_some());
        *calls += 1.0;
        Ok(next(input)?.add_scalar(self.0 + *calls))
    }
}

struct Twice;

impl Node for Twice {
    fn spec() -> NodeSpec {
        NodeSpec::new("Twice", "", "").link("model", "MODEL", "").param("x", InputKind::float(1.0, (0.0, 9.0), 1.0), "")
    }

    fn run(run: &Run, inputs: &Record) -> Result<Record> {
        let session = inputs.get::<Model>("model")?.open(run, &Record::new().with("begin", 0.0))?;
        let args = Record::new().with("x", Tensor::full(&[1, 1], inputs.get("x")?, Dtype::Float32));
        let once = session.call_tensor("predict", &args)?;
        Ok(Record::new().with("sum", once + session.call_tensor("predict", &args)?))
    }
}

#[test]
fn models_are_found_built_and_hooked() {
    architecture::<Linear>();
    weights_file("m", &[("net.weight", &[1, 1], &[10.0]), ("net.bias", &[1], &[5.0])]);
    let weights = Weights::open("m").unwrap();
    let id = Model::detect(Role::Model, &weights).unwrap();
    let model = Model::new(&id, "{}", &weights).unwrap();
    assert_eq!((model.role().as_str(), model.config().as_str()), ("MODEL", "{}"));
    let sum = |model: Model| {
        let outputs = TestRun::new().run::<Twice>(&Record::new().with("model", model)).unwrap();
        read(&outputs.get("sum").unwrap())
    };
    assert_eq!(sum(model.clone()), [30.0]);
    // 15 + 100 + 1 and 15 + 100 + 2, then the outer hook's 1 and 2.
    let hooked = model.with_hook("predict", Plus(100.0)).unwrap().with_hook("predict", Plus(0.0)).unwrap();
    assert_eq!(sum(hooked), [236.0]);
    let elsewhere = model.with_hook("blocks", Plus(100.0)).unwrap();
    assert_eq!(sum(elsewhere), [30.0]);
}
