//! The order in which nodes run.

use indexmap::IndexSet;

/// Kahn's algorithm: no recursion, so a chain of 200 000 nodes is as safe as one of two. Nodes are numbers below `count`,
/// and `needed` has what its nodes take from. A cycle is returned in order.
pub(super) fn sort<I: Iterator<Item = usize>>(
    needed: &IndexSet<usize>,
    count: usize,
    sources: impl Fn(usize) -> I,
) -> Result<Vec<usize>, Vec<usize>> {
    let mut waiting = vec![0usize; count];
    let mut takers = vec![Vec::new(); count];
    for &node in needed {
        for source in sources(node) {
            waiting[node] += 1;
            takers[source].push(node);
        }
    }
    let mut order: Vec<usize> = needed.iter().copied().filter(|&node| waiting[node] == 0).collect();
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        for &taker in &takers[node] {
            waiting[taker] -= 1;
            if waiting[taker] == 0 {
                order.push(taker);
            }
        }
        next += 1;
    }
    if order.len() == needed.len() {
        return Ok(order);
    }
    // Every node that is left takes from another one that is left; walking back must meet itself.
    let mut path: Vec<usize> = needed.iter().copied().find(|&node| waiting[node] > 0).into_iter().collect();
    loop {
        let back = path.last().and_then(|&node| sources(node).find(|&source| waiting[source] > 0));
        let Some(back) = back else { return Err(path) };
        if let Some(start) = path.iter().position(|&node| node == back) {
            let mut cycle: Vec<usize> = path[start..].iter().rev().copied().collect();
            cycle.push(cycle[0]);
            return Err(cycle);
        }
        path.push(back);
    }
}
