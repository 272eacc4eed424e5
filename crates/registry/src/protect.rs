//! Keeping numbers secret at rest, and finding them again by keyed hash.
//!
//! What must not be readable in the database (identity numbers, bank account numbers) is sealed with
//! authenticated encryption, and looked up by a keyed hash beside it. The key lives in a file of its
//! own, readable by its owner only, and never in the database.

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{Aead, Key, KeyInit, Nonce, OsRng, Payload, rand_core::RngCore};
use aes_gcm::{Aes256Gcm, AesGcm};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use sm3::Sm3;
use sm4::Sm4;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

/// Why something could not be sealed, opened, or a key not be read.
#[derive(Debug, thiserror::Error)]
pub enum ProtectError {
    /// The key file cannot be read or made.
    #[error("key file {path}: {error}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The key file holds something else than a key.
    #[error(
        "{path} is not a key file: {reason}; restore the one that was made with this data, \
         without it what was sealed cannot be read"
    )]
    NotAKey {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Others may read the key file.
    #[error("key file {0} is readable by others; run: chmod 600 {0}")]
    Exposed(PathBuf),
    /// The sealed bytes were altered, or sealed with another key or for another purpose.
    #[error("sealed value cannot be opened: it was altered, or sealed with another key")]
    Sealed,
    /// Not the name of a suite.
    #[error("`{0}` is not a suite of ciphers; write `aes` or `sm`")]
    Suite(String),
}

/// Which family of algorithms is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Suite {
    /// AES-256-GCM, HMAC-SHA-256, SHA-256.
    #[default]
    Aes,
    /// SM4-GCM, HMAC-SM3, SM3 (GB/T 32907, GB/T 32905).
    Sm,
}

impl FromStr for Suite {
    type Err = ProtectError;
    fn from_str(text: &str) -> Result<Suite, ProtectError> {
        match text.trim() {
            "aes" => Ok(Suite::Aes),
            "sm" => Ok(Suite::Sm),
            other => Err(ProtectError::Suite(other.into())),
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Suite::Aes => "aes",
            Suite::Sm => "sm",
        })
    }
}

/// Sealing at rest, keyed look-up, and plain digests for chains. `purpose` keeps values of different
/// columns apart: what was sealed for one purpose does not open for another.
pub trait Crypto: Send + Sync {
    /// Encrypts with a fresh nonce; the same text gives other bytes each time.
    fn seal(&self, purpose: &str, clear: &str) -> Vec<u8>;
    /// The inverse of [`Crypto::seal`].
    fn open(&self, purpose: &str, sealed: &[u8]) -> Result<String, ProtectError>;
    /// Keyed hash: the same text gives the same 32 bytes, and without the key they tell nothing.
    fn lookup(&self, purpose: &str, clear: &str) -> [u8; 32];
    /// Plain digest, for chains and fingerprints.
    fn digest(&self, bytes: &[u8]) -> [u8; 32];
    /// Keyed digest of a record: who lacks the key can neither make one nor try out what a record that
    /// was erased may have said.
    fn mac(&self, bytes: &[u8]) -> [u8; 32];
    /// Which algorithms these are.
    fn suite(&self) -> Suite;
}

/// The keys of one data directory.
pub struct Keyring {
    suite: Suite,
    seal: [u8; 32],
    lookup: [u8; 32],
    mac: RecordMac,
}

/// The keyed digest of records, its key already worked in: registers of millions of rows are digested.
enum RecordMac {
    Sha256(Hmac<Sha256>),
    Sm3(Hmac<Sm3>),
}

impl RecordMac {
    fn new(suite: Suite, secret: &[u8; 32]) -> RecordMac {
        let key = hmac_sha256(secret, b"record");
        // Both digests have blocks of 64 bytes, and a key of one block fits as it is.
        let mut block = [0u8; 64];
        block[..32].copy_from_slice(&key);
        match suite {
            Suite::Aes => RecordMac::Sha256(<Hmac<Sha256> as KeyInit>::new(&block.into())),
            Suite::Sm => RecordMac::Sm3(<Hmac<Sm3> as KeyInit>::new(&block.into())),
        }
    }
}

const HEADER: &str = "minsheng-key-1";

impl Keyring {
    /// Derives the working keys from a master secret of 32 bytes.
    pub fn from_secret(suite: Suite, secret: &[u8; 32]) -> Keyring {
        Keyring {
            suite,
            seal: hmac_sha256(secret, b"seal"),
            lookup: hmac_sha256(secret, b"lookup"),
            mac: RecordMac::new(suite, secret),
        }
    }

