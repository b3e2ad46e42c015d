//! `cloakroom serve` and `cloakroom check`.

use cloakroom::bff::Bff;

use crate::{
    cli,
    config::{self, Config, Listen, Tls},
    failure::Failure,
    listener::{self, Limits},
    output,
    stop::Stop,
    tasks,
    token_handler::TokenHandler,
};

/// Stands in front of apps and APIs until it is asked to stop.
pub(crate) async fn serve(arguments: cli::Serve, stop: Stop) -> Result<(), Failure> {
    let config = config::load(&arguments.config)?;
    for warning in &config.warnings {
        tracing::warn!(file = %arguments.config.display(), "{}", warning.sentence);
    }
    let address = arguments.listen.unwrap_or(config.listen.address);
    let way_out = format!(
        "Stop that program, or choose another address: `--listen ADDRESS:PORT`, or `address` in [listen] of {}",
        arguments.config.display()
    );
    let socket = listener::bind(address, &way_out).await.map_err(Failure::trouble)?;
    let address = socket.local_addr().map_err(Failure::trouble)?;
    let limits = limits(&config.listen);
    let (frontends, store) = (frontends(&config), config.store.clone());
    let opening = move || TokenHandler::open(config.settings, &config.key_ring, &config.store);
    let handler = tokio::task::spawn_blocking(opening).await.map_err(Failure::trouble)??;
    tasks::spawn(Bff::sweep_forever(handler.bff()));

    let (store, version) = (store.display(), env!("CARGO_PKG_VERSION"));
    let sessions_voided = Some(handler.sessions_voided()).filter(|sessions| *sessions > 0);
    tracing::info!(%address, frontends, %store, sessions_voided, version, "serving");
    listener::serve(vec![socket], limits, handler.bff(), stop.clone()).await;
    handler.stop(stop).await;
    tracing::info!("stopped");
    Ok(())
}

/// Reads the configuration as `serve` does, and says that it holds.
pub(crate) fn check(arguments: &cli::Check) -> Result<(), Failure> {
    let config = config::load(&arguments.config)?;
    output::warnings(config.warnings.iter().map(|warning| warning.report.as_str()));
    let routes = config.settings.frontends.iter().map(|frontend| frontend.routes.len()).sum::<usize>();
    let text = format!("{} holds: {}, {routes} routes\n", arguments.config.display(), frontends(&config));
    output::print(&text).map_err(|error| Failure::trouble(format!("cannot write to standard output: {error}")))
}

/// Behind a proxy every connection comes from the same peer; who may have how many is the proxy's decision then.
fn limits(listen: &Listen) -> Limits {
    match listen.tls {
        Tls::Off => Limits::among_peers(listen.connections),
        Tls::Terminated => Limits::for_one_peer(listen.connections),
    }
}

fn frontends(config: &Config) -> String {
    let frontends = config.settings.frontends.iter();
    let texts = frontends.map(|frontend| format!("{} at {}", frontend.name, frontend.origin));
    texts.collect::<Vec<_>>().join(", ")
}
