//! The engine's side of enrolment: hears the question, lets the engine decide, issues and answers. Apart from
//! `client`, the host's side.

use super::{Answer, BYTES_MAX, HostDescription, PATIENCE, Question};
use crate::authority::{AgentRequest, Authority};
use crate::control::Connection;
use crate::control::frame::{self, Kind};
use crate::error::LinkError;
use crate::identity::Party;
use crate::tls::alarm::explain;
use leeward_model::{AgentId, KeyId, Message, Moment};
use std::future::Future;
use tokio::io::AsyncWriteExt;

/// What is to be decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ask {
    /// A host wants to be enrolled with this key. The answer is the identity it gets.
    Enrol {
        /// The key, proven by its certificate.
        key: KeyId,
        /// What the host says of itself; proven by nothing.
        host: HostDescription,
        /// The agent it has proved to have been. It stays that one, if the vault still has it.
        former: Option<AgentId>,
    },
    /// An agent wants a new certificate. The answer is its identity again.
    Renew {
        /// The agent, proven by its certificate.
        agent: AgentId,
    },
}

/// Serves one enrolment connection to its end. `decide` says which agent it is, or why it is refused; it is not
/// asked when a host repeats a question whose answer it did not get. `engine_addresses` are told to the host.
///
/// # Errors
/// When the connection breaks, the host does not keep to the conversation, or no certificate can be issued.
pub async fn serve<F, Fut>(
    mut connection: Connection,
    authority: &Authority,
    engine_addresses: &[String],
    now: Moment,
    decide: F,
) -> Result<(), LinkError>
where
    F: FnOnce(Ask) -> Fut,
    Fut: Future<Output = Result<AgentId, Message>>,
{
    let peer = connection.addr.clone();
    let stream = &mut connection.stream;
    let asked = frame::read(stream, &peer, BYTES_MAX, PATIENCE).await?;
    if asked.kind != Kind::Request {
        return Err(LinkError::bad_frame(&peer, format!("{:?} where a question should be", asked.kind)));
    }
    let question: Question = frame::body(&peer, &asked.body)?;
    let decided = match (question, connection.peer.identity.party) {
        (Question::Enrol { host, csr_pem, former }, Party::Enrolment(key)) => {
            let agent = match authority.enrolled_with(key, &csr_pem)? {
                Some(agent) => Ok(agent),
                None => {
                    let former = match former {
                        Some(former) => authority.former(&former, key, &csr_pem)?,
                        None => None,
                    };
                    decide(Ask::Enrol { key, host: host.clone(), former }).await
                }
            };
            agent.map(|agent| AgentRequest { agent, key: Some(key), host, csr_pem })
        }
        (Question::Renew { host, csr_pem }, Party::Agent(agent)) => {
            let decided = decide(Ask::Renew { agent }).await;
            // Whatever was decided, nobody gets another's certificate.
            decided.map(|_same| AgentRequest { agent, key: None, host, csr_pem })
        }
        (_, party) => {
            return Err(LinkError::bad_frame(&peer, format!("a question that {party} may not ask")));
        }
    };
    let answer = match decided {
        Err(why) => Answer::Refused { why },
        Ok(request) => Answer::Granted {
            agent: request.agent,
            certificate_pem: authority.issue_agent(&request, now)?,
            crl_pem: authority.crl(now)?,
            engine_addresses: engine_addresses.to_vec(),
        },
    };
    let answer = frame::write(&peer, Kind::Response, asked.number, &answer)?;
    let stream = &mut connection.stream;
    let sent = async {
        stream.write_all(&answer).await?;
        stream.flush().await?;
        stream.shutdown().await
    };
    let late = |_| LinkError::TimedOut { peer: peer.clone(), doing: "answering an enrolment" };
    tokio::time::timeout(PATIENCE, sent).await.map_err(late)?.map_err(|e| explain(&peer, "answering", &e))
}