    /// Reads the key file, or makes it (mode 0600, synced to disk) when there is none. Two processes
    /// that make it at once end up with the same one.
    ///
    /// # Errors
    /// [`ProtectError`] when the file cannot be read or made, is readable by others or is no key.
    pub fn open_or_create(path: &Path, suite: Suite) -> Result<Arc<Keyring>, ProtectError> {
        if !path.exists() {
            create(path, suite)?;
        }
        Keyring::open(path)
    }

    /// Reads the key file.
    ///
    /// # Errors
    /// As [`Keyring::open_or_create`].
    pub fn open(path: &Path) -> Result<Arc<Keyring>, ProtectError> {
        let file = |error| ProtectError::File {
            path: path.into(),
            error,
        };
        let bad = |reason: &str| ProtectError::NotAKey {
            path: path.into(),
            reason: reason.into(),
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(path).map_err(file)?.permissions().mode();
            if mode & 0o077 != 0 {
                return Err(ProtectError::Exposed(path.into()));
            }
        }
        let text = std::fs::read_to_string(path).map_err(file)?;
        let words: Vec<&str> = text.split_whitespace().collect();
        let [HEADER, suite, secret] = words[..] else {
            return Err(bad("it should hold a header, a suite and a secret"));
        };
        let suite = suite.parse().map_err(|_| bad("unknown suite"))?;
        let secret = unhex(secret).ok_or_else(|| bad("the secret is not 64 hexadecimal digits"))?;
        Ok(Arc::new(Keyring::from_secret(suite, &secret)))
    }
}

fn create(path: &Path, suite: Suite) -> Result<(), ProtectError> {
    let file = |error| ProtectError::File {
        path: path.into(),
        error,
    };
    let mut secret = [0u8; 32];
    OsRng.fill_bytes(&mut secret);
    // Written beside and linked into place, so that nobody ever reads half a key and the first wins.
    let mut tail = [0u8; 8];
    OsRng.fill_bytes(&mut tail);
    let beside = path.with_extension(format!("new-{}", hex(&tail)));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&beside).map_err(file)?;
    writeln!(out, "{HEADER} {suite} {}", hex(&secret)).map_err(file)?;
    out.sync_all().map_err(file)?;
    let linked = std::fs::hard_link(&beside, path);
    std::fs::remove_file(&beside).map_err(file)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(file(error)),
        _ => {
            if let Some(Ok(folder)) = path.parent().map(std::fs::File::open) {
                // Not every file system syncs folders; the key itself is on disk.
                let _ = folder.sync_all();
            }
            Ok(())
        }
    }
}

/// Bytes of the nonce in front of what is sealed.
const NONCE: usize = 12;

fn seal_with<C: Aead + KeyInit>(key: &[u8], nonce: &[u8; NONCE], aad: &str, text: &str) -> Vec<u8> {
    let cipher = C::new(Key::<C>::from_slice(key));
    let payload = Payload {
        msg: text.as_bytes(),
        aad: aad.as_bytes(),
    };
    // Fails only for texts of more than 64 GiB.
    let body = cipher
        .encrypt(Nonce::<C>::from_slice(nonce), payload)
        .unwrap_or_default();
    [nonce.as_slice(), &body].concat()
}

fn open_with<C: Aead + KeyInit>(key: &[u8], aad: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, body) = sealed.split_at_checked(NONCE)?;
    let cipher = C::new(Key::<C>::from_slice(key));
    let payload = Payload {
        msg: body,
        aad: aad.as_bytes(),
    };
    cipher.decrypt(Nonce::<C>::from_slice(nonce), payload).ok()
}

impl Crypto for Keyring {
    fn seal(&self, purpose: &str, clear: &str) -> Vec<u8> {
        let mut nonce = [0u8; NONCE];
        OsRng.fill_bytes(&mut nonce);
        match self.suite {
            Suite::Aes => seal_with::<Aes256Gcm>(&self.seal, &nonce, purpose, clear),
            Suite::Sm => seal_with::<AesGcm<Sm4, U12>>(&self.seal[..16], &nonce, purpose, clear),
        }
    }

    fn open(&self, purpose: &str, sealed: &[u8]) -> Result<String, ProtectError> {
        let clear = match self.suite {
            Suite::Aes => open_with::<Aes256Gcm>(&self.seal, purpose, sealed),
            Suite::Sm => open_with::<AesGcm<Sm4, U12>>(&self.seal[..16], purpose, sealed),
        };
        String::from_utf8(clear.ok_or(ProtectError::Sealed)?).map_err(|_| ProtectError::Sealed)
    }

