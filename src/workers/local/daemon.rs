//! The supervisor's life: detach, lock, bind, restore, serve, stop.

use std::{
    env,
    fs::File,
    io::{self, Write},
    net::{Ipv4Addr, TcpListener},
    os::fd::AsFd,
    path::PathBuf,
    sync::Arc,
};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{
    control::Control,
    front::Front,
    generations::{Generations, bind},
    layout::Layout,
    log_file::LogFile,
    orphans::Registry,
    protocol::{Settings, TOOL_VERSION},
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    workers::files,
};

/// How the hidden subcommand `__supervise` was called.
#[derive(Debug, Clone)]
pub struct SuperviseOptions {
    /// The supervisor's folder; `settings.json` in it says the rest.
    pub dir: PathBuf,
    /// The public socket is standard input: a supervisor that ends hands it over.
    pub inherit_socket: bool,
}

/// Runs a supervisor until it is stopped. It tells on standard output, in one line of JSON,
/// whether it has started.
pub fn run(options: &SuperviseOptions) -> Result<()> {
    let started = start(options);
    let running = match started {
        Ok(running) => running,
        Err(error) => {
            report(&Err(error.clone()));
            return Err(error);
        }
    };
    running.runtime.block_on(supervise(running.settings, running.layout, running.public))
}

/// What is there before anything is served.
struct Running {
    layout: Layout,
    settings: Settings,
    public: TcpListener,
    runtime: tokio::runtime::Runtime,
    /// Held until the process ends.
    _lock: File,
}

fn start(options: &SuperviseOptions) -> Result<Running> {
    // It fails for a process that leads a group already, and such a one is detached enough.
    let _ = rustix::process::setsid();
    let layout = Layout::open(&options.dir)?;
    let failed = || format!("cannot supervise in {}", options.dir.display());
    env::set_current_dir(layout.dir()).context(ErrorKind::Failed, failed)?;
    let lock = lock(&layout, options.inherit_socket)?;
    log_to_file(&layout).context(ErrorKind::Failed, failed)?;
    let settings: Settings = files::read_json(&layout.settings())?
        .ok_or_else(|| Error::failed(failed()).cause("it has no settings.json"))?;
    let public = public_socket(&settings, options.inherit_socket)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context(ErrorKind::Failed, failed)?;
    Ok(Running { layout, settings, public, runtime, _lock: lock })
}

/// One supervisor per folder. The next one waits until the one before it has ended.
fn lock(layout: &Layout, wait: bool) -> Result<File> {
    if wait {
        return files::lock(&layout.lock());
    }
    let path = layout.lock();
    let failed = || format!("cannot lock {}", path.display());
    let file = File::create(&path).context(ErrorKind::Failed, failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(error) => Err(Error::new(ErrorKind::Locked, failed()).because(&error)),
    }
}

/// The socket that visitors connect to; Rust sets `SO_REUSEADDR`, so connections of an ended
/// supervisor that linger do not count as taken.
fn public_socket(settings: &Settings, inherited: bool) -> Result<TcpListener> {
    if inherited {
        return inherited_socket(settings.port)
            .context(ErrorKind::Failed, || "cannot take over the public socket".to_owned());
    }
    let port = settings.port;
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
        let error =
            Error::new(ErrorKind::Unavailable, format!("cannot listen on 127.0.0.1:{port}"))
                .because(&error);
        error.hint(format!("end what listens on port {port}, or set another local.port"))
    })
}

fn inherited_socket(port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::from(io::stdin().as_fd().try_clone_to_owned()?);
    let address = listener.local_addr()?;
    if address.port() != port {
        return Err(io::Error::other(format!("it listens on {address}, not on port {port}")));
    }
    Ok(listener)
}

fn log_to_file(layout: &Layout) -> io::Result<()> {
    let log = LogFile::open(&layout.log("supervisor"))?;
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_writer(move || LineWriter(log.clone()));
    // A subscriber that is there already, in a test, is as good.
    let _ = subscriber.try_init();
    Ok(())
}

/// Gives each event, which is written at once, to the log as a line.
struct LineWriter(LogFile);

impl Write for LineWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.line(String::from_utf8_lossy(bytes).trim_end());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn supervise(settings: Settings, layout: Layout, public: TcpListener) -> Result<()> {
    match begin(settings, layout, public).await {
        Ok(service) => {
            report(&Ok(()));
            service.run().await
        }
        Err(error) => {
            report(&Err(error.clone()));
            Err(error)
        }
    }
}

/// Everything that serves.
struct Service {
    front: Arc<Front>,
    public: tokio::net::TcpListener,
    control: Arc<Control>,
    control_socket: tokio::net::UnixListener,
}

async fn begin(settings: Settings, layout: Layout, public: TcpListener) -> Result<Service> {
    let failed = || format!("cannot supervise in {}", layout.dir().display());
    tracing::info!(version = TOOL_VERSION, port = settings.port, "starting");
    // What a killed supervisor left running still writes to the Hub's storage.
    let registry = Arc::new(Registry::take_over(&layout.children())?);
    let front = Arc::new(Front::new(&settings.hosts));
    let generations =
        Generations::new(layout.clone(), settings.workerd.clone(), registry, front.clone())?;
    generations.restore().await?;

    let listen = || {
        let second = public.try_clone()?;
        public.set_nonblocking(true)?;
        let control = bind(&layout.control_socket())?;
        control.set_nonblocking(true)?;
        let control = tokio::net::UnixListener::from_std(control)?;
        Ok::<_, io::Error>((second, control))
    };
    let (second, control_socket) = listen().context(ErrorKind::Failed, failed)?;
    let public = tokio::net::TcpListener::from_std(public).context(ErrorKind::Failed, failed)?;
    let stop = CancellationToken::new();
    let control = Arc::new(Control {
        layout,
        settings,
        generations,
        front: front.clone(),
        public: second,
        stop,
    });
    Ok(Service { front, public, control, control_socket })
}

impl Service {
    async fn run(self) -> Result<()> {
        let stop = self.control.stop.clone();
        let control = tokio::spawn(self.control.clone().serve(self.control_socket));
        let front = tokio::spawn(self.front.serve(self.public, stop.clone()));
        let mut terminate = signal(SignalKind::terminate())
            .context(ErrorKind::Failed, || "cannot handle signals".to_owned())?;
        tokio::select! {
            () = stop.cancelled() => {}
            _ = terminate.recv() => stop.cancel(),
        }
        // Visitors first: their requests still need the processes.
        let _ = front.await;
        self.control.generations.stop().await;
        control.abort();
        tracing::info!("stopped");
        Ok(())
    }
}

/// Tells the process that started us, once; it reads until the first line.
fn report(started: &Result<()>) {
    let mut out = io::stdout().lock();
    // Nobody listens if that process was interrupted.
    let _ = serde_json::to_writer(&mut out, started).map_err(io::Error::from);
    let _ = out.write_all(b"\n").and_then(|()| out.flush());
    if let Ok(null) = File::options().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(null);
    }
}
