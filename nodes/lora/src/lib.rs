//! Nodes that apply LoRAs. What a file's keys mean is read by `weft-formats`; here is the arithmetic.

plugin_api::export_plugin! {
    id: "lora",
    nodes: [],
    architectures: [],
}
