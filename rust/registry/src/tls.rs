//! TLS: whom to trust for the registry's host, whom for the hosts it sends us to, and errors in words users search for.
//!
//! System roots come from the host (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured). A directory of the `certs.d` kind adds
//! authorities (`*.crt`) and client certificates (`*.cert` with its `*.key`); the latter are shown to the registry's own host
//! alone. A certificate that stands itself in the directory is trusted as it is: registries with a self-signed certificate
//! that is also its own authority are common, and webpki alone refuses them.
//!
//! Source: containers-certs.d(5).

use crate::Error;
use libpod_sys::io_text;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    StreamOwned,
};
use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

/// A client certificate chain and its key.
type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Wraps connections to `https` URLs in TLS; part of an agent's chain of connectors.
#[derive(Debug)]
pub struct TlsConnector {
    /// The registry, as `host:port`: the one place where client certificates are shown.
    home: (String, u16),
    verify: bool,
    authorities: Vec<CertificateDer<'static>>,
    identity: Option<Identity>,
    at_home: OnceLock<Arc<ClientConfig>>,
    abroad: OnceLock<Arc<ClientConfig>>,
}

impl TlsConnector {
    /// Read `directory` (see the module) for the registry at `home`; without `verify` any certificate is accepted.
    pub fn new(home: (String, u16), verify: bool, directory: Option<&Path>) -> Result<Self, Error> {
        let (authorities, identity) = match directory {
            Some(directory) => read_directory(directory)?,
            None => (Vec::new(), None),
        };
        Ok(Self { home, verify, authorities, identity, at_home: OnceLock::new(), abroad: OnceLock::new() })
    }

    fn config(&self, host: &str, port: u16) -> Result<Arc<ClientConfig>, rustls::Error> {
        let home = (host, port) == (self.home.0.as_str(), self.home.1);
        let slot = if home { &self.at_home } else { &self.abroad };
        if let Some(config) = slot.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.build(home)?);
        Ok(Arc::clone(slot.get_or_init(|| config)))
    }

    fn build(&self, home: bool) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier::new(self.verify, &self.authorities, &provider)?;
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let Some((chain, key)) = self.identity.as_ref().filter(|_| home) else {
            return Ok(builder.with_no_client_auth());
        };
        // Not through `with_client_auth_cert`, which refuses X.509 version 1: what `openssl x509 -req` makes by default.
        let key = provider.key_provider.load_private_key(key.clone_key())?;
        let identity = SingleCertAndKey::from(CertifiedKey::new(chain.clone(), key));
        Ok(builder.with_client_cert_resolver(Arc::new(identity)))
    }
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default().to_ascii_lowercase();
        let port = details.uri.port_u16().unwrap_or(443);
        let name = ServerName::try_from(host.trim_start_matches('[').trim_end_matches(']').to_owned())
            .map_err(|_| ureq::Error::Tls("the host is no valid TLS server name"))?;
        let config = self.config(&host, port).map_err(|error| ureq::Error::Other(Box::new(error)))?;
        let mut connection =
            ClientConnection::new(config, name).map_err(|error| ureq::Error::Other(Box::new(error)))?;
        let mut socket = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        socket.set_timeout(details.timeout);
        connection.complete_io(&mut socket)?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(TlsTransport { buffers, stream: StreamOwned::new(connection, socket) })))
    }
}

