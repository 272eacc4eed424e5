//! A PostgreSQL server of the test's own, from Debian's package, on a free port of the loopback.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use store::Store;

pub struct Server {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions
        .flatten()
        .map(|v| v.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
        .collect();
    found.sort();
    found.pop()
}

/// PostgreSQL refuses to run as root; Debian's package brings a user for it.
fn owner() -> Option<(u32, u32)> {
    let me = std::fs::metadata("/proc/self").ok()?;
    if std::os::unix::fs::MetadataExt::uid(&me) != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find(|l| l.starts_with("postgres:"))?;
    let fields: Vec<&str> = line.split(':').collect();
    Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some((uid, gid)) = owner() {
        command.uid(uid).gid(gid);
    }
    command
        .current_dir("/tmp")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn serve(port: u16, folder: &Path) -> Child {
    command(&programs().expect("installed").join("postgres"))
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k"])
        .arg(folder)
        .args(["-c", "fsync=off", "-c", "max_connections=60"])
        .spawn()
        .expect("postgres runs")
}

impl Server {
    /// `None` when PostgreSQL is not installed.
    pub fn start() -> Option<Server> {
        let bin = programs()?;
        let folder = tempfile::tempdir().expect("a folder");
        if let Some((uid, gid)) = owner() {
            std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid)).expect("given away");
        }
        let data = folder.path().join("data");
        let made = command(&bin.join("initdb"))
            .arg("-D")
            .arg(&data)
            .args([
                "--no-sync",
                "-A",
                "trust",
                "-U",
                "minsheng",
                "-E",
                "UTF8",
                "--locale=C",
            ])
            .status()
            .expect("initdb runs");
        assert!(made.success(), "initdb failed");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|l| l.local_addr())
            .expect("a free port")
            .port();
        let child = serve(port, folder.path());
        Some(Server {
            child,
            port,
            folder,
        })
    }

    /// Stops it as an administrator would, clients or not.
    pub fn stop(&mut self) {
        let _ = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        self.child.wait().expect("it ends");
    }

    /// Starts it again where it was.
    pub fn start_again(&mut self) {
        self.child = serve(self.port, self.folder.path());
    }

    /// A copy of its database by its own tools, in a database of its own; `None` when they are not there.
    pub async fn copied(&self, name: &str) -> Option<Store> {
        let bin = programs()?;
        let file = self.folder.path().join("dump");
        let port = self.port.to_string();
        let at = ["-h", "127.0.0.1", "-p", &port, "-U", "minsheng"];
        let run = |program: &str, more: &[&str]| {
            let done = Command::new(bin.join(program)).args(at).args(more).status();
            done.is_ok_and(|status| status.success())
        };
        let path = file.to_str()?;
        if !bin.join("pg_dump").exists() {
            return None;
        }
        assert!(
            run("pg_dump", &["--format=custom", "--file", path, "postgres"]),
            "pg_dump"
        );
        assert!(run("createdb", &[name]), "createdb");
        assert!(run("pg_restore", &["--dbname", name, path]), "pg_restore");
        let url = format!("postgres://minsheng@127.0.0.1:{}/{name}", self.port);
        Some(Store::open(&url, crate::crypto()).await.expect("opened"))
    }

    pub fn url(&self) -> String {
        format!("postgres://minsheng@127.0.0.1:{}/postgres", self.port)
    }

    /// A store on a database of its own within this server.
    pub async fn fresh(&self, name: &str) -> Store {
        drop(self.store().await);
        let made = Command::new(programs().expect("installed").join("createdb"))
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-U",
                "minsheng",
                name,
            ])
            .status()
            .expect("createdb runs");
        assert!(made.success(), "createdb failed");
        let url = format!("postgres://minsheng@127.0.0.1:{}/{name}", self.port);
        let store = Store::open(&url, crate::crypto()).await.expect("opened");
        store.migrate().await.expect("migrated");
        store
    }

    /// Waits until it answers; gives a migrated store.
    pub async fn store(&self) -> Store {
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()
                && let Ok(store) = Store::open(&self.url(), crate::crypto()).await
            {
                store.migrate().await.expect("migrated");
                return store;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "PostgreSQL in {} does not answer",
            self.folder.path().display()
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An immediate stop of this server and its own workers.
        let _ = Command::new("kill")
            .args(["-QUIT", &self.child.id().to_string()])
            .status();
        let _ = self.child.wait();
    }
}
