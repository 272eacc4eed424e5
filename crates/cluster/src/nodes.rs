//! The processes of a cluster: one scheduler, any number of executors.
//!
//! They listen on the loopback address unless told otherwise: neither asks who calls (docs/cluster.md).

use crate::codec;
use crate::function::Holds;
use anyhow::{Context, Result, anyhow};
use ballista_core::config::TaskSchedulingPolicy;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::start_server;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

/// Seconds between an executor's signs of life.
const HEARTBEAT: u64 = 2;
/// Seconds without one after which an executor's tasks are another's.
const LOST: u64 = 10;
/// Seconds that results stay on an executor's disk.
const KEPT: u64 = 900;

/// A scheduler's options.
#[derive(Clone, Debug)]
pub struct SchedulerOptions {
    /// Address to listen on.
    pub host: String,
    /// Port; 0 takes a free one.
    pub port: u16,
}

/// Runs a scheduler until it is ended. It holds no law: it plans, and computes nothing.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn scheduler(options: &SchedulerOptions, ready: impl FnOnce(&str)) -> Result<()> {
    let port = free_port(&options.host, options.port)?;
    let address: SocketAddr = format!("{}:{port}", options.host)
        .parse()
        .with_context(|| format!("{}: no address", options.host))?;
    let config = SchedulerConfig {
        external_host: options.host.clone(),
        bind_host: options.host.clone(),
        bind_port: port,
        scheduling_policy: TaskSchedulingPolicy::PullStaged,
        executor_timeout_seconds: LOST,
        expire_dead_executor_interval_seconds: HEARTBEAT,
        no_executors_grace_period_seconds: 2 * LOST,
        finished_job_data_clean_up_interval_seconds: KEPT,
        finished_job_state_clean_up_interval_seconds: KEPT,
        override_logical_codec: Some(codec::logical(&Holds::Nothing)),
        override_physical_codec: Some(codec::physical(&Holds::Nothing)),
        ..SchedulerConfig::default()
    };
    let cluster = BallistaCluster::new_from_config(&config)
        .await
        .map_err(|e| anyhow!("{e}"))?;
    ready(&format!("df://{}:{port}", options.host));
    start_server(cluster, address, Arc::new(config))
        .await
        .map_err(|e| anyhow!("{address}: {e}"))
}

/// An executor's options.
#[derive(Clone, Debug)]
pub struct ExecutorOptions {
    /// Address to listen on, and under which others reach it.
    pub host: String,
    /// Port for results; 0 takes a free one.
    pub port: u16,
    /// The scheduler's host and port.
    pub scheduler: (String, u16),
    /// Tasks at once.
    pub slots: usize,
    /// Folder for what passes between tasks.
    pub work: PathBuf,
    /// Bytes that the engine may take for sorting and joining.
    pub memory: u64,
}

/// Runs an executor until it is ended.
///
/// # Errors
/// When its ports or its folder cannot be had, or no scheduler answers for a minute.
pub async fn executor(options: &ExecutorOptions, holds: &Holds) -> Result<()> {
    let work = options.work.display().to_string();
    std::fs::create_dir_all(&options.work).with_context(|| work.clone())?;
    let config = ExecutorProcessConfig {
        bind_host: options.host.clone(),
        external_host: Some(options.host.clone()),
        port: free_port(&options.host, options.port)?,
        grpc_port: free_port(&options.host, 0)?,
        scheduler_host: options.scheduler.0.clone(),
        scheduler_port: options.scheduler.1,
        scheduler_connect_timeout_seconds: 60,
        vcores: options.slots.max(1),
        task_scheduling_policy: TaskSchedulingPolicy::PullStaged,
        work_dir: Some(work),
        job_data_ttl_seconds: KEPT,
        job_data_clean_up_interval_seconds: 60,
        executor_heartbeat_interval_seconds: HEARTBEAT,
        memory_pool_size: Some(options.memory),
        override_logical_codec: Some(codec::logical(holds)),
        override_physical_codec: Some(codec::physical(holds)),
        ..ExecutorProcessConfig::default()
    };
    start_executor_process(Arc::new(config))
        .await
        .map_err(|e| anyhow!("{e}"))
}

/// The port itself, or a free one for 0.
fn free_port(host: &str, port: u16) -> Result<u16> {
    if port != 0 {
        return Ok(port);
    }
    let probe = TcpListener::bind((host, 0)).with_context(|| format!("{host}: no free port"))?;
    Ok(probe.local_addr()?.port())
}
