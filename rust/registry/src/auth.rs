//! Credentials, and the tokens they buy.
//!
//! A token is asked for once per scope and kept until shortly before it expires. The token server is the one that the
//! registry's own host names in its challenge; a registry reached by TLS cannot send a password to a server without.

use crate::challenge::Challenge;
use crate::http::{Http, Method, Payload, Response};
use crate::url::encode;
use crate::{Error, Url};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Lifetime of a token whose server names none.
const DEFAULT_LIFETIME_S: u64 = 60;
/// A token is renewed when it has less than this left: a request must still arrive with it.
const RENEW_BEFORE: Duration = Duration::from_secs(10);
/// Largest answer of a token server.
const TOKEN_LIMIT: u64 = 1024 * 1024;

/// What the caller knows about itself. Never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing.
    #[default]
    Anonymous,
    /// User name and password (or a personal access token in its place).
    Password {
        /// User name, in whatever encoding the registry has it.
        username: Vec<u8>,
        /// Password, likewise.
        password: Vec<u8>,
    },
    /// An OAuth 2 refresh token, which `login` to some registries leaves in `auth.json`.
    IdentityToken(String),
    /// A bearer token for the registry itself.
    RegistryToken(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Password { .. } => "Password(…)",
            Self::IdentityToken(_) => "IdentityToken(…)",
            Self::RegistryToken(_) => "RegistryToken(…)",
        })
    }
}

#[derive(Clone)]
struct Token {
    value: String,
    expires: Instant,
}

#[derive(Default)]
struct State {
    challenge: Option<Challenge>,
    tokens: HashMap<String, Token>,
}

/// What one client knows about authentication to its registry.
#[derive(Default)]
pub struct Auth {
    credentials: Credentials,
    state: Mutex<State>,
}

