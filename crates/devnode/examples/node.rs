//! Serves a fresh chain until Ctrl-C: `cargo run -p devnode --example node [port]`.

use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(8547), |port| port.parse())?;
    let node = devnode::serve(devnode::Config { port, ..Default::default() }).await?;
    println!("listening on {}", node.url());
    tokio::signal::ctrl_c().await?;
    node.stop().await;
    Ok(())
}
