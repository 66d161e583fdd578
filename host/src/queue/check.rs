//! What of an order can run, and what is wrong with it, node by node.

use crate::error::{Code, Error};
use crate::graph::{Plan, check_partly};
use crate::plugins::Catalog;

use super::Order;

/// What runs, and the nodes that do not, each with the reason.
pub(super) struct Runnable {
    pub plan: Plan,
    pub skipped: Vec<(String, String)>,
}

/// The plan of an order. Nodes of plugins that are not loaded are left out, with what needs them.
///
/// # Errors
/// Everything that is wrong with its graph, each with the node that it belongs to, where there is one.
pub(super) fn plan(order: &Order, catalog: &Catalog) -> Result<Runnable, Vec<(Option<String>, Error)>> {
    let partly = check_partly(&order.graph, catalog, &order.roots);
    match partly.plan {
        Some(plan) => Ok(Runnable { plan, skipped: partly.skipped }),
        None if partly.errors.is_empty() => {
            Err(vec![(None, Error::new(Code::Invalid, "nothing in the graph can run"))])
        }
        None => Err(partly.errors),
    }
}
