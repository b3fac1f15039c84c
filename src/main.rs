//! The `countersign` program: the library's command line, and nothing besides.

use std::process::ExitCode;

fn main() -> ExitCode {
    countersign::cli::main()
}