impl Auth {
    /// Start with `credentials` and no token.
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, state: Mutex::default() }
    }

    /// Remember the challenge of the registry's first answer.
    pub fn set_challenge(&self, challenge: Option<Challenge>) {
        self.lock().challenge = challenge;
    }

    /// Value of the `Authorization` header for a request that needs `scopes`; None for none.
    pub fn header(&self, http: &Http, home: &Url, scopes: &[String]) -> Result<Option<String>, Error> {
        if let Credentials::RegistryToken(token) = &self.credentials {
            return Ok(Some(format!("Bearer {token}")));
        }
        let mut state = self.lock();
        match state.challenge.clone() {
            None => Ok(None),
            Some(Challenge::Basic) => Ok(self.basic()),
            Some(Challenge::Bearer { realm, service, .. }) => {
                let key = scopes.join(" ");
                if let Some(token) = state.tokens.get(&key).filter(|token| token.expires > Instant::now()) {
                    return Ok(Some(format!("Bearer {}", token.value)));
                }
                // Under the lock: threads that need the same token wait for it instead of asking too.
                let token = self.fetch(http, home, &realm, service.as_deref(), scopes)?;
                let header = format!("Bearer {}", token.value);
                state.tokens.insert(key, token);
                Ok(Some(header))
            }
        }
    }

    /// Learn from a refusal of a request that carried `sent`. False where asking again could not go better.
    pub fn learn(&self, challenge: Option<Challenge>, scopes: &[String], sent: Option<&str>) -> bool {
        let mut state = self.lock();
        match &challenge {
            None => false,
            Some(Challenge::Basic) => {
                let may = sent.is_none() && self.basic().is_some();
                state.challenge = challenge;
                may
            }
            Some(Challenge::Bearer { .. }) => {
                let key = scopes.join(" ");
                // Another thread may have renewed the refused token meanwhile.
                let stale = |token: &Token| sent == Some(format!("Bearer {}", token.value).as_str());
                if state.tokens.get(&key).is_some_and(stale) {
                    state.tokens.remove(&key);
                }
                state.challenge = challenge;
                !matches!(self.credentials, Credentials::RegistryToken(_))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn basic(&self) -> Option<String> {
        match &self.credentials {
            Credentials::Password { username, password } => {
                Some(format!("Basic {}", STANDARD.encode([username.as_slice(), b":", password].concat())))
            }
            _ => None,
        }
    }

    fn fetch(
        &self,
        http: &Http,
        home: &Url,
        realm: &str,
        service: Option<&str>,
        scopes: &[String],
    ) -> Result<Token, Error> {
        let mut url = home.join(realm)?;
        if home.is_https() && !url.is_https() {
            let reason = "a token server without TLS";
            return Err(Error::Redirect { from: home.redacted(), to: url.redacted(), reason });
        }
        let accept = ("accept", "application/json".to_owned());
        let answer = if let Credentials::IdentityToken(refresh) = &self.credentials {
            let form = refresh_form(refresh, service, scopes);
            let kind = ("content-type", "application/x-www-form-urlencoded".to_owned());
            http.send(Method::Post, &url, &vec![accept, kind], &mut Payload::Bytes(form.as_bytes()))?
        } else {
            if let Credentials::Password { username, .. } = &self.credentials {
                url = url.with_query("account", username)?;
            }
            if let Some(service) = service {
                url = url.with_query("service", service)?;
            }
            for scope in scopes {
                url = url.with_query("scope", scope)?;
            }
            let mut headers = vec![accept];
            headers.extend(self.basic().map(|value| ("authorization", value)));
            http.send(Method::Get, &url, &headers, &mut Payload::None)?
        };
        read_token(answer)
    }
}

fn refresh_form(refresh: &str, service: Option<&str>, scopes: &[String]) -> String {
    let mut form = format!("grant_type=refresh_token&client_id=libpod&refresh_token={}", encode(refresh));
    if let Some(service) = service {
        form.push_str(&format!("&service={}", encode(service)));
    }
    if !scopes.is_empty() {
        form.push_str(&format!("&scope={}", encode(scopes.join(" "))));
    }
    form
}

fn read_token(answer: Response) -> Result<Token, Error> {
    match answer.status() {
        200 => {}
        401 | 403 => return Err(Error::Credentials(Box::new(answer.into_failure()))),
        _ => return Err(Error::from(answer)),
    }
    let url = answer.url().redacted();
    let bad = |reason: &str| Error::Protocol { url: url.clone(), reason: reason.to_owned() };
    let body = answer.into_bytes(TOKEN_LIMIT, "token")?;
    let document: serde_json::Value =
        serde_json::from_slice(&body).map_err(|_| bad("the token is no JSON document"))?;
    let text = |key: &str| document.get(key).and_then(|value| value.as_str()).filter(|text| !text.is_empty());
    let value = text("token").or_else(|| text("access_token")).ok_or_else(|| bad("no token"))?;
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(bad("the token holds characters that no header can"));
    }
    let lifetime = document.get("expires_in").and_then(serde_json::Value::as_u64).unwrap_or(0).max(DEFAULT_LIFETIME_S);
    let lifetime = Duration::from_secs(lifetime.min(24 * 3600));
    Ok(Token { value: value.to_owned(), expires: Instant::now() + lifetime - RENEW_BEFORE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_keeps_bytes_that_are_not_utf8() {
        let (username, password) = (b"caf\xe9".to_vec(), b"p:\xff".to_vec());
        let header = Auth::new(Credentials::Password { username, password }).basic().expect("a header");
        let encoded = header.strip_prefix("Basic ").expect("the scheme");
        assert_eq!(STANDARD.decode(encoded).expect("base64"), b"caf\xe9:p:\xff");
    }

    #[test]
    fn credentials_are_not_printed() {
        let credentials = Credentials::Password { username: b"user".to_vec(), password: b"secret".to_vec() };
        assert_eq!(format!("{credentials:?}"), "Password(…)");
    }
}
