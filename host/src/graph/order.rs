//! The order in which nodes run.

use std::collections::{HashMap, VecDeque};

/// Kahn's algorithm: no recursion, so a chain of 200 000 nodes is as safe as one of two. A cycle is returned in order.
pub(super) fn sort<'a>(
    needed: &indexmap::IndexSet<&'a str>,
    sources: impl Fn(&str) -> Vec<&'a str>,
) -> Result<Vec<String>, Vec<String>> {
    let mut waiting: HashMap<&str, usize> = HashMap::new();
    let mut takers: HashMap<&str, Vec<&str>> = HashMap::new();
    for id in needed {
        let from: Vec<&str> = sources(id).into_iter().filter(|source| needed.contains(source)).collect();
        waiting.insert(id, from.len());
        for source in from {
            takers.entry(source).or_default().push(id);
        }
    }
    let mut ready: VecDeque<&str> = needed.iter().filter(|id| waiting[**id] == 0).copied().collect();
    let mut order = Vec::with_capacity(needed.len());
    while let Some(id) = ready.pop_front() {
        order.push(id.to_owned());
        for taker in takers.get(id).into_iter().flatten() {
            let left = waiting.get_mut(taker).expect("every taker is counted");
            *left -= 1;
            if *left == 0 {
                ready.push_back(taker);
            }
        }
    }
    if order.len() == needed.len() {
        return Ok(order);
    }
    // Every node that is left takes from another one that is left; walking back must meet itself.
    let left = |id: &&&str| waiting[**id] > 0;
    let mut path: Vec<&str> = needed.iter().find(left).copied().into_iter().collect();
    loop {
        let last = path.last().copied().unwrap_or_default();
        let Some(back) = sources(last).into_iter().find(|source| waiting.get(source).is_some_and(|count| *count > 0))
        else {
            return Err(path.into_iter().map(str::to_owned).collect());
        };
        if let Some(start) = path.iter().position(|id| *id == back) {
            let mut cycle: Vec<String> = path[start..].iter().rev().map(|id| (*id).to_owned()).collect();
            cycle.push(cycle[0].clone());
            return Err(cycle);
        }
        path.push(back);
    }
}
