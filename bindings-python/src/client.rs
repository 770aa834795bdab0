//! What both gateways' clients share: settings, and one client of core's a process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use payamak::{Error, Gateway, Result};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arguments;
use crate::errors;
use crate::process::PerProcess;

/// A client of core's, made anew in the child of a fork: the connections of the parent are the parent's.
pub(crate) struct Slot<C> {
    build: Box<dyn Fn() -> Result<C> + Send + Sync>,
    current: PerProcess<Mutex<Option<C>>>,
    closed: AtomicBool,
}

impl<C: Clone> Slot<C> {
    /// Makes the first client at once, so that a wrong setting is told here.
    pub(crate) fn new(build: impl Fn() -> Result<C> + Send + Sync + 'static) -> Result<Arc<Self>> {
        let slot =
            Self { build: Box::new(build), current: PerProcess::new(), closed: AtomicBool::new(false) };
        slot.get()?;
        Ok(Arc::new(slot))
    }

    pub(crate) fn get(&self) -> Result<C> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Error::configuration("", "it is closed"));
        }
        let current = self.current.get(|| (self.build)().map(|client| Mutex::new(Some(client))))?;
        let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*current {
            return Ok(client.clone());
        }
        Ok(current.insert((self.build)()?).clone())
    }

    /// Lets go of the connections. Calls under way end as they would have.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        if let Ok(current) = self.current.get(|| Ok::<_, Error>(Mutex::new(None))) {
            current.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}

/// A gateway as a messenger takes it: made anew in the child of a fork, too.
pub(crate) type SharedGateway = Box<dyn Fn() -> Result<Arc<dyn Gateway>> + Send + Sync>;

pub(crate) fn shared<C: Gateway + Clone + 'static>(slot: &Arc<Slot<C>>) -> SharedGateway {
    let slot = slot.clone();
    Box::new(move || slot.get().map(|client| Arc::new(client) as Arc<dyn Gateway>))
}

/// Keyword arguments. What is None is not set.
pub(crate) struct Settings<'a, 'py>(pub(crate) &'a Bound<'py, PyDict>);

impl<'py> Settings<'_, 'py> {
    pub(crate) fn get<T>(&self, name: &str) -> PyResult<Option<T>>
    where
        T: for<'a> FromPyObject<'a, 'py, Error: Into<PyErr>>,
    {
        match self.0.get_item(name)? {
            Some(value) if !value.is_none() => value.extract().map(Some).map_err(Into::into),
            _ => Ok(None),
        }
    }

    pub(crate) fn seconds(&self, name: &'static str) -> PyResult<Option<Duration>> {
        self.seconds_of("", name)
    }

    /// The same among the arguments of an operation.
    pub(crate) fn seconds_of(
        &self,
        operation: &'static str,
        name: &'static str,
    ) -> PyResult<Option<Duration>> {
        self.get(name)?.map(|given| arguments::seconds(self.0.py(), operation, name, given)).transpose()
    }
}

/// The settings that both gateways' builders take.
macro_rules! shared_settings {
    ($builder:ident, $settings:ident, $($text:ident)+; $($number:ident)+; $($seconds:ident)+) => {
        $( if let Some(text) = $settings.get::<String>(stringify!($text))? { $builder = $builder.$text(text); } )+
        $( if let Some(number) = $settings.get(stringify!($number))? { $builder = $builder.$number(number); } )+
        $( if let Some(seconds) = $settings.seconds(stringify!($seconds))? { $builder = $builder.$seconds(seconds); } )+
        if let Some(line) = $settings.get::<crate::arguments::Line>("sender")? { $builder = $builder.sender(line.0); }
        if let Some(path) = $settings.get::<std::path::PathBuf>("ca_file")? { $builder = $builder.ca_file(path); }
        if let Some(pem) = $settings.get::<Vec<u8>>("extra_ca_pem")? { $builder = $builder.extra_ca_pem(pem); }
        if $settings.get("from_env")?.unwrap_or(false) { $builder = $builder.from_env(); }
    };
}
pub(crate) use shared_settings;

/// An error of core's, raised.
pub(crate) fn ok<T>(py: Python<'_>, result: Result<T>) -> PyResult<T> {
    result.map_err(|error| errors::raise(py, &error))
}

/// A client with the time limit of one call.
macro_rules! with_timeout {
    ($py:ident, $slot:expr, $timeout:ident) => {{
        let client = crate::client::ok($py, $slot.get())?;
        match $timeout {
            Some(given) => client.with_timeout(crate::arguments::seconds($py, "", "timeout", given)?),
            None => client,
        }
    }};
}
pub(crate) use with_timeout;
