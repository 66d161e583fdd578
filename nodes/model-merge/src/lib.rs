//! Nodes that make one model of several. A merge is a change of every tensor of the first model, carried out when somebody
//! needs the tensor: nothing is computed here, and never more than one tensor of each model is in memory.

mod add_difference;
mod block_weighted_sum;
mod blocks;
mod fit;
mod merge;
mod numbers;
mod rows;
mod save;
mod save_model;
mod source;
mod ties;
mod weighted_sum;

#[cfg(test)]
mod tests;

plugin_api::export_plugin! {
    id: "model-merge",
    nodes: [
        weighted_sum::WeightedSum,
        add_difference::AddDifference,
        block_weighted_sum::BlockWeightedSum,
        ties::Ties,
        save_model::SaveModel,
    ],
    architectures: [],
}
