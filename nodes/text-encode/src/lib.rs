//! The node that turns a prompt into conditioning.

mod encode_text;

plugin_api::export_plugin! {
    id: "text-encode",
    nodes: [encode_text::EncodeText],
    architectures: [],
}
