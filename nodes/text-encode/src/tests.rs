use plugin_api::testing::{self, TestRun};
use plugin_api::{Architecture, Model, Record, Result, Role, Session, Value, Weights};

use crate::encode_text::EncodeText;

/// Its conditioning is the prompt itself.
struct Echo;

impl Architecture for Echo {
    const ID: &'static str = "echo";
    const ROLE: Role = Role::TextEncoder;

    fn detect(_: &Weights) -> bool {
        true
    }

    fn build(_: &str, _: &Weights) -> Result<Self> {
        Ok(Self)
    }

    fn call(&self, _: &Session, method: &str, args: &Record) -> Result<Value> {
        assert_eq!(method, "encode");
        Ok(Record::new().with("embeds", args.get::<String>("text")?).with("own", true).into())
    }
}

#[test]
fn the_record_of_the_text_encoder_is_passed_on() {
    testing::architecture::<Echo>();
    testing::weights_file("echo", &[]);
    let encoder = Model::new("echo", "", &Weights::open("echo").unwrap()).unwrap();
    let inputs = Record::new().with("text_encoder", encoder).with("text", "ein Füchslein\n");
    let conditioning: Record = TestRun::new().run::<EncodeText>(&inputs).unwrap().get("conditioning").unwrap();
    assert_eq!(conditioning.get::<String>("embeds").unwrap(), "ein Füchslein\n");
    assert_eq!(conditioning.keys(), ["embeds", "own"]);
}

#[test]
fn tags_that_nobody_takes_out_are_told_of() {
    testing::architecture::<Echo>();
    testing::weights_file("echo", &[]);
    let encoder = Model::new("echo", "", &Weights::open("echo").unwrap()).unwrap();
    let run = TestRun::new();
    run.run::<EncodeText>(&Record::new().with("text_encoder", encoder).with("text", "a fox <lora:ink:1>")).unwrap();
    assert!(run.notes.borrow()[0].contains("lora/PromptLoras"));
}
