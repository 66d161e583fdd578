//! The path of least errors: the search of LeMiCa.

use std::cmp::Ordering;

/// What it costs to compute step i, then step j, and to repeat i between them. Step `n`, which no run has, is the end.
pub trait Errors {
    fn between(&self, from: usize, to: usize) -> f64;
}

/// A path to a step: the errors of its edges in falling order, and the step before.
#[derive(Clone)]
struct Path {
    errors: Vec<f64>,
    before: usize,
}

/// The `budget` steps of `first..end` to compute, the first one among them: of all such paths to `end` the one whose errors
/// in falling order are lexicographically least. With `compute_last` the last step is among them as well.
pub fn path(errors: &impl Errors, first: usize, end: usize, budget: usize, compute_last: bool) -> Vec<usize> {
    let steps = end - first;
    // paths[count][step]: the best with so many computed steps, `step` being the last.
    let mut paths: Vec<Vec<Option<Path>>> = vec![vec![None; steps + 1]; budget + 1];
    paths[1][0] = Some(Path { errors: Vec::new(), before: 0 });
    for count in 2..=budget {
        for to in 1..steps {
            paths[count][to] = best(&paths[count - 1], errors, first, to);
        }
    }
    let last = match compute_last && budget > 1 {
        true => steps - 1,
        false => best(&paths[budget], errors, first, steps).map_or(0, |path| path.before),
    };
    let mut found = vec![first + last];
    let mut step = last;
    for count in (2..=budget).rev() {
        step = paths[count][step].as_ref().map_or(0, |path| path.before);
        found.push(first + step);
    }
    found.reverse();
    found
}

/// The best continuation of any of the paths to `to`.
fn best(paths: &[Option<Path>], errors: &impl Errors, first: usize, to: usize) -> Option<Path> {
    let longer = |(from, path): (usize, &Option<Path>)| {
        let mut path = Path { before: from, ..path.clone()? };
        let error = errors.between(first + from, first + to);
        let place = path.errors.partition_point(|known| *known >= error);
        path.errors.insert(place, error);
        Some(path)
    };
    paths[..to].iter().enumerate().filter_map(longer).min_by(|a, b| compare(&a.errors, &b.errors))
}

/// Lexicographic. Paths that are compared have equally many edges.
fn compare(a: &[f64], b: &[f64]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Table(Vec<Vec<f64>>);

    impl Errors for Table {
        fn between(&self, from: usize, to: usize) -> f64 {
            if to == from + 1 { 0.0 } else { self.0[from][to] }
        }
    }

    /// Every path, one by one.
    fn by_force(errors: &Table, first: usize, end: usize, budget: usize, compute_last: bool) -> Vec<f64> {
        let mut best: Option<Vec<f64>> = None;
        for set in 0u32..1 << (end - first - 1) {
            let mut steps: Vec<usize> = std::iter::once(first)
                .chain((first + 1..end).filter(|step| set >> (step - first - 1) & 1 == 1))
                .collect();
            if steps.len() != budget || compute_last && budget > 1 && !steps.contains(&(end - 1)) {
                continue;
            }
            steps.push(end);
            let mut found: Vec<f64> = steps.windows(2).map(|pair| errors.between(pair[0], pair[1])).collect();
            found.sort_by(|a, b| b.total_cmp(a));
            if best.as_ref().is_none_or(|best| found.partial_cmp(best).unwrap().is_lt()) {
                best = Some(found);
            }
        }
        best.expect("a path")
    }

    #[test]
    fn the_search_finds_what_trying_everything_finds() {
        let mut state = 1u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Few values, so that many paths are equally bad at their worst edge.
            f64::from((state >> 60) as u32)
        };
        for end in 2..=9 {
            for round in 0..6 {
                let table = Table((0..=end).map(|_| (0..=end).map(|_| random()).collect()).collect());
                let first = round % 2;
                for budget in 1..=end - first {
                    for last in [true, false] {
                        let steps = path(&table, first, end, budget, last);
                        assert_eq!((steps.len(), steps[0]), (budget, first));
                        let whole: Vec<usize> = steps.iter().copied().chain([end]).collect();
                        let mut errors: Vec<f64> =
                            whole.windows(2).map(|pair| table.between(pair[0], pair[1])).collect();
                        errors.sort_by(|a, b| b.total_cmp(a));
                        assert_eq!(
                            errors,
                            by_force(&table, first, end, budget, last),
                            "{budget} of {first}..{end}: {steps:?}"
                        );
                    }
                }
            }
        }
    }
}
