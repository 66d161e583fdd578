//! What metadata and names say of a file.

mod common;

use common::{LAYOUTS, SIZES, modules, tensor};
use weft_formats::Dtype;
use weft_formats::lora::{About, Metadata, Part, Targets, about, fit, summary};

fn metadata(pairs: &[(&str, &str)]) -> Metadata {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn words(pairs: &[(&str, &str)]) -> Vec<String> {
    about(&metadata(pairs)).trigger_words
}

#[test]
fn the_author_s_words_come_from_any_of_their_keys() {
    assert_eq!(words(&[("trigger_word", "sks")]), ["sks"]);
    assert_eq!(words(&[("trigger_words", r#"["one", "two words", 3]"#)]), ["one", "two words"]);
    assert_eq!(words(&[("trigger_words", r#""quoted, twice""#)]), ["quoted", "twice"]);
    assert_eq!(words(&[("activation_text", " a,, b ,a\nc <lora:x:1>, <lora:y:1>")]), ["a", "b", "c <lora:x:1>"]);
    assert_eq!(words(&[("modelspec.trigger_phrase", "in the style of weft")]), ["in the style of weft"]);
    assert_eq!(words(&[("trigger_word", " "), ("activation_text", "x")]), ["x"]);
    assert!(words(&[("trigger_word", "None")]).is_empty());
}

#[test]
fn frequent_tags_are_trigger_words_where_none_are_written() {
    let tags = r#"{"10_weft": {"weft style": 20, "blue": 19, "sky": 12, "one": 1}}"#;
    assert_eq!(words(&[("ss_tag_frequency", tags)]), ["weft style", "blue"]);
    // Of forty pictures, twenty are too few.
    let pictures = r#"{"10_weft": {"n_repeats": 10, "img_count": 40}}"#;
    assert!(words(&[("ss_tag_frequency", tags), ("ss_dataset_dirs", pictures)]).is_empty());
    assert_eq!(words(&[("ss_tag_frequency", r#"{"1_sks": {"sks": 1}}"#)]), ["sks"]);
    assert!(words(&[("ss_tag_frequency", r#"{"1_a": {"a long sentence": 1, "and another": 1}}"#)]).is_empty());
    let many: Vec<_> = (0..20).map(|tag| format!("\"tag {tag:02}\": 5")).collect();
    let many = words(&[("ss_tag_frequency", &format!("{{\"a\": {{{}}}}}", many.join(", ")))]);
    assert_eq!(many.len(), About::MOST_WORDS);
    assert_eq!(words(&[("ss_tag_frequency", tags), ("trigger_word", "sks")]), ["sks"]);
}

#[test]
fn garbage_says_nothing() {
    let deep = "[".repeat(100_000);
    for garbage in
        ["", "{", "null", "[]", "7", r#"{"a": 7}"#, r#"{"a": {"b": "c"}}"#, r#"{"a": {"b": null}}"#, "\u{0}", &deep]
    {
        assert!(words(&[("ss_tag_frequency", garbage), ("ss_dataset_dirs", garbage)]).is_empty());
    }
    let about = about(&metadata(&[
        ("modelspec.title", &"x\u{1b}[31m\n\t".repeat(100_000)),
        ("base_model", "\u{7}\u{0}"),
        ("strength", "NaN"),
        ("trigger_words", &"word,".repeat(100_000)),
    ]));
    let title = about.title.unwrap_or_default();
    assert!(title.chars().count() <= 200 && !title.chars().any(char::is_control));
    assert_eq!((about.base_model, about.weight, about.trigger_words.len()), (None, None, 1));
}

#[test]
fn title_base_model_and_weight() {
    let about = |pairs: &[(&str, &str)]| about(&metadata(pairs));
    let full =
        about(&[("modelspec.title", "Weft"), ("modelspec.architecture", "z-image/lora"), ("preferred_weight", "0.8")]);
    assert_eq!(full.title.as_deref(), Some("Weft"));
    assert_eq!(full.base_model.as_deref(), Some("z-image/lora"));
    assert_eq!(full.weight, Some(0.8));
    assert_eq!(about(&[("ss_output_name", "weft")]).title.as_deref(), Some("weft"));
    assert_eq!(about(&[("modelspec.metadata.preferred_weight", "-1.5")]).weight, Some(-1.5));
    for senseless in ["0", "inf", "1e9", "strong", "0.6-0.8"] {
        assert_eq!(about(&[("strength", senseless), ("scale", "2")]).weight, Some(2.0), "{senseless}");
    }
}

#[test]
fn a_summary_counts_what_is_changed() {
    let model = SIZES[0].split();
    let mut file = LAYOUTS[1].file(&modules(&model));
    file.push(tensor("diffusion_model.x_pad_token.diff", &[1, 12]));
    file[1].dtype = Dtype::Bfloat16;
    let summary = summary(&file, &fit(&file, &Metadata::new(), &Targets::of(&model, None)));
    assert_eq!(summary.kinds, ["LoRA", "full difference"]);
    assert_eq!(summary.layout, "diffusers names, `diffusion_model.` in front, lora_A/lora_B, alpha in the file");
    assert_eq!((summary.ranks, summary.alphas, summary.alpha_tensors.len()), (vec![4], vec![], 28));
    assert_eq!(summary.layers, 4);
    assert_eq!(
        (summary.targets[0].part, summary.targets[0].name.as_str(), summary.targets[0].count),
        (Part::Model, "attention.to_q", 4)
    );
    assert_eq!(summary.targets.last().map(|group| group.name.as_str()), Some("x_pad_token"));
    assert_eq!(summary.dtypes, [Dtype::Bfloat16, Dtype::Float32]);
    let of_block = 4 * (4 * 12 + 12 * 4) + 3 * (4 * 12 + 32 * 4);
    assert_eq!(summary.parameters, 4 * of_block + 12);
}

#[test]
fn layouts_have_their_sentences() {
    let model = SIZES[0].split();
    let sentence = |at: usize, json: &str| {
        let file = LAYOUTS[at].file(&modules(&model));
        let metadata = metadata(&[("lora_adapter_metadata", json)]);
        summary(&file, &fit(&file, &metadata, &Targets::of(&model, None))).layout
    };
    assert_eq!(
        sentence(7, ""),
        "diffusers names with underscores, `lora_unet_` in front, lora_down/lora_up, alpha in the file"
    );
    assert_eq!(
        sentence(2, r#"{"lora_alpha": 4}"#),
        "diffusers names, `transformer.` in front, lora_A/lora_B, alpha in the metadata"
    );
    assert_eq!(sentence(3, ""), "diffusers names, nothing in front, lora_A.default/lora_B.default, no alpha");
    assert_eq!(sentence(9, ""), "native names, `diffusion_model.` in front, lora_A/lora_B, no alpha");
    assert_eq!(sentence(16, ""), "diffusers names, `diffusion_model.` in front, alpha in the file");
    assert_eq!(summary(&[], &fit(&[], &Metadata::new(), &Targets::of(&model, None))).layout, "");
}
