//! The program `cloakroom`: a token handler in front of your apps and APIs.
//!
//! START HERE: [`run`]. One file per command ([`serve`], [`demo`]); below them [`config`] (what the operator wrote),
//! [`token_handler`] (the library with its files), [`listener`] (connections in, answers out), [`stop`] (signals), [`telemetry`] (the log).

mod cli;
mod config;
mod demo;
mod environment;
mod failure;
mod listener;
mod output;
mod serve;
mod stop;
mod tasks;
mod telemetry;
mod token_handler;

use std::{process::ExitCode, time::Duration};

use clap::Parser as _;

use self::{
    cli::{Arguments, Command},
    failure::Failure,
    stop::Stop,
};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(&failure);
            failure.exit_code()
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(arguments) => {
            telemetry::start("info")?;
            on_workers(|stop| serve::serve(arguments, stop))
        }
        Command::Check(arguments) => serve::check(&arguments),
        Command::Demo(arguments) => {
            telemetry::start("warn")?;
            on_workers(|stop| demo::run(arguments, stop))
        }
    }
}

/// Runs a command on one worker thread per core until it ends by itself or by a signal.
fn on_workers<F>(command: impl FnOnce(Stop) -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("cloakroom")
        .build()
        .map_err(|error| Failure::trouble(format!("cannot start worker threads: {error}")))?;
    let result = runtime.block_on(async {
        let stop = stop::on_signals()?;
        command(stop).await
    });
    // Whatever is still running belongs to nobody any more: the graceful part is over.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}
