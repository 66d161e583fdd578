//! Steps that are left to the node.

use super::*;

fn run(inputs: &Record) -> (Vec<Call>, Vec<String>) {
    CALLS.take();
    let run = TestRun::new();
    run.run::<Sample>(&inputs.with("steps", 0)).unwrap();
    (CALLS.take(), run.notes.take())
}

#[test]
fn steps_0_are_what_denoise_leaves() {
    let (calls, notes) = run(&inputs());
    assert_eq!((calls.len(), notes), (8, vec!["8 steps".to_owned()]));
    for (denoise, left) in [(0.5, 4), (0.3, 3), (0.05, 1)] {
        let (calls, notes) = run(&inputs().with("denoise", denoise));
        assert_eq!((calls.len(), calls[0].steps), (left, left as i64));
        let plural = if left == 1 { "" } else { "s" };
        assert_eq!(notes, [format!("{left} step{plural}: what denoise {denoise} leaves of 8")]);
    }
}

#[test]
fn they_are_those_of_steps_8() {
    let inputs = inputs().with("denoise", 0.4);
    assert_eq!(sample(&inputs.with("steps", 0)), sample(&inputs.with("steps", 8)));
}

#[test]
fn guidance_needs_more() {
    let guided = inputs().with("negative", prompt(0.5)).with("guidance", 2.0);
    assert_eq!(run(&guided).0.len(), 2 * 30);
    assert_eq!(run(&guided.with("denoise", 0.5)).0.len(), 2 * 15);
}

/// So little that diffusers' rule leaves no step at all.
#[test]
fn one_step_is_run_at_least() {
    let inputs = inputs().with("denoise", 1e-17);
    let (calls, notes) = run(&inputs);
    let last = schedules::sigmas("simple", 8, Flow { shift: 3.0 }).unwrap()[7];
    assert_eq!((calls.len(), calls[0].sigma), (1, last.into()));
    assert!(notes[0].starts_with("1 step:"), "{notes:?}");
    assert!(sample(&inputs.with("steps", 8)).unwrap_err().help.contains("steps to 0"));
}

#[test]
fn denoise_0_keeps_the_picture() {
    assert_eq!(run(&inputs().with("denoise", 0.0)), (Vec::new(), Vec::new()));
}
