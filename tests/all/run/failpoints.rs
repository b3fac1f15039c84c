//! The program crashes, fails or waits at each of its fail points; then at most two further runs reach the
//! desired state: no account twice, no task lost, at most one mail twice a crash, with the same Message-ID.
//!
//! Each place is met in a step of a company in which everything happens that a run can do. Beside it lives a
//! twin that is never disturbed; in the end both must have the same directory and the same tasks.
//!
//! Usually the program crashes at every place, fails at every second one and waits at the others; with
//! `COUNTERSIGN_PLACES=all` it does each of them at each.

#[cfg(all(feature = "failpoints", feature = "age"))]
mod matrix;
#[cfg(all(feature = "failpoints", feature = "age"))]
pub mod town;

#[cfg(not(all(feature = "failpoints", feature = "age")))]
#[test]
fn the_matrix_of_fail_points_needs_the_feature() {
    assert!(
        std::env::var_os("COUNTERSIGN_TEST_BED").is_none(),
        "built without the feature `failpoints`, though COUNTERSIGN_TEST_BED is set"
    );
    eprintln!("LEFT OUT: fail points: built without `--features failpoints`; tests/run has it");
}
