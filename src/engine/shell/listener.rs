//! stub
pub(super) async fn listen(_l: tokio::net::TcpListener, _t: super::trust::Trust, _d: crate::operator::Desk) {}