    fn lookup(&self, purpose: &str, clear: &str) -> [u8; 32] {
        let text = format!("{}:{purpose}{clear}", purpose.len());
        match self.suite {
            Suite::Aes => hmac_sha256(&self.lookup, text.as_bytes()),
            Suite::Sm => hmac_sm3(&self.lookup, text.as_bytes()),
        }
    }

    fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        match self.suite {
            Suite::Aes => Sha256::digest(bytes).into(),
            Suite::Sm => Sm3::digest(bytes).into(),
        }
    }

    fn mac(&self, bytes: &[u8]) -> [u8; 32] {
        match &self.mac {
            RecordMac::Sha256(mac) => mac
                .clone()
                .chain_update(bytes)
                .finalize()
                .into_bytes()
                .into(),
            RecordMac::Sm3(mac) => mac
                .clone()
                .chain_update(bytes)
                .finalize()
                .into_bytes()
                .into(),
        }
    }

    fn suite(&self) -> Suite {
        self.suite
    }
}

fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length, so the error cannot occur; an empty key would show in the tests.
    <Hmac<Sha256> as Mac>::new_from_slice(key)
        .map(|mac| mac.chain_update(text).finalize().into_bytes().into())
        .unwrap_or_default()
}

fn hmac_sm3(key: &[u8], text: &[u8]) -> [u8; 32] {
    <Hmac<Sm3> as Mac>::new_from_slice(key)
        .map(|mac| mac.chain_update(text).finalize().into_bytes().into())
        .unwrap_or_default()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut out = [0u8; 32];
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rings() -> [Keyring; 2] {
        [Suite::Aes, Suite::Sm].map(|s| Keyring::from_secret(s, &[7; 32]))
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_only() {
        for ring in rings() {
            let sealed = ring.seal("number", "11010519491231002X");
            assert_ne!(sealed, ring.seal("number", "11010519491231002X"));
            assert_eq!(
                ring.open("number", &sealed).ok().as_deref(),
                Some("11010519491231002X")
            );
            assert!(ring.open("account", &sealed).is_err());
            let mut altered = sealed.clone();
            altered[14] ^= 1;
            assert!(ring.open("number", &altered).is_err());
            assert!(ring.open("number", &sealed[..5]).is_err());
        }
    }

    #[test]
    fn lookups_are_stable_and_keyed() {
        let other = Keyring::from_secret(Suite::Aes, &[8; 32]);
        for ring in rings() {
            assert_eq!(ring.lookup("number", "1"), ring.lookup("number", "1"));
            assert_ne!(ring.lookup("number", "1"), ring.lookup("account", "1"));
            assert_ne!(ring.lookup("number", "1"), other.lookup("number", "1"));
            assert_eq!(ring.mac(b"record"), ring.mac(b"record"));
            assert_ne!(ring.mac(b"record"), ring.mac(b"Record"));
            assert_ne!(ring.mac(b"record"), other.mac(b"record"));
            assert_ne!(ring.mac(b"record"), ring.digest(b"record"));
        }
    }

    #[test]
    fn digests_match_the_standards_vectors() {
        let [aes, sm] = rings();
        assert_eq!(
            hex(&aes.digest(b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        // GB/T 32905-2016, annex A.1.
        assert_eq!(
            hex(&sm.digest(b"abc")),
            "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
        );
    }

    #[test]
    fn the_key_file_is_private_and_made_once() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("key");
        let first = Keyring::open_or_create(&path, Suite::Sm).expect("made");
        let again = Keyring::open_or_create(&path, Suite::Aes).expect("read");
        assert_eq!(again.suite(), Suite::Sm);
        assert_eq!(first.lookup("n", "1"), again.lookup("n", "1"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |m| std::fs::Permissions::from_mode(m);
            assert_eq!(
                std::fs::metadata(&path)
                    .expect("there")
                    .permissions()
                    .mode()
                    & 0o777,
                0o600
            );
            std::fs::set_permissions(&path, mode(0o644)).expect("changed");
            assert!(matches!(
                Keyring::open(&path),
                Err(ProtectError::Exposed(_))
            ));
            std::fs::set_permissions(&path, mode(0o600)).expect("changed");
        }
        std::fs::write(&path, "something").expect("written");
        assert!(matches!(
            Keyring::open(&path),
            Err(ProtectError::NotAKey { .. })
        ));
    }
}
