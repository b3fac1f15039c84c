//! The `countersign` program: the library's command line, and nothing besides.

use std::process::ExitCode;

/// Ten thousand people are a million small values, made and dropped on all cores.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    countersign::cli::main()
}
