//! Everything in one process, on a machine where nothing is installed: a login server, an app and an API of which
//! neither knows Cloakroom, and the gateway between them and the browser.
//!
//! | Who | Where | Reached by |
//! |---|---|---|
//! | gateway | `http://localhost:8080` | the browser |
//! | login server | `http://127.0.0.1:8081` | the browser, the gateway, the API (for its keys) |
//! | another site | `http://127.0.0.1`, a free port | the browser |
//! | app server, API | loopback, free ports | the gateway only |
//!
//! `localhost` and `127.0.0.1` are two sites to a browser, so cookies behave as they do in the world.

mod bearer;
mod elsewhere;
mod folder;
mod gateway;
mod login_server;
mod loopback;
mod password;
mod sample_api;
mod sample_app;
mod welcome;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use cloakroom::{bff::Bff, clock::SystemClock};
use protocol::{EndpointUrl, Issuer};
use tokio::net::TcpListener;

use self::{bearer::Verifier, folder::Folder, loopback::LoopbackClient, welcome::Welcome};
use crate::{
    cli, environment,
    failure::Failure,
    listener::{self, Answer, Limits},
    output,
    stop::Stop,
    tasks,
};

/// Runs the demo until it is asked to stop.
pub(crate) async fn run(arguments: cli::Demo, stop: Stop) -> Result<(), Failure> {
    let sockets = Sockets::bind(arguments.port, arguments.login_port).await?;
    let folder = Folder::open(arguments.folder.or_else(default_folder))?;
    if arguments.fresh {
        folder.forget_gateway_sessions()?;
    }
    let places = sockets.places()?;
    let password = folder.password()?;

    let registration = login_server::Registration::new(&places)?;
    let sessions = if arguments.fresh { login_server::Sessions::Forget } else { login_server::Sessions::Keep };
    let wishes = login_server::Wishes { sessions, access_token_life: arguments.access_token_life };
    let login_server = login_server::open(&folder, &registration, &password, wishes).await?;
    let verifier =
        Arc::new(Verifier::new(registration.issuer.clone(), LoopbackClient::new(), Arc::new(SystemClock::start())));
    let handler = gateway::open(&folder, &places, &registration).await?;

    background(sockets.login_server, login_server.router());
    background(sockets.api, sample_api::router(Arc::clone(&verifier)));
    background(sockets.app_server, sample_app::router(&places, verifier));
    background(sockets.elsewhere, elsewhere::router(&places));
    tasks::spawn(Bff::sweep_forever(handler.bff()));
    let serving = tasks::spawn(listener::serve(sockets.gateway, limits(), handler.bff(), stop.clone()));

    let welcome = Welcome { places: &places, password: password.expose(), folder: folder.path() };
    let text = if arguments.json { welcome.json() } else { welcome.text() };
    let ended = match announce(&places, &registration.issuer, &text).await {
        Ok(()) => serving.await.map_err(|error| Failure::trouble(format!("the listener ended unexpectedly: {error}"))),
        Err(failure) => Err(failure),
    };
    handler.stop(stop).await;
    ended
}

/// Every socket of the demo, taken before anything else is touched.
struct Sockets {
    gateway: Vec<TcpListener>,
    login_server: TcpListener,
    api: TcpListener,
    app_server: TcpListener,
    elsewhere: TcpListener,
}

/// Where everything is.
struct Places {
    /// The app as the browser sees it, through the gateway.
    app: String,
    /// The login server's issuer identifier.
    issuer: String,
    /// Another site.
    elsewhere: String,
    /// The API, which only the gateway calls.
    api: String,
    /// The app server, which only the gateway calls.
    app_server: String,
}

impl Sockets {
    async fn bind(port: u16, login_port: u16) -> Result<Self, Failure> {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let free = async || listener::bind(loopback(0), "").await.map_err(Failure::trouble);
        Ok(Self {
            gateway: listener::bind_localhost(port, "Choose another port for the app: `cloakroom demo --port 9000`")
                .await
                .map_err(Failure::trouble)?,
            login_server: listener::bind(
                loopback(login_port),
                "Choose another port for the login server: `cloakroom demo --login-port 9001`",
            )
            .await
            .map_err(Failure::trouble)?,
            api: free().await?,
            app_server: free().await?,
            elsewhere: free().await?,
        })
    }

    fn places(&self) -> Result<Places, Failure> {
        let gateway = self.gateway.first().ok_or_else(|| Failure::trouble("no socket for the app"))?;
        Ok(Places {
            app: format!("http://localhost:{}", port(gateway)?),
            issuer: format!("http://127.0.0.1:{}", port(&self.login_server)?),
            elsewhere: format!("http://127.0.0.1:{}", port(&self.elsewhere)?),
            api: format!("http://127.0.0.1:{}", port(&self.api)?),
            app_server: format!("http://127.0.0.1:{}", port(&self.app_server)?),
        })
    }
}

fn port(socket: &TcpListener) -> Result<u16, Failure> {
    socket.local_addr().map(|address| address.port()).map_err(Failure::trouble)
}

/// Serves as long as the process lives: the gateway needs these until its last request is answered.
fn background(socket: TcpListener, answer: impl Answer) {
    tasks::spawn(listener::serve(vec![socket], limits(), answer, Stop::never()));
}

/// Asks the app through the gateway and the login server once, so that nothing is announced that does not answer, and
/// says where everything is.
async fn announce(places: &Places, issuer: &Issuer, text: &str) -> Result<(), Failure> {
    let client = LoopbackClient::new();
    for url in [places.app.as_str(), issuer.discovery_url().as_str()] {
        let url = EndpointUrl::parse(url).map_err(Failure::trouble)?;
        let status = client.get(&url).await.map_err(Failure::trouble)?.status();
        if !status.is_success() {
            return Err(Failure::trouble(format!("{url} answers {status} instead of its page")));
        }
    }
    output::print(text).map_err(|error| Failure::trouble(format!("cannot write to standard output: {error}")))
}

/// Where state belongs that should outlive a restart (XDG Base Directory Specification).
fn default_folder() -> Option<PathBuf> {
    let state = environment::variable("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || environment::variable("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    state.or_else(home).map(|state| state.join("cloakroom-demo"))
}

/// Everybody is on this machine.
fn limits() -> Limits {
    Limits::for_one_peer(512)
}
