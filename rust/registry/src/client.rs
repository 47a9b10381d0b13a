//! One registry: where it is, how to talk to it, what it holds.
//!
//! Each request goes through `Client::call`, which adds credentials for the registry's own host, answers one challenge,
//! follows redirects of reads without credentials, and repeats what failed for a passing reason.

use crate::auth::{Auth, Credentials};
use crate::http::{Headers, Http, Method, Payload, Response};
use crate::{Digest, Error, Url, budget, challenge};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Largest manifest, index or config that is accepted, as in other engines.
pub const MANIFEST_LIMIT: u64 = 4 * 1024 * 1024;
/// Largest page of tags or repositories.
const LIST_LIMIT: u64 = 16 * 1024 * 1024;
/// Redirects of one request.
const MAX_REDIRECTS: u32 = 10;
/// Most tags of one repository.
const MAX_TAGS: usize = 1 << 20;
/// All that one request may take, with its tokens, redirects, repetitions and pauses; and how long a transfer may stand still.
/// A registry that commits a large blob is silent for a while.
const PATIENCE: Duration = Duration::from_secs(180);

/// How to reach one registry.
#[derive(Debug, Clone)]
pub struct Options {
    /// Host, with port where it is not the usual one.
    pub registry: String,
    /// Accept any certificate, and plain HTTP where HTTPS fails.
    pub insecure: bool,
    /// Directory of authorities and client certificates for this host.
    pub certificates: Option<PathBuf>,
    /// Who we are there.
    pub credentials: Credentials,
    /// Ask for tokens that allow pushing.
    pub push: bool,
    /// How often a request that failed for a passing reason is repeated.
    pub retries: u32,
    /// Pause before a repetition. A registry that answers that it is busy is given twice as long each time.
    pub retry_delay: Duration,
    /// All that one request may take, and how long a transfer may stand still.
    pub patience: Duration,
    /// Told before each pause.
    pub on_retry: Option<OnRetry>,
}

/// The repetition that comes next.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// Which one, from 1.
    pub attempt: u32,
    /// Of how many.
    pub attempts: u32,
    /// After what pause.
    pub pause: Duration,
}

/// Is told what failed and what follows.
#[derive(Clone)]
pub struct OnRetry(pub Arc<Tell>);

/// What [`OnRetry`] calls.
pub type Tell = dyn Fn(&Error, Retry) + Send + Sync;

impl std::fmt::Debug for OnRetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnRetry")
    }
}

impl Options {
    /// Anonymous pulls from `registry` with verified TLS.
    pub fn new(registry: impl Into<String>) -> Self {
        Self {
            registry: registry.into(),
            insecure: false,
            certificates: None,
            credentials: Credentials::Anonymous,
            push: false,
            retries: 3,
            retry_delay: Duration::from_secs(1),
            patience: PATIENCE,
            on_retry: None,
        }
    }
}

/// A manifest as the registry sent it, its digest proven.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The raw bytes.
    pub bytes: Vec<u8>,
    /// `Content-Type` of the answer without parameters; empty where there was none.
    pub media_type: String,
    /// Digest of the raw bytes.
    pub digest: Digest,
}

struct Inner {
    options: Options,
    http: Http,
    auth: Auth,
    /// `scheme://host/v2/`, once the registry answered there.
    base: Mutex<Option<Url>>,
}

/// A registry. Cheap to clone; all clones and threads share connections and tokens.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

impl Client {
    /// Prepare to talk to a registry. Nothing is sent yet.
    pub fn new(options: Options) -> Result<Self, Error> {
        let url = Url::parse(&format!("https://{}/v2/", options.registry))
            .ok()
            .filter(|url| url.path() == "/v2/" && !options.registry.contains(['/', '?', '#', '\\']))
            .ok_or_else(|| Error::Invalid { what: "registry", value: options.registry.clone() })?;
        let home = (url.host().to_owned(), url.port());
        let http = Http::new(home, !options.insecure, options.certificates.as_deref(), options.patience)?;
        let auth = Auth::new(options.credentials.clone());
        Ok(Self { inner: Arc::new(Inner { options, http, auth, base: Mutex::default() }) })
    }

    /// The host that this client was made for.
    pub fn registry(&self) -> &str {
        &self.inner.options.registry
    }

    /// Find out once whether the registry is there, by which scheme, and what it wants to see.
    pub fn ping(&self) -> Result<Url, Error> {
        let mut base = self.inner.base.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(base) = &*base {
            return Ok(base.clone());
        }
        // Both ways in each attempt: what does not answer one of them may answer the other.
        let by_any = || match self.ping_by("https") {
            Err(_) if self.inner.options.insecure => self.ping_by("http"),
            found => found,
        };
        let found = self.within(|| self.patiently(by_any));
        let found =
            found.map_err(|error| Error::Ping { registry: self.registry().to_owned(), source: Box::new(error) })?;
        Ok(base.insert(found).clone())
    }

