//! Under which names the server lets itself be called.

use std::net::IpAddr;

use crate::config::Config;

/// Names that may stand in the Host header. A website can let a name of its own point at this machine (DNS rebinding):
/// the browser then takes the node for a part of that website. Under an address or a name of this machine it does not.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    bound: IpAddr,
    remote: bool,
    names: Vec<String>,
}

impl Hosts {
    pub(super) fn new(config: &Config) -> Self {
        Self { bound: config.host, remote: config.allow_remote, names: config.allowed_hosts.clone() }
    }

    /// Whether a host, with a port or without, is allowed.
    pub(super) fn allow(&self, host: &str) -> bool {
        let name = without_port(host);
        if self.names.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(name)) {
            return true;
        }
        if let Ok(address) = name.parse::<IpAddr>() {
            let address = address.to_canonical();
            return self.remote || address.is_loopback() || address == self.bound;
        }
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        name == "localhost" || name.ends_with(".localhost")
    }
}

/// The name or address in `name`, `name:port`, `[address]` or `[address]:port`.
fn without_port(host: &str) -> &str {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((address, rest)) = host.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        return if rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port) { address } else { host };
    }
    match host.split_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(config: &Config, host: &str) -> bool {
        Hosts::new(config).allow(host)
    }

    #[test]
    fn this_machine_is_allowed_under_any_port() {
        let config = Config::default();
        for host in [
            "localhost",
            "localhost:8547",
            "LocalHost:1",
            "localhost.",
            "node.localhost:80",
            "127.0.0.1",
            "127.0.0.1:1",
            "127.8.9.10:8547",
            "[::1]",
            "[::1]:8547",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert!(allowed(&config, host), "{host}");
        }
    }

    #[test]
    fn all_else_is_refused() {
        let config = Config::default();
        for host in [
            "",
            "evil.example",
            "evil.example:8547",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "notlocalhost",
            "10.0.0.1:8547",
            "[2001:db8::1]",
            "[::1].evil.example",
            "[::1",
            "localhost:80:80",
            "localhost:x",
            "*",
        ] {
            assert!(!allowed(&config, host), "{host}");
        }
    }

    #[test]
    fn more_can_be_allowed() {
        let named = Config { allowed_hosts: vec!["node".to_owned(), "2001:db8::1".to_owned()], ..Config::default() };
        assert!(allowed(&named, "node:8547") && allowed(&named, "NODE") && allowed(&named, "[2001:db8::1]:1"));
        assert!(!allowed(&named, "node.evil.example"));
        let remote = Config { allow_remote: true, ..Config::default() };
        assert!(allowed(&remote, "10.0.0.1:8547"), "an address is no name that points elsewhere tomorrow");
        assert!(!allowed(&remote, "evil.example"));
        let bound = Config { host: IpAddr::from([10, 0, 0, 1]), ..Config::default() };
        assert!(allowed(&bound, "10.0.0.1") && !allowed(&bound, "10.0.0.2"));
        let all = Config { allowed_hosts: vec!["*".to_owned()], ..Config::default() };
        assert!(allowed(&all, "evil.example"));
    }
}
