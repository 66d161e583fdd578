//! Nodes that apply LoRAs. What a file's keys mean is read by `weft-formats`; here are the arithmetic and the nodes.

mod apply;
mod apply_lora;
mod delta;
mod dora;
mod file;
mod lora_stack;
mod prompt_loras;
mod report;
mod row;
#[cfg(test)]
mod tests;

plugin_api::export_plugin! {
    id: "lora",
    nodes: [apply_lora::ApplyLora, lora_stack::LoraStack, prompt_loras::PromptLoras],
    architectures: [],
}