/// An established TLS connection.
pub struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TlsTransport").field("connection", &self.stream.conn).finish_non_exhaustive()
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let output = &self.buffers.output()[..amount];
        self.stream.write_all(output)?;
        Ok(self.stream.flush()?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let count = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// Decides on server certificates.
#[derive(Debug)]
struct Verifier {
    /// None: nothing to verify against, because there are no roots at all.
    roots: Option<Arc<WebPkiServerVerifier>>,
    /// False: `--tls-verify=false`.
    verify: bool,
    pinned: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(
        verify: bool,
        authorities: &[CertificateDer<'static>],
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, rustls::Error> {
        let mut roots = None;
        if verify {
            let mut store = RootCertStore::clone(system_roots());
            store.add_parsable_certificates(authorities.iter().cloned());
            if !store.is_empty() {
                let built = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider)).build();
                roots = Some(built.map_err(|error| rustls::Error::General(error.to_string()))?);
            }
        }
        Ok(Self { roots, verify, pinned: authorities.to_vec(), provider: Arc::clone(provider) })
    }

    /// A certificate that was put into `certs.d` itself needs no chain, only the right name. The chain's verdict came first and
    /// decides on dates; it may complain about the certificate's use as an authority, or about an issuer it does not know.
    fn accept_pinned(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        refused: rustls::Error,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let forgivable = matches!(
            refused,
            rustls::Error::InvalidCertificate(CertificateError::Other(_) | CertificateError::UnknownIssuer)
        );
        if !forgivable || !self.pinned.iter().any(|pinned| pinned == certificate) {
            return Err(refused);
        }
        rustls::client::verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        Ok(ServerCertVerified::assertion())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if !self.verify {
            return Ok(ServerCertVerified::assertion());
        }
        let Some(roots) = &self.roots else { return Err(CertificateError::UnknownIssuer.into()) };
        roots
            .verify_server_cert(certificate, intermediates, name, ocsp_response, now)
            .or_else(|refused| self.accept_pinned(certificate, name, refused))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// No file of certificates is larger.
const MAX_PEM_BYTES: u64 = 16 << 20;

/// The host's certificate authorities, read once per process. An unreadable file among them is left out, as elsewhere.
fn system_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        store
    })
}

fn read_directory(directory: &Path) -> Result<(Vec<CertificateDer<'static>>, Option<Identity>), Error> {
    let mut authorities = Vec::new();
    let mut identity = None;
    for path in sorted_files(directory)? {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("crt") => authorities.extend(read_certificates(&path)?),
            Some("cert") => {
                let key = path.with_extension("key");
                if !key.exists() {
                    let reason = format!("missing key {} for client certificate", key.display());
                    return Err(refuse(&path, reason));
                }
                let parsed = PrivateKeyDer::from_pem_slice(&read(&key)?).map_err(|error| refuse(&key, error))?;
                identity = Some((read_certificates(&path)?, parsed));
            }
            Some("key") if !path.with_extension("cert").exists() => {
                let wanted = path.with_extension("cert");
                return Err(refuse(&path, format!("missing client certificate {} for key", wanted.display())));
            }
            _ => {}
        }
    }
    Ok((authorities, identity))
}

fn sorted_files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|error| refuse(directory, io_text(&error)))? {
        paths.push(entry.map_err(|error| refuse(directory, io_text(&error)))?.path());
    }
    paths.sort();
    Ok(paths)
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = read(path)?;
    let certificates = CertificateDer::pem_slice_iter(&text);
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(|error| refuse(path, error))?;
    if certificates.is_empty() {
        return Err(refuse(path, "no certificate in PEM form"));
    }
    Ok(certificates)
}

fn refuse(path: &Path, reason: impl ToString) -> Error {
    Error::Certificates { path: path.display().to_string(), reason: reason.to_string() }
}

/// Read a certificate or a key, which is a regular file: a FIFO is never waited for.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    libpod_sys::file::read(path, MAX_PEM_BYTES).map_err(|error| refuse(path, format!("I/O error: {}", io_text(&error))))
}

/// A TLS failure in the words that Go programs use for it.
pub fn explain(error: &rustls::Error) -> String {
    use CertificateError as Bad;
    match error {
        rustls::Error::InvalidMessage(_) => "http: server gave HTTP response to HTTPS client".to_owned(),
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer => "x509: certificate signed by unknown authority".to_owned(),
            Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                format!("x509: certificate has expired or is not yet valid: {bad}")
            }
            other => format!("x509: {other}"),
        },
        other => format!("tls: {other}"),
    }
}