    fn ping_by(&self, scheme: &str) -> Result<Url, Error> {
        let url = Url::parse(&format!("{scheme}://{}/v2/", self.registry()))?;
        let answer = self.inner.http.send(Method::Get, &url, &Headers::new(), &mut Payload::None)?;
        let challenge = match answer.status() {
            200 => None,
            401 => challenge::parse(answer.headers("www-authenticate")),
            _ => return Err(Error::from(answer)),
        };
        self.inner.auth.set_challenge(challenge);
        Ok(url)
    }

    /// Prove that the credentials are accepted, as `login` does.
    pub fn check_credentials(&self) -> Result<(), Error> {
        let url = self.ping()?;
        self.call(Method::Get, url, &[], &Headers::new(), Payload::None).map(drop)
    }

    /// Fetch the manifest with a tag or digest. `accept` lists the media types that the caller can read.
    ///
    /// The bytes are proven against the digest they were asked by, or against the digest that the registry names.
    pub fn manifest(&self, repository: &str, reference: &str, accept: &[&str]) -> Result<Manifest, Error> {
        self.within(|| self.fetch_manifest(repository, reference, accept))
    }

    fn fetch_manifest(&self, repository: &str, reference: &str, accept: &[&str]) -> Result<Manifest, Error> {
        let url = self.url(repository, &format!("manifests/{reference}"))?;
        let headers = vec![("accept", accept.join(", "))];
        let answer = self.call(Method::Get, url, &self.scopes(repository), &headers, Payload::None)?;
        let media_type = answer.header("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
        let named = answer.header("docker-content-digest").and_then(|text| text.parse::<Digest>().ok());
        let what = format!("manifest {reference} of {}/{repository}", self.registry());
        let bytes = answer.into_bytes(MANIFEST_LIMIT, &what)?;
        let wanted = reference.contains(':').then(|| reference.parse::<Digest>()).transpose()?;
        let digest = match wanted.or(named) {
            None => Digest::of(&bytes),
            Some(wanted) => {
                wanted.check(&bytes).map_err(|mismatch| Error::Digest { what, mismatch })?;
                wanted
            }
        };
        Ok(Manifest { bytes, media_type, digest })
    }

    /// All tags of a repository, in the registry's order.
    pub fn tags(&self, repository: &str) -> Result<Vec<String>, Error> {
        let mut url = self.url(repository, "tags/list")?;
        let mut tags = Vec::new();
        loop {
            let (page, next) = self.within(|| self.page_of_tags(repository, &url))?;
            let before = tags.len();
            tags.extend(page);
            if tags.len() > MAX_TAGS {
                return Err(Error::TooLarge { what: "list of tags".to_owned(), limit: MAX_TAGS as u64 });
            }
            match next {
                // A registry that repeats one page, or leads elsewhere, must not hold us.
                Some(next) if tags.len() > before && next.same_origin(&url) && next.to_string() != url.to_string() => {
                    url = next;
                }
                _ => return Ok(tags),
            }
        }
    }

    fn page_of_tags(&self, repository: &str, url: &Url) -> Result<(Vec<String>, Option<Url>), Error> {
        let answer = self.call(Method::Get, url.clone(), &self.scopes(repository), &Headers::new(), Payload::None)?;
        let next = answer.header("link").and_then(next_page).map(|link| url.join(&link)).transpose()?;
        let body = answer.into_bytes(LIST_LIMIT, "list of tags")?;
        let page: serde_json::Value = serde_json::from_slice(&body)
            .map_err(|_| Error::Protocol { url: url.redacted(), reason: "the list is no JSON document".to_owned() })?;
        let page = page.get("tags").and_then(|tags| tags.as_array()).into_iter().flatten();
        Ok((page.filter_map(|tag| tag.as_str()).map(str::to_owned).collect(), next))
    }

    /// URL of `rest` below a repository.
    pub(crate) fn url(&self, repository: &str, rest: &str) -> Result<Url, Error> {
        let valid = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte));
        let dots = |text: &str| text.split('/').any(|part| part.is_empty() || part == "." || part == "..");
        for (what, value) in [("repository", repository), ("reference", rest.trim_end_matches('/'))] {
            if !valid(value) || dots(value) {
                return Err(Error::Invalid { what, value: value.to_owned() });
            }
        }
        self.ping()?.with_target(&format!("/v2/{repository}/{rest}"))
    }

    /// The token scopes that requests on a repository need.
    pub(crate) fn scopes(&self, repository: &str) -> Vec<String> {
        let actions = if self.inner.options.push { "pull,push" } else { "pull" };
        vec![format!("repository:{repository}:{actions}")]
    }

    /// Send a request to the registry and return its successful answer; see the module for what happens on the way.
    ///
    /// A streamed payload flows once: with it nothing is repeated.
    pub(crate) fn call(
        &self,
        method: Method,
        url: Url,
        scopes: &[String],
        headers: &Headers,
        mut payload: Payload,
    ) -> Result<Response, Error> {
        if matches!(payload, Payload::Stream(..)) {
            return self.within(|| self.exchange(method, url, scopes, headers, &mut payload));
        }
        self.within(|| self.patiently(|| self.exchange(method, url.clone(), scopes, headers, &mut payload)))
    }

    /// Do `work` in the time that one request may take.
    pub(crate) fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        budget::within(self.inner.options.patience, work)
    }

    /// Send a request once, in the sense of [`Client::call`] without repetitions.
    pub(crate) fn exchange(
        &self,
        method: Method,
        mut url: Url,
        scopes: &[String],
        headers: &Headers,
        payload: &mut Payload,
    ) -> Result<Response, Error> {
        let Inner { http, auth, .. } = &*self.inner;
        let home = self.ping()?;
        let (mut hops, mut renewed) = (0, false);
        loop {
            let mut headers = headers.clone();
            let sent = if url.same_origin(&home) { auth.header(http, &home, scopes)? } else { None };
            headers.extend(sent.clone().map(|value| ("authorization", value)));
            let answer = http.send(method, &url, &headers, payload)?;
            match answer.status() {
                200..=299 => return Ok(answer),
                301 | 302 | 303 | 307 | 308 if matches!(method, Method::Get | Method::Head) => {
                    hops += 1;
                    url = self.next_hop(&answer, hops)?;
                }
                401 if url.same_origin(&home) && !renewed && !matches!(payload, Payload::Stream(..)) => {
                    renewed = true;
                    let challenge = challenge::parse(answer.headers("www-authenticate"));
                    if !auth.learn(challenge, scopes, sent.as_deref()) {
                        return Err(Error::from(answer));
                    }
                }
                _ => return Err(Error::from(answer)),
            }
        }
    }

    fn next_hop(&self, answer: &Response, hops: u32) -> Result<Url, Error> {
        let from = answer.url().redacted();
        let location = answer.header("location").unwrap_or_default();
        let to = answer.url().join(location)?;
        let reason = if location.is_empty() {
            "no location was given"
        } else if hops > MAX_REDIRECTS {
            "too many redirects"
        } else if answer.url().is_https() && !to.is_https() && !self.inner.options.insecure {
            "it leaves TLS"
        } else {
            return Ok(to);
        };
        Err(Error::Redirect { from, to: to.redacted(), reason })
    }

    /// Do `work`, and again after a pause while it fails for a passing reason and time is left.
    pub(crate) fn patiently<T>(&self, mut work: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
        let mut attempt = 0;
        loop {
            match work() {
                Err(error) if error.is_temporary() && attempt < self.inner.options.retries => {
                    self.pause(attempt, &error).map_err(|_| error)?;
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    /// Wait before repetition number `attempt`: as long as the registry asks, or else a while that doubles when it is busy.
    /// An error where that is longer than the time that is left.
    pub(crate) fn pause(&self, attempt: u32, cause: &Error) -> Result<(), Overlong> {
        let Options { retry_delay, retries, on_retry, .. } = &self.inner.options;
        let factor = if cause.status().is_some() { 2_u32.saturating_pow(attempt) } else { 1 };
        let pause = cause.retry_after().unwrap_or(retry_delay.saturating_mul(factor));
        if budget::left().is_some_and(|left| left <= pause) {
            return Err(Overlong);
        }
        if let Some(OnRetry(tell)) = on_retry {
            tell(cause, Retry { attempt: attempt + 1, attempts: *retries, pause });
        }
        std::thread::sleep(pause);
        Ok(())
    }

    /// How often a blob is resumed without progress, or a request repeated.
    pub(crate) fn retries(&self) -> u32 {
        self.inner.options.retries
    }

    /// Whether plain HTTP is fine with the caller.
    pub(crate) fn is_insecure(&self) -> bool {
        self.inner.options.insecure
    }
}

/// A pause is longer than the time that is left.
pub(crate) struct Overlong;

/// The target of `<…>; rel="next"`.
fn next_page(header: &str) -> Option<String> {
    let (target, rest) = header.trim().strip_prefix('<')?.split_once('>')?;
    rest.contains("rel=\"next\"").then(|| target.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_paths_users_or_queries_are_refused() {
        for host in ["", "a/b", "user@host", "a?b", "a#b", "http://a", "a b", "host:port", "host:99999", "a\\b"] {
            assert!(Client::new(Options::new(host)).is_err(), "{host}");
        }
        for host in ["r.example", "r.example:5000", "[::1]:5000", "127.0.0.1"] {
            assert!(Client::new(Options::new(host)).is_ok(), "{host}");
        }
    }

    #[test]
    fn link_headers_lead_to_the_next_page() {
        assert_eq!(
            next_page(r#"</v2/a/tags/list?n=2&last=b>; rel="next""#).as_deref(),
            Some("/v2/a/tags/list?n=2&last=b")
        );
        assert_eq!(next_page(r#"</v2/a>; rel="prev""#), None);
        assert_eq!(next_page("nonsense"), None);
    }
}
