//! The node that turns a prompt into conditioning.

mod encode_text;
#[cfg(test)]
mod tests;

plugin_api::export_plugin! {
    id: "text-encode",
    nodes: [encode_text::EncodeText],
    architectures: [],
}
