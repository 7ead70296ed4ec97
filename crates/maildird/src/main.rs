//! The `maildird` program; everything is in the library beside it, where tests can reach it.

fn main() -> std::process::ExitCode {
    maildird::run_command_line()
}
